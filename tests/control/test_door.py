"""Nobody goes round the door: the import contracts hold the modules, this holds the objects; and the door's manners."""

from __future__ import annotations

import ast
import os
from datetime import UTC, datetime, timedelta, timezone
from pathlib import Path

import pytest

import mixedmode
from mixedmode.control.accounts import AccountStore
from mixedmode.control.audit_log import LAST, Wanted, checked_last, moment
from mixedmode.control.people import of_user, user_name, who_runs_this
from mixedmode.errors import UsageError

SOURCE = Path(mixedmode.__file__).parent
FACES = sorted(path for room in ("faces", "app") for path in (SOURCE / room).rglob("*.py"))
NOW = datetime(2026, 11, 26, 12, tzinfo=UTC)


def goes_round(node: ast.AST) -> str | None:
    """Say what of the cluster a face reaches for that is the door's."""
    if not isinstance(node, ast.Attribute):
        return None
    of = node.value.attr if isinstance(node.value, ast.Attribute) else getattr(node.value, "id", "")
    if node.attr in {"operations", "journal"} or (of, node.attr) in {("cluster", "run"), ("database", "write")}:
        return f"{of}.{node.attr}"
    return None


@pytest.mark.parametrize("path", FACES, ids=lambda path: str(path.relative_to(SOURCE)))
def test_a_face_reaches_for_no_engine(path: Path) -> None:
    tree = ast.parse(path.read_text())
    assert [(node.lineno, found) for node in ast.walk(tree) if (found := goes_round(node))] == []  # type: ignore[attr-defined]


def test_the_check_sees_who_goes_round() -> None:
    for text in (
        "call.cluster.operations.run(x)",
        "self.cluster.run(x)",
        "cluster.database.write()",
        "a.b.journal.note()",
    ):
        assert any(goes_round(node) for node in ast.walk(ast.parse(text))), text


def test_a_user_of_this_machine_is_its_owner_unless_an_account_has_his_name(tmp_path: Path) -> None:
    accounts, me = AccountStore(tmp_path / "accounts.json"), os.getuid()
    assert of_user(me, accounts, "pub").level == 4
    accounts.put("administrator", "Marmalade-1", 4)
    accounts.put(user_name(me), "Marmalade-1", 1)
    found = who_runs_this(accounts, "pub")
    assert (found.user, found.level, found.node) == (user_name(me), 1, "pub")
    assert user_name(4_000_000_001) == "uid 4000000001"


@pytest.mark.parametrize(
    ("text", "wanted"),
    [
        ("30m", NOW - timedelta(minutes=30)),
        ("2h", NOW - timedelta(hours=2)),
        ("7D", NOW - timedelta(days=7)),
        ("1w", NOW - timedelta(weeks=1)),
        ("2026-11-26", datetime(2026, 11, 25, 23, tzinfo=UTC)),
        ("2026-11-26T10:00", datetime(2026, 11, 26, 9, tzinfo=UTC)),
        ("2026-11-26T10:00+00:00", datetime(2026, 11, 26, 10, tzinfo=UTC)),
    ],
)
def test_moments(text: str, wanted: datetime) -> None:
    assert moment(text, NOW, timezone(timedelta(hours=1))) == wanted


@pytest.mark.parametrize("text", ["", "h", "-2h", "2.5h", "99999999999d", "yesterday", "2026-13-01", "٣h"])
def test_what_is_no_moment(text: str) -> None:
    with pytest.raises(UsageError, match="is no moment"):
        moment(text, NOW)


@pytest.mark.parametrize("text", ["", "0", "-1", "1.5", "100001", "٣"])
def test_what_is_no_number_of_entries(text: str) -> None:
    with pytest.raises(UsageError, match="no number of entries"):
        checked_last(text)
    assert checked_last("100000") == 100_000
    assert Wanted().last == LAST
