"""Guided runs and orders of phones in the database, on SQLite and PostgreSQL."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from mixedmode.cluster.model.errors import ClusterBusyError, NotFoundError
from mixedmode.cluster.store.database import Database, sqlite_url
from mixedmode.cluster.store.guide_runs import GuideRuns, KeptRun
from mixedmode.cluster.store.phone_orders import GOOD_FOR, PhoneOrders

NOW = datetime(2026, 11, 26, 6, 0, tzinfo=UTC)


@pytest.fixture(params=["sqlite", "postgresql"])
def database(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[Database]:
    is_sqlite = request.param == "sqlite"
    made = Database(sqlite_url(tmp_path / "db") if is_sqlite else request.getfixturevalue("postgres_database"))
    made.migrate()
    yield made
    made.close()


def write(runs: GuideRuns, kept: KeptRun, *, is_open: bool) -> bool:
    return runs.write(kept, "running", {"n": kept.revision + 1}, is_open=is_open, beat=NOW, doer="me")


def test_runs(database: Database) -> None:
    runs = GuideRuns(database)
    with pytest.raises(NotFoundError):
        runs.find(1)
    first, second = (runs.add("lost-tokens", "planned", {"n": 0}, NOW) for _ in range(2))
    kept = runs.find(first)
    assert (kept.is_open, runs.open_one(), kept.document) == (False, None, {"n": 0})
    assert write(runs, kept, is_open=True)
    assert not write(runs, kept, is_open=True), "somebody else wrote meanwhile"
    with pytest.raises(ClusterBusyError, match=f"guided run {first} is open already"):
        write(runs, runs.find(second), is_open=True)
    opened = runs.open_one()
    assert opened is not None
    assert (opened.number, opened.revision, opened.document) == (first, 1, {"n": 1})
    runs.beat(first, "another", NOW + timedelta(seconds=5))
    assert runs.find(first).beat == NOW
    runs.beat(first, "me", NOW + timedelta(seconds=5))
    assert runs.find(first).beat == NOW + timedelta(seconds=5)
    assert write(runs, runs.find(first), is_open=False)
    assert write(runs, runs.find(second), is_open=True)
    assert [each.number for each in runs.latest(5)] == [second, first]
    for seconds in (0, 4, 11):
        runs.sample(first, NOW + timedelta(seconds=seconds), "ab")
    assert [each.moment for each in runs.samples(first)] == [NOW, NOW + timedelta(seconds=11)]


def test_a_number_that_no_row_can_have(database: Database) -> None:
    for number in (0, -1, 2**31, 2**63, 10**30):
        with pytest.raises(NotFoundError):
            GuideRuns(database).find(number)


def test_orders(database: Database) -> None:
    orders = PhoneOrders(database)
    every = orders.give("anna", "console", "reset", None, NOW)
    some = orders.give("anna", "console", "reset", ["sep001122334401"], NOW)
    waiting = orders.waiting("pub", NOW)
    assert [(each.number, each.devices) for each in waiting] == [(every, None), (some, frozenset({"SEP001122334401"}))]
    orders.note(every, "pub", 0, 0, None)
    orders.note(every, "pub", 3, 4, NOW)
    assert [(each.node, each.told, each.total, each.ended) for each in orders.told(every)] == [("pub", 3, 4, NOW)]
    assert [each.number for each in orders.waiting("pub", NOW)] == [some]
    assert len(orders.waiting("sub", NOW)) == 2
    assert orders.waiting("sub", NOW + GOOD_FOR) == [], "who was down resets no phones later"
    assert orders.seen_since(NOW) == 0
