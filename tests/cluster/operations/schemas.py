"""A reader of JSON schemas: as much of the language as operations' schemas use."""

from __future__ import annotations

import json
from typing import Any

TYPES: dict[str, type | tuple[type, ...]] = {
    "string": str, "integer": int, "boolean": bool, "null": type(None), "array": list, "object": dict,
}  # fmt: skip
SAID = {"title", "description", "default", "readOnly", "format", "$defs"}
CHECKED = {
    "type", "enum", "anyOf", "$ref", "properties", "required", "additionalProperties", "items", "minLength", "minItems",
    "minProperties", "maxLength",
}  # fmt: skip


def faults(schema: dict[str, Any], value: object) -> list[str]:
    """Return what of a value its schema does not allow."""
    assert json.loads(json.dumps(schema)) == schema
    return _faults(schema, value, schema, "")


def _faults(schema: dict[str, Any], value: Any, root: dict[str, Any], at: str) -> list[str]:
    unknown = set(schema) - SAID - CHECKED
    assert not unknown, f"this reader does not know {unknown}"
    if "$ref" in schema:
        return _faults(root["$defs"][schema["$ref"].rpartition("/")[2]], value, root, at)
    if "anyOf" in schema:
        tried = [_faults(each, value, root, at) for each in schema["anyOf"]]
        return [] if [] in tried else tried[0]
    kind, held = schema["type"], value
    if not isinstance(value, TYPES[kind]) or (kind == "integer" and isinstance(value, bool)):
        return [f"{at} is no {kind}"]
    found = [f"{at} is none of the values"] if value not in schema.get("enum", [value]) else []
    least = schema.get("minLength", schema.get("minItems", schema.get("minProperties", 0)))
    if least and len(held) < least:
        found.append(f"{at} is too short")
    if isinstance(held, str) and len(held) > schema.get("maxLength", len(held)):
        found.append(f"{at} is too long")
    found += [f"{at}.{name} is missing" for name in schema.get("required", ()) if name not in held]
    for name, each, inner in _parts(schema, value):
        if inner is False:
            found.append(f"{at}.{name} is unknown")
        elif isinstance(inner, dict):
            found += _faults(inner, each, root, f"{at}.{name}")
    return found


def _parts(schema: dict[str, Any], value: object) -> list[tuple[object, object, Any]]:
    """Return name, value and schema of what is within a value."""
    if isinstance(value, list):
        return [(number, each, schema["items"]) for number, each in enumerate(value)]
    if isinstance(value, dict):
        named, others = schema.get("properties", {}), schema.get("additionalProperties", True)
        return [(name, each, named.get(name, others)) for name, each in value.items()]
    return []
