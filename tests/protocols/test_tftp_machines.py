"""Server and client against each other over a channel that loses, doubles and reorders."""

from __future__ import annotations

import random
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from mixedmode.protocols.tftp import (
    Ack,
    ClientTransfer,
    ErrorCode,
    ErrorPacket,
    LazyPackets,
    LostContentError,
    Mode,
    Opcode,
    OptionAck,
    Options,
    ReadPackets,
    Request,
    ServerEngine,
    ServerLimits,
    encode_packet,
    parse_packet,
)

LISTENER, REPLY, CLIENT = ("server", 69), ("server", 5000), ("client", 1)


class Content:
    def __init__(self, data: bytes) -> None:
        self.data = data
        self.size = len(data)

    def packets(self, blksize: int) -> LazyPackets:
        return LazyPackets(self.data, blksize)


def engine_with(data: bytes, **limits: Any) -> ServerEngine:
    def find(name: str, _mode: Mode) -> Content | ErrorCode:
        return Content(data) if name == "file" else ErrorCode.FILE_NOT_FOUND

    return ServerEngine(find, limits=ServerLimits(**limits))


def rrq(name: str = "file", **options: str) -> bytes:
    return encode_packet(Request(Opcode.RRQ, name, "octet", tuple(options.items())))


def ack(block: int) -> bytes:
    return encode_packet(Ack(block))


class Channel:
    """Packets on their way, as (arrival, order, from client, target, bytes)."""

    def __init__(self, seed: int, loss: float, double: float, delay: float) -> None:
        self.random = random.Random(seed)
        self.loss, self.double, self.delay = loss, double, delay
        self.queue: list[tuple[float, int, bool, tuple[str, int], bytes]] = []
        self.order = 0

    def put(self, now: float, from_client: bool, target: tuple[str, int], packet: bytes) -> None:
        for _ in range(2 if self.random.random() < self.double else 1):
            if self.random.random() >= self.loss:
                self.order += 1
                arrival = now + self.random.uniform(0.001, 0.001 + self.delay)
                self.queue.append((arrival, self.order, from_client, target, packet))

    def take(self, until: float) -> list[tuple[float, int, bool, tuple[str, int], bytes]]:
        due = sorted(entry for entry in self.queue if entry[0] <= until)
        self.queue = [entry for entry in self.queue if entry[0] > until]
        return due


def deliver(engine: ServerEngine, client: ClientTransfer, channel: Channel, now: float) -> None:
    for _, _, from_client, target, packet in channel.take(now):
        if not from_client:
            answer = client.receive(packet, REPLY, now)
            for out in (answer,) if isinstance(answer, bytes) else answer or ():
                channel.put(now, True, REPLY, out)
            continue
        take = engine.request if target == LISTENER else engine.receive
        reply = take(packet, CLIENT, now)
        for back in (reply,) if isinstance(reply, bytes) else reply or ():
            channel.put(now, False, CLIENT, back)


def run(engine: ServerEngine, client: ClientTransfer, channel: Channel, end: float = 400.0) -> None:
    now = 0.0
    for packets, target in client.start():
        for packet in packets:
            channel.put(now, True, target, packet)
    while not client.finished and now < end:
        now += 0.01
        deliver(engine, client, channel, now)
        for packets, target in client.expire(now):
            for packet in packets:
                channel.put(now, True, target, packet)
        for packets, _ in engine.expire(now):
            for packet in packets:
                channel.put(now, False, CLIENT, packet)


@settings(max_examples=120, deadline=None)
@given(
    data=st.binary(max_size=400) | st.sampled_from([b"", bytes(512), bytes(1024), bytes(range(256)) * 9]),
    options=st.builds(
        Options,
        blksize=st.none() | st.integers(8, 80),
        tsize=st.booleans(),
        windowsize=st.none() | st.integers(1, 9),
    ),
    seed=st.integers(0, 1 << 30),
    double=st.sampled_from([0.0, 0.1, 0.4]),
    delay=st.sampled_from([0.0, 0.05, 0.3]),
)
def test_the_file_arrives_unchanged_over_a_bad_network(
    data: bytes, options: Options, seed: int, double: float, delay: float
) -> None:
    engine = engine_with(data, retries=20, retries_unproven=20)
    client = ClientTransfer("file", LISTENER, 0.0, options=options, retries=20)
    run(engine, client, Channel(seed, 0.1, double, delay))
    assert client.failure is None
    assert client.content == data


