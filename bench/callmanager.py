"""CallManager: registrations plain and by TLS, what one that is held open costs, calls, and calls with sound.

The server is a process of its own; phones are light ones of this process, so rates are of both on one machine, and what
the server spends is its own processor time. ``openssl s_server`` asks for a client's certificate too, and is measured
by its processor time for as many full handshakes of the same client. Calls with sound are those of whole simulated
phones, whose packets are looked at on the wire.

Goals: every registration is kept over the time of the run; at most 40 kB for each secure one held open; a secure
registration, with all its messages, costs at most 3 of OpenSSL's handshakes; 50 calls at once are encrypted, and no
packet is in the clear; after the way back the same calls are heard in the clear.
"""

from __future__ import annotations

import asyncio
import resource
import ssl
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from functools import partial
from pathlib import Path

from bench.hall import Talked, hall, key_of, lsc, name_of, number_of, talk
from bench.light_phones import LightPhone, register
from bench.peers import free_port, processor_seconds, wait_for
from bench.timing import Effort, Goal, Report
from mixedmode.pki.certificates.load import private_key_pem
from mixedmode.pki.certificates.profiles import Purpose
from mixedmode.pki.files import PRIVATE, write_atomic
from mixedmode.pki.signing.signer import SoftwareSigner
from mixedmode.protocols.sccp.calls.codes import Protection
from mixedmode.protocols.sccp.registration.admission import SecurityMode

_AT_ONCE = 64
_FIRST = 20
_SPARE_FILES = 256
_MOST_BYTES = 40_000
_MOST_HANDSHAKES = 3.0


@dataclass
class Found:
    """What was measured.

    Attributes:
        lines: For people.
        goals: For the verdict.
    """

    lines: list[str] = field(default_factory=list)
    goals: list[Goal] = field(default_factory=list)

    def goal(self, name: str, value: float | None, bound: float, *, at_most: bool, missing: str = "") -> None:
        """Take a figure that has a bound."""
        self.goals.append(Goal(name, value, bound, at_most=at_most, missing=missing))


def run(effort: Effort) -> Report:
    """Measure."""
    files = resource.getrlimit(resource.RLIMIT_NOFILE)
    resource.setrlimit(resource.RLIMIT_NOFILE, (files[1], files[1]))
    # Each phone's connection is a file in this process, and one in the server's.
    plain = min(effort.of(40_000, 300), files[1] - _SPARE_FILES)
    secure = min(effort.of(2_000, 220), plain)
    found = Found()
    with tempfile.TemporaryDirectory(prefix="mixedmode-bench-") as temporary:
        asyncio.run(_measure(effort, found, Path(temporary), plain, secure))
    return Report("CallManager", found.lines, found.goals)


async def _measure(effort: Effort, found: Found, folder: Path, plain: int, secure: int) -> None:
    server, capf = folder / "server.pem", folder / "capf.pem"
    _write(server, key_of(Purpose.CALLMANAGER))
    capf.write_bytes(key_of(Purpose.CAPF).certificate.pem())
    names = [name_of(number) for number in range(plain)]
    secret = [name_of(plain + number) for number in range(secure)]
    effort.say(f"making {secure} certificates of phones")
    contexts = partial(_context, folder)
    for name in secret:
        lsc(name)
    with _served(plain, server, capf) as (process, port, tls_port):
        effort.say(f"{secure} phones register by TLS")
        spent = await _secure(found, process, tls_port, secret, contexts)
        effort.say("OpenSSL shakes hands as often")
        theirs = await _openssl(server, capf, secret, contexts)
        ratio = None if theirs is None else spent / theirs
        words = "" if theirs is None else f"; openssl s_server {theirs * 1e6:,.0f} us a handshake"
        found.lines.append(f"processor time: {spent * 1e6:,.0f} us a secure registration{words}")
        missing = "openssl s_server could not be had here"
        name = "a secure registration / a handshake of OpenSSL"
        found.goal(name, ratio, _MOST_HANDSHAKES, at_most=True, missing=missing)
        effort.say(f"{plain} phones register without TLS")
        phones = await _plain(found, process, port, names)
        await _calls(effort, found, process, phones)
        seconds = effort.of(600, 5)
        effort.say(f"{plain} registrations are kept for {seconds} s")
        before = _spent(process)
        await asyncio.sleep(seconds)
        kept = sum(phone.registered for phone in phones)
        used = (_spent(process) - before) / seconds
        found.lines.append(f"{kept:,} of {plain:,} registrations after {seconds} s; {used:.1%} of a core meanwhile")
        found.goal("registrations kept", kept / plain, 1, at_most=False)
        for phone in phones:
            phone.close()
    await _sound(effort, found)


