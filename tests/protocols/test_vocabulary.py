"""One vocabulary: every machine of both sides is driven by the same driver, with what is right, changed and random."""

from __future__ import annotations

import contextlib
from collections.abc import Callable
from dataclasses import dataclass
from datetime import UTC, datetime
from functools import cache
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from mixedmode.errors import LocalProtocolError, RemoteError, RemoteProtocolError, UsageError
from mixedmode.protocols import capf, ctlprovider, tftp, tvs
from mixedmode.protocols.sccp import ResetKind
from mixedmode.protocols.sccp.registration.admission import DeviceFacts, Line, Security
from mixedmode.protocols.sccp.registration.phone import PhoneRegistration
from mixedmode.protocols.sccp.registration.phone_events import Leave, PhoneFacts
from mixedmode.protocols.sccp.registration.server import ServerRegistration, ServerSettings
from mixedmode.protocols.sccp.registration.server_events import AskDevice, AskServers, Servers
from mixedmode.protocols.vocabulary import Connection, DatagramEnd

Machine = Connection[Any, Any]
CLOCK = datetime(2015, 3, 6, 19, 45, 13, tzinfo=UTC)
PHONE = "SEP001122334455"
QUESTION = tvs.QueryRequest(7, f"CP-7975-{PHONE}", "CN=s", "CN=i", b"\x2a")


@dataclass(frozen=True)
class Side:
    """One side of one protocol.

    Attributes:
        make: A new machine.
        answer: What its owner says to an event, None if nothing.
        misplaced: What its owner may not say at the beginning.
    """

    make: Callable[[], Machine]
    answer: Callable[[Any], Any]
    misplaced: Any


def tvs_client() -> tvs.ClientConnection:
    client = tvs.ClientConnection()
    client.send(QUESTION, 0)
    return client


def provider_client() -> ctlprovider.ClientConnection:
    client = ctlprovider.ClientConnection()
    client.send(ctlprovider.Hello(), 0)
    return client


def capf_decision(event: Any) -> Any:
    match event:
        case capf.Asked():
            return capf.Order(capf.Operation.INSTALL)
        case capf.Issue():
            return capf.Lsc(b"a certificate")
        case capf.Confirmed():
            return capf.Accepted()
    return None


def sccp_decision(event: Any) -> Any:
    match event:
        case AskDevice():
            return DeviceFacts(lines=(Line("1001"),))
        case AskServers():
            return Servers(())
    return None


def provider_answer(request: Any) -> Any:
    match request:
        case ctlprovider.Hello():
            return ctlprovider.Welcome(1, "pub")
        case ctlprovider.Authenticate():
            return ctlprovider.Accepted(4)
    return ctlprovider.Failure("no", "not today", closing=True)


def provider_request(answer: Any) -> Any:
    match answer:
        case ctlprovider.Welcome():
            return ctlprovider.Authenticate("anna", "secret")
        case ctlprovider.Accepted():
            return ctlprovider.Describe()
    return None


SIDES = {
    "tvs server": Side(tvs.ServerConnection, tvs.unknown, tvs.unknown(QUESTION)),
    "tvs client": Side(tvs_client, lambda _event: None, QUESTION),
    "capf server": Side(lambda: capf.ServerSession(9), capf_decision, capf.Accepted()),
    "capf client": Side(
        lambda: capf.PhoneSession(capf.Enrolment(PHONE, "12345")),
        lambda event: capf.KeyMade(b"a key") if isinstance(event, capf.Generate) else None,
        capf.KeyMade(b"a key"),
    ),
    "sccp server": Side(
        lambda: ServerRegistration(Security(), ServerSettings(), 0, lambda: CLOCK), sccp_decision, ResetKind.RESET
    ),
    "sccp client": Side(lambda: PhoneRegistration(PhoneFacts(PHONE, 437), 0), lambda _event: None, None),
    "ctlprovider server": Side(ctlprovider.ServerConnection, provider_answer, ctlprovider.Accepted(4)),
    "ctlprovider client": Side(provider_client, provider_request, ctlprovider.Describe()),
}
OTHER = {"server": "client", "client": "server"}


