"""Our own adapter, and an example of one: a line of JSON in, a line of JSON out (README.md)."""

from __future__ import annotations

import contextlib
import json
import sys
from collections.abc import Callable, Iterator
from dataclasses import fields, is_dataclass
from enum import Enum
from pathlib import Path
from typing import Any

from mixedmode.errors import MixedModeError, RemoteProtocolError
from mixedmode.pki.certificates.certificates import Certificate
from mixedmode.protocols import capf, sccp, tftp, tvs
from mixedmode.protocols.sccp.registration.phone import PhonePhase, PhoneRegistration
from mixedmode.protocols.sccp.registration.phone_events import PhoneFacts
from mixedmode.signedfile import open_file
from mixedmode.trustlist import TrustList
from mixedmode.trustlist.document import describe
from tests.signedfile.material import trust_list

Input = dict[str, Any]
_TVS_KINDS = {
    tvs.Command.VERIFY_REQUEST: "verify request",
    tvs.Command.VERIFY_ANSWER: "verify answer",
    tvs.Command.QUERY_REQUEST: "query request",
    tvs.Command.QUERY_ANSWER: "query answer",
}


def read_list(asked: Input) -> Any:
    found = TrustList.parse(bytes.fromhex(asked["data"]))
    document = describe(found, found.verify(), ())
    signer = document["signer"]
    return {**document, "signer_serial": signer["serial"], "signer_name": signer["name"]}


def rewrite_list(asked: Input) -> Any:
    return {"data": TrustList.parse(bytes.fromhex(asked["data"])).serialize().hex()}


def open_signed(asked: Input) -> Any:
    from cryptography.hazmat.primitives.serialization import load_der_private_key

    signers = [Certificate.from_der(bytes.fromhex(each)) for each in asked["signers"]]
    key = load_der_private_key(bytes.fromhex(asked["key"]), None) if "key" in asked else None
    data, name = bytes.fromhex(asked["data"]), asked["name"]
    opened = open_file(data, trust_list(*signers), filename=name, key=key)  # type: ignore[arg-type] # phones have RSA keys
    return {"content": opened.content.hex()}


def read_tvs(asked: Input) -> Any:
    message = tvs.parse_message(bytes.fromhex(asked["data"]))
    document = plain(message)
    return {**document, "kind": _TVS_KINDS[message.command]}


def write_tvs(asked: Input) -> Any:
    kinds = {kind: command for command, kind in _TVS_KINDS.items()}
    command, session = kinds[asked["kind"]], asked["session"]
    message: tvs.Message
    if command is tvs.Command.VERIFY_REQUEST:
        message = tvs.VerifyRequest(session, asked["device"], bytes.fromhex(asked["certificate"]))
    elif command is tvs.Command.QUERY_REQUEST:
        serial = bytes.fromhex(asked["serial"])
        message = tvs.QueryRequest(session, asked["device"], asked["subject"], asked["issuer"], serial)
    else:
        certificate = bytes.fromhex(asked["certificate"]) if asked.get("certificate") else None
        roles = tuple(asked.get("roles", ()))
        message = tvs.Answer(command, session, asked["status"], certificate, roles, asked.get("ttl"))
    return {"data": tvs.encode_message(message).hex()}


def read_capf(asked: Input) -> Any:
    message = capf.parse_message(bytes.fromhex(asked["data"]))
    elements = [[tag, value.hex()] for tag, value in message.elements]
    return {"command": message.command, "session": message.session, "elements": elements}


def write_capf(asked: Input) -> Any:
    elements = tuple((tag, bytes.fromhex(value)) for tag, value in asked["elements"])
    return {"data": capf.encode_message(capf.Message(asked["command"], asked["session"], elements)).hex()}


def serve_capf(asked: Input) -> Any:
    """Play a server: it is told beforehand what to decide."""
    server = capf.ServerSession(asked["session"])
    said = [server.bytes_to_send().hex()]
    for data in asked["from_phone"]:
        came = bytes.fromhex(data)
        # A broken protocol is answered too: the last word is in what is to be sent.
        with contextlib.suppress(RemoteProtocolError):
            while events := server.receive(came, 0):
                came = b""
                decisions = [_decision(event, asked) for event in events]
                for decision in decisions:
                    if decision is not None:
                        server.send(decision, 0)
        said.append(server.bytes_to_send().hex())
    return {"to_phone": [each for each in said if each], "over": server.closed}


def _decision(event: capf.Event, asked: Input) -> capf.Decision | None:
    match event:
        case capf.Asked():
            return _order(asked)
        case capf.Issue():
            return capf.Lsc(bytes.fromhex(asked["lsc"])) if "lsc" in asked else capf.Refusal()
        case capf.Confirmed():
            return capf.Accepted()
    return None


def _order(asked: Input) -> capf.Decision:
    if asked["order"] in {"refuse", "unknown device"}:
        return capf.Refusal() if asked["order"] == "refuse" else capf.NoSuchDevice()
    family, _, size = asked.get("key", "rsa-2048").partition("-")
    wish = capf.KeyWish(None, capf.Curve[f"P{size}"]) if family == "ec" else capf.KeyWish(int(size))
    return capf.Order(capf.Operation(asked["order"]), wish)


