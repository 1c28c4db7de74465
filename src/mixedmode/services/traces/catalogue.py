"""Which traces a node has, and where: the names that pages, prompts and the services that write them share."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final


@dataclass(frozen=True, slots=True)
class TraceKind:
    """A trace.

    Attributes:
        key: Short, as addresses have it.
        title: Whose it is, as people know it.
        folder: Below ``activelog``; the names of the last folders are not confirmed.
        prefix: Of its files.
    """

    key: str
    title: str
    folder: str
    prefix: str


TVS: Final = TraceKind("tvs", "Cisco Trust Verification Service", "cm/trace/tvs/sdi", "tvs")
TFTP: Final = TraceKind("tftp", "Cisco Tftp", "cm/trace/tftp/sdi", "tftp")
CALLMANAGER: Final = TraceKind("ccm", "Cisco CallManager", "cm/trace/ccm/sdi", "ccm")
CAPF: Final = TraceKind("capf", "Cisco Certificate Authority Proxy Function", "cm/trace/capf/sdi", "capf")
SDL: Final = TraceKind("sdl", "Cisco CallManager", "cm/trace/ccm/sdl", "SDL")
"""What phones send to CallManager, for programs: it has the alarms in which they say which lists they hold."""
SERVICES: Final = TraceKind("servm", "Service Manager", "cm/trace/servm", "servm")
TRACES: Final = (CALLMANAGER, TFTP, TVS, CAPF, SERVICES)
