"""What can be seen of a lab, as the facts that procedures are judged by."""

from __future__ import annotations

from collections.abc import Callable, Collection, Mapping
from typing import Any, Final

from mixedmode.guides.lists import list_facts
from mixedmode.guides.observer import certificate_facts, service_facts
from mixedmode.phone.mind.outcome import BootOutcome
from mixedmode.procedures.facts import Facts, PhoneFacts, Topic
from mixedmode.procedures.reading import shown_mode, traced
from mixedmode.rehearsal.stage import Stage


def observe(stage: Stage, topics: Collection[Topic]) -> Facts:
    """Return what is so now.

    Args:
        stage: Of the lab.
        topics: What to look at.
    """
    seen: dict[str, Any] = {}
    for topic in topics:
        seen |= _LOOK[topic](stage)
    return Facts(
        nodes=tuple(stage.lab.nodes),
        said=stage.said,
        failed=stage.failed,
        tokens=stage.hands.facts,
        looked=frozenset(topics),
        **seen,
    )


def _mode(stage: Stage) -> dict[str, Any]:
    shown = shown_mode(stage.said)
    return {"mode": stage.lab.cluster.mode.value if shown is None else shown}


def _lists(stage: Stage) -> dict[str, Any]:
    cluster = stage.lab.cluster
    differing = frozenset(node for node in stage.lab.nodes if cluster.show_ctl(node).differs)
    return {
        "ctl": list_facts(stage.published_ctl()),
        "itl": list_facts(stage.published_itl()),
        "differing": differing,
    }


def _phones(stage: Stage) -> dict[str, Any]:
    return {"phones": tuple(phone_facts(boot) for boot in stage.boots.values())}


def phone_facts(boot: BootOutcome) -> PhoneFacts:
    """Return what procedures ask of a phone."""
    ctl, itl = boot.trust.ctl, boot.trust.itl
    return PhoneFacts(
        boot.name,
        boot.model.name,
        boot.model.security_by_default,
        None if ctl is None else ctl.md5,
        None if ctl is None else ctl.sha1,
        None if itl is None else itl.md5,
        boot.refused,
        bool(boot.kept_lists),
        None if boot.alarm is None else boot.alarm.name,
    )


def _tvs(stage: Stage) -> dict[str, Any]:
    return {"tvs": {node: traced(stage.tvs_trace(node)) for node in stage.lab.nodes}}


_LOOK: Final[Mapping[Topic, Callable[[Stage], dict[str, Any]]]] = {
    Topic.MODE: _mode,
    Topic.LISTS: _lists,
    Topic.CERTIFICATES: lambda stage: certificate_facts(stage.lab.cluster),
    Topic.REGISTRATIONS: lambda stage: {"stations": stage.stations.facts()},
    Topic.CALLS: lambda stage: {"calls": stage.stations.calls},
    Topic.SERVICES: lambda stage: service_facts(stage.lab.cluster),
    Topic.PHONES: _phones,
    Topic.TVS: _tvs,
}
