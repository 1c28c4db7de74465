"""``ctl client install``: a CTL that security tokens signed becomes the cluster's.

Rules:

1. Everything is checked before anything is written, and the list once more under the lock.
2. Who may sign, and how new the list must be: :mod:`.ctl_signers`.
3. It is not from the future, or no list could follow it.
4. Steps, undo and delivery are those of ``utils ctl`` (:mod:`.ctl_steps`). Going into mixed mode switches
   auto-registration off, as the CTL Client does (cucm-admin.md 5).
5. The list itself is in the journal of files, its hash in the audit log: the operation does not hold it, so only the
   process that took it (:class:`UploadCtl`) can begin. A resume goes on with what the first step kept, or takes it
   back.
"""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from enum import StrEnum
from typing import Annotated, ClassVar, Self

from sqlalchemy.orm import Session

from mixedmode.cluster.authority.token_ctl import CtlRefusedError, TokenCtl, check_token_ctl
from mixedmode.cluster.engine.operation import About, Operation
from mixedmode.cluster.engine.steps import Step, StepContext
from mixedmode.cluster.model.errors import NotFoundError, PreconditionError
from mixedmode.cluster.model.licences import check_licence
from mixedmode.cluster.model.parameters import AUTO_REGISTRATION
from mixedmode.cluster.model.topology import NodeInfo, SecurityMode
from mixedmode.cluster.operations.common import deliver_step
from mixedmode.cluster.operations.ctl_signers import INSTALL, check_signer, history
from mixedmode.cluster.operations.ctl_steps import keep_new_ctl, keep_present_ctl, steps_into_force
from mixedmode.cluster.operations.preconditions import check_ready_for_mixed_mode
from mixedmode.cluster.publishing.distribution import DeliveryQueue, Distributor
from mixedmode.cluster.publishing.lists import signer_name
from mixedmode.cluster.publishing.outlook import Outlook
from mixedmode.cluster.publishing.published import digest
from mixedmode.cluster.store.state import ClusterState, read_parameter, write_parameter
from mixedmode.errors import MixedModeError, UsageError
from mixedmode.trustlist.kinds import CTL_FILE

CLOCKS_DIFFER = 300
"""Seconds that the client's clock may be ahead."""

Told = Callable[[str, str], None]
"""Told, from any thread, of each node that has the list, or of why it has it not yet (empty if it has)."""


class CtlAction(StrEnum):
    """What the administrator chose: Set Cluster to Mixed Mode, to Non-Secure Mode, or Update CTL File."""

    MIXED = "mixed"
    NON_SECURE = "non-secure"
    UPDATE = "update"


@dataclass(frozen=True, slots=True)
class InstallCtl(Operation):
    """A signed list becomes the cluster's CTL; this is what the journal knows of it."""

    title: ClassVar[str] = INSTALL

    action: Annotated[CtlAction, About("What the CTL Client's administrator chose.")]
    token: Annotated[str, About("Who the list says that it was signed by; empty if it does not say.")] = ""
    sha256: Annotated[str, About("Hash of the list, hex.", "sha256")] = ""
    length: Annotated[int, About("Of the list, in bytes.")] = 0
    phones_cleared: Annotated[bool, About("Whether the CTL files of the phones are deleted by hand.")] = False
    mode: Annotated[SecurityMode | None, About("The mode after it.", completed=True)] = None

    def complete(self, state: ClusterState) -> Self:
        """Return it with the mode that the cluster is in afterwards."""
        modes = {CtlAction.MIXED: SecurityMode.MIXED, CtlAction.NON_SECURE: SecurityMode.NON_SECURE}
        return replace(self, mode=modes.get(self.action, state.mode))

    def check(self, _state: ClusterState) -> list[str]:
        """Refuse it: the list is not there."""
        raise UsageError(f"{INSTALL} needs a signed list", next_step="run the CTL Client")

    def plan(self, state: ClusterState) -> list[Step]:
        """Return its steps."""
        publisher, mode = state.publisher.name, state.mode if self.mode is None else self.mode

        def also(context: StepContext, session: Session) -> None:
            if self.action is CtlAction.MIXED:
                _disable_auto_registration(context, session)

        def deliver(context: StepContext) -> None:
            deliveries = DeliveryQueue(
                context.state.database, _Watched(context.state.deliveries.distributor, self.tell)
            )
            context.memory.undelivered = deliveries.deliver(context.state.nodes())

        return [
            Step(f"Check the list once more and keep the present {CTL_FILE} of {publisher}", self.take),
            *steps_into_force(publisher, mode, self.token, also=also, after=lambda: self.tell(publisher, "")),
            deliver_step(CTL_FILE, including_publisher=False, deliver=deliver),
        ]

    def take(self, _context: StepContext) -> None:
        """Put the list into the journal (rule 5)."""
        raise NotFoundError("the list is gone with the process that took it", next_step="run the CTL Client again")

    def tell(self, node: str, reason: str) -> None:
        """Tell that a node has the list, or why it has it not yet."""


