"""TFTP: sustained transfers a second and the boot storm, against Debian's servers in the same run.

A 5,000-byte file in blocks of 512 bytes, lockstep, fetched by the load generator ``bench/tload.c`` from another core.
Peers are unpacked from their Debian packages into a temporary folder (two of them cannot be installed together).
Each figure is the median of the rounds. Goals (performance at a site's boot): 1.2 times the best peer at 64, 512 and
2000 clients; the storm of 2,000 phones 20 times sooner done than the best peer's, nobody gives up, nothing repeated;
three quarters of what ``bench/tceiling.c`` does, a server of 70 lines of C that knows no name, option, timer or limit.
"""

from __future__ import annotations

import os
import re
import shutil
import socket
import statistics
import subprocess
import sys
import tempfile
import time
from collections import defaultdict
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from bench.timing import Goal, Report

BYTES, NAME = 5000, "f5k"
CLIENTS = (64, 512, 2000)
TRANSFERS, STORM, ROUNDS = 4_000, 2000, 3
OURS, CEILING = "mixedmode tftp serve", "ceiling, in C"
_LINE = re.compile(r"done (\d+) fail (\d+) bad (\d+) timeouts (\d+) +(\d+) transfers/s .* max ([\d.]+) ms")


@dataclass(frozen=True, slots=True)
class Contender:
    """A server to measure.

    Attributes:
        name: For the table.
        port: Where it listens.
        command: How it is started.
    """

    name: str
    port: int
    command: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Load:
    """What the generator printed: per second, seconds until the last one, repetitions, and how many gave up."""

    rate: float
    seconds: float
    repeated: int
    failed: int


def run() -> Report:
    """Measure."""
    rates: dict[str, dict[int, list[Load]]] = defaultdict(lambda: defaultdict(list))
    storms: dict[str, list[Load]] = defaultdict(list)
    with tempfile.TemporaryDirectory(prefix="mixedmode-bench-") as temporary:
        folder = Path(temporary)
        served = folder / "served"
        served.mkdir()
        (served / NAME).write_bytes(os.urandom(BYTES))
        for path in (folder, served, served / NAME):
            path.chmod(0o755)
        generator = _compiled(folder, "tload")
        contenders = [*filter(_answers, _peers(folder, served)), _ceiling(folder), _ours(served)]
        for _ in range(ROUNDS):
            for contender in contenders:
                with _running(contender):
                    for clients in CLIENTS:
                        rates[contender.name][clients].append(_load(generator, contender.port, clients, TRANSFERS))
                    storms[contender.name].append(_load(generator, contender.port, STORM, STORM))
    return _report(rates, storms)


def _compiled(folder: Path, name: str) -> Path:
    program = folder / name
    subprocess.run(["gcc", "-O2", "-o", program, Path(__file__).with_name(f"{name}.c")], check=True)
    return program


def _ceiling(folder: Path) -> Contender:
    port = _free_port()
    return Contender(CEILING, port, (str(_compiled(folder, "tceiling")), str(port), str(BYTES)))


def _ours(served: Path) -> Contender:
    port = _free_port()
    command = Path(sys.executable).with_name("mixedmode")
    return Contender(OURS, port, (str(command), "tftp", "serve", "--directory", str(served), "--port", str(port)))


def _peers(folder: Path, served: Path) -> Iterator[Contender]:
    """Yield the peers that can be had here."""
    dnsmasq = _unpacked(folder, "dnsmasq-base", "usr/sbin/dnsmasq")
    if dnsmasq and os.geteuid() == 0:  # its port is fixed
        options = "--no-daemon --port=0 --enable-tftp --tftp-max=4000 --conf-file=/dev/null --bind-interfaces"
        options += " --listen-address=127.0.0.1 --user=root --no-resolv --no-hosts"
        yield Contender("dnsmasq", 69, (*dnsmasq, *options.split(), f"--tftp-root={served}"))
    atftpd = _unpacked(folder, "atftpd", "usr/sbin/atftpd")
    if atftpd:
        port = _free_port()
        options = f"--daemon --no-fork --port {port} --bind-address 127.0.0.1 --maxthread 4000"
        yield Contender("atftpd", port, (*atftpd, *options.split(), *_as_me("--user", "--group"), str(served)))
    hpa = _unpacked(folder, "tftpd-hpa", "usr/sbin/in.tftpd")
    if hpa and os.geteuid() == 0:  # it changes its root
        port = _free_port()
        options = f"--foreground --listen --address 127.0.0.1:{port} --user root --secure"
        yield Contender("tftpd-hpa", port, (*hpa, *options.split(), str(served)))


