"""Frames to messages and back: one table of all that is known; what is not is carried."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

from mixedmode.protocols.sccp.connection.frames import Frame
from mixedmode.protocols.sccp.messages import answers as a
from mixedmode.protocols.sccp.messages import questions as q
from mixedmode.protocols.sccp.messages import registering as r
from mixedmode.protocols.sccp.messages import setup as s
from mixedmode.protocols.sccp.messages import templates as t
from mixedmode.protocols.sccp.messages.fields import Fields, Message
from mixedmode.protocols.sccp.messages.register import Register
from mixedmode.protocols.sccp.messages.server_list import ServerRes

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
    *(q.ForwardStatReq, q.SpeedDialStatReq, q.FeatureStatReq, q.ServiceUrlStatReq),
    *(q.ConfigStatReq, q.VersionReq, q.ServerReq, q.SubscriptionStatReq),
    *(a.ForwardStat, a.SpeedDialStat, a.DynamicSpeedDialStat, a.FeatureStat, a.DynamicFeatureStat),
    *(a.ServiceUrlStat, a.DynamicServiceUrlStat, a.ConfigStat, a.DynamicConfigStat),
    *(a.VersionRes, ServerRes, a.SubscriptionStat),
)
HIGHEST_PROTOCOL: Final = 22
_OWN_HEADER_FROM: Final = 17
_ALWAYS_ZERO: Final[frozenset[type[Message]]] = frozenset(
    {
        *(r.RegisterAck, r.KeepAliveAck, r.UnregisterAck, r.RegisterReject),
        *(r.RegisterTokenReq, r.RegisterTokenAck, r.RegisterTokenReject),
    }
)
"""What has header version 0 whatever was agreed on (calls-and-media.md 1)."""
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


def parse_message(frame: Frame, protocol: int = 0) -> Message:
    """Return the message of a frame.

    Args:
        frame: Whose header version is not looked at.
        protocol: The protocol version that was agreed on; 0 before.

    Raises:
        MalformedFrameError: It is of a known kind and too short.
    """
    kind = KINDS.get(frame.message_id)
    return Unknown(frame.message_id, frame.body) if kind is None else kind.parse(Fields(frame.body, protocol))


def encode_message(message: Message, version: int = 0) -> bytes:
    """Return the bytes of a message.

    Args:
        message: What to write.
        version: Header version; see :func:`header_version`.

    Raises:
        MalformedFrameError: A value does not fit into its field.
    """
    return Frame(message.message_id, message.body(), version).encode()


def encode_agreed(message: Message, protocol: int) -> bytes:
    """Return the bytes of a message between ends that agreed on a protocol version; 0: they have not.

    Raises:
        MalformedFrameError: A value does not fit into its field.
    """
    return encode_message(message, 0 if type(message) in _ALWAYS_ZERO else header_version(protocol))


def header_version(protocol: int) -> int:
    """Return the header version of an agreed protocol version: 0 below 17, then the version itself, 22 at most."""
    return min(protocol, HIGHEST_PROTOCOL) if protocol >= _OWN_HEADER_FROM else 0
