"""Configurations built when phones ask: a storm costs little, and nothing grows without bound."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from mixedmode.cluster.facade import Cluster
from mixedmode.cluster.model.topology import ClusterSpec, DeviceSpec, NodeSpec
from mixedmode.cluster.model.versions import Version
from mixedmode.cluster.operations.ctl import SetMixedMode
from mixedmode.cluster.operations.devices import ChangeDevice, DeviceValues
from mixedmode.phone.mind.config import parse_config
from mixedmode.services.files.configs import ConfigFacts, ConfigStore, Server
from mixedmode.services.files.store import MappingStore
from mixedmode.signedfile import SignedFile

NAMES = tuple(f"SEP00112233440{number}" for number in range(6))


@pytest.fixture(scope="module")
def cluster(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Cluster]:
    folder: Path = tmp_path_factory.mktemp("cluster")
    pools = ("Default", "Lobby") * 3
    devices = tuple(DeviceSpec(name, device_pool=pool) for name, pool in zip(NAMES, pools, strict=True))
    made = Cluster.create(
        folder, ClusterSpec(Version.parse("10.5.1.10000-7"), (NodeSpec("pub", "127.0.0.1"),), devices=devices)
    )
    yield made
    made.close()


class Site:
    """Where phones are told to go; counts how often it was asked."""

    def __init__(self) -> None:
        self.asked: list[str] = []
        self.now = 1_500_000_000.0
        self.tvs_port = 2445

    def locate(self, device: str) -> ConfigFacts:
        self.asked.append(device)
        return ConfigFacts(tvs=[Server("127.0.0.1", self.tvs_port)])

    def store(self, cluster: Cluster, *, kept_bytes: int = 96 << 20) -> ConfigStore:
        return ConfigStore(MappingStore(), cluster, "pub", self.locate, clock=lambda: self.now, kept_bytes=kept_bytes)


def held(store: ConfigStore, name: str) -> bytes:
    data = store.lookup(name)
    assert isinstance(data, bytes)
    return data


def test_every_phone_has_its_own_signed_file_and_a_pool_is_looked_up_once_a_second(cluster: Cluster) -> None:
    site = Site()
    store = site.store(cluster)
    files = [store.lookup(f"{name}.cnf.xml.sgn") for name in NAMES]
    signed = [SignedFile.parse(data) for data in files if isinstance(data, bytes)]
    assert [file.header.filename for file in signed] == [f"{name}.cnf.xml.sgn" for name in NAMES]
    assert site.asked == [NAMES[0], NAMES[1]]
    site.now += 1.5
    site.tvs_port = 2446
    assert b"<port>2446</port>" in held(store, f"{NAMES[4]}.cnf.xml")
    assert b"<port>2445</port>" in held(store, f"{NAMES[4]}.cnf.xml.sgn")
    store.reload()
    assert b"<port>2446</port>" in held(store, f"{NAMES[4]}.cnf.xml.sgn")


def test_an_unknown_phone_has_no_file_but_the_default_one(cluster: Cluster) -> None:
    store = Site().store(cluster)
    assert store.lookup("SEPFFFFFFFFFFFF.cnf.xml.sgn") is None
    assert store.lookup("XMLDefault.cnf.xml.sgn") is not None


def test_the_oldest_built_file_goes_when_memory_is_short(cluster: Cluster) -> None:
    store = Site().store(cluster, kept_bytes=5000)
    first = store.lookup(f"{NAMES[0]}.cnf.xml")
    assert store.lookup(f"{NAMES[0]}.cnf.xml") is first
    for name in NAMES[1:]:
        latest = store.lookup(f"{name}.cnf.xml")
        assert store.lookup(f"{name}.cnf.xml") is latest
    again = store.lookup(f"{NAMES[0]}.cnf.xml")
    assert again == first
    assert again is not first


def test_what_is_built_is_xml_whatever_the_facts_hold() -> None:
    from mixedmode.services.files.configs import ConfigFacts, Server
    from mixedmode.services.files.phoneconfig import render_config
    from mixedmode.signedfile.wellformed import xml_problem

    built = render_config(ConfigFacts(load="SCCP\x0b45.<&>\x00\ufffe", call_managers=(Server("a\x1b&b", 2000),)))
    assert xml_problem(built) is None
    assert b"SCCP45.&lt;&amp;&gt;" in built


def test_a_phone_is_told_whether_its_pages_may_be_seen_and_who_may_press_its_keys(cluster: Cluster) -> None:
    store = Site().store(cluster)
    name = NAMES[5]
    asks = f"{name}.cnf.xml"
    assert parse_config(held(store, asks)).web_access is False
    assert parse_config(held(store, asks)).authentication_url is None
    assert b"webAccess" not in held(store, "XMLDefault.cnf.xml")
    url = "http://pub:8080/authenticate.jsp?a=1&b=2"
    cluster.run(ChangeDevice(name, DeviceValues(web_access=True, authentication_url=url)))
    store.forget()
    told = parse_config(held(store, asks))
    assert (told.web_access, told.authentication_url) == (True, url)
    assert b"<vendorConfig><webAccess>0</webAccess></vendorConfig>" in held(store, asks)
    cluster.run(ChangeDevice(name, DeviceValues(web_access=False, authentication_url="")))
    store.forget()
    assert b"<webAccess>1</webAccess>" in held(store, asks)
    assert b"authenticationURL" not in held(store, asks)


def test_a_secure_profile_counts_in_mixed_mode_alone(cluster: Cluster) -> None:
    cluster.run(ChangeDevice(NAMES[4], DeviceValues(security_mode=3)))
    store = Site().store(cluster)
    assert parse_config(held(store, f"{NAMES[4]}.cnf.xml")).device_security_mode == 1
    cluster.run(SetMixedMode())
    store.forget()
    modes = [parse_config(held(store, f"{name}.cnf.xml")).device_security_mode for name in NAMES[3:5]]
    assert modes == [1, 3]