def drive(side: Side, machine: Machine, data: bytes | None, now: float) -> tuple[list[Any], bytes]:
    """What an owner does with what came, by the rules of the vocabulary; the events, and the bytes to send."""
    seen: list[Any] = []
    while events := machine.receive(data, now):
        data = b""
        for event in events:
            seen.append(event)
            said = None if machine.closed else side.answer(event)
            if said is not None:
                machine.send(said, now)
    sent = machine.bytes_to_send()
    assert machine.bytes_to_send() == b""
    if machine.closed:
        assert machine.next_timer() is None
    return seen, sent


@cache
def conversation(name: str) -> tuple[bytes, ...]:
    """What the other side of a machine says in a whole conversation between both of ours."""
    protocol, side = name.split()
    ours, theirs = SIDES[name], SIDES[f"{protocol} {OTHER[side]}"]
    here, there = ours.make(), theirs.make()
    heard = []
    to_there, to_here = here.bytes_to_send(), there.bytes_to_send()
    while to_there or to_here:
        _, reply = drive(theirs, there, to_there, 0)
        heard.append(to_here + reply)
        _, to_there = drive(ours, here, heard[-1], 0)
        to_here = b""
    return tuple(filter(None, heard))


@st.composite
def pieces(draw: st.DrawFn, name: str) -> list[bytes | None]:
    """The other side's words, cut, changed, left out or replaced; sometimes nothing, or the end."""
    found: list[bytes | None] = []
    for each in conversation(name):
        data = bytearray(each)
        for place in draw(st.lists(st.integers(0, len(data) - 1), max_size=draw(st.sampled_from([0, 0, 0, 3])))):
            data[place] = draw(st.integers(0, 255))
        cut = draw(st.integers(0, len(data)))
        found += [bytes(data[:cut]), draw(st.sampled_from([b"", bytes(data[cut:])]) | st.binary(max_size=40))]
        found += draw(st.sampled_from([[], [], [], [], [None], [b""]]))
    return found


@pytest.mark.parametrize("name", SIDES)
@settings(max_examples=30, deadline=None)
@given(st.data())
def test_whatever_comes_is_an_event_or_the_other_sides_fault(name: str, data: st.DataObject) -> None:
    side, now = SIDES[name], 0.0
    machine = side.make()
    machine.bytes_to_send()
    for piece in data.draw(pieces(name)):
        now += data.draw(st.sampled_from([0.0, 1.0, 20.0]))
        try:
            drive(side, machine, piece, now)
        except RemoteProtocolError as error:
            assert machine.closed
            assert error.code
            machine.bytes_to_send()
        if machine.closed:
            assert machine.next_timer() is None
            assert machine.receive(piece, now) == []
            assert machine.bytes_to_send() == b""
        elif piece is not None:
            timer = machine.next_timer()
            assert timer is None or timer > now


@pytest.mark.parametrize("name", SIDES)
def test_a_whole_conversation_breaks_nothing_however_it_is_cut(name: str) -> None:
    side = SIDES[name]
    whole, bytewise = side.make(), side.make()
    for data in conversation(name):
        whole_events, whole_sent = drive(side, whole, data, 0)
        found = [drive(side, bytewise, bytes((byte,)), 0) for byte in data]
        assert [event for events, _ in found for event in events] == whole_events
        assert b"".join(sent for _, sent in found).endswith(whole_sent)
    assert whole.closed is bytewise.closed


@pytest.mark.parametrize("name", SIDES)
def test_what_was_right_before_a_fault_is_handed_out_first(name: str) -> None:
    side = SIDES[name]
    first = conversation(name)[0]
    machine, right = side.make(), side.make()
    wanted, _ = drive(side, right, first, 0)
    seen: list[Any] = []
    with pytest.raises(RemoteProtocolError) as error:
        rest_of(side, machine, seen, first + b"\xff" * 40)
    assert seen == wanted
    assert machine.closed
    assert isinstance(error.value, RemoteError)
    assert error.value.exit_code == 3


def rest_of(side: Side, machine: Machine, seen: list[Any], data: bytes) -> None:
    """Add to the events until there are no more, whatever comes then."""
    while events := machine.receive(data, 0):
        data = b""
        seen += events
        for said in filter(None, map(side.answer, () if machine.closed else events)):
            machine.send(said, 0)


