"""Versions, upgrade and switching back."""

from __future__ import annotations

from pathlib import Path

import pytest

from mixedmode.cluster.engine.principal import Principal
from mixedmode.cluster.facade import Cluster
from mixedmode.cluster.model.errors import PreconditionError, VersionError
from mixedmode.cluster.model.versions import Version
from mixedmode.cluster.operations.versions import SwitchVersion, Upgrade
from mixedmode.cluster.publishing.distribution import LocalDistributor
from tests.cluster.building import MIXED, SUB, UPDATE, ctl_of, make

ANNA = Principal("anna", 4, "192.0.2.7")


def test_all_ways_to_write_a_version() -> None:
    ascending = [
        "8.6(2)",
        "9.1(2)",
        "10.0(1)",
        "10.5.1.10000-7",
        "10.5(2)",
        "11.5(1)",
        "11.5(1)SU3",
        "12.0(1)",
        "14",
        "14SU3",
    ]
    versions = [Version.parse(text) for text in ascending]
    assert versions == sorted(versions)
    assert Version.parse("10.5(1)") == Version.parse("10.5.1.10000-7")
    assert Version.parse("12.5(1)SU3") == Version.parse("12.5.1.13900-152")
    for text in ("", "x", "10.5.1.1.1.1", "SU3", "9" * 5000, f"10.5.1.{'1' * 5000}", f"11.5(1)SU{'3' * 5000}"):
        with pytest.raises(VersionError):
            Version.parse(text)


def test_an_upgrade_carries_the_ctl_over_byte_for_byte(cluster: Cluster) -> None:
    cluster.run(MIXED, ANNA)
    before = ctl_of(cluster, SUB).data
    cluster.run(Upgrade("12.5(1)SU3"), ANNA)
    assert cluster.version == Version.parse("10.5(1)")
    cluster.run(SwitchVersion(), ANNA)

    assert cluster.version == Version.parse("12.5(1)SU3")
    assert ctl_of(cluster, SUB).data == before
    assert not cluster.show_ctl(SUB).differs
    cluster.run(UPDATE, ANNA)
    assert ctl_of(cluster).header.signer_serial != ctl_of(cluster).records[-1].serial
    cluster.run(SwitchVersion(), ANNA)
    assert cluster.version == Version.parse("10.5(1)")
    assert ctl_of(cluster, SUB).data == before
    assert not cluster.show_ctl(SUB).differs


def test_back_on_a_version_before_10_there_is_no_utils_ctl(tmp_path: Path) -> None:
    cluster = make(tmp_path / "c", "9.1(2)")
    cluster.run(Upgrade("10.5(1)"), ANNA)
    cluster.run(SwitchVersion(), ANNA)
    assert "made with security tokens only" in cluster.operations.plan(SwitchVersion()).warnings[0]
    cluster.run(SwitchVersion(), ANNA)
    with pytest.raises(VersionError):
        cluster.run(MIXED, ANNA)
    cluster.close()


def test_switching_waits_for_files_that_nodes_have_not_taken(cluster: Cluster) -> None:
    cluster.run(MIXED, ANNA)
    cluster.run(Upgrade("11.5(1)"), ANNA)
    distributor = cluster.deliveries.distributor
    assert isinstance(distributor, LocalDistributor)
    distributor.down.add(SUB)
    cluster.run(UPDATE, ANNA)
    with pytest.raises(PreconditionError, match=SUB):
        cluster.run(SwitchVersion(), ANNA)


def test_without_a_second_version_there_is_nothing_to_switch_to(cluster: Cluster) -> None:
    with pytest.raises(VersionError, match="no inactive version"):
        cluster.run(SwitchVersion(), ANNA)
