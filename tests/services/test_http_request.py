"""Request heads: what is taken, what is refused, and that nothing crashes or takes long."""

from __future__ import annotations

import time
from http import HTTPStatus

import pytest
from hypothesis import given
from hypothesis import strategies as st

from mixedmode.services.http_request import Request, parse_request, part, refused_early


@pytest.mark.parametrize(
    ("head", "expected"),
    [
        (b"GET /a HTTP/1.1\r\nHost: x", Request("a", False, False, True, b"", b"")),
        (b"HEAD /a/b HTTP/1.0", Request("a/b", True, True, False, b"", b"")),
        (b"GET /a HTTP/1.0\r\nconnection: Keep-Alive", Request("a", False, True, True, b"", b"")),
        (b"GET /a HTTP/1.1\r\nConnection: TE, close", Request("a", False, False, False, b"", b"")),
        (b"GET http://node:6970/a HTTP/1.1\r\nHost: node", Request("a", False, False, True, b"", b"")),
        (b"GET http://node HTTP/1.1", Request("", False, False, True, b"", b"")),
        (b"GET /%C3%A9 HTTP/1.1\r\nRANGE:bytes=1-", Request("é", False, False, True, b"", b"bytes=1-")),
        (b'GET /a HTTP/1.1\r\nRange: bytes=1-\r\nIf-Range: "x"', Request("a", False, False, True, b"", b"")),
        (b'GET /a HTTP/1.1\r\nIf-None-Match: "x"', Request("a", False, False, True, b'"x"', b"")),
        (b"GET /a HTTP/1.1\r\nContent-Length: 0", Request("a", False, False, True, b"", b"")),
        (b"GET /a HTTP/1.1\r\nContent-Length: 0\r\nContent-Length: 9", HTTPStatus.REQUEST_ENTITY_TOO_LARGE),
        (b"GET /a HTTP/1.1\r\nHost : x", HTTPStatus.BAD_REQUEST),
        (b"GET /a HTTP/1.1\r\n folded", HTTPStatus.BAD_REQUEST),
        (b"GET /a HTTP/1.1\r\nX: a\nY: b\x00", HTTPStatus.BAD_REQUEST),
        (b"GET  /a HTTP/1.1", HTTPStatus.BAD_REQUEST),
        (b"get /a HTTP/1.1", HTTPStatus.METHOD_NOT_ALLOWED),
        (b"", HTTPStatus.BAD_REQUEST),
    ],
)
def test_heads(head: bytes, expected: Request | HTTPStatus) -> None:
    assert parse_request(head) == expected


@given(st.one_of(st.binary(max_size=200), st.lists(st.sampled_from(
    [b"GET ", b"/", b"%", b"a", b" HTTP/1.1", b"\r\n", b"Host:", b":", b"\n", b"\r", b"Range: bytes=1-2", b"http://"]
)).map(b"".join)))  # fmt: skip
def test_garbage_is_a_status_or_a_request(head: bytes) -> None:
    assert isinstance(parse_request(head), (Request, HTTPStatus))
    assert refused_early(head) in (None, HTTPStatus.BAD_REQUEST)


@pytest.mark.parametrize("piece", [b"a", b"a:", b"\r\n", b"\r\na:", b"\r\na: b", b"%41", b"/", b" ", b"http://"])
def test_no_head_takes_longer_than_its_length_allows(piece: bytes) -> None:
    head = b"GET /" + piece * (250_000 // len(piece))
    begin = time.perf_counter()
    parse_request(head)
    parse_request(head + b" HTTP/1.1" + piece * (250_000 // len(piece)) + b"\x00")
    assert time.perf_counter() - begin < 0.5


@given(st.integers(0, 50), st.integers(0, 60), st.integers(0, 60))
def test_parts_are_those_of_the_file(size: int, first: int, last: int) -> None:
    data = bytes(range(size))
    whole = part(b"bytes=%d-%d" % (first, last), size)
    if last < first:
        assert whole is None
    else:
        assert whole is not None
        assert bytes(data[index] for index in whole) == data[first : last + 1]
    suffix = part(b"bytes=-%d" % last, size)
    assert suffix is not None
    assert bytes(data[index] for index in suffix) == (data[-last:] if last else b"")
    assert part(b"bytes=0-1,3-4", size) is None
    assert part(b"lines=0-1", size) is None
