"""Who asks for something, and what he may."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

LEVELS: Final = (0, 1, 4)
"""Of privilege: 0 may look, 1 may change, 4 may also reset, and export keys."""


@dataclass(frozen=True, slots=True)
class Principal:
    """Who asks, what he may, and from where; :mod:`mixedmode.control.people` says who that is.

    Attributes:
        user: Account name.
        level: Of privilege, one of :data:`LEVELS`.
        source: Address, or ``console``.
        node: The node where he asks; empty where there is none in particular.
    """

    user: str
    level: int
    source: str = "console"
    node: str = ""


SYSTEM = Principal("system", 4, "local")
"""The program itself, as when it resumes an operation at its start."""
