"""What strangers write into the audit log is bounded, and the flood washes nothing else away."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import AbstractContextManager
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from sqlalchemy.orm import Session

from mixedmode.cluster.engine import refusals
from mixedmode.cluster.engine.principal import Principal
from mixedmode.cluster.engine.refusals import ROWS, ROWS_OF_SOURCE, RefusalBudget
from mixedmode.cluster.facade import Cluster
from mixedmode.cluster.model.errors import DatabaseError, PrivilegeError
from mixedmode.cluster.operations.ctl import UpdateCtl
from tests.cluster.building import make, seed_spec
from tests.postgres import postgres_database, postgres_server

__all__ = ["postgres_database", "postgres_server"]

NOW = datetime(2026, 1, 2, 3, 4, 5, tzinfo=UTC)


def test_the_first_refusals_of_a_source_have_rows_then_round_numbers() -> None:
    budget = RefusalBudget()
    said = [budget.take("192.0.2.1", NOW + timedelta(milliseconds=number)) for number in range(5000)]
    written = [number for number, row in enumerate(said, 1) if row is not None]
    assert written == [*range(1, ROWS_OF_SOURCE + 1), 100, 1000]
    assert said[0] == {}
    assert said[ROWS_OF_SOURCE - 1] == {"refusals_of_this_source": ROWS_OF_SOURCE}
    assert said[999] == {"refusals_of_this_source": 1000, "left_out_before": 899}
    assert budget.take("192.0.2.2", NOW + timedelta(seconds=9)) == {"left_out_before": 4000}
    assert budget.take("192.0.2.1", NOW + timedelta(minutes=10)) == {}


def test_many_sources_share_a_bound() -> None:
    budget = RefusalBudget()
    said = [budget.take(f"10.0.{number // 250}.{number % 250}", NOW) for number in range(5000)]
    assert sum(row is not None for row in said) == ROWS
    assert len(budget._sources) <= 1000
    assert budget.take("192.0.2.1", NOW - timedelta(days=1)) == {"left_out_before": 5000 - ROWS}


@pytest.fixture(params=["sqlite", "postgresql"])
def cluster(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[Cluster]:
    if request.param == "sqlite":
        cluster = make(tmp_path / "c")
    else:
        url = request.getfixturevalue("postgres_database")
        Cluster.create(tmp_path / "c", seed_spec(), database_url=url).close()
        cluster = Cluster.open(tmp_path / "c", database_url=url)
    yield cluster
    cluster.close()


def test_the_database_keeps_the_newest_and_everything_of_administrators(
    cluster: Cluster, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(refusals, "KEPT", {"refused": 20, "login": 10})
    monkeypatch.setattr(refusals, "PRUNED_EVERY", 5)
    journal, admin = cluster.operations.journal, Principal("administrator", 4, "127.0.0.1")
    before = len(journal.audit())
    journal.refused(UpdateCtl(), admin, "there is no CTL")
    journal.note(admin, "file delete", "done", {"file": "a"})
    for _ in range(30):
        journal.note(admin, "login", "done", {})
    for number in range(100):
        journal.note(Principal("administrator", 4, f"192.0.2.{number}"), "login", "refused", {"number": number})
    rows = journal.audit()
    logins = [row for row in rows if (row.action, row.outcome) == ("login", "done")]
    refused = [row for row in rows if (row.action, row.outcome) == ("login", "refused")]
    assert 10 <= len(logins) < 15
    assert 20 <= len(refused) < 25
    assert refused[-1].details["number"] == 99
    assert ("utils ctl update CTLFile", "refused") in {(row.action, row.outcome) for row in rows}
    assert ("file delete", "done") in {(row.action, row.outcome) for row in rows}
    assert len(rows) == before + 2 + len(logins) + len(refused)


def test_one_source_writes_few_rows(cluster: Cluster) -> None:
    journal = cluster.operations.journal
    before = len(journal.audit())
    for number in range(150):
        journal.note(Principal(f"name{number}", 4, "192.0.2.1"), "login", "refused", {})
    assert len(journal.audit()) == before + ROWS_OF_SOURCE + 1
    journal.note(Principal("administrator", 4, "198.51.100.1"), "login", "done", {})
    assert journal.audit()[-1].outcome == "done"


def test_strangers_hide_nobody_who_has_logged_in(cluster: Cluster) -> None:
    journal = cluster.operations.journal
    for number in range(ROWS + 20):
        journal.note(Principal("root", 0, f"192.0.{number // 250}.{number % 250}"), "login", "refused", {})
    with pytest.raises(PrivilegeError):
        cluster.operations.authorize(Principal("guest", 0, "198.51.100.1"), "show audit", 1)
    (last,) = journal.audit(1)
    assert (last.user, last.action, last.outcome) == ("guest", "show audit", "refused")


def test_who_is_refused_is_not_told_to_try_again_when_that_cannot_be_written(
    cluster: Cluster, monkeypatch: pytest.MonkeyPatch
) -> None:
    def away() -> AbstractContextManager[Session]:
        raise DatabaseError("the database did not do what was asked")

    monkeypatch.setattr(cluster.database, "write", away)
    with pytest.raises(PrivilegeError):
        cluster.operations.authorize(Principal("guest", 0, "198.51.100.1"), "show audit", 1)
