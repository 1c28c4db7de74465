"""What a look at a cluster has to say beside the one before, and in which words.

Rules:

1. It speaks when a finding is new, gone, of another severity, or about phones that it was not about; when the cluster
   cannot be looked at any more, and when it can again. Else it is silent.
2. A finding whose rule could not look stays known: neither is its absence news, nor its return.
3. Phones are counted, not named.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Any, Final

from mixedmode.audit.live.comparing import Comparison
from mixedmode.audit.live.document import Account, Told
from mixedmode.audit.live.judging import Judgement

_MOST: Final = 50
_LONGEST: Final = 300


@dataclass(frozen=True, slots=True)
class News:
    """One message.

    Attributes:
        subject: One line.
        lines: The text.
        document: The same for programs.
    """

    subject: str
    lines: tuple[str, ...]
    document: Mapping[str, Any]


def known_after(comparison: Comparison) -> Account:
    """Return what is known after a look: what was seen, and what could not be looked at (rule 2)."""
    kept = {each.id: each for each in comparison.unsure}
    return replace(comparison.after, findings={**kept, **comparison.after.findings})


def news_of(comparison: Comparison, judgement: Judgement) -> News | None:
    """Return what is to be told; None if there is nothing (rule 1)."""
    worse = [
        (old, new) for old, new in comparison.changed if old.severity is not new.severity or new.phones - old.phones
    ]
    if not (comparison.new or comparison.gone or worse):
        return None
    counts = ", ".join(
        f"{len(found)} {word}"
        for word, found in (("new", comparison.new), ("gone", comparison.gone), ("changed", worse))
        if found
    )
    subject = f"{judgement.cluster}: {counts}"
    if comparison.new:
        subject += f"; worst: {comparison.new[0].severity} {comparison.new[0].id}"
    remedies = {each.id: each.remedy for each in judgement.findings}
    lines = [f"{judgement.ended:%Y-%m-%d %H:%M} UTC, {subject}"]
    for word, found in (("new", comparison.new), ("changed", [new for _, new in worse]), ("gone", comparison.gone)):
        for told in found[:_MOST]:
            lines.append(f"{word}: {told.severity} {told.id}: {told.title}{_phones(told)}")
            lines += [
                f"    {number}. {step}" for number, step in enumerate(remedies.get(told.id, ()), 1) if word != "gone"
            ]
    document = {
        "kind": "mixedmode-watch",
        "cluster": judgement.cluster,
        "at": judgement.ended.isoformat(),
        "subject": _short(subject),
        "text": "\n".join(lines),
        "new": [_document(each) for each in comparison.new[:_MOST]],
        "changed": [_document(new) for _, new in worse[:_MOST]],
        "gone": [_document(each) for each in comparison.gone[:_MOST]],
        "findings": len(judgement.findings),
    }
    return News(_short(subject), tuple(lines), document)


def unreachable(cluster: str, at: str, why: str) -> News:
    """Return the message that a cluster cannot be looked at any more."""
    subject = f"{cluster}: cannot be looked at"
    return _about_reach(
        cluster, at, subject, "unreachable", (f"{at}, {subject}: {why}", "Nothing is known of it meanwhile.")
    )


def reachable(cluster: str, at: str) -> News:
    """Return the message that a cluster can be looked at again."""
    subject = f"{cluster}: can be looked at again"
    return _about_reach(cluster, at, subject, "reachable", (f"{at}, {subject}",))


def _about_reach(cluster: str, at: str, subject: str, kind: str, lines: tuple[str, ...]) -> News:
    document = {
        "kind": "mixedmode-watch",
        "cluster": cluster,
        "at": at,
        "subject": _short(subject),
        "text": "\n".join(lines),
        "reach": kind,
    }
    return News(_short(subject), lines, document)


def _document(told: Told) -> dict[str, Any]:
    return {
        "id": told.id,
        "rule": told.rule,
        "severity": told.severity.value,
        "title": told.title,
        "where": told.where,
        "phone_count": len(told.phones) or told.count,
    }


def _phones(told: Told) -> str:
    count = len(told.phones) or told.count
    return "" if not count else f" [{count:,} {'phone' if count == 1 else 'phones'}]"


def _short(text: str) -> str:
    return text if len(text) <= _LONGEST else f"{text[: _LONGEST - 3]}..."
