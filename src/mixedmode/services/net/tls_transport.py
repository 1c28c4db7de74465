"""TLS of a server's connections, as an asyncio transport straight on the socket.

An event loop's own TLS makes a task, a timer and two transports for each connection and tells of it only after its
handshake. With RSA 2048 that is a tenth of what a handshake costs; here it is a fraction of that (``mixedmode bench
tvs``). The transport decides; its channel (:mod:`mixedmode.services.net.tls_channel`) moves the bytes.

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
import os
import socket
import ssl
from collections.abc import Callable
from typing import Any, Final

from mixedmode.services.net.gate import Place
from mixedmode.services.net.tls_channel import Channel

_HIGH: Final = 64 << 10
_MOST: Final = 4 << 20
"""Beyond the limit of the protocol: what OpenSSL itself can be made to answer counts too."""
_FLUSH_SECONDS: Final = 30.0
_LINGER_SECONDS: Final = 1.0
_LINGER_BYTES: Final = 1 << 20

_NOBODY: Final = asyncio.Protocol()


class TlsTransport(asyncio.Transport):
    """One connection of a TLS server.

    Args:
        loop: The event loop.
        channel: The connection, which is the transport's from now on.
        place: Its client's place at the door.
        make: Given the client when the handshake has succeeded; returns the protocol to tell from then on.
        done: Told once that the handshake has ended, before a protocol is made, with the client and what went wrong.
    """

    __slots__ = (
        "_channel", "_closing", "_done", "_dropped", "_high", "_loop", "_made", "_make", "_over", "_paused", "_place",
        "_protocol", "_stalled", "_timer",
    )  # fmt: skip

    def __init__(
        self,
        loop: asyncio.AbstractEventLoop,
        channel: Channel,
        place: Place,
        make: Callable[[Place], asyncio.Protocol],
        done: Callable[[TlsTransport, Place, Exception | None], None],
    ) -> None:
        self._loop = loop
        self._channel = channel
        self._place = place
        self._make = make
        self._protocol = _NOBODY
        self._done: Callable[[TlsTransport, Place, Exception | None], None] | None = done
        self._made = self._closing = self._over = self._paused = self._stalled = False
        self._high = _HIGH
        self._dropped = 0
        self._timer: asyncio.TimerHandle | None = None
        channel.start(self)

    # What a protocol may ask and do.

    def get_extra_info(self, name: str, default: Any = None) -> Any:
        """Return ``peername``, ``sockname``, ``ssl_object``, ``cipher`` or ``peercert``, where the channel has it."""
        if name in ("peername", "sockname"):
            with contextlib.suppress(OSError), socket.socket(fileno=os.dup(self._channel.fileno())) as same:
                return same.getpeername() if name == "peername" else same.getsockname()
            return (self._place.address, 0) if name == "peername" else default
        found = self._channel.about(name)
        return default if found is None else found

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
            self._channel.pause()

    def resume_reading(self) -> None:
        """Tell the protocol of bytes again."""
        if self._paused and not self._closing:
            self._paused = False
            self._channel.resume()
            self._loop.call_soon(self._channel.go_on)

    def set_write_buffer_limits(self, high: int | None = None, low: int | None = None) -> None:
        """Set how many bytes may be kept before the protocol is told to pause; ``low`` is a quarter of it."""
        self._high = _HIGH if high is None else high

    def get_write_buffer_size(self) -> int:
        """Return the bytes that the client has not taken yet."""
        return self._channel.unsent

    def can_write_eof(self) -> bool:
        """Return False: TLS ends both ways at once here."""
        return False

    def write(self, data: bytes | bytearray | memoryview) -> None:
        """Send bytes; after the connection was closed they are dropped."""
        if self._closing or not self._made or not data:
            return
        try:
            taken = self._channel.write(data)
        except ssl.SSLError as error:
            self._fail(error)
            return
        if not taken:
            self._fail(None)
        elif self._channel.unsent:
            self.backed_up()

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

    # What the channel tells.

    def shaken(self) -> None:
        """The handshake is done: make a protocol."""
        self._made = True
        try:
            self._tell_done(None)
            self._protocol = self._make(self._place)
            self._protocol.connection_made(self)
        except Exception as error:  # noqa: BLE001 - a protocol's mistake ends its connection, not the server
            self._mistake(error)

    def received(self, data: bytes) -> None:
        """Hand bytes on."""
        try:
            self._protocol.data_received(data)
        except Exception as error:  # noqa: BLE001 - as above
            self._mistake(error)

    def ended(self) -> None:
        """The client sends no more."""
        if self._closing or not self._made:
            self._end(None)
            return
        try:
            self._protocol.eof_received()
        except Exception as error:  # noqa: BLE001 - as above
            self._mistake(error)
        if not self._closing:
            self._say_goodbye()

    def refused(self, error: ssl.SSLError) -> None:
        """End a connection whose client broke TLS, with the alert that OpenSSL has for it (rule 5)."""
        if self._closing:
            return
        if self._made:
            self._say_goodbye()
        else:
            self._closing = True
            self._tell_done(error)
            self._channel.leave(False)
            self._let_go()

    def lost(self, error: OSError | None) -> None:
        """The client is gone."""
        self._end(error)

    def dropped(self, size: int) -> None:
        """Count what comes though nobody reads it (rule 4)."""
        self._dropped += size
        if self._dropped > _LINGER_BYTES:
            self._end(None)

    def backed_up(self) -> None:
        """Tell the protocol to pause, or end a client that has taken nothing for long (rule 3)."""
        unsent = self._channel.unsent
        if unsent > self._high + _MOST:
            self._fail(None)
        elif unsent > self._high and not self._stalled and self._made and not self._closing:
            self._stalled = True
            self._protocol.pause_writing()

    def drained(self) -> None:
        """Go on with what waited for the client."""
        unsent = self._channel.unsent
        if not unsent and self._closing:
            self._linger()
        if self._stalled and not self._closing and unsent <= self._high // 4:
            self._stalled = False
            self._protocol.resume_writing()

    # How it ends.

    def _mistake(self, error: Exception) -> None:
        self._loop.call_exception_handler({"message": "a protocol failed", "exception": error, "transport": self})
        self._fail(error)

    def _say_goodbye(self) -> None:
        self._closing = True
        self._channel.leave(True)
        self._let_go()

    def _let_go(self) -> None:
        """Send what is left, then wait for the client's end (rule 4)."""
        if self._paused:
            self._paused = False
            self._channel.resume()
        if not self._channel.flush():
            self._fail(None)
        elif self._channel.unsent:
            self._timer = self._loop.call_later(_FLUSH_SECONDS, self._end, None)
        else:
            self._linger()

    def _linger(self) -> None:
        if self._timer is not None:
            self._timer.cancel()
        self._timer = self._loop.call_later(_LINGER_SECONDS, self._end, None)
        if not self._made:
            self._channel.end()

    def _fail(self, error: Exception | None) -> None:
        """End at once, but let the protocol hear of it only when it has done what it is doing."""
        self._closing = True
        if not self._over:
            self._over = True
            self._forget_channel()
            self._loop.call_soon(self._tell_end, error)

    def _end(self, error: Exception | None) -> None:
        self._closing = True
        if not self._over:
            self._over = True
            self._forget_channel()
            self._tell_end(error)

    def _forget_channel(self) -> None:
        if self._timer is not None:
            self._timer.cancel()
            self._timer = None
        self._channel.close()

    def _tell_done(self, error: Exception | None) -> None:
        done, self._done = self._done, None
        if done is not None:
            done(self, self._place, error)

    def _tell_end(self, error: Exception | None) -> None:
        self._tell_done(error or ConnectionResetError("the client went away"))
        if self._made:
            self._protocol.connection_lost(error)
        # Protocols point here too: a circle that the collector would have to find.
        self._protocol = _NOBODY
