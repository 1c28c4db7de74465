"""What was seen of devices, in the database."""

from __future__ import annotations

import threading
from datetime import UTC, datetime
from pathlib import Path

import pytest
from sqlalchemy import func, select

from mixedmode.cluster.facade import Cluster
from mixedmode.cluster.model.sightings import Delivery, Fetched, Registered, Reported, Seen
from mixedmode.cluster.model.topology import DeviceSpec
from mixedmode.cluster.operations.devices import RemoveDevice
from mixedmode.cluster.store.guide_runs import GuideRuns
from mixedmode.cluster.store.schema import DeviceSighting
from tests.cluster.building import PHONES, seed_spec, statements

NAME = PHONES[0].name


def delivered(sha256: str, moment: float, kind: str = "CTL") -> Seen:
    found = Seen()
    found.deliver(kind, Delivery(moment, "10.0.0.1", sha256))
    return found


def rows(cluster: Cluster) -> int:
    with cluster.database.read() as session:
        return session.scalar(select(func.count()).select_from(DeviceSighting)) or 0


def of(cluster: Cluster, name: str) -> Seen:
    return {device.name: seen for device, seen in cluster.sightings}[name]


@pytest.fixture(params=["sqlite", "postgresql"])
def either(request: pytest.FixtureRequest, tmp_path: Path) -> Cluster:
    if request.param == "sqlite":
        return Cluster.create(tmp_path / "c", seed_spec())
    url = request.getfixturevalue("postgres_database")
    return Cluster.create(tmp_path / "c", seed_spec(), database_url=url)


def test_facts_are_added_to_one_row_a_device(either: Cluster) -> None:
    either.sightings.add({NAME: delivered("a", 1.0), "SEPFFFFFFFFFFFF": delivered("a", 1.0)})
    either.sightings.add({NAME: delivered("b", 2.0)})
    either.sightings.add({NAME: Seen(fetched=Fetched(3.0, "10.0.0.1", f"{NAME}.cnf.xml.sgn"))})
    assert rows(either) == 1
    found = of(either, NAME)
    assert [each.sha256 for each in found.deliveries["CTL"]] == ["a", "b"]
    assert found.fetched == Fetched(3.0, "10.0.0.1", f"{NAME}.cnf.xml.sgn")
    assert of(either, PHONES[1].name) == Seen()
    either.close()


def test_who_is_waited_for_after_a_reset(either: Cluster) -> None:
    """A phone that took its configuration since has seen the list: it is waited for until it could have said so."""
    runs, old, new, reset = GuideRuns(either.database), "0d" * 20, "e0" * 20, 100.0

    def waited_for(now: float) -> int:
        return runs.phones_expected(new, datetime.fromtimestamp(reset, UTC), datetime.fromtimestamp(now, UTC))

    def happens(said: tuple[float, str] | None, took: float | None) -> None:
        seen = Seen(fetched=None if took is None else Fetched(took, "10.0.0.1", f"{NAME}.cnf.xml.sgn"))
        if said is not None:
            seen.report(Reported(said[0], said[1], None))
        either.sightings.add({NAME: seen})

    happens(None, 50.0)
    assert waited_for(100.1) == 0, "it never told what it holds"
    happens((51.0, old), None)
    assert waited_for(100.1) == 1
    happens((100.1, old), None)
    assert waited_for(100.2) == 1, "CallManager was restarted, and it registered again with what it had"
    happens(None, 100.5)
    assert waited_for(100.9) == 1, "it registers now"
    assert waited_for(101.6) == 0, "it did not: it is locked out"
    happens((102.0, old), None)
    assert waited_for(102.0) == 0, "it keeps the old list"
    happens((103.0, new), 102.5)
    assert waited_for(103.0) == 0
    either.close()


def test_two_nodes_add_to_the_same_devices_at_once(either: Cluster) -> None:
    other = Cluster.attach(either.directory, database_url=either.database.url.render_as_string(hide_password=False))
    names = [device.name for device in PHONES]

    def work(cluster: Cluster, node: int) -> None:
        for number in range(6):
            order = names if node else names[::-1]
            cluster.sightings.add({name: delivered(f"{node}", number + node / 2, "ITL") for name in order})

    threads = [threading.Thread(target=work, args=(cluster, node)) for node, cluster in enumerate((either, other))]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    for name in names:
        assert {each.sha256 for each in of(either, name).deliveries["ITL"]} >= {"0", "1"}
    other.close()
    either.close()


def test_what_a_phone_reported_stands_at_its_device(cluster: Cluster) -> None:
    reported = Seen()
    reported.report(Reported(1_700_000_000.0, "ab" * 20, ""))
    reported.report(Reported(1_700_000_000.0, None, "none"))
    cluster.sightings.add({NAME: reported})
    device = cluster.devices.get(NAME)
    assert (device.ctl_hash, device.itl_hash) == ("ab" * 20, "")
    assert device.last_seen == datetime.fromtimestamp(1_700_000_000, UTC)
    cluster.sightings.add({NAME: Seen(registered=Registered(1_700_000_100.0, "10.0.0.1", "encrypted"))})
    device = cluster.devices.get(NAME)
    assert (device.ctl_hash, device.last_seen) == ("ab" * 20, datetime.fromtimestamp(1_700_000_100, UTC))


def test_a_device_that_is_removed_takes_what_was_seen_with_it(cluster: Cluster) -> None:
    cluster.sightings.add({NAME: delivered("a", 1.0)})
    cluster.run(RemoveDevice(NAME))
    assert rows(cluster) == 0


def test_a_storm_of_ten_thousand_phones_is_written_in_few_statements(cluster: Cluster) -> None:
    cluster.devices.add(DeviceSpec(f"SEPAA{number:010X}", "8861") for number in range(10_000))
    names = sorted(cluster.sightings.names())
    with statements(cluster) as said:
        for start in range(0, len(names), 500):
            cluster.sightings.add({name: delivered("a" * 64, 1.0) for name in names[start : start + 500]})
    assert len(said) < 200, "hundreds of phones in each statement"
    assert rows(cluster) == 10_003
