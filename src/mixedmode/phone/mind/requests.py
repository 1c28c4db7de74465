"""What the boot machine asks of its shell, and what it says when it is done."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum

from mixedmode.phone.mind.alarms import Alarm, ListEvent
from mixedmode.phone.mind.config import PhoneConfig
from mixedmode.phone.mind.trust.decisions import Decision, ListKind, TvsQuestion
from mixedmode.phone.mind.trust.state import TvsServer


class BootFile(StrEnum):
    """The files of a boot, in order."""

    CTL = "CTL"
    ITL = "ITL"
    CONFIG = "configuration"


LIST_FILES = {BootFile.CTL: ListKind.CTL, BootFile.ITL: ListKind.ITL}
"""The files that are trust lists."""


@dataclass(frozen=True, slots=True)
class Fetch:
    """Fetch this file and say how it went."""

    file: BootFile
    name: str


@dataclass(frozen=True, slots=True)
class AskTvs:
    """Ask these servers in order until one answers."""

    question: TvsQuestion
    servers: tuple[TvsServer, ...]


@dataclass(frozen=True, slots=True)
class Finished:
    """The boot is over.

    Attributes:
        ctl: What happened to the CTL.
        itl: What happened to the ITL.
        alarm: The trust list alarm, None if there is nothing to tell.
        messages: The status messages.
        decisions: What the policy said about each file; None for one that could not be fetched.
        config: What the configuration in force says.
    """

    ctl: ListEvent
    itl: ListEvent
    alarm: Alarm | None
    messages: tuple[str, ...]
    decisions: dict[BootFile, Decision | None]
    config: PhoneConfig | None

    @property
    def refused(self) -> bool:
        """Whether the phone refused a file that it was offered."""
        return any(decision is not None and decision.refused for decision in self.decisions.values())


Request = Fetch | AskTvs | Finished
