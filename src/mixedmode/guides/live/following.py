"""Which phones hold the published list by what is known of them, and who stays behind: PURE."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Final

from mixedmode.inventory.kinds import PhoneKind, Unexplained, shown_held
from mixedmode.procedures.checks import Finding
from mixedmode.procedures.facts import PhoneKind as ProcedureKind
from mixedmode.procedures.phones import Rules
from mixedmode.trustlist.model import TrustList

_NAMED: Final = 20


@dataclass(frozen=True, slots=True)
class Behind:
    """A phone that does not hold the published CTL, as far as is known.

    Attributes:
        name: Its device name.
        model: Its model.
        holds: The list that it holds instead; empty if that is not known.
        do: What helps, by the procedure's rules.
    """

    name: str
    model: str
    holds: str
    do: str


@dataclass(frozen=True, slots=True)
class Standing:
    """How phones stand.

    Attributes:
        holding: How many hold the published CTL.
        behind: Those that hold another one, or none.
        unknown: Those of which it is not known.
    """

    holding: int
    behind: tuple[Behind, ...]
    unknown: tuple[Behind, ...]

    @property
    def total(self) -> int:
        """How many phones there are."""
        return self.holding + len(self.behind) + len(self.unknown)

    def finding(self, sha1: str) -> Finding:
        """Return it as a finding; phones that lag behind keep nobody, and are named."""
        what = f"phones hold the published CTL file, SHA-1 {sha1[:8]}"
        held = True if self.holding == self.total else None
        return Finding(what, held, f"{self.holding:,} of {self.total:,}")

    def lines(self) -> list[str]:
        """Return who stays behind, for people."""
        found = []
        for title, phones in (("behind", self.behind), ("not known", self.unknown)):
            found += [
                f"  {title}: {each.name} ({each.model}){f', holds {each.holds}' if each.holds else ''}"
                f"{f'; {each.do}' if each.do and title == 'behind' else ''}"
                for each in phones[:_NAMED]
            ]
            if len(phones) > _NAMED:
                found.append(f"  {title}: and {len(phones) - _NAMED:,} more")
        return found


def standing(phones: Iterable[tuple[str, PhoneKind]], published: TrustList, rules: Rules) -> Standing:
    """Return how phones stand.

    Args:
        phones: What is known of them.
        published: The CTL that is served.
        rules: What each kind of phone needs.
    """
    hashes = {published.md5, published.sha1, published.sha256}
    holding, behind, unknown = 0, [], []
    for name, kind in phones:
        held = kind.ctl
        digest = held.sha256 if isinstance(held, TrustList) else held.digest if isinstance(held, Unexplained) else ""
        if digest in hashes:
            holding += 1
        elif isinstance(held, Unexplained) and not held.digest:
            unknown.append(Behind(name, kind.model_name, "", ""))
        else:
            behind.append(Behind(name, kind.model_name, f"CTL {shown_held(held)}", _remedy(kind, rules)))
    return Standing(holding, tuple(behind), tuple(unknown))


def _remedy(kind: PhoneKind, rules: Rules) -> str:
    if kind.model is None or not kind.model.security_by_default:
        rule = rules[ProcedureKind.LEGACY]
    else:
        rule = rules[ProcedureKind.WITHOUT_ITL if kind.itl is None else ProcedureKind.WITH_ITL]
    return rule.remedy.text() if rule.remedy is not None else rule.does
