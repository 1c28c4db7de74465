"""CAPF: recorded sessions replayed against the server's machine, both machines against each other, and garbage."""

from __future__ import annotations

import contextlib
import json
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from mixedmode.errors import RemoteProtocolError
from mixedmode.protocols.capf import (
    Accepted,
    Asked,
    Claim,
    Confirmed,
    Curve,
    Enrolment,
    Finished,
    Generate,
    Installed,
    Issue,
    KeyMade,
    KeyWish,
    Lsc,
    MalformedCapfError,
    Message,
    NoSuchDevice,
    Operation,
    Order,
    PhoneSession,
    Reason,
    Refusal,
    Removed,
    ServerSession,
    encode_message,
    parse_message,
)
from tests.support import DATA

SESSIONS = sorted((DATA / "wire" / "capf").glob("*.json"))
ORDERS = {
    "session-ec.0": Order(Operation.INSTALL, KeyWish(None, Curve.P256)),
    "session-ec.1": Order(Operation.INSTALL, KeyWish(None, Curve.P521)),
    "session.3": Order(Operation.NONE),
    "session.4": None,
    "session.5": Order(Operation.FETCH),
    "session.9": Order(Operation.DELETE),
    "session.10": Order(Operation.FETCH),
    "session.11": Order(Operation.INSTALL, KeyWish(None, Curve.P521)),
    "session.2": Order(Operation.INSTALL, KeyWish(None, Curve.P256)),
}


def lines_of(path: Path) -> list[tuple[str, bytes]]:
    return [(side, bytes.fromhex(data)) for side, data in json.loads(path.read_text())]


@pytest.mark.parametrize("path", SESSIONS, ids=lambda path: path.stem)
def test_recorded_messages_are_read_and_written_byte_for_byte(path: Path) -> None:
    for _, data in lines_of(path):
        assert encode_message(parse_message(data)) == data


def order_of(path: Path, lines: list[tuple[str, bytes]]) -> Order | None:
    if path.stem in ORDERS:
        return ORDERS[path.stem]
    bits = next((m.number(10) for m in (parse_message(d) for _, d in lines) if m.command == 3), 2048)  # type: ignore[arg-type]
    return Order(Operation.INSTALL, KeyWish(bits))


@pytest.mark.parametrize("path", SESSIONS, ids=lambda path: path.stem)
def test_the_server_answers_as_in_the_recording(path: Path) -> None:
    lines = lines_of(path)
    server = ServerSession(parse_message(lines[0][1]).session)
    issued = next((m.certificate() for m in (parse_message(d) for _, d in lines) if m.command == 9), None)
    said = server.bytes_to_send()
    for side, data in lines:
        if side == "S>C":
            assert said.startswith(data)
            said = said[len(data) :]
            continue
        came = data
        while events := server.receive(came, 0):
            came = b""
            for event in events:
                if isinstance(event, Asked):
                    decision = order_of(path, lines) or NoSuchDevice()
                    server.send(Refusal("wrong password") if path.stem == "session.7" else decision, 0)
                elif isinstance(event, Issue):
                    server.send(Refusal() if issued is None else Lsc(issued), 0)
                elif isinstance(event, Confirmed):
                    server.send(Accepted(), 0)
        said += server.bytes_to_send()
    assert not said


def pieces(data: bytes, size: int) -> list[bytes]:
    return [data[at : at + size] for at in range(0, len(data), size)]


