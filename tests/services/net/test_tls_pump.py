"""The compiled TLS of TVS where it could do worse than Python's: keys, descriptors, misuse, broken bytes."""

from __future__ import annotations

import asyncio
import contextlib
import os
import socket
import ssl
from collections.abc import Iterator
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from mixedmode.pki.certificates.load import private_key_der
from mixedmode.pki.certificates.profiles import KeyKind
from mixedmode.services.net import _tls, tls_pump
from tests.services.tvs.tvsclient import REQUEST, ask, client_context, connected, nobody_left, run, serving, tvs_signer

SIGNER = tvs_signer()
PAIR = (SIGNER.certificate.der, private_key_der(SIGNER.key))
NO_RENEGOTIATION = int(ssl.OP_NO_RENEGOTIATION)


def keys(pairs: list[tuple[bytes, bytes]], *, ciphers: str = "DEFAULT") -> _tls.Keys:
    return _tls.Keys(pairs, options=NO_RENEGOTIATION, level=2, least=ssl.TLSVersion.TLSv1_2, ciphers=ciphers, tickets=1)


@pytest.fixture
def ends() -> Iterator[tuple[_tls.Pump, _tls.Channel, socket.socket]]:
    ours, theirs = socket.socketpair()
    ours.setblocking(False)
    pump = _tls.Pump()
    with theirs:
        theirs.settimeout(5)
        yield pump, pump.take(ours.detach(), keys([PAIR])), theirs
        pump.close()


class Owner:
    """Writes down what it is told."""

    def __init__(self, channel: _tls.Channel) -> None:
        self.channel = channel
        self.told: list[str] = []
        self.error: BaseException | None = None

    def shaken(self) -> None:
        self.told.append("shaken")

    def received(self, data: bytes) -> None:
        self.told.append(data.decode())
        if data == b"stop":
            raise KeyboardInterrupt
        if data == b"close":
            self.channel.close()

    def ended(self) -> None:
        self.told.append("ended")
        self.channel.close()

    def refused(self, error: ssl.SSLError) -> None:
        self.told.append("refused")
        self.error = error
        self.channel.leave(False)
        self.channel.flush()

    def lost(self, error: OSError | None) -> None:
        self.told.append("lost")
        self.channel.close()

    def dropped(self, size: int) -> None:
        self.told.append(f"dropped {size}")

    def backed_up(self) -> None:
        self.told.append("backed up")

    def drained(self) -> None:
        self.told.append("drained")


class Client:
    """A TLS client beside a pump, in the same thread."""

    def __init__(self, pump: _tls.Pump, end: socket.socket) -> None:
        self.pump, self.end = pump, end
        self.incoming, self.outgoing = ssl.MemoryBIO(), ssl.MemoryBIO()
        self.tls = client_context().wrap_bio(self.incoming, self.outgoing)
        for _ in range(3):
            with contextlib.suppress(ssl.SSLWantReadError):
                self.tls.do_handshake()
                self.push()
                break
            self.push()
            self.incoming.write(end.recv(65536))

    def push(self) -> None:
        self.end.sendall(self.outgoing.read())
        self.pump.turn()

    def send(self, data: bytes) -> None:
        self.tls.write(data)
        self.push()


def test_the_compiled_parts_were_built() -> None:
    assert tls_pump.COMPILED


def test_keys_that_openssl_does_not_take_are_an_error() -> None:
    other = tvs_signer(KeyKind.RSA_2048, 7)
    pairs = [
        (b"", b""),
        (b"no certificate", PAIR[1]),
        (PAIR[0], b"no key"),
        (PAIR[0][:-1], PAIR[1]),
        (PAIR[0], private_key_der(other.key)),
    ]
    for pair in pairs:
        with pytest.raises(ssl.SSLError):
            keys([pair])
    with pytest.raises(ssl.SSLError):
        keys([PAIR], ciphers="no such cipher")
    with pytest.raises(TypeError):
        keys([b"no pair"])  # type: ignore[list-item]


def test_connections_are_accepted_with_their_address_in_both_families() -> None:
    for family, host in ((socket.AF_INET, "127.0.0.1"), (socket.AF_INET6, "::1")):
        with socket.socket(family) as listener:
            try:
                listener.bind((host, 0))
            except OSError:  # a machine without IPv6
                continue
            listener.listen()
            listener.setblocking(False)
            with pytest.raises(BlockingIOError):
                tls_pump.accept(listener)
            with socket.create_connection(listener.getsockname()[:2]):
                descriptor, address = tls_pump.accept(listener)
                with socket.socket(fileno=descriptor) as client:
                    assert address == host
                    assert not os.get_blocking(descriptor)
                    assert not os.get_inheritable(descriptor)
                    assert client.getsockname() == listener.getsockname()
        with pytest.raises(OSError, match="Bad file descriptor"):
            tls_pump.accept(listener)


def test_what_a_pump_does_not_take(ends: tuple[_tls.Pump, _tls.Channel, socket.socket]) -> None:
    pump, channel, _ = ends
    with pytest.raises(ValueError, match="has this socket already"):
        pump.take(channel.fileno(), keys([PAIR]))
    with pytest.raises(ValueError, match="no such socket"):
        pump.take(-1, keys([PAIR]))
    with pytest.raises(TypeError):
        _tls.Channel()
    assert len(pump) == 1
    pump.close()
    assert (len(pump), channel.fileno(), pump.fileno()) == (0, -1, -1)
    with pytest.raises(ValueError, match="pump is closed"):
        pump.take(0, keys([PAIR]))
    pump.turn()


