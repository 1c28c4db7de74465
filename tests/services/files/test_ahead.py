"""Configurations that are signed before phones ask, and again only when what they are made of has changed."""

from __future__ import annotations

import asyncio
import shutil
import threading
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from functools import partial
from pathlib import Path
from typing import Self

import pytest

from mixedmode.cluster.facade import Cluster
from mixedmode.cluster.model.parameters import SIGNATURE_ALGORITHM
from mixedmode.cluster.model.topology import ClusterSpec, DeviceSpec, NodeInfo, NodeSpec
from mixedmode.cluster.model.versions import Version
from mixedmode.cluster.operations.devices import AddDevices, ChangeDevice, DeviceValues, RemoveDevice
from mixedmode.cluster.operations.identity.certificates import RegenerateCertificate
from mixedmode.cluster.operations.parameters import SetParameter
from mixedmode.node.units.options import NodeOptions
from mixedmode.node.units.phone_units import PhoneUnits
from mixedmode.phone.body.client import Phone
from mixedmode.phone.body.client import Server as PhoneServer
from mixedmode.phone.mind.models import get_model
from mixedmode.pki.certificates.certificates import Certificate
from mixedmode.pki.certificates.profiles import KeyKind, Purpose, Subject, self_signed
from mixedmode.pki.signing.digests import DigestAlgorithm
from mixedmode.services.files.ahead import Ahead
from mixedmode.services.files.configs import ConfigFacts, ConfigStore, Server
from mixedmode.services.files.store import MappingStore
from mixedmode.signedfile import SignedFile
from tests.pki.material import key
from tests.support import until

NAMES = tuple(f"SEP00112233440{number}" for number in range(6))
soon = partial(until, pause=0.005)


