"""A cluster like the seed's, made once and copied for each test."""

from __future__ import annotations

import asyncio
import shutil
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from datetime import timedelta, timezone
from pathlib import Path

import pytest

from mixedmode.cluster.facade import Cluster
from mixedmode.cluster.model.topology import ClusterSpec, DeviceSpec, NodeSpec
from mixedmode.cluster.model.versions import Version
from mixedmode.faces.shell.session import AdminSession, Outcome
from mixedmode.faces.shell.talk import ScriptedIO
from mixedmode.pki.certificates.profiles import KeyKind

PUBLISHER = "cucm-1051-a-pub"
SUBSCRIBER = "cucm-1051-a-sub1"
CET = timezone(timedelta(hours=1), "CET")

ClusterMaker = Callable[[str], Cluster]


@pytest.fixture(scope="session")
def templates(tmp_path_factory: pytest.TempPathFactory) -> Callable[[str], Path]:
    made: dict[str, Path] = {}

    def template(version: str) -> Path:
        if version not in made:
            made[version] = tmp_path_factory.mktemp("template")
            nodes = (NodeSpec(PUBLISHER, "127.0.0.11"), NodeSpec(SUBSCRIBER, "127.0.0.12"))
            spec = ClusterSpec(Version.parse(version), nodes, rsa_key=KeyKind.RSA_1024)
            Cluster.create(made[version], spec).close()
        return made[version]

    return template


@pytest.fixture(scope="session")
def web_template(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Two nodes and four phones; the keys are of a kind that browsers take."""
    place = tmp_path_factory.mktemp("web") / "cluster"
    nodes = (NodeSpec(PUBLISHER, "127.0.0.11"), NodeSpec(SUBSCRIBER, "127.0.0.12"))
    devices = tuple(DeviceSpec(f"SEP00112233440{at}", "7975", f"Phone {at}") for at in range(4))
    spec = ClusterSpec(Version.parse("10.5.1.10000-7"), nodes, rsa_key=KeyKind.RSA_2048, devices=devices)
    Cluster.create(place, spec).close()
    return place


@pytest.fixture
def make_cluster(templates: Callable[[str], Path], tmp_path: Path) -> Iterator[ClusterMaker]:
    opened: list[Cluster] = []

    def make(version: str) -> Cluster:
        place = tmp_path / f"cluster-{version}"
        shutil.copytree(templates(version), place, symlinks=True)
        opened.append(Cluster.open(place))
        return opened[-1]

    yield make
    for cluster in opened:
        cluster.close()


@pytest.fixture
def cluster(make_cluster: ClusterMaker) -> Cluster:
    return make_cluster("10.5.1.10000-7")


@dataclass
class Terminal:
    """An administrator who types lines and answers, and reads what comes back."""

    session: AdminSession
    last: Outcome = field(default_factory=Outcome)

    def type(self, line: str, *answers: str) -> list[str]:
        io = ScriptedIO(answers)
        self.last = asyncio.run(self.session.run(line, io))
        assert io.unused == [], "a question was not asked"
        return io.lines


@pytest.fixture
def terminal(cluster: Cluster) -> Terminal:
    return Terminal(AdminSession(cluster, PUBLISHER, zone=CET))


@pytest.fixture
def on_subscriber(cluster: Cluster) -> Terminal:
    return Terminal(AdminSession(cluster, SUBSCRIBER, zone=CET))
