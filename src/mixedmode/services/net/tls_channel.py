"""A TLS connection's socket and OpenSSL, below the transport that decides about it.

OpenSSL works on two memory BIOs; what moves between them and the socket is here.
"""

from __future__ import annotations

import asyncio
import contextlib
import socket
import ssl
from typing import Final, Protocol

READ_BYTES: Final = 4 << 10
"""Read at once; what phones send is shorter."""
_FLUSH_BYTES: Final = 64 << 10
"""Output that is not kept back any longer."""

_NO_BYTES: Final = ssl.MemoryBIO()
"""Stands for both directions where there is no TLS."""


class Told(Protocol):
    """Who owns a channel. It may close the channel whenever it is told something."""

    def shaken(self) -> None:
        """The handshake is done."""

    def received(self, data: bytes) -> None:
        """The client sent something."""

    def ended(self) -> None:
        """The client sends no more, by TCP or by TLS."""

    def refused(self, error: ssl.SSLError) -> None:
        """The client broke TLS; OpenSSL's alert waits to be sent."""

    def lost(self, error: OSError | None) -> None:
        """The client is gone."""

    def dropped(self, size: int) -> None:
        """Bytes came that nobody reads any more."""

    def backed_up(self) -> None:
        """The client did not take all."""

    def drained(self) -> None:
        """The client took some of what waited, or all."""


