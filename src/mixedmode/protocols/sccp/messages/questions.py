"""What a registered phone asks beside its lines and keys (calls-and-media.md 3).

:mod:`~mixedmode.protocols.sccp.messages.answers` are the answers.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar

from mixedmode.protocols.sccp.messages.fields import Fields, Message, number


@dataclass(frozen=True, slots=True)
class Asking(Message):
    """A question about the ``index``-th of something; phones count from 1."""

    index: int = 1

    def body(self) -> bytes:
        """Return 4 bytes."""
        return number(self.index)

    @classmethod
    def parse(cls, fields: Fields) -> Asking:
        """Read it; what newer phones append, such as the capabilities of a feature, is not needed."""
        return cls(fields.number("index"))


@dataclass(frozen=True, slots=True)
class ForwardStatReq(Asking):
    """0009: is line ``index`` forwarded?"""

    ID: ClassVar[int] = 0x0009


@dataclass(frozen=True, slots=True)
class SpeedDialStatReq(Asking):
    """000A: what is speed dial ``index``?"""

    ID: ClassVar[int] = 0x000A


@dataclass(frozen=True, slots=True)
class ServiceUrlStatReq(Asking):
    """0033: what is service ``index``?"""

    ID: ClassVar[int] = 0x0033


@dataclass(frozen=True, slots=True)
class FeatureStatReq(Asking):
    """0034: what is feature ``index``?"""

    ID: ClassVar[int] = 0x0034


@dataclass(frozen=True, slots=True)
class ConfigStatReq(Message):
    """000C: who am I?"""

    ID: ClassVar[int] = 0x000C


@dataclass(frozen=True, slots=True)
class VersionReq(Message):
    """000F: which firmware shall I run?"""

    ID: ClassVar[int] = 0x000F


@dataclass(frozen=True, slots=True)
class ServerReq(Message):
    """0012: which servers are there?"""

    ID: ClassVar[int] = 0x0012


@dataclass(frozen=True, slots=True)
class SubscriptionStatReq(Message):
    """0048: tell me of something, such as the line of a colleague; its name, which follows, is not needed."""

    ID: ClassVar[int] = 0x0048
    transaction: int = 0
    feature: int = 0
    timer: int = 0

    def body(self) -> bytes:
        """Return 12 bytes."""
        return number(self.transaction) + number(self.feature) + number(self.timer)

    @classmethod
    def parse(cls, fields: Fields) -> SubscriptionStatReq:
        """Read it."""
        return cls(fields.number("transaction"), fields.optional("feature"), fields.optional("timer"))
