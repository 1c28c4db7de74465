"""``file delete tftp``: on the node where it is asked for, and nowhere else (cucm-admin.md 1.6)."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Annotated, ClassVar

from annotated_types import MinLen

from mixedmode.cluster.engine.operation import About, NodeName, Operation
from mixedmode.cluster.engine.steps import Step, StepContext
from mixedmode.cluster.model.errors import NotFoundError
from mixedmode.cluster.publishing.outlook import Outlook
from mixedmode.cluster.publishing.published import record
from mixedmode.cluster.store.state import ClusterState
from mixedmode.trustlist.kinds import CTL_FILE, ITL_FILE

_OLD = "old"


@dataclass(frozen=True, slots=True)
class DeleteFile(Operation):
    """A file that a node serves is deleted."""

    title: ClassVar[str] = "file delete tftp"
    publisher_only: ClassVar[bool] = False

    node: NodeName
    name: Annotated[str, MinLen(1), About("The file's name, such as CTLFile.tlv.", "file")]

    def foresee(self, before: Outlook) -> Outlook:
        """Return the cluster after it."""
        return before.deleting(before.view.node(self.node).name, self.name)

    def plan(self, state: ClusterState) -> list[Step]:
        """Return its steps."""
        node, name = state.node(self.node), self.name

        def keep(context: StepContext) -> None:
            old = context.state.folder(node.name).read(name)
            context.note_file("before", f"{node.name}/{name}", old)
            context.keep({_OLD: old})

        def remove(context: StepContext) -> None:
            context.state.folder(node.name).write(name, None)

        def put_back(context: StepContext) -> None:
            context.state.folder(node.name).write(name, context.kept(_OLD))

        def note(context: StepContext) -> None:
            with context.transaction() as session:
                if name == CTL_FILE and node.is_publisher:
                    record(session, CTL_FILE, "", None, context.state.now())
                if name == ITL_FILE:
                    record(session, ITL_FILE, node.name, None, context.state.now())
                context.changed(f"{name} deleted on {node.name}")

        return [
            Step(f"Keep {name} of {node.name}", keep),
            Step(f"Delete {name} on {node.name}", remove, undo=put_back),
            Step("Note that it is gone", note, commits=True),
        ]

    def check(self, state: ClusterState) -> list[str]:
        """Refuse what is not there."""
        node = state.node(self.node)
        if state.folder(node.name).read(self.name) is None:
            step = "file list tftp * shows what there is"
            raise NotFoundError(f"there is no {self.name}", where=node.name, next_step=step)
        return []
