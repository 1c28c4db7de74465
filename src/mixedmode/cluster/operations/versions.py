"""Upgrade into the inactive partition, and switching versions.

Each partition has its own served files; an upgrade carries them over byte for byte, CTL included. Certificates,
keys and parameters belong to the cluster, not to a partition; a switch makes those certificates that the other version
has and the nodes do not have yet.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Annotated, ClassVar, Self, TypeAlias

from annotated_types import MinLen
from sqlalchemy.orm import Session

from mixedmode.cluster.engine.operation import About, Operation
from mixedmode.cluster.engine.steps import Step, StepContext
from mixedmode.cluster.model.errors import PreconditionError, VersionError
from mixedmode.cluster.model.topology import Service
from mixedmode.cluster.model.versions import Version
from mixedmode.cluster.operations.common import mark_restart
from mixedmode.cluster.operations.identity.missing_certificates import (
    foresee_missing,
    forget_missing,
    made_certificates,
    make_missing,
    missing_certificates,
    take_made,
)
from mixedmode.cluster.publishing.outlook import Outlook
from mixedmode.cluster.publishing.published import record
from mixedmode.cluster.store.schema import VersionRow
from mixedmode.cluster.store.state import ClusterState
from mixedmode.pki.certificates.profiles import Purpose
from mixedmode.trustlist.kinds import CTL_FILE, ITL_FILE

Partition: TypeAlias = Annotated[str, About("The inactive partition, a or b.", completed=True)]


@dataclass(frozen=True, slots=True)
class Upgrade(Operation):
    """A version goes into the inactive partition."""

    title: ClassVar[str] = "utils system upgrade"

    version: Annotated[str, MinLen(1), About("The version's number, such as 12.5.1.10000-22.", "version")]
    partition: Partition = ""

    def complete(self, state: ClusterState) -> Self:
        """Return it with the inactive partition."""
        return replace(self, partition=_other_partition(state))

    def foresee(self, before: Outlook) -> Outlook:
        """Return the cluster after it."""
        return before.upgrading(Version.parse(self.version))

    def plan(self, _state: ClusterState) -> list[Step]:
        """Return its steps."""
        version, target = Version.parse(self.version), self.partition

        def carry(context: StepContext) -> None:
            for node in context.state.nodes():
                folder = context.state.folder(node.name)
                for name in folder.names():
                    data = folder.read(name)
                    folder.write(name, data, partition=target)
                    context.note_file("after", f"{node.name}/{target}/{name}", data)

        def commit(context: StepContext) -> None:
            with context.transaction() as session:
                row = VersionRow(partition=target, number=version.text, isactive=False, installed=context.state.now())
                session.merge(row)
                context.changed(f"version {version} on the inactive partition {target}")

        return [
            Step(f"Copy the served files of every node to partition {target}, byte for byte", carry),
            Step(f"Note version {version} on partition {target}", commit, commits=True),
        ]

    def check(self, _state: ClusterState) -> list[str]:
        """Refuse a version that there never was."""
        Version.known(self.version)
        return []


@dataclass(frozen=True, slots=True)
class SwitchVersion(Operation):
    """The inactive version becomes the active one."""

    title: ClassVar[str] = "utils system switch-version"

    partition: Partition = ""

    def complete(self, state: ClusterState) -> Self:
        """Return it with the inactive partition."""
        return replace(self, partition=_other_partition(state))

    def foresee(self, before: Outlook) -> Outlook:
        """Return the cluster after it."""
        after = before.switching()
        return foresee_missing(after, [node for node in after.view.nodes if node.name in after.here])

    def plan(self, state: ClusterState) -> list[Step]:
        """Return its steps."""
        target = self.partition
        version = next((each.version for each in state.versions() if each.partition == target), None)
        if version is None:
            raise VersionError(f"there is no version on partition {target!r}", where="partition")

        def lacking(context: StepContext) -> list[tuple[str, Purpose]]:
            return missing_certificates(context.state, version)

        def commit(context: StepContext) -> None:
            made = made_certificates(context)
            with context.transaction() as session:
                take_made(context, session, made)
                for partition in "ab":
                    row = session.get(VersionRow, partition)
                    if row is not None:
                        row.isactive = partition == target
                _record_partition(context, session, target)
                mark_restart(context, session, context.state.nodes(), Service)
                context.changed(f"partition {target} active")

        def switch(context: StepContext) -> None:
            for node in context.state.nodes():
                context.state.folder(node.name).activate(target)

        return [
            Step(
                f"Make the keys and certificates of version {version} that nodes do not have yet",
                lambda context: make_missing(context, version, lacking(context)),
                undo=lambda context: forget_missing(context, lacking(context)),
            ),
            Step(f"Make partition {target} the active one", commit, commits=True),
            Step("Switch every node to it", switch),
        ]

    def check(self, state: ClusterState) -> list[str]:
        """Refuse it without an inactive version, and while files wait for nodes."""
        versions = state.versions()
        if len(versions) < 2:
            raise VersionError("there is no inactive version", next_step="install one with utils system upgrade")
        waiting = sorted({delivery.node for delivery in state.deliveries.pending()})
        if waiting:
            raise PreconditionError(
                f"files wait for nodes: {', '.join(waiting)}",
                next_step="start these nodes and let their files be delivered, then switch",
            )
        other = versions[1].version
        if not other.has_tokenless_ctl:
            return [f"Version {other} has no utils ctl commands: there the CTL is made with security tokens only."]
        return []


def _other_partition(state: ClusterState) -> str:
    return "b" if state.versions()[0].partition == "a" else "a"


def _record_partition(context: StepContext, session: Session, target: str) -> None:
    state, now = context.state, context.state.now()
    publisher = state.folder(state.publisher.name)
    ctl = publisher.read(CTL_FILE, partition=target)
    record(session, CTL_FILE, "", ctl, now, operation=context.operation)
    for node in state.nodes():
        data = state.folder(node.name).read(ITL_FILE, partition=target)
        record(session, ITL_FILE, node.name, data, now, operation=context.operation)
