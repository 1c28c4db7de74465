"""Requests that are none, bodies and connections that never end: a stranger starves nobody but himself."""

from __future__ import annotations

import contextlib
import http.client
import socket
import ssl
import time
from collections.abc import Iterator

import pytest

from mixedmode.cluster.facade import Cluster
from mixedmode.faces.web import guards
from mixedmode.faces.web.service import WebLimits
from tests.faces.web.test_forms import connected
from tests.faces.web.weblab import WebLab, unchecked, web_lab

HOST = b"Host: x\r\n"
POST = b"POST /signin HTTP/1.1\r\n" + HOST
CHUNKED = POST + b"Transfer-Encoding: chunked\r\n\r\n"
NEXT = b"GET /healthz HTTP/1.1\r\n" + HOST + b"\r\n"
ODD = {
    "two lengths, one of them in pieces": POST + b"Content-Length: 4\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n",
    "the same the other way round": POST + b"Transfer-Encoding: chunked\r\nContent-Length: 5\r\n\r\n0\r\n\r\n",
    "two lengths": POST + b"Content-Length: 4\r\nContent-Length: 5\r\n\r\nabcde",
    "a list of lengths": POST + b"Content-Length: 4, 5\r\n\r\nabcde",
    "a length below 0": POST + b"Content-Length: -1\r\n\r\n",
    "a length with a sign": POST + b"Content-Length: +4\r\n\r\nabcd",
    "a length beyond all": POST + b"Content-Length: 99999999999999999999999\r\n\r\n",
    "a coding that is none": POST + b"Transfer-Encoding: xchunked\r\n\r\n0\r\n\r\n",
    "two codings": POST + b"Transfer-Encoding: chunked\r\nTransfer-Encoding: identity\r\n\r\n0\r\n\r\n",
    "a space in a name": POST + b"Transfer-Encoding : chunked\r\n\r\n0\r\n\r\n",
    "a piece of no size": CHUNKED + b"zz\r\n\r\n",
    "a piece below 0": CHUNKED + b"-5\r\nabcde\r\n0\r\n\r\n",
    "a piece in C": CHUNKED + b"0x5\r\nabcde\r\n0\r\n\r\n",
    "a piece beyond all": CHUNKED + b"ffffffffffffffffffffff\r\nabc",
    "a piece that says too much": CHUNKED + b"5;" + b"a" * 70_000 + b"\r\nabcde\r\n0\r\n\r\n",
    "a trailer without end": CHUNKED + b"0\r\n" + b"X-A: b\r\n" * 9000 + b"\r\n",
    "a piece longer than it says": CHUNKED + b"3\r\nabcXX0\r\n\r\n",
    "a zero": b"GET /signin HTTP/1.1\r\n" + HOST + b"X: a\0b\r\n\r\n",
    "no host": b"GET /signin HTTP/1.1\r\n\r\n",
    "two hosts": b"GET /signin HTTP/1.1\r\nHost: a\r\nHost: b\r\n\r\n",
    "bytes in an address": "GET /\u00e9 HTTP/1.1\r\n".encode() + HOST + b"\r\n",
    "HTTP 0.9": b"GET /signin\r\n\r\n",
    "no HTTP": b"\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03" * 8 + b"\r\n\r\n",
}


def answers(lab: WebLab, data: bytes) -> bytes:
    """Return everything that the server says before it ends the connection."""
    with connected(lab) as connection:
        connection.settimeout(60)
        got = b""
        with contextlib.suppress(ConnectionError, ssl.SSLError):
            connection.sendall(data)
            while piece := connection.recv(1 << 16):
                got += piece
        return got


def test_what_is_no_request_is_refused_and_nothing_behind_it_is_done(
    lab: WebLab, caplog: pytest.LogCaptureFixture
) -> None:
    for name, data in ODD.items():
        got = answers(lab, data + NEXT)
        assert got.startswith((b"HTTP/1.1 400 ", b"HTTP/1.1 413 ")), (name, got[:200])
        assert got.count(b"HTTP/1.1 ") == 1, (name, got)
        assert b"Traceback" not in got
    assert lab.visitor().get("/signin").status == 200
    assert [each.getMessage() for each in caplog.records if each.levelname == "ERROR"] == []


def test_nobody_is_told_to_send_what_is_too_large(lab: WebLab) -> None:
    with connected(lab) as connection:
        connection.settimeout(60)
        connection.sendall(POST + b"Expect: 100-continue\r\nContent-Length: 52428800\r\n\r\n")
        assert connection.recv(1 << 16).startswith(b"HTTP/1.1 413 ")


def test_a_body_that_never_ends_keeps_no_page_waiting(lab: WebLab, monkeypatch: pytest.MonkeyPatch) -> None:
    """More of them than the pages have threads."""
    monkeypatch.setattr(guards, "BODY_SECONDS", 600.0)
    monkeypatch.setattr(guards, "_PIECE_SECONDS", 600.0)
    form = POST + b"Content-Type: application/x-www-form-urlencoded\r\nContent-Length: 4000\r\n\r\nuser="
    with contextlib.ExitStack() as stack:
        slow = [stack.enter_context(connected(lab)) for _ in range(12)]
        for each in slow:
            each.sendall(form)
        visitor = lab.visitor("reader")
        for each in slow:
            each.sendall(b"x")
        assert visitor.get("/cmplatform/certificates").status == 200
        assert all(not readable(each) for each in slow)


def readable(connection: ssl.SSLSocket) -> bool:
    """Return whether something has been answered, or the connection ended."""
    connection.settimeout(0.01)
    try:
        connection.recv(1)
    except (TimeoutError, ssl.SSLWantReadError):
        return False
    except (OSError, ssl.SSLError):
        return True
    return True


def test_a_body_that_never_ends_is_ended(lab: WebLab, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(guards, "BODY_SECONDS", 0.3)
    monkeypatch.setattr(guards, "_PIECE_SECONDS", 0.3)
    got = answers(lab, POST + b"Content-Type: application/x-www-form-urlencoded\r\nContent-Length: 4000\r\n\r\nuser=")
    assert got.startswith(b"HTTP/1.1 408 ")


@pytest.fixture
def small(own_cluster: Cluster) -> Iterator[WebLab]:
    with web_lab(own_cluster, limits=WebLimits(connections=24, per_address=8)) as running:
        yield running


def from_there(lab: WebLab, address: str) -> socket.socket:
    return socket.create_connection(("127.0.0.1", lab.service.port), 30, source_address=(address, 0))


def test_connections_of_strangers_starve_themselves_only(small: WebLab) -> None:
    """All places are taken by many addresses; one of them takes many more than it may."""
    person = small.visitor("administrator")
    cookie = "; ".join(f"{name}={value}" for name, value in person.cookies.items())
    with contextlib.ExitStack() as stack:
        kept = http.client.HTTPSConnection("127.0.0.1", small.service.port, timeout=60, context=unchecked())
        stack.callback(kept.close)
        assert asked(kept, cookie) == 200
        before = kept.sock
        for number in range(2, 8):
            for _ in range(12):
                stack.enter_context(from_there(small, f"127.0.0.{number}"))
        end = time.monotonic() + 60
        while small.visitor("reader").get("/signin").status not in {200, 303}:
            assert time.monotonic() < end
        assert person.get("/").status == 200
        # Who was signed in before keeps the connection that he had.
        assert asked(kept, cookie) == 200
        assert kept.sock is before


def asked(connection: http.client.HTTPSConnection, cookie: str) -> int:
    connection.request("GET", "/cmplatform/cluster", headers={"cookie": cookie})
    answer = connection.getresponse()
    answer.read()
    return answer.status
