"""TVS messages: the published trace, sessions recorded from another server, and bytes that nobody should send."""

from __future__ import annotations

import contextlib
import json
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from mixedmode.errors import LocalProtocolError, MixedModeError, RemoteProtocolError
from mixedmode.protocols.tvs import (
    DEFAULT_TTL,
    Answer,
    ClientConnection,
    Command,
    MalformedMessageError,
    QueryRequest,
    ServerConnection,
    ServerPhase,
    VerifyRequest,
    encode_message,
    known,
    parse_message,
    unknown,
)
from tests.support import DATA

SESSIONS = sorted((DATA / "wire" / "tvs").glob("*.json"))

# phone-trust.md 3.4: the published trace's request. Its head is printed; subject 65 characters, issuer 21 and serial 19
# bytes follow from its lengths (143 = 27 + 69 + 25 + 22), their content is ours.
SUBJECT = "CN=cucm11pub;OU=TAC Lab;O=Cisco Systems;L=Richardson;ST=TX;C=US..".ljust(65, ".")[:65]
ISSUER = "CN=AD-CA;DC=lab;DC=it"
TRACE_SERIAL = bytes(range(1, 20))
TRACE = QueryRequest(0x3E9, "CP-8861-SEP0011223344AA", SUBJECT, ISSUER, TRACE_SERIAL)
TRACE_HEAD = bytes.fromhex("57 01 03 00 00 00 03 e9 00 8f 01 00 18 01 43 50 2d 38 38 36 31 2d 53 45 50")


def phase_of(server: ServerConnection) -> ServerPhase:
    return server.phase


def recorded(path: Path) -> tuple[bytes, bytes]:
    (_, request), (_, answer) = json.loads(path.read_text())
    return bytes.fromhex(request), bytes.fromhex(answer)


def test_a_query_has_the_bytes_of_the_published_trace() -> None:
    data = encode_message(TRACE)
    assert len(data) == 10 + 143
    assert data.startswith(TRACE_HEAD)
    assert data[37:41] == bytes.fromhex("03 00 42 43")
    assert data[37 + 69 : 37 + 72] == bytes.fromhex("04 00 16")
    assert data[-22:-19] == bytes.fromhex("05 00 13")
    assert parse_message(data) == TRACE


def answered(request: VerifyRequest | QueryRequest, data: bytes | None) -> Answer | None:
    """What a client that asked makes of a server's bytes."""
    client = ClientConnection()
    client.send(request, 0)
    assert client.bytes_to_send() == encode_message(request)
    events = client.receive(data, 0)
    return events[0] if events else None


def test_a_known_signer_is_answered_with_the_bytes_of_the_published_trace() -> None:
    certificate = bytes(1451)
    data = encode_message(known(TRACE, certificate, [3, 0], 86400))
    assert int.from_bytes(data[8:10]) == 1470
    assert data[:14] == bytes.fromhex("57 01 04 00 00 00 03 e9 05 be 07 00 01 00")
    assert data[14:17] == bytes.fromhex("02 05 ab")
    assert data[-12:] == bytes.fromhex("08 00 02 00 03 09 00 04 00 01 51 80")


def test_callmanagers_own_answer_is_read_whatever_byte_3_says() -> None:
    data = bytearray(encode_message(known(TRACE, b"certificate", [0, 3])))
    data[3] = 0xF7
    answer = answered(TRACE, bytes(data))
    assert answer == Answer(Command.QUERY_ANSWER, 0x3E9, 0, b"certificate", (0, 3), DEFAULT_TTL)


def test_a_signer_that_is_not_known_is_answered_by_its_status_alone() -> None:
    assert encode_message(unknown(TRACE)).hex(" ") == "57 01 04 00 00 00 03 e9 00 04 07 00 01 01"
    assert (
        encode_message(unknown(VerifyRequest(0, "CP-7975-SEP001122334455", b"x"))).hex()
        == "5701020000000000000407000101"
    )


