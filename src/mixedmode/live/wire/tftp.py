"""One file by TFTP, as phones ask for it, without an event loop: it works wherever there are sockets."""

from __future__ import annotations

import select
import socket
import time
from typing import Final

from mixedmode.causes import place, why_no_connection
from mixedmode.errors import LocalProtocolError, RemoteError, UsageError
from mixedmode.live.allowed.files import check_file
from mixedmode.protocols.tftp import ClientPhase, ClientTransfer, FailureReason, Outgoing

SECONDS: Final = 30.0
_LIMIT: Final = 2 << 20
_DATAGRAM: Final = 1 << 16


def read_tftp(
    address: str, port: int, name: str, *, seconds: float = SECONDS, timeout: float = 1.0, retries: int = 3
) -> bytes | None:
    """Return a file, None if the server says that it has none.

    Args:
        address: Of the server.
        port: UDP.
        name: Of the file; has to be on the allow-list.
        seconds: For the whole transfer.
        timeout: Seconds until a packet is sent again.
        retries: How often.

    Raises:
        NotAllowedError: The file is not on the allow-list.
        RemoteError: There is no answer, or none that holds.
    """
    check_file(name)
    where = f"tftp://{place(address, port)}/{name}"
    try:
        family, _, _, _, server = socket.getaddrinfo(address, port, type=socket.SOCK_DGRAM)[0]
        with socket.socket(family, socket.SOCK_DGRAM) as ours:
            ours.setblocking(False)
            transfer = ClientTransfer(name, server, time.monotonic(), timeout=timeout, retries=retries, limit=_LIMIT)
            _run(transfer, ours, time.monotonic() + seconds)
    except LocalProtocolError as error:
        raise UsageError(error.what, where=where) from error
    except (OSError, UnicodeError) as error:
        words, step = why_no_connection(error)
        raise RemoteError(f"it cannot be reached: {words}", where=where, next_step=step, code="unreachable") from error
    if transfer.phase is ClientPhase.DONE:
        return transfer.content
    if transfer.failure is None:
        raise RemoteError(f"not complete after {seconds:g} s", where=where, code="timeout")
    if transfer.failure.reason is FailureReason.NOT_FOUND:
        return None
    raise RemoteError(transfer.failure.message, where=where, code=transfer.failure.reason.value)


def _run(transfer: ClientTransfer, ours: socket.socket, until: float) -> None:
    _send(ours, transfer.start())
    while not transfer.finished and (now := time.monotonic()) < until:
        timer = transfer.next_timer()
        readable, _, _ = select.select([ours], [], [], max(0.0, min(until, until if timer is None else timer) - now))
        if not readable:
            _send(ours, transfer.expire(time.monotonic()))
            continue
        try:
            data, sender = ours.recvfrom(_DATAGRAM)
        except (BlockingIOError, InterruptedError):
            continue
        reply = transfer.receive(data, sender, time.monotonic())
        if reply:
            _send(ours, [((reply,) if isinstance(reply, bytes) else reply, sender)])


def _send(ours: socket.socket, outgoing: Outgoing) -> None:
    for packets, address in outgoing:
        for packet in packets:
            try:
                ours.sendto(packet, address)
            except BlockingIOError:
                return  # lost like any other; the clock repeats it
