"""The report of an audit, and the report before and after a change: one file, printable, for a ticket."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import Final

from mixedmode.audit.live.comparing import Comparison, PhoneChange
from mixedmode.audit.live.document import Told
from mixedmode.audit.live.finding import Finding, Severity
from mixedmode.audit.live.judging import Judgement
from mixedmode.faces.pictures.looks import text
from mixedmode.faces.report.page import page, table

_CSS: Final = {
    Severity.CRITICAL: "locked",
    Severity.SERIOUS: "frozen",
    Severity.MODERATE: "behind",
    Severity.INFORMATION: "unknown",
}
_MOST_NAMES: Final = 1000
_MOST_PHONES: Final = 2000


def audit_report(judgement: Judgement, made: str, comparison: Comparison | None = None, *, names: bool = False) -> str:
    """Return the page.

    Args:
        judgement: What was found.
        made: When and by whom the page was made.
        comparison: With an earlier audit; the page is then about what changed.
        names: Whether findings name their phones.
    """
    parts = [] if comparison is None else list(_compared(comparison))
    parts += [_finding(each, names=names) for each in judgement.findings]
    if not judgement.findings:
        parts.append('<section class="card"><h2>Nothing was found</h2></section>')
    parts += [_nodes(judgement), _not_seen(judgement)]
    title = "Audit" if comparison is None else "Before and after"
    lead = counted(judgement)
    if comparison is not None:
        lead = f"{comparison.before.ended[:16]} to {comparison.after.ended[:16]} UTC: {said(comparison)}. Now: {lead}"
    body = (
        f'{_ribbon(judgement)}\n<main id="main"><div class="head"><h1>{text(f"{title}: {judgement.cluster}")}</h1>'
        f'<p class="lead">{text(lead)}</p></div>\n<div class="stack">{"".join(parts)}</div></main>'
    )
    where = f"{judgement.cluster}, {judgement.ended:%Y-%m-%d %H:%M} UTC"
    return page(f"{title}: {judgement.cluster}", where, body, made)


def counted(judgement: Judgement) -> str:
    """Return how many findings there are, by severity."""
    numbers = {each: sum(found.severity is each for found in judgement.findings) for each in Severity}
    words = ", ".join(f"{count:,} {severity}" for severity, count in numbers.items() if count)
    return words or "nothing found"


def said(comparison: Comparison) -> str:
    """Return in one clause how many findings are new, gone and as before."""
    rows = (
        ("new", comparison.new),
        ("gone", comparison.gone),
        ("changed", comparison.changed),
        ("unchanged", comparison.unchanged),
        ("not seen any more", comparison.unsure),
    )
    words = ", ".join(f"{len(found):,} {word}" for word, found in rows if found) or "no findings then and now"
    phones = len(comparison.phones)
    return f"{words}; something changed for {phones:,} {'phone' if phones == 1 else 'phones'}"


def _ribbon(judgement: Judgement) -> str:
    items = "".join(
        f'<li class="{_CSS[each]}{" some" if any(found.severity is each for found in judgement.findings) else ""}">'
        f"<b>{sum(found.severity is each for found in judgement.findings):,}</b> <span>{each}</span></li>"
        for each in Severity
    )
    return (
        f'<ul class="ribbon" aria-label="Findings by severity">{items}<li><b>{judgement.phones:,}</b> phones</li></ul>'
    )


def _finding(finding: Finding, *, names: bool) -> str:
    evidence = "".join(f"<li>{text(line)}</li>" for line in finding.evidence)
    steps = "".join(_step(str(step.text), step.command, step.node) for step in finding.remedy)
    phones = "not known" if finding.phone_count is None else f"{finding.phone_count:,}"
    listed = ""
    if names and finding.phones:
        shown = "".join(f"<li>{text(name)}</li>" for name in finding.phones[:_MOST_NAMES])
        more = len(finding.phones) - _MOST_NAMES
        listed = f'<ul class="names">{shown}</ul>' + (f'<p class="soft">and {more:,} more</p>' if more > 0 else "")
    return (
        f'<section class="card"><h2>{_badge(finding.severity)} {text(finding.title)}</h2>'
        f'<dl class="kv"><dt>Name</dt><dd class="mono">{text(finding.id)}</dd>'
        f"<dt>Phones</dt><dd>{phones}. {text(finding.effect)}</dd>"
        f"<dt>Seen</dt><dd><ul>{evidence}</ul></dd><dt>To do</dt><dd><ol>{steps}</ol></dd></dl>{listed}</section>\n"
    )


def _step(what: str, command: str, node: str) -> str:
    typed = f"<code>{text(command)}</code>" if command else ""
    place = f" at the admin: prompt of {text(node)}" if node and command else ""
    joined = f"{typed}{place}: {text(what)}" if typed and what else typed + place or text(what)
    return f"<li>{joined}</li>"


def _badge(severity: Severity) -> str:
    return f'<span class="o {_CSS[severity]}">{severity}</span>'


def _nodes(judgement: Judgement) -> str:
    rows = [
        [
            f'<th scope="row">{text(node.name)}</th>',
            *(f"<td>{text(each)}</td>" for each in (node.address, node.role or "-", node.version or "not known")),
        ]
        for node in judgement.nodes
    ]
    head = [("Node", ""), ("Address", ""), ("Role", ""), ("Version", "")]
    return f'<section class="card flush"><h2>Nodes</h2>{table(head, rows, label="Nodes")}</section>\n'


def _not_seen(judgement: Judgement) -> str:
    if not judgement.not_seen:
        return ""
    rows = [
        [f'<th scope="row">{text(each.what)}</th><td>{text(each.where)}</td><td>{text(each.why)}</td>']
        for each in judgement.not_seen
    ]
    head = [("What", ""), ("Where", ""), ("Why", "")]
    return (
        '<section class="card flush"><h2>What was not seen</h2><p class="soft">It says nothing, neither good nor bad.'
        f"</p>{table(head, rows, label='What was not seen')}</section>\n"
    )


def _compared(comparison: Comparison) -> Iterable[str]:
    rows: list[list[str]] = []
    for word, found in (
        ("new", comparison.new),
        ("gone", comparison.gone),
        ("not seen any more", comparison.unsure),
        ("changed", tuple(after for _, after in comparison.changed)),
        ("unchanged", comparison.unchanged),
    ):
        rows += [_row(word, told) for told in found]
    head = [("", ""), ("Severity", ""), ("Finding", ""), ("What it says", ""), ("Phones", "num")]
    shown = table(head, rows, label="Findings before and after")
    yield f'<section class="card flush"><h2>Findings</h2>{shown}</section>\n'
    yield _phones(comparison)


def _row(word: str, told: Told) -> list[str]:
    count = len(told.phones) or told.count
    return [
        f'<th scope="row">{word}</th>',
        f'<td>{_badge(told.severity)}</td><td class="mono">{text(told.id)}</td><td>{text(told.title)}</td>',
        f'<td class="num">{"" if count is None else f"{count:,}"}</td>',
    ]


def _phones(comparison: Comparison) -> str:
    alike: dict[tuple[str, ...], list[str]] = {}
    for each in comparison.phones:
        alike.setdefault(each.lines, []).append(each.name)
    rows = [
        [
            f'<td class="num">{len(names):,}</td><td>{"<br>".join(text(line) for line in lines)}</td>',
            f'<td class="mono brk">{text(_named(names))}</td>',
        ]
        for lines, names in sorted(alike.items(), key=lambda item: -len(item[1]))[:_MOST_PHONES]
    ]
    gone = "".join(
        f"<p>{word}: {len(names):,}. <span class='mono brk'>{text(_named(names))}</span></p>"
        for word, names in (("Phones that came", comparison.came), ("Phones that are gone", comparison.left))
        if names
    )
    head = [("Phones", "num"), ("What changed", ""), ("Names", "")]
    shown = table(head, rows, label="What changed for which phone") if rows else "<p>Nothing changed for any phone.</p>"
    return f'<section class="card flush"><h2>What changed for which phone</h2>{shown}{gone}</section>\n'


def _named(names: Sequence[str]) -> str:
    more = len(names) - _MOST_NAMES
    return ", ".join(names[:_MOST_NAMES]) + (f" and {more:,} more" if more > 0 else "")


def changes_in_words(changes: Iterable[PhoneChange], most: int) -> list[str]:
    """Return what changed for phones in lines of text, at most so many."""
    listed = list(changes)
    lines = [f"  {each.name}: {'; '.join(each.lines)}" for each in listed[:most]]
    more = [f"  and {len(listed) - most:,} more phones: --html FILE or --json names all"] if len(listed) > most else []
    return lines + more
