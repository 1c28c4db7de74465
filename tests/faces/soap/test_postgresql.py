"""AXL's queries on PostgreSQL: the same tables, the same refusals."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from mixedmode.cluster.facade import Cluster
from mixedmode.cluster.model.sightings import Registered, Seen
from mixedmode.cluster.model.topology import ClusterSpec, DeviceSpec, NodeSpec
from mixedmode.cluster.model.versions import Version
from mixedmode.faces.soap.errors import AxlError
from mixedmode.faces.soap.sql.engine import Memory, run_query
from mixedmode.faces.soap.sql.tables import TABLES
from mixedmode.pki.certificates.profiles import KeyKind
from tests.postgres import postgres_database, postgres_server

__all__ = ["postgres_database", "postgres_server"]
NAME = "SEP00005E005301"
REFUSED = {
    "select token from websession": -206,
    "select * from pg_authid": -206,
    "select nope from device": -217,
    "select pg_terminate_backend(1) from device": -206,
    "select E'\\' from websession --' from device": -206,
    "select table_to_xml('websession', true, false, '') from device": -206,
    "select database_to_xml(true, false, '') from device": -206,
    "delete from device": -201,
}


@pytest.fixture
def cluster(postgres_database: str, tmp_path: Path) -> Iterator[Cluster]:
    spec = ClusterSpec(
        Version.parse("14.0.1.10000-20"),
        (NodeSpec("pub", "127.0.0.11"),),
        rsa_key=KeyKind.RSA_1024,
        devices=(DeviceSpec(NAME, "7975", security_mode=3), DeviceSpec("SEP00005E005302", "8841", protocol="SIP")),
    )
    made = Cluster.create(tmp_path / "cluster", spec, database_url=postgres_database)
    made.sightings.add({NAME: Seen(registered=Registered(1_764_000_000.5, "192.0.2.1", "encrypted"))})
    made.keep_lsc(NAME, made.own_certificate("pub", "CAPF"))  # it was issued by itself, so by a CAPF that is known
    yield made
    made.close()


def test_tables_are_answered_and_the_rest_is_refused(cluster: Cluster) -> None:
    for table in sorted(TABLES):
        assert run_query(cluster, f"select first 3 * from {table}", Memory()) is not None
    rows = run_query(
        cluster,
        "select skip 0 first 1 d.name, tm.name as model, dp.name as pool, sp.name as profile, d.lscvaliduntil as until,"
        " rd.lastknownipaddress as ip, rd.lastseen from device d join typemodel tm on tm.enum=d.tkmodel left join "
        "devicepool dp on dp.pkid=d.fkdevicepool left join securityprofile sp on sp.pkid=d.fksecurityprofile left "
        "join registrationdynamic rd on rd.fkdevice=d.pkid where d.tkclass='1' and d.isactive='t' order by d.name",
        Memory(),
    )
    until = int(cluster.own_certificate("pub", "CAPF").not_after.timestamp())
    assert rows == (
        f"<row><name>{NAME}</name><model>Cisco 7975</model><pool>Default</pool><profile>Cisco 7975 - SCCP Encrypted"
        f"</profile><until>{until}</until><ip>192.0.2.1</ip><lastseen>1764000000</lastseen></row>"
    )
    assert "-----BEGIN CERTIFICATE-----" in run_query(cluster, "select certificate from certificate", Memory())
    for query, code in REFUSED.items():
        with pytest.raises(AxlError) as refused:
            run_query(cluster, query, Memory())
        assert refused.value.axl_code == code, query