class Channel:
    """A connection: a socket and nothing else until its client sends something.

    Args:
        loop: The event loop.
        client: The socket, which does not block and is the channel's from now on.
        context: Keys and versions.
        buffer: Of :data:`READ_BYTES`, for all channels of the loop: nothing stays in it between two calls.
    """

    __slots__ = (
        "_buffer", "_context", "_deferring", "_incoming", "_leaving", "_loop", "_made", "_outgoing", "_owner",
        "_paused", "_socket", "_tls", "_unsent",
    )  # fmt: skip

    def __init__(
        self, loop: asyncio.AbstractEventLoop, client: socket.socket, context: ssl.SSLContext, buffer: memoryview
    ) -> None:
        self._loop = loop
        self._socket = client
        self._context = context
        self._buffer = buffer
        self._owner: Told | None = None
        self._tls: ssl.SSLObject | None = None
        self._incoming = self._outgoing = _NO_BYTES
        self._made = self._paused = self._leaving = self._deferring = False
        self._unsent = bytearray()

    @property
    def unsent(self) -> int:
        """Bytes that the client has not taken."""
        return len(self._unsent) + self._outgoing.pending

    def start(self, owner: Told) -> None:
        """Read from now on, and tell the owner."""
        if not self._leaving:
            self._owner = owner
            self._loop.add_reader(self._socket.fileno(), self._readable)

    def fileno(self) -> int:
        """Return the socket's descriptor; -1 when closed."""
        return self._socket.fileno()

    def write(self, data: bytes | bytearray | memoryview) -> bool:
        """Send bytes; return False where the client is gone.

        Raises:
            ssl.SSLError: OpenSSL sends no more.
        """
        if self._tls is None:
            return False
        sent = self._tls.write(data)
        while sent < len(data):  # OpenSSL takes a record at a time
            sent += self._tls.write(memoryview(data)[sent:])
        return (self._deferring and self._outgoing.pending <= _FLUSH_BYTES) or self.flush()

    def flush(self) -> bool:
        """Send what there is; return False where the client is gone.

        The socket's error is told to nobody: kept, it would hold all frames up to here.
        """
        if self._owner is None:
            return False
        data = self._outgoing.read()
        if self._unsent:
            self._unsent += data
        elif data:
            try:
                sent = self._socket.send(data)
            except (BlockingIOError, InterruptedError):
                sent = 0
            except OSError:
                return False
            if sent < len(data):
                self._unsent += data[sent:]
                self._loop.add_writer(self._socket.fileno(), self._writable)
        return True

    def pause(self) -> None:
        """Read no more."""
        if self._owner is not None:
            self._paused = True
            self._loop.remove_reader(self._socket.fileno())

    def resume(self) -> None:
        """Read again; :meth:`go_on` delivers what came before."""
        if self._owner is not None:
            self._paused = False
            self._loop.add_reader(self._socket.fileno(), self._readable)

    def go_on(self) -> None:
        """Shake hands or hand bytes on; flush once. What the owner raises closes the channel."""
        owner, tls = self._owner, self._tls
        if owner is None or tls is None or self._leaving:
            return
        try:
            self._work(owner, tls)
        except BaseException:
            self.close()
            raise

    def _work(self, owner: Told, tls: ssl.SSLObject) -> None:
        self._deferring = True
        try:
            if self._made or self._shake_hands(owner, tls):
                self._deliver(owner, tls)
        except ssl.SSLError as error:
            owner.refused(error)
        finally:
            self._deferring = False
        if self._outgoing.pending:
            if not self.flush():
                owner.lost(None)
            elif self._unsent:
                owner.backed_up()

    def leave(self, goodbye: bool) -> None:
        """Deliver no more; make a ``close_notify`` if asked to."""
        self._leaving = True
        if goodbye and self._tls is not None:
            with contextlib.suppress(ssl.SSLError):
                self._tls.unwrap()

    def end(self) -> None:
        """End our side of TCP."""
        with contextlib.suppress(OSError):
            self._socket.shutdown(socket.SHUT_WR)

    def close(self) -> None:
        """Close the socket and forget everything. Closing twice does no harm."""
        if self._socket.fileno() >= 0:
            self._loop.remove_reader(self._socket.fileno())
            if self._unsent:
                self._loop.remove_writer(self._socket.fileno())
                self._unsent.clear()
            self._socket.close()
        self._leaving = True
        # The owner points here too: such a circle would keep OpenSSL's memory until the collector finds it.
        self._owner = self._tls = None
        self._incoming = self._outgoing = _NO_BYTES

    def about(self, name: str) -> object:
        """Return ``cipher``, ``peercert`` or ``ssl_object``; None for what there is not."""
        match name:
            case "ssl_object":
                return self._tls
            case "cipher" | "peercert" if self._tls is not None:
                return self._tls.cipher() if name == "cipher" else self._tls.getpeercert()
        return None

    def _readable(self) -> None:
        owner = self._owner
        if owner is None:
            return
        try:
            size = self._socket.recv_into(self._buffer)
        except (BlockingIOError, InterruptedError):
            return
        except OSError as error:
            owner.lost(error)
            return
        if not size:
            owner.ended()
        elif self._leaving:
            owner.dropped(size)
        else:
            if self._tls is None:
                self._incoming, self._outgoing = ssl.MemoryBIO(), ssl.MemoryBIO()
                self._tls = self._context.wrap_bio(self._incoming, self._outgoing, server_side=True)
            self._incoming.write(self._buffer[:size])
            self.go_on()

    def _shake_hands(self, owner: Told, tls: ssl.SSLObject) -> bool:
        try:
            tls.do_handshake()
        except ssl.SSLWantReadError:
            return False
        self._made = True
        owner.shaken()
        return True

    def _deliver(self, owner: Told, tls: ssl.SSLObject) -> None:
        # Asking for bytes that are not there would cost an exception each time.
        while not self._paused and not self._leaving and (self._incoming.pending or tls.pending()):
            try:
                data = tls.read(READ_BYTES)
            except ssl.SSLWantReadError:
                return
            if not data:
                owner.ended()
                return
            owner.received(data)

    def _writable(self) -> None:
        owner = self._owner
        if owner is None:
            return
        try:
            sent = self._socket.send(self._unsent)
        except (BlockingIOError, InterruptedError):
            return
        except OSError as error:
            owner.lost(error)
            return
        del self._unsent[:sent]
        if not self._unsent:
            self._loop.remove_writer(self._socket.fileno())
        owner.drained()
