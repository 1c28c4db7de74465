"""An answer of a face for programs, before HTTP."""

from __future__ import annotations

from dataclasses import dataclass

from mixedmode.errors import MalformedError, MixedModeError, UsageError
from mixedmode.faces.soap.envelope import MEDIA_TYPE, fault


@dataclass(frozen=True, slots=True)
class Told:
    """An answer."""

    body: bytes
    status: int = 200
    media_type: str = MEDIA_TYPE


def refused(error: MixedModeError) -> Told:
    """Return the fault of RIS or Control Center for an error."""
    if isinstance(error, MalformedError | UsageError):
        return Told(fault(error.what, code="Client"), 500)
    return Told(fault(error.what), 503 if error.exit_code == 3 else 500)
