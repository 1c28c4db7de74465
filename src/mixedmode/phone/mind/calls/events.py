"""What happens in a phone's calls: values for its screen, and for what plays and records sound (the ``media`` seam)."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from mixedmode.protocols.sccp.calls.codes import Protection, State
from mixedmode.protocols.sccp.calls.media_keys import CLEAR, MediaKeys


@dataclass(frozen=True, slots=True)
class PhoneCall:
    """A call as the phone knows it.

    Attributes:
        call: Its number; two phones of one server may have the same.
        line: On which line.
        state: As the server said.
        calling: Number of who calls.
        calling_name: Name of who calls.
        called: Number of who is called.
        called_name: Name of who is called.
        security: The security status.
        encrypted: Whether the phone was given keys for both directions.
        was_connected: Whether it was ever connected.
    """

    call: int
    line: int = 1
    state: int = State.OFF_HOOK
    calling: str = ""
    calling_name: str = ""
    called: str = ""
    called_name: str = ""
    security: int = Protection.UNKNOWN
    encrypted: bool = False
    was_connected: bool = False

    @property
    def state_words(self) -> str:
        """The state, for people."""
        known = self.state in set(State)
        return State(self.state).name.lower().replace("_", " ") if known else f"state {self.state}"

    @property
    def icon(self) -> str:
        """``lock``, ``shield`` or nothing."""
        return Protection(self.security).icon if self.security in set(Protection) else ""

    def document(self) -> dict[str, Any]:
        """Return it as JSON."""
        return {
            "call": self.call,
            "line": self.line,
            "state": self.state_words,
            "calling": self.calling,
            "calling_name": self.calling_name,
            "called": self.called,
            "called_name": self.called_name,
            "security": self.security,
            "icon": self.icon,
            "media": "SRTP" if self.encrypted else "RTP" if self.was_connected else "none",
        }


@dataclass(frozen=True, slots=True)
class Changed:
    """A call is another than it was; its state may be on hook, then it is over."""

    call: PhoneCall


@dataclass(frozen=True, slots=True)
class Listen:
    """Open a port: RTP of the other side will come there.

    Attributes:
        party: What the channel is known by; answer with it.
        call: The call, 0 if the server did not say.
        payload: Codec, as SCCP numbers it.
        milliseconds: Of sound in a packet.
        keys: What the other side encrypts with; if it does, packets in the clear are to be dropped.
    """

    party: int
    call: int
    payload: int
    milliseconds: int
    keys: MediaKeys = CLEAR


@dataclass(frozen=True, slots=True)
class Send:
    """Send RTP.

    Attributes:
        party: As in :class:`Listen`; a server may send another target for the same.
        call: The call, 0 if the server did not say.
        address: Where to.
        port: UDP port.
        payload: Codec, as SCCP numbers it.
        milliseconds: Of sound in a packet.
        keys: What to encrypt with.
        dscp: The DSCP byte.
        telephone_event: RTP payload type of key presses, 0 for none.
    """

    party: int
    call: int
    address: str
    port: int
    payload: int
    milliseconds: int
    keys: MediaKeys = CLEAR
    dscp: int = 184
    telephone_event: int = 0


@dataclass(frozen=True, slots=True)
class StopSending:
    """Send no more."""

    party: int


@dataclass(frozen=True, slots=True)
class StopListening:
    """Close the port."""

    party: int


@dataclass(frozen=True, slots=True)
class Count:
    """Say what was counted: answer with the number, call and mode of this."""

    number: str
    call: int
    mode: int


CallEvent = Changed | Listen | Send | StopSending | StopListening | Count
"""What happens."""
