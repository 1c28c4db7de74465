"""An audit on the screen: worst first, and as much of each as there is room for."""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING, Final

from mixedmode.audit.live.finding import Severity
from mixedmode.faces.report.audit import changes_in_words, counted, said
from mixedmode.faces.terminal.console import Colour, Painted

if TYPE_CHECKING:
    from mixedmode.audit.live.comparing import Comparison
    from mixedmode.audit.live.finding import Finding
    from mixedmode.audit.live.judging import Judgement

_COLOURS: Final = {Severity.CRITICAL: Colour.RED, Severity.SERIOUS: Colour.RED, Severity.MODERATE: Colour.YELLOW}
ROOM: Final = 40
"""Lines, but for ``--all``."""
_SHORT: Final = 12
_MOST_NOT_SEEN: Final = 5
_MOST_PHONES: Final = 20
_NAMES: Final = 40


def screen(judgement: Judgement, *, everything: bool = False, names: bool = False) -> Iterator[str]:
    """Yield the lines of an audit.

    Args:
        judgement: What was found.
        everything: Whether all is told, however long it gets.
        names: Whether phones are named.
    """
    yield f"{judgement.cluster}: {counted(judgement)}{_about(judgement)}"
    room = ROOM
    left = list(judgement.findings)
    while left:
        lines = list(_whole(left[0], names=names))
        if not everything and room - len(lines) < min(len(left) - 1, _SHORT):
            break
        yield ""
        yield from lines
        room -= len(lines) + 1
        left.pop(0)
    if left:
        yield ""
    for finding in left[: None if everything else max(_SHORT, room)]:
        yield _head(finding)
    hidden = len(left) - max(_SHORT, room)
    if left and not everything:
        yield f"{f'and {hidden:,} more; ' if hidden > 0 else ''}--all tells each whole, --html FILE and --json too"
    yield from _not_seen(judgement, everything=everything)


def _about(judgement: Judgement) -> str:
    versions = {node.version for node in judgement.nodes if node.version}
    nodes, phones = len(judgement.nodes), judgement.phones
    words = [f"{nodes} {'node' if nodes == 1 else 'nodes'}", *sorted(versions)]
    return f" ({', '.join(words)}{f', {phones:,} phones' if phones else ''})"


def _head(finding: Finding) -> str:
    line = f"{finding.severity.upper():<11} {finding.id}  {finding.title}"
    colour = _COLOURS.get(finding.severity)
    return line if colour is None else Painted(line, colour)


def _whole(finding: Finding, *, names: bool) -> Iterator[str]:
    yield _head(finding)
    for line in finding.evidence:
        yield f"  seen:   {line}"
    count = finding.phone_count
    yield f"  phones: {'not known how many' if count is None else f'{count:,}'}. {finding.effect}"
    if names and finding.phones:
        more = len(finding.phones) - _NAMES
        yield f"          {' '.join(finding.phones[:_NAMES])}{f' and {more:,} more' if more > 0 else ''}"
    for number, step in enumerate(finding.remedy, 1):
        yield f"  {number}. {step}"


def _not_seen(judgement: Judgement, *, everything: bool) -> Iterator[str]:
    missing = judgement.not_seen
    if not missing:
        return
    yield ""
    yield f"Not seen, so nothing is said of it: {len(missing):,} {'thing' if len(missing) == 1 else 'things'}"
    for each in missing if everything else missing[:_MOST_NOT_SEEN]:
        yield f"  {each.what}{f' of {each.where}' if each.where else ''}: {each.why}"
    if not everything and len(missing) > _MOST_NOT_SEEN:
        yield f"  and {len(missing) - _MOST_NOT_SEEN:,} more: --all"


def compared(comparison: Comparison) -> Iterator[str]:
    """Yield the lines of what changed since an earlier audit."""
    yield f"Since {comparison.before.ended[:19]}: {said(comparison)}"
    rows = (
        ("new", comparison.new, Colour.RED),
        ("gone", comparison.gone, Colour.GREEN),
        ("not seen any more", comparison.unsure, Colour.YELLOW),
        ("changed", tuple(after for _, after in comparison.changed), Colour.YELLOW),
    )
    for word, found, colour in rows:
        for told in found:
            yield Painted(f"  {word}: {told.severity} {told.id}  {told.title}", colour)
    yield from changes_in_words(comparison.phones, _MOST_PHONES)
    yield ""
