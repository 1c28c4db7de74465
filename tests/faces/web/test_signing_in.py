"""Signing in and out of the pages."""

from __future__ import annotations

from datetime import datetime, timedelta
from functools import partial

from mixedmode.cluster.facade import Cluster
from mixedmode.control.audit_log import Wanted
from mixedmode.faces.web.kit.doorman import COOKIE
from tests.faces.web.weblab import PASSWORD, WebLab, web_lab


def logins(cluster: Cluster) -> list[tuple[str, str]]:
    records = Wanted(action="login").of(cluster.operations.journal)
    return [(each.user, each.outcome) for each in records]


def test_who_is_not_signed_in_is_led_to_the_sign_in_and_back(lab: WebLab) -> None:
    visitor = lab.visitor()
    page = visitor.get("/ccmadmin/enterprise-parameters?x=1")
    assert (page.status, page.location) == (303, "/signin?next=/ccmadmin/enterprise-parameters%3Fx%3D1")
    page = visitor.sign_in(wanted="/ccmadmin/enterprise-parameters?x=1")
    assert (page.status, page.location) == (303, "/ccmadmin/enterprise-parameters?x=1")
    assert visitor.get("/").heading == "Overview"


def test_the_cookie_is_the_browsers_and_nobody_elses(lab: WebLab) -> None:
    visitor = lab.visitor()
    page = visitor.sign_in()
    cookie = next(each for each in page.headers.get_all("set-cookie") or () if each.startswith(f"{COOKIE}="))
    parts = {part.strip().lower() for part in cookie.split(";")[1:]}
    assert {"secure", "httponly", "samesite=strict", "path=/"} <= parts
    assert not any(part.startswith("domain") for part in parts)


def test_a_wrong_password_an_unknown_name_and_a_lock_read_alike(own_lab: WebLab) -> None:
    def refused(user: str, password: str) -> str:
        page = own_lab.visitor(source="127.0.0.9").sign_in(user, password)
        assert page.status == 403
        return page.text.replace(page.csrf, "").replace(f'value="{user}"', "").replace("autofocus", "")

    texts = {refused("administrator", "wrong-1"), refused("nobody-of-that-name", "wrong-1")}
    for _ in range(3):
        texts.add(refused("administrator", "wrong-2"))
    texts.add(refused("administrator", PASSWORD))
    assert len(texts) == 1
    assert own_lab.guard.is_locked("administrator", "127.0.0.9")
    assert ("nobody-of-that-name", "refused") in logins(own_lab.cluster)


def test_an_unknown_name_costs_the_work_of_a_known_one(own_lab: WebLab, monkeypatch: object) -> None:
    from mixedmode.control import accounts

    worked: list[str] = []
    real = accounts._KINDS["argon2id"]

    def counted(password: str, salt: bytes, *numbers: int) -> bytes:
        worked.append(password)
        return real(password, salt, *numbers)

    monkeypatch.setitem(accounts._KINDS, "argon2id", counted)  # type: ignore[attr-defined]
    for user in ("administrator", "nobody-of-that-name"):
        own_lab.visitor().sign_in(user, f"wrong-{user}")
    assert worked == ["wrong-administrator", "wrong-nobody-of-that-name"]


def test_a_lock_of_ssh_holds_here(own_lab: WebLab) -> None:
    for _ in range(3):
        assert own_lab.run(own_lab.guard.check_password("operator", "wrong", "127.0.0.9")) is None
    assert own_lab.visitor(source="127.0.0.9").sign_in("operator").status == 403
    assert own_lab.visitor(source="127.0.0.8").sign_in("operator").status == 303


def test_a_session_outlives_the_service(own_cluster: Cluster) -> None:
    with web_lab(own_cluster) as first:
        visitor = first.visitor("administrator")
    with web_lab(own_cluster) as second:
        visitor.port = second.service.port
        assert visitor.get("/").heading == "Overview"
    token = visitor.cookies[COOKIE]
    assert token not in str(own_cluster.select("SELECT * FROM websession"))


def _later(start: datetime, minutes: int) -> datetime:
    return start + timedelta(minutes=minutes)


