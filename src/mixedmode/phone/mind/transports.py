"""By which transport a phone asks for its next file: HTTP, then TFTP (phone-trust.md 1.2).

Rules:

1. A model that prefers HTTP repeats the same file by TFTP when HTTP fails; "not found" is an answer, not a failure.
2. Where HTTP ran into its deadline, the rest of the boot goes by TFTP alone.
3. A server that answered nothing before a transfer by TFTP failed is not asked for further files.
"""

from __future__ import annotations

from enum import StrEnum
from typing import Final

from mixedmode.protocols.tftp import FailureReason

_ANSWERS: Final = frozenset({FailureReason.REFUSED, FailureReason.TOO_LARGE, FailureReason.BAD_OPTIONS})
"""Failures that only a server which is there can cause."""


class Transport(StrEnum):
    """How a file comes."""

    HTTP = "HTTP"
    TFTP = "TFTP"


class Transports:
    """The transports of one boot.

    Args:
        http: Whether to begin with HTTP.

    Attributes:
        answered: Whether the server answered anything yet.
    """

    __slots__ = ("_http", "_silent", "answered")

    def __init__(self, *, http: bool) -> None:
        self.answered = False
        self._http = http
        self._silent = False

    def first(self) -> Transport | None:
        """Return how to ask for the next file, None if there is no use in asking (rule 3)."""
        if self._silent and not self.answered:
            return None
        return Transport.HTTP if self._http else Transport.TFTP

    def after(self, transport: Transport, code: str) -> Transport | None:
        """Return how to ask for the same file again, None if that was the last way (rules 1 and 2).

        Args:
            transport: How it failed to come.
            code: Why, as :class:`~mixedmode.protocols.tftp.FailureReason` has it; other codes are those of a
                connection that broke.
        """
        if transport is Transport.HTTP:
            self._http = self._http and code != FailureReason.TIMEOUT
            return Transport.TFTP
        self._silent = True
        self.answered = self.answered or code in _ANSWERS
        return None
