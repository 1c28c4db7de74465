"""How a phone's registration stands, and how long it waits."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum
from typing import Any

from mixedmode.articles import with_article
from mixedmode.phone.mind.models import PhoneModel


class RegistrationState(StrEnum):
    """What the phone's screen says."""

    OFF = "off"
    REGISTERING = "registering"
    REGISTERED = "registered"
    UNREGISTERED = "unregistered"


@dataclass(frozen=True, slots=True)
class RegistrationStatus:
    """How the phone stands.

    Attributes:
        state: In a word.
        server: Which CallManager, ``127.0.0.1:2443``.
        secure: Whether by TLS.
        reason: Why it is not registered, or what the last server said.
        lines: Directory numbers.
        since: When this began, UTC.
        resets: How often a CallManager had it reset, restarted or its configuration applied.
    """

    state: RegistrationState = RegistrationState.OFF
    server: str | None = None
    secure: bool = False
    reason: str = ""
    lines: tuple[str, ...] = ()
    since: datetime | None = None
    resets: int = 0

    def document(self) -> dict[str, Any]:
        """Return it as JSON."""
        return {
            "state": self.state.value,
            "server": self.server,
            "secure": self.secure,
            "reason": self.reason,
            "lines": list(self.lines),
            "since": None if self.since is None else self.since.isoformat(timespec="seconds"),
            "resets": self.resets,
        }


def speaks_sip_only(model: PhoneModel) -> str:
    """Return why a phone of a model does not register."""
    told = "simulated phones register by SCCP, so it loads its files and no more"
    return f"{with_article(model.name)} speaks SIP only; {told}"


@dataclass(frozen=True, slots=True)
class RegistrationTimes:
    """How long a phone waits, in seconds.

    Attributes:
        connect: For a connection with its handshake.
        answer: For each answer of a server.
        first_pause: After all servers failed.
        longest_pause: The pause doubles up to this.
        settled: A registration that lasted so long was a success.
        leave: For a server to confirm that the phone leaves.
    """

    connect: float = 5.0
    answer: float = 10.0
    first_pause: float = 1.0
    longest_pause: float = 60.0
    settled: float = 10.0
    leave: float = 2.0
