"""Cisco Unified OS Administration: certificates, the cluster's nodes, software."""

from __future__ import annotations

from typing import Final

from mixedmode.faces.web.kit.page import Page

PAGES: Final[tuple[Page, ...]] = ()
