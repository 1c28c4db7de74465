"""TLS straight on the socket: an echo server with clients that are ordinary, slow, broken, rude or silent."""

from __future__ import annotations

import asyncio
import contextlib
import gc
import os
import socket
import ssl
import time
import weakref
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from functools import partial
from typing import cast

import pytest

from mixedmode.services.net.doors import TcpDoor, listen
from mixedmode.services.net.gate import Gate, Place
from mixedmode.services.net.guests import Guests
from mixedmode.services.net.server_tls import server_context
from mixedmode.services.net.tls_channel import Channel
from mixedmode.services.net.tls_transport import TlsTransport
from tests.services.tvs.tvsclient import LOOPS, client_context, run, tls_connection, tvs_signer
from tests.support import eventually

both_loops = pytest.mark.parametrize("loop", LOOPS)


class Echo(asyncio.Protocol):
    """Sends back what it gets, and reads nothing while that is not taken."""

    def __init__(self, server: Server, place: Place) -> None:
        self.server, self.place = server, place
        self.lost: list[Exception | None] = []
        self.pauses = 0

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self.transport = cast(asyncio.Transport, transport)
        self.server.made.append(self)
        self.server.guests.entered(self, self.place)

    def data_received(self, data: bytes) -> None:
        if data == b"fail":
            raise ValueError("a mistake of the protocol")
        self.transport.write(data)
        if data.endswith(b"bye"):
            self.transport.close()
            self.transport.write(b"too late")

    def pause_writing(self) -> None:
        self.pauses += 1
        self.transport.pause_reading()

    def resume_writing(self) -> None:
        self.transport.resume_reading()

    def connection_lost(self, exc: Exception | None) -> None:
        self.lost.append(exc)
        self.server.guests.left(self)

    def drain(self) -> None:
        self.transport.close()

    def abort(self) -> None:
        self.transport.abort()


class Server:
    """The echo server."""

    def __init__(self, seconds: float) -> None:
        self.made: list[Echo] = []
        self.failed: list[Exception] = []
        self.guests: Guests[Echo] = Guests(Gate(100, 100))
        self.door = TcpDoor(
            "the echo",
            ("127.0.0.1", 0),
            self.guests,
            lambda place: Echo(self, place),
            handshake_seconds=seconds,
            failed=lambda _place, error: self.failed.append(error),
        )
        self.door.tls = server_context([tvs_signer()])

    async def open(self) -> None:
        self.address = await self.door.open()

    def close(self) -> None:
        self.door.close()
        self.guests.abort()


@asynccontextmanager
async def echo(seconds: float = 60.0) -> AsyncIterator[Server]:
    server = Server(seconds)
    await server.open()
    try:
        yield server
    finally:
        server.close()
        await asyncio.sleep(0)
        assert all(len(protocol.lost) == 1 for protocol in server.made), "each connection is lost once"


@both_loops
def test_eight_megabytes_come_back_from_a_client_that_reads_late(loop: str) -> None:
    data = os.urandom(8 << 20)

    async def procedure() -> None:
        async with echo() as server, tls_connection(server.address, limit=1024) as (reader, writer):
            writer.write(data)
            # Or else the server goes on reading though nothing is taken.
            await eventually(lambda: server.made and server.made[0].pauses)
            assert await reader.readexactly(len(data)) == data

    run(procedure(), loop)


@both_loops
def test_what_was_written_before_closing_arrives_and_nothing_after_it(loop: str) -> None:
    async def procedure() -> None:
        async with echo() as server, tls_connection(server.address) as (reader, writer):
            writer.write(b"x" * 300_000 + b"bye")
            got = await asyncio.wait_for(reader.read(-1), 60)
            assert len(got) == 300_003
            assert got.endswith(b"bye")

    run(procedure(), loop)


@both_loops
def test_a_hello_that_comes_byte_by_byte_is_a_hello(loop: str) -> None:
    async def procedure() -> None:
        async with echo() as server:
            await asyncio.to_thread(_byte_by_byte, server.address)

    run(procedure(), loop)


def _byte_by_byte(address: tuple[str, int]) -> None:
    incoming, outgoing = ssl.MemoryBIO(), ssl.MemoryBIO()
    tls = client_context().wrap_bio(incoming, outgoing)
    with socket.create_connection(address, timeout=60) as plain:
        plain.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)

        def send() -> None:
            for byte in outgoing.read():
                plain.send(bytes([byte]))

        while True:
            with contextlib.suppress(ssl.SSLWantReadError):
                tls.do_handshake()
                break
            send()
            incoming.write(plain.recv(100))
        tls.write(b"hello")
        send()
        while True:
            with contextlib.suppress(ssl.SSLWantReadError):
                assert tls.read(100) == b"hello"
                return
            incoming.write(plain.recv(100))


