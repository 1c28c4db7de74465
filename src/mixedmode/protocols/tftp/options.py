"""Option negotiation: what a client may ask for and what the server takes (RFC 2347, 2348, 2349, 7440).

Rules: only options that were asked for are answered; one that is unknown, not a decimal number or out of
range is dropped as if it had not been there; a block or window larger than the server's limit is answered
with the limit (both RFCs let a server answer less, none lets it answer more); an empty file's ``tsize`` is
not answered.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

from mixedmode.numbers import whole_number

DEFAULT_BLKSIZE: Final = 512
BLKSIZE_RANGE: Final = range(8, 65464 + 1)
TIMEOUT_RANGE: Final = range(1, 255 + 1)
WINDOW_RANGE: Final = range(1, 65535 + 1)


@dataclass(frozen=True, slots=True)
class Options:
    """What a client asks for; ``None`` leaves an option out.

    Attributes:
        blksize: Bytes in a block.
        timeout: Seconds between retransmissions of the server.
        tsize: Ask for the size of the file.
        windowsize: Blocks sent before one acknowledgement.
    """

    blksize: int | None = None
    timeout: int | None = None
    tsize: bool = False
    windowsize: int | None = None

    def pairs(self) -> tuple[tuple[str, str], ...]:
        """Return the options as a request carries them."""
        asked = {
            "blksize": self.blksize,
            "timeout": self.timeout,
            "tsize": 0 if self.tsize else None,
            "windowsize": self.windowsize,
        }
        return tuple((name, str(value)) for name, value in asked.items() if value is not None)


DEFAULT_OPTIONS: Final = Options()
"""No options at all: what a 7940 sends (wire-formats.md 7)."""


@dataclass(frozen=True, slots=True)
class OptionLimits:
    """The most that the server grants.

    A window is also held to ``window_bytes``, so that one acknowledgement never releases more than that.
    """

    blksize: int = BLKSIZE_RANGE[-1]
    windowsize: int = 32
    window_bytes: int = 256 * 1024


@dataclass(frozen=True, slots=True)
class Negotiated:
    """The outcome: the values in force, and the pairs of the OACK (empty: send no OACK)."""

    blksize: int = DEFAULT_BLKSIZE
    timeout: int | None = None
    windowsize: int = 1
    tsize: int | None = None
    answer: tuple[tuple[str, str], ...] = ()


NO_OPTIONS: Final = Negotiated()


def negotiate(asked: tuple[tuple[str, str], ...], size: int, limits: OptionLimits) -> Negotiated:
    """Decide the options of a transfer.

    Args:
        asked: The pairs of the request, names in lower case.
        size: Bytes in the file, the answer to ``tsize``.
        limits: The most that the server grants.
    """
    if not asked:
        return NO_OPTIONS
    granted: dict[str, int] = {}
    for name, text in asked:
        number = whole_number(text)
        if number is None:
            continue
        if name == "blksize" and number in BLKSIZE_RANGE:
            granted[name] = min(number, limits.blksize)
        elif name == "timeout" and number in TIMEOUT_RANGE:
            granted[name] = number
        elif name == "tsize" and size:
            granted[name] = size  # curl takes a size of 0 for an error, so an empty file has none
        elif name == "windowsize" and number in WINDOW_RANGE:
            granted[name] = min(number, limits.windowsize)
    blksize = granted.get("blksize", DEFAULT_BLKSIZE)
    if "windowsize" in granted:
        granted["windowsize"] = max(1, min(granted["windowsize"], limits.window_bytes // blksize))
    return Negotiated(
        blksize=blksize,
        timeout=granted.get("timeout"),
        windowsize=granted.get("windowsize", 1),
        tsize=granted.get("tsize"),
        answer=tuple((name, str(value)) for name, value in granted.items()),
    )


def accept_answer(options: Options, answer: tuple[tuple[str, str], ...]) -> Negotiated | None:
    """Check a server's OACK against what was asked.

    Returns:
        The values in force, or ``None`` if the server answers an option that was not asked for, answers
        more than was asked, or a value that is no number: the client then sends error 8 (RFC 2347).
    """
    asked = dict(options.pairs())
    granted: dict[str, int] = {}
    for name, text in answer:
        number = whole_number(text)
        if number is None or name not in asked:
            return None
        granted[name] = number
    blksize = granted.get("blksize", DEFAULT_BLKSIZE)
    windowsize = granted.get("windowsize", 1)
    fits = (
        ("blksize" not in granted or BLKSIZE_RANGE[0] <= blksize <= (options.blksize or 0))
        and ("windowsize" not in granted or 1 <= windowsize <= (options.windowsize or 0))
        and ("timeout" not in granted or granted["timeout"] == options.timeout)
    )
    if not fits:
        return None
    return Negotiated(blksize, granted.get("timeout"), windowsize, granted.get("tsize"), answer)
