"""A judgement as a document, and what a later audit reads of it again (docs/specification/command-line.md 2).

Rules:

1. A document names phones and carries the lists that were served: ``--baseline`` reads both. The lists are then those
   "seen before", by which a later audit knows what a phone holds.
2. A document of an earlier or later version of this program is read as far as it is understood; one that is none is an
   error that says where.
"""

from __future__ import annotations

import base64
import binascii
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any, Final

from mixedmode.audit.live.finding import Finding, Severity
from mixedmode.audit.live.judging import Judgement
from mixedmode.audit.live.scene import LIST_FILES
from mixedmode.errors import MalformedError
from mixedmode.live.observed import Observation, PhoneSeen
from mixedmode.trustlist.model import TrustList

KIND: Final = "mixedmode-audit"
VERSION: Final = 1
STATE: Final = ("model", "itl", "ctl", "status", "node", "load", "security_mode", "lsc_until", "certificate_status")
"""What of a phone is kept, so that a later audit can say what changed."""


@dataclass(frozen=True, slots=True)
class Told:
    """A finding as a document has it.

    Attributes:
        id: Its name.
        severity: How bad it was.
        title: What it said.
        phones: The phones' names.
        count: How many phones, None if that was not known.
        rule: Its rule.
        where: The node, list or store.
    """

    id: str
    severity: Severity
    title: str
    phones: frozenset[str] = frozenset()
    count: int | None = None
    rule: str = ""
    where: str = ""


@dataclass(frozen=True, slots=True)
class Account:
    """What a document says, as far as another audit asks.

    Attributes:
        cluster: The cluster's name.
        ended: When it was looked at, as text.
        findings: By name.
        phones: What was known of each phone, by name.
        standings: What became of each rule.
        archive: The lists that were served, by SHA-1 and MD5.
        not_seen: What was not seen, and where.
    """

    cluster: str
    ended: str
    findings: Mapping[str, Told]
    phones: Mapping[str, Mapping[str, str]]
    standings: Mapping[str, str]
    archive: Mapping[str, TrustList]
    not_seen: frozenset[tuple[str, str]] = frozenset()


def document(judgement: Judgement, observation: Observation) -> dict[str, Any]:
    """Return a judgement as JSON."""
    return {
        "kind": KIND,
        "version": VERSION,
        "cluster": judgement.cluster,
        "begun": judgement.begun.isoformat(),
        "ended": judgement.ended.isoformat(),
        "nodes": [
            {
                "name": node.name,
                "address": node.address,
                "role": node.role or None,
                "version": node.version or None,
                "clock_offset": node.clock_offset,
            }
            for node in judgement.nodes
        ],
        "findings": [finding_document(each) for each in judgement.findings],
        "not_seen": [{"what": each.what, "where": each.where, "why": each.why} for each in judgement.not_seen],
        "rules": {name: standing.value for name, standing in judgement.standings.items()},
        "phones": [phone_state(phone) for phone in observation.phones],
        "lists": list(_lists(observation)),
    }


def finding_document(finding: Finding) -> dict[str, Any]:
    """Return a finding as JSON."""
    return {
        "id": finding.id,
        "rule": finding.rule,
        "severity": finding.severity.value,
        "title": finding.title,
        "evidence": "\n".join(finding.evidence),
        "effect": finding.effect,
        "phones": list(finding.phones),
        "phone_count": finding.phone_count,
        "remedy": "\n".join(f"{number}. {step}" for number, step in enumerate(finding.remedy, 1)),
        "commands": [{"node": step.node or None, "command": step.command} for step in finding.remedy if step.command],
        "where": finding.where,
    }


def phone_state(phone: PhoneSeen) -> dict[str, str]:
    """Return what is kept of a phone."""
    return {"name": phone.name, **{name: phone.values[name][0].text for name in STATE if phone.values.get(name)}}


def _lists(observation: Observation) -> Iterable[dict[str, Any]]:
    names = set(LIST_FILES.values())
    for file in observation.files:
        if file.name in names and file.data is not None:
            content = base64.b64encode(file.data).decode()
            yield {"node": file.node, "name": file.name, "seen": file.seen.at.isoformat(), "content": content}


def account(data: object) -> Account:
    """Return what a document says (rule 2).

    Raises:
        MalformedError: It is no document of an audit.
    """
    if not isinstance(data, dict) or not isinstance(data.get("findings"), list):
        raise MalformedError(
            "this is no document of an audit",
            code="audit",
            next_step="make one with mixedmode audit --json > FILE",
        )
    findings = [_told(each, number) for number, each in enumerate(data["findings"], 1)]
    phones = [each for each in _items(data, "phones") if isinstance(each.get("name"), str)]
    rules = data.get("rules")
    return Account(
        str(data.get("cluster", "")),
        str(data.get("ended", "")),
        {each.id: each for each in findings},
        {each["name"]: {key: str(each[key]) for key in STATE if key in each} for each in phones},
        {str(name): str(value) for name, value in rules.items()} if isinstance(rules, dict) else {},
        archive_of(each.get("content") for each in _items(data, "lists")),
        frozenset((str(each.get("what", "")), str(each.get("where", ""))) for each in _items(data, "not_seen")),
    )


def archive_of(contents: Iterable[object]) -> dict[str, TrustList]:
    """Return lists by their SHA-1 and MD5; what is none is left out.

    Args:
        contents: Their bytes in Base64.
    """
    found: dict[str, TrustList] = {}
    for content in contents:
        try:
            listed = TrustList.parse(base64.b64decode(str(content), validate=True))
        except (MalformedError, binascii.Error, ValueError):
            continue
        found[listed.sha1] = found[listed.md5] = listed
    return found


def _items(data: Mapping[str, Any], key: str) -> list[dict[str, Any]]:
    value = data.get(key)
    return [each for each in value if isinstance(each, dict)] if isinstance(value, list) else []


def _told(data: object, number: int) -> Told:
    if not isinstance(data, dict) or "id" not in data or data.get("severity") not in set(Severity):
        raise MalformedError(
            f"finding {number} of the document cannot be read",
            code="audit",
            why="it has no id, or no severity that is known",
            next_step="make it anew with mixedmode audit --json > FILE",
        )
    phones, count, name = data.get("phones"), data.get("phone_count"), str(data["id"])
    return Told(
        name,
        Severity(data["severity"]),
        str(data.get("title", "")),
        frozenset(map(str, phones)) if isinstance(phones, list) else frozenset(),
        count if isinstance(count, int) else None,
        str(data.get("rule") or name.partition("/")[0]),
        str(data.get("where", "")),
    )


def told_of(findings: Iterable[Finding]) -> dict[str, Told]:
    """Return findings as a document would have them, by name."""
    return {
        each.id: Told(
            each.id,
            each.severity,
            each.title,
            frozenset(each.phones),
            each.phone_count,
            each.rule,
            each.where,
        )
        for each in findings
    }


def account_of(judgement: Judgement, observation: Observation) -> Account:
    """Return what the document of a judgement would say."""
    states = (phone_state(phone) for phone in observation.phones)
    return Account(
        judgement.cluster,
        judgement.ended.isoformat(),
        told_of(judgement.findings),
        {state.pop("name"): state for state in states},
        {name: standing.value for name, standing in judgement.standings.items()},
        {},
        frozenset((each.what, each.where) for each in judgement.not_seen),
    )
