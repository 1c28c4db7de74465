"""A cluster in mixed mode with phones of each outcome, in whose names strangers wrote script."""

from __future__ import annotations

import shutil
import time
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

import pytest

from mixedmode.cluster.engine.principal import Principal
from mixedmode.cluster.facade import Cluster
from mixedmode.cluster.model.sightings import Asked, Delivery, Fetched, Registered, Reported, Seen
from mixedmode.cluster.model.topology import DeviceSpec
from mixedmode.cluster.publishing import archive
from mixedmode.control.door import Control
from mixedmode.control.phones import WasTold
from tests.cluster.building import copied
from tests.faces.web.weblab import WebLab, web_lab

SCRIPT = "<script>alert(1)</script><img src=x onerror=alert(2)>"
FORMULA = '=HYPERLINK("http://evil.test","x")'
ADMIN = Principal("administrator", 4)
DEVICES = (
    DeviceSpec("SEP0011223355A0", "7975", SCRIPT, device_pool=f"DP {SCRIPT}", security_mode=3),
    DeviceSpec("SEP0011223355A1", "7965", FORMULA, device_pool="DP-Krakow"),
    DeviceSpec("SEP0011223355A2", "7940", "behind a door", device_pool="DP-Krakow", security_mode=3),
    DeviceSpec("SEP0011223355A3", "7960", "+48 12", device_pool="DP-Krakow"),
    DeviceSpec("SEP0011223355A4", "8861", "@office"),
)
FOLLOWS, BEHIND, LOCKED, FROZEN, UNKNOWN = (each.name for each in DEVICES)


def operate(cluster: Cluster, title: str, **fields: str) -> None:
    control = Control(cluster)
    control.run(ADMIN, control.operation(title, fields))


@dataclass
class Hands:
    """Reset phones as a node would: they register again at once, but those that it does not know."""

    cluster: Cluster
    away: str = LOCKED

    async def reset(self, principal: Principal, names: Sequence[str]) -> WasTold:
        told = tuple(name for name in names if name != self.away)
        for name in told:
            seen = Seen(registered=Registered(time.time() + 1, "127.0.0.9", "non-secure"))
            self.cluster.sightings.add({name: seen})
        return WasTold(told)


@pytest.fixture(scope="session")
def trust_template(web_template: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    place = shutil.copytree(web_template, tmp_path_factory.mktemp("trust") / "cluster", symlinks=True)
    cluster = Cluster.open(place)
    cluster.devices.add(DEVICES)
    operate(cluster, "utils ctl set-cluster mixed-mode")
    old = {each.name: each for each in archive.history(cluster.database) if each.node in {"", cluster.publisher.name}}
    operate(cluster, "set cert regen", node=cluster.publisher.name, unit="CallManager")
    operate(cluster, "utils ctl update CTLFile")
    cluster.publish_missing_itls()
    now = time.time() - 7200
    new = {each.name: each for each in archive.history(cluster.database) if each.node in {"", cluster.publisher.name}}
    for name, held in ((FOLLOWS, new), (BEHIND, old), (LOCKED, old), (FROZEN, old)):
        seen = Seen(
            fetched=Fetched(now - 2, "127.0.0.77", f"{name}.cnf.xml.sgn"),
            asked=Asked(now - 3, "127.0.0.77", "6B1D357B", known=True),
            registered=Registered(now - 1, "127.0.0.77", "encrypted" if name == FOLLOWS else "non-secure"),
        )
        seen.deliver("CTL", Delivery(now - 5, "127.0.0.77", held["CTLFile.tlv"].sha256))
        seen.report(Reported(now, held["CTLFile.tlv"].sha1, held["ITLFile.tlv"].sha1))
        cluster.sightings.add({name: seen})
    cluster.close()
    return place


def with_hands(template: Path, place: Path) -> Iterator[WebLab]:
    with copied(template, place) as cluster, web_lab(cluster, phones=Hands(cluster)) as running:
        yield running


@pytest.fixture(scope="session")
def fleet(trust_template: Path, tmp_path_factory: pytest.TempPathFactory) -> Iterator[WebLab]:
    """Its pages; nobody changes the cluster, but the phones that are reset."""
    yield from with_hands(trust_template, tmp_path_factory.mktemp("fleet"))


@pytest.fixture
def own_fleet(trust_template: Path, tmp_path: Path) -> Iterator[WebLab]:
    """The same for one test that changes something."""
    yield from with_hands(trust_template, tmp_path)
