"""The HTTP file service: phones' files over HTTP 6970 and HTTPS 6971, from the store that TFTP serves.

Rules:

1. A connection costs nothing but memory until its client does something; nobody waits for anybody else. There is no
   task, thread or timer for a connection: one sweep looks at all deadlines.
2. Connections are bounded, in all and for each client address. Over HTTP what is too much is told so (503), over HTTPS
   it is closed before the handshake, which would cost more than the file. When there is no room at all, a connection
   of who has most of them has to go, whatever it does (:mod:`.gate`): reading slowly must not hold a place.
3. Files come from memory. Only a store that says it must build a file is asked in a thread.
4. Over HTTPS signed configurations are served without their signature (:mod:`.http_files`).
5. A changed file or key is served when the store is reloaded or the service starts anew, as in CUCM.
"""

from __future__ import annotations

import asyncio
import ssl
from collections.abc import Callable, Mapping
from concurrent.futures import Executor, ThreadPoolExecutor
from email.utils import formatdate
from http import HTTPStatus
from typing import Final

from mixedmode.services.files.store import FileStore
from mixedmode.services.http.connection import HttpConnection
from mixedmode.services.http.files import HttpFiles, refusal
from mixedmode.services.http.limits import HttpCounters, HttpLimits
from mixedmode.services.net.deadlines import Sweep
from mixedmode.services.net.door_service import DoorService
from mixedmode.services.net.doors import TcpDoor
from mixedmode.services.net.gate import Gate
from mixedmode.services.net.guests import Guests
from mixedmode.services.net.service import Address
from mixedmode.services.sightings.collector import Sightings

_BUILDERS: Final = 2


class HttpService(DoorService):
    """A read-only HTTP or HTTPS server.

    Args:
        store: The files.
        host: The address to listen on; ``0.0.0.0`` and ``::`` mean all.
        port: The TCP port; 0 chooses a free one.
        tls: Makes the context for HTTPS, anew at each start, with the keys of role TFTP in the ITL; may block. None is
            HTTP.
        limits: What clients may use.
        reuse_port: Let several services, one in each process, share the port.
        seen: Told which phone got which file.

    Attributes:
        files: The store's files as answers.
        counters: What was done with requests.
        stamp: Server and Date, as every answer has them.
    """

    def __init__(
        self,
        store: FileStore,
        *,
        host: str = "127.0.0.1",
        port: int = 6970,
        tls: Callable[[], ssl.SSLContext] | None = None,
        limits: HttpLimits | None = None,
        reuse_port: bool = False,
        seen: Sightings | None = None,
    ) -> None:
        super().__init__("the HTTP service")
        self.seen = seen
        self.files = HttpFiles(store, unsigned=tls is not None)
        self.limits = limits or HttpLimits()
        self.counters = HttpCounters()
        self.stamp = b""
        self.guests: Guests[HttpConnection] = Guests(Gate(self.limits.connections, self.limits.per_address))
        self._tls = tls
        self._door = TcpDoor(
            self.name,
            (host, port),
            self.guests,
            lambda place: HttpConnection(self, place),
            handshake_seconds=self.limits.handshake_seconds,
            refusal=lambda: refusal(HTTPStatus.SERVICE_UNAVAILABLE, self.stamp),
            reuse_port=reuse_port,
        )
        self._builders: ThreadPoolExecutor | None = None
        self._sweep = Sweep(self.guests, self._stamp)

    def _levels(self) -> Mapping[str, int]:
        there = self.guests.counted()
        # Requests are refused too, so connections have words of their own.
        refused, pushed_out = there.pop("refused"), there.pop("dropped")
        return {
            **there,
            **self.counters.snapshot(),
            "dropped_client": self.guests.crowded,
            "dropped_full": refused - self.guests.crowded,
            "pushed_out": pushed_out,
        }

    @property
    def builders(self) -> Executor:
        """The threads in which the store builds."""
        if self._builders is None:
            self._builders = ThreadPoolExecutor(_BUILDERS, "http-build")
        return self._builders

    async def _open(self) -> Address:
        """Load the keys and listen."""
        if self._tls is not None:
            self._door.tls = await asyncio.to_thread(self._tls)
        address = await self._door.open()
        self._sweep.start()
        return address

    async def _close(self) -> None:
        """Cut off files under way."""
        self._door.close()
        self._sweep.stop()
        self.guests.abort()
        if self._builders is not None:
            self._builders.shutdown(wait=False, cancel_futures=True)
            self._builders = None

    def _stamp(self) -> None:
        self.stamp = f"\r\nServer: mixedmode\r\nDate: {formatdate(usegmt=True)}\r\n".encode()


__all__ = ["HttpLimits", "HttpService"]
