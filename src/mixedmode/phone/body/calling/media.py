"""The seam to what plays and records sound: addresses and keys as values."""

from __future__ import annotations

from typing import Protocol

from mixedmode.errors import MixedModeError
from mixedmode.phone.mind.calls.events import Count, Listen, Send
from mixedmode.phone.mind.calls.sound import Sound
from mixedmode.protocols.sccp.calls.codes import MediaStatus
from mixedmode.protocols.sccp.calls.statistics import ConnectionStatisticsRes


class NoChannelError(MixedModeError):
    """A phone cannot open a channel, or cannot send as it was told.

    Args:
        what: Why, without keys.
        status: What its server is told.
        next_step: What to do.
    """

    exit_code = 3
    default_code = "media-channel"

    def __init__(self, what: str, status: int = MediaStatus.NO_CHANNEL, *, next_step: str | None = None) -> None:
        super().__init__(what, next_step=next_step)
        self.status = status


class Media(Protocol):
    """What a telephone needs for its media. No method waits; each is told of a channel by its party."""

    def listen(self, asked: Listen, address: str) -> tuple[str, int]:
        """Open a port for a channel and return where it is.

        Args:
            asked: The channel, with the keys of what will come.
            address: The phone's own address, as its server sees it.

        Raises:
            NoChannelError: There is no port, or it cannot listen as it is asked to; the server is told so.
        """

    def send(self, told: Send) -> None:
        """Send from the channel's port, or to another target than before.

        Raises:
            NoChannelError: It cannot send as it is told; the server is told so.
        """

    def stop(self, party: int) -> None:
        """Send no more."""

    def close(self, party: int) -> None:
        """Close the port."""

    def counted(self, asked: Count) -> ConnectionStatisticsRes | None:
        """Return what was counted in a call, None if nothing was."""

    def sound(self, call: int) -> Sound | None:
        """Return what came of a call's media so far, None if it had none."""


class NoMedia:
    """Sends nothing and hears nothing; names a port that nobody listens on.

    Attributes:
        port: The next one.
        sending: What each channel was told, by party.
        hearing: What each channel was opened with, by party.
    """

    def __init__(self, port: int = 0x4000) -> None:
        self.port = port
        self.sending: dict[int, Send] = {}
        self.hearing: dict[int, Listen] = {}

    def listen(self, asked: Listen, address: str) -> tuple[str, int]:
        """Name the next even port."""
        self.hearing[asked.party] = asked
        self.port = self.port + 2 if self.port < 0x7FFE else 0x4000
        return address, self.port

    def send(self, told: Send) -> None:
        """Note it."""
        self.sending[told.party] = told

    def stop(self, party: int) -> None:
        """Note it."""
        self.sending.pop(party, None)

    def close(self, party: int) -> None:
        """Note it."""
        self.hearing.pop(party, None)

    def counted(self, _asked: Count) -> ConnectionStatisticsRes | None:
        """Return nothing."""
        return None

    def sound(self, _call: int) -> Sound | None:
        """Return nothing."""
        return None
