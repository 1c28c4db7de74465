"""What a phone's pages are made of: what the phone holds, did and said, as it is now."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Final

from mixedmode.phone.body.registration_status import RegistrationState, RegistrationStatus
from mixedmode.phone.mind.config import PhoneConfig
from mixedmode.phone.mind.models import PhoneModel
from mixedmode.phone.mind.trust.decisions import ListKind
from mixedmode.phone.mind.trust.lookup import is_mixed_mode
from mixedmode.phone.mind.trust.state import TrustState
from mixedmode.trustlist.model import Record
from mixedmode.trustlist.roles import Role

Row = tuple[str, str]
"""A label and its value."""
_LOADS: Final = {
    "78": "sip78xx.12-8-1-0001-455",
    "88": "sip88xx.12-8-1-0001-455",
    "894": "SCCP894x.9-4-2SR3-1",
    "8961": "sip8961.9-4-2SR3-1",
    "99": "sip99xx.9-4-2SR3-1",
    "7945": "SCCP45.9-4-2SR3-1S",
    "7965": "SCCP45.9-4-2SR3-1S",
    "7975": "SCCP75.9-4-2SR3-1S",
    "79": "SCCP42.9-4-2SR3-1S",
}
"""Of some family, whose names look like these; the first that fits."""
_SECURITY = {1: "Non secure", 2: "Authenticated", 3: "Encrypted"}


@dataclass(frozen=True, slots=True)
class PageFacts:
    """What a phone knows.

    Attributes:
        name: Its device name.
        model: Its model.
        address: Its own.
        trust: The lists it holds.
        config: The configuration in force, None before it has one.
        status: How it stands with its CallManager.
        messages: Status messages, the oldest first, each with its moment.
        console: Lines of its console log.
        tftp: Where its files come from.
        call: What it is in, such as ``Connected``; empty without a call.
        more: Rows that stand behind the others of Network Setup.
    """

    name: str
    model: PhoneModel
    address: str
    trust: TrustState
    config: PhoneConfig | None
    status: RegistrationStatus
    messages: Sequence[tuple[datetime, str]]
    console: Sequence[str]
    tftp: str
    call: str = ""
    more: Sequence[Row] = ()

    @property
    def web_access(self) -> bool:
        """Whether its pages may be seen; a configuration that does not say leaves them on, as a lab wants them."""
        return self.config is None or self.config.web_access is not False


def device_rows(facts: PageFacts) -> list[Row]:
    """Return the rows of Device Information."""
    load = (facts.config.load if facts.config is not None else "") or _load(facts.model)
    return [
        ("MAC address", facts.name.removeprefix("SEP")),
        ("Host name", facts.name),
        ("Phone DN", ", ".join(facts.status.lines) or "-"),
        ("App load ID", load),
        ("Model number", facts.model.product),
    ]


def _load(model: PhoneModel) -> str:
    """Return the firmware that a phone came with, where its configuration names none."""
    return next((load for family, load in _LOADS.items() if model.name.startswith(family)), "-")


def network_rows(facts: PageFacts) -> list[Row]:
    """Return the rows of Network Setup; those of the lists in the order that phones have."""
    config = facts.config
    mode = 1 if config is None or config.device_security_mode is None else config.device_security_mode
    rows = [("MAC address", facts.name.removeprefix("SEP")), ("Host name", facts.name), ("IP address", facts.address)]
    rows.append(("TFTP server 1", facts.tftp))
    for number, manager in enumerate(config.call_managers if config is not None else (), 1):
        active = facts.status.server is not None and facts.status.server.startswith(f"{manager.address}:")
        is_active = active and facts.status.state is RegistrationState.REGISTERED
        rows.append((f"CUCM server{number}", f"{manager.address} {'Active' if is_active else 'Standby'}"))
    rows.append(("Authentication URL", (config.authentication_url if config is not None else "") or ""))
    rows.append(("Security mode", _SECURITY.get(mode, "Non secure")))
    rows.append(("Web access enabled", "Yes" if facts.web_access else "No"))
    return [*rows, *facts.more, *(trust_rows(facts.trust) if shows_lists(facts.model) else ())]


def stream_rows(facts: PageFacts) -> list[Row]:
    """Return the rows of a stream's statistics."""
    return [("Stream status", "Active" if facts.call else "Not ready"), ("Sender packets", "0"), ("Rcvr packets", "0")]


def shows_lists(model: PhoneModel) -> bool:
    """Return whether a model's Network Setup page has the lists (live-cluster.md 4.2)."""
    return model.name.startswith(("78", "88", "894"))


def trust_rows(trust: TrustState) -> list[Row]:
    """Return the rows of the CTL and then of the ITL: the SHA-1 of the file, and its records by role."""
    rows: list[Row] = []
    for kind in (ListKind.CTL, ListKind.ITL):
        held = trust.held(kind)
        rows.append((f"{kind} file", "Not installed" if held is None else "Installed"))
        if held is None:
            continue
        rows.append((f"{kind} signature", bytes.fromhex(held.sha1).hex(" ").upper() + " "))
        for label, roles in (
            ("CAPF server", (Role.CAPF,)),
            ("TVS", (Role.TVS,)),
            ("CUCM server / TFTP server", (Role.CCM_TFTP, Role.CCM)),
            ("TFTP server", (Role.TFTP,)),
        ):
            rows += [(label, _who(record)) for record in held.records_with_role(*roles)]
    rows.append(("Cluster security mode", "Mixed" if is_mixed_mode(trust.ctl) else "Non-secure"))
    return rows


def _who(record: Record) -> str:
    return record.dns_name or record.ip_address or record.subject or ""


def message_rows(facts: PageFacts) -> list[str]:
    """Return the lines of the status messages, the newest last."""
    return [f"[{_clock(moment)}] {text}" for moment, text in facts.messages[-10:]]


def _clock(moment: datetime) -> str:
    hour = moment.hour % 12 or 12
    half = "am" if moment.hour < 12 else "pm"
    return (
        f"{hour}:{moment.minute:02}:{moment.second:02}{half} {moment.month:02}/{moment.day:02}/{moment.year % 100:02}"
    )
