"""Cisco Unified CM Administration, Phone: the phones with what they trust and what becomes of them."""

from __future__ import annotations

from typing import Final

from mixedmode.faces.web.kit.asking import whole_number
from mixedmode.faces.web.kit.events import Topic
from mixedmode.faces.web.kit.navigation import CCMADMIN
from mixedmode.faces.web.kit.page import Page
from mixedmode.faces.web.pages.phones.certifying import TITLE, lscs
from mixedmode.faces.web.pages.phones.finding import find
from mixedmode.faces.web.pages.phones.listing import PATH, phones
from mixedmode.faces.web.pages.phones.one import phone
from mixedmode.faces.web.pages.phones.resetting import reset, reset_of

_CRUMBS: Final = (CCMADMIN, "Device")
PAGES: Final[tuple[Page, ...]] = (
    Page(PATH, "Find and List Phones", phones, crumbs=_CRUMBS),
    Page(f"{PATH}/reset", "Reset phones", reset, crumbs=(*_CRUMBS, "Phone"), menu=PATH, posts=True),
    Page(f"{PATH}/lscs", TITLE, lscs, crumbs=(*_CRUMBS, "Phone"), menu=PATH, posts=True),
    Page(f"{PATH}/resets/{{number}}", "Reset of phones", reset_of, crumbs=(*_CRUMBS, "Phone"), menu=PATH),
    Page(f"{PATH}/{{name}}", "Phone", phone, crumbs=_CRUMBS, menu=PATH, sample=f"{PATH}/SEP001122334401"),
    Page("/find", "Find", find),
)
TOPICS: Final = (Topic("reset", lambda desk, which: desk.resets.document(whole_number(which))),)
