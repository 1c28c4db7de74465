"""TVS without sockets: the messages, both ends of a connection.

Messages are those of wire-formats.md 4 and phone-trust.md 3.4. Bytes come in and go out;
:mod:`mixedmode.services.tvs.service` and :mod:`mixedmode.phone.body.tvs` put TLS around them, fleets and fuzzers do
without.
"""

from mixedmode.protocols.tvs.machines import ClientConnection, ServerConnection, ServerPhase
from mixedmode.protocols.tvs.messages import (
    DEFAULT_TTL,
    HEADER_LENGTH,
    LONGEST_TTL,
    MAX_BODY,
    Answer,
    Command,
    Element,
    MalformedMessageError,
    Message,
    QueryRequest,
    Request,
    Status,
    VerifyRequest,
    encode_message,
    known,
    parse_message,
    unknown,
)

__all__ = [
    "DEFAULT_TTL",
    "HEADER_LENGTH",
    "LONGEST_TTL",
    "MAX_BODY",
    "Answer",
    "ClientConnection",
    "Command",
    "Element",
    "MalformedMessageError",
    "Message",
    "QueryRequest",
    "Request",
    "ServerConnection",
    "ServerPhase",
    "Status",
    "VerifyRequest",
    "encode_message",
    "known",
    "parse_message",
    "unknown",
]
