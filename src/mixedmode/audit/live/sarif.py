"""A judgement as SARIF 2.1.0 (OASIS), which code hosts and security tools read."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Final

from mixedmode.audit.live.finding import Finding, Severity
from mixedmode.audit.live.judging import Judgement
from mixedmode.audit.live.table import RULES

SCHEMA: Final = "https://json.schemastore.org/sarif-2.1.0.json"
_LEVELS: Final = {
    Severity.CRITICAL: "error",
    Severity.SERIOUS: "error",
    Severity.MODERATE: "warning",
    Severity.INFORMATION: "note",
}
_SCORES: Final = {
    Severity.CRITICAL: "9.5",
    Severity.SERIOUS: "7.5",
    Severity.MODERATE: "5.0",
    Severity.INFORMATION: "1.0",
}
"""``security-severity``, as readers sort by it."""


def sarif(judgement: Judgement, version: str, states: Mapping[str, str] | None = None) -> dict[str, Any]:
    """Return a judgement as SARIF.

    Args:
        judgement: What was found.
        version: This program's.
        states: By name of finding ``new``, ``unchanged`` or ``updated``; None if there is no baseline.
    """
    places = {rule.id: number for number, rule in enumerate(RULES)}
    results = []
    for each in judgement.findings:
        result = _result(judgement, each, places[each.rule])
        if states is not None:
            result["baselineState"] = states.get(each.id, "new")
        results.append(result)
    return {
        "$schema": SCHEMA,
        "version": "2.1.0",
        "runs": [
            {
                "tool": {
                    "driver": {
                        "name": "mixedmode audit",
                        "version": version,
                        "rules": [
                            {
                                "id": rule.id,
                                "shortDescription": {"text": rule.condition},
                                "fullDescription": {"text": f"{rule.condition} {rule.effect}"},
                                "help": {"text": f"Needs {rule.needs}."},
                                "defaultConfiguration": {"level": _LEVELS[rule.severity]},
                                "properties": {"security-severity": _SCORES[rule.severity]},
                            }
                            for rule in RULES
                        ],
                    }
                },
                "invocations": [
                    {
                        "executionSuccessful": True,
                        "startTimeUtc": f"{judgement.begun:%Y-%m-%dT%H:%M:%SZ}",
                        "endTimeUtc": f"{judgement.ended:%Y-%m-%dT%H:%M:%SZ}",
                        "toolExecutionNotifications": [
                            {"level": "note", "message": {"text": f"not seen: {each.what} {each.where}: {each.why}"}}
                            for each in judgement.not_seen
                        ],
                    }
                ],
                "results": results,
            }
        ],
    }


def _result(judgement: Judgement, finding: Finding, place: int) -> dict[str, Any]:
    where = finding.where or judgement.cluster
    text = [finding.title, finding.effect, *finding.evidence, *(f"To do: {step}" for step in finding.remedy)]
    uri = "/".join(map(_segment, ("cluster", *reversed(where.split(" of ")))))
    return {
        "ruleId": finding.rule,
        "ruleIndex": place,
        "level": _LEVELS[finding.severity],
        "message": {"text": "\n".join(text)},
        "locations": [
            {
                "physicalLocation": {"artifactLocation": {"uri": uri}},
                "logicalLocations": [{"name": where, "fullyQualifiedName": f"{judgement.cluster}/{where}"}],
            }
        ],
        "partialFingerprints": {"mixedmodeFinding/v1": finding.id},
        "properties": {
            "severity": finding.severity.value,
            "security-severity": _SCORES[finding.severity],
            "phone_count": finding.phone_count,
        },
    }


def _segment(text: str) -> str:
    """Return a text as one segment of a relative URI (RFC 3986 2.3)."""
    return "".join(
        chr(byte) if (chr(byte).isalnum() and byte < 128) or byte in b"-._~" else f"%{byte:02X}"
        for byte in text.encode("utf-8", "surrogatepass")
    )