@dataclass(frozen=True, slots=True, kw_only=True)
class UploadCtl(InstallCtl):
    """The same, with the list itself, in the process that took it.

    Attributes:
        data: The file.
        told: Told each node's result as it comes.
    """

    data: bytes
    told: Told

    @classmethod
    def of(
        cls,
        data: bytes,
        action: CtlAction,
        *,
        phones_cleared: bool = False,
        told: Told = lambda _node, _reason: None,
    ) -> Self:
        """Return the operation that makes a signed list the cluster's CTL.

        Running it raises :class:`CtlRefusedError` for a list that may not be, MalformedError for what is none; the
        result's ``undelivered`` tells the nodes that get it later.

        Args:
            data: The file.
            action: What the administrator chose.
            phones_cleared: The CTL files of the phones are deleted by hand; without this the
                signer must be one that they can believe.
            told: Told each node's result as it comes.
        """
        return cls(
            action=action,
            token=signer_name(data),
            sha256=hashlib.sha256(data).hexdigest(),
            length=len(data),
            phones_cleared=phones_cleared,
            data=data,
            told=told,
        )

    def check(self, state: ClusterState) -> list[str]:
        """Refuse a list that may not be the cluster's CTL now."""
        warnings = self._judge(state)[1]
        if self.action is CtlAction.MIXED:
            check_ready_for_mixed_mode(state)
        elif self.action is CtlAction.UPDATE:
            check_licence(state.version, state.licences, update=True)
            if state.mode is SecurityMode.NON_SECURE and state.folder(state.publisher.name).read(CTL_FILE) is None:
                raise PreconditionError(
                    "the cluster is not in Mixed mode and has no CTL file to update",
                    next_step="choose Set Cluster to Mixed Mode in the CTL Client",
                )
        return warnings

    def foresee(self, before: Outlook) -> Outlook:
        """Return the cluster after it."""
        return before.publishing_ctl(before.view.mode if self.mode is None else self.mode, self.data)

    def take(self, context: StepContext) -> None:
        """Check the list once more, and put it into the journal."""
        found, _ = self._judge(context.state)
        context.memory.timestamp = found.timestamp
        context.memory.tokens = [token.sha256.hex() for token in found.tokens]
        context.memory.token_names = [token.common_name.strip() for token in found.tokens]
        keep_present_ctl(context)
        keep_new_ctl(context, found.data)

    def tell(self, node: str, reason: str) -> None:
        """Tell that a node has the list, or why it has it not yet."""
        self.told(node, reason)

    def _judge(self, state: ClusterState) -> tuple[TokenCtl, list[str]]:
        """Return the list if it may be the cluster's CTL now, and warnings (rules 2 and 3)."""
        mode = state.mode if self.mode is None else self.mode
        found = check_token_ctl(self.data, state.view(), mode, digest(state))
        before = history(state)
        if found.timestamp <= before.newest:
            raise CtlRefusedError(
                "the CTL file is not newer than the last one that was installed",
                code="ctl-replayed",
                why=f"it was signed at {found.timestamp}, the last one at {before.newest} (seconds since 1970)",
                next_step="sign a new list; set the client's clock if it is behind",
            )
        if found.timestamp > max(int(state.now().timestamp()), before.newest) + CLOCKS_DIFFER:
            raise CtlRefusedError(
                "the CTL file is from the future",
                code="ctl-future",
                next_step="set the clocks of the client and of the publisher, and sign a new list",
            )
        return found, check_signer(state, found.signer, before, phones_cleared=self.phones_cleared)


def _disable_auto_registration(context: StepContext, session: Session) -> None:
    for place in ("", *(node.name for node in context.state.nodes())):
        if read_parameter(session, AUTO_REGISTRATION, place) == "True":
            write_parameter(session, AUTO_REGISTRATION, "False", place)
            context.changed(f"{AUTO_REGISTRATION.name} True -> False{f' on {place}' if place else ''}")


class _Watched:
    """A distributor whose every delivery is told."""

    def __init__(self, distributor: Distributor, told: Told) -> None:
        self._distributor, self._told = distributor, told

    def reachable(self, node: NodeInfo) -> str | None:
        return self._distributor.reachable(node)

    def deliver(self, node: NodeInfo, files: Mapping[str, bytes | None]) -> None:
        try:
            self._distributor.deliver(node, files)
        except MixedModeError as error:
            self._told(node.name, str(error))
            raise
        self._told(node.name, "")
