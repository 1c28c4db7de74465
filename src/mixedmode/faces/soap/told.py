"""An answer of a face for programs, before HTTP."""

from __future__ import annotations

from dataclasses import dataclass

from mixedmode.faces.soap.envelope import MEDIA_TYPE


@dataclass(frozen=True, slots=True)
class Told:
    """An answer."""

    body: bytes
    status: int = 200
    media_type: str = MEDIA_TYPE
