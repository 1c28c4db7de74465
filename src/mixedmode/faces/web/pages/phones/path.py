"""The trust path of a phone: which record that it holds vouches for what it is offered, asked, or connects to."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import TYPE_CHECKING, Final

from mixedmode.faces.pictures.trust_path import Box, Way, trust_path
from mixedmode.phone.mind.fate.offers import asked_kinds
from mixedmode.phone.mind.requests import LIST_FILES, BootFile
from mixedmode.phone.mind.trust.decisions import Decision, ListKind, Reason, Voucher
from mixedmode.pki.certificates.names import serial_text
from mixedmode.trustlist.model import TrustList
from mixedmode.trustlist.roles import Role

if TYPE_CHECKING:
    from mixedmode.faces.web.standing.world import State
    from mixedmode.trustlist.model import Record

_SIGNS: Final = {
    Voucher.CTL: "vouches for",
    Voucher.ITL: "vouches for",
    Voucher.TVS: "vouches for",
    Voucher.FIRST_USE: "takes its first",
    Voucher.ROLLBACK_ITL: "takes any",
}


def picture(name: str, model: str, mode: str, state: State) -> str | None:
    """Return the picture as SVG; None where nothing is known that could be drawn.

    Args:
        name: Of the phone.
        model: As people name it.
        mode: Its security mode.
        state: How it stands.
    """
    ways = list(_ways(state))
    if not ways:
        return None
    holds = [f"{kind} {held.md5[:8]}" for kind, held in _held(state).items() if held is not None]
    phone = Box(name, (f"Cisco {model}, {mode}", ", ".join(holds) or "holds no list"))
    said = [f"{way.record.title} {way.right} {way.end.title}" for way in ways]
    return trust_path(phone, ways, f"Trust path of {name}: {'; '.join(said)}.")


def _held(state: State) -> dict[ListKind, TrustList | None]:
    kind = state.kind
    found = {ListKind.CTL: kind.ctl, ListKind.ITL: kind.itl}
    return {each: held if isinstance(held, TrustList) else None for each, held in found.items()}


def _ways(state: State) -> Iterator[Way]:
    restart, kind = state.forecast.prospect.restart, state.kind
    if restart is None or kind.model is None:
        return
    held = _held(state)
    offer = state.forecast.stages[-1].offer
    for file, each in LIST_FILES.items():
        offered = offer.of(each)
        if each in asked_kinds(kind.model) and offered is not None:
            yield _way_to_list(held, each, offered, restart.decisions[file])
    if kind.model.asks_itl:
        yield _way_to_tvs(held, state)
    config = restart.decisions.get(BootFile.CONFIG)
    signer = offer.file_signer
    if config is not None and signer is not None and config.reason is not Reason.NON_SECURE:
        end = Box("Its configuration", (f"signed by {signer.common_name}",), _css(config.refused))
        yield _way(held, config, (Role.CCM_TFTP, Role.TFTP), end)
    if restart.registration is not None and offer.server is not None:
        end = Box("CallManager", (f"shows {offer.server.common_name}",), _css(restart.registration.refused))
        yield _way(held, restart.registration, (Role.CCM, Role.CCM_TFTP), end)


def _way_to_list(
    held: dict[ListKind, TrustList | None], kind: ListKind, offered: TrustList | bytes, decision: Decision
) -> Way:
    if not isinstance(offered, TrustList):
        end = Box(f"{kind}, as offered", ("damaged: it cannot be read",), "locked")
    else:
        signer = serial_text(offered.header.signer_serial or b"")[:23]
        end = Box(f"{kind}, as offered", (f"MD5 {offered.md5[:16]}", f"signer {signer}"), _css(decision.refused))
    same = held[kind]
    if same is not None and same == offered:
        record = Box(f"{kind} that it holds", (f"MD5 {same.md5[:16]}", f"{len(same)} records"))
        return Way(record, end, "holds", "the same", holds=True)
    return _way(held, decision, (Role.SAST,), end)


def _way_to_tvs(held: dict[ListKind, TrustList | None], state: State) -> Way:
    itl = held[ListKind.ITL]
    records = itl.records_with_role(Role.TVS) if itl is not None else ()
    nodes = (*state.servers, *state.silent)
    answers = bool(state.servers)
    css = "follows" if answers and records else "behind"
    end = Box("TVS", (_some(nodes, "no node"), "runs" if answers else "does not run"), css)
    if not records:
        return Way(Box("No TVS record", ("its ITL names none",)), end, "may not ask", "is not trusted", holds=False)
    box = _record_box("ITL", records[0], len(records) - 1)
    return Way(box, end, "may ask", "answers" if answers else "does not answer", holds=answers)


def _way(held: dict[ListKind, TrustList | None], decision: Decision, roles: Sequence[Role], end: Box) -> Way:
    """Return the way by the record that vouched, or by what it holds for this and what does not vouch."""
    if decision.voucher in {Voucher.CTL, Voucher.ITL} and decision.record is not None:
        kind = ListKind.CTL if decision.voucher is Voucher.CTL else ListKind.ITL
        trust_list = held[kind]
        if trust_list is not None and 0 < decision.record <= len(trust_list):
            box = _record_box(kind.value, trust_list.record(decision.record))
            return Way(box, end, "trusts", "vouches for", holds=not decision.refused)
    if decision.voucher is not None and not decision.refused:
        box = Box(str(decision.voucher), (decision.text,))
        return Way(box, end, "asks" if decision.voucher is Voucher.TVS else "", _SIGNS[decision.voucher], holds=True)
    for kind, trust_list in held.items():
        found = trust_list.records_with_role(*roles) if trust_list is not None else ()
        if found:
            box = _record_box(kind.value, found[0], len(found) - 1)
            return Way(box, end, "trusts", "does not vouch" if decision.refused else "vouches for",
                       holds=not decision.refused)  # fmt: skip
    box = Box("No record", ("it holds none for this",))
    return Way(box, end, "", "is not asked" if not decision.refused else "does not vouch", holds=not decision.refused)


def _record_box(kind: str, record: Record, more: int = 0) -> Box:
    role = record.role_label
    rest = f", {more} more" if more else ""
    name = record.dns_name or record.subject or "no name"
    serial = "" if record.serial is None else f"serial {serial_text(record.serial)[:23]}"
    return Box(f"{kind}, record {record.number} ({role}{rest})", (name, serial))


def _css(refused: bool) -> str:
    return "locked" if refused else "follows"


def _some(nodes: Sequence[str], none: str) -> str:
    if not nodes:
        return none
    return nodes[0] if len(nodes) == 1 else f"{nodes[0]} and {len(nodes) - 1} more"