def test_nothing_is_sent_twice_on_a_clean_network_even_if_everything_arrives_twice() -> None:
    data = bytes(range(256)) * 20
    engine = engine_with(data)
    client = ClientTransfer("file", LISTENER, 0.0)
    channel = Channel(1, 0.0, 1.0, 0.0)
    run(engine, client, channel)
    assert client.content == data
    # Each of 11 blocks left once and was doubled by the channel; the sorcerer's apprentice would make it 2**n.
    assert channel.order < 11 * 2 * 2 * 3
    assert engine.counters.retransmissions == 0


def test_block_numbers_roll_over_to_zero() -> None:
    data = random.Random(0).randbytes(8 * 65540)
    engine = engine_with(data)
    packet = engine.request(rrq(blksize="8"), CLIENT, 0.0)
    assert packet == encode_packet(OptionAck((("blksize", "8"),)))
    received, reply = [], engine.receive(ack(0), CLIENT, 0.0)
    while isinstance(reply, bytes):
        received.append(reply)
        reply = engine.receive(b"\0\4" + reply[2:4], CLIENT, 0.0)
    assert [packet[2:4] for packet in received[65534:65537]] == [b"\xff\xff", b"\0\0", b"\0\1"]
    assert b"".join(packet[4:] for packet in received) == data
    assert received[-1] == b"\0\3\0\5"
    assert engine.counters.completed == 1


def test_a_repeated_acknowledgement_sends_nothing() -> None:
    engine = engine_with(bytes(2000))
    engine.request(rrq(), CLIENT, 0.0)
    assert engine.receive(ack(1), CLIENT, 0.1)
    assert not engine.receive(ack(1), CLIENT, 0.2)
    assert not engine.receive(ack(7), CLIENT, 0.2)


def test_a_lost_block_is_sent_again_by_the_clock_and_then_given_up() -> None:
    engine = engine_with(bytes(2000))
    engine.request(rrq(), CLIENT, 0.0)
    second = engine.receive(ack(1), CLIENT, 0.0)
    sent = {step / 20: packets for step in range(1, 1000) for packets, _ in engine.expire(step / 20)}
    assert set(sent.values()) == {(second,)}
    # RFC 1123 4.2.3.2: the pauses grow. A moment late, since the wheel turns 20 times a second.
    assert [round(moment) for moment in sent] == [1, 3, 7, 15, 23, 31]
    assert engine.counters.gave_up == 1
    assert engine.next_timer() is None
    assert engine.active == 0


@pytest.mark.parametrize("options", [{}, {"blksize": "512", "windowsize": "32", "timeout": "255"}])
def test_who_never_acknowledges_gets_one_packet_for_each_request(options: dict[str, str]) -> None:
    engine = engine_with(bytes(60000))
    first = engine.request(rrq(**options), CLIENT, 0.0)
    assert first is not None
    assert not [packets for step in range(1, 200) for packets, _ in engine.expire(step / 20)]
    assert engine.request(rrq(**options), CLIENT, 10.0) == first
    assert not [packets for step in range(200, 1000) for packets, _ in engine.expire(step / 20)]
    assert engine.next_timer() is None
    assert (engine.counters.gave_up, engine.counters.active, engine.counters.retransmissions) == (1, 0, 0)


def test_an_acknowledgement_that_comes_late_is_taken_for_30_seconds() -> None:
    for opening in (True, False):
        engine = engine_with(bytes(60000))
        engine.request(rrq(), CLIENT, 0.0)
        block = 1
        if not opening:
            engine.receive(ack(1), CLIENT, 0.0)
            block = 2
        for step in range(1, 20 * 30):
            list(engine.expire(step / 20))
        assert engine.receive(ack(block), CLIENT, 30.0)
        assert engine.counters.active == 1


def test_after_progress_the_pauses_begin_anew() -> None:
    engine = engine_with(bytes(5000))
    engine.request(rrq(), CLIENT, 0.0)
    engine.receive(ack(1), CLIENT, 0.0)
    sent = [step / 20 for step in range(1, 100) for _ in engine.expire(step / 20)]
    engine.receive(ack(2), CLIENT, 5.0)
    sent += [step / 20 for step in range(100, 180) for _ in engine.expire(step / 20)]
    assert [round(moment) for moment in sent] == [1, 3, 6, 8]


