"""What an operation's steps found out: the journal keeps it after each step, the audit log and the result tell it.

A field's name is what journals hold: it stays.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, fields
from typing import Any, TypeAlias

Json: TypeAlias = "bool | int | float | str | list[Json] | dict[str, Json] | None"
Document: TypeAlias = dict[str, Json]
"""What journals hold."""


@dataclass(slots=True)
class Memory:
    """What steps put down, for later steps, for an undo or a resume, and for whoever looks.

    Attributes:
        node: Where the operation was asked for.
        level: With which level; None in the journals of earlier releases.
        warnings: What was warned of.
        changes: What was changed, one line each.
        sha256_before: Hashes of the files that were replaced, by node and name; None where there was none.
        sha256_after: The same of what replaced them.
        itls: The nodes whose new ITL is in the journal.
        queued: The nodes whose new ITL is queued.
        reload: The nodes whose TFTP service must serve it at once.
        restart: [node, service] that must be restarted for the change to be served.
        undelivered: By node, why it has not got its file yet.
        certificates_made: [node, purpose] of the certificates in the journal.
        timestamp: Of the CTL that tokens signed, seconds since 1970.
        tokens: SHA-256 of the tokens in it.
        token_names: Their names.
    """

    node: str = ""
    level: int | None = None
    warnings: list[str] = field(default_factory=list)
    changes: list[str] = field(default_factory=list)
    sha256_before: dict[str, str | None] = field(default_factory=dict)
    sha256_after: dict[str, str | None] = field(default_factory=dict)
    itls: list[str] = field(default_factory=list)
    queued: list[str] = field(default_factory=list)
    reload: list[str] = field(default_factory=list)
    restart: list[list[str]] = field(default_factory=list)
    undelivered: dict[str, str] = field(default_factory=dict)
    certificates_made: list[list[str]] = field(default_factory=list)
    timestamp: int = 0
    tokens: list[str] = field(default_factory=list)
    token_names: list[str] = field(default_factory=list)

    def document(self) -> dict[str, object]:
        """Return what there is as JSON values."""
        nothing = Memory()
        everything = {each.name: getattr(self, each.name) for each in fields(self)}
        return {name: value for name, value in everything.items() if value != getattr(nothing, name)}

    @classmethod
    def of(cls, document: Mapping[str, Any]) -> Memory:
        """Return what a journal holds, also one of an earlier release; the program itself wrote it."""
        formerly = {"certificates made": "certificates_made"}
        named = {formerly.get(name, name): value for name, value in document.items()}
        return cls(**{each.name: named[each.name] for each in fields(cls) if each.name in named})
