"""Two audits of one cluster: what is new, gone, unchanged, and what changed for which phone.

Rules:

1. A finding is one finding as long as it has one name; that it is about other phones, or worse, is a change of it.
2. What is found no more is gone only if its rule could look, and its node showed what it showed before: else it is
   :attr:`Comparison.unsure`. A fault does not go away because nobody saw.
3. A phone that is in one of both audits alone has come or gone; that is no change of what it holds.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from mixedmode.audit.live.document import STATE, Account, Told
from mixedmode.audit.live.finding import Standing

_ANSWERED = frozenset({Standing.CLEAR.value, Standing.HOLDS.value})


@dataclass(frozen=True, slots=True)
class PhoneChange:
    """What changed for a phone.

    Attributes:
        name: Its name.
        values: What is another, as (name, before, after); an empty text was not known.
        new: Names of findings that are about it now, and were not.
        gone: Names of findings that were about it, and are not any more.
    """

    name: str
    values: tuple[tuple[str, str, str], ...] = ()
    new: tuple[str, ...] = ()
    gone: tuple[str, ...] = ()

    @property
    def lines(self) -> tuple[str, ...]:
        """It in words, without the name."""
        return (
            *(f"{name}: {before or 'not known'} -> {after or 'not known'}" for name, before, after in self.values),
            *(f"now {each}" for each in self.new),
            *(f"no longer {each}" for each in self.gone),
        )


@dataclass(frozen=True, slots=True)
class Comparison:
    """What is different.

    Attributes:
        before: The earlier audit.
        after: The later one.
        new: Findings that were not there.
        gone: Findings that are there no more.
        unsure: Findings that are there no more because what they need was not seen.
        changed: Findings that are about other phones, or of another severity: before and after.
        unchanged: Findings as before.
        phones: What changed for which phone.
        came: Phones that were not there.
        left: Phones that are there no more.
    """

    before: Account
    after: Account
    new: tuple[Told, ...]
    gone: tuple[Told, ...]
    unsure: tuple[Told, ...]
    changed: tuple[tuple[Told, Told], ...]
    unchanged: tuple[Told, ...]
    phones: tuple[PhoneChange, ...]
    came: tuple[str, ...]
    left: tuple[str, ...]

    @property
    def is_news(self) -> bool:
        """Whether there is anything to say about findings."""
        return bool(self.new or self.gone or self.changed)


def compare(before: Account, after: Account) -> Comparison:
    """Return what is different between two audits."""
    both = [(before.findings[name], told) for name, told in after.findings.items() if name in before.findings]
    missing = [told for name, told in before.findings.items() if name not in after.findings]
    blind = {where for what, where in after.not_seen - before.not_seen if where and _is_of_a_node(what)}
    looked = [told for told in missing if _could_look(told, after, blind)]
    changed = [pair for pair in both if _as_compared(pair[0]) != _as_compared(pair[1])]
    return Comparison(
        before,
        after,
        tuple(told for name, told in after.findings.items() if name not in before.findings),
        tuple(looked),
        tuple(told for told in missing if told not in looked),
        tuple(changed),
        tuple(told for pair in both for told in pair[1:] if pair not in changed),
        tuple(_phones(before, after)),
        tuple(sorted(after.phones.keys() - before.phones.keys())),
        tuple(sorted(before.phones.keys() - after.phones.keys())),
    )


def _could_look(told: Told, after: Account, blind: set[str]) -> bool:
    """Return whether a finding's rule could look, and at the nodes that the finding is about."""
    places = {*told.id.split("/"), told.where, told.where.rpartition(" of ")[2]}
    return after.standings.get(told.rule, Standing.CLEAR.value) in _ANSWERED and not places & blind


def _is_of_a_node(what: str) -> bool:
    """Return whether what is missing is of a node itself, and not what one rule alone would have wanted."""
    return ":" not in what


def _as_compared(told: Told) -> tuple[object, ...]:
    # A title counts days and phones: it is another every day, and nothing has changed by that.
    return told.severity, told.phones


def _phones(before: Account, after: Account) -> Iterator[PhoneChange]:
    was, now = _by_phone(before), _by_phone(after)
    names = {*(before.phones.keys() & after.phones.keys()), *was, *now}
    for name in sorted(names):
        old, new = before.phones.get(name, {}), after.phones.get(name, {})
        values: tuple[tuple[str, str, str], ...] = ()
        if name in before.phones and name in after.phones:
            values = tuple(
                (each, old.get(each, ""), new.get(each, "")) for each in STATE if old.get(each, "") != new.get(each, "")
            )
        came = tuple(sorted(now.get(name, set()) - was.get(name, set())))
        went = tuple(sorted(was.get(name, set()) - now.get(name, set())))
        if values or came or went:
            yield PhoneChange(name, values, came, went)


def _by_phone(account: Account) -> dict[str, set[str]]:
    found: dict[str, set[str]] = {}
    for told in account.findings.values():
        for name in told.phones:
            found.setdefault(name, set()).add(told.id)
    return found


def comparison_document(comparison: Comparison) -> dict[str, Any]:
    """Return a comparison as JSON."""
    return {
        "before": comparison.before.ended,
        "after": comparison.after.ended,
        "new": [each.id for each in comparison.new],
        "gone": [each.id for each in comparison.gone],
        "unsure": [each.id for each in comparison.unsure],
        "changed": [after.id for _, after in comparison.changed],
        "unchanged": [each.id for each in comparison.unchanged],
        "phones": [
            {
                "name": each.name,
                "changes": {name: {"before": old or None, "after": new or None} for name, old, new in each.values},
                "new": list(each.new),
                "gone": list(each.gone),
            }
            for each in comparison.phones
        ],
        "phones_came": list(comparison.came),
        "phones_left": list(comparison.left),
    }


def states_of(comparison: Comparison) -> Mapping[str, str]:
    """Return by name of finding what SARIF calls its baseline state."""
    return {
        **{each.id: "new" for each in comparison.new},
        **{each.id: "unchanged" for each in comparison.unchanged},
        **{after.id: "updated" for _, after in comparison.changed},
    }
