"""Frames to messages and back: one table of all that is known; what is not is carried."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

from mixedmode.protocols.sccp import registering as r
from mixedmode.protocols.sccp import setup as s
from mixedmode.protocols.sccp import templates as t
from mixedmode.protocols.sccp.fields import Fields, Message
from mixedmode.protocols.sccp.frames import Frame
from mixedmode.protocols.sccp.register import Register

_KINDS: Final[tuple[type[Message], ...]] = (
    *(r.KeepAlive, r.KeepAliveAck, Register, r.RegisterAck, r.RegisterReject, r.Unregister, r.UnregisterAck, r.Reset),
    *(r.Alarm, r.XmlAlarm, r.IpPort, r.RegisterTokenReq, r.RegisterTokenAck, r.RegisterTokenReject),
    *(s.CapabilitiesReq, s.CapabilitiesRes, t.ButtonTemplateReq, t.ButtonTemplateRes, t.SoftKeyTemplateReq),
    *(
        t.SoftKeyTemplateRes,
        t.SoftKeySetReq,
        t.SoftKeySetRes,
        s.LineStatReq,
        s.LineStat,
        s.DynamicLineStat,
        s.RegisterAvailableLines,
    ),
    *(s.TimeDateReq, s.DefineTimeDate),
)
KINDS: Final = {kind.ID: kind for kind in _KINDS}
"""Every known kind of message by its id."""


@dataclass(frozen=True, slots=True)
class Unknown(Message):
    """A message of a kind that is not in the table, such as those of calls.

    Attributes:
        number: Its id.
        data: Its body.
    """

    number: int
    data: bytes = b""

    @property
    def message_id(self) -> int:
        """The id on the wire."""
        return self.number

    def body(self) -> bytes:
        """Return the body as it came."""
        return self.data


def parse_message(frame: Frame) -> Message:
    """Return the message of a frame.

    Raises:
        MalformedFrameError: It is of a known kind and too short.
    """
    kind = KINDS.get(frame.message_id)
    return Unknown(frame.message_id, frame.body) if kind is None else kind.parse(Fields(frame.body))


def encode_message(message: Message, version: int = 0) -> bytes:
    """Return the bytes of a message.

    Args:
        message: What to write.
        version: Header version; see :func:`header_version`.

    Raises:
        MalformedFrameError: A value does not fit into its field.
    """
    return Frame(message.message_id, message.body(), version).encode()


def header_version(protocol: int) -> int:
    """Return the header version of a negotiated protocol version: 0, 17 or 22."""
    return 22 if protocol >= 22 else 17 if protocol >= 17 else 0
