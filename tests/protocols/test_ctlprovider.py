"""CTL Provider messages: written and read back, cut and changed; both machines in every phase with every message."""

from __future__ import annotations

import itertools
from dataclasses import fields

import pytest
from hypothesis import given
from hypothesis import strategies as st

from mixedmode.errors import CheckFailedError, LocalProtocolError, RemoteError, RemoteProtocolError
from mixedmode.protocols.ctlprovider import (
    INSTALL_LIMIT,
    LOGIN_LIMIT,
    MAX_BODY,
    Accepted,
    Action,
    Answer,
    Authenticate,
    ClientConnection,
    Describe,
    Description,
    Failure,
    Hello,
    Install,
    Installed,
    MalformedMessageError,
    Message,
    Mode,
    NodeCertificate,
    NodeDescription,
    Phase,
    Progress,
    Request,
    Restart,
    ServerConnection,
    Welcome,
    encode_message,
    failure_of,
    parse_message,
    take_frame,
)
from mixedmode.protocols.ctlprovider.fields import MAX_ELEMENTS, printable

NUMBER = st.integers(0, 0xFFFFFFFF)
PLAIN = st.characters(exclude_categories=["Cc", "Cs"])
TEXT = st.text(PLAIN, max_size=40)
MAYBE = st.none() | TEXT
BYTES = st.binary(max_size=200)


def few(values: st.SearchStrategy[object]) -> st.SearchStrategy[tuple[object, ...]]:
    return st.lists(values, max_size=4).map(tuple)


PROGRESS = st.builds(Progress, TEXT, st.booleans(), TEXT)
NODES = st.builds(NodeDescription, TEXT, TEXT, st.booleans(), few(TEXT), few(st.builds(NodeCertificate, NUMBER, BYTES)))
MESSAGES: st.SearchStrategy[Message] = st.one_of(
    st.builds(Hello, NUMBER, TEXT),
    st.builds(Welcome, NUMBER, TEXT),
    st.builds(Authenticate, TEXT, st.text(st.characters(exclude_categories=["Cs"]), max_size=40)),
    st.builds(Accepted, NUMBER),
    st.just(Describe()),
    st.builds(
        Description,
        TEXT,
        st.sampled_from(Mode),
        NUMBER,
        NUMBER,
        NUMBER,
        st.booleans(),
        st.none() | BYTES,
        few(NODES),
    ),
    st.builds(Install, st.sampled_from(Action), BYTES, st.booleans()),
    PROGRESS,
    st.builds(Installed, few(PROGRESS), few(TEXT), few(st.builds(Restart, TEXT, TEXT)), few(TEXT)),
    st.builds(Failure, TEXT, TEXT, MAYBE, MAYBE, MAYBE, NUMBER, st.booleans()),
)

HELLO, LOGIN, DESCRIBE = Hello(1, "test"), Authenticate("anna", "secret"), Describe()
INSTALL = Install(Action.MIXED, b"list")
WELCOME, ACCEPTED, PROGRESSED, INSTALLED = Welcome(1, "pub"), Accepted(4), Progress("pub", True), Installed()
DESCRIPTION = Description("10.5", Mode.MIXED, 1, 0, 1, True, None, ())
FAILURE, GOODBYE = Failure("x", "no"), Failure("x", "no", closing=True)
REQUESTS: tuple[Request, ...] = (HELLO, LOGIN, DESCRIBE, INSTALL)
ANSWERS: tuple[Answer, ...] = (WELCOME, ACCEPTED, DESCRIPTION, PROGRESSED, INSTALLED, FAILURE, GOODBYE)
TO_PHASE: dict[Phase, tuple[tuple[Request, Answer], ...]] = {
    Phase.HELLO: (),
    Phase.LOGIN: ((HELLO, WELCOME),),
    Phase.READY: ((HELLO, WELCOME), (LOGIN, ACCEPTED)),
    Phase.CLOSED: ((HELLO, GOODBYE),),
}
RIGHT: dict[Phase, tuple[Request, ...]] = {
    Phase.HELLO: (HELLO,),
    Phase.LOGIN: (LOGIN,),
    Phase.READY: (DESCRIBE, INSTALL),
    Phase.CLOSED: (),
}
LAST: dict[Request, tuple[Answer, Phase]] = {
    HELLO: (WELCOME, Phase.LOGIN),
    LOGIN: (ACCEPTED, Phase.READY),
    DESCRIBE: (DESCRIPTION, Phase.READY),
    INSTALL: (INSTALLED, Phase.READY),
}


