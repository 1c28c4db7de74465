"""The table of LSCs says of every phone what the report of the database says, whatever changed since it was read."""

from __future__ import annotations

import os
import tempfile
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import datetime, timedelta
from itertools import count
from pathlib import Path

import pytest
from sqlalchemy import select

from mixedmode.cluster.facade import Cluster
from mixedmode.cluster.model.topology import DeviceSpec
from mixedmode.cluster.operations.devices import ChangeDevice, DeviceValues, RemoveDevice
from mixedmode.cluster.operations.identity.certificates import RegenerateCertificate
from mixedmode.cluster.operations.identity.lscs import RevokeLsc
from mixedmode.cluster.query.lsc_report import LscStanding, lsc_report
from mixedmode.cluster.store.devices import set_lsc
from mixedmode.errors import UsageError
from mixedmode.faces.web.reporting.phone_certificates import SOON_DAYS, standing_at
from mixedmode.faces.web.standing import lscs as module
from mixedmode.faces.web.standing.lscs import Lscs
from mixedmode.faces.web.standing.own_folder import make_folder
from mixedmode.faces.web.standing.rereading import Rereading
from mixedmode.faces.web.standing.rows import LSCS
from tests.cluster.building import PUB, lsc_of

_NAMES = [f"SEP0011223301{number:02X}" for number in range(7)]


@pytest.fixture
def phones(cluster: Cluster) -> Cluster:
    """A cluster with seven phones more."""
    cluster.devices.add(DeviceSpec(name, "8845") for name in _NAMES)
    return cluster


@contextmanager
def _table(cluster: Cluster) -> Iterator[Lscs]:
    lscs = Lscs(cluster)
    try:
        yield lscs
    finally:
        lscs.close()


def _shown(lscs: Lscs, now: datetime) -> dict[str, tuple[object, ...]]:
    query = select(*LSCS.c, standing_at(now).label("standing"))
    with lscs.read() as session:
        return {
            row.name: (row.model, row.mode, row.standing, row.until, row.issuer, row.serial, row.key)
            for row in session.execute(query)
        }


def _reported(cluster: Cluster, now: datetime) -> dict[str, tuple[object, ...]]:
    return {
        line.device.name: (
            line.device.model,
            line.device.security_mode,
            line.standing.value,
            None if line.until is None else line.until.timestamp(),
            *(("",) * 3 if line.lsc is None else (line.lsc.issuer, line.lsc.serial.hex(), line.lsc.key_description)),
        )
        for line in lsc_report(cluster, now, notice=timedelta(days=SOON_DAYS))
    }


def test_the_table_says_what_the_report_says_after_every_change(
    phones: Cluster, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(module, "_CHUNK", 2)
    with _table(phones) as lscs:

        def agreed() -> dict[str, str]:
            now = phones.now()
            lscs.fresh()
            shown = _shown(lscs, now)
            assert shown == _reported(phones, now)
            return {name: str(row[2]) for name, row in shown.items()}

        assert set(agreed().values()) == {"none"}
        others = agreed().keys() - set(_NAMES)
        good, soon, ended, broken, stolen, twin, bare = _NAMES
        phones.keep_lsc(good, lsc_of(phones, good))
        phones.keep_lsc(soon, lsc_of(phones, soon, since=300))
        phones.keep_lsc(ended, lsc_of(phones, ended, since=40, days=30))
        shared = lsc_of(phones, stolen)
        phones.keep_lsc(stolen, shared)
        with phones.database.write() as session:
            set_lsc(session, broken, b"0\x82no certificate")
            set_lsc(session, twin, shared.der)
        before = agreed()
        assert before == {
            good: "valid", soon: "expires soon", ended: "expired", broken: "unreadable",
            stolen: "valid", twin: "valid", bare: "none", **dict.fromkeys(others, "none"),
        }  # fmt: skip
        phones.run(RevokeLsc(stolen))
        assert agreed() == {**before, stolen: "revoked", twin: "revoked"}
        phones.keep_lsc(stolen, lsc_of(phones, stolen))
        phones.run(ChangeDevice(good, DeviceValues(security_mode=3)))
        assert agreed() == {**before, twin: "revoked"}
        phones.run(RemoveDevice(soon))
        phones.run(RegenerateCertificate(PUB, "CAPF"))
        after = agreed()
        assert (after[good], after[ended], after[bare]) == ("issuer replaced", "expired", "none")
        assert soon not in after


def test_what_an_lsc_is_worth_at_the_very_moment(phones: Cluster) -> None:
    name = _NAMES[0]
    phones.keep_lsc(name, lsc_of(phones, name))
    until = next(line.until for line in lsc_report(phones, phones.now()) if line.device.name == name)
    assert until is not None
    second, notice = timedelta(seconds=1), timedelta(days=SOON_DAYS)
    with _table(phones) as lscs:
        lscs.now()
        for now in (until - notice - second, until - notice, until - second, until, until + second):
            assert _shown(lscs, now) == _reported(phones, now), now


def test_a_large_cluster_is_read_behind_the_page(phones: Cluster, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "SMALL", 1)
    name = _NAMES[0]
    phones.keep_lsc(name, lsc_of(phones, name))
    with _table(phones) as lscs:
        lscs.fresh()
        lscs.now()  # waits for the thread, if it still reads
        assert _shown(lscs, phones.now())[name][2] == LscStanding.VALID.value
        assert lscs.moment is not None
        other = _NAMES[1]
        phones.keep_lsc(other, lsc_of(phones, other))
        lscs.fresh()
        lscs.now()
        assert _shown(lscs, phones.now())[other][2] == LscStanding.VALID.value


def test_the_folder_of_a_killed_service_goes_with_the_next_one(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(tempfile, "tempdir", str(tmp_path))
    held, remove = make_folder("mine-")
    left, _forgotten = make_folder("mine-")
    elsewhere, link = tmp_path / "elsewhere", tmp_path / "mine-link"
    elsewhere.mkdir()
    (elsewhere / "lock").touch()
    (empty := tmp_path / "mine-empty").mkdir()
    link.symlink_to(elsewhere)
    (left / "lock").unlink()
    (left / "lock").touch()  # nobody holds that one
    for each in (held, left, elsewhere, empty):
        os.utime(each, (0, 0))
    _, remove_last = make_folder("mine-")
    assert (held.is_dir(), left.exists(), elsewhere.is_dir(), link.is_symlink()) == (True, False, True, True)
    assert not empty.exists(), "its owner was killed before there was a lock in it"
    remove()
    assert not held.exists()
    remove_last()


def test_what_fails_behind_a_page_is_told_and_read_again() -> None:
    told: list[Exception] = []
    ends, reads = threading.Event(), count()

    def read() -> None:
        if next(reads) == 0:
            ends.wait(100)
            raise UsageError("no such table")

    again = Rereading(read, told.append, "test")
    again.fresh(first=0)
    assert not again.is_ready
    ends.set()
    again.now()
    assert again.is_ready
    assert [str(each) for each in told] == ["no such table"]
    again.close()
    again.fresh()
    assert next(reads) == 2
