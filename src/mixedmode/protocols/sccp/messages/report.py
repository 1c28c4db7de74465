"""What a phone reports of its trust lists when it is registered: an XML alarm (015A).

That phones send such an alarm and how long it is, is known (wire-formats.md 6); the names in it are not confirmed by
any trace. They are written here and read leniently: a value that is no SHA-1 is left out.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import Final

_VALUE: Final = re.compile(r'<String name="(CTLFileHash|ITLFileHash)">([0-9A-Fa-f]{40}|)</String>')


@dataclass(frozen=True, slots=True)
class TrustReport:
    """The lists that a phone holds.

    Attributes:
        ctl: SHA-1 of its CTL, lower hex; empty if it holds none; None if it does not say.
        itl: The same of its ITL.
    """

    ctl: str | None = None
    itl: str | None = None


def write_report(device: str, report: TrustReport) -> str:
    """Return the XML of a report."""
    values = [("DeviceName", device), ("CTLFileHash", report.ctl or ""), ("ITLFileHash", report.itl or "")]
    strings = "".join(f'<String name="{name}">{value}</String>' for name, value in values)
    return (
        '<?xml version="1.0" encoding="UTF-8"?><x-cisco-alarm><Alarm Name="DeviceTLInfo">'
        f"<ParameterList>{strings}</ParameterList></Alarm></x-cisco-alarm>"
    )


def read_report(text: str) -> TrustReport:
    """Return what an XML alarm says of trust lists; nothing if it is another alarm."""
    found = {match[1]: match[2].lower() for match in _VALUE.finditer(text)}
    return TrustReport(found.get("CTLFileHash"), found.get("ITLFileHash"))
