"""Many TFTP downloads over the sockets of one pool: the sans-IO client of :mod:`mixedmode.protocols.tftp`.

A datagram costs one look-up, a timer one entry in a wheel for each second that a transfer lasts. The shell calls
:meth:`Downloads.turn` when the pool is readable and :meth:`Downloads.tick` now and then; each download ends in one
call of its ``done``. A finished download still answers late packets until its socket makes way for another.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from dataclasses import dataclass

from mixedmode.fleet.faults import Fates, FaultPlan
from mixedmode.fleet.sockets import RECEIVE_BYTES, Pool, Slot
from mixedmode.phone.body.network import Address
from mixedmode.phone.body.world import Clock
from mixedmode.protocols.tftp import ClientPhase, ClientTransfer, FailureReason
from mixedmode.protocols.tftp.client import Failure
from mixedmode.protocols.tftp.wheel import TimerWheel
from mixedmode.protocols.vocabulary import Packets

Done = Callable[["bytes | Failure"], None]
"""Told the file, or why it did not come."""


@dataclass(slots=True)
class Traffic:
    """What went over the network; what a fault took is counted as lost, not as sent or received."""

    sent: int = 0
    received: int = 0
    lost: int = 0
    repeated: int = 0


class Download:
    """One file on its way to one phone."""

    __slots__ = ("done", "fates", "slot", "transfer")

    def __init__(self, transfer: ClientTransfer, slot: Slot[Download], done: Done, fates: Fates | None) -> None:
        self.transfer = transfer
        self.slot = slot
        self.done = done
        self.fates = fates


class Downloads:
    """The downloads of a fleet.

    Args:
        pool: Where their sockets come from.
        server: Numeric socket address of the server.
        timeout: Seconds until the last packet is sent again.
        retries: How often, before giving up.
        limit: Most bytes of one file.
        plan: Faults.
        began: When the run began, on the monotonic clock.
        clock: What tells the time.
    """

    def __init__(
        self,
        pool: Pool[Download],
        server: Address,
        *,
        timeout: float,
        retries: int,
        limit: int,
        plan: FaultPlan,
        began: float,
        clock: Clock,
    ) -> None:
        self.traffic = Traffic()
        self._pool = pool
        self._server = server
        self._timeout, self._retries, self._limit = timeout, retries, limit
        self._plan = plan
        self._began = began
        self._monotonic = clock.monotonic
        self._wheel: TimerWheel[Download] = TimerWheel()

    def fetch(self, name: str, done: Done, fates: Fates | None = None) -> None:
        """Ask for a file.

        Args:
            name: The file.
            done: Called once, maybe before this returns.
            fates: Of the phone's datagrams; None if none has one.

        Raises:
            RemoteError: There is no socket.
            LocalProtocolError: The name is too long for a request.
        """
        now = self._monotonic()
        transfer = ClientTransfer(
            name, self._server, now, timeout=self._timeout, retries=self._retries, limit=self._limit
        )
        slot = self._pool.lend()
        download = slot.holder = Download(transfer, slot, done, fates)
        for packets, address in transfer.start():
            self._send(download, packets, address, now)
        self._await(download)

    def turn(self) -> None:
        """Take one datagram from each socket that has one."""
        now = self._monotonic()
        down = self._plan.is_down(now - self._began)
        traffic = self.traffic
        for slot in self._pool.ready():
            try:
                data, address = slot.port.recvfrom(RECEIVE_BYTES)
            except OSError:
                continue
            download = slot.holder
            if download is None:
                continue
            if down:
                traffic.lost += 1
            elif download.fates is None:
                traffic.received += 1
                self._take(download, data, address, now)
            else:
                self._arrive(download, download.fates, data, address, now)

    def tick(self) -> None:
        """Send again what is due."""
        now = self._monotonic()
        for download in self._wheel.expired(now):
            transfer = download.transfer
            if transfer.finished:
                continue
            for packets, address in transfer.expire(now):
                self.traffic.repeated += len(packets)
                self._send(download, packets, address, now)
            if transfer.finished:
                self._finish(download)
            self._await(download)

    def _await(self, download: Download) -> None:
        timer = download.transfer.next_timer()
        if timer is not None:
            self._wheel.set(download, timer)

    def _take(self, download: Download, data: bytes, address: Address, now: float) -> None:
        transfer = download.transfer
        over = transfer.finished
        reply = transfer.receive(data, address, now)
        if reply:
            self._send(download, (reply,) if isinstance(reply, bytes) else reply, address, now)
        if not over and transfer.finished:
            self._finish(download)

    def _arrive(self, download: Download, fates: Fates, data: bytes, address: Address, now: float) -> None:
        for late in self._fate(fates):
            if late:
                asyncio.get_running_loop().call_later(late, self._arrive_late, download, data, address)
            elif download.slot.holder is download:
                self.traffic.received += 1
                self._take(download, data, address, now)

    def _arrive_late(self, download: Download, data: bytes, address: Address) -> None:
        if download.slot.holder is download:  # otherwise its port is closed by now
            self.traffic.received += 1
            self._take(download, data, address, self._monotonic())

    def _fate(self, fates: Fates) -> tuple[float, ...]:
        copies = fates.roll()
        if not copies:
            self.traffic.lost += 1
        return copies

    def _send(self, download: Download, packets: Packets, address: Address, now: float) -> None:
        down = self._plan.is_down(now - self._began)
        for packet in packets:
            if down:
                self.traffic.lost += 1
            elif download.fates is None:
                self._put(download, packet, address)
            else:
                for late in self._fate(download.fates):
                    if late:
                        asyncio.get_running_loop().call_later(late, self._put_late, download, packet, address)
                    else:
                        self._put(download, packet, address)

    def _put_late(self, download: Download, packet: bytes, address: Address) -> None:
        if download.slot.holder is download:
            self._put(download, packet, address)

    def _put(self, download: Download, packet: bytes, address: Address) -> None:
        try:
            download.slot.port.sendto(packet, address)
        except OSError:
            self.traffic.lost += 1  # as lost as on the wire; the clock repeats it
        else:
            self.traffic.sent += 1

    def _finish(self, download: Download) -> None:
        transfer = download.transfer
        self._pool.give_back(download.slot)
        if transfer.phase is ClientPhase.DONE:
            download.done(transfer.content)
        else:
            download.done(transfer.failure or Failure(FailureReason.TIMEOUT, "The transfer did not finish"))
