"""Every rule over one observation.

Rules:

1. A rule that fails on what a stranger sent is a gap with the reason, not the end of the audit.
2. Worst first; within a severity the order of the table, then of the rule.
3. What was not seen is told with it, each thing once.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from datetime import datetime
from typing import TYPE_CHECKING

from mixedmode.audit.live.finding import Finding, Gap, Severity, Standing
from mixedmode.audit.live.rule import Rule, Subject
from mixedmode.audit.live.scene import Scene
from mixedmode.audit.live.table import RULES
from mixedmode.errors import MixedModeError
from mixedmode.live.observed import NodeSeen, NotSeen, Observation

if TYPE_CHECKING:
    from mixedmode.trustlist.model import TrustList


@dataclass(frozen=True, slots=True)
class Judgement:
    """What is wrong with a cluster.

    Attributes:
        cluster: Its name.
        begun: When it was looked at, UTC.
        ended: Until when, UTC.
        nodes: Its nodes.
        findings: What is wrong, worst first.
        not_seen: What was not seen, and so says nothing.
        standings: What became of each rule, by its name.
        phones: How many phones were looked at.
    """

    cluster: str
    begun: datetime
    ended: datetime
    nodes: tuple[NodeSeen, ...]
    findings: tuple[Finding, ...]
    not_seen: tuple[NotSeen, ...]
    standings: Mapping[str, Standing]
    phones: int = 0

    def reaches(self, threshold: Severity | None) -> bool:
        """Return whether a finding is as bad as a threshold; never for None."""
        return any(each.severity.reaches(threshold) for each in self.findings)


def judge(observation: Observation, archive: Mapping[str, TrustList] | None = None) -> Judgement:
    """Judge an observation.

    Args:
        observation: What was seen.
        archive: Lists that were seen before, by the SHA-1 and MD5 of their bytes in lower hex.
    """
    scene = Scene(observation, archive)
    findings: list[Finding] = []
    missing: dict[tuple[str, str, str], None] = {
        (each.what, each.where, each.why): None for each in observation.not_seen
    }
    standings: dict[str, Standing] = {}
    without: dict[Subject, list[str]] = {}
    for rule in RULES:
        if (rule.of is Subject.LISTS and not scene.lists) or (rule.of is Subject.PHONES and not observation.phones):
            without.setdefault(rule.of, []).append(rule.id)
            standings[rule.id] = Standing.NO_EVIDENCE
            continue
        found, gaps = _look(rule, scene)
        findings += found
        missing |= {(f"{rule.id}: {gap.what}", gap.where, gap.why): None for gap in gaps}
        standings[rule.id] = Standing.HOLDS if found else Standing.NO_EVIDENCE if gaps else Standing.CLEAR
    missing |= {(f"{', '.join(rules)}: {of}", "", f"no {of} were read"): None for of, rules in without.items()}
    return Judgement(
        observation.cluster,
        observation.begun,
        observation.ended,
        scene.nodes,
        tuple(sorted(_once(findings), key=lambda each: each.severity.rank)),
        tuple(NotSeen(*each) for each in missing),
        standings,
        len(observation.phones),
    )


def _look(rule: Rule, scene: Scene) -> tuple[list[Finding], list[Gap]]:
    found: list[Finding] = []
    gaps: list[Gap] = []
    try:
        for each in rule.judge(scene):
            if isinstance(each, Gap):
                gaps.append(each)
            else:
                found.append(each if each.effect else replace(each, effect=rule.effect))
    except MixedModeError as error:
        gaps.append(Gap("what a node or phone sent", error.where or "", str(error)))
    return found, gaps


def _once(findings: list[Finding]) -> list[Finding]:
    """Return the findings with each name once: the worst of those that have it."""
    best: dict[str, Finding] = {}
    for each in findings:
        if each.id not in best or each.severity.rank < best[each.id].severity.rank:
            best[each.id] = each
    return list(best.values())
