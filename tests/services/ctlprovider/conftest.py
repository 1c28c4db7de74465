"""A cluster for each test of the CTL Provider."""

from __future__ import annotations

import shutil
from collections.abc import Iterator
from pathlib import Path

import pytest

from mixedmode.cluster.facade import Cluster
from mixedmode.control.accounts import AccountStore
from tests.cluster.building import make
from tests.services.ctlprovider.provider_site import PASSWORD, Lab


@pytest.fixture(scope="module")
def template(tmp_path_factory: pytest.TempPathFactory) -> Path:
    directory = tmp_path_factory.mktemp("provider") / "cluster"
    make(directory).close()
    return directory


@pytest.fixture
def lab(template: Path, tmp_path: Path) -> Iterator[Lab]:
    cluster = Cluster.open(Path(shutil.copytree(template, tmp_path / "cluster", symlinks=True)))
    accounts = AccountStore(tmp_path / "accounts.json")
    accounts.put("anna", PASSWORD, 1)
    accounts.put("otto", PASSWORD, 0)
    yield Lab(cluster, accounts, tmp_path)
    cluster.close()
