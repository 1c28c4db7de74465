"""The seed's four procedures, done right, lose no phone with Security by Default and name each legacy one."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from mixedmode.cluster.facade import Cluster
from mixedmode.cluster.publishing import archive
from mixedmode.control.ctl_description import describe
from mixedmode.trustlist.kinds import CTL_FILE, ITL_FILE
from tests.cluster.building import MIXED, PUB, make
from tests.cluster.tokens import ONE, TWO, install, signed, upload_tokens
from tests.support import run_mixedmode

LEGACY = {"SEP001122334403", "SEP001122334404"}


def foreseen(folder: Path, cluster: Cluster, *words: str | Path) -> tuple[dict[str, str], str]:
    """Forecast for phones that hold what the cluster publishes: outcomes, and the first lines of the screen."""
    newest = {each.name: each.sha1 for each in archive.history(cluster.database) if each.node in {"", PUB}}
    held_ctl, held_itl = newest.get(CTL_FILE, "none"), newest[ITL_FILE]
    cluster.close()
    rows = [
        f"SEP001122334401,7975,{held_ctl},{held_itl},encrypted",
        f"SEP001122334402,8841,{held_ctl},{held_itl},non-secure",
        f"SEP001122334403,7940,{held_ctl},none,non-secure",
        f"SEP001122334404,7960,{held_ctl},none,encrypted",
    ]
    inventory, out = folder.parent / "phones.csv", folder.parent / "out.ndjson"
    inventory.write_text("\n".join(["name,model,ctl,itl,security_mode", *rows]) + "\n")
    done = run_mixedmode("forecast", "--directory", folder, "--inventory", inventory, "--phones-out", out, *words)
    assert done.returncode in {0, 1}, done.stderr
    return {row["name"]: row["outcome"] for row in map(json.loads, out.read_text().splitlines())}, done.stdout


def check(found: dict[str, str], said: str, *, legacy_lost: bool) -> None:
    able = {outcome for name, outcome in found.items() if name not in LEGACY}
    assert able <= {"follows", "follows-by-tvs"}, found
    lost = {name for name, outcome in found.items() if outcome in {"frozen", "locked-out"}}
    assert lost == (LEGACY if legacy_lost else set())
    assert all(name in "".join(said.splitlines()[:2]) for name in lost)


def test_non_secure_to_mixed(tmp_path: Path) -> None:
    found, said = foreseen(tmp_path / "lab", make(tmp_path / "lab"), "--operation", "utils ctl set-cluster mixed-mode")
    check(found, said, legacy_lost=False)


def test_a_new_callmanager(tmp_path: Path) -> None:
    cluster = make(tmp_path / "lab")
    cluster.run(MIXED)
    renew = f"set cert regen node={PUB} unit=CallManager"
    found, said = foreseen(tmp_path / "lab", cluster, "--operation", renew, "--operation", "utils ctl update CTLFile")
    check(found, said, legacy_lost=True)


def test_etokens_to_tokenless(tmp_path: Path) -> None:
    cluster = make(tmp_path / "lab")
    install(cluster)
    found, said = foreseen(tmp_path / "lab", cluster, "--operation", "utils ctl set-cluster mixed-mode")
    check(found, said, legacy_lost=True)


@pytest.mark.parametrize("uploaded", [True, False])
def test_tokenless_to_etokens(tmp_path: Path, uploaded: bool) -> None:
    cluster = make(tmp_path / "lab")
    cluster.run(MIXED)
    if uploaded:
        upload_tokens(cluster, ONE, TWO)
    (tmp_path / CTL_FILE).write_bytes(signed(describe(cluster)))
    found, said = foreseen(tmp_path / "lab", cluster, "--publish", tmp_path / CTL_FILE)
    if uploaded:
        check(found, said, legacy_lost=True)
    else:
        assert set(found.values()) & {"behind", "locked-out"}, "the seed has the tokens uploaded first"