@both_loops
def test_who_cannot_be_talked_to_gets_an_alert(loop: str) -> None:
    async def procedure() -> None:
        async with echo() as server:
            reader, writer = await asyncio.open_connection(*server.address)
            writer.write(b"GET / HTTP/1.1\r\n\r\n")
            assert await reader.read(-1) == b""
            writer.close()
            other = client_context()
            other.maximum_version = ssl.TLSVersion.TLSv1_2
            other.set_ciphers("ECDHE-ECDSA-AES128-GCM-SHA256")
            with pytest.raises(ssl.SSLError, match="ALERT_HANDSHAKE_FAILURE"):
                await asyncio.open_connection(*server.address, ssl=other, server_hostname="")
            assert [type(error) for error in server.failed] == [ssl.SSLError, ssl.SSLError]
            assert server.made == []

    run(procedure(), loop)


@both_loops
def test_who_sends_nothing_is_ended_and_not_before_the_time(loop: str) -> None:
    async def procedure() -> None:
        async with echo(seconds=0.4) as server:
            began = time.monotonic()
            silent = [await asyncio.open_connection(*server.address) for _ in range(3)]
            for reader, writer in silent:
                assert await reader.read(1) == b""
                writer.close()
            assert time.monotonic() - began > 0.3
            assert len(server.failed) == 3
            assert server.made == []

    run(procedure(), loop)


@both_loops
def test_a_client_that_goes_away_in_its_handshake_is_counted_once(loop: str) -> None:
    async def procedure() -> None:
        async with echo() as server:
            for data in (b"", b"\x16\x03\x01"):
                _, writer = await asyncio.open_connection(*server.address)
                writer.write(data)
                await writer.drain()
                writer.transport.abort()
            await eventually(lambda: len(server.failed) == 2)

    run(procedure(), loop)


@both_loops
def test_a_mistake_of_a_protocol_ends_its_connection_only(loop: str) -> None:
    async def procedure() -> list[str]:
        told: list[str] = []
        asyncio.get_running_loop().set_exception_handler(lambda _loop, context: told.append(str(context["exception"])))
        async with (
            echo() as server,
            tls_connection(server.address) as (reader, writer),
            tls_connection(server.address) as (other, to_other),
        ):
            writer.write(b"fail")
            with contextlib.suppress(ConnectionError):
                assert await asyncio.wait_for(reader.read(), 60) == b""
            to_other.write(b"still there")
            assert await other.readexactly(11) == b"still there"
        return told

    assert run(procedure(), loop) == ["a mistake of the protocol"]


@both_loops
def test_a_client_that_never_answers_the_goodbye_is_let_go(loop: str) -> None:
    async def procedure() -> None:
        async with echo() as server:
            begun = asyncio.to_thread(_say_bye_and_stay, server.address)
            with await begun:
                await eventually(lambda: server.made[0].lost)

    run(procedure(), loop)


def _say_bye_and_stay(address: tuple[str, int]) -> ssl.SSLSocket:
    tls = client_context().wrap_socket(socket.create_connection(address, timeout=60))
    tls.sendall(b"bye")
    return tls


@both_loops
@pytest.mark.parametrize("version", [ssl.TLSVersion.TLSv1_2, ssl.TLSVersion.TLSv1_3])
def test_what_a_protocol_may_ask(loop: str, version: ssl.TLSVersion) -> None:
    async def procedure() -> None:
        async with echo() as server:
            context = client_context()
            context.maximum_version = version
            reader, writer = await asyncio.open_connection(*server.address, ssl=context, server_hostname="")
            writer.write(b"x")
            await reader.readexactly(1)
            transport = server.made[0].transport
            assert transport.get_extra_info("peername") == writer.get_extra_info("sockname")
            assert transport.get_extra_info("sockname") == server.address
            assert transport.get_extra_info("ssl_object").version() == version.name.replace("v1_", "v1.")
            assert transport.get_extra_info("cipher") == writer.get_extra_info("cipher")
            assert transport.get_extra_info("nothing", "else") == "else"
            assert (transport.is_closing(), transport.is_reading(), transport.can_write_eof()) == (False, True, False)
            assert transport.get_protocol() is server.made[0]
            transport.pause_reading()
            writer.write(b"later")
            with pytest.raises(TimeoutError):
                await asyncio.wait_for(reader.read(1), 0.1)
            transport.resume_reading()
            assert await reader.readexactly(5) == b"later"
            writer.transport.abort()
            await eventually(lambda: server.made[0].lost)
            assert transport.is_closing()

    run(procedure(), loop)


@both_loops
def test_what_ended_is_freed_without_the_collector(loop: str) -> None:
    async def procedure() -> None:
        async with echo() as server:
            gc.collect()
            gc.disable()
            try:
                async with tls_connection(server.address) as (reader, writer):
                    writer.write(b"x")
                    await reader.readexactly(1)
                    protocol = weakref.ref(server.made[0])
                await eventually(lambda: server.made[0].lost)
                server.made.clear()
                await asyncio.sleep(0)
                assert protocol() is None
                left: list[object] = [each for each in gc.get_objects() if isinstance(each, TlsTransport | Channel)]
                left += [each for each in gc.get_objects() if isinstance(each, ssl.SSLObject) and each.server_side]
                assert left == []
            finally:
                gc.enable()

    run(procedure(), loop)


def test_a_port_is_shared_only_where_asked_for() -> None:
    shared = partial(listen, "the echo", "127.0.0.1", reuse_port=True)
    with shared(0) as first, shared(first.getsockname()[1]) as second:
        assert first.getsockname() == second.getsockname()
