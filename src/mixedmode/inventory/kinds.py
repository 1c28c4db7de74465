"""What is known of a phone: phones of which the same is known are one kind, and are evaluated once."""

from __future__ import annotations

import itertools
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Final

from mixedmode.trustlist.model import TrustList

if TYPE_CHECKING:
    from mixedmode.phone.mind.models import PhoneModel

MODES: Final = {1: "non-secure", 2: "authenticated", 3: "encrypted"}
"""``deviceSecurityMode`` in words."""


@dataclass(frozen=True, slots=True)
class Unexplained:
    """A list of which only the hash is known, or nothing.

    Attributes:
        digest: As the inventory has it; empty if nothing is known.
        given: Lists that the phone was given, one of which it may hold.
    """

    digest: str = ""
    given: tuple[TrustList, ...] = ()

    def __str__(self) -> str:
        return self.digest or "not known"


Held = TrustList | Unexplained | None


@dataclass(frozen=True, slots=True)
class PhoneKind:
    """What is known of a phone.

    Attributes:
        model: Its model, None if there is none of that name.
        model_name: As the inventory has it.
        ctl: The CTL that it holds; None: none.
        itl: The ITL that it holds; None: none.
        mode: Its ``deviceSecurityMode``.
        lsc_issuer: The name of the CAPF that issued its LSC; None if that is not known.
        pool: Its device pool.
        lsc_fault: Why CallManager takes its LSC no more, as far as that is known: ``ended`` or ``revoked``.
        tvs_servers: The hosts, in lower case, that its configuration names as TVS servers; None: not known.
    """

    model: PhoneModel | None
    model_name: str
    ctl: Held
    itl: Held
    mode: int = 1
    lsc_issuer: str | None = None
    pool: str = ""
    lsc_fault: str = ""
    tvs_servers: tuple[str, ...] | None = None


def as_if_given(kind: PhoneKind) -> tuple[PhoneKind, ...]:
    """Return what a phone would be if it held what it was given: none if that is not known, or what it holds is."""
    choices = [each.given or (each,) if isinstance(each, Unexplained) else (each,) for each in (kind.ctl, kind.itl)]
    made = (replace(kind, ctl=ctl, itl=itl) for ctl, itl in itertools.product(*choices))
    return tuple(each for each in made if (each.ctl, each.itl) != (kind.ctl, kind.itl))


def held_text(held: Held) -> str | None:
    """Return the SHA-256 of a held list, the hash of an unexplained one, ``none`` for none, None if it is not known."""
    if held is None:
        return "none"
    return held.sha256 if isinstance(held, TrustList) else held.digest or None


def shown_held(held: Held) -> str:
    """Return the same for people: the MD5 that phones show."""
    if held is None:
        return "none"
    return f"unknown ({held})" if isinstance(held, Unexplained) else held.md5
