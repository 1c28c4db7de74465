"""Given a mixed-mode cluster, when it is set to non-secure mode, then phones follow a CTL without call managers."""

from __future__ import annotations

import json

import pytest

from tests.support import run_mixedmode


@pytest.mark.parametrize("nodes", ["2", "5"])
def test_every_phone_follows_into_non_secure_mode(nodes: str) -> None:
    done = run_mixedmode("rehearse", "mixed-to-non-secure", "--phones", "8", "--nodes", nodes, "--json", timeout=100)
    assert done.returncode == 0, done.stderr
    report = json.loads(done.stdout)
    assert report["held"] is True
    assert all(phone["held"] for phone in report["phones"])
    assert {phone["alarm"] for phone in report["phones"]} == {"TL_SUCCESS"}
    assert {check["what"]: check["held"] for check in report["checks"]}["the CTL names no call manager's certificate"]
    transcript = "\n".join(report["transcript"])
    assert "This operation will set the cluster to non secure mode. Do you want to continue? (y/n):y" in transcript
    assert "Cluster set to Non Secure Mode" in transcript
