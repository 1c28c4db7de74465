"""What is worth knowing of a phone beside its outcome."""

from __future__ import annotations

from functools import lru_cache
from typing import TYPE_CHECKING, Final

from mixedmode.phone.mind.fate.afar import Help
from mixedmode.phone.mind.fate.hosts import told_certificates
from mixedmode.phone.mind.requests import LIST_FILES, BootFile
from mixedmode.phone.mind.trust.decisions import Reason, Voucher
from mixedmode.trustlist.roles import Role

if TYPE_CHECKING:
    from collections.abc import Iterator

    from mixedmode.inventory.kinds import PhoneKind
    from mixedmode.phone.mind.fate.prospect import Fate, Prospect
    from mixedmode.phone.mind.fate.restart import Restart
    from mixedmode.phone.mind.trust.state import TrustState
    from mixedmode.trustlist.model import TrustList

_LISTS: Final = 512
"""Lists, held or offered, of which it is remembered what is told of them: every group of phones is told of some."""
_BY_CTL_ALONE: Final = (
    "that TVS brings in a CTL of an unknown signer (row 12) rests on technotes 118893 and 213407; field notice FN70613 "
    "speaks of deletion by hand only"
)
_OTHERS: Final = "its ITL names none of the TVS servers of its configuration ({}), as after half a move: it asks none"
_NONE: Final = "its configuration names no TVS server: it asks none"
_LSC: Final = {
    fault: f"its LSC {said}: CallManager refuses it by TLS until CAPF gives it a new one, which is not judged"
    for fault, said in {"ended": "has ended", "revoked": "is revoked"}.items()
}


def notes_of(
    kind: PhoneKind, prospect: Prospect, held: TrustState | None, if_given: tuple[Fate, ...]
) -> tuple[str, ...]:
    """Return what else is worth knowing.

    Args:
        kind: What is known of the phone.
        prospect: What becomes of it.
        held: What it holds; None if that is not known.
        if_given: The outcomes if it held what it was given.
    """
    found = dict.fromkeys(note for number, came in prospect.numbered for note in _of_restart(number, came, prospect))
    if held is not None and told_certificates(held) == frozenset() and held.itl is not None:
        found[_OTHERS.format(", ".join(kind.tvs_servers)) if kind.tvs_servers else _NONE] = None
    if if_given:
        found[f"if it holds what this cluster gave it, it is {' or '.join(if_given)}"] = None
    if kind.lsc_fault and kind.mode > 1:
        found[_LSC[kind.lsc_fault]] = None
    if _capf_changed(kind, prospect, held):
        found["the CAPF certificate of the lists changed: what of it an LSC needs is not judged"] = None
    return tuple(found)


def _of_restart(number: int, came: Restart, prospect: Prospect) -> Iterator[str]:
    for file, decision in came.decisions.items():
        if decision.row == 12 and (decision.voucher is Voucher.TVS or Help.TVS in prospect.helps):
            yield _BY_CTL_ALONE
        if decision.older:
            yield f"step {number}: the {file.value} is older than the one that it replaces"
    config = came.decisions.get(BootFile.CONFIG)
    refused = [file.value for file in LIST_FILES if file in came.decisions and came.decisions[file].refused]
    if config is not None and config.accepted and config.voucher is Voucher.TVS and refused:
        lists = " and ".join(refused)
        yield (
            f"step {number}: it takes the configuration by TVS, but not the {lists}: from then on it asks the TVS that "
            "this configuration names, and is lost when the old one goes"
        )
    registration = came.registration
    if registration is not None and registration.reason is Reason.NON_SECURE and registration.accepted:
        yield "the cluster went non-secure: the phone registers in the clear"


def _capf_changed(kind: PhoneKind, prospect: Prospect, held: TrustState | None) -> bool:
    last = prospect.restart
    if kind.mode <= 1 or kind.lsc_issuer or last is None or held is None or held.ctl is None:
        return False
    return _capf(held.ctl) != _capf(last.trust.ctl)


@lru_cache(maxsize=_LISTS)
def _capf(each: TrustList | None) -> frozenset[bytes | None]:
    records = each.records_with_role(Role.CAPF) if each is not None else ()
    return frozenset(record.certificate_der for record in records)
