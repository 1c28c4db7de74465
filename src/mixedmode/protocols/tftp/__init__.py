"""TFTP without sockets: packets, option negotiation, the server's engine and the client's machine.

The rules are those of RFC 1350, 2347, 2348, 2349 and 7440, narrowed to what phones need
(wire-formats.md 7): the server only reads, answers only options that were asked for, and never sends a
block again because an acknowledgement came twice. Time comes in as ``now`` (seconds, any monotonic
origin), packets come in and go out as bytes; :mod:`mixedmode.services.tftp.service` and
:mod:`mixedmode.phone.body.download` put sockets around it.
"""

from mixedmode.protocols.tftp.blocks import BlockPackets, LazyPackets, LostContentError, ReadPackets, data_packets
from mixedmode.protocols.tftp.client import ClientPhase, ClientTransfer, Failure, FailureReason, Outgoing
from mixedmode.protocols.tftp.engine import ServerEngine
from mixedmode.protocols.tftp.limits import ServerCounters, ServerLimits
from mixedmode.protocols.tftp.netascii import NetasciiFile, Readable, netascii
from mixedmode.protocols.tftp.options import DEFAULT_OPTIONS, Negotiated, OptionLimits, Options, negotiate
from mixedmode.protocols.tftp.packets import (
    Ack,
    Data,
    ErrorCode,
    ErrorPacket,
    MalformedPacketError,
    Mode,
    Opcode,
    OptionAck,
    Packet,
    Request,
    encode_packet,
    parse_packet,
)
from mixedmode.protocols.tftp.transfer import Phase, ServerTransfer

__all__ = [
    "DEFAULT_OPTIONS",
    "Ack",
    "BlockPackets",
    "ClientPhase",
    "ClientTransfer",
    "Data",
    "ErrorCode",
    "ErrorPacket",
    "Failure",
    "FailureReason",
    "LazyPackets",
    "LostContentError",
    "MalformedPacketError",
    "Mode",
    "Negotiated",
    "NetasciiFile",
    "Opcode",
    "OptionAck",
    "OptionLimits",
    "Options",
    "Outgoing",
    "Packet",
    "Phase",
    "ReadPackets",
    "Readable",
    "Request",
    "ServerCounters",
    "ServerEngine",
    "ServerLimits",
    "ServerTransfer",
    "data_packets",
    "encode_packet",
    "negotiate",
    "netascii",
    "parse_packet",
]
