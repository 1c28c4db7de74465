"""An operation as a JSON document, and back: for the journal, the audit log, forms and APIs.

The dataclass says it all: pydantic reads its fields, types, limits and help (:class:`.operation.About`).
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import fields
from functools import cache
from typing import TYPE_CHECKING, TypeAlias, TypeVar

from mixedmode.cluster.engine.memory import Document, Json
from mixedmode.cluster.engine.operation import Operation
from mixedmode.errors import UsageError

if TYPE_CHECKING:
    from pydantic import TypeAdapter, ValidationError
    from pydantic.json_schema import JsonSchemaValue
    from pydantic_core import ErrorDetails

Kinds: TypeAlias = Mapping[str, type[Operation]]
"""Every kind of operation, by title."""

Kind = TypeVar("Kind", bound=Operation)

_EMPTY = {"missing", "string_too_short", "too_short"}
_UNKNOWN = {"unexpected_keyword_argument", "extra_forbidden"}


@cache
def _adapter(kind: type[Kind]) -> TypeAdapter[Kind]:
    # Imported late: commands that run no operation start sooner.
    from pydantic import TypeAdapter

    return TypeAdapter(kind)


def kind_of(operation: Operation) -> type[Operation]:
    """Return the class that bears the title: what the journal knows; a subclass without its own may hold more."""
    return next(kind for kind in type(operation).__mro__ if "title" in vars(kind))


def document_of(operation: Operation) -> Document:
    """Return an operation's fields as JSON values."""
    document: Document = _adapter(kind_of(operation)).dump_python(operation, mode="json", warnings=False)
    return document


def operation_of(kind: type[Kind], document: Mapping[str, Json]) -> Kind:
    """Return the operation that a document tells; None there is a value that was not given.

    Raises:
        UsageError: A field is unknown, missing, or of another type; ``where`` names it.
    """
    from pydantic import ValidationError

    given = {name: value for name, value in document.items() if value is not None}
    try:
        found: Kind = _adapter(kind).validate_json(json.dumps(given))
    except ValidationError as error:
        raise _usage_error(kind, error) from error
    return found


@cache
def schema_of(kind: type[Operation]) -> JsonSchemaValue:
    """Return the JSON schema of a kind's documents: fields, types, limits, and which must be there.

    It is made once, and nobody's to change.
    """
    return {**_adapter(kind).json_schema(), "title": kind.title}


def _usage_error(kind: type[Operation], error: ValidationError) -> UsageError:
    first: ErrorDetails = error.errors(include_url=False)[0]
    where = ".".join(map(str, first["loc"]))
    known = f"its fields: {', '.join(field.name for field in fields(kind)) or 'none'}"
    if first["type"] in _EMPTY:
        return UsageError(f"{kind.title} needs {where}", where=where, next_step=known)
    if first["type"] in _UNKNOWN:
        return UsageError(f"{kind.title} has no field {where}", where=where, next_step=known)
    return UsageError(f"{kind.title}: {where} is wrong", where=where, why=first["msg"], next_step=known)
