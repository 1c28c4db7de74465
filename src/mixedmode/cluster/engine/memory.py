"""What an operation's steps found out: the journal keeps it after each step, the audit log and the result tell it.

A field's name is what journals hold: it stays.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass, field, fields
from functools import cache
from typing import TYPE_CHECKING, Annotated, Final, TypeAlias, cast

from annotated_types import Len

from mixedmode.errors import MalformedError

if TYPE_CHECKING:
    from pydantic import TypeAdapter

Json: TypeAlias = "bool | int | float | str | list[Json] | dict[str, Json] | None"
Document: TypeAlias = dict[str, Json]
"""What journals hold."""


_Pair: TypeAlias = Annotated[list[str], Len(2, 2)]
_FORMERLY: Final = {"certificates made": "certificates_made"}


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
    restart: list[_Pair] = field(default_factory=list)
    undelivered: dict[str, str] = field(default_factory=dict)
    certificates_made: list[_Pair] = field(default_factory=list)
    timestamp: int = 0
    tokens: list[str] = field(default_factory=list)
    token_names: list[str] = field(default_factory=list)

    def document(self) -> dict[str, object]:
        """Return what there is as JSON values."""
        nothing = Memory()
        everything = {each.name: getattr(self, each.name) for each in fields(self)}
        return {name: value for name, value in everything.items() if value != getattr(nothing, name)}

    @classmethod
    def of(cls, document: object, operation: int) -> Memory:
        """Return what a journal holds, also one of an earlier release; what this release does not know is left out.

        Args:
            document: Of the journal.
            operation: Its number.

        Raises:
            MalformedError: The program did not write that.
        """
        from pydantic import ValidationError

        try:
            known = dict(cast(Mapping[str, object], document))
            named = {_FORMERLY.get(name, name): value for name, value in known.items()}
            ours = {each.name: named[each.name] for each in fields(cls) if each.name in named}
            return _adapter().validate_json(json.dumps(ours), strict=True)
        except (ValidationError, TypeError, ValueError) as error:
            raise MalformedError(
                "what the journal holds of an operation is damaged",
                where=f"operation {operation}",
                why=str(error).splitlines()[0],
                next_step="put the database back from a backup",
            ) from error


@cache
def _adapter() -> TypeAdapter[Memory]:
    # Imported late: commands that run no operation start sooner.
    from pydantic import TypeAdapter

    return TypeAdapter(Memory)
