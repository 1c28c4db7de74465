"""The table of all messages but those of calls, and what is carried of a message that is in no table."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

from mixedmode.protocols.sccp.messages import answers as a
from mixedmode.protocols.sccp.messages import questions as q
from mixedmode.protocols.sccp.messages import registering as r
from mixedmode.protocols.sccp.messages import setup as s
from mixedmode.protocols.sccp.messages import templates as t
from mixedmode.protocols.sccp.messages.fields import Message
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
KINDS: Final = {kind.ID: kind for kind in _KINDS}
"""Every known kind of message by its id."""


@dataclass(frozen=True, slots=True)
class Unknown(Message):
    """A message of a kind that is in no table.

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
