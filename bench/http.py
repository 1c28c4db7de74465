"""HTTP: requests a second for a 5,000-byte file, against Debian's nginx in the same run.

64 connections, kept alive and closed after each answer, loaded by wrk from another core. Both servers run all the time
and are loaded in turn, a second each, so that what else the machine does hits both alike; each figure is the median of
the rounds. Our server is the one that a node runs, on uvloop. Goal: 0.4 times nginx with connections kept alive.
"""

# The file's name is the bench's name on the command line; nothing has this folder on its path.
# ruff: noqa: A005

from __future__ import annotations

import asyncio
import os
import re
import resource
import shutil
import statistics
import subprocess
import sys
import tempfile
import time
from collections import defaultdict
from collections.abc import Iterator
from contextlib import ExitStack
from dataclasses import dataclass
from pathlib import Path

from bench.peers import Contender, free_port, running, unpacked
from bench.timing import Effort, Goal, Report

BYTES, NAME = 5000, "f5k"
CONNECTIONS, SECONDS = 64, 1
MODES = {"keep-alive": "keep-alive", "close": "close"}
OURS, NGINX = "mixedmode", "nginx"
_RATE = re.compile(r"Requests/sec:\s+([\d.]+)")
_BAD = re.compile(r"(?:Non-2xx or 3xx responses|connect|read|write|timeout):? (\d+)")
_NGINX = """
daemon off; worker_processes 1; pid {folder}/nginx.pid; error_log {folder}/error.log;
events {{ worker_connections 4096; }}
http {{ access_log off; client_body_temp_path {folder}; proxy_temp_path {folder}; fastcgi_temp_path {folder};
  uwsgi_temp_path {folder}; scgi_temp_path {folder}; sendfile on; tcp_nopush on; open_file_cache max=100;
  keepalive_requests 1000000000;
  server {{ listen 127.0.0.1:{port} backlog=4096; root {served}; }} }}
"""


@dataclass(frozen=True, slots=True)
class Load:
    """What wrk printed: requests a second, how many failed; and the share of its core that it took."""

    rate: float
    failed: int
    busy: float


def run(effort: Effort) -> Report:
    """Measure."""
    rounds = effort.of(15, 3)
    loads: dict[tuple[str, str], list[Load]] = defaultdict(list)
    with tempfile.TemporaryDirectory(prefix="mixedmode-bench-") as temporary, ExitStack() as servers:
        folder = Path(temporary)
        served = folder / "served"
        served.mkdir()
        (served / NAME).write_bytes(os.urandom(BYTES))
        for path in (folder, served, served / NAME):
            path.chmod(0o755)
        effort.say("fetching the packages of nginx and wrk, where they are not installed")
        wrk = _wrk(folder)
        contenders = list(_contenders(folder, served))
        for contender in contenders:
            servers.enter_context(running(contender))
            _check(contender, served)
        for number in range(rounds):
            effort.say(f"round {number + 1} of {rounds}: each server in turn, kept alive and closed")
            for mode in MODES:
                for contender in contenders:
                    loads[contender.name, mode].append(_load(wrk, contender.port, mode))
    return _report(loads, rounds)


def _contenders(folder: Path, served: Path) -> Iterator[Contender]:
    nginx = unpacked(folder, "nginx", "usr/sbin/nginx")
    if nginx:
        port = free_port()
        settings = folder / "nginx.conf"
        settings.write_text(_NGINX.format(folder=folder, port=port, served=served))
        yield Contender(NGINX, port, (*nginx, "-c", str(settings), "-e", str(folder / "error.log")))
    port = free_port()
    tree = Path(__file__).resolve().parents[1]
    words = ("env", f"--chdir={tree}", sys.executable, "-m", "bench.http", str(served), str(port))
    yield Contender(OURS, port, words)


