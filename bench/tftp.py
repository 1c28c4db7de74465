"""TFTP: sustained transfers a second and the boot storm, against Debian's servers in the same run.

A 5,000-byte file in blocks of 512 bytes, lockstep, fetched by the load generator ``bench/tload.c`` from another core;
the 10,000 requests at once come from ``bench/tstorm.c``, since so many sockets would be the limit themselves.
Peers are unpacked from their Debian packages into a temporary folder (two of them cannot be installed together).
Each figure is the median of the rounds. Goals (performance at a site's boot): 1.2 times the best peer at 64, 512 and
2000 clients; the storm of 2,000 phones 20 times sooner done than the best peer's, nobody gives up, nothing repeated;
10,000 requests at the same instant (ours and the ceiling's) done within a second, nothing repeated;
three quarters of what ``bench/tceiling.c`` does, a server of 70 lines of C that knows no name, option, timer or limit.
"""

from __future__ import annotations

import os
import re
import socket
import statistics
import subprocess
import sys
import tempfile
from collections import defaultdict
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

from bench.fleet import boot_all
from bench.peers import Contender, compiled, free_port, running, unpacked
from bench.timing import Effort, Goal, Report

BYTES, NAME = 5000, "f5k"
CLIENTS = (64, 512, 2000)
STORM = 2000
RUSH = 10_000
"""Requests at the same instant."""
DATAGRAMS = 21
"""Of one transfer: the request, the blocks, their acknowledgements."""
PEERS = ("dnsmasq", "atftpd", "tftpd-hpa")
"""dnsmasq is the best of them: without it nothing can be said about the best peer."""
OURS, CEILING = "mixedmode tftp serve", "ceiling, in C"
_LINE = re.compile(r"done (\d+) fail (\d+) bad (\d+) timeouts (\d+) +(\d+) transfers/s .* max ([\d.]+) ms")


@dataclass(frozen=True, slots=True)
class Load:
    """What the generator printed: per second, seconds until the last one, repetitions, and how many gave up."""

    rate: float
    seconds: float
    repeated: int
    failed: int


def run(effort: Effort) -> Report:
    """Measure."""
    transfers, rounds = effort.of(4_000, 1_000), effort.of(3, 1)
    rates: dict[str, dict[int, list[Load]]] = defaultdict(lambda: defaultdict(list))
    storms: dict[str, list[Load]] = defaultdict(list)
    rushes: dict[str, list[Load]] = defaultdict(list)
    with tempfile.TemporaryDirectory(prefix="mixedmode-bench-") as temporary:
        folder = Path(temporary)
        served = folder / "served"
        served.mkdir()
        (served / NAME).write_bytes(os.urandom(BYTES))
        for path in (folder, served, served / NAME):
            path.chmod(0o755)
        generator, phones = compiled(folder, "tload"), compiled(folder, "tstorm")
        effort.say("fetching the peers' packages, where they are not installed")
        contenders = [*filter(_answers, _peers(folder, served)), _ceiling(folder), ours(served)]
        for number in range(rounds):
            for contender in contenders:
                effort.say(f"round {number + 1} of {rounds}: {contender.name}")
                with running(contender):
                    for clients in CLIENTS:
                        rates[contender.name][clients].append(load(generator, contender.port, clients, transfers))
                    storms[contender.name].append(load(generator, contender.port, STORM, STORM))
                    if contender.name in {OURS, CEILING}:
                        rushes[contender.name].append(_rush(phones, contender.port))
    return report(rates, storms, rushes, transfers, rounds)


def _ceiling(folder: Path) -> Contender:
    port = free_port(socket.SOCK_DGRAM)
    return Contender(CEILING, port, (str(compiled(folder, "tceiling")), str(port), str(BYTES)))


def ours(served: Path) -> Contender:
    """Return our server, for a folder."""
    port = free_port(socket.SOCK_DGRAM)
    command = Path(sys.executable).with_name("mixedmode")
    return Contender(OURS, port, (str(command), "tftp", "serve", "--directory", str(served), "--port", str(port)))


def _peers(folder: Path, served: Path) -> Iterator[Contender]:
    """Yield the peers that can be had here."""
    dnsmasq = unpacked(folder, "dnsmasq-base", "usr/sbin/dnsmasq")
    if dnsmasq and os.geteuid() == 0:  # its port is fixed
        options = "--no-daemon --port=0 --enable-tftp --tftp-max=4000 --conf-file=/dev/null --bind-interfaces"
        options += " --listen-address=127.0.0.1 --user=root --no-resolv --no-hosts"
        yield Contender("dnsmasq", 69, (*dnsmasq, *options.split(), f"--tftp-root={served}"))
    atftpd = unpacked(folder, "atftpd", "usr/sbin/atftpd")
    if atftpd:
        port = free_port(socket.SOCK_DGRAM)
        options = f"--daemon --no-fork --port {port} --bind-address 127.0.0.1 --maxthread 4000"
        yield Contender("atftpd", port, (*atftpd, *options.split(), *_as_me("--user", "--group"), str(served)))
    hpa = unpacked(folder, "tftpd-hpa", "usr/sbin/in.tftpd")
    if hpa and os.geteuid() == 0:  # it changes its root
        port = free_port(socket.SOCK_DGRAM)
        options = f"--foreground --listen --address 127.0.0.1:{port} --user root --secure"
        yield Contender("tftpd-hpa", port, (*hpa, *options.split(), str(served)))


