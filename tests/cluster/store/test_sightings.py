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
