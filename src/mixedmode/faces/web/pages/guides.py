"""Guides: the procedures as guided runs."""

from __future__ import annotations

from typing import Final

from mixedmode.faces.web.kit.page import Page

PAGES: Final[tuple[Page, ...]] = ()
