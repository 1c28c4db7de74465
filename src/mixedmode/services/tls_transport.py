"""TLS of a server's connections, as an asyncio transport straight on the socket.

An event loop's own TLS makes a task, a timer and two transports for each connection and tells of it only after its
handshake. With RSA 2048 that is a tenth of what a handshake costs; here it is a fiftieth (``mixedmode bench tvs``).

Rules:

1. A connection is a socket and nothing else until its client sends something.
2. What one reading of the socket leads to goes out in one write: the end of the handshake with the first answer, an
   answer as a whole (phones stall on less, wire-formats.md 5).
3. Bytes that the client does not take are kept, and the protocol is told to write no more beyond
   :meth:`TlsTransport.set_write_buffer_limits`.
4. Closing sends what was written, then ``close_notify``, then waits a moment for the client's end: a socket closed
   with bytes unread would be reset, and the last answer lost. TCP's own end comes last, since there are clients that
   drop what they have not read yet when they see it.
5. No renegotiation; what a broken client sends is answered with OpenSSL's alert where there is one.
"""

from __future__ import annotations

import asyncio
import contextlib
import socket
import ssl
from collections.abc import Callable
from typing import Any, Final

READ_BYTES: Final = 4 << 10
"""Read at once; what phones send is shorter."""
_HIGH: Final = 64 << 10
_MOST: Final = 4 << 20
"""Beyond the limit of the protocol: what OpenSSL itself can be made to answer counts too."""
_FLUSH_SECONDS: Final = 30.0
_LINGER_SECONDS: Final = 1.0
_LINGER_BYTES: Final = 1 << 20

_NO_BYTES: Final = ssl.MemoryBIO()
"""Stands for both directions where there is no TLS."""
_NOBODY: Final = asyncio.Protocol()

Done = Callable[["TlsTransport", str, Exception | None], None]
"""Told once when a handshake has ended, with the client's address and what went wrong."""


