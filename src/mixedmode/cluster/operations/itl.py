"""The ``utils itl`` commands: the publisher's ITL, signed by the other anchor, on every TFTP node.

The file is served at once (``OperationResult.reload``); the next restart of a TFTP service makes the node's own
ITL again, signed as usual.
"""

from __future__ import annotations

import base64
from abc import abstractmethod
from dataclasses import dataclass
from typing import Annotated, ClassVar, Self

from annotated_types import MinLen

from mixedmode.cluster.engine.operation import About, Operation
from mixedmode.cluster.engine.steps import Step, StepContext
from mixedmode.cluster.model.errors import VersionError
from mixedmode.cluster.model.topology import NodeInfo, Service
from mixedmode.cluster.operations.common import (
    deliver_step,
    keep_itls,
    kept_itls,
    queue_itls,
)
from mixedmode.cluster.publishing.lists import itl_signer
from mixedmode.cluster.publishing.outlook import Outlook
from mixedmode.cluster.publishing.published import build_itl, checked, signer_of
from mixedmode.cluster.store.state import ClusterState
from mixedmode.errors import UsageError
from mixedmode.pki.signing.signer import Signer


@dataclass(frozen=True, slots=True)
class ItlReset(Operation):
    """What both resets share: how they differ is how the file comes to be."""

    privilege: ClassVar[int] = 4

    @abstractmethod
    def how(self, state: ClusterState) -> str:
        """Return how the file is made, one line."""

    @abstractmethod
    def data(self, state: ClusterState) -> bytes:
        """Return the file."""

    def plan(self, state: ClusterState) -> list[Step]:
        """Return its steps."""
        names = ", ".join(node.name for node in _tftp_nodes(state))

        def sign(context: StepContext) -> None:
            data = self.data(context.state)
            keep_itls(context, {node.name: data for node in _tftp_nodes(context.state)})

        def commit(context: StepContext) -> None:
            with context.transaction() as session:
                queue_itls(context, session, kept_itls(context))
                context.memory.reload = context.memory.queued
                context.changed(f"reset ITL file on {names}")

        return [
            Step(self.how(state), sign),
            Step(f"Queue it for the TFTP nodes: {names}", commit, commits=True),
            deliver_step("the reset ITL file"),
        ]

    def check(self, state: ClusterState) -> list[str]:
        """Refuse it where there is no other anchor, and nobody who serves the file."""
        if not state.version.has_itl_recovery:
            raise VersionError(
                f"version {state.version} has no ITLRecovery certificate", next_step="it came with 10.0(1)"
            )
        if not _tftp_nodes(state):
            raise UsageError("no node runs the TFTP service", next_step="activate Cisco Tftp on a node")
        return ["Reset the phones, then restart Cisco Tftp, then reset the phones again."]


@dataclass(frozen=True, slots=True)
class ResetItl(ItlReset):
    """The publisher's ITL, signed by the key that is not its usual anchor."""

    title: ClassVar[str] = "utils itl reset localkey"

    def foresee(self, before: Outlook) -> Outlook:
        """Return the cluster after it."""
        return before.resetting_itl()

    def how(self, state: ClusterState) -> str:
        """Return how the file is made, one line."""
        return f"Make the publisher's ITL file and sign it with its {state.version.itl_anchors[-1]} key"

    def data(self, state: ClusterState) -> bytes:
        """Return the file."""
        view = state.view()
        signer = signer_of(state, view, itl_signer(view, view.publisher.name, reset=True))
        return build_itl(state, view, view.publisher, signer)


@dataclass(frozen=True, slots=True)
class ResetItlRemotely(ItlReset):
    """The publisher's ITL, signed by a recovery key that was imported."""

    title: ClassVar[str] = "utils itl reset remotekey"

    file: Annotated[str, MinLen(1), About("The signed ITL file, base64.", "base64")]

    @classmethod
    def signed_by(cls, signer: Signer, state: ClusterState) -> Self:
        """Return the operation for the publisher's ITL of now, signed by a recovery key."""
        return cls(base64.b64encode(build_itl(state, state.view(), state.publisher, signer)).decode())

    def foresee(self, before: Outlook) -> Outlook:
        """Return the cluster after it."""
        return before.resetting_itl(self._signed())

    def check(self, state: ClusterState) -> list[str]:
        """Refuse also what is no base64."""
        warnings = ItlReset.check(self, state)
        self._signed()
        return warnings

    def how(self, _state: ClusterState) -> str:
        """Return how the file is made, one line."""
        return "Check the ITL file that the imported recovery key signed"

    def data(self, _state: ClusterState) -> bytes:
        """Return the file."""
        return checked(self._signed())

    def _signed(self) -> bytes:
        try:
            return base64.b64decode(self.file, validate=True)
        except ValueError as error:
            raise UsageError(f"{self.title}: file is no base64", where="file", why=str(error)) from error


def _tftp_nodes(state: ClusterState) -> list[NodeInfo]:
    return [node for node in state.nodes() if Service.TFTP in node.services]
