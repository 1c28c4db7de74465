"""SCCP without sockets: frames, the messages of registration, and both ends of it (wire-formats.md 6).

Bytes and the time come in, bytes and events go out; :mod:`mixedmode.services.callmanager.service` and
:mod:`mixedmode.phone.body.registration` put TCP and TLS around them, fleets and fuzzers do without.
"""

from mixedmode.protocols.sccp.connection.frames import Frame, FrameBuffer, MalformedFrameError
from mixedmode.protocols.sccp.messages.codec import Unknown, encode_message, header_version, parse_message
from mixedmode.protocols.sccp.messages.fields import Message
from mixedmode.protocols.sccp.messages.registering import ResetKind

__all__ = [
    "Frame",
    "FrameBuffer",
    "MalformedFrameError",
    "Message",
    "ResetKind",
    "Unknown",
    "encode_message",
    "header_version",
    "parse_message",
]
