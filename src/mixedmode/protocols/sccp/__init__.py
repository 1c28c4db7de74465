"""SCCP without sockets: frames, the messages of registration, and both ends of it (wire-formats.md 6).

Bytes and the time come in, bytes and events go out; :mod:`mixedmode.services.callmanager` and
:mod:`mixedmode.phone.registration` put TCP and TLS around them, fleets and fuzzers do without.
"""

from mixedmode.protocols.sccp.codec import Unknown, encode_message, header_version, parse_message
from mixedmode.protocols.sccp.fields import Message
from mixedmode.protocols.sccp.frames import Frame, FrameBuffer, MalformedFrameError
from mixedmode.protocols.sccp.registering import ResetKind

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
