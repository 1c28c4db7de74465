"""Cisco Unified Reporting: phone features, who holds which list, certificates."""

from __future__ import annotations

from typing import Final

from mixedmode.faces.web.kit.navigation import CUCREPORTS
from mixedmode.faces.web.kit.page import Page
from mixedmode.faces.web.reporting.certificate_report import certificates
from mixedmode.faces.web.reporting.phone_certificates import phone_certificates
from mixedmode.faces.web.reporting.phone_features import phone_features
from mixedmode.faces.web.reporting.trust_report import trust_lists

_CRUMBS: Final = (CUCREPORTS, "System Reports")
PAGES: Final[tuple[Page, ...]] = (
    Page("/cucreports/phone-features", "Unified CM Phone Feature List", phone_features, crumbs=_CRUMBS),
    Page("/cucreports/trust-lists", "Trust-list report", trust_lists, crumbs=_CRUMBS),
    Page("/cucreports/certificates", "Certificate report", certificates, crumbs=_CRUMBS),
    Page("/cucreports/phone-certificates", "Phone certificates", phone_certificates, crumbs=_CRUMBS),
)