class TlsTransport(asyncio.Transport):
    """One connection of a TLS server.

    Args:
        loop: The event loop.
        client: The socket, which does not block and is the transport's from now on.
        peer: Its client's address.
        context: Keys and versions.
        make: Given the address when the handshake has succeeded; returns the protocol to tell from then on.
        done: Told that the handshake has ended, before a protocol is made.
        buffer: Of :data:`READ_BYTES`, for all transports of the loop: nothing stays in it between two calls.
    """

    __slots__ = (
        "_buffer", "_closing", "_context", "_deferring", "_done", "_dropped", "_fd", "_high", "_incoming", "_loop",
        "_made", "_make", "_outgoing", "_over", "_paused", "_peer", "_protocol", "_socket", "_stalled", "_timer",
        "_tls", "_unsent",
    )  # fmt: skip

    def __init__(
        self,
        loop: asyncio.AbstractEventLoop,
        client: socket.socket,
        peer: str,
        context: ssl.SSLContext,
        make: Callable[[str], asyncio.Protocol],
        done: Done,
        buffer: memoryview,
    ) -> None:
        self._loop = loop
        self._socket = client
        self._fd = client.fileno()
        self._peer = peer
        self._context = context
        self._buffer = buffer
        self._make = make
        self._protocol = _NOBODY
        self._done: Done | None = done
        self._tls: ssl.SSLObject | None = None
        self._incoming = self._outgoing = _NO_BYTES
        self._made = False
        self._closing = False
        self._over = False
        self._paused = False
        self._stalled = False
        self._deferring = False
        self._unsent = bytearray()
        self._high = _HIGH
        self._dropped = 0
        self._timer: asyncio.TimerHandle | None = None
        self._loop.add_reader(self._fd, self._readable)

    # What a protocol may ask and do.

    def get_extra_info(self, name: str, default: Any = None) -> Any:
        """Return ``peername``, ``sockname``, ``sslcontext``, ``ssl_object``, ``cipher`` or ``peercert``."""
        match name:
            case "peername" | "sockname":
                with contextlib.suppress(OSError):
                    return self._socket.getpeername() if name == "peername" else self._socket.getsockname()
                return (self._peer, 0) if name == "peername" else default
            case "sslcontext":
                return self._context
            case "ssl_object":
                return default if self._tls is None else self._tls
            case "cipher" | "peercert" if self._tls is not None:
                return self._tls.cipher() if name == "cipher" else self._tls.getpeercert()
        return default

    def set_protocol(self, protocol: asyncio.BaseProtocol) -> None:
        """Tell another protocol from now on."""
        if not isinstance(protocol, asyncio.Protocol):
            raise TypeError("a TLS transport tells a stream protocol")
        self._protocol = protocol

    def get_protocol(self) -> asyncio.BaseProtocol:
        """Return the protocol that is told."""
        return self._protocol

    def is_closing(self) -> bool:
        """Return whether the connection is being closed or over."""
        return self._closing

    def is_reading(self) -> bool:
        """Return whether the protocol is told of bytes."""
        return not self._closing and not self._paused

    def pause_reading(self) -> None:
        """Tell the protocol of no more bytes."""
        if self.is_reading():
            self._paused = True
            self._loop.remove_reader(self._fd)

    def resume_reading(self) -> None:
        """Tell the protocol of bytes again."""
        if self._paused and not self._closing:
            self._paused = False
            self._loop.add_reader(self._fd, self._readable)
            self._loop.call_soon(self._go_on)

    def set_write_buffer_limits(self, high: int | None = None, low: int | None = None) -> None:
        """Set how many bytes may be kept before the protocol is told to pause; ``low`` is a quarter of it."""
        self._high = _HIGH if high is None else high

    def get_write_buffer_size(self) -> int:
        """Return the bytes that the client has not taken yet."""
        return len(self._unsent)

    def can_write_eof(self) -> bool:
        """Return False: TLS ends both ways at once here."""
        return False

    def write(self, data: bytes | bytearray | memoryview) -> None:
        """Send bytes; after the connection was closed they are dropped."""
        if self._closing or self._tls is None or not data:
            return
        try:
            sent = self._tls.write(data)
            while sent < len(data):  # OpenSSL takes a record at a time
                sent += self._tls.write(memoryview(data)[sent:])
        except ssl.SSLError as error:
            self._fail(error)
            return
        if (not self._deferring or self._outgoing.pending > self._high) and not self._flush():
            self._fail(None)

    def close(self) -> None:
        """Close after what was written is sent (rule 4)."""
        if self._closing:
            return
        if not self._made:
            self.abort()
            return
        self._say_goodbye()

    def abort(self) -> None:
        """Close at once."""
        self._fail(None)

    # What the socket brings.

    def _readable(self) -> None:
        try:
            size = self._socket.recv_into(self._buffer)
        except (BlockingIOError, InterruptedError):
            return
        except OSError as error:
            self._end(error)
            return
        if not size:
            self._ended_by_client()
        elif self._closing:
            self._dropped += size
            if self._dropped > _LINGER_BYTES:
                self._end(None)
        else:
            if self._tls is None:
                self._incoming, self._outgoing = ssl.MemoryBIO(), ssl.MemoryBIO()
                self._tls = self._context.wrap_bio(self._incoming, self._outgoing, server_side=True)
            self._incoming.write(self._buffer[:size])
            self._go_on()

    def _go_on(self) -> None:
        """Shake hands or hand bytes on; flush once (rule 2)."""
        tls = self._tls
        if self._over or tls is None:
            return
        self._deferring = True
        try:
            if self._made or self._shake_hands(tls):
                self._deliver(tls)
        except ssl.SSLError as error:
            self._refuse(error)
        except Exception as error:  # noqa: BLE001 - a protocol's mistake ends its connection, not the server
            self._loop.call_exception_handler({"message": "a protocol failed", "exception": error, "transport": self})
            self._fail(error)
        finally:
            self._deferring = False
        if not self._over and self._outgoing.pending and not self._flush():
            self._end(None)

    def _shake_hands(self, tls: ssl.SSLObject) -> bool:
        try:
            tls.do_handshake()
        except ssl.SSLWantReadError:
            return False
        self._made = True
        self._tell_done(None)
        self._protocol = self._make(self._peer)
        self._protocol.connection_made(self)
        return True

    def _deliver(self, tls: ssl.SSLObject) -> None:
        # Asking for bytes that are not there would cost an exception each time.
        while not self._paused and not self._closing and (self._incoming.pending or tls.pending()):
            try:
                data = tls.read(READ_BYTES)
            except ssl.SSLWantReadError:
                return
            if not data:
                self._ended_by_client()
                return
            self._protocol.data_received(data)

    def _ended_by_client(self) -> None:
        """The client sends no more, by TCP or by TLS."""
        if self._closing or not self._made:
            self._end(None)
            return
        self._protocol.eof_received()
        if not self._closing:
            self._say_goodbye()

    # What goes out.

    def _flush(self) -> bool:
        """Send what OpenSSL has made; return False where the client is gone, or has taken nothing for long.

        The socket's error is told to nobody: kept, it would hold all frames up to here.
        """
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
                self._loop.add_writer(self._fd, self._writable)
        if len(self._unsent) > self._high + _MOST:
            return False
        if len(self._unsent) > self._high and not self._stalled and self._made and not self._closing:
            self._stalled = True
            self._protocol.pause_writing()
        return True

    def _writable(self) -> None:
        try:
            sent = self._socket.send(self._unsent)
        except (BlockingIOError, InterruptedError):
            return
        except OSError as error:
            self._end(error)
            return
        del self._unsent[:sent]
        if not self._unsent:
            self._loop.remove_writer(self._fd)
            if self._closing:
                self._linger()
        if self._stalled and not self._closing and len(self._unsent) <= self._high // 4:
            self._stalled = False
            self._protocol.resume_writing()

    # How it ends.

    def _say_goodbye(self) -> None:
        self._closing = True
        if self._tls is not None:
            with contextlib.suppress(ssl.SSLError):
                self._tls.unwrap()
        self._let_go()

    def _refuse(self, error: ssl.SSLError) -> None:
        """End a connection whose client broke TLS, with the alert that OpenSSL has for it (rule 5)."""
        if self._made:
            self._say_goodbye()
        else:
            self._closing = True
            self._tell_done(error)
            self._let_go()

    def _let_go(self) -> None:
        """Send what is left, then wait for the client's end (rule 4)."""
        if self._paused:
            self._paused = False
            self._loop.add_reader(self._fd, self._readable)
        self._timer = self._loop.call_later(_FLUSH_SECONDS, self._end, None)
        if not self._flush():
            self._fail(None)
        elif not self._unsent:
            self._linger()

    def _linger(self) -> None:
        if self._timer is not None:
            self._timer.cancel()
        self._timer = self._loop.call_later(_LINGER_SECONDS, self._end, None)
        if not self._made:
            with contextlib.suppress(OSError):
                self._socket.shutdown(socket.SHUT_WR)

    def _fail(self, error: Exception | None) -> None:
        """End at once, but let the protocol hear of it only when it has done what it is doing."""
        self._closing = True
        if not self._over:
            self._over = True
            self._forget_socket()
            self._loop.call_soon(self._tell_end, error)

    def _end(self, error: Exception | None) -> None:
        self._closing = True
        if not self._over:
            self._over = True
            self._forget_socket()
            self._tell_end(error)

    def _forget_socket(self) -> None:
        if self._timer is not None:
            self._timer.cancel()
            self._timer = None
        self._loop.remove_reader(self._fd)
        if self._unsent:
            self._loop.remove_writer(self._fd)
            self._unsent.clear()
        self._socket.close()

    def _tell_done(self, error: Exception | None) -> None:
        done, self._done = self._done, None
        if done is not None:
            done(self, self._peer, error)

    def _tell_end(self, error: Exception | None) -> None:
        self._tell_done(error or ConnectionResetError("the client went away"))
        if self._made:
            self._protocol.connection_lost(error)
        # Protocols point here too: such a circle would keep OpenSSL's memory until the collector finds it.
        self._protocol = _NOBODY
        self._incoming = self._outgoing = _NO_BYTES
        self._tls = None
