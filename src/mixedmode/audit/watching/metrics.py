"""A judgement for Prometheus, in its text format 0.0.4."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from typing import Final

from mixedmode.audit.live.finding import Severity, Standing
from mixedmode.audit.live.judging import Judgement
from mixedmode.printable import printable

_ESCAPES: Final = {"\\": "\\\\", '"': '\\"', "\n": "\\n"}
CONTENT_TYPE: Final = "text/plain; version=0.0.4; charset=utf-8"
Sample = tuple[Mapping[str, str], float]


def metrics(judgement: Judgement | None, cluster: str, *, up: bool, at: float, undelivered: int = 0) -> str:
    """Return the text.

    Args:
        judgement: The last one that there is.
        cluster: The cluster's name.
        up: Whether the last look succeeded.
        at: When that was, seconds since 1970.
        undelivered: Messages that nobody took yet.
    """
    base = {"cluster": cluster}
    lines = [
        *_gauge("mixedmode_audit_up", "Whether the last look at the cluster succeeded.", [(base, float(up))]),
        *_gauge("mixedmode_audit_timestamp_seconds", "When the last look ended.", [(base, at)]),
        *_gauge(
            "mixedmode_watch_undelivered", "Messages that are still to be delivered.", [(base, float(undelivered))]
        ),
    ]
    if judgement is not None:
        lines += _of(judgement, base)
    return "\n".join(lines) + "\n"


def _of(judgement: Judgement, base: Mapping[str, str]) -> Iterator[str]:
    found = judgement.findings
    by_severity = [
        ({**base, "severity": each.value}, float(sum(one.severity is each for one in found))) for each in Severity
    ]
    named = [({**base, "id": one.id, "rule": one.rule, "severity": one.severity.value}, one) for one in found]
    standings = [
        ({**base, "standing": each.value}, float(sum(one is each for one in judgement.standings.values())))
        for each in Standing
    ]
    yield from _gauge("mixedmode_audit_findings", "Findings by severity.", by_severity)
    yield from _gauge("mixedmode_audit_finding", "Each finding.", [(labels, 1.0) for labels, _ in named])
    yield from _gauge(
        "mixedmode_audit_finding_phones",
        "Phones that a finding is about.",
        [(labels, float(one.phone_count)) for labels, one in named if one.phone_count is not None],
    )
    yield from _gauge("mixedmode_audit_rules", "Rules by what became of them.", standings)
    yield from _gauge(
        "mixedmode_audit_not_seen", "Things that were not seen.", [(base, float(len(judgement.not_seen)))]
    )
    yield from _gauge("mixedmode_audit_nodes", "Nodes.", [(base, float(len(judgement.nodes)))])
    yield from _gauge("mixedmode_audit_phones", "Phones that were looked at.", [(base, float(judgement.phones))])
    seconds = (judgement.ended - judgement.begun).total_seconds()
    yield from _gauge("mixedmode_audit_duration_seconds", "How long the look took.", [(base, seconds)])


def _gauge(name: str, words: str, samples: Iterable[Sample]) -> Iterator[str]:
    yield f"# HELP {name} {words}"
    yield f"# TYPE {name} gauge"
    for labels, value in samples:
        text = ",".join(f'{label}="{_escaped(each)}"' for label, each in labels.items())
        yield f"{name}{{{text}}} {value:.15g}"


def _escaped(text: str) -> str:
    return "".join(_ESCAPES.get(each, each) for each in printable(text))
