"""Accounts and the guard before them."""

from __future__ import annotations

import asyncio
import hashlib
import json
import stat
from pathlib import Path

import pytest

from mixedmode.cluster.model.errors import DatabaseError
from mixedmode.control.accounts import Account, AccountStore, hash_password, password_fits
from mixedmode.control.logins import LoginGuard, LoginPolicy
from mixedmode.errors import MalformedError, UsageError


@pytest.fixture
def store(tmp_path: Path) -> AccountStore:
    store = AccountStore(tmp_path / "accounts.json")
    store.put("administrator", "correct horse", 4)
    return store


def test_the_file_is_private_and_holds_no_password(store: AccountStore) -> None:
    assert stat.S_IMODE(store.path.stat().st_mode) == 0o600
    assert "correct horse" not in store.path.read_text()
    first, second = hash_password("same"), hash_password("same")
    assert first != second
    assert password_fits("same", first)
    assert not password_fits("Same", first)


def test_verify(store: AccountStore) -> None:
    account = store.verify("administrator", "correct horse")
    assert account is not None
    assert account.privilege == 4
    assert store.verify("administrator", "wrong") is None
    assert store.verify("nobody", "correct horse") is None
    assert store.verify("administrator", "x" * 100_000) is None


@pytest.mark.parametrize(
    ("name", "password", "level"),
    [("1st", "secret", 1), ("a b", "secret", 1), ("bob", "short", 1), ("bob", "secret", 2)],
)
def test_what_is_not_allowed(store: AccountStore, name: str, password: str, level: int) -> None:
    with pytest.raises(UsageError):
        store.put(name, password, level)


def test_the_last_account_of_level_4_stays(store: AccountStore) -> None:
    with pytest.raises(UsageError, match="last account of level 4"):
        store.remove("administrator")


@pytest.mark.parametrize("content", ["", "{}", '{"accounts": [{"name": "x"}]}', "[1]"])
def test_a_damaged_file_is_named(store: AccountStore, content: str) -> None:
    store.path.write_text(content)
    with pytest.raises(MalformedError, match="damaged"):
        store.verify("administrator", "correct horse")


class Clock:
    def __init__(self) -> None:
        self.seconds = 0.0

    def __call__(self) -> float:
        return self.seconds


@pytest.fixture
def clock() -> Clock:
    return Clock()


@pytest.fixture
def guard(store: AccountStore, clock: Clock) -> LoginGuard:
    return LoginGuard(store, LoginPolicy(attempts=3, address_attempts=6, account_attempts=9), clock)


def test_each_failure_costs_more_time(guard: LoginGuard) -> None:
    assert [guard.failed("administrator", "192.0.2.1") for _ in range(6)] == [1, 2, 4, 8, 8, 8]


def test_a_lock_is_for_an_account_from_one_address(guard: LoginGuard, clock: Clock) -> None:
    for _ in range(3):
        guard.failed("administrator", "192.0.2.1")
    assert guard.is_locked("administrator", "192.0.2.1")
    assert not guard.is_locked("administrator", "192.0.2.2")
    assert not guard.is_locked("operator", "192.0.2.1")
    clock.seconds = 301
    assert not guard.is_locked("administrator", "192.0.2.1")


def test_an_address_that_tries_every_name_is_locked(guard: LoginGuard) -> None:
    for number in range(6):
        guard.failed(f"name{number}", "192.0.2.1")
    assert guard.is_locked("administrator", "192.0.2.1")


def test_a_locked_account_refuses_the_right_password(guard: LoginGuard) -> None:
    quick = LoginGuard(guard.accounts, LoginPolicy(attempts=1, delay_seconds=0.01))

    async def run() -> None:
        assert await quick.check_password("administrator", "wrong", "192.0.2.1") is None
        assert await quick.check_password("administrator", "correct horse", "192.0.2.1") is None
        assert await quick.check_password("administrator", "correct horse", "192.0.2.9") is not None

    asyncio.run(run())