@pytest.mark.parametrize("path", SESSIONS, ids=lambda path: path.stem)
def test_recorded_sessions_come_out_as_they_went_in(path: Path) -> None:
    request_data, answer_data = recorded(path)
    request, answer = parse_message(request_data), parse_message(answer_data)
    assert isinstance(request, VerifyRequest)
    assert request.device.startswith("CP-7975-SEP00112233445")
    assert encode_message(request) == request_data
    assert isinstance(answer, Answer)
    assert encode_message(answer) == answer_data
    assert answered(request, answer_data) == answer


def test_the_recordings_cover_known_and_unknown() -> None:
    assert {parse_message(recorded(path)[1]).status for path in SESSIONS} == {0, 1}  # type: ignore[union-attr] # answers


def test_a_request_may_come_byte_by_byte_and_two_in_one_piece() -> None:
    data = encode_message(TRACE)
    server = ServerConnection()
    assert phase_of(server) is ServerPhase.IDLE
    for each in data[:-1]:
        assert server.receive(bytes([each]), 0) == []
        assert phase_of(server) is ServerPhase.RECEIVING
    assert server.receive(data[-1:] + data + data[:20], 0) == [TRACE]
    assert phase_of(server) is ServerPhase.ANSWERING
    assert server.receive(b"", 0) == [], "one answer after the other"
    server.send(unknown(TRACE), 0)
    assert server.receive(b"", 0) == [TRACE]
    server.bytes_to_send()
    server.send(known(TRACE, b"x", [0]), 0)
    assert server.bytes_to_send()[2] == 4
    assert phase_of(server) is ServerPhase.RECEIVING
    assert server.buffered == 20


def test_elements_may_come_in_any_order_with_unknown_ones_and_without_closing_nul() -> None:
    parts = [
        b"\x05\x00\x01\x2a",
        b"\x04\x00\x04CN=i",
        b"\x63\x00\x02\0\0",
        b"\x03\x00\x05CN=s\0",
        b"\x01\x00\x04\x01CP-",
    ]
    body = b"".join(parts)
    data = bytes.fromhex("570103ff00000007") + len(body).to_bytes(2) + body
    assert parse_message(data) == QueryRequest(7, "CP-", "CN=s", "CN=i", b"*")


DEVICE = b"\x01\x00\x04\x01CP-"
BAD = {
    "another protocol": b"GET / HTTP/1.1\r\n",
    "version": bytes.fromhex("57020300000000010000"),
    "command": bytes.fromhex("57010500000000010000"),
    "command 0": bytes.fromhex("57010000000000010000"),
    "an answer": encode_message(unknown(TRACE)),
    "no elements": bytes.fromhex("57010300000000010000"),
    "no serial": bytes.fromhex("5701030000000001") + b"\x00\x15" + DEVICE + b"\x03\x00\x04CN=s\x04\x00\x04CN=i",
    "element too long": bytes.fromhex("5701010000000001000401ffff00"),
    "element cut": bytes.fromhex("570101000000000100020100"),
    "twice": bytes.fromhex("5701010000000001") + b"\x00\x0e" + DEVICE + DEVICE,
    "device without its first byte": bytes.fromhex("5701010000000001") + b"\x00\x0a\x01\x00\x03CP-\x02\x00\x01x",
    "device with a line end": bytes.fromhex("5701010000000001") + b"\x00\x0b\x01\x00\x04\x01C\n-\x02\x00\x01x",
    "empty certificate": bytes.fromhex("5701010000000001") + b"\x00\x0a" + DEVICE + b"\x02\x00\x00",
}


@pytest.mark.parametrize("data", BAD.values(), ids=BAD.keys())
def test_what_is_no_request_breaks_the_connection_with_a_typed_error(data: bytes) -> None:
    server = ServerConnection()
    with pytest.raises(RemoteProtocolError) as caught:
        server.receive(data, 0)
    assert caught.value.offset is not None
    assert phase_of(server) is ServerPhase.CLOSED
    assert server.receive(encode_message(TRACE), 0) == []


def test_a_wrong_first_byte_is_refused_before_anything_else_comes() -> None:
    server = ServerConnection()
    with pytest.raises(RemoteProtocolError):
        server.receive(b"\x16", 0)


