"""Which LSCs end, are revoked or bear another issuer: ``mixedmode capf report``, and ``capf revoke``."""

from __future__ import annotations

import json
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from mixedmode.cluster.facade import Cluster
from mixedmode.cluster.operations.devices import ChangeDevice, DeviceValues
from mixedmode.cluster.operations.identity.certificates import RegenerateCertificate
from mixedmode.cluster.query.lsc_report import LscStanding, lsc_report
from mixedmode.forecast.evaluation import Forecaster
from mixedmode.forecast.plan import Plan, Step
from mixedmode.inventory.cluster import ClusterInventory
from mixedmode.inventory.library import Library
from tests.cluster.building import PHONES, PUB, lsc_of
from tests.support import run_mixedmode

NAMES = [phone.name for phone in PHONES]


def standings(cluster: Cluster, **options: timedelta) -> dict[str, LscStanding]:
    return {line.device.name: line.standing for line in lsc_report(cluster, datetime.now(UTC), **options)}


def test_a_forecast_notes_the_lscs_that_prove_nobody_any_more(cluster: Cluster) -> None:
    """An LSC that ended is no matter of lists: a note, and no outcome (forecast.md 5.8)."""
    ended, good, plain = NAMES[:3]
    cluster.keep_lsc(ended, lsc_of(cluster, ended, since=40, days=30))
    cluster.keep_lsc(good, lsc_of(cluster, good))
    cluster.keep_lsc(plain, lsc_of(cluster, plain, since=40, days=30))
    for name in (ended, good):
        cluster.run(ChangeDevice(name, DeviceValues(security_mode=3)))
    kinds = {name: kind for name, kind, _ in ClusterInventory(cluster, Library()).rows()}
    forecaster = Forecaster(Plan((Step("nothing"),)))
    notes = {name: " ".join(forecaster.of(kind).notes) for name, kind in kinds.items()}
    assert "its LSC has ended" in notes[ended]
    assert not notes[good]
    assert not notes[plain], "it registers in the clear"


def test_each_phone_stands_somewhere(cluster: Cluster) -> None:
    assert set(standings(cluster).values()) == {LscStanding.NONE}
    first, second = NAMES[:2]
    cluster.keep_lsc(first, lsc_of(cluster, first))
    cluster.keep_lsc(second, lsc_of(cluster, second, since=340))
    assert standings(cluster)[first] is LscStanding.VALID
    assert standings(cluster)[second] is LscStanding.EXPIRES_SOON
    assert standings(cluster, notice=timedelta(days=10))[second] is LscStanding.VALID
    cluster.keep_lsc(second, lsc_of(cluster, second, since=40, days=30))
    assert standings(cluster)[second] is LscStanding.EXPIRED
    cluster.run(RegenerateCertificate(PUB, "CAPF"))
    assert standings(cluster)[first] is LscStanding.OTHER_ISSUER
    with cluster.database.write() as session:
        from mixedmode.cluster.store.devices import set_lsc

        set_lsc(session, first, b"0\x82no certificate")
    assert standings(cluster)[first] is LscStanding.UNREADABLE


def test_a_report_fails_for_secure_phones_that_cannot_register_and_a_revoked_one_is_listed(
    cluster: Cluster, seed_directory: Path
) -> None:
    first, second = NAMES[:2]
    cluster.keep_lsc(first, lsc_of(cluster, first, since=40, days=30))
    cluster.keep_lsc(second, lsc_of(cluster, second))
    shown = run_mixedmode("capf", "report", "--directory", seed_directory)
    assert shown.returncode == 0, "a phone that is non-secure needs none"
    assert f"{first} " in shown.stdout
    assert second not in shown.stdout
    assert "expired: who is registered stays so until the connection ends, and is refused then" in shown.stdout
    cluster.run(ChangeDevice(first, DeviceValues(security_mode=3)))
    assert run_mixedmode("capf", "report", "--directory", seed_directory).returncode == 1
    revoked = run_mixedmode("capf", "revoke", second, "--reason", "lost", "--directory", seed_directory)
    assert revoked.returncode == 0, revoked.stderr
    assert f"1 LSC of {second} revoked" in revoked.stdout
    document = json.loads(run_mixedmode("capf", "report", "--all", "--json", "--directory", seed_directory).stdout)
    assert [each["standing"] for each in document if each["device"] in {first, second}] == ["expired", "revoked"]
    assert len(document) == len(NAMES)
    again = run_mixedmode("capf", "revoke", second, "--directory", seed_directory)
    assert again.returncode == 2
    assert "no LSC that could be revoked" in again.stderr


@pytest.mark.parametrize("name", ["SEPFFFFFFFFFFFF", "nonsense"])
def test_an_unknown_device_is_named(name: str, cluster: Cluster, seed_directory: Path) -> None:
    refused = run_mixedmode("capf", "revoke", name, "--directory", seed_directory)
    assert refused.returncode == 2
    assert f"there is no device {name}" in refused.stderr
    assert "Traceback" not in refused.stderr
    assert cluster.revoked_lscs() == frozenset()
