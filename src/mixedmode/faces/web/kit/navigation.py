"""The menu: CUCM's applications as headings, their pages by CUCM's names."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final


@dataclass(frozen=True, slots=True)
class Entry:
    """A page in the menu.

    Attributes:
        title: Its name.
        path: Its address.
    """

    title: str
    path: str


CCMADMIN: Final = "Cisco Unified CM Administration"
CMPLATFORM: Final = "Cisco Unified OS Administration"
CCMSERVICE: Final = "Cisco Unified Serviceability"
CUCREPORTS: Final = "Cisco Unified Reporting"
TRUST: Final = "Trust"
GUIDES: Final = "Guides"

MENU: Final[tuple[tuple[str, tuple[Entry, ...]], ...]] = (
    ("", (Entry("Overview", "/"),)),
    (
        CCMADMIN,
        (
            Entry("Enterprise Parameters", "/ccmadmin/enterprise-parameters"),
            Entry("Phone", "/ccmadmin/phones"),
            Entry("Phone Security Profile", "/ccmadmin/phone-security-profiles"),
            Entry("Device Pool", "/ccmadmin/device-pools"),
            Entry("Cisco Unified CM Group", "/ccmadmin/cm-groups"),
        ),
    ),
    (
        CMPLATFORM,
        (
            Entry("Certificate Management", "/cmplatform/certificates"),
            Entry("Cluster", "/cmplatform/cluster"),
            Entry("Software", "/cmplatform/software"),
        ),
    ),
    (
        CCMSERVICE,
        (
            Entry("Control Center", "/ccmservice/services"),
            Entry("Trace", "/ccmservice/traces"),
            Entry("Alarms", "/ccmservice/alarms"),
            Entry("Audit Log", "/ccmservice/audit"),
        ),
    ),
    (
        CUCREPORTS,
        (
            Entry("Unified CM Phone Feature List", "/cucreports/phone-features"),
            Entry("Trust-list report", "/cucreports/trust-lists"),
            Entry("Certificate report", "/cucreports/certificates"),
            Entry("Phone certificates", "/cucreports/phone-certificates"),
        ),
    ),
    (TRUST, (Entry("CTL and ITL", "/trust/lists"), Entry("Forecast", "/trust/forecast"))),
    (
        GUIDES,
        (
            Entry("Procedures", "/guides/procedures"),
            Entry("Find and List Plugins", "/plugins/"),
            Entry("API", "/api/docs"),
        ),
    ),
)

HOMES: Final = {
    "/ccmadmin/": "/ccmadmin/enterprise-parameters",
    "/cmplatform/": "/cmplatform/certificates",
    "/ccmservice/": "/ccmservice/services",
    "/cucreports/": "/cucreports/phone-features",
    "/trust/": "/trust/lists",
    "/guides/": "/guides/procedures",
}
"""Where an application begins: its own address leads there, as does the one without the last slash."""
