"""Tokens: shown once, kept hashed, with a level and an end; revoked, guessed at, and worth what their account is."""

from __future__ import annotations

import json
from datetime import timedelta

from sqlalchemy import select, update

from mixedmode.cluster.store.schema import AuditRow
from mixedmode.cluster.store.schema_api import ApiTokenRow
from mixedmode.control.signed_in.api_tokens import LONGEST_DAYS
from tests.faces.api.conftest import PUB, Program, code, parsed, program, token, tokens
from tests.faces.web.weblab import PASSWORD, WebLab


def with_session(lab: WebLab, user: str) -> Program:
    visitor = lab.visitor(user)
    csrf = json.loads(visitor.get("/api/v1/session").body)["csrf"]
    return Program(visitor, {"x-csrf-token": csrf})


def test_made_by_a_session_and_shown_once(lab: WebLab) -> None:
    person = with_session(lab, "operator")
    page = person.post("/api/v1/tokens", {"level": 1, "days": 3, "label": "backup"})
    made = parsed(page)
    assert page.status == 201
    assert made["secret"].startswith(f"mm_{made['token']['id']}_")
    user = Program(lab.visitor(), {"authorization": f"Bearer {made['secret']}"})
    assert parsed(user.get("/api/v1/session")) == {
        "user": "operator", "level": 1, "source": "127.0.0.1", "node": PUB, "by": "token", "csrf": None,
    }  # fmt: skip
    listed = user.get("/api/v1/tokens")
    assert made["token"]["id"] in {each["id"] for each in parsed(listed)}
    assert made["secret"].rpartition("_")[2].encode() not in listed.body
    with lab.cluster.database.read() as session:
        row = session.get(ApiTokenRow, made["token"]["id"])
        assert row is not None
        assert row.secret not in made["secret"]
        assert len(row.secret) == 64
        details = [json.dumps(each) for each in session.scalars(select(AuditRow.details))]
    assert not any(made["secret"][16:] in each for each in details)
    assert any("backup" in each for each in details)


def test_a_level_at_most_ones_own(lab: WebLab) -> None:
    person = with_session(lab, "operator")
    assert code(person.post("/api/v1/tokens", {"level": 4})) == "privilege"
    for wrong in ({"level": 2}, {"days": 0}, {"days": LONGEST_DAYS + 1}, {"label": "x" * 65}, {"label": "a\nb"}):
        assert person.post("/api/v1/tokens", wrong).status == 400, wrong


def test_a_token_makes_none(admin: Program) -> None:
    assert code(admin.post("/api/v1/tokens", {})) == "by-token"


def test_a_sessions_change_needs_its_word_and_this_site(lab: WebLab) -> None:
    person = with_session(lab, "administrator")
    bare = Program(person.visitor, {})
    assert code(bare.post("/api/v1/tokens", {})) == "csrf"
    assert code(bare.post("/api/v1/tokens", {}, **{"x-csrf-token": "0" * 64})) == "csrf"
    assert code(person.post("/api/v1/tokens", {}, origin="https://elsewhere.example")) == "foreign-form"
    for wrong in (lab.url.replace("https", "http"), "https://[", "null"):
        assert code(person.post("/api/v1/tokens", {}, origin=wrong)) == "foreign-form", wrong
    assert bare.get("/api/v1/cluster").status == 200


def test_a_session_beside_a_wrong_token_is_no_way_in(lab: WebLab) -> None:
    visitor = lab.visitor("administrator")
    assert Program(visitor, {"authorization": "Bearer x"}).get("/api/v1/cluster").status == 401


def test_revoked_by_its_owner_or_the_highest(lab: WebLab) -> None:
    mine, admin, reader = program(lab, "operator"), program(lab, "administrator"), program(lab, "reader")
    name = mine.headers["authorization"].split("_")[1]
    assert code(reader.send("DELETE", f"/api/v1/tokens/{name}")) == "not-found"
    assert name in {each["id"] for each in parsed(admin.get("/api/v1/tokens"))}
    assert name not in {each["id"] for each in parsed(reader.get("/api/v1/tokens"))}
    assert mine.send("DELETE", f"/api/v1/tokens/{name}").status == 204
    assert mine.get("/api/v1/session").status == 401


def test_an_end(own_lab: WebLab) -> None:
    late = program(own_lab, "operator")
    assert late.get("/api/v1/session").status == 200
    with own_lab.cluster.database.write() as session:
        session.execute(update(ApiTokenRow).values(expires=own_lab.cluster.now() - timedelta(seconds=1)))
    assert late.get("/api/v1/session").status == 401


def test_worth_what_the_account_is(own_lab: WebLab) -> None:
    someone, accounts = program(own_lab, "operator"), own_lab.guard.accounts
    accounts.put("operator", PASSWORD, 0)
    assert parsed(someone.get("/api/v1/session"))["level"] == 0
    accounts.remove("operator")
    assert someone.get("/api/v1/session").status == 401


def test_who_has_the_name_later_has_none_of_its_tokens(own_lab: WebLab) -> None:
    someone, accounts = program(own_lab, "operator"), own_lab.guard.accounts
    accounts.set_password("operator", f"{PASSWORD}!")
    assert someone.get("/api/v1/session").status == 200
    accounts.remove("operator")
    accounts.put("operator", PASSWORD, 1)
    assert someone.get("/api/v1/session").status == 401
    assert program(own_lab, "operator").get("/api/v1/session").status == 200


def test_of_another_node_it_is_none(lab: WebLab) -> None:
    shown = token(lab, "operator")
    with lab.cluster.database.write() as session:
        session.execute(update(ApiTokenRow).where(ApiTokenRow.id == shown.split("_")[1]).values(node="other"))
    assert tokens(lab).find(shown, "127.0.0.1") is None


def test_who_guesses_is_locked_out_alone(own_lab: WebLab) -> None:
    right = token(own_lab, "operator")
    guesser = own_lab.visitor(source="127.0.0.77")
    statuses = [
        guesser.get("/api/v1/session", authorization=f"Bearer mm_{'0' * 12}_{'A' * 43}").status for _ in range(4)
    ]
    assert statuses == [401, 401, 401, 429]
    locked = guesser.get("/api/v1/session", authorization=f"Bearer {right}")
    assert (locked.status, code(locked)) == (429, "locked")
    assert locked.headers["retry-after"]
    other = own_lab.visitor(source="127.0.0.78")
    assert other.get("/api/v1/session", authorization=f"Bearer {right}").status == 200
    with own_lab.cluster.database.read() as session:
        rows = session.scalars(select(AuditRow).where(AuditRow.source == "127.0.0.77")).all()
    assert {(each.action, each.outcome) for each in rows} >= {("login", "refused")}
    assert not any("A" * 20 in json.dumps(each.details) for each in rows)
