"""``run sql``: what it prints, and that it cannot change anything however it is asked."""

from __future__ import annotations

from pathlib import Path

import pytest
from sqlalchemy import text

from mixedmode.cluster.facade import Cluster
from mixedmode.errors import UsageError
from mixedmode.faces.shell.commands import sql
from tests.faces.conftest import Terminal


@pytest.mark.parametrize(
    "query",
    [
        "delete from processnode",
        "update processconfig set paramvalue='1'",
        "drop table device",
        "pragma writable_schema=1",
        "attach database '/tmp/attached.db' as other",
        "vacuum into '/tmp/copy.db'",
        "select 1; delete from processnode",
        "select name from processnode; drop table device",
        "with gone as (select 1) delete from processnode",
        "with n(x) as (select 1) insert into licence select 'Encryption', 1, '', '2026-01-01' from n",
        "select load_extension('/tmp/evil.so')",
        "select writefile('/tmp/written', 'x')",
        "select readfile('/etc/passwd')",
        "select * from pragma_journal_mode('delete')",
        "values (1); begin exclusive",
        "explain select 1; commit",
        "select",
        "select from where",
        "select * from nowhere",
        "select 1 /*",
        "\x00",
    ],
)
def test_nothing_but_reading(terminal: Terminal, cluster: Cluster, query: str) -> None:
    before = tables(cluster)
    shown = terminal.type(f"run sql {query}")
    assert terminal.last.exit_code == 2, shown
    assert tables(cluster) == before
    for path in ("/tmp/attached.db", "/tmp/copy.db", "/tmp/written"):
        assert not Path(path).exists()


def tables(cluster: Cluster) -> dict[str, object]:
    with cluster.database.read() as session:
        names = session.scalars(text("select name from sqlite_master where type='table' order by name")).all()
        return {name: session.execute(text(f'select * from "{name}"')).all() for name in names}


def test_a_query_that_never_ends_is_stopped(terminal: Terminal, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sql, "TIME_LIMIT", 0.3)
    endless = "with recursive n(x) as (select 1 union all select x + 1 from n) select count(*) from n"
    shown = terminal.type(f"run sql {endless}")
    assert "took too long" in shown[1]


def test_many_rows_are_cut(terminal: Terminal, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sql, "ROW_LIMIT", 3)
    shown = terminal.type(
        "run sql with recursive n(x) as (select 1 union all select x+1 from n limit 9) select x from n"
    )
    assert shown == ["x", "=", "1", "2", "3", "(only the first 3 rows are shown)"]


def test_columns_are_as_wide_as_their_widest_cell(terminal: Terminal) -> None:
    assert terminal.type("run sql select name, tknodeusage from processnode") == [
        "name             tknodeusage",
        "================ ===========",
        "cucm-1051-a-pub  0",
        "cucm-1051-a-sub1 1",
    ]


def test_nothing_found(terminal: Terminal) -> None:
    assert terminal.type("run sql select name from device")[-1] == "No records found"


def test_cells_cannot_command_the_terminal(terminal: Terminal) -> None:
    assert terminal.type("run sql select char(27) || '[2J' as cell")[-1] == r"\x1b[2J"


def test_no_password_can_be_asked_for(terminal: Terminal) -> None:
    names = " ".join(terminal.type("run sql select name from sqlite_master")).lower()
    assert "account" not in names
    assert "password" not in names


def test_a_query_cannot_take_the_memory_of_the_machine(cluster: Cluster) -> None:
    with pytest.raises(UsageError, match="refused"):
        cluster.select("select hex(zeroblob(400000000))")
