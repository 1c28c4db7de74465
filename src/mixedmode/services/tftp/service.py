"""The TFTP service: the sans-IO engine on two sockets, for a whole site's phones at once.

Requests come in on the listening port; everything else of a transfer goes through one reply socket on
another port, which clients see as the server's TID (RFC 1350). There is no task, thread or socket for a
transfer: a wake-up reads many datagrams, each costs one look-up and one prebuilt packet. A service bound
to all addresses has a reply socket for each address that phones used, since a phone takes no answer from
an address that it did not ask. A file that must be built first is built in a thread; its clients wait, nobody else.

A forged source address gets one packet for one packet and nothing more; file data beyond the first
block is sent only to who acknowledges it.
"""

from __future__ import annotations

import asyncio
import ipaddress
import socket
from collections.abc import Callable, Mapping
from time import monotonic
from typing import Final

from mixedmode.errors import MixedModeError
from mixedmode.protocols.tftp import ErrorCode, Mode, ServerCounters, ServerLimits
from mixedmode.protocols.tftp.transfer import Phase, ServerTransfer
from mixedmode.services.files.ahead import Ahead
from mixedmode.services.files.disk_files import DiskFile, FileData
from mixedmode.services.files.file_names import clean_name
from mixedmode.services.files.store import BuildingStore, FileStore, ServedFile, ServedFileCache
from mixedmode.services.net.service import Address, Service
from mixedmode.services.sightings.collector import Sightings
from mixedmode.services.tftp.builder import Builder, Built
from mixedmode.services.tftp.datagrams import (
    DESTINATION_SPACE,
    bind_datagram,
    destination,
    resolve,
    want_destination,
)
from mixedmode.services.tftp.lanes import BATCH, BATCHES, RECEIVE_BYTES, Lane, open_lane

_TICK_SECONDS: Final = 0.05
_LANES: Final = 256


