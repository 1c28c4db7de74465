"""SCCP without sockets: frames, the messages of registration, and both ends of it (wire-formats.md 6).

``connection`` knows frames only, ``messages`` knows layouts only, and neither knows the other; :mod:`.framing` puts the
one into the other, and the machines of ``registration`` stand on all three.

Bytes and the time come in, bytes and events go out; :mod:`mixedmode.services.callmanager.service` and
:mod:`mixedmode.phone.body.registration` put TCP and TLS around them, fleets and fuzzers do without.
"""

from mixedmode.protocols.sccp.connection.frames import Frame, FrameBuffer
from mixedmode.protocols.sccp.errors import MalformedSccpError
from mixedmode.protocols.sccp.framing import encode_message, header_version, parse_message
from mixedmode.protocols.sccp.messages.codec import Unknown
from mixedmode.protocols.sccp.messages.fields import Message
from mixedmode.protocols.sccp.messages.registering import ResetKind

__all__ = [
    "Frame",
    "FrameBuffer",
    "MalformedSccpError",
    "Message",
    "ResetKind",
    "Unknown",
    "encode_message",
    "header_version",
    "parse_message",
]
