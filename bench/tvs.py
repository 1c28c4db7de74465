"""TVS: full handshakes a second, against nginx and OpenSSL's own server with the same certificate in the same run.

RSA 2048, TLS 1.3, a new connection each time, made by ``bench/tlsload.c`` from another core. nginx and
``openssl s_server`` shake hands only; TVS is measured so too, and with one request and its answer on each connection.
With two workers, server and generator share two cores, so their connections a second say little; what two workers gain
is said by the processor time that the busier of them needs for as many connections.
Goals: 85 % of nginx's handshakes at 32 and at 256 connections, a p99 that 500 silent connections do not change, and two
workers 1.7 times as fast as one.
"""

from __future__ import annotations

import itertools
import re
import statistics
import subprocess
import sys
import tempfile
from collections import defaultdict
from collections.abc import Iterator
from contextlib import ExitStack
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path

from bench.peers import Contender, compiled, free_port, processor_seconds, running, unpacked, wait_for
from bench.timing import Effort, Goal, Report
from mixedmode.pki.certificates.profiles import KeyKind, Purpose, Subject, generate_key, self_signed
from mixedmode.pki.files import PRIVATE, write_atomic
from mixedmode.protocols.tvs import QueryRequest, encode_message

CONNECTIONS, SILENT = (1, 32, 256), 500
OURS, NGINX, OPENSSL = "mixedmode tvs serve", "nginx", "openssl s_server"
TWO = ", two workers"
CROWD = 256
"""At once, where one and two workers are compared."""
_LINE = re.compile(r"done (\d+) failed (\d+) rate (\d+) p50 ([\d.]+) p99 ([\d.]+) max ([\d.]+)")
_NGINX = """
daemon off; worker_processes {workers}; pid {folder}/nginx{workers}.pid; error_log {folder}/error.log;
events {{ worker_connections 4096; }}
http {{ access_log off; client_body_temp_path {folder}; proxy_temp_path {folder}; fastcgi_temp_path {folder};
  uwsgi_temp_path {folder}; scgi_temp_path {folder};
  server {{ listen 127.0.0.1:{port} ssl backlog=4096 reuseport; ssl_certificate {pem}; ssl_certificate_key {pem};
  ssl_protocols TLSv1.2 TLSv1.3; return 204; }} }}
"""


@dataclass(frozen=True, slots=True)
class Load:
    """What the generator printed: connections a second, milliseconds, and how many failed."""

    rate: float
    p50: float
    p99: float
    failed: int


def run(effort: Effort) -> Report:
    """Measure."""
    total, rounds = effort.of(3000, 600), effort.of(9, 2)
    rates: dict[tuple[str, int], list[Load]] = defaultdict(list)
    quiet: list[Load] = []
    crowded: list[Load] = []
    spent: dict[str, list[float]] = defaultdict(list)
    with tempfile.TemporaryDirectory(prefix="mixedmode-bench-") as temporary:
        folder = Path(temporary)
        folder.chmod(0o755)
        pem, request = material(folder)
        generator = compiled(folder, "tlsload", "-lssl", "-lcrypto")
        effort.say("fetching nginx's package, where it is not installed")
        contenders = list(make_contenders(folder, pem))
        with ExitStack() as servers:
            pids = {each.name: servers.enter_context(running(each)) for each in contenders}
            for contender in contenders:
                wait_for(contender.port)
            # Contenders take turns, so that a machine that becomes slower does so for all of them.
            port = next(each.port for each in contenders if each.name == OURS)
            for number, connections in itertools.product(range(rounds), CONNECTIONS):
                effort.say(f"round {number + 1} of {rounds}: {connections} connections at once, each server in turn")
                for contender in contenders:
                    if (contender.name == OPENSSL and connections > 1) or (
                        contender.name.endswith(TWO) and connections < CROWD
                    ):
                        continue
                    before = processor_seconds(pids[contender.name])
                    rates[contender.name, connections].append(load(generator, contender.port, connections, total))
                    if connections == CROWD:
                        after = processor_seconds(pids[contender.name])
                        spent[contender.name].append(max(after[each] - before[each] for each in before))
                rates[f"{OURS}, asked", connections].append(load(generator, port, connections, total, request))
            for number in range(rounds):
                effort.say(f"round {number + 1} of {rounds}: beside {SILENT} silent connections, and without")
                quiet.append(load(generator, port, 32, total, request))
                crowded.append(load(generator, port, 32, total, request, SILENT))
    return _report(rates, quiet, crowded, spent, total, rounds)


