"""Forty thousand phones: found over an index, never by looking through all."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest

from mixedmode.cluster.facade import Cluster
from mixedmode.cluster.model.errors import NotFoundError
from mixedmode.cluster.model.topology import DeviceSpec
from mixedmode.cluster.operations.devices import ChangeDevice, DeviceValues
from mixedmode.cluster.store.state import utc_now
from mixedmode.errors import UsageError
from tests.cluster.building import PUB, SUB, statements

LOOK_UPS = (
    "select * from device where name = 'SEP0011223399AA'",
    "select devicepool.name from device join devicepool on devicepool.id = fkdevicepool where device.name = 'SEP'",
    "select * from device where name > 'SEP' order by name limit 1000",
    "select * from device where model = '8861'",
    "select * from numplan where dnorpattern = '1001'",
    "select * from numplan join devicenumplanmap on fknumplan = numplan.id where fkdevice = 1 order by numplanindex",
    "select * from certificate where serialnumber = '00' and issuername = 'CN=x'",
    "select * from certificate where unit = 'TVS' and node = 'x' and isactive",
    "select * from processconfig where paramname = 'ClusterSecurityMode' and service = 'Enterprise' and node in ('')",
)


def test_look_ups_use_an_index(cluster: Cluster) -> None:
    import sqlite3

    with sqlite3.connect(cluster.directory / "cluster.db") as connection:
        for query in LOOK_UPS:
            plan = [row[3] for row in connection.execute(f"explain query plan {query}")]
            assert not any(line.startswith("SCAN") for line in plan), (query, plan)
        kinds = "select model, protocol, securitymode, count(*) from device group by model, protocol, securitymode"
        ((*_, plan),) = connection.execute(f"explain query plan {kinds}")
        assert "COVERING INDEX" in plan
    connection.close()


def test_forty_thousand_devices(cluster: Cluster) -> None:
    with statements(cluster) as said:
        assert cluster.devices.add(DeviceSpec(f"SEP{number:012X}", "8861") for number in range(40_000)) == 40_000
    assert len(said) < 200, "many phones in each statement"
    for number in range(0, 40_000, 400):
        assert cluster.devices.get(f"SEP{number:012X}").model == "8861"
    assert len(cluster.devices) == 40_003
    assert sum(1 for _ in cluster.devices) == 40_003


def test_a_device_knows_its_trust_servers_and_what_it_reported(cluster: Cluster) -> None:
    name = "SEP001122330001"
    assert cluster.trust_servers(name) == [PUB, SUB]
    cluster.devices.report(name, utc_now(), itl_hash="ab" * 20)
    device = cluster.devices.get(name)
    assert (device.itl_hash, device.ctl_hash, device.device_pool) == ("ab" * 20, "", "Default")
    assert device.last_seen is not None


def test_names_are_checked(cluster: Cluster) -> None:
    with pytest.raises(UsageError, match="no device name"):
        DeviceSpec("SEP12")
    with pytest.raises(UsageError, match="there already"):
        cluster.devices.add([DeviceSpec("SEP001122330001")])
    with pytest.raises(NotFoundError):
        cluster.devices.get("SEPFFFFFFFFFFFF")
    assert cluster.device("SEPFFFFFFFFFFFF") is None


@pytest.mark.parametrize(
    ("field", "value"),
    [
        ("description", "x" * 256),
        ("description", "a\0b"),
        ("device_pool", "x" * 129),
        ("model", "x" * 33),
        ("authentication_url", "http://" + "x" * 250),
        ("authentication_url", "cucm:8080/authenticate.jsp"),
        ("authentication_url", "http://cucm/ x"),
    ],
)
def test_what_no_database_keeps_is_refused_by_name(cluster: Cluster, field: str, value: str) -> None:
    given: dict[str, Any] = {field: value}
    with pytest.raises(UsageError) as told:
        cluster.run(ChangeDevice("SEP001122330001", replace(DeviceValues(), **given)))
    assert told.value.where == field
    with pytest.raises(UsageError):
        replace(DeviceSpec("SEP0011223399FF"), **given)
    assert DeviceSpec("SEP0011223399FF", description="x" * 255, device_pool="x" * 128, model="x" * 32)
