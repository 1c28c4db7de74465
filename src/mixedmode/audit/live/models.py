"""What models of phones can do, as rules ask it: yes, no, or no source says (docs/specification/phone-trust.md 5)."""

from __future__ import annotations

from collections.abc import Iterable
from enum import Enum
from functools import cache
from typing import TYPE_CHECKING, Final

from mixedmode.errors import UsageError
from mixedmode.phone.mind.models import get_model

if TYPE_CHECKING:
    from mixedmode.live.observed import PhoneSeen
    from mixedmode.phone.mind.models import PhoneModel

_OLD_TLS: Final = "1.0"


class Able(Enum):
    """Whether a model can."""

    YES = "yes"
    NO = "no"
    UNKNOWN = "unknown"


@cache
def model_of(name: str) -> PhoneModel | None:
    """Return the model of a name as CUCM has it; None if it is not known."""
    try:
        return get_model(name)
    except UsageError:
        return None


def models_of(phones: Iterable[PhoneSeen]) -> dict[str, list[str]]:
    """Return the names of phones by the model that they are said to be."""
    found: dict[str, list[str]] = {}
    for phone in phones:
        model = phone.newest("model")
        if model:
            found.setdefault(model, []).append(phone.name)
    return found


@cache
def knows_default_security(name: str) -> Able:
    """Return whether a model fetches an ITL and asks TVS."""
    model = model_of(name)
    if model is None or "security_by_default" in model.unknown:
        return Able.UNKNOWN
    return Able.YES if model.security_by_default else Able.NO


@cache
def knows_sha512(name: str) -> Able:
    """Return whether a model checks signatures over SHA-512.

    No list is public. The 7921 has SHA-1 only; models of the same time, those whose TLS ends at 1.0, count as unable.
    """
    model = model_of(name)
    if model is None or not model.signed_config:
        return Able.UNKNOWN
    if "sha512" not in model.unknown:
        return Able.YES if model.sha512 else Able.NO
    return _by_time(model)


@cache
def has_large_keys(name: str) -> Able:
    """Return whether a model uses RSA keys of 3072 and 4096 bits; the cluster's Phone Feature List knows it surely."""
    model = model_of(name)
    return Able.UNKNOWN if model is None else _by_time(model)


def _by_time(model: PhoneModel) -> Able:
    if "tls_max" in model.unknown:
        return Able.UNKNOWN
    return Able.NO if model.tls_max == _OLD_TLS else Able.YES
