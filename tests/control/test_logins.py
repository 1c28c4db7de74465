"""Who guesses passwords locks out himself: from one address and many, over a restart, on both databases."""

from __future__ import annotations

import asyncio
import json
import time
from dataclasses import replace
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from mixedmode.control import accounts as accounts_module
from mixedmode.control import logins
from mixedmode.control.accounts import Account, AccountStore
from mixedmode.control.logins import LoginGuard, LoginPolicy
from mixedmode.services.net.guesses import Guesses
from tests.faces.sshlab import PASSWORD
from tests.postgres import postgres_database, postgres_server
from tests.support import eventually

__all__ = ["postgres_database", "postgres_server"]

ATTACKER = "192.0.2.66"
ADMIN = "198.51.100.7"
POLICY = LoginPolicy(delay_seconds=0.0005, longest_delay=0.001)


class Clock:
    def __init__(self) -> None:
        self.seconds = 1000.0

    def __call__(self) -> float:
        return self.seconds


@pytest.fixture(scope="module")
def accounts(tmp_path_factory: pytest.TempPathFactory) -> bytes:
    store = AccountStore(tmp_path_factory.mktemp("accounts") / "accounts.json")
    store.put("administrator", PASSWORD, 4)
    return store.path.read_bytes()


class CheapStore(AccountStore):
    """Checks passwords without the work, and counts."""

    checked = 0

    def verify(self, name: str, password: str) -> Account | None:
        self.checked += 1
        account = self.find(name)
        return account if account is not None and password == PASSWORD else None


@pytest.fixture
def store(accounts: bytes, tmp_path: Path) -> CheapStore:
    (tmp_path / "accounts.json").write_bytes(accounts)
    return CheapStore(tmp_path / "accounts.json")


def guess(guard: LoginGuard, times: int, *sources: str, name: str = "administrator") -> None:
    async def run() -> None:
        for source in sources:
            for number in range(times):
                assert await guard.check_password(name, f"wrong-{number}", source) is None

    asyncio.run(run())


def lets_in(guard: LoginGuard, source: str, name: str = "administrator") -> bool:
    return asyncio.run(guard.check_password(name, PASSWORD, source)) is not None


@pytest.mark.parametrize(
    ("sources", "times"),
    [
        ([ATTACKER], 100),
        ([f"192.0.2.{number}" for number in range(1, 40)], 6),
        ([f"2001:db8:{number:x}::1" for number in range(1, 40)], 6),
        ([f"2001:db8::{number:x}" for number in range(1, 40)], 2),
        ([f"::ffff:192.0.2.{number}" for number in range(1, 30)], 6),
    ],
    ids=["one", "many", "many networks", "one network", "mapped"],
)
def test_guesses_lock_out_nobody_but_who_made_them(store: CheapStore, sources: list[str], times: int) -> None:
    guard = LoginGuard(store, POLICY)
    guess(guard, times, *sources)
    assert not lets_in(guard, sources[0])
    assert not lets_in(guard, sources[-1])
    for source in (ADMIN, "2001:db8:ffff::1", "127.0.0.1", "::1"):
        assert lets_in(guard, source)
    again = LoginGuard(store, POLICY)
    assert not lets_in(again, sources[-1])
    for source in (ADMIN, "2001:db8:ffff::1", "127.0.0.1", "::1"):
        assert lets_in(again, source)


def test_a_locked_source_is_not_even_looked_at_and_feeds_no_counter_of_the_account(store: CheapStore) -> None:
    guard = LoginGuard(store, replace(POLICY, account_attempts=6))
    guess(guard, 100, ATTACKER)
    assert store.checked == 5
    guess(guard, 1, "192.0.2.67")
    assert guard._guesses.slowed("administrator", ADMIN, guard.now()) == 0.0005
    guess(guard, 100, ATTACKER)
    assert guard._guesses.slowed("administrator", ADMIN, guard.now()) == 0.0005


def test_an_account_under_attack_is_slow_for_others_and_never_for_this_machine() -> None:
    guesses = Guesses(LoginPolicy())
    for number in range(500):
        guesses.failed("administrator", f"192.0.2.{number // 4}", 0.0)
        if number == 48:
            assert guesses.slowed("administrator", ADMIN, 0.0) == 0
        if number == 49:
            assert guesses.slowed("administrator", ADMIN, 0.0) == 1
    assert guesses.slowed("administrator", ADMIN, 0.0) == 8
    assert guesses.slowed("operator", ADMIN, 0.0) == 0
    assert guesses.slowed("administrator", "127.0.0.1", 0.0) == 0
    assert guesses.slowed("administrator", ADMIN, 301.0) == 0
    assert not guesses.is_locked("administrator", ADMIN, 0.0)


def test_this_machine_is_never_locked_and_locks_nobody(store: CheapStore) -> None:
    guard = LoginGuard(store, POLICY)
    for local in ("127.0.0.1", "::1"):
        guess(guard, 60, local)
        assert lets_in(guard, local)
    assert guard._guesses.slowed("administrator", ADMIN, guard.now()) == 0
    assert not store.path.with_name("login-locks.json").exists()


