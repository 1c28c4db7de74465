"""The web server with 40,000 devices in its database: requests a second, the time of each page, and its memory.

No peer does the same, so the goals are absolute: every page within 300 ms at the server, the process under 200 MB after
all of it (docs/specification/web.md). The server is the one that a node runs, in a process of its own on SQLite; an
administrator is signed in, and connections are kept alive as browsers keep them. What a phone holds is known of each:
an eighth of them are behind, others follow. Every other phone has an LSC.
"""

from __future__ import annotations

import asyncio
import http.client
import os
import re
import signal
import ssl
import statistics
import subprocess
import sys
import tempfile
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from urllib.parse import urlencode

from bench.timing import Effort, Goal, Report

DEVICES, QUICK_DEVICES = 40_000, 40_000
PAGE_MS, MEMORY_MB = 300, 200
CONNECTIONS = 4
_PASSWORD = "Marmalade-1"
_TICKS = os.sysconf("SC_CLK_TCK")
_TOOK = re.compile(rb"</time> in (\d+) ms\.")


@dataclass(frozen=True, slots=True)
class Rate:
    """A page under load.

    Attributes:
        path: Its address.
        rate: Answers a second.
        failed: Answers that were no page.
        cpu_ms: Processor time of the server for each.
    """

    path: str
    rate: float
    failed: int
    cpu_ms: float


def run(effort: Effort) -> Report:
    """Measure."""
    devices, seconds, rounds = effort.of(DEVICES, QUICK_DEVICES), effort.of(10, 2), effort.of(7, 3)
    with tempfile.TemporaryDirectory(prefix="mixedmode-bench-") as temporary:
        effort.say(f"making a cluster of 2 nodes with {devices:,} devices")
        folder = Path(temporary) / "cluster"
        subprocess.run([*_words(), "make", str(folder), str(devices)], check=True, cwd=_tree())
        with _server(folder) as (process, port):
            visitor = _Visitor(port)
            visitor.sign_in()
            begin = _memory(process.pid)
            effort.say("waiting until every phone was looked at once")
            visitor.until_known(devices)
            phone = visitor.a_phone()
            pages = {path: visitor.times(path, rounds, effort) for path in [*visitor.pages(), phone]}
            rates = []
            for path in ("/", phone, "/ccmadmin/phones"):
                effort.say(f"{path}: {CONNECTIONS} connections for {seconds} s")
                rates.append(_load(visitor, path, seconds, process.pid))
            end = _memory(process.pid)
    return _report(devices, pages, rates, begin, end)


def _report(devices: int, pages: dict[str, list[float]], rates: list[Rate], begin: float, end: float) -> Report:
    lines = [f"{os.cpu_count()} cores, {devices:,} devices, 2 nodes, SQLite; times at the server, in ms", ""]
    lines.append(f"{'page':<52}{'median':>8}{'worst':>8}")
    medians = {path: statistics.median(found) for path, found in pages.items()}
    lines += [f"{path:<52}{medians[path]:>8.0f}{max(pages[path]):>8.0f}" for path in pages]
    lines += ["", f"{f'under load, {CONNECTIONS} connections':<52}{'per s':>8}{'CPU ms':>8}"]
    lines += [f"{each.path:<52}{each.rate:>8.1f}{each.cpu_ms:>8.1f}" for each in rates]
    lines += ["", f"memory of the web server: {begin:.0f} MB when it began, {end:.0f} MB after all of it"]
    slowest = max(medians, key=lambda path: medians[path])
    goals = [
        Goal(f"the slowest page, {slowest}, ms", medians[slowest], PAGE_MS, at_most=True),
        Goal("memory of the web server, MB", end, MEMORY_MB, at_most=True),
        Goal("answers that were no page", sum(each.failed for each in rates), 0, at_most=True),
    ]
    return Report("Web", lines, goals)


