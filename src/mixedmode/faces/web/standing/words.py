"""Why a kind of phone stands as it does, and what to do next: a sentence each, for people at the pages."""

from __future__ import annotations

import re
from collections.abc import Sequence
from typing import TYPE_CHECKING, Final

from mixedmode.forecast.by_hand import erase_by_hand
from mixedmode.forecast.remedies import remedy
from mixedmode.inventory.kinds import Unexplained
from mixedmode.phone.mind.fate.afar import Help
from mixedmode.phone.mind.fate.prospect import SAFE, Fate
from mixedmode.phone.mind.trust.decisions import Reason

if TYPE_CHECKING:
    from mixedmode.forecast.evaluation import Forecast, Forecaster

_STEP: Final = re.compile(r" (?:before step 1|after step 1|between step 1 and step 2|after the last step|in step 1)\b")
"""Of a plan with the one step "as it is", a place in it says nothing."""
_ASKED_TVS: Final = {Reason.TVS_UNREACHABLE, Reason.UNKNOWN_SIGNER}


def reason(forecast: Forecast, silent: Sequence[str] = ()) -> str:
    """Return why.

    Args:
        forecast: Of the phones as they are.
        silent: The nodes whose TVS they may ask, if it runs on none of them.
    """
    if forecast.outcome is Fate.UNKNOWN:
        return _unknown(forecast)
    deciding = forecast.deciding
    if forecast.outcome in SAFE or deciding is None:
        by_tvs = forecast.outcome is Fate.FOLLOWS_BY_TVS
        return "It takes what is published, since TVS vouches for it." if by_tvs else "It holds what is published."
    if deciding.refused and silent and deciding.reason in _ASKED_TVS:
        return f"{_sentence(deciding.text)} TVS on {_names(silent)} does not run."
    if forecast.outcome is Fate.BEHIND and not deciding.refused:
        return "It holds an older list, and would take the newest if it were reset."
    return _sentence(deciding.text)


def _unknown(forecast: Forecast) -> str:
    kind = forecast.kind
    shown = [each.digest for each in (kind.ctl, kind.itl) if isinstance(each, Unexplained) and each.digest]
    if shown:
        return f"No file explains the checksum that it shows: {shown[0]}."
    if kind.model is None:
        return f"The model {kind.model_name!r} is not known."
    if forecast.prospect.settings:
        return f"It depends on what nobody has answered: {', '.join(forecast.prospect.settings)}."
    return "Which lists it holds is not known."


def next_step(forecaster: Forecaster, forecast: Forecast, silent: Sequence[str] = ()) -> str:
    """Return what to do, empty if nothing.

    Args:
        forecaster: Who judged.
        forecast: Of the phones as they are.
        silent: The nodes whose TVS they may ask, if it runs on none of them.
    """
    if forecast.outcome is Fate.UNKNOWN:
        kind = forecast.kind
        if any(isinstance(each, Unexplained) and each.digest for each in (kind.ctl, kind.itl)):
            return "Look at the list that it holds on its own web page, or reset it."
        return "Reset it: when it registers, it says what it holds."
    if forecast.outcome in SAFE:
        return ""
    helps = forecast.prospect.helps
    if silent and Help.TVS in helps:
        return f"Start TVS on {_names(silent)}, then reset the phone."
    if forecast.outcome is Fate.BEHIND and helps == (Help.RESTART,):
        return "Reset the phone."
    said = _STEP.sub("", remedy(forecaster, forecast))
    return _sentence(said or erase_by_hand(forecast.kind.model))


def is_by_hand(text: str) -> bool:
    """Return whether a next step needs somebody at the phone."""
    return text.lower().startswith("by hand")


def _names(nodes: Sequence[str]) -> str:
    return nodes[0] if len(nodes) == 1 else f"{', '.join(nodes[:-1])} and {nodes[-1]}"


def _sentence(text: str) -> str:
    said = text.strip().rstrip(".")
    return f"{said[:1].upper()}{said[1:]}." if said else ""