def body(message: Message) -> bytes:
    return encode_message(message)[4:]


def asked(client: ClientConnection, request: Request) -> bytes:
    client.send(request, 0)
    return client.bytes_to_send()


def answered(server: ServerConnection, answer: Answer) -> bytes:
    server.send(answer, 0)
    return server.bytes_to_send()


def pair(phase: Phase) -> tuple[ClientConnection, ServerConnection]:
    client, server = ClientConnection(), ServerConnection()
    for request, answer in TO_PHASE[phase]:
        assert server.receive(asked(client, request), 0) == [request]
        assert client.receive(answered(server, answer), 0) == [answer]
    assert client.phase is server.phase is phase
    return client, server


@given(MESSAGES)
def test_what_is_written_is_read_back(message: Message) -> None:
    buffer = bytearray(encode_message(message) + b"next")
    whole = take_frame(buffer)
    assert whole is not None
    assert parse_message(whole) == message
    assert buffer == b"next"


@given(MESSAGES, st.data())
def test_a_message_cut_short_waits_or_is_malformed(message: Message, data: st.DataObject) -> None:
    whole = encode_message(message)
    cut = data.draw(st.integers(0, len(whole) - 1))
    assert take_frame(bytearray(whole[:cut])) is None
    if cut >= 5:
        try:
            parse_message(whole[4:cut])
        except MalformedMessageError as error:
            assert error.offset is not None


@given(st.binary(max_size=300))
def test_rubbish_is_malformed_and_nothing_worse(data: bytes) -> None:
    try:
        message = parse_message(data)
    except MalformedMessageError:
        return
    assert type(message).__name__


@given(MESSAGES, st.data())
def test_a_changed_byte_is_another_message_or_malformed(message: Message, data: st.DataObject) -> None:
    whole = bytearray(body(message))
    place = data.draw(st.integers(0, len(whole) - 1))
    whole[place] ^= data.draw(st.integers(1, 255))
    try:
        parse_message(bytes(whole))
    except MalformedMessageError:
        return


def test_the_bytes_of_the_documentation() -> None:
    assert encode_message(Hello(1, "ctl")) == bytes.fromhex(
        "00000012 01 01 00000004 00000001 02 00000003 63746c".replace(" ", "")
    )
    assert encode_message(Describe()) == bytes.fromhex("0000000105")
    assert encode_message(Install(Action.UPDATE, b"\xaa\xbb")).hex(" ") == (
        "00 00 00 17 07 01 00 00 00 04 00 00 00 03 02 00 00 00 02 aa bb 03 00 00 00 01 00"
    )


def test_unknown_elements_are_skipped() -> None:
    assert parse_message(body(Accepted(4)) + b"\xee\x00\x00\x00\x02hi") == Accepted(4)


