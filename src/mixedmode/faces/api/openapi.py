"""The OpenAPI 3.1 document: made of the endpoints, and of the types that check requests and make answers."""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping, Sequence
from importlib.metadata import version
from typing import Any, Final

from pydantic import TypeAdapter

from mixedmode.control.repeats import LONGEST_KEY
from mixedmode.faces.api.endpoint import JSON, Endpoint, Listing, adapter
from mixedmode.faces.api.problems import MEDIA_TYPE, phrase, table
from mixedmode.faces.api.server import CSRF, ROOT

_SCHEMAS: Final = "#/components/schemas/"
_ABOUT: Final = """\
Everything that the pages of this node do, for programs: the same door, the same levels, the same plans, the same
refusals with the next step, and the same entries in the audit log.

A program shows a token (`Authorization: Bearer`), made at `/account/tokens`, by `POST /api/v1/tokens` or by `mixedmode
api-token create`. A browser's session works too; what changes something then needs the header `X-CSRF-Token`.
"""
_HEADERS: Final[Mapping[str, Any]] = {
    "ETag": {"description": "Of this answer; for If-None-Match and If-Match.", "schema": {"type": "string"}},
    "Link": {"description": "First, previous, next and last page.", "schema": {"type": "string"}},
    "Retry-After": {"description": "Seconds to wait.", "schema": {"type": "integer", "minimum": 0}},
    "Allow": {"description": "The methods that this address takes.", "schema": {"type": "string"}},
    "Idempotency-Replayed": {
        "description": "`true`: this is the answer of the first request with this key.",
        "schema": {"type": "string"},
    },
}
_IF_MATCH: Final[Mapping[str, Any]] = {
    "name": "If-Match",
    "in": "header",
    "description": "The ETag that a GET at this address had: the change is made if it still has it.",
    "schema": {"type": "string", "maxLength": 200},
}
_IF_NONE_MATCH: Final[Mapping[str, Any]] = {
    "name": "If-None-Match",
    "in": "header",
    "description": "An ETag that is known: 304 if it still is the same.",
    "schema": {"type": "string", "maxLength": 200},
}
_KEY: Final[Mapping[str, Any]] = {
    "name": "Idempotency-Key",
    "in": "header",
    "description": "A text of your own for this request, such as a UUID: it is done once, and a repeat within seven "
    "days has the same answer, whatever happened to the connection or to the node.",
    "schema": {"type": "string", "minLength": 1, "maxLength": LONGEST_KEY, "pattern": "^[!-~]+$"},
}


def document(endpoints: Sequence[Endpoint]) -> dict[str, Any]:
    """Return the document."""
    parts = _Parts(endpoints)
    paths: dict[str, dict[str, Any]] = {}
    for each in endpoints:
        paths.setdefault(ROOT + each.path, {})[each.method.lower()] = _operation(each, endpoints, parts)
    codes = {each.code: each for each in table()}
    return {
        "openapi": "3.1.0",
        "info": {"title": "mixedmode", "version": version("mixedmode"), "description": _ABOUT},
        "servers": [{"url": "/"}],
        "security": [{"token": []}, {"session": []}],
        "tags": [{"name": tag} for tag in dict.fromkeys(each.tag for each in endpoints)],
        "paths": paths,
        "components": {
            "securitySchemes": {
                "token": {"type": "http", "scheme": "bearer", "description": "A token of the API."},
                "session": {
                    "type": "apiKey",
                    "in": "cookie",
                    "name": "__Host-mixedmode",
                    "description": f"A browser's session; with {CSRF} where something is changed.",
                },
            },
            "headers": dict(_HEADERS),
            "responses": {"Problem": _problem(codes)},
            "schemas": {**parts.schemas, "Problem": _problem_schema()},
        },
        "x-problems": [
            {"type": f"urn:mixedmode:problem:{each.code}", "status": each.status, "meaning": each.meaning}
            for each in codes.values()
        ],
    }


def _operation(each: Endpoint, endpoints: Sequence[Endpoint], parts: _Parts) -> dict[str, Any]:
    found: dict[str, Any] = {
        "operationId": each.name,
        "summary": each.summary,
        "tags": [each.tag],
        "description": " ".join(filter(None, (each.about, f"Level {each.level}."))),
        "x-level": each.level,
        "parameters": [*_path(each), *parts.query(each), *_headers(each, endpoints)],
        "responses": _responses(each, endpoints, parts),
    }
    if each.body is not None:
        content = {JSON: {"schema": parts.of_body(each)}}
        found["requestBody"] = {"required": each.needs_body, "content": content}
    return found


def _path(each: Endpoint) -> list[dict[str, Any]]:
    return [{"name": name, "in": "path", "required": True, "schema": {"type": "string"}} for name in each.names]


def _has_get(each: Endpoint, endpoints: Iterable[Endpoint]) -> bool:
    return any(other.path == each.path and other.is_safe for other in endpoints)


def _headers(each: Endpoint, endpoints: Iterable[Endpoint]) -> list[Mapping[str, Any]]:
    if each.is_safe:
        return [_IF_NONE_MATCH]
    return [*([_KEY] if each.keyed else []), *([_IF_MATCH] if _has_get(each, endpoints) else [])]