async def _secure(
    found: Found, process: int, port: int, names: list[str], contexts: Callable[[str], ssl.SSLContext]
) -> float:
    """Register by TLS; return the server's processor time for one."""
    phones = [LightPhone(name) for name in names]
    # The first ones load what every server loads once.
    first = await register(phones[:_FIRST], port, _AT_ONCE, contexts)
    phones, names = phones[_FIRST:], names[_FIRST:]
    held, spent, begun = _resident(process), _spent(process), time.monotonic()
    registered = await register(phones, port, _AT_ONCE, contexts)
    seconds, spent = time.monotonic() - begun, _spent(process) - spent
    each = (_resident(process) - held) / max(registered, 1)
    found.lines.append(
        f"{registered:,} secure registrations, {registered / seconds:,.0f} a second, {each:,.0f} bytes each"
    )
    found.goal("secure registrations", (first + registered) / (_FIRST + len(names)), 1, at_most=False)
    found.goal("bytes for a secure registration held open", each, _MOST_BYTES, at_most=True)
    for phone in phones:
        phone.close()
    return spent / max(registered, 1)


async def _plain(found: Found, process: int, port: int, names: list[str]) -> list[LightPhone]:
    phones = [LightPhone(name, takes=number % 2 == 1) for number, name in enumerate(names)]
    held, spent, begun = _resident(process), _spent(process), time.monotonic()
    registered = await register(phones, port, _AT_ONCE)
    seconds, spent = time.monotonic() - begun, _spent(process) - spent
    each = (_resident(process) - held) / max(registered, 1)
    found.lines.append(
        f"{registered:,} plain registrations, {registered / seconds:,.0f} a second, {each:,.0f} bytes each; "
        f"processor time {spent / max(registered, 1) * 1e6:,.0f} us each"
    )
    found.goal("plain registrations", registered / len(names), 1, at_most=False)
    return phones


async def _calls(effort: Effort, found: Found, process: int, phones: list[LightPhone]) -> None:
    """Set up calls and end them, many at once."""
    pairs = list(zip(phones[::2], phones[1::2], strict=False))[: effort.of(500, 50)]
    rounds = effort.of(10, 2)
    effort.say(f"{len(pairs)} calls at once, {rounds} times")
    spent, begun = _spent(process), time.monotonic()
    done = 0
    for _ in range(rounds):
        done += sum(await asyncio.gather(*(_call(one, other) for one, other in pairs)))
    seconds, spent = time.monotonic() - begun, _spent(process) - spent
    found.lines.append(
        f"{done:,} calls set up and ended, {done / seconds:,.0f} a second; "
        f"processor time {spent / max(done, 1) * 1e6:,.0f} us each"
    )
    found.goal("calls set up", done / max(len(pairs) * rounds, 1), 1, at_most=False)


async def _call(one: LightPhone, other: LightPhone) -> bool:
    connected, over = asyncio.Event(), asyncio.Event()
    one.on_connected, one.on_over = connected.set, over.set
    try:
        async with asyncio.timeout(30):
            one.dial(number_of(other.device))
            await connected.wait()
            one.hang_up()
            await over.wait()
    except TimeoutError:
        return False
    return True