@pytest.mark.parametrize(
    ("data", "said"),
    [
        (b"", "type"),
        (b"\x63", "type"),
        (b"\x04", "missing"),
        (body(Accepted(1)) + body(Accepted(1))[1:], "twice"),
        (b"\x04\x01\x00\x00\x00\x03abc", "instead of 4"),
        (b"\x04\x01\xff\xff\xff\xff", "longer"),
        (b"\x04\x01\x00", "longer"),
        (body(INSTALL)[:-1] + b"\x02", "neither"),
        (body(INSTALL).replace(b"\x00\x00\x00\x04\x00\x00\x00\x01", b"\x00\x00\x00\x04\x00\x00\x00\x09"), "Action"),
        (b"\x01\x01\x00\x00\x00\x04\x00\x00\x00\x01\x02\x00\x00\x00\x01\x1b", "control"),
        (b"\x01\x01\x00\x00\x00\x04\x00\x00\x00\x01\x02\x00\x00\x00\x01\xff", "UTF-8"),
        (b"\x05" + b"\xee\x00\x00\x00\x00" * (MAX_ELEMENTS + 1), "more than"),
        (b"\x01\x01\x00\x00\x00\x04\x00\x00\x00\x01\x02\x00\x00\x10\x01" + b"a" * 4097, "limit"),
    ],
)
def test_what_is_no_message(data: bytes, said: str) -> None:
    with pytest.raises(MalformedMessageError, match=said):
        parse_message(data)


@pytest.mark.parametrize(
    "message",
    [
        Hello(-1),
        Hello(1 << 32),
        Hello(1, "a\x1bb"),
        Hello(1, "\ud800"),
        Hello(1, "a" * 5000),
        Authenticate("anna", "a" * 2000),
        Install(Action.MIXED, bytes(MAX_BODY)),
    ],
)
def test_what_does_not_fit_is_not_written(message: Message) -> None:
    with pytest.raises(MalformedMessageError):
        encode_message(message)


@pytest.mark.parametrize("length", [0, MAX_BODY + 1, 0xFFFFFFFF])
def test_a_frame_of_a_wrong_length_is_refused_before_it_has_come(length: int) -> None:
    with pytest.raises(MalformedMessageError):
        take_frame(bytearray(length.to_bytes(4)))


def test_a_password_is_shown_nowhere() -> None:
    assert "secret" not in repr(LOGIN)


def test_an_error_travels_with_all_it_says() -> None:
    error = CheckFailedError("bad\x1b[2J", where="pub", why="a\nb", next_step="c" * 9000, code="ctl-records")
    told = parse_message(body(failure_of(error)))
    assert isinstance(told, Failure)
    assert (told.code, told.text, told.where, told.why, told.kind) == ("ctl-records", "bad?[2J", "pub", "a\nb", 1)
    assert len(told.next_step or "") == 4096
    assert failure_of(RemoteError("x"), closing=True).kind == 3
    assert printable("é\x85\n") == "é?\n"


def test_a_new_lists_timestamp_is_newer_than_the_last() -> None:
    assert Description("", Mode.MIXED, 100, 40, 1, True, None, ()).timestamp() == 100
    assert Description("", Mode.MIXED, 100, 100, 1, True, None, ()).timestamp() == 101


@pytest.mark.parametrize(("phase", "request_"), list(itertools.product(Phase, REQUESTS)))
def test_each_request_in_each_phase(phase: Phase, request_: Request) -> None:
    client, server = pair(phase)
    if request_ in RIGHT[phase]:
        assert server.receive(asked(client, request_), 0) == [request_]
        assert server.receive(b"", 0) == []
        with pytest.raises(LocalProtocolError):
            client.send(request_, 0)
        return
    with pytest.raises(LocalProtocolError):
        client.send(request_, 0)
    if phase is Phase.CLOSED:
        assert server.receive(encode_message(request_), 0) == []
        assert server.buffered == 0
        return
    with pytest.raises(RemoteProtocolError):
        server.receive(encode_message(request_), 0)
    assert server.phase is Phase.CLOSED
    assert server.receive(b"", 0) == []


@pytest.mark.parametrize("answer", ANSWERS, ids=repr)
@pytest.mark.parametrize(("phase", "request_"), [(phase, each) for phase in Phase for each in RIGHT[phase]])
def test_each_answer_to_each_request(phase: Phase, request_: Request, answer: Answer) -> None:
    client, server = pair(phase)
    server.receive(asked(client, request_), 0)
    last, after = LAST[request_]
    right = answer in {last, FAILURE, GOODBYE} or (request_ == INSTALL and answer == PROGRESSED)
    if not right:
        with pytest.raises(LocalProtocolError):
            server.send(answer, 0)
        with pytest.raises(RemoteProtocolError):
            client.receive(encode_message(answer), 0)
        assert client.phase is Phase.CLOSED
        return
    assert client.receive(answered(server, answer), 0) == [answer]
    expected = after if answer == last else Phase.CLOSED if answer == GOODBYE else phase
    assert client.phase is server.phase is expected
    assert (client.pending is None) == (answer != PROGRESSED)


