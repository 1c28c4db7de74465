"""What the boot machine asks of its shell."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum
from typing import TYPE_CHECKING

from mixedmode.phone.mind.trust.decisions import ListKind

if TYPE_CHECKING:
    from mixedmode.phone.mind.transports import Transport
    from mixedmode.phone.mind.trust.asking import TvsRequest
    from mixedmode.phone.mind.trust.decisions import TvsQuestion


class BootFile(StrEnum):
    """The files of a boot, in order."""

    CTL = "CTL"
    ITL = "ITL"
    CONFIG = "configuration"


LIST_FILES = {BootFile.CTL: ListKind.CTL, BootFile.ITL: ListKind.ITL}
"""The files that are trust lists."""


@dataclass(frozen=True, slots=True)
class Fetch:
    """Fetch this file by this transport and say how it went."""

    file: BootFile
    name: str
    transport: Transport


@dataclass(frozen=True, slots=True)
class AskTvs:
    """Ask TVS about a signer.

    Attributes:
        question: Whom to ask about.
        requests: What goes to which server, in order, until one answers.
    """

    question: TvsQuestion
    requests: tuple[TvsRequest, ...]


Request = Fetch | AskTvs
