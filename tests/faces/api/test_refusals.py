"""Every refusal is a problem document with a code and a next step, and nothing was done."""

from __future__ import annotations

import json
import socket
import ssl
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import pytest

from mixedmode.control.audit_log import Wanted
from mixedmode.faces.api.endpoint import BODY_BYTES, Endpoint
from mixedmode.faces.api.problems import table
from mixedmode.faces.api.resources import endpoints
from tests.faces.api.conftest import PHONE, PUB, Program, code, parsed, program
from tests.faces.web.weblab import PEOPLE, WebLab, unchecked

PATH = "/api/v1/parameters/CAPFPhonePort"
NEW = {"value": "3805"}


def test_nobody_without_a_token(lab: WebLab) -> None:
    stranger = Program(lab.visitor(), {})
    for method, path in (("GET", "/api/v1/cluster"), ("PUT", PATH), ("POST", "/api/v1/tokens")):
        page = stranger.send(method, path, {} if method != "GET" else None)
        assert (page.status, code(page)) == (401, "unauthorized")
        assert page.headers["www-authenticate"].startswith("Bearer")
        assert parsed(page)["next_step"]


@pytest.mark.parametrize("header", ["Bearer", "Bearer x", "Basic YTpi", "Bearer mm_0123456789ab_" + "A" * 43, "\xff"])
def test_no_token_that_is_none(lab: WebLab, header: str) -> None:
    page = Program(lab.visitor(), {"authorization": header}).get("/api/v1/cluster")
    assert (page.status, code(page)) == (401, "unauthorized")


def of_level(lab: WebLab, level: int) -> list[Endpoint]:
    return [each for each in endpoints(lab.service.desk.control) if each.level > level]


