"""What a procedure's steps make of a cluster, one after another: nothing is written, and no key is used.

Rules:

1. The procedure's own steps are foreseen on the cluster's outlook; lists that are yet to be signed are signed by
   stand-ins. Mistakes that are rehearsed are left out: they change nothing.
2. Each reset of the phones is a step of the forecast; who is switched off is off during it.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import replace
from typing import Final

from mixedmode.cluster.engine.operation import Operation
from mixedmode.cluster.operations.ctl import SetMixedMode, SetNonSecureMode, UpdateCtl
from mixedmode.cluster.operations.ctl_upload import InstallCtl
from mixedmode.cluster.operations.files import DeleteFile
from mixedmode.cluster.operations.identity.certificates import ImportTrust, RegenerateCertificate
from mixedmode.cluster.operations.versions import SwitchVersion, Upgrade
from mixedmode.cluster.publishing.outlook import Outlook
from mixedmode.faces.ctlclient.foreseen import after_client
from mixedmode.forecast.cluster.outlooks import foreseen_step
from mixedmode.forecast.plan import NOBODY, Off
from mixedmode.forecast.plan import Step as Restart
from mixedmode.pki.certificates.certificates import Certificate
from mixedmode.procedures.facts import Token
from mixedmode.procedures.steps import (
    Act,
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
from mixedmode.protocols.ctlprovider import Action
from mixedmode.trustlist.kinds import CTL_FILE

CertificateOf = Callable[[Token], Certificate]
"""Returns a token's certificate, or one that stands in for it."""
_PROMPTS: Final[Mapping[str, Callable[[str], Operation]]] = {
    SetMixedMode.title: lambda _publisher: SetMixedMode(),
    SetNonSecureMode.title: lambda _publisher: SetNonSecureMode(),
    UpdateCtl.title: lambda _publisher: UpdateCtl(),
    f"{RegenerateCertificate.title} CallManager": lambda publisher: RegenerateCertificate(publisher, "CallManager"),
    f"{RegenerateCertificate.title} CAPF": lambda publisher: RegenerateCertificate(publisher, "CAPF"),
    f"{DeleteFile.title} {CTL_FILE}": lambda publisher: DeleteFile(publisher, CTL_FILE),
    SwitchVersion.title: lambda _publisher: SwitchVersion(),
}
"""What procedures type that changes the cluster."""
ACTIONS: Final = {
    ClientAction.MIXED: Action.MIXED,
    ClientAction.NON_SECURE: Action.NON_SECURE,
    ClientAction.UPDATE: Action.UPDATE,
}


def operation_of(act: Act, publisher: str) -> Operation | None:
    """Return the operation that an act is, None if it is none, or one whose fields are not known before.

    Args:
        act: What is done.
        publisher: The publisher's name.
    """
    make = _PROMPTS.get(act.line) if isinstance(act, Prompt) else None
    return None if make is None else make(publisher)


def title_of(act: Act, publisher: str) -> str:
    """Return the title that the journal has for an act, empty if it is no operation."""
    match act:
        case CtlClient() if act.finish:
            return InstallCtl.title
        case ImportToken():
            return ImportTrust.title
    operation = operation_of(act, publisher)
    return "" if operation is None else operation.title


def restarts(
    steps: Sequence[Step], present: Outlook, certificate_of: CertificateOf, half: frozenset[str] = frozenset()
) -> Iterator[Restart]:
    """Yield the restarts of the phones, with all that changed since the one before (rules 1 and 2).

    Args:
        steps: Of a procedure, or what is left of them.
        present: The cluster as it is.
        certificate_of: Knows the tokens.
        half: The phones that are switched off where a procedure says so.

    Raises:
        MixedModeError: One of them cannot be foreseen.
    """
    now, before, off = present, present, NOBODY
    labels: list[str] = []
    for step in steps:
        if step.part is not Part.STEP:
            continue
        match step.act:
            case SwitchPhones():
                off = NOBODY if step.act.on else Off(half)
            case ResetPhones():
                yield replace(foreseen_step("; ".join(labels) or "phones restart", now, before), off=off)
                before, labels = now, []
            case _:
                after = _after(step.act, now, certificate_of)
                labels += [step.act.lines[0]] if after is not now and step.act.lines else []
                now = after


def _after(act: Act, now: Outlook, certificate_of: CertificateOf) -> Outlook:
    match act:
        case Prompt():
            operation = operation_of(act, now.view.publisher.name)
            return now if operation is None else operation.foresee(now)
        case RestartServices():
            return now.starting_every_tftp()
        case ImportToken():
            return now.trusting("Phone-SAST-trust", certificate_of(act.token))
        case InstallVersion():
            return Upgrade(act.version).foresee(now)
        case CtlClient() if act.finish:
            return after_client(now, ACTIONS[act.action], [certificate_of(token) for token in act.tokens])
    return now