def _as_me(user: str, group: str) -> Sequence[str]:
    return (user, "root", group, "root") if os.geteuid() == 0 else ()


def _unpacked(folder: Path, package: str, program: str) -> tuple[str, ...] | None:
    """Return how to start a program of a Debian package, unpacked with its library if it is not installed."""
    installed = shutil.which(Path(program).name, path=f"{os.environ.get('PATH', '')}:/usr/sbin")
    if installed:
        return (installed,)
    place = folder / package
    place.mkdir()
    subprocess.run(["apt-get", "download", "-qq", package, "libwrap0"], cwd=place, check=False, capture_output=True)
    for archive in place.glob("*.deb"):
        subprocess.run(["dpkg-deb", "-x", archive, place], check=True)
    found = place / program
    libraries = ":".join(str(path) for path in place.glob("usr/lib/*-linux-gnu"))
    return ("env", f"LD_LIBRARY_PATH={libraries}", str(found)) if found.exists() else None


def _answers(contender: Contender) -> bool:
    url = f"tftp://127.0.0.1:{contender.port}/{NAME}"
    with _running(contender):
        got = subprocess.run(["curl", "-s", "--max-time", "3", url], capture_output=True, check=False)
    return len(got.stdout) == BYTES


@contextmanager
def _running(contender: Contender) -> Iterator[int]:
    """Run a server on core 0; give its process."""
    command = ["taskset", "-c", "0", *contender.command]
    with subprocess.Popen(command, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL) as process:
        time.sleep(1.2)
        try:
            yield process.pid
        finally:
            process.terminate()
            try:
                process.wait(5)
            except subprocess.TimeoutExpired:
                process.kill()


def _load(generator: Path, port: int, clients: int, transfers: int) -> Load:
    words = [str(generator), "127.0.0.1", str(port), NAME, str(clients), str(transfers), str(BYTES)]
    printed = subprocess.run(["taskset", "-c", "1", *words], capture_output=True, text=True, check=True).stdout
    match = _LINE.search(printed)
    if match is None:
        raise RuntimeError(f"tload printed {printed!r}")
    _done, failed, bad, repeated, rate, longest = match.groups()
    return Load(float(rate), float(longest) / 1e3, int(repeated), int(failed) + int(bad))


def _free_port() -> int:
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as probe:
        probe.bind(("127.0.0.1", 0))
        port: int = probe.getsockname()[1]
        return port


def _report(rates: dict[str, dict[int, list[Load]]], storms: dict[str, list[Load]]) -> Report:
    medians = {
        name: {clients: statistics.median(load.rate for load in loads) for clients, loads in by_clients.items()}
        for name, by_clients in rates.items()
    }
    storm = {name: statistics.median(load.seconds for load in loads) for name, loads in storms.items()}
    gave_up = {name: max(load.failed for load in loads) for name, loads in storms.items()}
    repeated = {name: max(load.repeated for load in loads) for name, loads in storms.items()}
    heads = "".join(f"{f'{clients} clients':>14}" for clients in CLIENTS)
    setting = f"{BYTES} bytes, blocks of 512, {TRANSFERS} transfers, server on core 0, generator on core 1"
    lines = [
        f"{setting}, median of {ROUNDS} rounds",
        "",
        f"{'server':<22}{heads}   storm of 2,000: seconds, gave up, repeated",
    ]
    for name, by_clients in medians.items():
        row = "".join(f"{by_clients[clients]:>14,.0f}" for clients in CLIENTS)
        lines.append(f"{name:<22}{row}   {storm[name]:>8.2f} {gave_up[name]:>8} {repeated[name]:>9}")
    peers = [name for name in medians if name not in (OURS, CEILING)]
    goals = []
    for clients in CLIENTS if peers else ():
        best = max(medians[peer][clients] for peer in peers)
        goals.append(Goal(f"{clients} clients, ours / best peer", medians[OURS][clients] / best, 1.2, at_most=False))
    for clients in CLIENTS:
        share = medians[OURS][clients] / medians[CEILING][clients]
        goals.append(Goal(f"{clients} clients, ours / ceiling", share, 0.75, at_most=False))
    if peers:
        whole = [name for name in peers if gave_up[name] == 0] or peers
        goals.append(Goal("storm, best peer / ours", min(storm[p] for p in whole) / storm[OURS], 20, at_most=False))
    goals.append(Goal("storm, phones that gave up", gave_up[OURS], 0, at_most=True))
    goals.append(Goal("storm, repetitions", repeated[OURS], 0, at_most=True))
    return Report("TFTP", lines, goals)
