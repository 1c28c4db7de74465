"""The difference of any two lists side by side, and first what it means for phones."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Final

from mixedmode.errors import CheckFailedError
from mixedmode.faces.web.kit.answers import Answer, View
from mixedmode.faces.web.kit.asking import Ask
from mixedmode.faces.web.pages.trust.known import KnownList, known_list
from mixedmode.printable import printable
from mixedmode.trustlist.diff import Change, diff_trust_lists

if TYPE_CHECKING:
    from mixedmode.cluster.publishing.archive import Publication
    from mixedmode.trustlist.model import TrustList

_NAMES: Final = {Change.ADDED: "only on the right", Change.REMOVED: "only on the left", Change.CHANGED: "changed"}


@dataclass(frozen=True, slots=True)
class Line:
    """A field that differs; an empty side has none."""

    field: str
    old: str
    new: str


@dataclass(frozen=True, slots=True)
class Compared:
    """Two lists.

    Attributes:
        left: The one.
        right: The other.
        meaning: What the difference means for phones: the sentence that counts, and another one.
        lines: What differs.
        same: How many records are the same.
    """

    left: KnownList
    right: KnownList
    meaning: tuple[str, str]
    lines: tuple[Line, ...]
    same: int


def difference(ask: Ask) -> Answer:
    """Show the difference of the two lists that the address names."""
    a, b = ask.query.get("a", "").strip(), ask.query.get("b", "").strip()
    if not a or not b:
        return View("trust/difference.html", {"compared": None, "a": a, "b": b})
    return View("trust/difference.html", {"compared": compare(known_list(ask, a), known_list(ask, b)), "a": a, "b": b})


def compare(left: KnownList, right: KnownList) -> Compared:
    """Return the difference of two lists.

    Raises:
        CheckFailedError: One of them is damaged.
    """
    for each in (left, right):
        if each.parsed is None:
            raise CheckFailedError(f"{each.title} cannot be read", why=each.damage, next_step="compare two whole lists")
    assert left.parsed is not None  # noqa: S101 - told above
    assert right.parsed is not None  # noqa: S101
    found = diff_trust_lists(left.parsed, right.parsed)
    lines = [Line(each.field.replace("_", " "), _text(each.old), _text(each.new)) for each in found.header]
    touched = set()
    for record in found.records:
        number = record.old_number if record.new_number is None else record.new_number
        name = f"Record {number} {record.role}, {record.name}"
        touched.add(record.old_number)
        if record.change is Change.CHANGED:
            lines += [
                Line(f"{name}: {each.field.replace('_', ' ')}", _text(each.old), _text(each.new))
                for each in record.fields
            ]
        else:
            side = f"record {number}"
            gone = record.change is Change.REMOVED
            lines.append(Line(f"{name}: {_NAMES[record.change]}", side if gone else "", "" if gone else side))
    if not found.same_order:
        lines.append(Line("Order of the records", "as here", "another one"))
    same = len(left.parsed) - len(touched - {None})
    return Compared(left, right, meaning(left.parsed, right.parsed), tuple(lines), same)


def meaning(left: TrustList, right: TrustList) -> tuple[str, str]:
    """Return what it means for a phone that holds the one and is offered the other."""
    if left.data == right.data:
        return "They are the same file.", "A phone that holds it changes nothing."
    if left.kind != right.kind:
        return "One is a CTL, the other an ITL.", "A phone holds both, and takes neither in the other's place."
    forth, back = _signer(left, right), _signer(right, left)
    kind = left.kind
    if forth:
        first = f"A phone that holds the left {kind} takes the right one:"
        rest = f"its signer, {forth}, is a token record of the left one."
    else:
        first = f"A phone that holds the left {kind} does not know the signer of the right one:"
        rest = "it takes it only if TVS vouches for the signer, and a model that cannot ask TVS refuses it."
    way_back = "The way back is open too." if back else "Back from the right to the left it is not known by the lists."
    return first, f"{rest} {way_back}"


def _signer(held: TrustList, offered: TrustList) -> str:
    """Return who signed a list, if a token record of the other names him; empty if none does."""
    header = offered.header
    if header.signer_serial is None:
        return ""
    found = [record for record in held.find_signer(header.signer_issuer, header.signer_serial) if record.is_sast()]
    return printable(found[0].subject or found[0].dns_name or "a token") if found else ""


def _text(value: Any) -> str:
    if value is None:
        return ""
    return "yes" if value is True else "no" if value is False else printable(str(value))


def choices(history: list[Publication]) -> Iterator[tuple[str, str]]:
    """Yield the lists that one can compare with: SHA-256 and what people call it, newest first."""
    for each in reversed(history):
        local = each.published.astimezone()
        kind = "CTL" if not each.node else f"ITL of {each.node}"
        yield each.sha256, f"{kind}, {local.day} {local.strftime('%b %Y, %H:%M')}, {each.md5[:8]}"
