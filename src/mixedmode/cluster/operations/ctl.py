"""The ``utils ctl`` commands: a CTL that the publisher signs itself (:mod:`.ctl_steps`)."""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar

from mixedmode.cluster.engine.operation import Operation
from mixedmode.cluster.engine.steps import Step, StepContext
from mixedmode.cluster.model.errors import PreconditionError, VersionError
from mixedmode.cluster.model.licences import check_licence
from mixedmode.cluster.model.topology import SecurityMode
from mixedmode.cluster.operations.common import deliver_step
from mixedmode.cluster.operations.ctl_steps import keep_new_ctl, keep_present_ctl, steps_into_force
from mixedmode.cluster.operations.preconditions import auto_registration_warning, check_ready_for_mixed_mode
from mixedmode.cluster.publishing.lists import ctl_signer, is_token_signed
from mixedmode.cluster.publishing.outlook import Outlook
from mixedmode.cluster.publishing.published import build_ctl
from mixedmode.cluster.store.state import ClusterState
from mixedmode.trustlist.kinds import CTL_FILE


@dataclass(frozen=True, slots=True)
class TokenlessCtl(Operation):
    """What the commands share.

    Attributes:
        mode: That the cluster is in afterwards.
        reset: Whether the anchor that does not sign usually does.
    """

    mode: ClassVar[SecurityMode] = SecurityMode.MIXED
    reset: ClassVar[bool] = False

    def foresee(self, before: Outlook) -> Outlook:
        """Return the cluster after it."""
        return before.publishing_ctl(self.mode, reset=self.reset)

    def plan(self, state: ClusterState) -> list[Step]:
        """Return its steps."""
        publisher = state.publisher.name
        signer = state.version.ctl_anchors[-1 if self.reset else 0]

        def sign(context: StepContext) -> None:
            view = context.state.view().in_mode(self.mode)
            keep_new_ctl(context, build_ctl(context.state, view, ctl_signer(view, reset=self.reset)))

        return [
            Step(f"Keep the present {CTL_FILE} of {publisher}", keep_present_ctl),
            Step(f"Make the new {CTL_FILE} and sign it with the {signer} key of {publisher}", sign),
            *steps_into_force(publisher, self.mode, f"{signer} of {publisher}"),
            deliver_step(CTL_FILE, including_publisher=False),
        ]


@dataclass(frozen=True, slots=True)
class SetMixedMode(TokenlessCtl):
    """The cluster goes into mixed mode."""

    title: ClassVar[str] = "utils ctl set-cluster mixed-mode"

    def check(self, state: ClusterState) -> list[str]:
        """Refuse it where something must be put right first."""
        _require_tokenless(state)
        check_ready_for_mixed_mode(state)
        warnings = auto_registration_warning(state)
        if state.mode is SecurityMode.MIXED:
            warnings.insert(0, "The cluster is in Mixed mode already.")
        return [*warnings, *_token_warning(state)]


@dataclass(frozen=True, slots=True)
class SetNonSecureMode(TokenlessCtl):
    """The cluster goes into non-secure mode."""

    title: ClassVar[str] = "utils ctl set-cluster non-secure-mode"
    mode: ClassVar[SecurityMode] = SecurityMode.NON_SECURE

    def check(self, state: ClusterState) -> list[str]:
        """Refuse it where there are no such commands."""
        _require_tokenless(state)
        return ["The cluster is in Non Secure mode already."] if state.mode is SecurityMode.NON_SECURE else []


@dataclass(frozen=True, slots=True)
class UpdateCtl(TokenlessCtl):
    """The CTL is made anew."""

    title: ClassVar[str] = "utils ctl update CTLFile"

    def check(self, state: ClusterState) -> list[str]:
        """Refuse it where there is no CTL to update."""
        return _check_update(state)


@dataclass(frozen=True, slots=True)
class ResetCtl(TokenlessCtl):
    """The CTL is made anew and signed by the other anchor, for phones that have lost their trust."""

    title: ClassVar[str] = "utils ctl reset localkey"
    privilege: ClassVar[int] = 4
    reset: ClassVar[bool] = True

    def check(self, state: ClusterState) -> list[str]:
        """Refuse it where there is no other anchor."""
        warnings = _check_update(state)
        if len(state.version.ctl_anchors) < 2 or state.version.release < (12, 0):
            raise VersionError(
                f"on version {state.version} the CallManager key signs the CTL file already",
                next_step="utils ctl update CTLFile",
            )
        return [*warnings, "Run utils ctl update CTLFile once every phone has the new file."]


def _require_tokenless(state: ClusterState) -> None:
    if not state.version.has_tokenless_ctl:
        raise VersionError(
            f"version {state.version} has no utils ctl commands",
            why="they exist from version 10.0(1) on",
            next_step="use the CTL Client with two security tokens",
        )


def _check_update(state: ClusterState) -> list[str]:
    _require_tokenless(state)
    if state.mode is not SecurityMode.MIXED:
        raise PreconditionError(
            "the cluster is not in Mixed mode, so there is no CTL file to update",
            next_step="utils ctl set-cluster mixed-mode",
        )
    check_licence(state.version, state.licences, update=True)
    return _token_warning(state)


def _token_warning(state: ClusterState) -> list[str]:
    if state.version.release < (12, 0):
        return []
    if not is_token_signed(state.folder(state.publisher.name).read(CTL_FILE)):
        return []
    return ["The present CTL file is signed by a security token: phones must hold one made on 12.0 or later first."]