class TftpService(Service):
    """A read-only TFTP server.

    Args:
        store: The files.
        host: The address to listen on; ``0.0.0.0`` and ``::`` mean all.
        port: The UDP port; 0 chooses a free one.
        limits: Bounds on transfers, time and options.
        prepare: Called at each start, in a thread; reads the files that the store serves.
        ahead: Builds what will be asked for, while the service runs.
        reuse_port: Let several services, one in each process, share the port.
        seen: Told which phone got which file.
    """

    def __init__(
        self,
        store: FileStore,
        *,
        host: str = "127.0.0.1",
        port: int = 0,
        limits: ServerLimits | None = None,
        prepare: Callable[[], None] | None = None,
        ahead: Ahead | None = None,
        reuse_port: bool = False,
        seen: Sightings | None = None,
    ) -> None:
        super().__init__("the TFTP service")
        self._seen = seen
        self.store = store
        self._read_files = prepare
        self._ahead = ahead
        self.limits = limits or ServerLimits()
        self.counters = ServerCounters()
        self._host, self._port, self._reuse_port = host, port, reuse_port
        self._cache = ServedFileCache()
        self._ready = store.ready if isinstance(store, BuildingStore) else None
        self._builder = Builder(self._prepare, self._built, self._not_built)
        self._just_built: Built | None = None
        self._listener: socket.socket | None = None
        self._loop: asyncio.AbstractEventLoop | None = None
        self._family = socket.AF_INET
        self._wildcard = False
        self._lanes: dict[str, Lane] = {}
        self._timer: asyncio.TimerHandle | None = None

    def _levels(self) -> Mapping[str, int]:
        return {**self.counters.snapshot(), **(self._ahead.levels if self._ahead is not None else {})}

    async def _open(self) -> Address:
        """Listen.

        Raises:
            RemoteError: The address cannot be had.
            UsageError: There is no such address.
        """
        if self._read_files is not None:
            await asyncio.to_thread(self._read_files)
        self._family, address = resolve(self._host, self._port)
        self._wildcard = ipaddress.ip_address(address[0].partition("%")[0]).is_unspecified
        self._loop = asyncio.get_running_loop()
        self._listener = listener = bind_datagram(self._family, address, reuse_port=self._reuse_port)
        read: Callable[[], None]
        if self._wildcard:
            want_destination(listener)
            read = self._read_requests_to_any
        else:
            self._lane(address[0])
            read = self._read_requests
        self._loop.add_reader(listener.fileno(), read)
        if self._ahead is not None:
            self._ahead.start()
        name = listener.getsockname()
        return str(name[0]), int(name[1])

    async def _finish(self, timeout: float) -> int:
        """Let transfers under way finish."""
        for lane in self._lanes.values():
            lane.engine.draining = True
        await self._end_ahead()
        end = monotonic() + timeout
        # A look now and then costs the packets nothing; telling a waiter would cost every transfer.
        while self.counters.active and monotonic() < end:  # noqa: ASYNC110
            await asyncio.sleep(0.01)
        return self.counters.active

    async def _close(self) -> None:
        """Close the sockets; transfers under way are cut off."""
        if self._timer is not None:
            self._timer.cancel()
            self._timer = None
        await self._end_ahead()
        self._builder.close()
        sockets = [lane.sock for lane in self._lanes.values()]
        if self._listener is not None:
            sockets.append(self._listener)
        for sock in sockets:
            if self._loop is not None:
                self._loop.remove_reader(sock.fileno())
            sock.close()
        self._listener = None
        self._lanes.clear()
        self.counters.active = 0

    async def _end_ahead(self) -> None:
        if self._ahead is not None:
            await asyncio.to_thread(self._ahead.stop)

    def _lane(self, host: str) -> Lane:
        sock = bind_datagram(self._family, (host, 0))
        lane = self._lanes[host] = open_lane(
            sock, self._find, self.limits, self.counters, delivered=None if self._seen is None else self._delivered
        )
        lane.engine.draining = self.draining
        if self._loop is not None:
            self._loop.add_reader(sock.fileno(), lane.read)
        return lane

    def _find(self, name: str, mode: Mode) -> ServedFile | ErrorCode | None:
        clean = clean_name(name)
        if clean is None:
            return ErrorCode.ACCESS_VIOLATION
        if self._just_built is not None and self._just_built.name == clean:
            data = self._just_built.data
        elif self._ready is None or self._ready(clean):
            data = self.store.lookup(clean)
        else:
            return None
        if data is None:
            return ErrorCode.FILE_NOT_FOUND
        served = self._cache.get(data)
        return served if mode is Mode.OCTET else served.as_netascii()

    def _delivered(self, transfer: ServerTransfer) -> None:
        content = transfer.content
        if self._seen is not None and isinstance(content, ServedFile):
            self._seen.delivered(transfer.name, content.data, transfer.address, whole=transfer.phase is Phase.DONE)

    def _prepare(self, name: str) -> FileData | None:
        """Look up what :meth:`_find` could not have at once; in a thread."""
        data = self.store.lookup(name)
        if isinstance(data, DiskFile):
            data.prepare_text()
        return data

    def _build(self, lane: Lane, now: float) -> None:
        waiting, lane.engine.waiting = lane.engine.waiting, []
        for each in waiting:
            self._builder.want(lane, each._replace(name=clean_name(each.name) or ""), now)

    def _built(self, built: Built) -> None:
        self._just_built = built
        now = monotonic()
        for address, client in built.clients.items():
            client.lane.again(client.data, address, now)
        self._just_built = None
        self._watch()

    def _not_built(self, _name: str, _error: MixedModeError) -> None:
        self.counters.build_failures += 1

    def _read_requests(self) -> None:
        listener = self._listener
        lane = next(iter(self._lanes.values()))
        if listener is None:
            return
        now = monotonic()
        lane.read_requests(listener, now)
        if lane.engine.waiting:
            self._build(lane, now)
        self._watch()

    def _read_requests_to_any(self) -> None:
        listener = self._listener
        if listener is None:
            return
        now = monotonic()
        for _ in range(BATCH * BATCHES):
            try:
                data, ancillary, _, address = listener.recvmsg(RECEIVE_BYTES, DESTINATION_SPACE)
            except OSError:
                break
            host = destination(ancillary)
            if host is None or (host not in self._lanes and len(self._lanes) >= _LANES):
                continue
            lane = self._lanes.get(host) or self._lane(host)
            lane.request(data, address, now)
            if lane.engine.waiting:
                self._build(lane, now)
        self._watch()

    def _watch(self) -> None:
        if self._timer is None and self._loop is not None:
            self._timer = self._loop.call_later(_TICK_SECONDS, self._tick)

    def _tick(self) -> None:
        self._timer = None
        now = monotonic()
        for lane in self._lanes.values():
            lane.tick(now)
        if any(lane.engine.next_timer() is not None for lane in self._lanes.values()):
            self._watch()