def read_sccp(asked: Input) -> Any:
    [frame] = _frames(bytes.fromhex(asked["data"]))
    message = sccp.parse_message(frame, asked.get("protocol", 0))
    return {
        "id": frame.message_id,
        "header": frame.version,
        "body_bytes": len(frame.body),
        "name": type(message).__name__,
        "fields": plain(message),
    }


def rewrite_sccp(asked: Input) -> Any:
    protocol = asked.get("protocol", 0)
    frames = _frames(bytes.fromhex(asked["data"]))
    written = (sccp.encode_message(sccp.parse_message(frame, protocol), frame.version) for frame in frames)
    return {"data": b"".join(written).hex()}


def register_phone(asked: Input) -> Any:
    """Play a phone that hears what a server of others has said."""
    phone = PhoneRegistration(PhoneFacts(asked["device"], 437, protocol=asked["protocol"]), 0)
    sent = phone.bytes_to_send()
    for data in asked["from_server"]:
        phone.receive(bytes.fromhex(data), 1)
        sent += phone.bytes_to_send()
    return {"registered": phone.phase is PhonePhase.READY, "ids": [frame.message_id for frame in _frames(sent)]}


def _frames(data: bytes) -> list[sccp.Frame]:
    buffer = sccp.FrameBuffer()
    buffer.add(data)
    return list(iter(buffer.take, None))


def read_tftp(asked: Input) -> Any:
    packet = tftp.parse_packet(bytes.fromhex(asked["data"]))
    kind = packet.opcode.name if isinstance(packet, tftp.Request) else _TFTP_NAMES[type(packet)]
    return {"kind": kind, **{name: value for name, value in plain(packet).items() if name != "opcode"}}


def write_tftp(asked: Input) -> Any:
    options = tuple((name, value) for name, value in asked.get("options", ()))
    packet: tftp.Packet
    match asked["kind"]:
        case "RRQ" | "WRQ" as kind:
            packet = tftp.Request(tftp.Opcode[kind], asked["filename"], asked["mode"], options)
        case "DATA":
            packet = tftp.Data(asked["block"], bytes.fromhex(asked["payload"]))
        case "ACK":
            packet = tftp.Ack(asked["block"])
        case "ERROR":
            packet = tftp.ErrorPacket(asked["code"], asked["message"])
        case _:
            packet = tftp.OptionAck(options)
    return {"data": tftp.encode_packet(packet).hex()}


def serve_tftp(asked: Input) -> Any:
    """Play a server of one file for one client: what it answers to each datagram."""
    content = bytes.fromhex(asked["content"])

    class File:
        size = len(content)

        def packets(self, blksize: int) -> tuple[bytes, ...]:
            return tftp.data_packets(content, blksize)

    engine = tftp.ServerEngine(lambda name, _: File() if name == asked["name"] else tftp.ErrorCode.FILE_NOT_FOUND)
    replies = []
    for port, data in asked["datagrams"]:
        take = engine.request if port == "listening" else engine.receive
        reply = take(bytes.fromhex(data), "client", 0.0)
        replies.append([each.hex() for each in ((reply,) if isinstance(reply, bytes) else reply or ())])
    return {"replies": replies}


_TFTP_NAMES = {tftp.Data: "DATA", tftp.Ack: "ACK", tftp.ErrorPacket: "ERROR", tftp.OptionAck: "OACK"}
OPERATIONS: dict[str, Callable[[Input], Any]] = {
    "list.read": read_list,
    "list.rewrite": rewrite_list,
    "signedfile.open": open_signed,
    "tvs.read": read_tvs,
    "tvs.write": write_tvs,
    "capf.read": read_capf,
    "capf.write": write_capf,
    "capf.serve": serve_capf,
    "sccp.read": read_sccp,
    "sccp.rewrite": rewrite_sccp,
    "sccp.register": register_phone,
    "tftp.read": read_tftp,
    "tftp.write": write_tftp,
    "tftp.serve": serve_tftp,
}


def plain(value: Any) -> Any:
    """Return a value as JSON has it: bytes as hexadecimal, dataclasses as objects."""
    if is_dataclass(value):
        return {each.name: plain(getattr(value, each.name)) for each in fields(value)}
    if isinstance(value, bytes):
        return value.hex()
    if isinstance(value, tuple):
        return [plain(each) for each in value]
    return value.value if isinstance(value, Enum) else value


def answer(question: dict[str, Any]) -> dict[str, Any]:
    """Return the answer to one question."""
    found: dict[str, Any] = {"id": question["id"]}
    operation = OPERATIONS.get(question["operation"])
    if operation is None:
        return {**found, "unsupported": True}
    try:
        return {**found, "result": operation(question["input"])}
    except MixedModeError as error:
        return {**found, "refused": str(error)}


def questions() -> Iterator[str]:
    """Yield the questions: of the file that was named, or of standard input."""
    if len(sys.argv) > 1:
        yield Path(sys.argv[1]).read_text()
    else:
        yield from sys.stdin


def main() -> None:
    """Answer until there are no more questions."""
    for line in questions():
        print(json.dumps(answer(json.loads(line))), flush=True)


if __name__ == "__main__":
    main()
