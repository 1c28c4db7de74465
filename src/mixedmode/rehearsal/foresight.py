"""What a rehearsal foresees before it begins, and whether the phones then did it.

Rules:

1. The procedure's own steps are foreseen one after another on the cluster's outlook: nothing is written, and lists that
   are yet to be signed are signed by stand-ins. Mistakes that are rehearsed are left out: they change nothing.
2. Each reset of the phones is a step of the forecast; who is switched off is off during it.
3. At the end each phone's outcome, by what it was offered and did, is compared with the one foreseen.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Final

from mixedmode.cluster.engine.operation import Operation
from mixedmode.cluster.model.topology import SecurityMode
from mixedmode.cluster.operations.ctl import SetMixedMode, SetNonSecureMode, UpdateCtl
from mixedmode.cluster.operations.files import DeleteFile
from mixedmode.cluster.operations.identity.certificates import RegenerateCertificate
from mixedmode.cluster.operations.versions import SwitchVersion, Upgrade
from mixedmode.cluster.publishing.lists import StandIn
from mixedmode.cluster.publishing.looking import outlook
from mixedmode.cluster.publishing.outlook import Outlook
from mixedmode.control.ctl_description import described
from mixedmode.faces.ctlclient.lists import client_list, present_tokens, target_mode
from mixedmode.forecast.cluster.outlooks import foreseen_step
from mixedmode.forecast.evaluation import Forecaster
from mixedmode.forecast.plan import NOBODY, Off, Plan
from mixedmode.forecast.plan import Step as Restart
from mixedmode.inventory.kinds import PhoneKind
from mixedmode.phone.mind.fate.observed import fate_after
from mixedmode.phone.mind.fate.prospect import OPEN_SETTINGS, Fate
from mixedmode.phone.mind.trust.state import TrustState
from mixedmode.procedures.steps import (
    ClientAction,
    CtlClient,
    ImportToken,
    InstallVersion,
    Part,
    Prompt,
    ResetPhones,
    RestartServices,
    Step,
    SwitchPhones,
)
from mixedmode.protocols.ctlprovider import Action, Mode
from mixedmode.trustlist.kinds import CTL_FILE

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from mixedmode.phone.mind.outcome import BootOutcome
    from mixedmode.procedures.definition import Procedure
    from mixedmode.rehearsal.hands import TokenHands
    from mixedmode.rehearsal.stage import Stage

_PROMPTS: Final[Mapping[str, Callable[[str], Operation]]] = {
    SetMixedMode.title: lambda _publisher: SetMixedMode(),
    SetNonSecureMode.title: lambda _publisher: SetNonSecureMode(),
    UpdateCtl.title: lambda _publisher: UpdateCtl(),
    f"{RegenerateCertificate.title} CallManager": lambda publisher: RegenerateCertificate(publisher, "CallManager"),
    f"{DeleteFile.title} {CTL_FILE}": lambda publisher: DeleteFile(publisher, CTL_FILE),
    SwitchVersion.title: lambda _publisher: SwitchVersion(),
}
"""What procedures type that changes the cluster."""
_ACTIONS: Final = {
    ClientAction.MIXED: Action.MIXED,
    ClientAction.NON_SECURE: Action.NON_SECURE,
    ClientAction.UPDATE: Action.UPDATE,
}


@dataclass(frozen=True, slots=True)
class Foresight:
    """What is foreseen.

    Attributes:
        fates: The outcome of each phone.
        held: What each held before.
        models: The model of each.
    """

    fates: Mapping[str, Fate]
    held: Mapping[str, TrustState]
    models: Mapping[str, str]

    @property
    def numbers(self) -> dict[Fate, int]:
        """How many phones have which outcome, all six of them."""
        every = list(self.fates.values())
        return {fate: every.count(fate) for fate in Fate}

    def named(self, fate: Fate) -> list[str]:
        """Return the phones of an outcome, with their models."""
        return [f"{name} ({self.models[name]})" for name, each in self.fates.items() if each is fate]

    def observed(self, boots: Mapping[str, Sequence[BootOutcome]]) -> dict[str, Fate]:
        """Return what became of each phone; a phone that never started is not known.

        Args:
            boots: Of each phone since this was foreseen.
        """
        return {
            name: fate_after(boots[name], held) if boots.get(name) else Fate.UNKNOWN for name, held in self.held.items()
        }


def foresee(procedure: Procedure, stage: Stage) -> Foresight | None:
    """Return what becomes of the phones; None if the procedure has none start.

    Args:
        procedure: That is about to begin.
        stage: On which it is played; phones have started.

    Raises:
        MixedModeError: An operation of it cannot be foreseen.
    """
    present = outlook(stage.lab.cluster)
    steps = tuple(_restarts(procedure.steps, present, stage))
    if not steps or not stage.boots:
        return None
    plan = Plan(steps, present=foreseen_step("as it is", present, None))
    # What a policy leaves open is settled here: a lab's phones have the settings that they have.
    forecaster = Forecaster(plan, answered=frozenset(OPEN_SETTINGS))
    kinds = {name: _kind(boot) for name, boot in stage.boots.items()}
    return Foresight(
        {name: forecaster.outcome(kind, plan.absences(name)) for name, kind in kinds.items()},
        {name: boot.trust for name, boot in stage.boots.items()},
        {name: boot.model.name for name, boot in stage.boots.items()},
    )


def _kind(boot: BootOutcome) -> PhoneKind:
    mode = (boot.config.device_security_mode if boot.config is not None else None) or 1
    return PhoneKind(boot.model, boot.model.name, boot.trust.ctl, boot.trust.itl, mode)


def _restarts(steps: Sequence[Step], present: Outlook, stage: Stage) -> Iterator[Restart]:
    """Yield the restarts of the phones, with all that changed since the one before (rules 1 and 2)."""
    now, before, off = present, present, NOBODY
    labels: list[str] = []
    for step in steps:
        if step.part is not Part.STEP:
            continue
        match step.act:
            case SwitchPhones():
                off = NOBODY if step.act.on else Off(stage.half)
            case ResetPhones():
                yield replace(foreseen_step("; ".join(labels) or "phones restart", now, before), off=off)
                before, labels = now, []
            case _:
                after = _after(step, now, stage.hands)
                labels += [step.act.lines[0]] if after is not now and step.act.lines else []
                now = after


def _after(step: Step, now: Outlook, hands: TokenHands) -> Outlook:
    match step.act:
        case Prompt():
            operation = _PROMPTS.get(step.act.line)
            return now if operation is None else operation(now.view.publisher.name).foresee(now)
        case RestartServices():
            return now.starting_every_tftp()
        case ImportToken():
            return now.trusting("Phone-SAST-trust", hands.certificate(step.act.token))
        case InstallVersion():
            return Upgrade(step.act.version).foresee(now)
        case CtlClient() if step.act.finish:
            return _signed_by_tokens(step.act, now, hands)
    return now


def _signed_by_tokens(act: CtlClient, now: Outlook, hands: TokenHands) -> Outlook:
    """Return the cluster with the list of the CTL Client, a stand-in's signature in it."""
    view, ctl = now.view, now.files.get((now.view.publisher.name, CTL_FILE))
    description = described(view, Mode(view.mode.value), int(now.now.timestamp()), 0, int(now.digest), ctl)
    mode = target_mode(description, _ACTIONS[act.action])
    there = present_tokens(description)
    inserted = [hands.certificate(token) for token in act.tokens]
    known = [token for token in inserted if token in there]
    signer = StandIn(known[0] if there and known else inserted[-1])
    tokens = list(dict.fromkeys((*there, *inserted)))
    data = client_list(description, tokens, signer, mode, int(now.now.timestamp()))
    return now.publishing_ctl(SecurityMode(mode.value), data)