@pytest.mark.parametrize("user", ["reader", "operator"])
def test_the_level_is_asked_before_all_else(lab: WebLab, user: str) -> None:
    # How many refusals of one address are entered is bounded, and other tests have been at it from the usual one.
    source = f"127.4.4.{PEOPLE[user] + 1}"
    someone = program(lab, user, source)
    refused = of_level(lab, PEOPLE[user])
    assert len(refused) > 5
    for each in refused[:: max(1, len(refused) // 12)]:
        path = each.path.replace("{", "").replace("}", "")
        page = someone.send(each.method, f"/api/v1{path}", None if each.body is None else {})
        assert (page.status, code(page)) == (403, "privilege"), each
        assert f"needs privilege level {each.level}" in parsed(page)["detail"]
    records = lab.service.desk.control.audit_log(_admin(lab), Wanted(user=user, outcome="refused"))
    assert source in {each.source for each in records}


def _admin(lab: WebLab) -> Any:
    from mixedmode.cluster.engine.principal import Principal

    return Principal("administrator", 4, "console", lab.service.desk.node)


def test_methods_and_options(admin: Program) -> None:
    page = admin.post(f"/api/v1/phones/{PHONE}")
    assert (page.status, code(page)) == (405, "method")
    assert page.headers["allow"] == "GET, PATCH, DELETE, HEAD, OPTIONS"
    options = admin.send("OPTIONS", "/api/v1/phones")
    assert (options.status, options.headers["allow"], options.body) == (204, "GET, POST, HEAD, OPTIONS", b"")
    head, get = admin.send("HEAD", "/api/v1/cluster"), admin.get("/api/v1/cluster")
    assert (head.status, head.body) == (200, b"")
    assert head.headers["content-length"] == str(len(get.body))
    assert head.headers["etag"] == get.headers["etag"]


def test_forms(admin: Program) -> None:
    assert admin.get("/api/v1/cluster", accept="text/html").status == 406
    assert admin.get("/api/v1/cluster", accept="text/*, application/json;q=0.1").status == 200
    assert admin.get("/api/v1/cluster", accept="application/json;q=0, */*;q=0").status == 406
    text = admin.visitor.send("PUT", PATH, json.dumps(NEW).encode(), {**admin.headers, "content-type": "text/plain"})
    assert (text.status, code(text)) == (415, "not-json")
    packed = admin.send("PUT", PATH, NEW, **{"content-encoding": "gzip"})
    assert (packed.status, code(packed)) == (415, "not-json")


@pytest.mark.parametrize(
    "body",
    [b"", b"{", b"[]", b"null", b'{"value": 1}', b'{"value": "3805", "more": 1}', b'{"value": "a\\u0000"}', b"\xff"],
)
def test_bodies_that_are_not_as_described(admin: Program, body: bytes) -> None:
    page = admin.visitor.send("PUT", PATH, body, {**admin.headers, "content-type": "application/json"})
    assert (page.status, code(page)) in {(400, "invalid"), (415, "not-json")}


@pytest.mark.parametrize("query", ["page=0", "size=9999", "page=x", "nothing=1", "page=1&page=2", "sort=secret"])
def test_queries_that_are_not_as_described(admin: Program, query: str) -> None:
    page = admin.get(f"/api/v1/phones?{query}")
    assert (page.status, code(page)) == (400, "invalid")


def test_a_deep_body_is_no_end(admin: Program) -> None:
    page = admin.visitor.send("PUT", PATH, b"[" * 100_000, {**admin.headers, "content-type": "application/json"})
    assert page.status == 400


def test_bodies_have_a_size(admin: Program) -> None:
    page = admin.send("PUT", PATH, {"value": "x" * BODY_BYTES})
    assert (page.status, parsed(page)["status"]) == (413, 413)


GO_ON = b"HTTP/1.1 100 Continue\r\n\r\n"


def test_large_bodies_of_one_person_come_one_at_a_time(own_lab: WebLab) -> None:
    someone, other = program(own_lab, "reader"), program(own_lab, "operator")
    with _begun(own_lab, someone) as first:
        assert first.recv(len(GO_ON)) == GO_ON
        with _begun(own_lab, someone) as second:
            assert second.recv(12) == b"HTTP/1.1 429"
        assert someone.post("/api/v1/forecasts", {}).status == 400
        with _begun(own_lab, other) as third:
            assert third.recv(len(GO_ON)) == GO_ON
        first.sendall(b" " * (2 << 20))
        assert first.recv(12) == b"HTTP/1.1 400"
    with _begun(own_lab, someone) as again:
        assert again.recv(len(GO_ON)) == GO_ON
        again.sendall(b" " * (2 << 20))
        assert again.recv(12) == b"HTTP/1.1 400"


@contextmanager
def _begun(lab: WebLab, who: Program) -> Iterator[ssl.SSLSocket]:
    """A request of two megabytes whose body is sent when it is asked for."""
    host, port = "127.0.0.1", lab.service.port
    with socket.create_connection((host, port)) as plain, unchecked().wrap_socket(plain) as wire:
        head = {"host": f"{host}:{port}", "content-type": "application/json", "content-length": str(2 << 20)}
        head["expect"] = "100-continue"
        lines = "".join(f"{name}: {value}\r\n" for name, value in {**head, **who.headers}.items())
        wire.sendall(f"POST /api/v1/forecasts HTTP/1.1\r\n{lines}\r\n".encode())
        yield wire


def test_unknown_addresses(admin: Program) -> None:
    for path in ("/api/v1/nothing", "/api/v2/cluster", "/api/", f"/api/v1/phones/{PHONE}/x"):
        page = admin.get(path)
        assert (page.status, code(page)) == (404, "no-such-address"), path
    for path in ("/api/v1/phones/SEPFFFFFFFFFFFF", "/api/v1/nodes/x", "/api/v1/journal/x", "/api/v1/certificates/00"):
        assert code(admin.get(path)) == "not-found", path


@pytest.mark.parametrize("name", ["../../etc/passwd", "/etc/passwd", "PUB/../..", "ITLFile.tlv/../../accounts.json"])
def test_no_file_by_a_trick_of_the_address(admin: Program, name: str) -> None:
    quoted = name.replace("/", "%2F")
    page = admin.get(f"/api/v1/nodes/{PUB}/lists/{quoted}")
    assert page.status == 404
    page = admin.post("/api/v1/operations/file-delete-tftp", {"node": PUB, "name": name})
    assert page.status in {400, 404}, page.body


def test_an_inventory_reads_no_file(admin: Program) -> None:
    rows = "name,model,ctl,itl\nSEP001122334455,7975,/etc/passwd,none\n"
    page = admin.post("/api/v1/forecasts", {"steps": [{}], "inventory": rows})
    assert page.status == 400
    assert "'/etc/passwd' is no hash" in parsed(page)["detail"]
    page = admin.post("/api/v1/forecasts", {"steps": [{"publish": ["/etc/passwd"]}]})
    assert page.status == 400


def test_every_error_of_the_package_has_its_number() -> None:
    known = {each.code: each.status for each in table()}
    assert known["not-found"] == 404
    assert known["privilege"] == 403
    assert known["database"] == 503
    assert known["cluster-busy"] == 409
    assert known["key-reused"] == 422
    assert known["too-often"] == 429
    assert all(each.meaning for each in table())


def test_who_asks_too_often_waits_alone(own_lab: WebLab) -> None:
    rates = own_lab.service.desk.rates
    loud, quiet = program(own_lab, "operator"), program(own_lab, "reader")
    rates.each_second, rates.at_once = 0.5, 5.0
    statuses = [loud.get("/api/v1/session").status for _ in range(7)]
    assert statuses.count(200) >= 5
    assert statuses[-1] == 429
    page = loud.get("/api/v1/session")
    assert code(page) == "too-often"
    assert 1 <= int(page.headers["retry-after"]) <= 3
    assert quiet.get("/api/v1/session").status == 200