def material(folder: Path) -> tuple[Path, Path]:
    """Write the servers' certificate and key, and a request for it."""
    key = generate_key(KeyKind.RSA_2048)
    subject = Subject("bench", "TAC", "Cisco", "Krakow", "Malopolska", "PL")
    certificate = self_signed(Purpose.TVS, subject=subject, key=key, now=datetime.now(UTC), serial=0x1234567890ABCDEF)
    from cryptography.hazmat.primitives import serialization as form

    private = key.private_bytes(form.Encoding.PEM, form.PrivateFormat.PKCS8, form.NoEncryption())
    pem = folder / "tvs.pem"
    write_atomic(pem, private + certificate.pem(), mode=PRIVATE)
    request = folder / "request"
    request.write_bytes(
        encode_message(
            QueryRequest(
                session=1,
                device="CP-7975-SEP001122334455",
                subject=certificate.subject,
                issuer=certificate.issuer,
                serial=certificate.serial,
            )
        )
    )
    return pem, request


def make_contenders(folder: Path, pem: Path) -> Iterator[Contender]:
    """Yield the servers that can be had here."""
    nginx = unpacked(folder, "nginx", "usr/sbin/nginx")
    command = str(Path(sys.executable).with_name("mixedmode"))
    for workers in (1, 2):
        name, cores = ("", "0") if workers == 1 else (TWO, "0,1")
        if nginx:
            port = free_port()
            settings = folder / f"nginx{workers}.conf"
            settings.write_text(_NGINX.format(folder=folder, port=port, pem=pem, workers=workers))
            words = [*nginx, "-c", str(settings), "-e", str(folder / "error.log")]
            yield Contender(NGINX + name, port, tuple(words), cores)
        port = free_port()
        words = [command, "tvs", "serve", "--key", str(pem), "--port", str(port), "--certificate", f"TVS={pem}"]
        yield Contender(OURS + name, port, (*words, "--workers", str(workers)), cores)
    port = free_port()
    words = ["openssl", "s_server", "-accept", f"127.0.0.1:{port}", "-cert", str(pem), "-key", str(pem), "-quiet"]
    yield Contender(OPENSSL, port, tuple(words))


def load(
    generator: Path, port: int, connections: int, total: int, request: Path | None = None, silent: int = 0
) -> Load:
    """Return what the generator saw of so many connections in total."""
    words = [str(generator), "127.0.0.1", str(port), str(connections), str(total), str(request or "-"), str(silent)]
    printed = subprocess.run(["taskset", "-c", "1", *words], capture_output=True, text=True, check=True).stdout
    match = _LINE.search(printed)
    if match is None:
        raise RuntimeError(f"tlsload printed {printed!r}")
    _, failed, rate, p50, p99, _ = match.groups()
    return Load(float(rate), float(p50), float(p99), int(failed))


def _beside(ours: list[Load], theirs: list[Load]) -> float:
    """Return the median of each round's ratio: a machine whose speed drifts does so between rounds, not within one."""
    return statistics.median(our.rate / their.rate for our, their in zip(ours, theirs, strict=True))


def _report(
    rates: dict[tuple[str, int], list[Load]],
    quiet: list[Load],
    crowded: list[Load],
    spent: dict[str, list[float]],
    total: int,
    rounds: int,
) -> Report:
    medians = {key: statistics.median(load.rate for load in loads) for key, loads in rates.items()}
    names = list(dict.fromkeys(name for name, _ in rates))
    setting = (
        f"{total} connections, RSA 2048, TLS 1.3, server on core 0, generator on core 1;"
        f" medians of {rounds} rounds, of ratios too"
    )
    lines = [setting, "", f"{'connections a second, at once:':<32}" + "".join(f"{each:>10}" for each in CONNECTIONS)]
    for name in names:
        row = "".join(
            f"{medians.get((name, each), 0):>10,.0f}" if (name, each) in medians else f"{'-':>10}"
            for each in CONNECTIONS
        )
        lines.append(f"{name:<32}{row}")
    before, after = (statistics.median(load.p99 for load in loads) for loads in (quiet, crowded))
    lines += ["", f"p99 at 32 connections: {before:.1f} ms; beside {SILENT} silent connections: {after:.1f} ms"]
    lines += ["", f"processor time of the busiest process, us a connection, {CROWD} at once:"]
    lines += [f"{name:<32}{statistics.median(each) / total * 1e6:>10,.0f}" for name, each in spent.items()]
    missing = "" if NGINX in names else f"{NGINX} could not be had here"
    goals = []
    for each in CONNECTIONS[1:]:
        ratio = None if missing else _beside(rates[OURS, each], rates[NGINX, each])
        goals.append(Goal(f"{each} at once, ours / nginx", ratio, 0.85, at_most=False, missing=missing))
    gained = statistics.median(one / two for one, two in zip(spent[OURS], spent[OURS + TWO], strict=True))
    goals.append(Goal("two workers / one, by the busier one's processor time", gained, 1.7, at_most=False))
    goals.append(Goal(f"p99 beside {SILENT} silent connections / without", after / before, 1.3, at_most=True))
    failures = sum(load.failed for key, loads in rates.items() if key[0].startswith(OURS) for load in loads)
    goals.append(Goal("connections that failed", failures + sum(load.failed for load in crowded), 0, at_most=True))
    return Report("TVS", lines, goals)
