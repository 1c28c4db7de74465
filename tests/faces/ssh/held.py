"""Queries that take as long as a test wants."""

from __future__ import annotations

import threading
from collections.abc import Iterator

import pytest

from mixedmode.cluster.facade import Cluster
from mixedmode.cluster.query.query import QueryResult
from mixedmode.errors import UsageError


class Held:
    """Queries that take until a test lets them end."""

    def __init__(self) -> None:
        self.begun: list[str] = []
        self.go = threading.Event()

    def select(self, sql: str) -> QueryResult:
        self.begun.append(sql)
        self.go.wait(600)
        raise UsageError("it was held to the end")


@pytest.fixture
def held(monkeypatch: pytest.MonkeyPatch) -> Iterator[Held]:
    held = Held()
    monkeypatch.setattr(Cluster, "select", lambda _cluster, sql, **_limits: held.select(sql))
    yield held
    held.go.set()
