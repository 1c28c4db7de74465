"""A cluster for each test of the CTL Provider."""

from __future__ import annotations

from pathlib import Path

import pytest

from mixedmode.cluster.facade import Cluster
from mixedmode.control.accounts import AccountStore
from tests.services.ctlprovider.provider_site import PASSWORD, Lab


@pytest.fixture
def lab(cluster: Cluster, tmp_path: Path) -> Lab:
    accounts = AccountStore(tmp_path / "accounts.json")
    accounts.put("anna", PASSWORD, 1)
    accounts.put("otto", PASSWORD, 0)
    return Lab(cluster, accounts, tmp_path)
