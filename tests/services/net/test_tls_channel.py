"""A TLS channel by itself: broken bytes, rude owners, its misuse, and what it leaves behind."""

from __future__ import annotations

import asyncio
import contextlib
import os
import socket
import ssl
from collections.abc import Callable, Iterator
from functools import cache
from pathlib import Path
from typing import cast

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from mixedmode.errors import UsageError
from mixedmode.pki.certificates.profiles import KeyKind
from mixedmode.pki.signing.signer import SoftwareSigner
from mixedmode.services.net.doors import accept
from mixedmode.services.net.server_tls import server_context
from mixedmode.services.net.tls_channel import READ_BYTES, Channel
from tests.services.tvs.tvsclient import REQUEST, client_context, connected, nobody_left, run, serving, tvs_signer


class Turns:
    """Stands for the event loop: what may be read is read when a test says so."""

    def __init__(self) -> None:
        self.readers: dict[int, Callable[[], None]] = {}
        self.writers: dict[int, Callable[[], None]] = {}

    def add_reader(self, descriptor: int, told: Callable[[], None]) -> None:
        self.readers[descriptor] = told

    def remove_reader(self, descriptor: int) -> None:
        self.readers.pop(descriptor, None)

    def add_writer(self, descriptor: int, told: Callable[[], None]) -> None:
        self.writers[descriptor] = told

    def remove_writer(self, descriptor: int) -> None:
        self.writers.pop(descriptor, None)

    def turn(self) -> None:
        for told in (*self.readers.values(), *self.writers.values()):
            told()

    def channel(self, end: socket.socket) -> Channel:
        loop = cast(asyncio.AbstractEventLoop, self)
        return Channel(loop, end, context(), memoryview(bytearray(READ_BYTES)))


@cache
def context() -> ssl.SSLContext:
    return server_context([tvs_signer()])


Ends = tuple[Turns, Channel, socket.socket]


@pytest.fixture
def ends() -> Iterator[Ends]:
    ours, theirs = socket.socketpair()
    ours.setblocking(False)
    loop = Turns()
    channel = loop.channel(ours)
    with theirs:
        theirs.settimeout(60)
        yield loop, channel, theirs
        channel.close()


class Owner:
    """Writes down what it is told."""

    def __init__(self, channel: Channel) -> None:
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
    """A TLS client beside a channel, in the same thread."""

    def __init__(self, loop: Turns, end: socket.socket) -> None:
        self.loop, self.end = loop, end
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
        self.loop.turn()

    def send(self, data: bytes) -> None:
        self.tls.write(data)
        self.push()


def test_keys_that_openssl_does_not_take_are_an_error() -> None:
    own, other = tvs_signer(), tvs_signer(KeyKind.RSA_2048, 7)
    with pytest.raises(UsageError, match="does not belong to the certificate"):
        server_context([SoftwareSigner(own.certificate, other.key)])
    with pytest.raises(UsageError, match="needs a key"):
        server_context([])


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
                accept(listener)
            with socket.create_connection(listener.getsockname()[:2]):
                client, address = accept(listener)
                with client:
                    assert address == host
                    assert not client.getblocking()
                    assert not client.get_inheritable()
                    assert client.getsockname() == listener.getsockname()
        with pytest.raises(OSError, match="Bad file descriptor"):
            accept(listener)


def test_a_closed_channel_does_nothing_and_says_so(ends: Ends) -> None:
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


def test_bytes_that_come_while_nobody_reads_are_kept_in_their_order(ends: Ends) -> None:
    loop, channel, end = ends
    owner = Owner(channel)
    channel.start(owner)
    client = Client(loop, end)

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
    loop.turn()
    channel.go_on()
    assert owner.told == ["one"]
    for count in (2, 3, 4):
        channel.resume()
        channel.go_on()
        assert len(owner.told) == count
    channel.resume()
    client.send(b"five")
    assert owner.told == ["one", "two", "three", "four", "five"]


def test_an_owner_may_close_while_it_is_told(ends: Ends) -> None:
    loop, channel, end = ends
    owner = Owner(channel)
    channel.start(owner)
    client = Client(loop, end)
    client.tls.write(b"close")
    client.send(b"never read")
    assert owner.told == ["shaken", "close"]
    assert channel.fileno() == -1
    assert end.recv(65536)  # the session ticket, of before
    assert end.recv(65536) == b""


def test_an_interrupt_leaves_the_turn_and_closes_its_channel(ends: Ends) -> None:
    loop, channel, end = ends
    channel.start(Owner(channel))
    client = Client(loop, end)
    with pytest.raises(KeyboardInterrupt):
        client.send(b"stop")
    assert channel.fileno() == -1
    loop.turn()


def test_an_owner_without_the_words_is_an_error_and_no_crash(ends: Ends) -> None:
    loop, channel, end = ends
    channel.start(object())  # type: ignore[arg-type]
    end.send(b"GET / HTTP/1.1\r\n\r\n")
    with pytest.raises(AttributeError, match="refused"):
        loop.turn()
    assert channel.fileno() == -1


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
    loop = Turns()
    channel = loop.channel(ours)
    owner = Owner(channel)
    channel.start(owner)
    cut = data.draw(st.integers(0, len(whole)))
    with theirs:
        for part in (whole[:cut], whole[cut:]):
            theirs.sendall(part)
            loop.turn()
        theirs.shutdown(socket.SHUT_WR)
        for _ in range(4):
            loop.turn()
        assert channel.fileno() == -1
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
