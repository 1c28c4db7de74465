"""CallManager: registrations plain and by TLS, what one that is held open costs, calls, and calls with sound.

The server is a process of its own, and so are the light phones: rates are of both on one machine, and what the server
spends is its own processor time. Each registration is an open file at both ends. Where one process may not open as many
as there are phones, they are shared among several CallManagers, as among the nodes of a cluster; the report says so.
``openssl s_server`` asks for a client's certificate too, and is measured by its processor time for as many full
handshakes of the same client. Calls with sound are those of whole simulated phones, whose packets are looked at on the
wire.

Goals: every registration is kept over the time of the run; at most 40 kB for each secure one held open; a secure
registration, with all its messages, costs at most 3 of OpenSSL's handshakes; 50 calls at once are encrypted, and no
packet is in the clear; after the way back the same calls are heard in the clear.
"""

from __future__ import annotations

import asyncio
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from contextlib import AsyncExitStack, contextmanager
from dataclasses import dataclass
from functools import partial
from pathlib import Path

from bench.hall import Talked, hall, key_of, name_of, talk
from bench.handshakes import measure, write
from bench.herd import Herd, herd
from bench.peers import all_files, resident, spent
from bench.timing import Effort, Found, Report
from mixedmode.pki.certificates.profiles import Purpose
from mixedmode.protocols.sccp.calls.codes import Protection
from mixedmode.protocols.sccp.registration.admission import SecurityMode

PHONES, SECURE = 40_000, 2_000
_SPARE_FILES = 256
_LOOK_SECONDS = 5.0


def shares(phones: int, files: int) -> list[int]:
    """Return how many phones each CallManager has: as few of them as may open so many files."""
    most = max(files - _SPARE_FILES, 1)
    units = -(-phones // most)
    return [phones // units + (number < phones % units) for number in range(units)]


def run(effort: Effort) -> Report:
    """Measure."""
    files = all_files()
    units = shares(effort.of(PHONES, 300), files)
    secure = min(effort.of(SECURE, 220), files - _SPARE_FILES)
    found = Found()
    if len(units) > 1:
        found.lines.append(
            f"a process may open {files:,} files here: {len(units)} CallManagers share the phones, {max(units):,} each"
        )
    with tempfile.TemporaryDirectory(prefix="mixedmode-bench-") as temporary:
        asyncio.run(_measure(effort, found, Path(temporary), units, secure))
    return Report("CallManager", found.lines, found.goals)


@dataclass(slots=True)
class _Unit:
    """A CallManager, and its phones.

    Attributes:
        process: Of the CallManager.
        phones: Those of another process.
        held: Bytes that it had before they registered.
        registered: How many did.
    """

    process: int
    phones: Herd
    held: int = 0
    registered: int = 0


async def _measure(effort: Effort, found: Found, folder: Path, units: list[int], secure: int) -> None:
    write(folder / "server.pem", key_of(Purpose.CALLMANAGER))
    (folder / "capf.pem").write_bytes(key_of(Purpose.CAPF).certificate.pem())
    first = sum(units)
    with _served(SecurityMode.ENCRYPTED, first, secure, folder) as (process, _, port):
        await measure(effort, found, folder, process, port, [name_of(first + number) for number in range(secure)])
    async with AsyncExitStack() as stack:
        there: list[_Unit] = []
        for number, count in enumerate(units):
            begin = sum(units[:number])
            process, port, _ = stack.enter_context(_served(SecurityMode.NON_SECURE, begin, count, folder))
            there.append(_Unit(process, await stack.enter_async_context(herd(port, begin, count))))
        await _register(effort, found, there)
        await _calls(effort, found, there[0])
        await _keep(effort, found, there)
    await _sound(effort, found)


async def _register(effort: Effort, found: Found, units: list[_Unit]) -> None:
    """Have all phones register, those of one CallManager after those of the other."""
    wanted, done, used, begun = sum(unit.phones.count for unit in units), 0, 0.0, time.monotonic()
    effort.say(f"{wanted:,} phones register without TLS")
    for unit in units:
        unit.held, before = resident(unit.process), spent(unit.process)
        answer = await unit.phones.ask("register", told=partial(_told, effort, wanted, done))
        unit.registered = answer["registered"]
        done += unit.registered
        used += spent(unit.process) - before
    seconds = time.monotonic() - begun
    each = sum(resident(unit.process) - unit.held for unit in units) / max(done, 1)
    found.lines.append(
        f"{done:,} plain registrations, {done / seconds:,.0f} a second, {each:,.0f} bytes each; "
        f"processor time {used / max(done, 1) * 1e6:,.0f} us each"
    )
    found.goal("plain registrations", done / wanted, 1, at_most=False)


def _told(effort: Effort, wanted: int, before: int, so_far: int) -> None:
    effort.count("phones register", before + so_far, wanted)


async def _calls(effort: Effort, found: Found, unit: _Unit) -> None:
    """Set up calls of one CallManager and end them, many at once."""
    pairs, rounds = effort.of(500, 50), effort.of(10, 2)
    effort.say(f"{pairs} calls at once, {rounds} times")
    before, begun = spent(unit.process), time.monotonic()
    answer = await unit.phones.ask(
        "call", pairs, rounds, told=lambda so_far: effort.count("rounds of calls", so_far, rounds)
    )
    seconds, used, done = time.monotonic() - begun, spent(unit.process) - before, answer["calls"]
    found.lines.append(
        f"{done:,} calls set up and ended, {done / seconds:,.0f} a second; "
        f"processor time {used / max(done, 1) * 1e6:,.0f} us each"
    )
    found.goal("calls set up", done / max(answer["wanted"], 1), 1, at_most=False)


async def _keep(effort: Effort, found: Found, units: list[_Unit]) -> None:
    """Leave the phones alone, and see how many stay registered: one that lost its connection does not come again."""
    wanted, seconds = sum(unit.phones.count for unit in units), effort.seconds(600, 5)
    effort.say(f"{wanted:,} registrations are kept for {seconds:,.0f} s")
    before, begun = [spent(unit.process) for unit in units], time.monotonic()
    while (over := time.monotonic() - begun) < seconds:
        effort.count("seconds of keeping", int(over), int(seconds))
        await asyncio.sleep(min(_LOOK_SECONDS, seconds - over))
    lasted = time.monotonic() - begun
    effort.count("seconds of keeping", int(seconds), int(seconds))
    kept = [(await unit.phones.ask("kept"))["kept"] for unit in units]
    used = sum(spent(unit.process) for unit in units) - sum(before)
    shared = f" ({', '.join(f'{count:,}' for count in kept)})" if len(units) > 1 else ""
    found.lines.append(
        f"{sum(kept):,}{shared} of {wanted:,} registrations after {lasted:,.0f} s; "
        f"{used / lasted:.1%} of a core meanwhile"
    )
    found.goal("registrations kept", sum(kept) / wanted, 1, at_most=False)


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
def _served(mode: SecurityMode, first: int, count: int, folder: Path) -> Iterator[tuple[int, int, int]]:
    """Run a CallManager for devices of one mode; give its process and its two ports."""
    words = [sys.executable, "-m", "bench.hall", str(mode.value), str(first), str(count)]
    words += [str(folder / "server.pem"), str(folder / "capf.pem")]
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