def test_a_client_that_asks_for_a_pause_has_it_at_first_and_no_shorter_one_later() -> None:
    for timeout, moments in ((3, [3, 9, 17, 25, 33, 41]), (20, [20, 40, 60, 80, 100, 120])):
        engine = engine_with(bytes(2000))
        engine.request(rrq(timeout=str(timeout)), CLIENT, 0.0)
        engine.receive(ack(0), CLIENT, 0.0)
        engine.receive(ack(1), CLIENT, 0.0)
        sent = [step / 20 for step in range(1, 3200) for _ in engine.expire(step / 20)]
        assert [round(moment) for moment in sent] == moments
        assert engine.counters.gave_up == 1


def test_requests_that_nobody_follows_give_way_soon_where_it_is_crowded() -> None:
    for bounds in ({"transfers": 10}, {"transfers_per_client": 10}):
        engine = engine_with(bytes(5000), **bounds)
        engine.request(rrq(), ("forged", 0), 0.0)
        engine.receive(ack(1), ("forged", 0), 0.0)
        for number in range(1, 10):
            assert engine.request(rrq(), ("forged", number), 0.0)
        assert engine.request(rrq(), ("forged", 10), 0.1) is None
        for step in range(1, 20 * 5):
            list(engine.expire(step / 20))
        # Those for which there is room wait on, and so does the one that is known to be there.
        assert engine.active == 5
        assert engine.receive(ack(2), ("forged", 0), 5.0)
        assert engine.request(rrq(), ("forged", 10), 5.0)


def test_a_large_file_over_a_slow_line_is_not_cut_off() -> None:
    engine = engine_with(bytes(512 * 20_000))
    engine.request(rrq(), CLIENT, 0.0)
    for block in range(1, 20_000):
        assert engine.receive(ack(block), CLIENT, block * 0.3)
        if block % 100 == 0:
            list(engine.expire(block * 0.3))
    assert engine.active == 1


class Lost(Content):
    """A file that changes while it is sent."""

    good = 1

    def packets(self, blksize: int) -> Any:
        return ReadPackets(self, blksize)

    def read(self, offset: int, size: int) -> bytes:
        if offset >= self.good * size:
            raise LostContentError("it has changed")
        return self.data[offset : offset + size]


@pytest.mark.parametrize(("good", "options"), [(0, {}), (1, {}), (1, {"windowsize": "4"}), (2, {"windowsize": "2"})])
def test_a_file_that_changes_is_cut_off_with_an_error(good: int, options: dict[str, str]) -> None:
    content = Lost(bytes(5000))
    content.good = good
    engine = ServerEngine(lambda _name, _mode: content)
    reply: Any = engine.request(rrq(**options), CLIENT, 0.0)
    block = 0 if options else 1
    while reply[:2] != b"\0\5":
        reply = engine.receive(ack(block), CLIENT, 0.0)
        block += 2 if good == 2 else 1
        assert reply
        reply = reply if isinstance(reply, bytes) else reply[0]
    assert parse_packet(reply) == ErrorPacket(0, "The file has changed")
    assert (engine.active, engine.counters.lost_content) == (0, 1)


def test_a_file_that_changes_before_a_copy_is_sent_is_cut_off_too() -> None:
    content = Lost(bytes(5000))
    content.good = 2
    engine = ServerEngine(lambda _name, _mode: content)
    engine.request(rrq(), CLIENT, 0.0)
    engine.receive(ack(1), CLIENT, 0.0)
    content.good = 1
    ((packets, _),) = engine.expire(1.2)
    assert parse_packet(packets[0]) == ErrorPacket(0, "The file has changed")
    assert engine.active == 0


def test_asking_again_restarts_and_does_not_double() -> None:
    engine = engine_with(bytes(5000))
    first = engine.request(rrq(), CLIENT, 0.0)
    assert engine.request(rrq(), CLIENT, 0.5) == first
    engine.receive(ack(1), CLIENT, 0.6)
    assert engine.request(rrq(), CLIENT, 0.7) is None  # a copy that was late: the transfer is running
    assert engine.request(rrq(), CLIENT, 1.7) == first
    assert engine.request(rrq(tsize="0"), CLIENT, 1.8) == b"\0\6tsize\x005000\0"
    assert engine.active == engine.counters.active == 1


