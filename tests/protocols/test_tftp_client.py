"""The client's machine alone: strangers, options, its limit, silence."""

from __future__ import annotations

from mixedmode.protocols.tftp import (
    ClientPhase,
    ClientTransfer,
    Data,
    ErrorPacket,
    FailureReason,
    OptionAck,
    Options,
    encode_packet,
)

LISTENER, REPLY = ("server", 69), ("server", 5000)


def test_a_client_takes_no_packets_from_strangers() -> None:
    client = ClientTransfer("file", LISTENER, 0.0)
    assert client.receive(encode_packet(Data(1, b"lie")), ("stranger", 9), 0.0) is None
    client.receive(encode_packet(Data(1, bytes(512))), REPLY, 0.0)
    refused = client.receive(encode_packet(Data(2, b"lie")), ("server", 5001), 0.0)
    assert refused == encode_packet(ErrorPacket(5, "Unknown transfer ID"))
    client.receive(encode_packet(Data(2, b"truth")), REPLY, 0.0)
    assert client.content == bytes(512) + b"truth"


def test_a_client_refuses_options_that_it_did_not_ask_for() -> None:
    for answer in ((("blksize", "1024"),), (("tsize", "x"),)):
        client = ClientTransfer("file", LISTENER, 0.0, options=Options(blksize=600, tsize=True))
        packet = client.receive(encode_packet(OptionAck(answer)), REPLY, 0.0)
        assert isinstance(packet, bytes)
        assert packet[:4] == b"\0\5\0\x08"
        assert client.failure is not None
        assert client.failure.reason is FailureReason.BAD_OPTIONS


def test_a_client_stops_at_its_limit() -> None:
    client = ClientTransfer("file", LISTENER, 0.0, limit=600)
    client.receive(encode_packet(Data(1, bytes(512))), REPLY, 0.0)
    packet = client.receive(encode_packet(Data(2, bytes(512))), REPLY, 0.0)
    assert isinstance(packet, bytes)
    assert packet[:4] == b"\0\5\0\3"
    assert client.phase is ClientPhase.FAILED


def test_a_client_gives_up_on_a_silent_server() -> None:
    client = ClientTransfer("file", LISTENER, 0.0, retries=2)
    assert [len(client.expire(now)) for now in (1.0, 2.0, 3.0)] == [1, 1, 0]
    assert client.failure is not None
    assert client.failure.reason is FailureReason.TIMEOUT
