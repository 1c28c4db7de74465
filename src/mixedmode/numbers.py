"""Numbers that strangers write.

``int`` and ``float`` take more than is meant: digits of any script, ``1_000``, ``+5``, blanks, ``nan``; and a text of
over 4,300 digits ends in an error of Python's own. So whatever comes from outside is read by these. They are not asked
where somebody else has read the number, with an error for what is none: options of the command line (click), bodies
and queries of the REST API and settings (pydantic), JSON and TOML; nor where a pattern of ``[0-9]`` with a bound has.
"""

from __future__ import annotations

import re
from typing import Final

MOST_DIGITS: Final = 18
"""Digits that fit into 64 bits; Python refuses texts of over 4,300 digits with an error of its own."""


def whole_number(text: str) -> int | None:
    """Return what a text of digits 0 to 9 counts, None if it is none, or longer than any that is meant."""
    return int(text) if text.isascii() and text.isdigit() and len(text) <= MOST_DIGITS else None


def port_number(text: str) -> int | None:
    """Return the port that a text names, 1 to 65535, None if it names none."""
    port = whole_number(text)
    return port if port is not None and 0 < port < 65536 else None


_DECIMAL: Final = re.compile(r"[0-9]{1,18}(?:\.[0-9]{0,18})?|\.[0-9]{1,18}")


def decimal_number(text: str) -> float | None:
    """Return what a text such as ``2``, ``2.5`` or ``.5`` counts, None if it is none: no sign, no exponent."""
    return float(text) if _DECIMAL.fullmatch(text) else None
