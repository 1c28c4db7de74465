"""What a form must show before anything is done with it, and what is refused."""

from __future__ import annotations

import socket
import ssl
import time
from collections.abc import Iterator
from contextlib import contextmanager

import pytest

from mixedmode.faces.web import connections
from mixedmode.faces.web.kit.doorman import COOKIE
from tests.faces.web.weblab import WebLab, unchecked

PARAMETERS = "/ccmadmin/enterprise-parameters"
ODD = (
    "/nope",
    "/static/../../etc/passwd",
    "/static/x/%2e%2e%2fbase.html",
    "/%00",
    "/<script>alert(1)</script>",
    "/static/000000000000/style.css",
    "/api/v1/events?topics=",
    "/api/nope",
)


def test_a_form_without_its_token_or_with_anothers_changes_nothing(lab: WebLab) -> None:
    visitor, other = lab.visitor("administrator"), lab.visitor("administrator")
    foreign = other.get(PARAMETERS).csrf
    for fields in ({}, {"csrf": ""}, {"csrf": "0" * 64}, {"csrf": foreign}):
        page = visitor.post(PARAMETERS, {"CAPFOperationExpiresInDays": "77", **fields})
        assert page.status == 403
        assert "Nothing was changed" in page.text
    assert lab.cluster.parameter("CAPFOperationExpiresInDays") != "77"


def test_the_form_of_a_second_tab_is_refused_kindly(lab: WebLab) -> None:
    visitor = lab.visitor("administrator")
    stale = visitor.get(PARAMETERS).csrf
    visitor.cookies.clear()
    visitor.sign_in()
    page = visitor.post(PARAMETERS, {"csrf": stale, "CAPFOperationExpiresInDays": "77"})
    assert (page.status, page.heading) == (
        403, "This form was made before you signed in again, so it was not taken. Nothing was changed.",
    )  # fmt: skip


def test_another_sites_form_is_refused(lab: WebLab) -> None:
    visitor = lab.visitor("administrator")
    csrf = visitor.get(PARAMETERS).csrf
    for header in ({"origin": "https://evil.example"}, {"origin": "null"}, {"sec_fetch_site": "cross-site"}):
        assert visitor.post(PARAMETERS, {"csrf": csrf}, **header).status == 403
    same = {"origin": lab.url, "sec_fetch_site": "same-origin"}
    assert visitor.post(PARAMETERS, {"csrf": csrf}, **same).status == 422


def test_a_level_that_is_too_low_is_refused_by_the_door_with_its_words(lab: WebLab) -> None:
    visitor = lab.visitor("reader")
    page = visitor.get(PARAMETERS)
    assert "needs 1" in page.text
    values = {"csrf": page.csrf, "CAPFOperationExpiresInDays": "77", "TFTPFileSignatureAlgorithm": "SHA-1"}
    values |= {"PrepareClusterForRollbackToPre80": "False"}
    values |= {"PhoneInteractionOnCertificateUpdate": "Automatically Reset Phones"}
    page = visitor.post(PARAMETERS, values)
    assert page.status == 422
    assert "privilege" in page.text.lower()
    audit = lab.cluster.operations.journal.audit(20, user="reader", outcome="refused")
    assert any(each.action == "set parameter" for each in audit)


def test_errors_stand_beside_their_fields_and_values_stay(lab: WebLab) -> None:
    visitor = lab.visitor("administrator")
    csrf = visitor.get(PARAMETERS).csrf
    page = visitor.post(
        PARAMETERS, {"csrf": csrf, "CAPFOperationExpiresInDays": "999", "TFTPFileSignatureAlgorithm": "x"}
    )
    assert page.status == 422
    assert 'value="999"' in page.text
    assert 'aria-invalid="true"' in page.text
    assert "Take one of those that are offered." in page.text
    mode = visitor.post(PARAMETERS, {"csrf": csrf, "ClusterSecurityMode": "1"})
    assert mode.status == 422
    assert lab.cluster.parameter("ClusterSecurityMode") == "0"


