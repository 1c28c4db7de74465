"""CAPF without sockets: the messages, and both sides of a session (wire-formats.md 5).

The server speaks first; :mod:`mixedmode.services.capf.service` and :mod:`mixedmode.phone.body.capf` put TLS around
the machines.
"""

from mixedmode.protocols.capf.client import Credential, Enrolment, Finished, Generate, Installed, PhoneSession, Removed
from mixedmode.protocols.capf.messages import (
    HEADER_LENGTH,
    MAX_BODY,
    CertificateType,
    Command,
    Curve,
    Element,
    KeyType,
    KeyWish,
    MalformedCapfError,
    Message,
    Reason,
    encode_message,
    parse_message,
)
from mixedmode.protocols.capf.server import (
    Asked,
    Claim,
    Confirmed,
    Ended,
    Event,
    Issue,
    Operation,
    Order,
    ServerSession,
)

__all__ = [
    "HEADER_LENGTH",
    "MAX_BODY",
    "Asked",
    "CertificateType",
    "Claim",
    "Command",
    "Confirmed",
    "Credential",
    "Curve",
    "Element",
    "Ended",
    "Enrolment",
    "Event",
    "Finished",
    "Generate",
    "Installed",
    "Issue",
    "KeyType",
    "KeyWish",
    "MalformedCapfError",
    "Message",
    "Operation",
    "Order",
    "PhoneSession",
    "Reason",
    "Removed",
    "ServerSession",
    "encode_message",
    "parse_message",
]