def test_a_closed_channel_does_nothing_and_says_so(ends: tuple[_tls.Pump, _tls.Channel, socket.socket]) -> None:
    _, channel, _ = ends
    channel.close()
    channel.close()
    assert (channel.write(b"x"), channel.flush(), channel.unsent, channel.about("cipher")) == (False, False, 0, None)
    channel.start(Owner(channel))
    channel.pause()
    channel.resume()
    channel.go_on()
    channel.leave(True)
    channel.end()


def test_bytes_that_come_while_nobody_reads_are_kept_in_their_order(
    ends: tuple[_tls.Pump, _tls.Channel, socket.socket],
) -> None:
    pump, channel, end = ends
    owner = Owner(channel)
    channel.start(owner)
    client = Client(pump, end)

    class Pausing(Owner):
        def received(self, data: bytes) -> None:
            super().received(data)
            self.channel.pause()

    owner = Pausing(channel)
    channel.start(owner)
    for word in (b"one", b"two", b"three", b"four"):
        client.tls.write(word)
    client.push()
    assert owner.told == ["one"]
    pump.turn()
    channel.go_on()
    assert owner.told == ["one"]
    for count in (2, 3, 4):
        channel.resume()
        channel.go_on()
        assert len(owner.told) == count
    channel.resume()
    client.send(b"five")
    assert owner.told == ["one", "two", "three", "four", "five"]


def test_an_owner_may_close_while_it_is_told(ends: tuple[_tls.Pump, _tls.Channel, socket.socket]) -> None:
    pump, channel, end = ends
    owner = Owner(channel)
    channel.start(owner)
    client = Client(pump, end)
    client.tls.write(b"close")
    client.send(b"never read")
    assert owner.told == ["shaken", "close"]
    assert len(pump) == 0
    assert end.recv(65536)  # the session ticket, of before
    assert end.recv(65536) == b""


def test_an_interrupt_leaves_the_turn_and_closes_its_channel(
    ends: tuple[_tls.Pump, _tls.Channel, socket.socket],
) -> None:
    pump, channel, end = ends
    channel.start(Owner(channel))
    client = Client(pump, end)
    with pytest.raises(KeyboardInterrupt):
        client.send(b"stop")
    assert len(pump) == 0
    pump.turn()


def test_an_owner_without_the_words_is_an_error_and_no_crash(
    ends: tuple[_tls.Pump, _tls.Channel, socket.socket],
) -> None:
    pump, channel, end = ends
    channel.start(object())  # type: ignore[arg-type]
    end.send(b"GET / HTTP/1.1\r\n\r\n")
    with pytest.raises(AttributeError, match="refused"):
        pump.turn()
    assert len(pump) == 0


@settings(max_examples=200, deadline=None)
@given(st.data())
def test_no_bytes_are_worse_than_an_alert(data: st.DataObject) -> None:
    outgoing = ssl.MemoryBIO()
    with contextlib.suppress(ssl.SSLWantReadError):
        client_context().wrap_bio(ssl.MemoryBIO(), outgoing).do_handshake()
    hello = bytearray(outgoing.read())
    for _ in range(data.draw(st.integers(0, 4))):
        at = data.draw(st.integers(0, len(hello) - 1))
        hello[at : at + data.draw(st.integers(0, 3))] = data.draw(st.binary(max_size=6))
    whole = data.draw(st.sampled_from([b"", bytes(hello)])) + data.draw(st.binary(max_size=60))
    ours, theirs = socket.socketpair()
    ours.setblocking(False)
    pump = _tls.Pump()
    channel = pump.take(ours.detach(), keys([PAIR]))
    owner = Owner(channel)
    channel.start(owner)
    cut = data.draw(st.integers(0, len(whole)))
    with theirs:
        for part in (whole[:cut], whole[cut:]):
            theirs.sendall(part)
            pump.turn()
        theirs.shutdown(socket.SHUT_WR)
        for _ in range(4):
            pump.turn()
        assert len(pump) == 0
    assert owner.told[-1] in ("ended", "lost")
    assert owner.told.count("refused") <= 1


def test_many_connections_leave_no_descriptor_and_no_memory() -> None:
    def resident() -> int:
        return int(Path("/proc/self/statm").read_text().split()[1]) * os.sysconf("SC_PAGE_SIZE")

    def descriptors() -> int:
        return len(list(Path("/proc/self/fd").iterdir()))

    async def procedure() -> None:
        async with serving(signers=(tvs_signer(KeyKind.EC_256),)) as service:

            async def some(count: int) -> None:
                for _ in range(count):
                    async with connected(service) as (_, writer):
                        writer.write(REQUEST)
                    _, plain = await asyncio.open_connection(*service.address)
                    plain.write(b"\x16\x03\x01\x02")
                    plain.transport.abort()
                await nobody_left(service)

            await some(150)
            before, memory = descriptors(), resident()
            await some(300)
            assert descriptors() <= before
            # A connection that is not freed keeps some 20 KB of OpenSSL's.
            assert resident() - memory < 300 * 4096

    run(procedure())


def test_tvs_serves_the_same_without_the_compiled_part(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(tls_pump, "COMPILED", False)

    async def procedure() -> None:
        async with serving() as service:
            assert (await ask(service)).known
            assert service.metrics["handshakes"] == 1

    run(procedure())