@pytest.mark.parametrize("name", [name for name, side in SIDES.items() if side.misplaced is not None])
def test_what_its_owner_does_wrong_is_his_fault_and_changes_nothing(name: str) -> None:
    side = SIDES[name]
    machine, untouched = side.make(), side.make()
    assert machine.bytes_to_send() == untouched.bytes_to_send()
    with pytest.raises(LocalProtocolError) as error:
        machine.send(side.misplaced, 0)
    assert isinstance(error.value, UsageError)
    assert error.value.exit_code == 2
    assert machine.bytes_to_send() == b""
    for data in conversation(name):
        assert drive(side, machine, data, 0) == drive(side, untouched, data, 0)


@pytest.mark.parametrize("name", SIDES)
def test_a_closed_machine_says_nothing_and_waits_for_nothing(name: str) -> None:
    side = SIDES[name]
    machine = side.make()
    with contextlib.suppress(RemoteProtocolError):
        while machine.receive(None, 0):
            pass
    assert machine.closed
    assert machine.next_timer() is None
    assert machine.receive(conversation(name)[0], 0) == []
    with pytest.raises(LocalProtocolError):
        machine.send(Leave() if side.misplaced is None else side.misplaced, 0)


@pytest.mark.parametrize("name", SIDES)
@pytest.mark.parametrize("heard", [0, 1, 99])
def test_timers_lead_forwards_and_come_to_an_end(name: str, heard: int) -> None:
    side = SIDES[name]
    machine = side.make()
    for data in conversation(name)[:heard]:
        drive(side, machine, data, 0)
    moments: list[float] = []
    while (timer := machine.next_timer()) is not None:
        assert not moments or timer > moments[-1]
        moments.append(timer)
        assert len(moments) < 10
        drive(side, machine, b"", timer)
    assert not moments or machine.closed


def test_more_than_one_turn_is_left_for_the_next() -> None:
    side = SIDES["sccp server"]
    machine = side.make()
    machine.receive(bytes.fromhex("040000000000000000000000") * 1000, 5)
    turns = 1
    while machine.next_timer() == 5:
        machine.receive(b"", 5)
        turns += 1
    assert turns == 4
    assert len(machine.bytes_to_send()) == 12 * 1000


class Content:
    size = 1300

    def packets(self, blksize: int) -> tuple[bytes, ...]:
        return tftp.data_packets(bytes(self.size), blksize)


def asking() -> tftp.ClientTransfer:
    return tftp.ClientTransfer("file", "server", 0.0)


def serving() -> tftp.ServerEngine:
    engine = tftp.ServerEngine(lambda _name, _mode: Content())
    engine.request(tftp.encode_packet(tftp.Request(tftp.Opcode.RRQ, "file")), "peer", 0.0)
    return engine


datagrams = st.binary(max_size=30) | st.builds(
    lambda opcode, number, rest: bytes((0, opcode, 0, number)) + rest,
    st.integers(1, 6),
    st.integers(0, 4),
    st.sampled_from([b"", b"\0", bytes(512), bytes(200), b"blksize\x0099\0"]),
)


@pytest.mark.parametrize("make", [asking, serving])
@settings(max_examples=50, deadline=None)
@given(st.lists(st.tuples(datagrams, st.sampled_from(["peer", "stranger"]), st.sampled_from([0.0, 0.4, 3.0]))))
def test_no_datagram_is_an_error_and_timers_lead_forwards(
    make: Callable[[], DatagramEnd], arrived: list[tuple[bytes, str, float]]
) -> None:
    end, now = make(), 0.0
    for data, address, later in arrived:
        now += later
        reply = end.receive(data, address, now)
        assert reply is None or all(map(len, (reply,) if isinstance(reply, bytes) else reply))
        for packets, _ in end.expire(now):
            assert all(map(len, packets))
        timer = end.next_timer()
        assert timer is None or timer > now
    for _ in range(3000):
        timer = end.next_timer()
        if timer is None:
            break
        assert timer > now
        now = timer
        list(end.expire(now))
    assert end.next_timer() is None


def test_a_name_that_fits_into_no_request_is_the_owners_fault() -> None:
    with pytest.raises(LocalProtocolError):
        tftp.ClientTransfer("x" * 600, "server", 0.0)
    with pytest.raises(LocalProtocolError):
        capf.PhoneSession(capf.Enrolment(PHONE, "püree"))
