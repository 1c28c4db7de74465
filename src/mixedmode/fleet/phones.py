"""What a fleet is made of: phones, and where they fetch their files."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, field, replace
from itertools import cycle, islice

from mixedmode.errors import UsageError
from mixedmode.numbers import whole_number
from mixedmode.phone.mind.models import PhoneModel, get_phone_model
from mixedmode.phone.mind.names import device_name
from mixedmode.phone.mind.trust.settings import BootSettings, PolicySettings
from mixedmode.phone.mind.trust.state import PhoneState

MOST_PHONES = 1_000_000


@dataclass(frozen=True, slots=True)
class FleetPhone:
    """One phone.

    Attributes:
        name: Its device name.
        model: What it can do.
        state: What it holds before it starts.
    """

    name: str
    model: PhoneModel
    state: PhoneState = field(default_factory=PhoneState)


@dataclass(frozen=True, slots=True)
class FleetOptions:
    """How a fleet runs.

    Attributes:
        at_once: Most boots under way at the same time; others wait for their turn, as behind a busy switch.
        ramp: Seconds over which the phones are switched on; 0 is a power cut's end.
        tvs_at_once: Most connections to TVS at the same time.
        http_at_once: Most connections to HTTP at the same time.
        tvs_deadline: Seconds that a phone waits for a TVS that a fault made silent.
        policy: Open questions about the trust rules.
        boot: Open questions about the order of a start.
    """

    at_once: int = 2048
    ramp: float = 0.0
    tvs_at_once: int = 64
    http_at_once: int = 64
    tvs_deadline: float = 5.0
    policy: PolicySettings | None = None
    boot: BootSettings | None = None


def device_names(count: int, first: str = "SEP000000000000") -> Iterator[str]:
    """Yield ``count`` device names, from ``first`` upwards.

    Raises:
        UsageError: ``first`` is no device name, or there are not so many behind it.
    """
    name = device_name(first)
    if not name.startswith("SEP"):
        raise UsageError(f"{first!r} has no MAC address to count up from", next_step="begin with SEP and one")
    start = int(name[3:], 16)
    if start + count > 1 << 48:
        raise UsageError(f"there are no {count} names from {first} on", next_step="begin with a lower one")
    for number in range(start, start + count):
        yield f"SEP{number:012X}"


def parse_mix(text: str) -> list[tuple[PhoneModel, int]]:
    """Return models and how many of each, from ``7975:30000,7940:10000``.

    Raises:
        UsageError: It is no such text, or a model is unknown.
    """
    mix = []
    for part in text.split(","):
        name, separator, count = part.strip().partition(":")
        number = whole_number(count)
        if not separator or number is None or len(count) > len(str(MOST_PHONES)):
            raise UsageError(f"{part.strip()!r} is not MODEL:COUNT", next_step="write it like 7975:30000,7940:10000")
        mix.append((get_phone_model(name), number))
    return mix


def make_phones(
    mix: Iterable[tuple[PhoneModel, int]],
    states: Sequence[PhoneState] = (),
    *,
    first: str = "SEP000000000000",
) -> list[FleetPhone]:
    """Return phones of several models with names in a row.

    Args:
        mix: Models and how many of each.
        states: What they hold, taken in turn; nothing if left out. Legacy models get no ITL.
        first: The first name.

    Raises:
        UsageError: There are too many, or ``first`` is no device name.
    """
    models = [model for model, count in mix for _ in range(min(count, MOST_PHONES + 1))]
    if len(models) > MOST_PHONES:
        raise UsageError(f"{len(models)} phones are too many", next_step=f"{MOST_PHONES} at most")
    held = islice(cycle(states or (PhoneState(),)), len(models))
    return [
        FleetPhone(name, model, fitting(state, model))
        for name, model, state in zip(device_names(len(models), first), models, held, strict=True)
    ]


def fitting(state: PhoneState, model: PhoneModel) -> PhoneState:
    """Return what a phone of a model can hold of a state: a legacy model never holds an ITL."""
    trust = state.trust.as_held_by(model)
    return state if trust is state.trust else replace(state, trust=trust, itl_backup=None)
