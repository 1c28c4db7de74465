"""``file delete tftp``: on the node where it is asked for, and nowhere else (cucm-admin.md 1.6)."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from mixedmode.cluster.engine.steps import Definition, Step, StepContext
from mixedmode.cluster.model.errors import NotFoundError
from mixedmode.cluster.operations.common import text_argument
from mixedmode.cluster.publishing.published import record
from mixedmode.cluster.store.folders import CTL_FILE, ITL_FILE
from mixedmode.cluster.store.state import ClusterState

DELETE = "file delete tftp"
_OLD = "old"


def _plan(state: ClusterState, arguments: Mapping[str, Any]) -> list[Step]:
    node = state.node(text_argument(arguments, "node"))
    name = text_argument(arguments, "name")

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


def _check(state: ClusterState, arguments: Mapping[str, Any]) -> list[str]:
    node = state.node(text_argument(arguments, "node"))
    name = text_argument(arguments, "name")
    if state.folder(node.name).read(name) is None:
        raise NotFoundError(f"there is no {name}", where=node.name, next_step="file list tftp * shows what there is")
    return []


DEFINITIONS = (Definition(DELETE, _plan, _check, publisher_only=False),)
