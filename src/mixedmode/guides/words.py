"""What people read of a run, in a browser and in a terminal: what a button does, what the gate says, who is lost."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Final

from mixedmode.guides.kept import Opened
from mixedmode.phone.mind.fate.prospect import LOST, Fate
from mixedmode.procedures.guided.run import RunState, StepState
from mixedmode.procedures.steps import CtlClient, ImportToken, Prompt, ResetPhones, RestartServices, Step

WORD: Final = "LOCKOUT"
"""Typed by whoever goes on although phones would be lost."""


def kind_of(step: Step) -> tuple[str, str]:
    """Return how a step is done (``do``, ``hand``, ``token`` or ``client``), and what its button says."""
    kind, button = "hand", "I did it: verify"
    match step.act:
        case CtlClient():
            kind, button = "client", "Sign with these tokens and install the list"
        case ImportToken():
            kind, button = "token", f"Upload the certificate of {step.act.token} as Phone-SAST-trust"
        case Prompt():
            kind, button = "do", f"Look: {step.act.line}" if step.act.reads else f"Run {step.act.line}"
        case RestartServices():
            kind, button = "do", f"Restart {' and '.join(step.act.services)} on every node"
        case ResetPhones():
            kind, button = "do", "Reset every registered phone"
    return kind, button


def gate_text(step: Step) -> str:
    """Return what the gate before a step says."""
    if step.undo.possible:
        return f"Nothing that phones trust is changed before this line. After it the way back is {step.undo.how}."
    return f"After this line there is no way back: {step.undo.how}."


def lead_of(opened: Opened) -> tuple[str, str]:
    """Return where a run is, and one sentence more."""
    run, total = opened.run, len(opened.steps)
    if run.state is RunState.PLANNED:
        return "Nothing is changed yet.", "This is the plan, with what every phone would do."
    done = f"{run.over} of {total} steps are done."
    if run.current is not None:
        step = opened.steps[run.current]
        return f"Step {run.current + 1} of {total}: {step.what[0].lower()}{step.what[1:]}", done
    if run.state is RunState.ENDED:
        left = sum(each.state is StepState.LEFT_OUT for each in run.steps)
        return "All steps are done.", f"{left} of {total} were left out." if left else "Each was verified."
    return f"This run is {run.state.value}.", done


def lost_names(forecast: Mapping[str, Any]) -> list[tuple[Fate, str, str]]:
    """Return the phones that a forecast loses: outcome, name, model; the worst first."""
    names = forecast.get("names", {})
    return [(fate, str(name), str(model)) for fate in LOST for name, model in names.get(fate.value, ())]
