"""The lines of a cluster as its CallManager knows them."""

from __future__ import annotations

from mixedmode.cluster.facade import Cluster
from mixedmode.cluster.model.lines import LineSpec
from mixedmode.cluster.model.topology import DeviceSpec
from mixedmode.cluster.operations.devices import AddDevices, ChangeDevice, DeviceValues
from mixedmode.cluster.operations.lines import AddLines, ChangeLine, LineValues
from mixedmode.protocols.sccp.registration.admission import Line
from mixedmode.services.callmanager.directory import ClusterDirectory, KnownDevice

PHONE, BARE = "SEP0011223344AA", "SEP0011223344BB"


def test_the_lines_and_numbers_of_a_cluster_are_read_when_they_change(cluster: Cluster) -> None:
    cluster.run(AddDevices((DeviceSpec(PHONE), DeviceSpec(BARE, description="Lobby", secure_tone=True))))
    directory = ClusterDirectory(cluster, changed=cluster.last_change)
    found = directory.plan(None)
    assert found is not None
    mark, plan = found
    assert len(plan) == 0
    assert directory.plan(mark) is None
    cluster.run(AddLines((LineSpec(PHONE, "1002", 2), LineSpec(PHONE, "1001", 1, "Alice", calls=2))))
    found = directory.plan(mark)
    assert found is not None
    mark, plan = found
    entry = plan.get("1001")
    assert entry is not None
    assert (entry.device, entry.line) == (PHONE, Line("1001", "", "Alice", calls=2))
    device = directory.find(PHONE)
    assert isinstance(device, KnownDevice)
    assert [line.directory_number for line in device.facts.lines] == ["1001", "1002"]
    bare = directory.find(BARE)
    assert isinstance(bare, KnownDevice)
    assert bare.facts.lines == (Line("", "Lobby"),)
    assert (device.facts.secure_tone, bare.facts.secure_tone) == (False, True)
    cluster.run(ChangeDevice(BARE, DeviceValues(secure_tone=False)))
    silent = directory.find(BARE)
    assert isinstance(silent, KnownDevice)
    assert not silent.facts.secure_tone
    cluster.run(ChangeLine("1001", LineValues(forward_all="1002")))
    found = directory.plan(mark)
    assert found is not None
    forwarded = found[1].get("1001")
    assert forwarded is not None
    assert forwarded.line.forward_all == "1002"