def test_a_session_ends_when_nobody_uses_it_and_in_any_case(own_lab: WebLab) -> None:
    visitor, other = own_lab.visitor("administrator"), own_lab.visitor("operator")
    start = own_lab.cluster.now()
    sessions = own_lab.service._sessions
    sessions._now = lambda: start + timedelta(minutes=29)
    assert visitor.get("/").status == 200
    sessions._now = lambda: start + timedelta(minutes=50)
    assert visitor.get("/").status == 200
    assert other.get("/").location == "/signin"
    for minutes in range(60, 12 * 60, 20):
        sessions._now = partial(_later, start, minutes)
        assert visitor.get("/nope").status == 404
        assert visitor.get("/ccmadmin/enterprise-parameters").status == 200
    sessions._now = lambda: start + timedelta(hours=12, minutes=1)
    page = visitor.post("/ccmadmin/enterprise-parameters", {"csrf": "x"})
    assert page.status == 401
    assert "not signed in any more" in page.text


def test_a_token_that_was_there_before_is_worth_nothing(lab: WebLab) -> None:
    visitor = lab.visitor()
    visitor.cookies[COOKIE] = "chosen-by-somebody-else-0123456789abcdef"
    assert visitor.sign_in().status == 303
    assert visitor.cookies[COOKIE] != "chosen-by-somebody-else-0123456789abcdef"
    first = visitor.cookies[COOKIE]
    visitor.cookies.clear()
    visitor.sign_in()
    assert visitor.cookies[COOKIE] != first


def test_signing_out_here_and_everywhere(own_lab: WebLab) -> None:
    here, there, other = (own_lab.visitor(user) for user in ("operator", "operator", "administrator"))
    third = own_lab.visitor("operator")
    csrf = here.get("/").csrf
    assert here.post("/signout", {"csrf": csrf}).location == "/signin"
    assert COOKIE not in here.cookies
    assert there.get("/").status == 200
    there.post("/signout", {"csrf": there.get("/").csrf, "everywhere": "yes"})
    assert third.get("/").location == "/signin"
    assert other.get("/").status == 200
    assert ("operator", "ended") in logins(own_lab.cluster)


def test_a_session_ends_with_its_password_and_its_account_and_follows_its_level(own_lab: WebLab) -> None:
    accounts = own_lab.guard.accounts
    visitor, operator = own_lab.visitor("reader"), own_lab.visitor("operator")
    assert "level 1" in operator.get("/").text
    accounts.remove("operator")
    assert operator.get("/").location == "/signin"
    accounts.set_password("reader", "Another-Password-2")
    assert visitor.get("/").location == "/signin"


def test_a_link_of_the_console_signs_in_once_and_soon(own_lab: WebLab) -> None:
    link = own_lab.service.link("root").removeprefix(own_lab.url)
    visitor = own_lab.visitor()
    page = visitor.get(link)
    assert (page.status, page.location) == (303, "/")
    assert "root, level 4" in visitor.get("/").text
    again = own_lab.visitor().get(link)
    assert again.status == 403
    assert "does not sign in any more" in again.heading
    assert own_lab.visitor().get("/signin/once?ticket=").status == 403
    desk = own_lab.service.desk
    assert desk is not None
    ticket = desk.doorman.links.make("root")
    assert desk.doorman.take_link(ticket, "192.0.2.7", "127.0.0.1") is None
    assert desk.doorman.take_link(ticket, "127.0.0.1", "127.0.0.1") is None


def test_the_form_leads_nowhere_else(lab: WebLab) -> None:
    for wanted in ("https://evil.example/", "//evil.example/", "/\\evil.example", "javascript:alert(1)", "/signin"):
        page = lab.visitor().sign_in(wanted=wanted)
        assert (page.status, page.location) == (303, "/"), wanted


def test_a_sign_in_without_its_token_is_not_tried(lab: WebLab) -> None:
    visitor = lab.visitor()
    visitor.get("/signin")
    page = visitor.post("/signin", {"user": "administrator", "password": PASSWORD, "csrf": "0" * 64})
    assert page.status == 403
    assert "Nothing was tried" in page.text
    assert COOKIE not in visitor.cookies
