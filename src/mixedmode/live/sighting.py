"""Where and when something of a live cluster was seen."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum


class Source(StrEnum):
    """Where a value comes from."""

    UDS = "uds"
    AXL = "axl"
    RIS = "ris"
    CONTROL_CENTER = "control-center"
    REST = "certificate-rest"
    HTTP = "http-6970"
    TFTP = "tftp"
    PERFMON = "perfmon"
    TLS = "tls"
    SSH = "ssh"
    PAGE = "phone-page"
    TRACE = "callmanager-trace"
    FILE = "file"


@dataclass(frozen=True, slots=True)
class Sighting:
    """Where and when something was seen.

    Attributes:
        source: By what.
        at: When, UTC.
        where: The node, phone or file that was asked.
    """

    source: Source
    at: datetime
    where: str = ""
