"""The same cluster on a real PostgreSQL server."""

from __future__ import annotations

from pathlib import Path

import pytest

from mixedmode.cluster.engine.principal import Principal
from mixedmode.cluster.facade import Cluster
from mixedmode.cluster.model.topology import SecurityMode
from mixedmode.errors import UsageError
from tests.cluster.building import MIXED, PUB, SUB, asked_for, ctl_of, listing, seed_spec

MODE = "select paramname,paramvalue from processconfig where paramname='ClusterSecurityMode'"


def test_mixed_mode_on_postgresql(tmp_path: Path, postgres_database: str) -> None:
    Cluster.create(tmp_path / "c", seed_spec(), database_url=postgres_database).close()
    cluster = Cluster.open(tmp_path / "c", database_url=postgres_database)
    cluster.run(MIXED, Principal("anna", 4, "192.0.2.7"))

    assert cluster.mode is SecurityMode.MIXED
    assert listing(ctl_of(cluster, SUB)) == [(PUB, "SAST"), (PUB, "CCM+TFTP"), (PUB, "CAPF"), (SUB, "CCM+TFTP")]
    assert [r.outcome for r in asked_for(cluster)] == ["started", "done"]
    assert cluster.select(MODE).rows == (("ClusterSecurityMode", "1"),)
    for statement in ("delete from device", "select 1; drop table device", "select pg_sleep(9)"):
        with pytest.raises(UsageError):
            cluster.select(statement, seconds=0.3)
    assert len(cluster.devices) == 3
    assert not (tmp_path / "c" / "cluster.db").exists()
    cluster.close()


@pytest.mark.parametrize(
    "statement",
    [
        "with gone as (delete from processnode returning 1) select * from gone",
        "create table other (a int)",
        "copy processnode to '/tmp/copy'",
    ],
)
def test_run_sql_on_postgresql_only_reads_and_soon_ends(tmp_path: Path, postgres_database: str, statement: str) -> None:
    cluster = Cluster.create(tmp_path / "c", seed_spec(), database_url=postgres_database)
    try:
        assert cluster.select(MODE).rows == (("ClusterSecurityMode", "0"),)
        with pytest.raises(UsageError):
            cluster.select(statement, seconds=0.5)
        assert len(cluster.nodes()) == 2
    finally:
        cluster.close()
