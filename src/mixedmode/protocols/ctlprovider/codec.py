"""The messages of the CTL Provider protocol, version 1, as bytes (docs/reference/ctl-provider-protocol.md).

::

    frame: length u32 (of what follows) | type u8 | elements

=====  =============  ======  ===========================================================
type   message        sender  elements
=====  =============  ======  ===========================================================
1      Hello          client  1 version, 2 client
2      Welcome        server  1 version, 2 node
3      Authenticate   client  1 user, 2 password
4      Accepted       server  1 level
5      Describe       client  none
6      Description    server  1 to 8, see :class:`Description`
7      Install        client  1 action, 2 ctl, 3 phones cleared
8      Progress       server  1 node, 2 installed, 3 reason
9      Installed      server  1 result (many), 2 change (many), 3 restart (many), 4 warning (many)
10     Failure        server  1 code, 2 text, 3 where, 4 why, 5 next step, 6 kind, 7 closing
=====  =============  ======  ===========================================================

Rules:

1. A frame has at most :data:`MAX_BODY` bytes after its length, at least the type.
2. A number that names no action or mode makes the message malformed.
"""

from __future__ import annotations

from dataclasses import replace
from typing import Any, Final

from mixedmode.errors import MixedModeError
from mixedmode.protocols.ctlprovider.fields import (
    MAX_TEXT,
    Element,
    Kind,
    MalformedMessageError,
    encode_elements,
    parse_elements,
    printable,
)
from mixedmode.protocols.ctlprovider.messages import (
    Accepted,
    Action,
    Authenticate,
    Describe,
    Description,
    Failure,
    Hello,
    Install,
    Installed,
    Message,
    Mode,
    NodeCertificate,
    NodeDescription,
    Progress,
    Restart,
    Welcome,
)

MAX_BODY: Final = 1 << 20
"""Bytes of a frame after its length."""

TYPES: Final[dict[int, type[Any]]] = {
    1: Hello,
    2: Welcome,
    3: Authenticate,
    4: Accepted,
    5: Describe,
    6: Description,
    7: Install,
    8: Progress,
    9: Installed,
    10: Failure,
}
_CODES: Final = {kind: code for code, kind in TYPES.items()}
_TABLES: Final[dict[type[Any], tuple[Element, ...]]] = {
    Hello: (Element(1, "version", Kind.NUMBER), Element(2, "client", Kind.TEXT)),
    Welcome: (Element(1, "version", Kind.NUMBER), Element(2, "node", Kind.TEXT)),
    Authenticate: (Element(1, "user", Kind.TEXT), Element(2, "password", Kind.SECRET)),
    Accepted: (Element(1, "level", Kind.NUMBER),),
    Describe: (),
    NodeCertificate: (Element(1, "role", Kind.NUMBER), Element(2, "der", Kind.BYTES)),
    NodeDescription: (
        Element(1, "name", Kind.TEXT),
        Element(2, "address", Kind.TEXT),
        Element(3, "is_publisher", Kind.FLAG),
        Element(4, "services", Kind.TEXT, many=True),
        Element(5, "certificates", Kind.NESTED, NodeCertificate, many=True),
    ),
    Description: (
        Element(1, "version", Kind.TEXT),
        Element(2, "mode", Kind.NUMBER),
        Element(3, "clock", Kind.NUMBER),
        Element(4, "newest", Kind.NUMBER),
        Element(5, "digest", Kind.NUMBER),
        Element(6, "takes_tokens", Kind.FLAG),
        Element(7, "ctl", Kind.BYTES, optional=True),
        Element(8, "nodes", Kind.NESTED, NodeDescription, many=True),
    ),
    Install: (
        Element(1, "action", Kind.NUMBER),
        Element(2, "ctl", Kind.BYTES),
        Element(3, "phones_cleared", Kind.FLAG),
    ),
    Progress: (
        Element(1, "node", Kind.TEXT),
        Element(2, "installed", Kind.FLAG),
        Element(3, "reason", Kind.TEXT),
    ),
    Restart: (Element(1, "node", Kind.TEXT), Element(2, "service", Kind.TEXT)),
    Installed: (
        Element(1, "results", Kind.NESTED, Progress, many=True),
        Element(2, "changes", Kind.TEXT, many=True),
        Element(3, "restart", Kind.NESTED, Restart, many=True),
        Element(4, "warnings", Kind.TEXT, many=True),
    ),
    Failure: (
        Element(1, "code", Kind.TEXT),
        Element(2, "text", Kind.TEXT),
        Element(3, "where", Kind.TEXT, optional=True),
        Element(4, "why", Kind.TEXT, optional=True),
        Element(5, "next_step", Kind.TEXT, optional=True),
        Element(6, "kind", Kind.NUMBER),
        Element(7, "closing", Kind.FLAG),
    ),
}


def encode_message(message: Message) -> bytes:
    """Return a message's frame.

    Raises:
        MalformedMessageError: A value does not fit, or the frame would be too long.
    """
    body = encode_elements(message, _TABLES)
    if len(body) >= MAX_BODY:
        raise MalformedMessageError(f"a message of {len(body)} bytes is too long; the limit is {MAX_BODY}")
    return (len(body) + 1).to_bytes(4) + bytes((_CODES[type(message)],)) + body


def parse_message(body: bytes) -> Message:
    """Parse what follows a frame's length.

    Raises:
        MalformedMessageError: It is no message.
    """
    kind = TYPES.get(body[0]) if body else None
    if kind is None:
        raise MalformedMessageError("a message has no known type", offset=0)
    message: Message = parse_elements(kind, body[1:], _TABLES, offset=1)
    try:
        if isinstance(message, Install):
            return replace(message, action=Action(message.action))
        if isinstance(message, Description):
            return replace(message, mode=Mode(message.mode))
    except ValueError as error:
        raise MalformedMessageError(str(error), offset=1) from error
    return message


def take_frame(buffer: bytearray, limit: int = MAX_BODY) -> bytes | None:
    """Take one frame off the front of a buffer and return it without its length; None if it is not whole yet.

    Args:
        buffer: Bytes received.
        limit: Most bytes after the length.

    Raises:
        MalformedMessageError: The frame is empty or too long.
    """
    if len(buffer) < 4:
        return None
    length = int.from_bytes(buffer[:4])
    if not 1 <= length <= limit:
        raise MalformedMessageError(f"a message of {length} bytes; 1 to {limit} are allowed", offset=0)
    if len(buffer) < 4 + length:
        return None
    body = bytes(buffer[4 : 4 + length])
    del buffer[: 4 + length]
    return body


def failure_of(error: MixedModeError, *, closing: bool = False) -> Failure:
    """Return how an error is told to the other side."""
    return Failure(
        _short(error.code) or "error",
        _short(error.what) or "",
        _short(error.where),
        _short(error.why),
        _short(error.next_step),
        error.exit_code,
        closing,
    )


def _short(text: str | None) -> str | None:
    return None if text is None else printable(text.encode(errors="replace")[:MAX_TEXT].decode(errors="ignore"))
