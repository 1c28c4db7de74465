"""Cisco Unified CM Administration, Phone: the phones with what they trust and what becomes of them."""

from __future__ import annotations

from typing import Final

from mixedmode.faces.web.kit.page import Page

PAGES: Final[tuple[Page, ...]] = ()