@pytest.mark.parametrize("answer", ANSWERS, ids=repr)
@pytest.mark.parametrize("phase", Phase)
def test_answers_that_nobody_asked_for(phase: Phase, answer: Answer) -> None:
    client, server = pair(phase)
    if phase is Phase.CLOSED:
        with pytest.raises(LocalProtocolError):
            server.send(answer, 0)
        assert client.receive(encode_message(answer), 0) == []
    elif answer == GOODBYE:
        assert client.receive(answered(server, answer), 0) == [answer]
        assert client.phase is server.phase is Phase.CLOSED
    else:
        with pytest.raises(LocalProtocolError):
            server.send(answer, 0)
        with pytest.raises(RemoteProtocolError):
            client.receive(encode_message(answer), 0)


@pytest.mark.parametrize("request_", REQUESTS)
def test_a_server_that_sends_requests_is_refused(request_: Request) -> None:
    client, _ = pair(Phase.READY)
    client.send(DESCRIBE, 0)
    with pytest.raises(RemoteProtocolError):
        client.receive(encode_message(request_), 0)


def test_a_request_may_come_in_any_pieces_and_two_at_once() -> None:
    _, server = pair(Phase.READY)
    data = encode_message(DESCRIBE) + encode_message(INSTALL)
    found = [request for number in range(len(data)) for request in server.receive(data[number : number + 1], 0)]
    assert found == [DESCRIBE]
    assert server.receive(b"", 0) == []
    server.send(DESCRIPTION, 0)
    assert server.receive(b"", 0) == [INSTALL]


def test_several_answers_in_one_read() -> None:
    client, _ = pair(Phase.READY)
    client.send(INSTALL, 0)
    both = encode_message(PROGRESSED) + encode_message(INSTALLED)
    assert client.receive(both[:-1], 0) == [PROGRESSED]
    assert client.receive(both[-1:], 0) == [INSTALLED]


def test_long_requests_are_refused_early_before_the_login_and_late_after_it() -> None:
    server = ServerConnection()
    with pytest.raises(RemoteProtocolError):
        server.receive((LOGIN_LIMIT + 1).to_bytes(4), 0)
    _, server = pair(Phase.READY)
    [request] = server.receive(encode_message(Install(Action.MIXED, bytes(INSTALL_LIMIT - 100))), 0)
    assert isinstance(request, Install)
    _, server = pair(Phase.READY)
    with pytest.raises(RemoteProtocolError):
        server.receive((INSTALL_LIMIT + 1).to_bytes(4), 0)


def test_a_server_that_closes_in_the_middle_is_an_error_only_while_an_answer_is_due() -> None:
    client, _ = pair(Phase.READY)
    assert client.receive(None, 0) == []
    client, _ = pair(Phase.READY)
    client.send(INSTALL, 0)
    with pytest.raises(RemoteProtocolError) as error:
        client.receive(None, 0)
    assert "look at the present CTL" in (error.value.next_step or "")


@pytest.mark.parametrize("version", [0, 2])
def test_a_version_that_was_not_offered_is_refused(version: int) -> None:
    client = ClientConnection()
    client.send(HELLO, 0)
    with pytest.raises(RemoteProtocolError):
        client.receive(encode_message(Welcome(version, "pub")), 0)


def test_every_attribute_of_a_message_is_in_its_table() -> None:
    from mixedmode.protocols.ctlprovider.codec import _TABLES

    for kind, rows in _TABLES.items():
        assert [row.name for row in rows] == [field.name for field in fields(kind)]
        assert [row.tag for row in rows] == list(range(1, len(rows) + 1))
