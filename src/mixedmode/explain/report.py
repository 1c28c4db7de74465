"""An explanation as JSON and as lines for people."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Any, Final

from mixedmode.explain.values import Event, Explained, Grade

_MARKS: Final = {Grade.OK: "ok", Grade.NOTE: "  ", Grade.WARNING: "! ", Grade.REFUSED: "X "}
_SHOWN_LINES: Final = 8


def document(found: Sequence[Explained]) -> dict[str, Any]:
    """Return explanations as JSON."""
    return {"refused": any(each.refused for each in found), "files": [file_document(each) for each in found]}


def file_document(found: Explained) -> dict[str, Any]:
    """Return one explanation as JSON."""
    return {
        "name": found.name,
        "encoding": found.encoding,
        "bytes": found.size,
        "truncated": found.truncated,
        "lines": found.lines,
        "long_lines": found.cut,
        "refused": found.refused,
        "grades": {grade.value: found.grades[grade] for grade in Grade},
        "events": [event_document(event) for event in found.events],
        "more_events": dict(sorted(found.more.items())),
        "to_do": [{"remedy": remedy, "lines": lines} for remedy, lines in to_do(found)],
        "unknown": {
            "count": found.unknown,
            "lines": found.unknown_lines,
            "examples": [{"line": line, "text": text} for line, text in found.examples],
        },
        "listings": [each.document() for each in found.listings],
    }


def event_document(event: Event) -> dict[str, Any]:
    """Return an event as JSON."""
    return {
        "line": event.line,
        "time": event.time,
        "source": event.source,
        "kind": event.kind,
        "grade": event.grade.value,
        "text": event.text,
        "why": event.why or None,
        "remedy": event.remedy or None,
        "device": event.device or None,
        "quote": event.quote or None,
    }


def to_do(found: Explained) -> list[tuple[str, list[int]]]:
    """Return what is to be done, worst first, each with the lines that ask for it."""
    lines: dict[str, list[int]] = {}
    order = {Grade.REFUSED: 0, Grade.WARNING: 1}
    asked = [event for event in found.events if event.remedy and event.grade in order]
    for event in sorted(asked, key=lambda each: order[each.grade]):
        lines.setdefault(event.remedy, []).append(event.line)
    return [(remedy, sorted(set(numbers))) for remedy, numbers in lines.items()]


def lines_of(found: Explained, *, every: bool = False) -> Iterator[str]:
    """Yield one explanation for people.

    Args:
        found: The explanation.
        every: Show lines that are as they shall be one by one, however many.
    """
    yield f"{found.name}: {_verdict(found)}"
    previous: Event | None = None
    repeated = 0
    for event in found.events:
        if previous is not None and not every and _same(previous, event):
            repeated += 1
            continue
        if repeated:
            yield f"          ... {repeated} more like this"
            repeated = 0
        yield from _event_lines(event)
        previous = event
    if repeated:
        yield f"          ... {repeated} more like this"
    if found.more:
        more = ", ".join(f"{count} {kind}" for kind, count in sorted(found.more.items()))
        yield f"  more events of the same kinds: {more}"
    if found.truncated:
        yield f"  only the first {found.size:,} bytes were read"
    if found.cut:
        yield f"  {found.cut} lines are longer than a million characters; their ends were left out"
    yield from _unknown_lines(found)
    remedies = to_do(found)
    if remedies:
        yield "what to do:"
        for number, (remedy, lines) in enumerate(remedies, 1):
            yield f"  {number}. {remedy} ({_places(lines)})"


def _verdict(found: Explained) -> str:
    refused, warnings = found.grades[Grade.REFUSED], found.grades[Grade.WARNING]
    if refused:
        return f"{_count(refused, 'refusal')}, {_count(warnings, 'warning')}"
    if warnings:
        return f"nothing was refused; {_count(warnings, 'warning')}"
    return "nothing was refused" if found.events else "nothing that is known stands in it"


def _same(one: Event, other: Event) -> bool:
    return (one.source, one.kind, one.text) == (other.source, other.kind, other.text)


def _event_lines(event: Event) -> Iterator[str]:
    clock = f"{event.time} " if event.time else ""
    device = f"{event.device}: " if event.device and event.device not in event.text else ""
    yield f"  {event.line:>6} {_MARKS[event.grade]} {clock}{event.source}: {device}{event.text}"
    if event.why:
        yield f"            why: {event.why}"


def _unknown_lines(found: Explained) -> Iterator[str]:
    if not found.unknown:
        return
    yield f"  {_count(found.unknown, 'line')} of {found.lines} say nothing that is known here, such as"
    for line, text in found.examples:
        yield f"  {line:>6}    {text[:100]}"


def _places(lines: list[int]) -> str:
    shown = ", ".join(str(line) for line in lines[:_SHOWN_LINES])
    more = f" and {len(lines) - _SHOWN_LINES} more" if len(lines) > _SHOWN_LINES else ""
    return f"line{'s' if len(lines) > 1 else ''} {shown}{more}"


def _count(number: int, what: str) -> str:
    return f"{number} {what}{'' if number == 1 else 's'}"
