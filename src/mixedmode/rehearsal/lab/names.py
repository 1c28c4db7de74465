"""The phones and tokens of labs by name, for help as well, which must not load a lab."""

from __future__ import annotations

from typing import Final

MODELS: Final = ("7975", "8861", "7965", "7940", "8841", "7945", "7821", "8945")
"""Models that a lab's phones take in turn; 7940 has no Security by Default."""
TOKEN_NUMBERS: Final = ("ADN0054f509", "ADN008580ef")
"""The seed's two tokens; the second one signs."""


def models_of(phones: int) -> tuple[str, ...]:
    """Return the models that so many phones of a lab have."""
    return tuple(MODELS[number % len(MODELS)] for number in range(phones))


def phone_name(number: int) -> str:
    """Return the device name of a lab's phone."""
    return f"SEP0011223344{number:02X}" if number < 0x100 else f"SEP00112233{number:04X}"


def phone_number(number: int) -> str:
    """Return the directory number of a lab's phone: 4401 of the first."""
    return str(4400 + number)
