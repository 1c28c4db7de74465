"""An Idempotency-Key: done once, the same answer for every repeat, whoever waits, goes away or dies."""

from __future__ import annotations

import json
import threading
from typing import Any
from uuid import uuid4

import pytest
from sqlalchemy import func, select, update

from mixedmode.cluster.engine.principal import Principal
from mixedmode.cluster.store.schema import OperationRow
from mixedmode.cluster.store.schema_api import ApiRequestRow
from mixedmode.control.repeats import Answer, Repeats, Turn, Waiting
from tests.faces.api.conftest import PUB, Program, code, parsed, program
from tests.faces.web.weblab import WebLab, web_lab

PATH = "/api/v1/operations/set-parameter"
NEW = {"name": "CAPFPhonePort", "value": "3806"}


@pytest.fixture
def key() -> dict[str, str]:
    """A key that nobody used before."""
    return {"idempotency-key": uuid4().hex}


def runs(lab: WebLab) -> int:
    with lab.cluster.database.read() as session:
        return session.scalar(select(func.count()).select_from(OperationRow)) or 0


def test_a_repeat_has_the_same_answer(lab: WebLab, key: dict[str, str]) -> None:
    admin, before = program(lab), runs(lab)
    first, again = admin.post(PATH, NEW, **key), admin.post(PATH, NEW, **key)
    assert first.status == again.status == 200
    assert first.body == again.body
    assert "idempotency-replayed" not in first.headers
    assert again.headers["idempotency-replayed"] == "true"
    assert runs(lab) == before + 1
    other = admin.post(PATH, {**NEW, "value": "3807"}, **key)
    assert (other.status, code(other)) == (422, "key-reused")
    assert runs(lab) == before + 1
    assert admin.post(PATH, NEW).status == 200
    assert runs(lab) == before + 2


def test_another_person_has_other_keys(lab: WebLab, key: dict[str, str]) -> None:
    assert program(lab).post(PATH, NEW, **key).status == 200
    assert "idempotency-replayed" not in program(lab, "operator").post(PATH, NEW, **key).headers


def test_a_refusal_for_good_is_kept_and_one_for_now_is_not(lab: WebLab, key: dict[str, str]) -> None:
    admin = program(lab)
    wrong = {**NEW, "value": "none"}
    first = admin.post(PATH, wrong, **{"idempotency-key": f"bad {key}"[:40]})
    assert first.status == 400
    assert admin.post(PATH, wrong, **{"idempotency-key": f"bad {key}"[:40]}).headers["idempotency-replayed"] == "true"
    path = "/api/v1/parameters/CAPFPhonePort"
    assert admin.send("PUT", path, {"value": "3901"}, **{"if-match": '"old"', **key}).status == 412
    assert admin.send("PUT", path, {"value": "3901"}, **key).status == 200


def test_many_at_once_run_once(lab: WebLab, key: dict[str, str]) -> None:
    answers: list[Any] = []
    before = runs(lab)
    users = [program(lab) for _ in range(6)]

    def ask(user: Program) -> None:
        answers.append(user.post("/api/v1/operations/utils-ctl-set-cluster-mixed-mode", **key))

    threads = [threading.Thread(target=ask, args=(user,)) for user in users]
    for each in threads:
        each.start()
    for each in threads:
        each.join()
    assert {each.status for each in answers} == {200}
    assert len({each.body for each in answers}) == 1
    assert runs(lab) == before + 1


def test_it_outlives_the_service(lab: WebLab, key: dict[str, str]) -> None:
    admin, before = program(lab), runs(lab)
    first = admin.post(PATH, NEW, **key)
    with web_lab(lab.cluster) as again:
        other = Program(again.visitor(), admin.headers)
        page = other.post(PATH, NEW, **key)
    assert page.body == first.body
    assert page.headers["idempotency-replayed"] == "true"
    assert runs(lab) == before + 1


def test_what_a_dead_process_began(lab: WebLab, key: dict[str, str]) -> None:
    """It ran, and the process died before it had written the answer down: it does not run again."""
    admin, before = program(lab), runs(lab)
    first = admin.post(PATH, NEW, **key)
    with lab.cluster.database.write() as session:
        session.execute(update(ApiRequestRow).values(status=None, body=None, owner=_dead()))
    again = admin.post(PATH, NEW, **key)
    assert parsed(again)["operation"] == parsed(first)["operation"]
    assert runs(lab) == before + 1


def test_what_a_dead_process_did_not_begin(lab: WebLab, key: dict[str, str]) -> None:
    admin, before = program(lab), runs(lab)
    repeats = Repeats(lab.cluster)
    body = json.dumps(NEW).encode()
    whole = b"\0".join((b"POST", PATH.encode(), b"", body))
    assert isinstance(repeats.begin(Principal("administrator", 4, "", PUB), key["idempotency-key"], whole), Turn)
    with lab.cluster.database.write() as session:
        session.execute(update(ApiRequestRow).values(owner=_dead()))
    assert admin.post(PATH, NEW, **key).status == 200
    assert runs(lab) == before + 1


def _dead() -> str:
    from mixedmode.cluster.engine.lock import process_identity

    boot, _, _ = process_identity().partition(":")
    return f"{boot}:999999:1/x"


def test_turns(lab: WebLab, key: dict[str, str]) -> None:
    repeats, who, name = Repeats(lab.cluster), Principal("someone", 1, "", PUB), key["idempotency-key"]
    turn = repeats.begin(who, name, b"a")
    assert isinstance(turn, Turn)
    assert isinstance(repeats.begin(who, name, b"a"), Waiting)
    repeats.forget(turn)
    turn = repeats.begin(who, name, b"b")
    assert isinstance(turn, Turn)
    repeats.end(turn, Answer(200, {"content-type": "x/y"}, b"done"))
    assert repeats.begin(who, name, b"b") == Answer(200, {"content-type": "x/y"}, b"done")


def test_keys_have_a_length(lab: WebLab) -> None:
    assert program(lab).post(PATH, NEW, **{"idempotency-key": "x" * 256}).status == 400
