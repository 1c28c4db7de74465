"""Pages whose database is stopped or silent: nobody waits, who reads goes on, and what ended meanwhile has ended."""

from __future__ import annotations

import asyncio
import gc
import threading
from collections.abc import Awaitable, Callable
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from mixedmode.cluster.engine.principal import Principal
from mixedmode.cluster.facade import Cluster
from mixedmode.cluster.model.errors import DatabaseError
from mixedmode.control.accounts import account_store
from mixedmode.control.acts import LOGIN
from mixedmode.control.audit_log import Wanted
from mixedmode.control.away import AwayControl
from mixedmode.control.door import Control
from mixedmode.control.signed_in.away_sessions import AwaySessions
from mixedmode.control.signed_in.kept_sessions import KeptSessions
from mixedmode.control.signed_in.web_sessions import SessionPolicy, WebSessions
from mixedmode.faces.web import away
from mixedmode.faces.web.away import Away, DatabaseWatch
from tests.cluster.building import PUB
from tests.support import eventually

POLICY = SessionPolicy()


class Place:
    """A database that is there, says that it is not, or is silent."""

    def __init__(self) -> None:
        self.speaks = threading.Event()
        self.speaks.set()
        self.refuses = False

    @contextmanager
    def read(self) -> Any:
        self.speaks.wait()
        if self.refuses:
            raise DatabaseError("it is stopped")
        yield self

    def execute(self, _query: object) -> Any:
        return self

    def all(self) -> list[object]:
        return [1]

    def close(self) -> None:
        self.speaks.set()


async def asked(app: Away, path: str = "/", method: str = "GET") -> tuple[int, str, bytes]:
    said: list[dict[str, Any]] = []
    scope = {"type": "http", "method": method, "path": path, "headers": [], "query_string": b"", "scheme": "https"}

    async def receive() -> dict[str, Any]:
        return {"type": "http.request", "body": b"", "more_body": False}

    async def send(message: Any) -> None:
        said.append(message)

    await app(scope, receive, send)
    retry = dict(said[0]["headers"]).get(b"retry-after", b"").decode()
    return said[0]["status"], retry, b"".join(each.get("body", b"") for each in said)


def answering(status: int, body: bytes, wait: Callable[[], Awaitable[object]] | None = None) -> Any:
    async def app(_scope: Any, _receive: Any, send: Any) -> None:
        if wait is not None:
            await wait()
        await send({"type": "http.response.start", "status": status, "headers": []})
        await send({"type": "http.response.body", "body": body})

    return app


