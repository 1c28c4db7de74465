"""Channels of media: where a phone listens, where it sends to, and with which keys (calls-and-media.md 7)."""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar, Final

from mixedmode.protocols.sccp.calls.codes import Payload
from mixedmode.protocols.sccp.calls.layout import (
    NOWHERE,
    Address,
    Laid,
    Number,
    Raw,
    Slot,
    needed,
    numbers,
)
from mixedmode.protocols.sccp.calls.media_keys import CLEAR, KEYS_FROM, Keys, MediaKeys

EXPEDITED: Final = 184
"""The DSCP byte of voice."""
DTMF_TYPE: Final = 10
TELEPHONE_EVENT: Final = 101
UNKNOWN_PORT: Final = 4000
_LATENT: Final = 36
_KEYS: Final = Slot("keys", Keys(), since=KEYS_FROM, early=True)
_TAIL: Final = numbers("stream", "associated_stream", "telephone_event", "dtmf_type", since=5)


@dataclass(frozen=True, slots=True)
class OpenReceiveChannel(Laid):
    """0105: listen, and say where.

    Attributes:
        conference: The call's number, in most servers.
        party: What the answer is found by.
        milliseconds: Of sound in a packet.
        payload: See :class:`~mixedmode.protocols.sccp.calls.codes.Payload`.
        echo_cancel: Whether echo is cancelled.
        codec_parameters: G.723's rate, or of newer codecs.
        call: The call, from version 5 on, as the keys.
        keys: What the other end encrypts with.
        stream: Of multicast.
        associated_stream: The same.
        telephone_event: RTP payload type of key presses, or 0.
        dtmf_type: How key presses are sent.
        mixing: Of conferences, from version 15 on.
        direction: The same.
        source: Where packets will come from, if known.
        source_port: The same.
        address_type: The type of address that is wanted: 0 IPv4, 1 IPv6, 2 both.
        level: Of sound, from version 22 on.
        latent: What the phone could do besides.
    """

    ID: ClassVar[int] = 0x0105
    SLOTS: ClassVar[tuple[Slot, ...]] = (
        *needed("conference", "party", "milliseconds", "payload"),
        *numbers("echo_cancel", "codec_parameters"),
        *numbers("call", since=5, early=True),
        _KEYS,
        *_TAIL,
        *numbers("mixing", "direction", since=15),
        Slot("source", Address(), since=15),
        *numbers("source_port", since=15),
        *numbers("address_type", since=17),
        *numbers("level", since=22),
        Slot("latent", Raw(_LATENT), since=22),
    )
    conference: int
    party: int
    milliseconds: int = 20
    payload: int = Payload.ULAW
    echo_cancel: int = 0
    codec_parameters: int = 0
    call: int = 0
    keys: MediaKeys = CLEAR
    stream: int = 0
    associated_stream: int = 0
    telephone_event: int = TELEPHONE_EVENT
    dtmf_type: int = DTMF_TYPE
    mixing: int = 0
    direction: int = 0
    source: str = NOWHERE
    source_port: int = UNKNOWN_PORT
    address_type: int = 0
    level: int = 0
    latent: bytes = bytes(_LATENT)


@dataclass(frozen=True, slots=True)
class OpenReceiveChannelAck(Laid):
    """0022: the phone listens there, or does not; see :class:`~mixedmode.protocols.sccp.calls.codes.MediaStatus`."""

    ID: ClassVar[int] = 0x0022
    SLOTS: ClassVar[tuple[Slot, ...]] = (
        *needed("status"),
        Slot("address", Address(36), needed=True),
        *needed("port", "party"),
        *numbers("call"),
    )
    status: int
    address: str = NOWHERE
    port: int = 0
    party: int = 0
    call: int = 0


@dataclass(frozen=True, slots=True)
class StartMediaTransmission(Laid):
    """008A: send there.

    Attributes:
        conference: As in OpenReceiveChannel.
        party: The same.
        address: Where to.
        port: The same.
        milliseconds: Of sound in a packet.
        payload: See :class:`~mixedmode.protocols.sccp.calls.codes.Payload`.
        precedence: The DSCP byte.
        silence_suppression: Whether silence is left out.
        frames: The most in a packet.
        padding: Unused.
        codec_parameters: G.723's rate, or of newer codecs.
        call: The call, from version 5 on, as the keys.
        keys: What to encrypt with.
        stream: Of multicast.
        associated_stream: The same.
        telephone_event: RTP payload type of key presses, or 0.
        dtmf_type: How key presses are sent.
        mixing: Of conferences.
        direction: The same, from version 11 on.
        latent: What the phone could do besides, from version 22 on.
    """

    ID: ClassVar[int] = 0x008A
    SLOTS: ClassVar[tuple[Slot, ...]] = (
        *needed("conference", "party"),
        Slot("address", Address(132), needed=True),
        *needed("port", "milliseconds", "payload"),
        *numbers("precedence", "silence_suppression"),
        Slot("frames", Number(2)),
        Slot("padding", Number(2)),
        *numbers("codec_parameters"),
        *numbers("call", since=5, early=True),
        _KEYS,
        *_TAIL,
        *numbers("mixing", since=5),
        *numbers("direction", since=11),
        Slot("latent", Raw(_LATENT), since=22),
    )
    conference: int
    party: int
    address: str
    port: int
    milliseconds: int = 20
    payload: int = Payload.ULAW
    precedence: int = EXPEDITED
    silence_suppression: int = 0
    frames: int = 0
    padding: int = 0
    codec_parameters: int = 0
    call: int = 0
    keys: MediaKeys = CLEAR
    stream: int = 0
    associated_stream: int = 0
    telephone_event: int = TELEPHONE_EVENT
    dtmf_type: int = DTMF_TYPE
    mixing: int = 0
    direction: int = 0
    latent: bytes = bytes(_LATENT)


@dataclass(frozen=True, slots=True)
class StartMediaTransmissionAck(Laid):
    """0154: a newer phone sends, or does not; some leave conference and party empty."""

    ID: ClassVar[int] = 0x0154
    SLOTS: ClassVar[tuple[Slot, ...]] = (
        *needed("conference", "party", "call"),
        Slot("address", Address(40)),
        *numbers("port", "status"),
    )
    conference: int = 0
    party: int = 0
    call: int = 0
    address: str = NOWHERE
    port: int = 0
    status: int = 0


@dataclass(frozen=True, slots=True)
class MediaTransmissionFailure(Laid):
    """002A: a phone cannot send any more."""

    ID: ClassVar[int] = 0x002A
    SLOTS: ClassVar[tuple[Slot, ...]] = (
        *needed("conference", "party"),
        Slot("address", Address(36)),
        *numbers("port", "call"),
    )
    conference: int = 0
    party: int = 0
    address: str = NOWHERE
    port: int = 0
    call: int = 0


@dataclass(frozen=True, slots=True)
class _Closing(Laid):
    SLOTS: ClassVar[tuple[Slot, ...]] = (
        *needed("conference", "party"),
        *numbers("call", "port_handling", since=5, early=True),
    )
    conference: int
    party: int
    call: int = 0
    port_handling: int = 0


@dataclass(frozen=True, slots=True)
class CloseReceiveChannel(_Closing):
    """0106: listen no more; port handling 1 keeps the port. Some servers say conference and call 0."""

    ID: ClassVar[int] = 0x0106


@dataclass(frozen=True, slots=True)
class StopMediaTransmission(_Closing):
    """008B: send no more."""

    ID: ClassVar[int] = 0x008B
