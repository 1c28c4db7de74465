"""The steps by which a CTL becomes the cluster's, whoever signed it.

Keep the present file and the new one, write it on the publisher, commit (mode, queue, restart marks: one
transaction), copy it to the other nodes. Up to the commit everything can be taken back.
"""

from __future__ import annotations

from collections.abc import Callable

from sqlalchemy.orm import Session

from mixedmode.cluster.engine.steps import Step, StepContext
from mixedmode.cluster.model.parameters import SECURITY_MODE
from mixedmode.cluster.model.topology import SecurityMode, Service
from mixedmode.cluster.operations.common import mark_restart, other_nodes
from mixedmode.cluster.publishing.distribution import queue
from mixedmode.cluster.publishing.published import record
from mixedmode.cluster.store.state import write_parameter
from mixedmode.trustlist.kinds import CTL_FILE

_NEW = "new/CTLFile.tlv"
_OLD = "old/CTLFile.tlv"


def keep_present_ctl(context: StepContext) -> None:
    """Put the publisher's present CTL into the journal."""
    publisher = context.state.publisher.name
    old = context.state.folder(publisher).read(CTL_FILE)
    context.note_file("before", f"{publisher}/{CTL_FILE}", old)
    context.keep({_OLD: old})


def keep_new_ctl(context: StepContext, new: bytes) -> None:
    """Put the new CTL into the journal."""
    context.note_file("after", f"{context.state.publisher.name}/{CTL_FILE}", new)
    context.keep({_NEW: new})


def steps_into_force(
    publisher: str,
    mode: SecurityMode,
    signed_by: str,
    *,
    also: Callable[[StepContext, Session], None] = lambda _context, _session: None,
    after: Callable[[], None] = lambda: None,
) -> list[Step]:
    """Return the steps that bring the kept CTL into force, up to the commit.

    Args:
        publisher: Its name.
        mode: That the cluster is in afterwards.
        signed_by: Whose signature it is, for the audit record.
        also: Done in the same transaction.
        after: Called once that transaction is kept.
    """

    def write(context: StepContext) -> None:
        context.state.folder(publisher).write(CTL_FILE, context.kept(_NEW))

    def put_back(context: StepContext) -> None:
        context.state.folder(publisher).write(CTL_FILE, context.kept(_OLD))

    def commit(context: StepContext) -> None:
        new, now = context.kept(_NEW), context.state.now()
        with context.transaction() as session:
            before = write_parameter(session, SECURITY_MODE, str(mode.value))
            if before != str(mode.value):
                context.changed(f"{SECURITY_MODE.name} {before} -> {mode.value}")
            also(context, session)
            context.changed(f"{CTL_FILE} signed by {signed_by}")
            record(session, CTL_FILE, "", new, now, operation=context.operation)
            for node in other_nodes(context.state):
                queue(session, node.name, CTL_FILE, new, now)
            wanted = {Service.TFTP, Service.CALLMANAGER}
            if context.state.version.release >= (11, 6):
                wanted.add(Service.CTI_MANAGER)
            mark_restart(context, session, context.state.nodes(), wanted)
        after()

    return [
        Step(f"Write {CTL_FILE} on {publisher}", write, undo=put_back),
        Step(
            f"Set {SECURITY_MODE.name} to {mode.value}, queue {CTL_FILE} for the other nodes and mark the "
            "services to restart",
            commit,
            commits=True,
        ),
    ]
