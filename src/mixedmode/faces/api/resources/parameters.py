"""Enterprise and service parameters."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Annotated, Final

from pydantic import Field

from mixedmode.cluster.model.parameters import PARAMETERS, Parameter, parameter_named
from mixedmode.cluster.operations.parameters import SetParameter
from mixedmode.faces.api.endpoint import LAX, STRICT, Call, Endpoint, Reply
from mixedmode.faces.api.shared import Done, done

_TAG: Final = "parameters"


@dataclass(frozen=True, slots=True)
class Value:
    """A parameter.

    Attributes:
        title: As the administration pages print it.
        service: Whose it is; `Enterprise` for the enterprise's own.
        default: The suggested value.
        choices: The values that it may have; empty for a number.
        least: The lowest number.
        most: The highest.
        read_only: Only an operation of its own changes it.
    """

    name: str
    title: str
    service: str
    value: str
    default: str
    choices: list[str]
    least: int | None
    most: int | None
    read_only: bool


@dataclass(frozen=True, slots=True)
class Of:
    """Of which node."""

    __pydantic_config__ = LAX

    node: Annotated[
        str | None, Field(max_length=255, description="A node's own value; the cluster's if it has none.")
    ] = None


@dataclass(frozen=True, slots=True)
class NewValue:
    """What a parameter shall be."""

    __pydantic_config__ = STRICT

    value: Annotated[str, Field(min_length=1, max_length=255, description="What it shall be.")]
    node: Annotated[str, Field(max_length=255, description="A node's own value; empty for the whole cluster.")] = ""


def _value(call: Call, each: Parameter, node: str) -> Value:
    least, most = each.numbers or (None, None)
    value = call.cluster.parameter(each.name, node=node)
    service = str(each.service)
    return Value(each.name, each.title, service, value, each.default, list(each.choices), least, most, each.read_only)


def _node(call: Call) -> str:
    node = call.asked(Of).node
    return "" if node is None else call.cluster.node(node).name


def _parameters(call: Call) -> Reply:
    node = _node(call)
    return Reply([_value(call, each, node) for each in PARAMETERS.values()])


def _one(call: Call) -> Reply:
    return Reply(_value(call, parameter_named(call.values["name"]), _node(call)))


def _set(call: Call) -> Reply:
    sent = call.sent(NewValue)
    fields = {"name": parameter_named(call.values["name"]).name, "value": sent.value, "node": sent.node}
    return done(call.run(SetParameter.title, fields))


ENDPOINTS: Final = (
    Endpoint("GET", "/parameters", "listParameters", "List the parameters.", _parameters, _TAG, list[Value], query=Of),
    Endpoint("GET", "/parameters/{name}", "getParameter", "Show a parameter.", _one, _TAG, Value, query=Of),
    Endpoint(
        "PUT",
        "/parameters/{name}",
        "setParameter",
        "Set a parameter.",
        _set,
        _TAG,
        Done,
        level=SetParameter.privilege,
        body=NewValue,
        keyed=True,
    ),
)