async def _openssl(
    server: Path, capf: Path, names: list[str], contexts: Callable[[str], ssl.SSLContext]
) -> float | None:
    """Return OpenSSL's processor time for a handshake with a client's certificate, None if there is no OpenSSL."""
    port, none = free_port(), asyncio.subprocess.DEVNULL
    words = ["s_server", "-accept", f"127.0.0.1:{port}", "-cert", str(server), "-key", str(server), "-quiet"]
    words += ["-CAfile", str(capf), "-Verify", "2"]
    try:
        process = await asyncio.create_subprocess_exec(
            "openssl", *words, stdin=asyncio.subprocess.PIPE, stdout=none, stderr=none
        )
    except OSError:
        return None
    try:
        await asyncio.to_thread(wait_for, port)
        before = _spent(process.pid)
        for name in names:
            _, writer = await asyncio.open_connection("127.0.0.1", port, ssl=contexts(name), server_hostname="")
            writer.transport.abort()
        return (_spent(process.pid) - before) / len(names)
    finally:
        process.kill()
        await process.wait()


async def _sound(effort: Effort, found: Found) -> None:
    """Have whole phones call each other with sound, encrypted and then in the clear."""
    phones, calls = effort.of(500, 40), effort.of(50, 10)
    for mode in (SecurityMode.ENCRYPTED, SecurityMode.NON_SECURE):
        effort.say(f"{calls} calls at once with sound, {phones} phones registered {mode.label}")
        async with hall(phones, mode) as here:
            talked = await talk(here, calls)
            _judge(found, mode, talked, calls, here.packets, here.clear)


def _judge(found: Found, mode: SecurityMode, talked: Talked, calls: int, packets: int, clear: int) -> None:
    secret = mode is SecurityMode.ENCRYPTED
    icons = ", ".join(sorted(each.words for each in talked.statuses))
    found.lines.append(
        f"{talked.connected} calls at once, {mode.label}: {packets:,} packets, {clear:,} in the clear, "
        f"{talked.recognised} of {2 * calls} tones recognised, status {icons}"
    )
    name = f"tones recognised, {mode.label}"
    found.goal(name, talked.recognised / (2 * calls), 1, at_most=False)
    if secret:
        found.goal("packets in the clear", clear, 0, at_most=True)
    wanted = Protection.ENCRYPTED if secret else Protection.NOT_AUTHENTICATED
    shown = float(talked.statuses == {wanted} and talked.kinds == {"SRTP" if secret else "RTP"})
    found.goal(f"{mode.label} calls shown as what they are", shown, 1, at_most=False)


@contextmanager
def _served(count: int, server: Path, capf: Path) -> Iterator[tuple[int, int, int]]:
    """Run a CallManager; give its process and its two ports."""
    words = [sys.executable, "-m", "bench.hall", str(count), str(server), str(capf)]
    with subprocess.Popen(words, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True) as process:
        assert process.stdin is not None
        assert process.stdout is not None
        try:
            plain, secure = map(int, process.stdout.readline().split())
            yield process.pid, plain, secure
        finally:
            process.stdin.close()
            try:
                process.wait(20)
            except subprocess.TimeoutExpired:
                process.kill()


def _context(folder: Path, device: str) -> ssl.SSLContext:
    """Return a phone's TLS; it judges nobody, since the server is ours."""
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    context.check_hostname, context.verify_mode = False, ssl.CERT_NONE
    context.maximum_version = ssl.TLSVersion.TLSv1_2
    file = folder / "phone.pem"
    _write(file, lsc(device))
    context.load_cert_chain(file)
    return context


def _write(path: Path, signer: SoftwareSigner) -> None:
    write_atomic(path, private_key_pem(signer.key) + signer.certificate.pem(), mode=PRIVATE)


def _spent(process: int) -> float:
    return sum(processor_seconds(process).values())


def _resident(process: int) -> int:
    """Return the bytes of memory that a process has."""
    for line in Path(f"/proc/{process}/status").read_text().splitlines():
        if line.startswith("VmRSS:"):
            return int(line.split()[1]) << 10
    return 0
