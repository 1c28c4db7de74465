"""Forms: fields with labels, hints and errors beside them, made from an operation's own document.

The fields of an operation are what its dataclass says (:mod:`mixedmode.cluster.engine.documents`): names, types, limits
and help come as a JSON schema through the door. A page adds words and choices, and nothing else.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field, replace
from typing import Any, Final, Literal, TypeAlias

from mixedmode.cluster.engine.memory import Json
from mixedmode.control.door import Control
from mixedmode.errors import MixedModeError, UsageError

Kind: TypeAlias = Literal["text", "number", "area", "choice", "check", "password", "file", "hidden"]
_INTEGER: Final = re.compile(r"-?[0-9]{1,18}")
_FORGETS: Final = {"password", "file"}
"""Kinds whose value does not come back with an error."""
_SPECIAL: Final = {"pem": "area", "password": "password"}


@dataclass(frozen=True, slots=True)
class Field:
    """A field.

    Attributes:
        name: In the form, and in the operation's document.
        label: Above it.
        kind: Of input.
        value: What stands in it.
        hint: Below it.
        error: What is wrong with it; empty if nothing is.
        choices: Value and text of each, of a choice.
        required: Whether it must be filled in.
        mono: Whether people compare it letter by letter.
        autocomplete: As HTML has it.
        most: Characters at most, 0 for no limit.
    """

    name: str
    label: str
    kind: Kind = "text"
    value: str = ""
    hint: str = ""
    error: str = ""
    choices: tuple[tuple[str, str], ...] = ()
    required: bool = False
    mono: bool = False
    autocomplete: str = "off"
    most: int = 0


@dataclass(slots=True)
class Form:
    """A form as it is shown, by the macro ``form_fields``.

    Attributes:
        fields: In order.
        error: What is wrong with the whole of it.
        next_step: What to do about that.
    """

    fields: list[Field]
    error: str = ""
    next_step: str = ""
    types: Mapping[str, str] = field(default_factory=dict)

    @property
    def is_right(self) -> bool:
        """Whether no error was found."""
        return not self.error and not any(each.error for each in self.fields)

    def take(self, given: Mapping[str, str]) -> dict[str, str]:
        """Take what was sent, so that it stands in the fields again; return it. What must be there and is not, is told.

        Args:
            given: The form of the request.
        """
        found: dict[str, str] = {}
        for at, each in enumerate(self.fields):
            value = given.get(each.name, "")
            found[each.name] = value
            error = each.error or self._wrong(each, value)
            kept = "" if each.kind in _FORGETS else value
            self.fields[at] = replace(each, value=kept, error=error)
        return found

    def document(self, given: Mapping[str, str]) -> dict[str, Json]:
        """Return an operation's document of what was sent: numbers as numbers, ticks as truth, lists by line."""
        found: dict[str, Json] = {}
        for each in self.fields:
            text, kind = given.get(each.name, ""), self.types.get(each.name, "string")
            if kind == "boolean":
                found[each.name] = bool(text)
            elif kind == "integer" and _INTEGER.fullmatch(text.strip()):
                found[each.name] = int(text)
            elif kind == "array":
                found[each.name] = [line.strip() for line in text.splitlines() if line.strip()]
            else:
                found[each.name] = text or None
        return found

    def refuse(self, error: MixedModeError) -> None:
        """Show an error of the package: beside its field if it names one, else above all of them."""
        text = " ".join(part for part in (f"{error.what}.".replace("..", "."), error.why or "") if part)
        for at, each in enumerate(self.fields):
            if isinstance(error, UsageError) and error.where == each.name:
                step = f" Next: {error.next_step}." if error.next_step else ""
                self.fields[at] = replace(each, error=f"{text}{step}")
                return
        self.error, self.next_step = (str(error), error.next_step or "")

    @staticmethod
    def _wrong(each: Field, value: str) -> str:
        if each.required and each.kind not in {"file", "check"} and not value.strip():
            return "Fill this in."
        if each.most and len(value) > each.most:
            return f"{len(value)} characters; at most {each.most} fit."
        if each.choices and value and value not in {choice for choice, _ in each.choices}:
            return "Take one of those that are offered."
        return ""


def operation_form(
    control: Control,
    title: str,
    *,
    labels: Mapping[str, str] | None = None,
    values: Mapping[str, object] | None = None,
    choices: Mapping[str, Iterable[tuple[str, str]]] | None = None,
    hidden: Iterable[str] = (),
    leave_out: Iterable[str] = (),
) -> Form:
    """Return the form of an operation.

    Args:
        control: The door.
        title: Of the operation, such as ``set parameter``.
        labels: By field; others are named after it.
        values: What stands in the fields at first.
        choices: Value and text, by field, where there is something to choose from.
        hidden: Fields that the page knows: they are sent and not shown.
        leave_out: Fields that are not in the form at all.

    Raises:
        NotFoundError: There is no such operation.
    """
    schema: dict[str, Any] = dict(control.schema(title))
    required = set(schema.get("required", ()))
    labels, values, offered = labels or {}, values or {}, choices or {}
    unseen, gone = set(hidden), set(leave_out)
    fields, types = [], {}
    for name, about in schema.get("properties", {}).items():
        if name in gone or about.get("readOnly"):
            continue
        kind, picks = _kind_of(about)
        if name in offered:
            kind, picks = "choice", tuple(offered[name])
        types[name] = _type_of(about)
        value = values.get(name, about.get("default", ""))
        fields.append(
            Field(
                name,
                labels.get(name, name.replace("_", " ").capitalize()),
                kind="hidden" if name in unseen else kind,
                value=_shown(value),
                hint=about.get("description", ""),
                choices=picks,
                required=name in required,
                most=int(about.get("maxLength", 0)),
            )
        )
    return Form(fields, types=types)


def _type_of(about: Mapping[str, Any]) -> str:
    if "type" in about:
        return str(about["type"])
    kinds = [str(each.get("type", "")) for each in about.get("anyOf", ())]
    return next((kind for kind in kinds if kind != "null"), "string")


def _kind_of(about: Mapping[str, Any]) -> tuple[Kind, tuple[tuple[str, str], ...]]:
    if "enum" in about:
        return "choice", tuple((str(each), str(each)) for each in about["enum"])
    special = _SPECIAL.get(str(about.get("format", "")))
    if special is not None:
        return special, ()  # type: ignore[return-value]
    kinds: dict[str, Kind] = {"boolean": "check", "integer": "number", "array": "area"}
    return kinds.get(_type_of(about), "text"), ()


def _shown(value: object) -> str:
    if isinstance(value, bool):
        return "yes" if value else ""
    if isinstance(value, list | tuple):
        return "\n".join(map(str, value))
    return "" if value is None else str(value)
