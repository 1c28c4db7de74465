"""The models of phones, found by the names that people, boxes, phones and CUCM have for them.

Rules:

1. ``8845``, ``Cisco 8845``, ``Cisco IP Phone 8845``, ``CP-8845-K9=`` and the device type ``36224`` are one model.
   Capitals, blanks and hyphens make no difference.
2. Of an order number (PID) those parts are dropped that name a colour, a country, a licence or a bundle; what names
   another device type (``NR``, ``NS``, ``G-GE``) is not.
3. Multiplatform phones (``3PCC``) are other phones than those of the same number: no CUCM serves them.
4. What is not in the table is unknown, and the nearest names are told; nothing else is put in its place.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from functools import lru_cache
from typing import Final

from mixedmode.errors import UsageError
from mixedmode.phone.mind.model_facts import ConsoleStyle, PhoneModel, ShownHash, Signalling, known_models

__all__ = ["MODELS", "ConsoleStyle", "PhoneModel", "ShownHash", "Signalling", "get_model", "get_phone_model"]

MODELS: Final[dict[str, PhoneModel]] = {model.name: model for model in known_models()}
"""Every known model by name; those that are no phones too."""

_ALIASES: Final = {
    "7971G-GE": "7971",
    "CSF": "Unified Client Services Framework",
    "TCT": "Dual Mode for iPhone",
    "BOT": "Dual Mode for Android",
    "TAB": "Jabber for Tablet",
    "CIPC": "IP Communicator",
}
_NO_SIGNS = re.compile(r"[^A-Z0-9+]")
_PREFIX = re.compile(
    r"(?:CISCO\s+)?(?:(?:UNIFIED|WIRELESS|WEBEX|SPARK|VIDEO|DESK|CONFERENCE|IP)\s+)*(?:PHONE\s+)?(?:[CD]P[- ]?|CTS-)?"
)
_BRAND = re.compile(r"^(Webex|TelePresence) ")
_PID_PART = re.compile(r"K9|BUN|CAM|RF|CH1|CCME|NC|EX|V\d+|(?!NR|NS|GE|SR)[A-Z]{1,2}")
_MULTIPLATFORM = re.compile(r"-3P(CC|W)\b")
_NEAR: Final = 4
_NAMES: Final = 512
"""So many names are remembered with their models: fleets ask for few of them, phone by phone."""


def _key(text: str) -> str:
    return _NO_SIGNS.sub("", text.upper())


def _index() -> dict[str, PhoneModel]:
    found = {_key(model.cucm_name.removeprefix("Cisco ")): model for model in MODELS.values() if model.cucm_name}
    for model in MODELS.values():
        # Room systems have changed their brand, and people leave it out; a number alone would be a device type.
        short = _BRAND.sub("", model.name)
        if re.search("[A-Z]", _key(short)):
            found.setdefault(_key(short), model)
    # A name of ours stands for the model that has it, whatever CUCM calls another one.
    found |= {_key(model.name): model for model in MODELS.values()}
    return found | {_key(alias): MODELS[name] for alias, name in _ALIASES.items()}


_BY_KEY: Final = _index()
_BY_TYPE: Final = {str(model.device_type): model for model in MODELS.values() if model.device_type is not None}


@lru_cache(maxsize=_NAMES)
def get_model(name: str) -> PhoneModel:
    """Return the model of a name such as ``7975``, ``CP-7975G``, ``Cisco 8845``, ``CP-8845-K9`` or ``36224``.

    Raises:
        UsageError: There is no such model; the next step names the nearest ones.
    """
    wanted = " ".join(name.upper().replace("=", " ").split())
    if _MULTIPLATFORM.search(wanted):
        raise UsageError(
            f"{name!r} is a phone with multiplatform firmware, which no CUCM serves",
            code="model",
            next_step="name the enterprise model, such as CP-8845-K9",
        )
    for candidate in _candidates(wanted):
        found = _BY_KEY.get(_key(candidate))
        if found is not None:
            return found
    found = _BY_TYPE.get(wanted)
    if found is not None:
        return found
    from difflib import get_close_matches

    near = get_close_matches(wanted.removeprefix("CISCO ").removeprefix("CP-"), _phone_names(), n=_NEAR, cutoff=0.5)
    hint = f"use one of these: {', '.join(near)}; " if near else ""
    raise UsageError(
        f"{name!r} is no known phone model", code="model", next_step=f"{hint}mixedmode models lists all of them"
    )


def get_phone_model(name: str) -> PhoneModel:
    """Return the same, of phones only.

    Raises:
        UsageError: There is no such model, or it is a gateway, trunk, bridge or expansion module.
    """
    model = get_model(name)
    if not model.is_phone:
        raise UsageError(
            f"{model.cucm_name} (type {model.device_type}) is no phone",
            code="model",
            next_step="mixedmode models lists those that are",
        )
    return model


def _phone_names() -> list[str]:
    return [model.name for model in MODELS.values() if model.is_phone]


def _candidates(wanted: str) -> Iterator[str]:
    """Yield what a name may mean, the likeliest first (rules 1 and 2)."""
    yield wanted
    yield wanted.removeprefix("CISCO ")
    prefix = _PREFIX.match(wanted)
    parts = wanted[prefix.end() if prefix else 0 :].split("-")
    while parts:
        yield "-".join(parts)
        if len(parts) == 1 or not _PID_PART.fullmatch(parts[-1]):
            break
        parts.pop()
    last = _key("-".join(parts))
    for suffix in ("G", "NR"):
        if last.endswith(suffix):
            yield last.removesuffix(suffix)
