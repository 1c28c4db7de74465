"""Changing an enterprise or service parameter."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from mixedmode.cluster.engine.steps import Definition, Step, StepContext
from mixedmode.cluster.model.parameters import ROLLBACK, SIGNATURE_ALGORITHM, parameter_named
from mixedmode.cluster.operations.common import mark_restart, text_argument
from mixedmode.cluster.store.state import ClusterState, write_parameter
from mixedmode.errors import UsageError

SET = "set parameter"


def _plan(state: ClusterState, arguments: Mapping[str, Any]) -> list[Step]:
    parameter = parameter_named(text_argument(arguments, "name"))
    value = parameter.check(text_argument(arguments, "value"))
    node = arguments.get("node") or ""

    def commit(context: StepContext) -> None:
        with context.transaction() as session:
            before = write_parameter(session, parameter, value, node)
            if before != value:
                context.changed(f"{parameter.name} {before} -> {value}{f' on {node}' if node else ''}")
                mark_restart(context, session, context.state.nodes(), parameter.restarts)

    return [Step(f"Set {parameter.title} to {value}{f' on {node}' if node else ''}", commit, commits=True)]


def _check(state: ClusterState, arguments: Mapping[str, Any]) -> list[str]:
    parameter = parameter_named(text_argument(arguments, "name"))
    value = parameter.check(text_argument(arguments, "value"))
    if node := arguments.get("node"):
        state.node(node)
    if parameter.read_only:
        raise UsageError(
            f"{parameter.title} is read-only",
            where=parameter.name,
            next_step="utils ctl set-cluster mixed-mode, or non-secure-mode",
        )
    if parameter is SIGNATURE_ALGORITHM and value == "SHA-512":
        return ["Every phone must support SHA-512; one that does not stops taking files."]
    if parameter is ROLLBACK and value == "True":
        return ["Phones will take any ITL and any configuration file; their HTTPS services stop."]
    return []


DEFINITIONS = (Definition(SET, _plan, _check),)
