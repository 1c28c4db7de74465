"""The CTL Provider protocol without sockets: messages, and both ends of a connection as state machines.

A protocol of our own, versioned, for TLS on TCP 2444; its bytes are in docs/reference/ctl-provider-protocol.md.
:mod:`mixedmode.services.ctlprovider.service` and :mod:`mixedmode.faces.ctlclient.provider` put TLS around it.
"""

from mixedmode.protocols.ctlprovider.codec import MAX_BODY, encode_message, failure_of, parse_message, take_frame
from mixedmode.protocols.ctlprovider.fields import MalformedMessageError
from mixedmode.protocols.ctlprovider.machines import (
    INSTALL_LIMIT,
    LOGIN_LIMIT,
    ClientConnection,
    Phase,
    ServerConnection,
)
from mixedmode.protocols.ctlprovider.messages import (
    VERSION,
    Accepted,
    Action,
    Answer,
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
    Request,
    Restart,
    Welcome,
)

__all__ = [
    "INSTALL_LIMIT",
    "LOGIN_LIMIT",
    "MAX_BODY",
    "VERSION",
    "Accepted",
    "Action",
    "Answer",
    "Authenticate",
    "ClientConnection",
    "Describe",
    "Description",
    "Failure",
    "Hello",
    "Install",
    "Installed",
    "MalformedMessageError",
    "Message",
    "Mode",
    "NodeCertificate",
    "NodeDescription",
    "Phase",
    "Progress",
    "Request",
    "Restart",
    "ServerConnection",
    "Welcome",
    "encode_message",
    "failure_of",
    "parse_message",
    "take_frame",
]