def _wrk(folder: Path) -> tuple[str, ...]:
    """Return how to start wrk, unpacked with its libraries if it is not installed."""
    installed = shutil.which("wrk")
    if installed:
        return (installed,)
    place = folder / "wrk"
    place.mkdir()
    packages = ("wrk", "libluajit-5.1-2", "libluajit-5.1-common")
    subprocess.run(["apt-get", "download", "-qq", *packages], cwd=place, check=True, capture_output=True)
    for archive in place.glob("*.deb"):
        subprocess.run(["dpkg-deb", "-x", archive, place], check=True)
    libraries = ":".join(str(path) for path in place.glob("usr/lib/*-linux-gnu"))
    return ("env", f"LD_LIBRARY_PATH={libraries}", str(place / "usr/bin/wrk"))


def _url(port: int) -> str:
    return f"http://127.0.0.1:{port}/{NAME}"


def _check(contender: Contender, served: Path) -> None:
    got = subprocess.run(["curl", "-s", "--max-time", "3", _url(contender.port)], capture_output=True, check=False)
    if got.stdout != (served / NAME).read_bytes():
        raise RuntimeError(f"{contender.name} does not serve the file")


def _load(wrk: tuple[str, ...], port: int, mode: str) -> Load:
    command = ["taskset", "-c", "1", *wrk, "-t1", f"-c{CONNECTIONS}", f"-d{SECONDS}s"]
    command += ["-H", f"Connection: {MODES[mode]}", _url(port)]
    before, begin = resource.getrusage(resource.RUSAGE_CHILDREN), time.perf_counter()
    printed = subprocess.run(command, capture_output=True, text=True, check=True).stdout
    after, seconds = resource.getrusage(resource.RUSAGE_CHILDREN), time.perf_counter() - begin
    rate = _RATE.search(printed)
    if rate is None:
        raise RuntimeError(f"wrk printed {printed!r}")
    spent = after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime
    return Load(float(rate[1]), sum(map(int, _BAD.findall(printed))), spent / seconds)


def _report(loads: dict[tuple[str, str], list[Load]], rounds: int) -> Report:
    medians = {key: statistics.median(load.rate for load in each) for key, each in loads.items()}
    setting = (
        f"{BYTES} bytes, {CONNECTIONS} connections, server on core 0, wrk on core 1, "
        f"in turn for {SECONDS} s each, median of {rounds} rounds"
    )
    lines = [setting, "", f"{'requests a second':<20}" + "".join(f"{mode:>14}" for mode in MODES)]
    names = list(dict.fromkeys(name for name, _ in loads))
    lines += [f"{name:<20}" + "".join(f"{medians[name, mode]:>14,.0f}" for mode in MODES) for name in names]
    busy = {name: statistics.median(load.busy for load in loads[name, "keep-alive"]) for name in names}
    lines += ["", "wrk's own core, keep-alive: " + ", ".join(f"{name} {share:.0%}" for name, share in busy.items())]
    missing = "" if NGINX in names else f"{NGINX} could not be had here"
    goals = []
    for mode in MODES:
        # The goal is about keep-alive; a phone that closes must not be much worse off either.
        ratio = None if missing else medians[OURS, mode] / medians[NGINX, mode]
        goals.append(Goal(f"{mode}, ours / nginx", ratio, 0.4, at_most=False, missing=missing))
    failed = sum(load.failed for (name, _), each in loads.items() if name == OURS for load in each)
    goals.append(Goal("requests that failed", failed, 0, at_most=True))
    return Report("HTTP", lines, goals)


async def _serve(folder: Path, port: int) -> None:
    """Run our server as a node does."""
    from mixedmode.services.files.store import FolderStore
    from mixedmode.services.http.service import HttpService

    service = HttpService(FolderStore(folder), port=port)
    await service.start()
    await asyncio.Event().wait()


if __name__ == "__main__":
    import uvloop

    uvloop.run(_serve(Path(sys.argv[1]), int(sys.argv[2])))