def fail(guard: LoginGuard, times: int) -> None:
    async def run() -> None:
        for _ in range(times):
            assert await guard.check_password("administrator", "wrong", "192.0.2.1") is None

    asyncio.run(run())


def test_a_lock_outlives_a_restart_and_no_more_than_its_time(store: AccountStore, clock: Clock) -> None:
    policy = LoginPolicy(attempts=2, lock_seconds=300, delay_seconds=0.001)
    wall = Clock()
    wall.seconds = 1_700_000_000
    fail(LoginGuard(store, policy, clock, wall), 2)
    file = store.path.with_name("login-locks.json")
    assert stat.S_IMODE(file.stat().st_mode) == 0o600

    wall.seconds += 200
    clock.seconds = 5
    again = LoginGuard(store, policy, clock, wall)
    assert again.is_locked("administrator", "192.0.2.1")
    assert not again.is_locked("administrator", "192.0.2.2")
    clock.seconds += 101
    assert not again.is_locked("administrator", "192.0.2.1")

    wall.seconds -= 1_000_000  # the clock was set back: the lock lasts as if it began now
    back = LoginGuard(store, policy, clock, wall)
    assert back.is_locked("administrator", "192.0.2.1")
    clock.seconds += 301
    assert not back.is_locked("administrator", "192.0.2.1")


def test_only_locks_are_written(store: AccountStore) -> None:
    policy = LoginPolicy(attempts=3, delay_seconds=0.001)
    fail(LoginGuard(store, policy), 2)
    file = store.path.with_name("login-locks.json")
    assert not file.exists()
    fail(LoginGuard(store, policy), 3)
    assert [row["failures"] for row in json.loads(file.read_bytes())] == [3]


@pytest.mark.parametrize(
    "content", ["", "{", "[1]", '[{"account": 1}]', '[{"account":"a","address":"b","failures":"x"}]']
)
def test_a_damaged_file_of_locks_locks_nobody_out(store: AccountStore, content: str) -> None:
    store.path.with_name("login-locks.json").write_text(content)
    assert not LoginGuard(store).is_locked("administrator", "192.0.2.1")


def test_a_lock_is_told_of_when_it_begins(store: AccountStore) -> None:
    told: list[tuple[str, str]] = []
    policy = LoginPolicy(attempts=2, address_attempts=4, delay_seconds=0.001)
    guard = LoginGuard(store, policy, told=lambda account, source: told.append((account, source)))
    fail(guard, 1)
    assert told == []
    fail(guard, 3)
    assert told == [("administrator", "192.0.2.1"), ("", "192.0.2.1")]


def test_a_database_that_is_down_locks_all_the_same(store: AccountStore) -> None:
    def down(_account: str, _source: str) -> None:
        raise DatabaseError("the database does not answer")

    guard = LoginGuard(store, LoginPolicy(attempts=2, delay_seconds=0.001), told=down)
    fail(guard, 3)
    assert guard.is_locked("administrator", "192.0.2.1")


@pytest.mark.usefixtures("password_cost")
def test_an_older_hash_becomes_one_of_today_at_the_next_login(tmp_path: Path) -> None:
    store = AccountStore(tmp_path / "accounts.json")
    store.put("operator", "Marmalade-1", 1)
    salt = bytes(16)
    old = hashlib.scrypt(b"Marmalade-1", salt=salt, n=1 << 14, r=8, p=1, maxmem=1 << 26)
    store._save([Account("operator", 1, f"scrypt$16384$8$1${salt.hex()}${old.hex()}", ("ssh-ed25519 AAAA",))])
    assert store.verify("operator", "wrong-1") is None
    assert store.all()[0].password.startswith("scrypt$")
    found = store.verify("operator", "Marmalade-1")
    assert found is not None
    assert found.password.startswith("argon2id$19456$2$1$")
    assert store.all() == [found]
    assert found.keys == ("ssh-ed25519 AAAA",)
    assert store.verify("operator", "Marmalade-1") == found