class _Visitor:
    """Somebody who is signed in, on one connection."""

    def __init__(self, port: int, cookie: str = "") -> None:
        self.port, self.cookie = port, cookie
        self._connection = self._open()

    def _open(self) -> http.client.HTTPSConnection:
        context = ssl.create_default_context()
        context.check_hostname, context.verify_mode = False, ssl.CERT_NONE
        return http.client.HTTPSConnection("127.0.0.1", self.port, context=context, timeout=60)

    def ask(self, path: str, fields: dict[str, str] | None = None) -> tuple[int, bytes]:
        headers = {"cookie": self.cookie} if self.cookie else {}
        body = None
        if fields is not None:
            headers["content-type"] = "application/x-www-form-urlencoded"
            body = urlencode(fields)
        self._connection.request("GET" if fields is None else "POST", path, body, headers)
        answer = self._connection.getresponse()
        for each in answer.headers.get_all("set-cookie") or ():
            name, _, rest = each.partition("=")
            kept = dict(part.split("=", 1) for part in self.cookie.split("; ") if part)
            kept[name] = rest.partition(";")[0].strip('"')
            self.cookie = "; ".join(f"{key}={value}" for key, value in kept.items() if value)
        return answer.status, answer.read()

    def sign_in(self) -> None:
        """Fill in the form and send it."""
        _, body = self.ask("/signin")
        token = re.search(rb'name="csrf" value="(\w+)"', body)
        fields = {
            "user": "administrator",
            "password": _PASSWORD,
            "csrf": token[1].decode() if token else "",
            "next": "",
        }
        status, body = self.ask("/signin", fields)
        if status != 303:
            raise RuntimeError(f"the sign-in was answered with {status}")

    def until_known(self, devices: int) -> None:
        """Ask until the phones were counted."""
        end = time.monotonic() + 300
        while time.monotonic() < end:
            _, body = self.ask("/")
            found = re.search(rb'data-count="all">([\d,]+)<', body)
            unknown = re.search(rb'data-count="unknown">([\d,]+)<', body)
            if found and unknown and _number(found[1]) == devices and _number(unknown[1]) < devices:
                return
            time.sleep(0.5)
        raise RuntimeError("the phones were never counted")

    def pages(self) -> list[str]:
        """Return every address of the menu that is there."""
        _, body = self.ask("/")
        side = body[body.index(b'<nav id="nav"') : body.index(b"<main")]
        paths = [each.decode() for each in re.findall(rb'<li><a href="([^"]+)"', side)]
        return [path for path in paths if self.ask(path)[0] == 200]

    def a_phone(self) -> str:
        """Return the address of a phone's page, or of the list of phones where there is none."""
        status, body = self.ask("/ccmadmin/phones?size=25")
        found = re.search(rb'href="(/ccmadmin/phones/SEP[0-9A-F]{12})"', body)
        return found[1].decode() if status == 200 and found else "/ccmadmin/phones?size=100"

    def times(self, path: str, rounds: int, effort: Effort) -> list[float]:
        """Return how long the server took for a page, as its foot says, or as it was seen where it does not."""
        effort.say(path)
        self.ask(path)
        found = []
        for _ in range(rounds):
            begun = time.perf_counter()
            _, body = self.ask(path)
            took = _TOOK.search(body)
            found.append(float(took[1]) if took else (time.perf_counter() - begun) * 1000)
        return found