@pytest.fixture(scope="module")
def template(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder: Path = tmp_path_factory.mktemp("cluster") / "c"
    devices = tuple(DeviceSpec(name, "8861", protocol="SIP") for name in NAMES)
    node = NodeSpec("pub", "127.0.0.1")
    spec = ClusterSpec(Version.parse("10.5.1.10000-7"), (node,), rsa_key=KeyKind.RSA_1024, devices=devices)
    Cluster.create(folder, spec).close()
    return folder


@pytest.fixture
def cluster(template: Path, tmp_path: Path) -> Iterator[Cluster]:
    opened = Cluster.open(Path(shutil.copytree(template, tmp_path / "c", symlinks=True)))
    yield opened
    opened.close()


class Site:
    """A node's store, and what keeps it ready."""

    def __init__(self, cluster: Cluster, *, kept_bytes: int = 96 << 20, folder: dict[str, bytes] | None = None) -> None:
        self.cluster = cluster
        self.lscs: dict[str, Certificate] = {}
        self.tvs_port = 2445
        self.configs = ConfigStore(
            MappingStore(folder or {}), cluster, "pub", self.locate, lsc=self.lscs.get, kept_bytes=kept_bytes
        )
        self.ahead = Ahead(self.configs, lambda: cluster.devices, share=0.9)

    def locate(self, _device: str) -> ConfigFacts:
        return ConfigFacts(tvs=[Server("127.0.0.1", self.tvs_port)])

    def __enter__(self) -> Self:
        self.ahead.start()
        return self

    def __exit__(self, *_: object) -> None:
        self.ahead.stop()

    def wait(self, *names: str) -> None:
        assert soon(lambda: all(self.configs.ready(name) for name in names or signed(*NAMES)))

    def asked(self, name: str) -> bytes:
        data = self.configs.lookup(name)
        assert isinstance(data, bytes)
        return data


def signed(*names: str) -> list[str]:
    return [f"{name}.cnf.xml.sgn" for name in names]


def lsc(serial: int) -> Certificate:
    now = datetime.now(UTC).replace(microsecond=0) - timedelta(days=1)
    return self_signed(
        Purpose.PHONE_LSC, subject=Subject(NAMES[0]), key=key(KeyKind.RSA_1024, 0), now=now, serial=serial
    )


def test_a_phone_that_asks_after_the_warm_up_has_nothing_signed_for_it(cluster: Cluster) -> None:
    info: NodeInfo = cluster.nodes()[0]
    units = PhoneUnits(cluster, info, lambda _device: ConfigFacts(), NodeOptions({"tftp": 0}))

    async def boot() -> None:
        service = units.service("tftp", 0)
        await service.start()
        try:
            assert await asyncio.to_thread(soon, lambda: service.metrics["configurations_ready"] == len(NAMES))
            assert service.metrics["configurations_signed"] == len(NAMES)
            for name in NAMES[:2]:
                phone = Phone(name, get_model("8861"))
                report = await phone.boot(PhoneServer("127.0.0.1", service.port, http_port=None))
                assert not report.refused, report.log
                assert phone.state.config_name == f"{name}.cnf.xml.sgn"
            assert service.metrics["configurations_signed"] == len(NAMES)
            assert await service.drain(1.0) == 0
            assert "configurations" not in {thread.name for thread in threading.enumerate()}
        finally:
            await service.stop()

    asyncio.run(asyncio.wait_for(boot(), 60))


def test_what_has_not_changed_is_not_signed_again(cluster: Cluster) -> None:
    with Site(cluster) as site:
        site.wait()
        before = {name: site.asked(name) for name in signed(*NAMES)}
        site.configs.forget()
        site.wait()
        site.configs.reload()
        site.wait()
        assert all(site.asked(name) is data for name, data in before.items())
        assert site.configs.signed == len(NAMES)


def test_a_changed_device_has_its_own_file_signed_again_and_no_other(cluster: Cluster) -> None:
    with Site(cluster) as site:
        site.wait()
        before = {name: site.asked(name) for name in signed(*NAMES)}
        cluster.run(ChangeDevice(NAMES[3], DeviceValues(web_access=True)))
        site.configs.forget()
        assert b"<webAccess>0" in site.asked(f"{NAMES[3]}.cnf.xml.sgn"), "at once"
        site.wait()
        after = {name: site.asked(name) for name in signed(*NAMES)}
        assert [name for name in before if after[name] is not before[name]] == signed(NAMES[3])
        assert site.configs.signed <= len(NAMES) + 2, "by who came first, or by both at once"


def test_devices_come_and_go(cluster: Cluster) -> None:
    with Site(cluster) as site:
        site.wait()
        cluster.run(AddDevices((DeviceSpec("SEP0011223344AA"),)))
        cluster.run(RemoveDevice(NAMES[0]))
        site.configs.forget()
        assert site.configs.lookup(f"{NAMES[0]}.cnf.xml.sgn") is None
        site.wait("SEP0011223344AA.cnf.xml.sgn", *signed(*NAMES[1:]))
        assert soon(lambda: site.configs.ready_count == len(NAMES))
        assert site.configs.signed == len(NAMES) + 1
        assert site.configs.lookup(f"{NAMES[0]}.cnf.xml.sgn") is None


def test_changed_servers_are_in_the_next_file(cluster: Cluster) -> None:
    with Site(cluster) as site:
        site.wait()
        site.tvs_port = 2446
        site.configs.forget()
        assert all(b"<port>2446</port>" in site.asked(name) for name in signed(*NAMES))


def test_another_key_and_another_digest_sign_from_the_restart_on(cluster: Cluster) -> None:
    with Site(cluster) as site:
        site.wait()
        old = cluster.own_certificate("pub", Purpose.CALLMANAGER.value)
        cluster.run(RegenerateCertificate("pub", Purpose.CALLMANAGER.value))
        cluster.run(SetParameter(SIGNATURE_ALGORITHM.name, "SHA-512"))
        site.configs.forget()
        site.wait()
        assert site.configs.signed == len(NAMES), "until TFTP restarts its ITL names the old key"
        assert signer_of(site.asked(f"{NAMES[0]}.cnf.xml.sgn")) == old.serial
        site.configs.reload()
        new = cluster.own_certificate("pub", Purpose.CALLMANAGER.value)
        assert signer_of(site.asked(f"{NAMES[0]}.cnf.xml.sgn")) == new.serial != old.serial
        site.wait()
        assert {signer_of(site.asked(name)) for name in signed(*NAMES)} == {new.serial}
        assert SignedFile.parse(site.asked(f"{NAMES[1]}.cnf.xml.sgn")).header.digest is DigestAlgorithm.SHA512


def signer_of(data: bytes) -> bytes | None:
    return SignedFile.parse(data).header.signer_serial


def test_an_encrypted_device_has_stub_and_encrypted_file_ready_for_its_lsc(cluster: Cluster) -> None:
    stub, encrypted = f"{NAMES[0]}.cnf.xml.sgn", f"{NAMES[0]}.cnf.xml.enc.sgn"
    with Site(cluster) as site:
        site.wait()
        cluster.run(ChangeDevice(NAMES[0], DeviceValues(security_mode=3)))
        site.lscs[NAMES[0]] = lsc(5)
        site.configs.forget()
        site.wait(stub, encrypted)
        before = site.asked(encrypted)
        site.configs.forget()
        site.wait(stub, encrypted)
        assert site.asked(encrypted) is before
        site.lscs[NAMES[0]] = lsc(6)
        site.configs.forget()
        assert site.asked(encrypted) != before
        del site.lscs[NAMES[0]]
        site.configs.forget()
        assert site.configs.lookup(encrypted) is None
        site.wait()


def test_what_finds_no_room_turns_nothing_out_and_is_built_when_asked_for(cluster: Cluster) -> None:
    with Site(cluster, kept_bytes=4000) as site:
        assert soon(lambda: site.configs.ready_count > 0)
        site.ahead.stop()
        ready = [name for name in signed(*NAMES) if site.configs.ready(name)]
        assert 0 < len(ready) < len(NAMES)
        assert ready == signed(*NAMES)[: len(ready)]
        assert site.configs.signed <= len(ready) + 1
        assert all(site.asked(name) for name in signed(*NAMES))


def test_a_file_of_the_folder_is_not_built(cluster: Cluster) -> None:
    own = f"{NAMES[0]}.cnf.xml.sgn"
    with Site(cluster, folder={own: b"by hand"}) as site:
        site.wait()
        assert site.configs.signed == len(NAMES) - 1


def test_what_was_read_before_a_change_is_never_ready_after_it(cluster: Cluster) -> None:
    site = Site(cluster)
    state, device = site.configs.state, cluster.devices.get(NAMES[0])
    site.configs.forget()
    assert site.configs.make_ready(device, state)
    assert not site.configs.ready(f"{NAMES[0]}.cnf.xml.sgn")