@pytest.mark.parametrize("method", ["PUT", "DELETE", "PATCH", "TRACE"])
def test_other_methods_get_a_page_too(lab: WebLab, method: str) -> None:
    page = lab.visitor("administrator").send(method, "/", None, {})
    assert page.status == 405
    assert "Traceback" not in page.text


def test_odd_addresses_are_pages_and_never_tracebacks(lab: WebLab) -> None:
    visitor = lab.visitor("administrator")
    for path in ODD:
        page = visitor.get(path)
        assert page.status == 404, path
        assert "Traceback" not in page.text
        assert "<script>alert" not in page.text
    assert visitor.get("/api/nope").headers["content-type"].startswith("application/problem+json")


def test_a_body_that_is_too_large_is_dropped_and_told_so(lab: WebLab) -> None:
    visitor = lab.visitor("administrator")
    kind = {"content-type": "multipart/form-data; boundary=x"}
    page = visitor.send("POST", PARAMETERS, b"x" * (2 << 20), kind)
    assert (page.status, "Nothing was kept" in page.text) == (413, True)
    garbage = visitor.send("POST", PARAMETERS, b"\xff\x00--x\r\n" * 40, kind)
    assert garbage.status in {400, 403}


@contextmanager
def connected(lab: WebLab) -> Iterator[ssl.SSLSocket]:
    """A connection with nothing said yet."""
    with (
        socket.create_connection(("127.0.0.1", lab.service.port), 60) as plain,
        unchecked().wrap_socket(plain) as made,
    ):
        made.settimeout(60)
        yield made


def trickle(into: ssl.SSLSocket, until: float) -> None:
    """Send a header that never ends, a line at a time."""
    while time.monotonic() < until:
        into.sendall(b"X-A: b\r\n")
        time.sleep(0.05)


def test_a_header_that_trickles_in_has_its_time(lab: WebLab, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(connections, "HEADER_SECONDS", 0.4)
    with connected(lab) as slow:
        slow.sendall(b"GET / HTTP/1.1\r\nHost: x\r\n")
        with pytest.raises((ConnectionError, ssl.SSLError)):
            trickle(slow, time.monotonic() + 100)


def test_assets_are_kept_for_ever_and_pages_by_nobody(lab: WebLab) -> None:
    visitor = lab.visitor()
    page = visitor.get("/signin")
    assert page.headers["cache-control"] == "no-store"
    assert "frame-ancestors 'none'" in page.headers["content-security-policy"]
    assert page.headers["strict-transport-security"].startswith("max-age=")
    start = page.text.index("/static/")
    asset = visitor.get(page.text[start : page.text.index('"', start)])
    assert asset.status == 200
    assert "immutable" in asset.headers["cache-control"]
    assert asset.headers["x-content-type-options"] == "nosniff"


def test_events_need_a_session_and_do_not_keep_it_alive(lab: WebLab) -> None:
    assert lab.visitor().get("/api/v1/events").status == 401
    visitor = lab.visitor("administrator")
    assert COOKIE in visitor.cookies
    with connected(lab) as stream:
        cookie = f"{COOKIE}={visitor.cookies[COOKIE]}"
        stream.sendall(f"GET /api/v1/events HTTP/1.1\r\nHost: x\r\nCookie: {cookie}\r\n\r\n".encode())
        told = b""
        while b"event: counts" not in told or b"event: running" not in told:
            told += stream.recv(4096)
    assert b'"unknown":' in told


def test_a_refusal_is_no_failure_of_the_program(lab: WebLab, caplog: pytest.LogCaptureFixture) -> None:
    visitor = lab.visitor("administrator")
    for path in ("/nope", "/signin/once?ticket=x", "/static/0/style.css", "/api/v1/events?topics=x"):
        assert visitor.get(path).status in {403, 404}
    visitor.post("/signout", {"csrf": "x"})
    visitor.send("POST", PARAMETERS, b"x" * (1 << 20), {})
    assert [record.message for record in caplog.records if record.levelname == "ERROR"] == []