def _load(visitor: _Visitor, path: str, seconds: float, pid: int) -> Rate:
    counts, failed = [0] * CONNECTIONS, [0] * CONNECTIONS
    end = time.perf_counter() + seconds

    def ask(at: int) -> None:
        each = _Visitor(visitor.port, visitor.cookie)
        while time.perf_counter() < end:
            status, body = each.ask(path)
            counts[at] += 1
            failed[at] += status != 200 or b"</html>" not in body

    before, begun = _cpu(pid), time.perf_counter()
    threads = [threading.Thread(target=ask, args=(at,)) for at in range(CONNECTIONS)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    spent, answers = _cpu(pid) - before, max(1, sum(counts))
    return Rate(path, answers / (time.perf_counter() - begun), sum(failed), 1000 * spent / answers)


@contextmanager
def _server(folder: Path) -> Iterator[tuple[subprocess.Popen[str], int]]:
    with subprocess.Popen([*_words(), "serve", str(folder)], cwd=_tree(), stdout=subprocess.PIPE, text=True) as process:
        try:
            line = process.stdout.readline() if process.stdout else ""
            if not line.strip().isdigit():
                raise RuntimeError("the web server did not start")
            yield process, int(line)
        finally:
            process.send_signal(signal.SIGTERM)


def _words() -> list[str]:
    return [sys.executable, "-m", "bench.web"]


def _tree() -> Path:
    return Path(__file__).resolve().parents[1]


def _number(text: bytes) -> int:
    return int(text.replace(b",", b""))


def _memory(pid: int) -> float:
    """Return the resident memory of a process, in MB."""
    status = Path(f"/proc/{pid}/status").read_text()
    found = re.search(r"VmRSS:\s+(\d+) kB", status)
    return int(found[1]) / 1024 if found else 0.0


def _cpu(pid: int) -> float:
    """Return the processor seconds of a process."""
    fields = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
    return (int(fields[11]) + int(fields[12])) / _TICKS


def _make(folder: Path, devices: int) -> None:
    """Make the cluster, and have most phones seen."""
    from mixedmode.cluster.facade import Cluster
    from mixedmode.cluster.model.sightings import Registered, Reported, Seen
    from mixedmode.cluster.model.topology import ClusterSpec, DeviceSpec, NodeSpec
    from mixedmode.cluster.model.versions import Version
    from mixedmode.cluster.operations.ctl import SetMixedMode, UpdateCtl
    from mixedmode.cluster.store.sightings import CHUNK
    from mixedmode.control.accounts import account_store
    from mixedmode.pki.certificates.profiles import KeyKind

    nodes = (NodeSpec("cucm-pub", "127.0.0.1"), NodeSpec("cucm-sub1", "127.0.0.2"))
    models = ("7975", "8845", "8861", "7841", "7940")
    names = [f"SEP{0x001122000000 + at:012X}" for at in range(devices)]
    made = [DeviceSpec(name, models[at % len(models)], f"Phone {at}") for at, name in enumerate(names)]
    cluster = Cluster.create(folder, ClusterSpec(Version.parse("12.5.1.10000-22"), nodes, rsa_key=KeyKind.RSA_2048))
    cluster.devices.add(made)
    cluster.run(SetMixedMode())
    old = _held(cluster)
    cluster.run(UpdateCtl())
    new, now = _held(cluster), time.time()
    for at in range(0, devices, CHUNK):
        found = {}
        for number, name in enumerate(names[at : at + CHUNK], at):
            found[name] = seen = Seen(registered=Registered(now, "127.0.0.9", "encrypted"))
            seen.report(Reported(now, *(old if number % 8 == 0 else new)))
        cluster.sightings.add(found)
    _give_lscs(cluster, names[::2])
    account_store(cluster.folder("cucm-pub")).put("administrator", _PASSWORD, 4)
    cluster.close()


def _give_lscs(cluster: object, names: list[str]) -> None:
    """Give phones LSCs; a hundred of them, again and again: reading one costs the same whosever it is."""
    from datetime import timedelta

    from sqlalchemy import bindparam, update

    from mixedmode.cluster.facade import Cluster
    from mixedmode.cluster.store.schema import DeviceRow
    from mixedmode.pki.certificates.profiles import issue_lsc

    assert isinstance(cluster, Cluster)
    capf, now = cluster.signer("cucm-pub", "CAPF"), cluster.now()
    key = capf.key.public_key()
    lscs = [
        issue_lsc(
            names[at],
            key,
            authority=capf.certificate,
            authority_key=capf.key,
            now=now.replace(microsecond=0) - timedelta(days=4 * at),
            serial=at + 1,
            days=365,
        ).der
        for at in range(min(100, len(names)))
    ]
    given = [{"device": name, "der": lscs[at % len(lscs)]} for at, name in enumerate(names)]
    with cluster.database.write() as session:
        query = update(DeviceRow).where(DeviceRow.name == bindparam("device")).values(lsc=bindparam("der"))
        session.connection().execute(query, given)


def _held(cluster: object) -> tuple[str, str]:
    import hashlib

    from mixedmode.cluster.facade import Cluster

    assert isinstance(cluster, Cluster)
    files = (cluster.show_ctl("cucm-pub").data or b"", cluster.show_itl("cucm-pub").data or b"")
    ctl, itl = (hashlib.sha1(each, usedforsecurity=False).hexdigest() for each in files)
    return ctl, itl


async def _serve(folder: Path) -> None:
    """Run the web server as a node does, until SIGTERM."""
    from mixedmode.cluster.facade import Cluster
    from mixedmode.control.services import OperationServices
    from mixedmode.faces.web.service import WebService

    cluster = Cluster.open(folder)
    service = WebService(cluster, "cucm-pub", port=0, services=OperationServices(cluster))
    await service.start()
    ended = asyncio.Event()
    asyncio.get_running_loop().add_signal_handler(signal.SIGTERM, ended.set)
    print(service.port, flush=True)
    await ended.wait()
    await service.stop()
    cluster.close()


if __name__ == "__main__":
    if sys.argv[1] == "make":
        _make(Path(sys.argv[2]), int(sys.argv[3]))
    else:
        asyncio.run(_serve(Path(sys.argv[2])))