@pytest.mark.parametrize("has_copy", [True, False])
@pytest.mark.parametrize("how", ["silent", "refused"])
def test_nobody_waits_for_a_database_that_is_away(how: str, has_copy: bool, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(away, "SILENT_SECONDS", 3600.0)

    async def story() -> None:
        place, told = Place(), []

        async def changed(is_away: bool) -> None:
            told.append(is_away)

        watch = DatabaseWatch(place, lambda: datetime.now(UTC), changed)  # type: ignore[arg-type]
        for_ever = asyncio.Event()
        main = answering(200, b"main", for_ever.wait) if how == "silent" else answering(503, b"away")
        app = Away(main, watch, answering(200, b"copy") if has_copy else None, "pub")
        assert not await watch.look()
        monkeypatch.setattr(away, "SILENT_SECONDS", 0.1)
        if how == "silent":
            place.speaks.clear()
        place.refuses = how == "refused"
        first = asyncio.ensure_future(asked(app))
        if how == "silent":
            await asyncio.sleep(0)
            await watch.look()
        status, retry, body = await first
        assert (status, retry) == ((200, "") if has_copy else (503, "10"))
        assert (body == b"copy") is has_copy
        assert (await asked(app))[0] == status, "and nobody after him"
        assert (await asked(app, "/trust/lists", "POST"))[:2] == (503, "10")
        status, _, body = await asked(app, "/api/v1/nodes", "POST")
        assert (status, b"urn:mixedmode:problem:database" in body) == (503, True)
        assert (await asked(app, "/signin", "POST"))[0] == (200 if has_copy else 503)
        place.refuses = False
        monkeypatch.setattr(away, "SILENT_SECONDS", 3600.0)
        place.speaks.set()
        for _ in range(1000):
            if not await watch.look():
                break
            await asyncio.sleep(0.01)
        assert told == [True, False]
        for_ever.set()
        assert (await asked(app))[2] == (b"main" if how == "silent" else b"away"), "another 503 is not its doing"
        watch.close()

    # A browser that a test before has left has a loop in this thread.
    with ThreadPoolExecutor(1) as thread:
        thread.submit(asyncio.run, story()).result()


@pytest.mark.parametrize("how", ["silent", "refused"])
def test_what_somebody_sent_reaches_the_copy_though_the_other_pages_have_read_it(
    how: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(away, "SILENT_SECONDS", 0.05)
    complaints: list[object] = []

    async def story() -> None:
        asyncio.get_running_loop().set_exception_handler(lambda _loop, context: complaints.append(context))
        place, said = Place(), []

        async def changed(_is_away: bool) -> None:
            pass

        watch = DatabaseWatch(place, lambda: datetime.now(UTC), changed)  # type: ignore[arg-type]

        async def main(_scope: Any, receive: Any, send: Any) -> None:
            await receive()
            place.refuses = True
            if how == "silent":
                place.speaks.clear()
                await asyncio.gather(watch.look(), asyncio.Event().wait())
            await send({"type": "http.response.start", "status": 503, "headers": []})
            await send({"type": "http.response.body", "body": b""})

        async def copy(_scope: Any, receive: Any, _send: Any) -> None:
            said.append(await receive())

        sent = [{"type": "http.request", "body": b"user=anna", "more_body": False}]

        async def receive() -> dict[str, Any]:
            if not sent:
                await asyncio.Event().wait()
            return sent.pop()

        async def send(_message: Any) -> None:
            pass

        scope = {"type": "http", "method": "POST", "path": "/signin", "headers": [], "query_string": b""}
        await Away(main, watch, copy, "pub")(scope, receive, send)
        assert [each["body"] for each in said] == [b"user=anna"]
        for _ in range(3):
            await watch.look()
        place.speaks.set()
        await eventually(lambda: watch._asked is None or watch._asked.done())
        await watch.look()
        watch.close()

    with ThreadPoolExecutor(1) as thread:
        thread.submit(asyncio.run, story()).result()
    gc.collect()
    assert complaints == []


def test_sessions_go_on_begin_and_end_while_the_database_is_away(cluster: Cluster) -> None:
    accounts = account_store(cluster.folder(PUB))
    for name in ("anna", "bert", "carl"):
        accounts.put(name, "Marmalade-1", 4)
    now = [datetime.now(UTC)]
    kept = KeptSessions()
    there = WebSessions(cluster, PUB, accounts, POLICY, kept)
    there._now = lambda: now[0]
    meanwhile = AwaySessions(kept, PUB, accounts, lambda: now[0], POLICY)

    def begun(sessions: WebSessions | AwaySessions, name: str) -> str:
        return sessions.begin(name, "10.0.0.1", account=accounts.find(name)).token

    anna, bert, carl, unseen = begun(there, "anna"), begun(there, "bert"), begun(there, "carl"), begun(there, "anna")
    for token in (anna, bert, carl):
        assert there.find(token, "10.0.0.1") is not None
    assert meanwhile.find(unseen, "10.0.0.1") is not None, "he signed in before"
    found = meanwhile.find(anna, "10.0.0.1")
    assert found is not None
    assert (found.principal.user, found.principal.level) == ("anna", 4)
    meanwhile.end(bert)
    assert meanwhile.find(bert, "10.0.0.1") is None
    assert meanwhile.end_all("carl") == 1
    new, dropped = begun(meanwhile, "bert"), begun(meanwhile, "bert")
    meanwhile.end(dropped)
    accounts.put("anna", "Marmalade-2", 4)
    assert meanwhile.find(anna, "10.0.0.1") is None, "another password ends it"
    # The database is back.
    for token in (anna, bert, carl, dropped):
        assert there.find(token, "10.0.0.1") is None
    assert there.find(new, "10.0.0.1") is not None
    assert WebSessions(cluster, PUB, accounts).find(new, "10.0.0.1") is not None, "it is written"
    there.end(new)
    assert there.find(new, "10.0.0.1") is None
    late = begun(meanwhile, "carl")
    now[0] += POLICY.idle + timedelta(seconds=1)
    assert meanwhile.find(late, "10.0.0.1") is None
    assert there.find(late, "10.0.0.1") is None


def test_what_is_noted_meanwhile_is_entered_once_and_bounded(cluster: Cluster, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("mixedmode.control.away._MOST", 2)
    meanwhile, who = AwayControl(cluster), Principal("anna", 4, "10.0.0.1", PUB)
    for outcome in ("done", "ended", "refused"):
        meanwhile.note(who, LOGIN, outcome, face="pages")
    assert not Wanted(action="login").of(cluster.operations.journal)
    door = Control(cluster)
    with ThreadPoolExecutor(2) as threads:
        for each in [threads.submit(meanwhile.hand_over, door) for _ in range(2)]:
            each.result()
    entries = Wanted(action="login").of(cluster.operations.journal)
    assert [(each.user, each.outcome, each.details["database_away"]) for each in entries] == [
        ("anna", "done", True),
        ("anna", "ended", True),
    ]
