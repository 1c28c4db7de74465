"""Forecasts: seconds and memory of ``mixedmode forecast``, beside ``wc -l``, the csv module and columnar readers.

Phones in 1,000 states (25 CTL files, 20 ITL files, two modes), a change of CTL and ITL, TVS that knows the new signer,
each phone's outcome written to a file. The peers only read the same file: that is the least that reading costs.
Polars and DuckDB are measured where they are installed. On a shared machine the seconds of a core are what counts.

Goals: 1,000,000 phones in 5 s and 300 MB, 40,000 phones in 1 s, start included.
"""

from __future__ import annotations

import csv
import os
import random
import subprocess
import sys
import tempfile
import time
from datetime import UTC, datetime
from importlib.util import find_spec
from pathlib import Path

from bench.timing import Effort, Goal, Report

MODELS = ("7975", "8841", "7940", "7965", "8861", "7821")
_CSV = "import csv, sys; print(sum(1 for _ in csv.reader(open(sys.argv[1], newline=''))))"
_POLARS = "import polars, sys; print(polars.read_csv(sys.argv[1]).height)"
_DUCKDB = "import duckdb, sys; print(duckdb.sql(f\"select count(distinct name) from read_csv('{sys.argv[1]}')\"))"
COLUMNAR = {"polars": _POLARS, "duckdb": _DUCKDB}


def run(effort: Effort) -> Report:
    """Measure."""
    many, rounds = effort.of(1_000_000, 100_000), effort.of(5, 2)
    lines, goals = [], []
    with tempfile.TemporaryDirectory(prefix="mixedmode-bench-") as temporary:
        folder = Path(temporary)
        effort.say("making lists and inventories")
        held = make_lists(folder)
        for count in (40_000, many):
            inventory = folder / f"{count}.csv"
            make_inventory(inventory, count, held)
            effort.say(f"{count:,} phones, each reader in turn")
            lines += [f"{count:,} phones, {inventory.stat().st_size / 1e6:.0f} MB", ""]
            for name, words in readers(folder, inventory).items():
                taken = [measured(words, folder) for _ in range(rounds)]
                seconds, megabytes = min(each[0] for each in taken), max(each[1] for each in taken)
                processor = min(each[2] for each in taken)
                lines.append(f"{name:<40} {seconds:8.2f} s {processor:8.2f} s of a core {megabytes:8.0f} MB")
                if name.startswith("mixedmode"):
                    limit = 1.0 if count == 40_000 else 5.0
                    goals.append(Goal(f"{count:,} phones, seconds", seconds, limit, at_most=True))
                    goals.append(Goal(f"{count:,} phones, MB", megabytes, 300, at_most=True))
            lines += [f"{name:<40} not installed" for name in COLUMNAR if find_spec(name) is None]
            lines.append("")
    return Report("Forecasts", lines, goals)


def make_lists(folder: Path) -> list[tuple[str, str]]:
    """Write the lists that phones hold and those that are published; return pairs of hashes of the former."""
    from mixedmode.pki.certificates.profiles import KeyKind, Purpose, Subject, generate_key, self_signed
    from mixedmode.pki.signing.signer import SoftwareSigner
    from mixedmode.trustlist import Role, TrustList
    from mixedmode.trustlist.build import RecordSpec, build_trust_list
    from mixedmode.trustlist.kinds import CTL_FILE, ITL_FILE

    now = datetime(2026, 1, 1, tzinfo=UTC)
    signers = []
    for number, name in enumerate(("cucm-pub", "cucm-pub-new", "tvs")):
        key, purpose = generate_key(KeyKind.RSA_2048), Purpose.CALLMANAGER
        made = self_signed(purpose, subject=Subject(name), key=key, now=now, serial=0x7000 + number)
        signers.append(SoftwareSigner(made, key))
    old, new, tvs = signers

    def made_list(signer: SoftwareSigner, name: str, when: int) -> TrustList:
        specs = [RecordSpec(role, signer.certificate, "cucm-pub") for role in (Role.SAST, Role.CCM_TFTP)]
        specs += [RecordSpec(Role.TVS, tvs.certificate, "cucm-pub")] if name == ITL_FILE else []
        return TrustList.parse(build_trust_list(specs, signer, filename=name, timestamp=when))

    (folder / "lists").mkdir()
    ctls = [made_list(old, CTL_FILE, 1_500_000_000 + number) for number in range(25)]
    itls = [made_list(old, ITL_FILE, 1_500_000_000 + number) for number in range(20)]
    for each in (*ctls, *itls):
        (folder / "lists" / f"{each.sha1}.tlv").write_bytes(each.data)
    for name in (CTL_FILE, ITL_FILE):
        (folder / name).write_bytes(made_list(new, name, 1_700_000_000).data)
    (folder / "tvs.pem").write_bytes(new.certificate.pem())
    return [(one.md5, two.sha1) for one in ctls for two in itls]


def make_inventory(path: Path, count: int, held: list[tuple[str, str]]) -> None:
    """Write an inventory; a phone's model goes with its lists, so that there are twice as many states as pairs."""
    chance = random.Random(1)
    with path.open("w", newline="") as file:
        writer = csv.writer(file)
        writer.writerow(("name", "model", "ctl", "itl", "device_pool", "security_mode"))
        for number in range(count):
            place = chance.randrange(len(held))
            mode = "encrypted" if number & 1 else "non-secure"
            writer.writerow((f"SEP{number:012X}", MODELS[place % len(MODELS)], *held[place], "Default", mode))


def readers(folder: Path, inventory: Path) -> dict[str, list[str | Path]]:
    """Return the command lines of the forecast and its peers."""
    ours: list[str | Path] = [sys.executable, "-m", "mixedmode.app.main", "forecast", "--inventory", inventory]
    ours += ["--lists", folder / "lists", "--publish", folder / "CTLFile.tlv", "--publish", folder / "ITLFile.tlv"]
    ours += ["--tvs-trust", folder / "tvs.pem", "--phones-out", folder / "out.csv"]
    found: dict[str, list[str | Path]] = {"mixedmode forecast": ours, "wc -l": ["wc", "-l", inventory]}
    found["csv module"] = [sys.executable, "-c", _CSV, inventory]
    for module, program in COLUMNAR.items():
        if find_spec(module) is not None:
            found[module] = [sys.executable, "-c", program, inventory]
    return found


def measured(words: list[str | Path], folder: Path) -> tuple[float, float, float]:
    """Return the seconds, megabytes and seconds of a core that a command takes."""
    start = time.perf_counter()
    child = subprocess.Popen(words, stdout=subprocess.DEVNULL, cwd=folder)
    _, status, used = os.wait4(child.pid, 0)
    seconds = time.perf_counter() - start
    child.returncode = os.waitstatus_to_exitcode(status)
    if child.returncode not in {0, 1}:
        raise RuntimeError(f"{words[0]} ended with {child.returncode}")
    return seconds, used.ru_maxrss / 1024, used.ru_utime + used.ru_stime
