"""What goes over the loopback interface, taken by the kernel and not by those who send it.

``python -m bench.wire FILE PART...`` is the child: it writes packets between addresses that begin with one of the parts
into a capture file, and ends with its input. It needs the right to see packets (root, or ``CAP_NET_RAW``).
"""

from __future__ import annotations

import json
import selectors
import socket
import struct
import subprocess
import sys
import time
from collections.abc import Collection, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import BinaryIO, Final

from bench.peers import alone_on_ctrl_c
from mixedmode.errors import UsageError
from mixedmode.phone.body.calling.pcap import HEADER, record
from mixedmode.protocols.rtp.g711 import ULAW
from mixedmode.protocols.rtp.tones import TONES, wave

_IP: Final = 0x0800
_SOL_PACKET, _PACKET_STATISTICS, _SO_RCVBUFFORCE = 263, 6, 33
_BUFFER: Final = 64 << 20
_TCP, _UDP = 6, 17
_TLS_RECORDS: Final = range(20, 25)
_RTP_HEADER, _SOUND, _TAG = 12, 160, 4
_PERIOD: Final = 80
_WAVES: Final = frozenset(wave(hertz, ULAW) for hertz in TONES)


@dataclass(slots=True)
class Seen:
    """What stands in a capture.

    Attributes:
        media: Packets of RTP or SRTP.
        clear: Those whose sound can be heard.
        tagged: Those that are as long as SRTP with a tag of 32 bits.
        plain: TCP segments with data to or from CallManager's port without TLS.
        secure: The same of its port with TLS.
        strange: Of those, segments to the port with TLS that begin a connection with something else than TLS.
        missed: Packets that the kernel had no room for.
    """

    media: int = 0
    clear: int = 0
    tagged: int = 0
    plain: int = 0
    secure: int = 0
    strange: int = 0
    missed: int = 0


@contextmanager
def watched(file: Path, parts: Collection[str]) -> Iterator[dict[str, int]]:
    """Write a capture as long as the context lasts; what is given tells ``missed`` after it.

    Args:
        file: To write.
        parts: How addresses begin.

    Raises:
        UsageError: This process may not see packets.
    """
    words, ended = [sys.executable, "-m", "bench.wire", str(file), *parts], {"missed": 0}
    with subprocess.Popen(words, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True) as process:
        assert process.stdin is not None
        assert process.stdout is not None
        if process.stdout.readline().strip() != "ready":
            raise UsageError(
                "packets on the loopback interface cannot be seen here",
                next_step="run it as root, or in a container that has CAP_NET_RAW",
            )
        try:
            yield ended
        finally:
            process.stdin.close()
            ended |= json.loads(process.stdout.read() or "{}")


def judge(file: Path, plain: int, secure: int) -> Seen:
    """Look through a capture.

    Args:
        file: The capture.
        plain: CallManager's port without TLS.
        secure: And with it.
    """
    seen, known = Seen(), set[tuple[bytes, int]]()
    for packet in packets(file.read_bytes()):
        head = (packet[0] & 15) * 4
        ports = struct.unpack_from(">HH", packet, head)
        if packet[9] == _UDP:
            _media(seen, packet[head + 8 :])
        elif packet[9] == _TCP and (data := packet[head + (packet[head + 12] >> 4) * 4 :]):
            seen.plain += plain in ports
            if secure in ports:
                seen.secure += 1
                end = packet[12:16], ports[0]
                seen.strange += end not in known and data[0] not in _TLS_RECORDS
                known.add(end)
    return seen


def packets(capture: bytes) -> Iterator[bytes]:
    """Yield the packets of IP of a capture."""
    at = len(HEADER)
    while at < len(capture):
        length = struct.unpack_from("<I", capture, at + 8)[0]
        yield capture[at + 16 : at + 16 + length]
        at += 16 + length


def _media(seen: Seen, data: bytes) -> None:
    """Take a datagram, which is of media if it is as long as sound is."""
    if len(data) < _RTP_HEADER + _SOUND or data[0] >> 6 != 2:
        return
    seen.media += 1
    seen.tagged += len(data) == _RTP_HEADER + _SOUND + _TAG
    seen.clear += data[_RTP_HEADER : _RTP_HEADER + _PERIOD] in _WAVES


def _watch(out: BinaryIO, parts: Collection[str]) -> None:
    with socket.socket(socket.AF_PACKET, socket.SOCK_DGRAM, socket.htons(_IP)) as wire:
        wire.bind(("lo", _IP))
        wire.setsockopt(socket.SOL_SOCKET, _SO_RCVBUFFORCE, _BUFFER)
        wire.setblocking(False)
        out.write(HEADER)
        print("ready", flush=True)
        looking = selectors.DefaultSelector()
        looking.register(wire, selectors.EVENT_READ)
        looking.register(sys.stdin, selectors.EVENT_READ)
        while True:
            ready = {key.fileobj for key, _ in looking.select()}
            try:
                while True:
                    packet = wire.recv(65536)
                    ends = (socket.inet_ntoa(packet[at : at + 4]) for at in (12, 16))
                    if all(end.startswith(tuple(parts)) for end in ends):
                        out.write(record(time.time(), packet))
            except BlockingIOError:
                pass
            if sys.stdin in ready:
                break
        counts = wire.getsockopt(_SOL_PACKET, _PACKET_STATISTICS, 8)
        print(json.dumps({"missed": struct.unpack("=II", counts)[1]}), flush=True)


if __name__ == "__main__":
    alone_on_ctrl_c()
    with Path(sys.argv[1]).open("wb") as file:
        _watch(file, sys.argv[2:])
