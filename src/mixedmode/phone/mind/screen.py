"""The phone's trust list screen: checksums as the model shows them, and who is trusted for what (4.3)."""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING, Any

from mixedmode.phone.mind.models import ShownHash
from mixedmode.phone.mind.trust.decisions import ListKind
from mixedmode.phone.mind.trust.lookup import is_blanked, is_mixed_mode
from mixedmode.trustlist.roles import Role

if TYPE_CHECKING:
    from mixedmode.phone.mind.models import PhoneModel
    from mixedmode.phone.mind.trust.state import TrustState
    from mixedmode.trustlist.model import Record, TrustList

_ROWS = (
    ("Unified CM / TFTP Server", (Role.CCM, Role.CCM_TFTP, Role.TFTP)),
    ("CAPF Server", (Role.CAPF,)),
    ("Application Server", (Role.APP_SERVER,)),
    ("TVS", (Role.TVS,)),
)
_WIDTH = 30


def shown_checksum(model: PhoneModel, trust_list: TrustList) -> str:
    """Return the checksum that the model shows of a list, lower-case hex."""
    return trust_list.md5 if model.shown_hash is ShownHash.MD5 else trust_list.sha1


def trust_list_screen(model: PhoneModel, trust: TrustState) -> list[str]:
    """Return the lines of Security Configuration > Trust List."""
    lines = ["Trust List"]
    for kind in ListKind:
        held = trust.held(kind)
        if held is None:
            if kind is ListKind.CTL or model.asks_itl:
                lines.append(f"  {kind} File".ljust(_WIDTH) + "Not Installed")
            continue
        lines.append(f"  {kind} File".ljust(_WIDTH) + f"{shown_checksum(model, held)} ({model.shown_hash})")
        lines += _rows(held)
    mode = "Mixed" if is_mixed_mode(trust.ctl) else "Non-secure"
    lines.append("  Cluster security mode".ljust(_WIDTH) + mode)
    return lines


def _rows(held: TrustList) -> Iterator[str]:
    for label, roles in _ROWS:
        for record in held.records_with_role(*roles):
            yield f"    {label}".ljust(_WIDTH) + _who(record)


def _who(record: Record) -> str:
    name = record.dns_name or record.ip_address or record.subject or "-"
    has_certificate = record.certificate_der is not None or record.certificate_hash is not None
    return name if has_certificate else f"{name} (no certificate)"


def screen_document(model: PhoneModel, trust: TrustState) -> dict[str, Any]:
    """Return the same as JSON, with every checksum."""
    document: dict[str, Any] = {"shown_hash": model.shown_hash.value, "mixed_mode": is_mixed_mode(trust.ctl)}
    for kind in ListKind:
        held = trust.held(kind)
        document[kind.value.lower()] = held and {
            "checksum": shown_checksum(model, held),
            "md5": held.md5,
            "sha1": held.sha1,
            "length": held.length,
            "records": len(held.records),
            "blanked": kind is ListKind.ITL and is_blanked(held),
        }
    return document
