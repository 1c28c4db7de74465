"""Changing an enterprise or service parameter."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Annotated, ClassVar, Self

from annotated_types import MinLen

from mixedmode.cluster.authority.authority import DIGESTS
from mixedmode.cluster.engine.operation import About, Operation
from mixedmode.cluster.engine.steps import Step, StepContext
from mixedmode.cluster.model.parameters import ROLLBACK, SIGNATURE_ALGORITHM, parameter_named
from mixedmode.cluster.operations.common import mark_restart
from mixedmode.cluster.publishing.outlook import Outlook
from mixedmode.cluster.store.state import ClusterState, write_parameter
from mixedmode.errors import UsageError


@dataclass(frozen=True, slots=True)
class SetParameter(Operation):
    """A parameter gets a value."""

    title: ClassVar[str] = "set parameter"

    name: Annotated[str, MinLen(1), About("The parameter's name or title.", "parameter")]
    value: Annotated[str, MinLen(1), About("What it shall be.")]
    node: Annotated[str, About("The node whose own value it is; empty for the whole cluster.", "node")] = ""

    def complete(self, state: ClusterState) -> Self:
        """Return it with the node's name as the cluster has it."""
        return replace(self, node=state.node(self.node).name) if self.node else self

    def foresee(self, before: Outlook) -> Outlook:
        """Return the cluster after it."""
        parameter = parameter_named(self.name)
        value = parameter.check(self.value)
        if parameter is ROLLBACK:
            return before.preparing(rollback=value == "True")
        return before.preparing(digest=DIGESTS[value]) if parameter is SIGNATURE_ALGORITHM else before

    def plan(self, _state: ClusterState) -> list[Step]:
        """Return its steps."""
        parameter, node = parameter_named(self.name), self.node
        value = parameter.check(self.value)

        def commit(context: StepContext) -> None:
            with context.transaction() as session:
                before = write_parameter(session, parameter, value, node)
                if before != value:
                    context.changed(f"{parameter.name} {before} -> {value}{f' on {node}' if node else ''}")
                    mark_restart(context, session, context.state.nodes(), parameter.restarts)

        return [Step(f"Set {parameter.title} to {value}{f' on {node}' if node else ''}", commit, commits=True)]

    def check(self, _state: ClusterState) -> list[str]:
        """Refuse what is no value of it, and what an administrator may not set by hand."""
        parameter = parameter_named(self.name)
        value = parameter.check(self.value)
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
