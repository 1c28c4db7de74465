"""A database that a stranger or another release wrote: errors that say so, and a log that can be read."""

from __future__ import annotations

from typing import Any

import pytest
from sqlalchemy import text, update

from mixedmode.cluster.engine.memory import Memory
from mixedmode.cluster.facade import Cluster
from mixedmode.cluster.model.errors import DatabaseError
from mixedmode.cluster.operations.identity.certificates import BringBackTrust
from mixedmode.cluster.operations.itl import ResetItlRemotely
from mixedmode.cluster.operations.versions import SwitchVersion
from mixedmode.cluster.store.schema import AuditRow, OperationRow
from mixedmode.control.audit_log import document, line
from mixedmode.errors import MalformedError, MixedModeError, UsageError
from tests.cluster.building import MIXED


@pytest.mark.parametrize(
    "memory",
    [
        [1], "text", 5, {"changes": 5}, {"changes": [5]}, {"level": "four"}, {"restart": [["pub"]]},
        {"restart": [["pub", "Cisco Tftp", "x"]]}, {"undelivered": ["sub"]}, {"timestamp": "now"}, {"node": None},
    ],
)  # fmt: skip
def test_a_memory_that_the_program_did_not_write_is_named(cluster: Cluster, memory: Any) -> None:
    number = cluster.run(MIXED).operation
    with cluster.database.write() as session:
        session.execute(update(OperationRow).values(memory=memory))
    with pytest.raises(MalformedError, match=f"operation {number}: what the journal holds") as caught:
        cluster.operations.journal.history()
    assert caught.value.next_step == "put the database back from a backup"


def test_a_memory_of_another_release_is_read_as_far_as_it_is_known() -> None:
    kept = {"changes": ["a"], "certificates made": [["pub", "TVS"]], "of another release": {"x": [1]}}
    assert Memory.of(kept, 7) == Memory(changes=["a"], certificates_made=[["pub", "TVS"]])


@pytest.mark.parametrize("details", [[1], "text", None, {"changes": 3, "level": "x", "node": 7, "arguments": 1}])
def test_the_audit_log_can_be_read_whoever_wrote_it(cluster: Cluster, details: Any) -> None:
    with cluster.database.write() as session:
        session.execute(update(AuditRow).values(details=details, username="\x1b[31mroot\n"))
    for record in cluster.operations.journal.audit():
        assert "\\x1b[31mroot" in line(record)
        assert line(record).isprintable()
        assert document(record)["level"] is None


def test_what_is_no_json_is_an_error_of_the_database(cluster: Cluster) -> None:
    with cluster.database.write() as session:
        session.execute(text("update auditlog set details = '{'"))
    with pytest.raises(DatabaseError, match="holds what is no JSON"):
        cluster.operations.journal.audit()


@pytest.mark.parametrize(
    "operation",
    [
        ResetItlRemotely("!"), ResetItlRemotely("é"), BringBackTrust("yesterday"), BringBackTrust("2026-01-01"),
    ],
)  # fmt: skip
def test_a_value_that_no_face_gives_is_refused(cluster: Cluster, operation: ResetItlRemotely | BringBackTrust) -> None:
    assert isinstance(cluster.operations.plan(operation).refusal, UsageError)
    with pytest.raises(UsageError):
        cluster.operations.preview(operation)


def test_a_switch_to_no_partition_is_refused(cluster: Cluster) -> None:
    with pytest.raises(MixedModeError, match="no version on partition 'x'"):
        SwitchVersion("x").plan(cluster)
