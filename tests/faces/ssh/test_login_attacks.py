"""Guesses over SSH, and clients that try to dodge the count, on both databases."""

from __future__ import annotations

import asyncio
import subprocess
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import asyncssh
import pytest

from mixedmode.cluster.facade import Cluster
from mixedmode.cluster.model.topology import ClusterSpec, NodeSpec
from mixedmode.cluster.model.versions import Version
from mixedmode.control.accounts import Account
from mixedmode.control.logins import LoginGuard, LoginPolicy
from mixedmode.pki.certificates.profiles import KeyKind
from tests.faces.conftest import PUBLISHER
from tests.faces.sshlab import QUICK, SshLab, ssh_lab
from tests.postgres import postgres_database, postgres_server
from tests.support import eventually, until

__all__ = ["postgres_database", "postgres_server"]

BLUNT = replace(QUICK, logins=LoginPolicy(attempts=2, account_attempts=4, delay_seconds=0.01, longest_delay=0.05))


@pytest.fixture
def postgres_cluster(postgres_database: str, tmp_path: Path) -> Iterator[Cluster]:
    nodes = (NodeSpec(PUBLISHER, "127.0.0.11"),)
    spec = ClusterSpec(Version.parse("10.5.1.10000-7"), nodes, rsa_key=KeyKind.RSA_1024)
    Cluster.create(tmp_path / "on-postgres", spec, database_url=postgres_database).close()
    cluster = Cluster.open(tmp_path / "on-postgres", database_url=postgres_database)
    yield cluster
    cluster.close()


@pytest.fixture(params=["sqlite", "postgresql"])
def lab(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[SshLab]:
    if request.param == "sqlite":
        cluster: Cluster = request.getfixturevalue("cluster")
    else:
        cluster = request.getfixturevalue("postgres_cluster")
    with ssh_lab(cluster, PUBLISHER, tmp_path, BLUNT) as lab:
        yield lab


def batter(lab: SshLab, source: str, times: int) -> None:
    async def run() -> None:
        for number in range(times):
            with pytest.raises((asyncssh.PermissionDenied, asyncssh.DisconnectError, OSError)):
                await asyncssh.connect(
                    "127.0.0.1",
                    lab.port,
                    username="administrator",
                    password=f"wrong-{number}",
                    client_keys=None,
                    agent_path=None,
                    known_hosts=None,
                    config=None,
                    local_addr=(source, 0),
                )

    asyncio.run(run())


@pytest.mark.interop("ssh")
def test_an_attack_over_ssh_leaves_everybody_else_their_way_in(lab: SshLab, tmp_path: Path) -> None:
    key = tmp_path / "id"
    subprocess.run(["ssh-keygen", "-q", "-t", "ed25519", "-N", "", "-f", key], check=True)
    lab.service.accounts.allow_key("administrator", key.with_suffix(".pub").read_text())
    for number in range(20, 26):
        batter(lab, f"127.0.0.{number}", 3)
    assert lab.ssh("-b", "127.0.0.20", "show version active").returncode == 255
    by_key = ("-i", str(key), "-o", "BatchMode=yes")
    for source in ("127.0.0.20", "127.0.0.99", "127.0.0.1"):
        assert lab.ssh("-b", source, *by_key, "show version active", password="wrong").returncode == 0
    for source in ("127.0.0.99", "127.0.0.1"):
        done = lab.ssh("-b", source, "show version active")
        assert done.returncode == 0, done.stderr


@pytest.mark.interop("ssh")
def test_a_client_that_begins_anew_before_its_answer_is_counted_each_time(
    cluster: Cluster, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    limits = replace(BLUNT, logins=replace(BLUNT.logins, delay_seconds=0.4, longest_delay=0.4))
    with ssh_lab(cluster, PUBLISHER, tmp_path, limits) as lab:
        guard, came = lab.service.guard, list[str]()
        check = LoginGuard.check_password

        async def noted(guard: LoginGuard, name: str, password: str, address: str) -> Account | None:
            came.append(password)
            return await check(guard, name, password, address)

        monkeypatch.setattr(LoginGuard, "check_password", noted)

        async def hurry(number: int) -> None:
            connection = asyncssh.connect(
                "127.0.0.1", lab.port, username="administrator", password=f"wrong-{number}", client_keys=None,
                agent_path=None, known_hosts=None, config=None, local_addr=("127.0.0.30", 0),
            )  # fmt: skip
            attempt = asyncio.ensure_future(connection)
            await eventually(lambda: f"wrong-{number}" in came)
            attempt.cancel()
            await asyncio.gather(attempt, return_exceptions=True)

        async def run() -> None:
            for number in range(4):
                await hurry(number)

        asyncio.run(run())
        assert until(lambda: guard.is_locked("administrator", "127.0.0.30"))
        assert until(lambda: not guard._attempts)
        assert lab.ssh("-b", "127.0.0.30", "show version active").returncode == 255
    refused = [entry for entry in cluster.operations.journal.audit() if entry.action == "login"]
    assert len(refused) >= 4
    assert {entry.outcome for entry in refused} == {"refused"}


def test_a_client_may_not_offer_keys_for_ever(cluster: Cluster, tmp_path: Path) -> None:
    with ssh_lab(cluster, PUBLISHER, tmp_path, BLUNT) as lab:
        keys = [asyncssh.generate_private_key("ssh-ed25519") for _ in range(60)]

        async def offer() -> None:
            await asyncssh.connect(
                "127.0.0.1", lab.port, username="administrator", client_keys=keys, agent_path=None, known_hosts=None,
                config=None, local_addr=("127.0.0.31", 0),
            )  # fmt: skip

        with pytest.raises(asyncssh.DisconnectError, match="Too many authentication failures"):
            asyncio.run(offer())