def test_many_connections_at_once_are_one_source(store: CheapStore) -> None:
    guard = LoginGuard(store, POLICY)

    async def run() -> None:
        tries = [guard.check_password("administrator", f"wrong-{number}", ATTACKER) for number in range(60)]
        assert set(await asyncio.gather(*tries)) == {None}

    asyncio.run(run())
    assert store.checked == 5


def test_a_guess_counts_though_its_client_goes_away(store: CheapStore) -> None:
    guard = LoginGuard(store, POLICY)

    async def run() -> None:
        for number in range(10):
            attempt = asyncio.ensure_future(guard.check_password("administrator", f"wrong-{number}", ATTACKER))
            await asyncio.sleep(0)
            await asyncio.sleep(0)
            attempt.cancel()
        await eventually(lambda: not guard._attempts)

    asyncio.run(run())
    assert guard.is_locked("administrator", ATTACKER)
    assert store.checked == 5


def test_others_do_not_wait_for_a_crowd(store: CheapStore, monkeypatch: pytest.MonkeyPatch) -> None:
    looked_at: list[str] = []

    def slow(self: CheapStore, _name: str, password: str) -> Account | None:
        looked_at.append(password)
        time.sleep(0.02)
        return self.find("administrator") if password == PASSWORD else None

    monkeypatch.setattr(CheapStore, "verify", slow)
    guard = LoginGuard(store, POLICY)

    async def run() -> list[int]:
        crowd = [
            asyncio.ensure_future(guard.check_password("administrator", "wrong", f"192.0.2.{number // 20}"))
            for number in range(200)
        ]
        await eventually(lambda: looked_at)
        before = []
        for number, source in enumerate(("127.0.0.1", ADMIN), 1):
            asked = len(looked_at)
            assert await guard.check_password("administrator", PASSWORD, source) is not None
            assert looked_at.count(PASSWORD) == number
            before.append(len(looked_at) - asked)
        await asyncio.gather(*crowd)
        return before

    assert max(asyncio.run(run())) < 25 < len(looked_at) - 2, "a turn for each source of the crowd, not for each try"


def test_an_unknown_account_costs_the_same_work_and_time(accounts: bytes, tmp_path: Path) -> None:
    (tmp_path / "accounts.json").write_bytes(accounts)
    guard = LoginGuard(AccountStore(tmp_path / "accounts.json"), LoginPolicy(delay_seconds=0.25, longest_delay=0.25))
    worked: list[str] = []
    real = accounts_module._KINDS["argon2id"]

    def counted(*arguments: Any, **named: Any) -> bytes:
        worked.append("argon2id")
        clock.seconds += len(worked) / 64
        return real(*arguments, **named)

    clock = Clock()

    async def sleep(seconds: float) -> None:
        clock.seconds += max(0.0, seconds)

    async def run(name: str, source: str) -> tuple[float, int]:
        before, begun = len(worked), clock.seconds
        assert await guard.check_password(name, "wrong-1", source) is None
        return clock.seconds - begun, len(worked) - before

    with pytest.MonkeyPatch.context() as patch:
        patch.setitem(accounts_module._KINDS, "argon2id", counted)
        patch.setattr(logins, "time", SimpleNamespace(monotonic=clock))
        patch.setattr(asyncio, "sleep", sleep)
        answers = {
            asyncio.run(run(name, f"192.0.2.{number}")) for name in ("administrator", "nobody") for number in range(4)
        }
    # The answer comes when its delay is over, not so long after the work is done, which takes its time.
    assert answers == {(0.25, 1)}


def test_locks_in_the_file_are_bounded(store: CheapStore, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(logins, "_KEPT_LOCKS", 100)
    guard = LoginGuard(store, replace(POLICY, attempts=1))

    async def run() -> None:
        tries = [
            guard.check_password("administrator", "wrong", f"10.{number // 250}.0.{number % 250}")
            for number in range(150)
        ]
        await asyncio.gather(*tries)

    asyncio.run(run())
    rows = json.loads(store.path.with_name("login-locks.json").read_bytes())
    assert len(rows) == 100


@settings(max_examples=50, deadline=None)
@given(
    st.lists(
        st.tuples(
            st.sampled_from(["administrator", "operator", "nobody"]),
            st.sampled_from([f"192.0.2.{number}" for number in range(6)] + ["127.0.0.1"]),
            st.floats(0, 40),
        ),
        max_size=200,
    )
)
def test_whoever_did_not_guess_is_not_locked(tries: list[tuple[str, str, float]]) -> None:
    guesses, now = Guesses(LoginPolicy()), 0.0
    for account, source, passed in tries:
        now += passed
        assert 0 < guesses.failed(account, source, now) <= 8
        for name in ("administrator", "operator", "nobody"):
            assert not guesses.is_locked(name, ADMIN, now)
            assert not guesses.is_locked(name, "127.0.0.1", now)
            assert guesses.slowed(name, ADMIN, now) <= 8