def _responses(each: Endpoint, endpoints: Iterable[Endpoint], parts: _Parts) -> dict[str, Any]:
    good: dict[str, Any] = {"description": phrase(each.status)}
    if each.status != 204:
        good["content"] = {media: {"schema": parts.answer(each, media)} for media in each.media_types}
    names = (["ETag"] if each.is_safe and each.returns is not None else []) + (["Link"] if _is_listing(each) else [])
    names += ["Idempotency-Replayed"] if each.keyed else []
    if names:
        good["headers"] = {name: {"$ref": f"#/components/headers/{name}"} for name in names}
    found = {str(each.status): good}
    if each.is_safe:
        found["304"] = {"description": phrase(304)}
    for status in sorted(statuses(each, endpoints)):
        found[str(status)] = {"$ref": "#/components/responses/Problem"}
    return found


def statuses(each: Endpoint, endpoints: Iterable[Endpoint] = ()) -> set[int]:
    """Return the numbers of the problems that an endpoint can answer."""
    found = {400, 401, 403, 405, 406, 429, 500, 503}
    found |= {404} if each.names or not each.is_safe or each.query is not None else set()
    found |= {408, 409, 502} if not each.is_safe else set()
    found |= {413, 415} if each.body is not None else set()
    found |= {422} if each.keyed else set()
    return found | ({412} if not each.is_safe and _has_get(each, endpoints) else set())


def _is_listing(each: Endpoint) -> bool:
    return getattr(each.returns, "__origin__", None) is Listing


def _problem(codes: Mapping[str, Any]) -> dict[str, Any]:
    return {
        "description": "What is wrong, why, and what to do now (RFC 9457).",
        "content": {MEDIA_TYPE: {"schema": {"$ref": f"{_SCHEMAS}Problem"}}},
    }


def _problem_schema() -> dict[str, Any]:
    text = {"type": "string"}
    return {
        "type": "object",
        "description": "A problem document; `x-problems` lists the types. An error of a part of the package may have a "
        "code of its own, which says more exactly what is wrong.",
        "required": ["type", "title", "status", "detail"],
        "properties": {
            "type": {"type": "string", "pattern": "^urn:mixedmode:problem:.+$"},
            "title": {**text, "description": "HTTP's words for the status."},
            "status": {"type": "integer", "minimum": 400, "maximum": 599},
            "detail": {**text, "description": "One sentence: what is wrong, and where."},
            "why": {**text, "description": "The cause, where it is known."},
            "next_step": {**text, "description": "What to do now."},
            "instance": {**text, "description": "The address that was asked."},
        },
    }


class _Parts:
    """The schemas of all types, each once, under a name."""

    def __init__(self, endpoints: Iterable[Endpoint]) -> None:
        inputs: list[tuple[str, Any, TypeAdapter[Any]]] = []
        for each in endpoints:
            if each.returns is not None and not isinstance(each.returns, Mapping):
                inputs.append((f"{each.name} returns", "serialization", adapter(each.returns)))
            if each.body is not None and not isinstance(each.body, Mapping):
                inputs.append((f"{each.name} takes", "validation", adapter(each.body)))
            if each.query is not None:
                inputs.append((f"{each.name} query", "validation", adapter(each.query)))
        made, found = TypeAdapter.json_schemas(inputs, ref_template=f"{_SCHEMAS}{{model}}")
        self._made = {key: schema for (key, _), schema in made.items()}
        self.schemas: dict[str, Any] = dict(found.get("$defs", {}))

    def answer(self, each: Endpoint, media: str) -> Any:
        """Return the schema of an answer."""
        if media != JSON:
            return {"type": "string"}
        return self._lifted(each.returns) if isinstance(each.returns, Mapping) else self._made[f"{each.name} returns"]

    def of_body(self, each: Endpoint) -> Any:
        """Return the schema of a body."""
        return self._lifted(each.body) if isinstance(each.body, Mapping) else self._made[f"{each.name} takes"]

    def query(self, each: Endpoint) -> list[dict[str, Any]]:
        """Return the parameters of a query, of the properties of its type."""
        schema = self._made.get(f"{each.name} query", {})
        if "$ref" in schema:
            schema = self.schemas[schema["$ref"].removeprefix(_SCHEMAS)]
        needed = schema.get("required", ())
        return [
            {
                "name": name,
                "in": "query",
                "required": name in needed,
                "schema": about,
                **({"description": about["description"]} if "description" in about else {}),
            }
            for name, about in schema.get("properties", {}).items()
        ]

    def _lifted(self, schema: Mapping[str, Any]) -> Any:
        """Return a schema whose own definitions stand with the others."""
        text = json.dumps({key: value for key, value in schema.items() if key != "$defs"})
        for name, about in schema.get("$defs", {}).items():
            self.schemas.setdefault(name, json.loads(json.dumps(about).replace("#/$defs/", _SCHEMAS)))
        return json.loads(text.replace("#/$defs/", _SCHEMAS))
