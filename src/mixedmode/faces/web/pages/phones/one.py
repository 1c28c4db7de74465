"""One phone: how it stands and why, its trust path, the lists that it holds, what was seen of it, the remedy."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime
from typing import TYPE_CHECKING, Any, Final

from markupsafe import Markup
from sqlalchemy import Row, func, select

from mixedmode.cluster.model.errors import NotFoundError
from mixedmode.cluster.model.sightings import LOST, NONE, Seen
from mixedmode.cluster.publishing import archive
from mixedmode.cluster.store.schema import DeviceRow, DeviceSighting
from mixedmode.control.acts import RESET_PHONES
from mixedmode.errors import MixedModeError
from mixedmode.faces.web.kit.answers import Answer, View
from mixedmode.faces.web.kit.asking import Ask
from mixedmode.faces.web.kit.outcomes import LOOKS
from mixedmode.faces.web.pages.phones.listing import moment_of
from mixedmode.faces.web.pages.phones.path import picture
from mixedmode.faces.web.standing.rows import PHONES
from mixedmode.faces.web.standing.words import is_by_hand
from mixedmode.forecast.by_hand import erase_by_hand
from mixedmode.inventory.kinds import MODES
from mixedmode.pki.certificates.certificates import Certificate
from mixedmode.trustlist.model import TrustList

if TYPE_CHECKING:
    from mixedmode.faces.web.standing.standing import Standing
    from mixedmode.faces.web.standing.world import State
    from mixedmode.inventory.evidence import Finding

_SOURCES: Final = {
    "reported": "it said so when it registered",
    "delivered": "it was given this, and its own rules leave nothing else",
}


@dataclass(frozen=True, slots=True)
class HeldList:
    """A list on the phone.

    Attributes:
        kind: ``CTL`` or ``ITL``.
        text: What it holds, in a word: ``newest``, ``older``, ``none``, ``not known`` or ``of no file``.
        held: The list, if it is one that was published here.
        shown: The checksum that it said where no file explains it.
        newest: SHA-256 of what is published, empty if nothing is.
        evidence: Whence that is known.
        moment: Since when.
        possible: SHA-256 of what it may be, where it is not known.
        published: When the list was published first.
    """

    kind: str
    text: str
    held: TrustList | None
    shown: str
    newest: str
    evidence: str
    moment: datetime | None
    possible: tuple[str, ...]
    published: datetime | None


@dataclass(frozen=True, slots=True)
class Happening:
    """Something that was seen of the phone."""

    moment: datetime
    what: str
    detail: str
    sha256: str = ""


def phone(ask: Ask) -> Answer:
    """Show one phone."""
    standing = ask.desk.standing
    standing.fresh()
    name = str(ask.values["name"])
    with standing.read() as session:
        row = session.execute(select(PHONES).where(PHONES.c.name == name)).first()
    if row is None:
        raise NotFoundError(f"there is no phone {name}", next_step="look for it by a part of its name: the field above")
    with ask.cluster.database.read() as session:
        query = select(DeviceRow.protocol, DeviceRow.lsc, DeviceSighting.facts)
        query = query.outerjoin(DeviceSighting, DeviceSighting.fkdevice == DeviceRow.id).where(DeviceRow.id == row.id)
        found = session.execute(query).first()
    protocol, lsc, facts = found or ("", None, None)
    seen = Seen.of(facts or {})
    state = standing.state(row.state)
    fate = LOOKS[row.severity].fate
    certificate = _certificate(lsc)
    drawn = picture(row.name, row.model, MODES.get(row.mode, "non-secure"), state)
    return View(
        "phones/phone.html",
        {
            "row": row,
            "state": state,
            "fate": fate,
            "css": LOOKS[row.severity].css,
            "protocol": protocol,
            "mode": MODES.get(row.mode, "non-secure"),
            "path": None if drawn is None else Markup(drawn),  # noqa: S704 - every text in it is escaped
            "lists": _lists(ask, standing, row, seen),
            "happenings": sorted(_happenings(seen), key=lambda each: each.moment, reverse=True),
            "by_hand": _keys(state) if is_by_hand(state.next_step) else (),
            "same": _same(standing, row),
            "lsc": certificate,
            "lsc_ended": certificate is not None and certificate.not_after < ask.cluster.now(),
            "registered": moment_of(row.registered),
            "may_reset": ask.may(RESET_PHONES.level) and ask.desk.resets.can,
            "chain": state.forecast.chain,
        },
    )


def _lists(ask: Ask, standing: Standing, row: Row[Any], seen: Seen) -> list[HeldList]:
    known = standing.known
    findings = known.findings(row.model, seen) if known is not None else None
    made = []
    for at, (kind, held) in enumerate((("CTL", row.ctl), ("ITL", row.itl))):
        finding = findings[at] if findings is not None else None
        found = known.library.find(held) if known is not None and held not in {"", NONE} else None
        is_newest = found is not None and found.sha256 in standing.offered.get(kind, ())
        newest = found.sha256 if found is not None and is_newest else standing.published.get(kind, "")
        made.append(_list(ask, newest, kind, held, found, finding))
    return made


def _list(ask: Ask, newest: str, kind: str, held: str, found: TrustList | None, finding: Finding | None) -> HeldList:
    if found is not None:
        text = "newest" if found.sha256 == newest else "older"
    else:
        text = "not known" if not held else "none" if held == NONE else "of no file"
    published = None
    if found is not None:
        times = archive.find(ask.cluster.database, found.sha256).publications
        published = times[0].published if times else None
    source = "" if finding is None else _SOURCES.get(finding.source, "")
    return HeldList(
        kind,
        text,
        found,
        held if text == "of no file" else "",
        newest,
        source,
        moment_of(0.0 if finding is None else finding.moment),
        () if finding is None else tuple(each for each in finding.possible if each != NONE),
        published,
    )


def _happenings(seen: Seen) -> Iterator[Happening]:
    for kind, deliveries in seen.deliveries.items():
        for each in deliveries:
            end = "" if each.whole else "; its end was not acknowledged"
            what = (
                f"fetched the {kind}" if each.sha256 != LOST else f"fetched {kind} files of which nothing more is known"
            )
            yield _happening(each.moment, what, f"from {each.address}{end}", each.sha256)
    for kind, (moment, held) in seen.reported.items():
        said = "none" if held == NONE else held
        yield _happening(moment, f"said which {kind} it holds", f"SHA-1 {said}" if held != NONE else "none")
    if seen.fetched is not None:
        signed = " (signed)" if seen.fetched.name.endswith(".sgn") else ""
        detail = f"{seen.fetched.name}{signed}, from {seen.fetched.address}"
        yield _happening(seen.fetched.moment, "fetched its configuration", detail)
    if seen.asked is not None:
        about = f"serial {seen.asked.serial}" if seen.asked.serial else "a certificate that it showed"
        known = "TVS knows it" if seen.asked.known else "TVS does not know it"
        yield _happening(seen.asked.moment, "asked TVS", f"about {about}: {known}; from {seen.asked.address}")
    if seen.registered is not None:
        detail = f"{seen.registered.security}, from {seen.registered.address}"
        yield _happening(seen.registered.moment, "registered", detail)


def _happening(moment: float, what: str, detail: str, sha256: str = "") -> Happening:
    made = moment_of(moment or 1.0)
    assert made is not None  # noqa: S101 - it is no zero
    return Happening(made, what, detail, sha256)


def _keys(state: State) -> tuple[str, ...]:
    """Return what a person does at the phone, step by step."""
    text = erase_by_hand(state.kind.model)
    _, _, rest = text.partition(": ")
    what, colon, keys = rest.partition(": ")
    if not colon:
        return (f"{rest[:1].upper()}{rest[1:]}.",)
    way, _, then = keys.partition("; then ")
    steps = [part.strip() for part in way.split(" > ")]
    return (f"{what[:1].upper()}{what[1:]}:", *steps, *((f"{then[:1].upper()}{then[1:]}.",) if then else ()))


def _same(standing: Standing, row: Row[Any]) -> int:
    """Return how many others stand so for the same reason."""
    with standing.read() as session:
        states = [
            number
            for number, each in enumerate(standing.states)
            if each.outcome is LOOKS[row.severity].fate and each.reason == standing.state(row.state).reason
        ]
        found = session.scalar(select(func.count()).select_from(PHONES).where(PHONES.c.state.in_(states)))
    return (found or 0) - 1


def _certificate(der: bytes | None) -> Certificate | None:
    if der is None:
        return None
    try:
        found = Certificate.from_der(der)
        _ = found.subject, found.not_after  # whether it can be read
    except MixedModeError:
        return None
    return found
