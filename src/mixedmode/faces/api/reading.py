"""The OpenAPI document as the page of it shows it: resource by resource, with what each endpoint takes and answers."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any, Final

_SCHEMAS: Final = "#/components/schemas/"
_DEEP: Final = 4


@dataclass(frozen=True, slots=True)
class Parameter:
    """Something that a request has."""

    name: str
    place: str
    kind: str
    required: bool
    about: str


@dataclass(frozen=True, slots=True)
class Shown:
    """An endpoint.

    Attributes:
        takes: The shape of its body; empty if it takes none.
        answers: The shape of its answer.
        media: The forms of it.
        statuses: Numbers of its answers.
        curl: A line for a terminal.
    """

    method: str
    path: str
    name: str
    summary: str
    about: str
    parameters: tuple[Parameter, ...]
    takes: str
    answers: str
    media: tuple[str, ...]
    statuses: tuple[str, ...]
    curl: str


@dataclass(frozen=True, slots=True)
class Read:
    """A resource."""

    tag: str
    endpoints: tuple[Shown, ...]


def pages(document: Mapping[str, Any]) -> list[Read]:
    """Return the document by resource."""
    found: dict[str, list[Shown]] = {tag["name"]: [] for tag in document["tags"]}
    for path, methods in document["paths"].items():
        for method, each in methods.items():
            found[each["tags"][0]].append(_shown(document, path, method.upper(), each))
    return [Read(tag, tuple(shown)) for tag, shown in found.items()]


def _shown(document: Mapping[str, Any], path: str, method: str, each: Mapping[str, Any]) -> Shown:
    good = next(answer for status, answer in each["responses"].items() if status.startswith("2"))
    content: Mapping[str, Any] = good.get("content", {})
    body = each.get("requestBody", {}).get("content", {}).get("application/json", {}).get("schema")
    answer = content.get("application/json", {}).get("schema")
    line = f'curl -H "Authorization: Bearer $TOKEN" {"" if method == "GET" else f"-X {method} "}'
    line += "" if body is None else "--json @body.json "
    return Shown(
        method,
        path,
        each["operationId"],
        each["summary"],
        each["description"],
        tuple(_parameters(document, each)),
        "" if body is None else _shape(document, body),
        "" if answer is None else _shape(document, answer),
        tuple(content),
        tuple(each["responses"]),
        f'{line}"$NODE{path}"',
    )


def _parameters(document: Mapping[str, Any], each: Mapping[str, Any]) -> Iterator[Parameter]:
    for given in each["parameters"]:
        kind = _kind(document, given["schema"])
        yield Parameter(given["name"], given["in"], kind, given.get("required", False), given.get("description", ""))


def _resolved(document: Mapping[str, Any], schema: Mapping[str, Any]) -> Mapping[str, Any]:
    name = str(schema.get("$ref", "")).removeprefix(_SCHEMAS)
    found: Mapping[str, Any] = document["components"]["schemas"][name] if name else schema
    return found


def _shape(document: Mapping[str, Any], schema: Mapping[str, Any]) -> str:
    return json.dumps(_example(document, schema, 0), indent=2, ensure_ascii=False)


def _example(document: Mapping[str, Any], schema: Mapping[str, Any], depth: int) -> Any:
    """Return a value in the shape of a schema: the kinds of values in the places of values."""
    found = _resolved(document, schema)
    if depth > _DEEP:
        return "..."
    if "properties" in found:
        return {name: _example(document, each, depth + 1) for name, each in found["properties"].items()}
    if "items" in found:
        return [_example(document, found["items"], depth + 1)]
    options = [each for each in found.get("anyOf", ()) if each.get("type") != "null"]
    if options and ("$ref" in options[0] or "properties" in options[0] or "items" in options[0]):
        return _example(document, options[0], depth + 1)
    return _kind(document, found)


def _kind(document: Mapping[str, Any], schema: Mapping[str, Any]) -> str:
    found = _resolved(document, schema)
    if "anyOf" in found:
        return " or ".join(_kind(document, each) for each in found["anyOf"])
    if "enum" in found:
        return " or ".join(map(str, found["enum"]))
    kind = found.get("type", "any value")
    kind = " or ".join(kind) if isinstance(kind, list) else str(kind)
    return f"{kind} ({found['format']})" if "format" in found else kind
