"""Find and List Plugins: what stands in for the CTL Client plugin."""

from __future__ import annotations

from typing import Final

from mixedmode.faces.web.kit.page import Page

PAGES: Final[tuple[Page, ...]] = ()
