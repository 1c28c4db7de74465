"""Trust: CTL and ITL of every node, their history and differences, forecasts."""

from __future__ import annotations

from typing import Final

from mixedmode.faces.web.kit.page import Page

PAGES: Final[tuple[Page, ...]] = ()