def test_a_server_refuses_a_request_that_is_too_long_by_its_header() -> None:
    server = ServerConnection(body_limit=1000)
    with pytest.raises(RemoteProtocolError, match="too long"):
        server.receive(bytes.fromhex("5701010000000001ffff"), 0)


@pytest.mark.parametrize(
    ("data", "code"),
    [
        (b"", "tvs-closed"),
        (b"HTTP/1.1 400", "tvs-magic"),
        (bytes.fromhex("57010400000003ea000407000101"), "tvs-session"),
        (bytes.fromhex("57010200000003e9000407000101"), "tvs-session"),
        (bytes.fromhex("57010400000003e9000407000100"), "tvs-missing"),
        (bytes.fromhex("57010400000003e900050700020000"), "tvs-width"),
    ],
)
def test_a_client_names_what_a_bad_server_did(data: bytes, code: str) -> None:
    with pytest.raises(RemoteProtocolError) as caught:
        answered(TRACE, data or None)
    assert caught.value.code == code


def test_what_does_not_fit_is_not_sent() -> None:
    for message in (
        VerifyRequest(1, "CP-1", bytes(0x10000)),
        VerifyRequest(1, "CP-1", bytes(0xFFF8)),
        VerifyRequest(1, "", b"x"),
        VerifyRequest(1, "CP\n", b"x"),
        VerifyRequest(1 << 32, "CP-1", b"x"),
        QueryRequest(1, "CP-1", "a\0b", "i", b"s"),
        QueryRequest(1, "CP-1", "a", "i", b""),
        Answer(Command.QUERY_ANSWER, 1, 0, None, (0,), 1),
        Answer(Command.VERIFY_ANSWER, 1, 0, None, (256,), 1),
        Answer(Command.VERIFY_ANSWER, 1, 0, None, (0,), 1 << 32),
    ):
        with pytest.raises(MalformedMessageError):
            encode_message(message)
        if not isinstance(message, Answer):
            with pytest.raises(LocalProtocolError):
                ClientConnection().send(message, 0)


sessions = st.integers(0, 0xFFFFFFFF)
devices = st.text(st.characters(min_codepoint=32, max_codepoint=126), min_size=1, max_size=128)
texts = st.text(st.characters(codec="utf-8", exclude_characters="\0"), max_size=200)
values = st.binary(min_size=1, max_size=2000)
requests = st.one_of(
    st.builds(VerifyRequest, sessions, devices, values),
    st.builds(QueryRequest, sessions, devices, texts, texts, values),
)


@given(requests, st.data())
def test_every_request_survives_the_wire_in_any_pieces(
    request: VerifyRequest | QueryRequest, data: st.DataObject
) -> None:
    wire = encode_message(request)
    server = ServerConnection()
    found: list[VerifyRequest | QueryRequest] = []
    while wire:
        assert found == []
        size = data.draw(st.integers(1, len(wire)))
        found = server.receive(wire[:size], 0)
        wire = wire[size:]
    assert found == [request]


@given(requests, values, st.sets(st.integers(0, 255)), st.integers(0, 0xFFFFFFFF))
def test_every_answer_survives_the_wire(
    request: VerifyRequest | QueryRequest, certificate: bytes, roles: set[int], ttl: int
) -> None:
    for answer in (known(request, certificate, roles, ttl), unknown(request)):
        assert answered(request, encode_message(answer)) == answer
        assert list(answer.roles) == sorted(answer.roles)


@given(
    st.binary(max_size=400),
    st.sampled_from([b"", b"\x57", bytes.fromhex("5701030000000001"), encode_message(TRACE)[:60]]),
)
def test_no_bytes_at_all_raise_anything_but_typed_errors(data: bytes, head: bytes) -> None:
    server = ServerConnection()
    try:
        found = server.receive(head + data, 0)
        while found:
            server.send(unknown(found[0]), 0)
            found = server.receive(b"", 0)
    except MixedModeError as error:
        assert error.code.startswith("tvs-")
    with contextlib.suppress(RemoteProtocolError):
        answered(TRACE, head + data)