def test_a_late_copy_of_the_request_does_not_strand_a_client_that_lost_a_block() -> None:
    engine = engine_with(bytes(1100))
    first = engine.request(rrq(), CLIENT, 0.0)
    second = engine.receive(ack(1), CLIENT, 0.1)
    third = engine.receive(ack(2), CLIENT, 0.2)  # lost on its way
    assert engine.request(rrq(), CLIENT, 0.3) == first
    assert engine.receive(ack(2), CLIENT, 0.4) == (third,)
    assert not engine.receive(ack(1), CLIENT, 0.5)
    engine.receive(ack(3), CLIENT, 0.6)
    assert engine.counters.completed == 1
    # Whoever does begin anew is served from the start, even if a last acknowledgement comes behind the request.
    engine.request(rrq(), CLIENT, 1.0)
    engine.receive(ack(1), CLIENT, 1.0)
    engine.receive(ack(2), CLIENT, 1.0)
    assert engine.request(rrq(), CLIENT, 1.1) == first
    assert not engine.receive(ack(3), CLIENT, 1.1)
    assert engine.receive(ack(1), CLIENT, 1.1) == second
    assert engine.receive(ack(2), CLIENT, 1.1) == third
    engine.receive(ack(3), CLIENT, 1.1)
    assert engine.counters.completed == 2
    assert engine.active == 0


def test_a_new_request_for_a_file_that_changed_is_not_answered_with_the_rest_of_the_old_one() -> None:
    old, new = bytes(1100), b"x" * 1100
    held = [old]
    engine = ServerEngine(lambda _name, _mode: Content(held[0]))
    engine.request(rrq(), CLIENT, 0.0)
    engine.receive(ack(1), CLIENT, 0.1)
    engine.receive(ack(2), CLIENT, 0.2)
    held[0] = new
    assert engine.request(rrq(), CLIENT, 0.3) == b"\0\3\0\1" + new[:512]
    assert not engine.receive(ack(2), CLIENT, 0.4)


def test_a_window_that_lost_its_middle_goes_on_from_there() -> None:
    engine = engine_with(bytes(5000))
    engine.request(rrq(windowsize="4"), CLIENT, 0.0)
    window = engine.receive(ack(0), CLIENT, 0.0)
    assert isinstance(window, tuple)
    assert [packet[3] for packet in window] == [1, 2, 3, 4]
    window = engine.receive(ack(2), CLIENT, 0.0)
    assert isinstance(window, tuple)
    assert [packet[3] for packet in window] == [3, 4, 5, 6]


def test_what_is_not_served_is_answered_at_once() -> None:
    engine = engine_with(b"")
    for request, code in (
        (rrq("other"), 1),
        (encode_packet(Request(Opcode.WRQ, "file")), 2),
        (b"\0\1file\0octet", 4),
        (b"\0\x09xx", 4),
        (encode_packet(Request(Opcode.RRQ, "file", "mail")), 0),
    ):
        answer = engine.request(request, CLIENT, 0.0)
        assert answer is not None
        packet = parse_packet(answer)
        assert isinstance(packet, ErrorPacket)
        assert packet.code == code
    unknown = engine.receive(ack(3), CLIENT, 0.0)
    assert isinstance(unknown, bytes)
    assert parse_packet(unknown) == ErrorPacket(5, "Unknown transfer ID")
    assert engine.request(b"\0\5\0\0x\0", CLIENT, 0.0) is None
    assert engine.receive(b"\0\5\0\0x\0", CLIENT, 0.0) is None


def test_bounds_on_transfers_drop_the_request_without_a_word() -> None:
    engine = engine_with(bytes(5000), transfers=3, transfers_per_client=2)
    answers = [
        engine.request(rrq(), (host, port), 0.0) is not None
        for host, port in (("a", 1), ("a", 2), ("a", 3), ("b", 1), ("c", 1))
    ]
    assert answers == [True, True, False, True, False]
    assert (engine.counters.dropped_client, engine.counters.dropped_full) == (1, 1)
    engine.receive(b"\0\5\0\0stop\0", ("a", 1), 0.1)
    assert engine.request(rrq(), ("c", 1), 0.2) is not None
