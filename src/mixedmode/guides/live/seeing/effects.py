"""What a step must have changed, so that a command whose end nobody saw is judged by its effect: PURE.

Rules:

1. True: the effect is there. False: it is not, or not yet. None: it cannot be seen from here, and a person is asked.
2. A new list always differs from the one before: its time stamp does.
3. From version 12.0 on ITLRecovery signs (cucm-admin.md 3): statements about the signer are judged by that.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import replace
from typing import Final

from mixedmode.guides.lists import chosen_certificate
from mixedmode.guides.live.seeing.situation import Marks, Situation, plain_serial
from mixedmode.procedures.checks import SIGNED_BY_CALLMANAGER, SIGNER_IS_NEW, Check
from mixedmode.procedures.facts import Facts
from mixedmode.procedures.steps import Act, CtlClient, ImportToken, Prompt

NO_CTL: Final = "none"
QUESTIONS: Final[Mapping[str, Mapping[str, str]]] = {
    "utils ctl set-cluster mixed-mode": {"set-mixed": "y"},
    "utils ctl set-cluster non-secure-mode": {"set-non-secure": "y"},
    "utils ctl update CTLFile": {"update-ctl": "y"},
    "file delete tftp CTLFile.tlv": {"delete-file": "y"},
    "set cert regen CallManager": {"regenerate": "yes"},
}
"""What procedures type that changes something, with the answers to the questions that each is known to ask. Every other
question is the person's to answer."""


def changes_ctl(act: Act) -> bool:
    """Return whether an act makes the CTL file anew on every node."""
    return isinstance(act, CtlClient) or (isinstance(act, Prompt) and act.line.startswith("utils ctl"))


def effect(act: Act, before: Marks, now: Marks, choices: Mapping[str, str]) -> bool | None:
    """Return whether the effect of an act is there (rule 1).

    Args:
        act: What was done, or perhaps was.
        before: Right before it.
        now: Since then.
        choices: What the run knows of tokens.
    """
    if isinstance(act, ImportToken):
        certificate = chosen_certificate(choices, act.token)
        if certificate is None or now.sast is None:
            return None
        return plain_serial(certificate.serial.hex()) in {plain_serial(each) for each in now.sast}
    if isinstance(act, CtlClient):
        return _differs(before.ctl, now.ctl, act.finish)
    judge = _EFFECTS.get(act.line) if isinstance(act, Prompt) else None
    return None if judge is None else judge(before, now)


def _differs(before: str | None, now: str | None, wanted: bool = True) -> bool | None:
    if before is None or now is None:
        return None
    return (now not in {before, NO_CTL}) is wanted


def _is_mixed(_before: Marks, now: Marks) -> bool | None:
    return None if now.mode is None or now.ctl is None else now.mode == 1 and now.ctl != NO_CTL


_EFFECTS: Final[Mapping[str, Callable[[Marks, Marks], bool | None]]] = {
    "set cert regen CallManager": lambda before, now: _differs(before.serial, now.serial),
    "utils ctl update CTLFile": lambda before, now: _differs(before.ctl, now.ctl),
    "utils ctl set-cluster mixed-mode": _is_mixed,
    "utils ctl set-cluster non-secure-mode": lambda _, now: None if now.mode is None else now.mode == 0,
    "file delete tftp CTLFile.tlv": lambda _, now: None if now.ctl is None else now.ctl == NO_CTL,
}


def adapted(check: Check, now: Situation) -> Check:
    """Return a statement as it is judged in the version that runs (rule 3)."""
    if not now.signs_with_recovery:
        return check
    if check.name == SIGNED_BY_CALLMANAGER.name:

        def signed(_before: Facts, facts: Facts) -> bool | None:
            recovery = plain_serial(now.recovery)
            return None if not recovery or facts.ctl is None else facts.ctl.signer_serial == recovery

        return replace(check, name="signed-by-itlrecovery", text="the CTL file is signed by ITLRecovery", judge=signed)
    if check.name == SIGNER_IS_NEW.name:

        def named(_before: Facts, _facts: Facts) -> bool | None:
            listing = now.publisher.listing
            if listing is None or now.serial is None:
                return None
            return plain_serial(now.serial) in {plain_serial(each.serial) for each in listing.records}

        return replace(
            check, name="names-new-certificate", text="the CTL file names the new CallManager certificate", judge=named
        )
    return check
