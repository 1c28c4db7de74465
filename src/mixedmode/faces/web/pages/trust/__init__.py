"""Trust: CTL and ITL of every node, every list ever published, their differences, anchors in time, forecasts."""

from __future__ import annotations

from typing import Final

from mixedmode.faces.web.kit.navigation import TRUST
from mixedmode.faces.web.kit.page import Page
from mixedmode.faces.web.pages.trust.anchors import anchors, certificate
from mixedmode.faces.web.pages.trust.differing import difference
from mixedmode.faces.web.pages.trust.forecasting import BODY_BYTES as BODY
from mixedmode.faces.web.pages.trust.forecasting import PATH as FORECAST
from mixedmode.faces.web.pages.trust.forecasting import forecast, html_report
from mixedmode.faces.web.pages.trust.lists import PATH, lists
from mixedmode.faces.web.pages.trust.losing import PATH as LOST
from mixedmode.faces.web.pages.trust.losing import lost
from mixedmode.faces.web.pages.trust.one import download, one
from mixedmode.faces.web.pages.trust.uploads import BODY_BYTES, upload

_CRUMBS: Final = (TRUST,)
PAGES: Final[tuple[Page, ...]] = (
    Page(PATH, "CTL and ITL", lists, crumbs=_CRUMBS),
    Page("/trust/difference", "Difference of two lists", difference, crumbs=_CRUMBS, menu=PATH),
    Page("/trust/anchors", "Anchors and their days", anchors, crumbs=_CRUMBS, menu=PATH),
    Page("/trust/certificates/{sha256}", "Certificate", certificate, crumbs=_CRUMBS, menu=PATH),
    Page("/trust/upload", "A list from elsewhere", upload, crumbs=_CRUMBS, menu=PATH, posts=True, body=BODY_BYTES),
    Page(FORECAST, "Forecast", forecast, crumbs=_CRUMBS, posts=True, body=BODY),
    Page(LOST, "Phones that would be lost", lost, crumbs=_CRUMBS, menu=FORECAST),
    Page(f"{FORECAST}/{{name}}", "Report of a forecast", html_report, crumbs=_CRUMBS, menu=FORECAST),
    Page(f"{PATH}/{{digest}}", "A list", one, crumbs=_CRUMBS, menu=PATH),
    Page(f"{PATH}/{{digest}}/file", "A list's file", download, crumbs=_CRUMBS, menu=PATH),
)
