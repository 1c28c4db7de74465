"""Messages in frames and back: the one place that knows both."""

from __future__ import annotations

from collections.abc import Mapping
from functools import cache
from typing import Final

from mixedmode.protocols.sccp.connection.frames import HEADER_LENGTH, Frame
from mixedmode.protocols.sccp.errors import MalformedSccpError
from mixedmode.protocols.sccp.messages import registering as r
from mixedmode.protocols.sccp.messages.codec import HIGHEST_PROTOCOL, KINDS, Unknown
from mixedmode.protocols.sccp.messages.fields import Fields, Message

_OWN_HEADER_FROM: Final = 17
_ALWAYS_ZERO: Final[frozenset[type[Message]]] = frozenset(
    {
        *(r.RegisterAck, r.KeepAliveAck, r.UnregisterAck, r.RegisterReject),
        *(r.RegisterTokenReq, r.RegisterTokenAck, r.RegisterTokenReject),
    }
)
"""What has header version 0 whatever was agreed on (calls-and-media.md 1)."""


def parse_message(frame: Frame, protocol: int = 0) -> Message:
    """Return the message of a frame.

    Args:
        frame: Whose header version is not looked at.
        protocol: The protocol version that was agreed on; 0 before.

    Raises:
        MalformedSccpError: It is of a known kind and too short, or a value in it cannot be; the error names the message
            and the byte, from the frame's first one on.
    """
    number = frame.message_id
    kind = KINDS.get(number) or _call_kinds().get(number)
    if kind is None:
        return Unknown(number, frame.body)
    try:
        return kind.parse(Fields(frame.body, protocol))
    except MalformedSccpError as error:
        error.what = f"{kind.__name__} ({number:04X}): {error.what}"
        if error.offset is not None:
            error.offset += HEADER_LENGTH
        raise


@cache
def _call_kinds() -> Mapping[int, type[Message]]:
    # To make so many classes takes long: who only registers phones, or runs none, does without them.
    from mixedmode.protocols.sccp.calls.kinds import CALL_KINDS

    return CALL_KINDS


def encode_message(message: Message, version: int = 0) -> bytes:
    """Return the bytes of a message.

    Args:
        message: What to write.
        version: Header version; see :func:`header_version`.

    Raises:
        MalformedSccpError: A value does not fit into its field.
    """
    return Frame(message.message_id, message.body(), version).encode()


def encode_agreed(message: Message, protocol: int, *, least: int = 0) -> bytes:
    """Return the bytes of a message between ends that agreed on a protocol version; 0: they have not.

    Args:
        message: What to write.
        protocol: The version.
        least: The version whose layout is written to those of earlier ones, who take longer bodies.

    Raises:
        MalformedSccpError: A value does not fit into its field.
    """
    version = 0 if type(message) in _ALWAYS_ZERO else header_version(protocol)
    return Frame(message.message_id, message.laid_out(max(protocol, least)), version).encode()


def header_version(protocol: int) -> int:
    """Return the header version of an agreed protocol version: 0 below 17, then the version itself, 22 at most."""
    return min(protocol, HIGHEST_PROTOCOL) if protocol >= _OWN_HEADER_FROM else 0