def play(order: Order | None, enrolment: Enrolment, *, chunk: int = 7) -> tuple[list[object], list[object]]:
    """Let both machines talk, in small pieces."""
    server, phone = ServerSession(9), PhoneSession(enrolment)
    of_server: list[object] = []
    of_phone: list[object] = []
    while not any(isinstance(event, Finished) for event in of_phone):
        for piece in pieces(server.bytes_to_send(), chunk):
            for event in phone.receive(piece, 0):
                of_phone.append(event)
                if isinstance(event, Generate):
                    phone.send(KeyMade(b"a public key"), 0)
        for piece in pieces(phone.bytes_to_send(), chunk):
            for said in server.receive(piece, 0):
                of_server.append(said)
                if isinstance(said, Asked):
                    server.send(order or NoSuchDevice(), 0)
                elif isinstance(said, Issue):
                    server.send(Lsc(b"a certificate"), 0)
                elif isinstance(said, Confirmed):
                    server.send(Accepted(), 0)
    return of_server, of_phone


def test_an_lsc_is_installed() -> None:
    wish = KeyWish(None, Curve.P384)
    server, phone = play(Order(Operation.INSTALL, wish), Enrolment("SEP001122334455", "12345"))
    claim = Claim("SEP001122334455", b"12345")
    assert server == [Asked(claim), Issue(b"a public key"), Confirmed(Operation.INSTALL)]
    assert phone == [Generate(wish), Installed(b"a certificate"), Finished(Reason.OK)]


@pytest.mark.parametrize(
    ("order", "held", "server_last", "phone_last"),
    [
        (Order(Operation.FETCH), b"mine", Confirmed(Operation.FETCH, b"mine"), Reason.NO_ACTION),
        (Order(Operation.FETCH), None, None, Reason.NO_ACTION),
        (Order(Operation.DELETE), b"mine", Confirmed(Operation.DELETE), Reason.OK),
        (Order(Operation.DELETE), None, None, Reason.NO_ACTION),
        (Order(Operation.NONE), None, None, Reason.NO_ACTION),
        (None, None, None, Reason.UNKNOWN_DEVICE),
    ],
)
def test_other_operations(order: Order | None, held: bytes | None, server_last: object, phone_last: Reason) -> None:
    server, phone = play(order, Enrolment("SEP001122334455", "", held))
    assert phone[-1] == Finished(phone_last)
    if server_last is not None:
        assert server[-1] == server_last
    else:
        assert not any(isinstance(event, Confirmed) for event in server)
    assert (Removed() in phone) == (order is not None and order.operation is Operation.DELETE and held is not None)


@pytest.mark.parametrize("wrong", [b"\x54" + bytes(7), encode_message(Message(4, 9)), encode_message(Message(2, 8))])
def test_what_is_not_awaited_ends_the_session_with_reason_7(wrong: bytes) -> None:
    server = ServerSession(9)
    server.bytes_to_send()
    with pytest.raises(RemoteProtocolError):
        server.receive(wrong, 0)
    assert server.bytes_to_send() == bytes.fromhex("550f00000009000401000107")
    assert server.closed


def test_progress_may_be_told_many_times_but_not_for_ever() -> None:
    server = ServerSession(9)
    assert server.receive(encode_message(Message(17, 9)) * 100, 0) == []
    with pytest.raises(RemoteProtocolError):
        server.receive(encode_message(Message(17, 9)) * 100, 0)


messages = st.builds(
    Message,
    st.integers(0, 255),
    st.integers(0, 2**32 - 1),
    st.lists(st.tuples(st.integers(0, 255), st.binary(max_size=300)), max_size=20).map(tuple),
)


@given(messages)
def test_every_message_survives(message: Message) -> None:
    assert parse_message(encode_message(message)) == message


@given(st.binary(max_size=200))
def test_garbage_is_a_typed_error(data: bytes) -> None:
    try:
        parse_message(data)
    except MalformedCapfError as error:
        assert error.offset is not None


@given(st.lists(st.binary(max_size=80), max_size=10))
def test_garbage_never_breaks_the_server(chunks: list[bytes]) -> None:
    server = ServerSession(1)
    with contextlib.suppress(RemoteProtocolError):
        for chunk in chunks:
            for event in server.receive(chunk, 0):
                if isinstance(event, Asked):
                    server.send(NoSuchDevice(), 0)