def _as_me(user: str, group: str) -> Sequence[str]:
    return (user, "root", group, "root") if os.geteuid() == 0 else ()


def _answers(contender: Contender) -> bool:
    url = f"tftp://127.0.0.1:{contender.port}/{NAME}"
    with running(contender):
        got = subprocess.run(["curl", "-s", "--max-time", "3", url], capture_output=True, check=False)
    return len(got.stdout) == BYTES


def load(generator: Path, port: int, clients: int, transfers: int) -> Load:
    """Return what the generator saw of so many transfers in total."""
    files = ["prlimit", f"--nofile={clients + 1000}"]
    words = [*files, str(generator), "127.0.0.1", str(port), NAME, str(clients), str(transfers), str(BYTES)]
    printed = subprocess.run(["taskset", "-c", "1", *words], capture_output=True, text=True, check=True).stdout
    match = _LINE.search(printed)
    if match is None:
        raise RuntimeError(f"tload printed {printed!r}")
    _done, failed, bad, repeated, rate, longest = match.groups()
    return Load(float(rate), float(longest) / 1e3, int(repeated), int(failed) + int(bad))


def _rush(phones: Path, port: int) -> Load:
    """Return what phones saw that asked at the same instant."""
    boots = boot_all(phones, port, [NAME], phones=RUSH, at_once=RUSH)
    return Load(boots.done / boots.seconds, boots.seconds, boots.repeated, boots.failed)


def report(
    rates: dict[str, dict[int, list[Load]]],
    storms: dict[str, list[Load]],
    rushes: dict[str, list[Load]],
    transfers: int,
    rounds: int,
) -> Report:
    """Return the table and the goals of what was measured."""
    medians = {
        name: {clients: statistics.median(load.rate for load in loads) for clients, loads in by_clients.items()}
        for name, by_clients in rates.items()
    }
    storm = {name: statistics.median(load.seconds for load in loads) for name, loads in storms.items()}
    gave_up = {name: max(load.failed for load in loads) for name, loads in storms.items()}
    repeated = {name: max(load.repeated for load in loads) for name, loads in storms.items()}
    heads = "".join(f"{f'{clients} clients':>14}" for clients in CLIENTS)
    setting = f"{BYTES} bytes, blocks of 512, {transfers} transfers, server on core 0, generator on core 1"
    lines = [
        f"{setting}, median of {rounds} rounds",
        "",
        f"{'server':<22}{heads}   storm of 2,000: seconds, gave up, repeated",
    ]
    for name, by_clients in medians.items():
        row = "".join(f"{by_clients[clients]:>14,.0f}" for clients in CLIENTS)
        lines.append(f"{name:<22}{row}   {storm[name]:>8.2f} {gave_up[name]:>8} {repeated[name]:>9}")
    rush = {name: statistics.median(load.seconds for load in loads) for name, loads in rushes.items()}
    again = {name: max(load.repeated + load.failed for load in loads) for name, loads in rushes.items()}
    lines += ["", f"{RUSH:,} requests at the same instant: seconds, gave up or repeated"]
    lines += [f"{name:<22}{seconds:>14.2f} {again[name]:>8}" for name, seconds in rush.items()]
    lines += [f"{name:<22}{'could not be had here':>28}" for name in PEERS if name not in medians]
    missing = ", ".join(name for name in PEERS if name not in medians)
    missing = missing and f"{missing} could not be had here (some need root)"
    goals = []
    for clients in CLIENTS:
        ratio = None if missing else medians[OURS][clients] / max(medians[peer][clients] for peer in PEERS)
        goals.append(Goal(f"{clients} clients, ours / best peer", ratio, 1.2, at_most=False, missing=missing))
    for clients in CLIENTS:
        share = medians[OURS][clients] / medians[CEILING][clients]
        goals.append(Goal(f"{clients} clients, ours / ceiling", share, 0.75, at_most=False))
    whole = [name for name in PEERS if gave_up.get(name, 1) == 0] or PEERS
    sooner = None if missing else min(storm[peer] for peer in whole) / storm[OURS]
    goals.append(Goal("storm, best peer / ours", sooner, 20, at_most=False, missing=missing))
    goals.append(Goal("storm, phones that gave up", gave_up[OURS], 0, at_most=True))
    goals.append(Goal("storm, repetitions", repeated[OURS], 0, at_most=True))
    goals.append(Goal(f"{RUSH:,} requests at once, seconds", rush[OURS], 1, at_most=True))
    goals.append(Goal(f"{RUSH:,} requests at once, repetitions", again[OURS], 0, at_most=True))
    return Report("TFTP", lines, goals)
