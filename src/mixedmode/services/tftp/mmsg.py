"""recvmmsg and sendmmsg for IPv4: many datagrams in one system call (Linux).

Python's own ``recvfrom`` and ``sendto`` turn every address into text and back; here an address stays the
sixteen bytes of its ``sockaddr_in``, and a batch costs two system calls. Where the C library has no such
calls, :data:`AVAILABLE` is false and the caller uses the socket's methods.
"""

from __future__ import annotations

import ctypes
import socket
import struct
import sys
from collections.abc import Hashable
from typing import Any, Final

_MSG_DONTWAIT: Final = 0x40
ADDRESS_BYTES: Final = 16
"""Bytes of a ``sockaddr_in``."""


class _Iovec(ctypes.Structure):
    _fields_ = (("base", ctypes.c_void_p), ("length", ctypes.c_size_t))


class _OutIovec(ctypes.Structure):
    # A char pointer takes a bytes object as it is, without a copy, and keeps it alive.
    _fields_ = (("base", ctypes.c_char_p), ("length", ctypes.c_size_t))


class _Mmsghdr(ctypes.Structure):
    _fields_ = (
        ("name", ctypes.c_void_p),
        ("name_length", ctypes.c_uint32),
        ("iov", ctypes.c_void_p),
        ("iov_length", ctypes.c_size_t),
        ("control", ctypes.c_void_p),
        ("control_length", ctypes.c_size_t),
        ("flags", ctypes.c_int),
        ("padding", ctypes.c_int),
        ("received", ctypes.c_uint),
    )


_LIBC = ctypes.CDLL(None, use_errno=True) if sys.platform == "linux" else None
AVAILABLE: Final = _LIBC is not None and hasattr(_LIBC, "recvmmsg") and ctypes.sizeof(ctypes.c_void_p) == 8
"""True where batches work."""


def host_of(address: Hashable) -> Hashable:
    """Return the host's four bytes out of a ``sockaddr_in``."""
    return address[4:8] if isinstance(address, bytes) else address


def pack_address(address: tuple[Any, ...]) -> bytes:
    """Return the ``sockaddr_in`` of a host and port, as the kernel writes it."""
    host, port = address[:2]
    return struct.pack("=H", socket.AF_INET) + struct.pack("!H", port) + socket.inet_aton(host) + bytes(8)


class Batch:
    """Room for ``size`` datagrams in and ``size`` out; for one thread.

    Args:
        size: Datagrams in one system call.
        datagram_bytes: Longer datagrams are cut to this.
    """

    def __init__(self, size: int, datagram_bytes: int) -> None:
        self.size = size
        self._space = datagram_bytes
        self._payload = bytearray(size * datagram_bytes)
        self._names_in = bytearray(size * ADDRESS_BYTES)
        self._names_out = bytearray(size * ADDRESS_BYTES)
        payload = _address_of(self._payload)
        names_in, names_out = _address_of(self._names_in), _address_of(self._names_out)
        self._iov_in = (_Iovec * size)()
        self._iov_out = (_OutIovec * size)()
        self._heads_in = (_Mmsghdr * size)()
        self._heads_out = (_Mmsghdr * size)()
        iov_in, iov_out = ctypes.addressof(self._iov_in), ctypes.addressof(self._iov_out)
        for slot in range(size):
            self._iov_in[slot].base = payload + slot * datagram_bytes
            self._iov_in[slot].length = datagram_bytes
            for heads, names, iov in (
                (self._heads_in, names_in, iov_in),
                (self._heads_out, names_out, iov_out),
            ):
                heads[slot].name = names + slot * ADDRESS_BYTES
                heads[slot].name_length = ADDRESS_BYTES
                heads[slot].iov = iov + slot * ctypes.sizeof(_Iovec)
                heads[slot].iov_length = 1
        # Reading one field through ctypes costs more than unpacking the lengths of all headers at once.
        head_bytes = ctypes.sizeof(_Mmsghdr)
        self._lengths = memoryview(self._heads_in).cast("B").cast("I")[14 :: head_bytes // 4]
        self._out = [self._iov_out[slot] for slot in range(size)]

    def receive(self, descriptor: int) -> list[tuple[bytes, bytes]]:
        """Return (datagram, address) of what waits on a socket, at most ``size``; never waits itself."""
        count = _LIBC.recvmmsg(descriptor, self._heads_in, self.size, _MSG_DONTWAIT, None) if _LIBC else 0
        if count <= 0:
            return []
        payload, names, space = self._payload, self._names_in, self._space
        return [
            (bytes(payload[at * space : at * space + length]), bytes(names[at * 16 : at * 16 + 16]))
            for at, length in enumerate(self._lengths[:count].tolist())
        ]

    def send(self, descriptor: int, outgoing: list[tuple[bytes, bytes]]) -> int:
        """Send (packet, address) pairs, at most ``size``; return how many the kernel did not take."""
        count = len(outgoing)
        self._names_out[: count * ADDRESS_BYTES] = b"".join([address for _, address in outgoing])
        for slot, (packet, _) in zip(self._out, outgoing, strict=False):
            slot.base = packet
            slot.length = len(packet)
        done = failed = 0
        while done < count and _LIBC:
            sent = _LIBC.sendmmsg(
                descriptor, ctypes.byref(self._heads_out, done * ctypes.sizeof(_Mmsghdr)), count - done, 0
            )
            if sent <= 0:
                failed += 1  # the first of the rest is refused: go on behind it
                sent = 1
            done += sent
        return failed


def _address_of(buffer: bytearray) -> int:
    return ctypes.addressof((ctypes.c_char * len(buffer)).from_buffer(buffer))
