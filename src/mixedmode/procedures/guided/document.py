"""A guided run as a JSON document, and back: what a database keeps of it, whichever release wrote it."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Any, Final

from mixedmode.errors import MalformedError
from mixedmode.procedures.checks import Finding
from mixedmode.procedures.facts import Facts, ListFacts
from mixedmode.procedures.guided.run import Person, Run, RunState, StepRecord, StepState

_SAID: Final = 4000
"""Lines of an output that are kept."""


def document_of(run: Run) -> dict[str, Any]:
    """Return a run as JSON."""
    return {
        "procedure": run.procedure,
        "state": run.state.value,
        "who": _person(run.who),
        "planned": _moment(run.planned),
        "began": _moment(run.began),
        "ended": _moment(run.ended),
        "steps": [_step(each) for each in run.steps],
        "before": _facts(run.before),
        "judged": _findings(run.judged),
        "forecast": dict(run.forecast),
        "accepted": run.accepted,
        "choices": dict(run.choices),
    }


def run_of(document: Mapping[str, Any]) -> Run:
    """Return the run that a document tells of.

    Raises:
        MalformedError: It is none.
    """
    try:
        return Run(
            document["procedure"],
            RunState(document["state"]),
            Person(*document["who"]),
            datetime.fromisoformat(document["planned"]),
            tuple(_step_of(each) for each in document["steps"]),
            _time(document["began"]),
            _time(document["ended"]),
            _facts_of(document["before"]),
            _findings_of(document["judged"]),
            document["forecast"],
            document["accepted"],
            document["choices"],
        )
    except (KeyError, TypeError, ValueError) as error:
        raise MalformedError(
            "the state of a guided run cannot be read", why=str(error), next_step="stop it, and begin another"
        ) from error


def _step(record: StepRecord) -> dict[str, Any]:
    said = record.said if len(record.said) <= _SAID else (*record.said[:_SAID], "[...]")
    return {
        "state": record.state.value,
        "who": _person(record.who),
        "began": _moment(record.began),
        "ended": _moment(record.ended),
        "attempt": record.attempt,
        "taking_back": record.taking_back,
        "said": list(said),
        "findings": _findings(record.findings),
        "problem": record.problem,
    }


def _step_of(document: Mapping[str, Any]) -> StepRecord:
    return StepRecord(
        StepState(document["state"]),
        Person(*document["who"]),
        _time(document["began"]),
        _time(document["ended"]),
        document["attempt"],
        document["taking_back"],
        tuple(document["said"]),
        _findings_of(document["findings"]),
        document["problem"],
    )


def _facts(facts: Facts) -> dict[str, Any]:
    """Return what is looked at again at the end of a step; phones are not, and there may be 40,000."""
    return {
        "nodes": list(facts.nodes),
        "mode": facts.mode,
        "ctl": _list(facts.ctl),
        "itl": _list(facts.itl),
        "callmanager_serial": facts.callmanager_serial,
    }


def _facts_of(document: Mapping[str, Any]) -> Facts:
    return Facts(
        nodes=tuple(document["nodes"]),
        mode=document["mode"],
        ctl=_list_of(document["ctl"]),
        itl=_list_of(document["itl"]),
        callmanager_serial=document["callmanager_serial"],
    )


def _list(facts: ListFacts | None) -> dict[str, Any] | None:
    if facts is None:
        return None
    return {
        "md5": facts.md5,
        "sha1": facts.sha1,
        "length": facts.length,
        "signer_serial": facts.signer_serial,
        "signed_by": facts.signed_by,
        "certificates": sorted(facts.certificates),
        "callmanagers": facts.callmanagers,
    }


def _list_of(document: Mapping[str, Any] | None) -> ListFacts | None:
    if document is None:
        return None
    return ListFacts(**{**document, "certificates": frozenset(document["certificates"])})


def _findings(findings: Sequence[Finding]) -> list[list[Any]]:
    return [[each.what, each.held, each.detail] for each in findings]


def _findings_of(document: Sequence[Sequence[Any]]) -> tuple[Finding, ...]:
    return tuple(Finding(*each) for each in document)


def _person(person: Person) -> list[str]:
    return [person.name, person.source]


def _moment(moment: datetime | None) -> str | None:
    return None if moment is None else moment.isoformat()


def _time(text: str | None) -> datetime | None:
    return None if text is None else datetime.fromisoformat(text)
