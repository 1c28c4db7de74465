"""A fresh copy of the seed's cluster for each test; its keys are made once."""

from __future__ import annotations

import shutil
from collections.abc import Iterator
from pathlib import Path

import pytest

from mixedmode.cluster.facade import Cluster
from tests.cluster.building import make
from tests.postgres import postgres_database, postgres_server

__all__ = ["postgres_database", "postgres_server"]


@pytest.fixture(scope="session")
def seed_template(tmp_path_factory: pytest.TempPathFactory) -> Path:
    directory = tmp_path_factory.mktemp("seed") / "cluster"
    make(directory).close()
    return directory


@pytest.fixture
def seed_directory(seed_template: Path, tmp_path: Path) -> Path:
    return Path(shutil.copytree(seed_template, tmp_path / "cluster", symlinks=True))


@pytest.fixture
def cluster(seed_directory: Path) -> Iterator[Cluster]:
    """Two nodes of 10.5(1), in non-secure mode, without a CTL file."""
    opened = Cluster.open(seed_directory)
    yield opened
    opened.close()
