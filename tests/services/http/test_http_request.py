"""Request heads: what is taken, what is refused, and that nothing crashes or takes long."""

from __future__ import annotations

from http import HTTPStatus

import pytest
from hypothesis import given
from hypothesis import strategies as st

from mixedmode.services.http.conditions import Choice, choose
from mixedmode.services.http.request import Request, parse_request, part, refused_early


@pytest.mark.parametrize(
    ("head", "expected"),
    [
        (b"GET /a HTTP/1.1\r\nHost: x", Request("a", False, False, True, b"", b"")),
        (b"GET /a HTTP/1.1\r\nHost:192.0.2.10:6970", Request("a", False, False, True, b"", b"")),
        (b"GET /a HTTP/1.1\r\nhOST: [2001:db8::1]:6970 ", Request("a", False, False, True, b"", b"")),
        (b"HEAD /a/b HTTP/1.0", Request("a/b", True, True, False, b"", b"")),
        (b"GET /a HTTP/1.0\r\nconnection: Keep-Alive", Request("a", False, True, True, b"", b"")),
        (b"GET /a HTTP/1.1\r\nHost: x\r\nConnection: TE, close", Request("a", False, False, False, b"", b"")),
        (b"GET http://node:6970/a HTTP/1.1\r\nHost: node", Request("a", False, False, True, b"", b"")),
        (b"GET http://node HTTP/1.1\r\nHost: node", Request("", False, False, True, b"", b"")),
        (b"GET /%C3%A9 HTTP/1.1\r\nHost: x\r\nRANGE:bytes=1-", Request("é", False, False, True, b"", b"bytes=1-")),
        (
            b'GET /a HTTP/1.1\r\nHost: x\r\nRange: bytes=1-\r\nIf-Range: "x"',
            Request("a", False, False, True, b"", b"bytes=1-", b"", b'"x"'),
        ),
        (b"HEAD /a HTTP/1.1\r\nHost: x\r\nRange: bytes=1-", Request("a", True, False, True, b"", b"")),
        (b'GET /a HTTP/1.1\r\nHost: x\r\nIf-None-Match: "x"', Request("a", False, False, True, b'"x"', b"")),
        (b'GET /a HTTP/1.0\r\nif-match: "x"', Request("a", False, True, False, b"", b"", b'"x"')),
        (b"GET /a HTTP/1.1\r\nHost: x\r\nContent-Length: 0", Request("a", False, False, True, b"", b"")),
        (b"GET /a HTTP/1.1\r\nContent-Length: 0\r\nContent-Length: 9", HTTPStatus.REQUEST_ENTITY_TOO_LARGE),
        (
            b"GET /a HTTP/1.1\r\nHost: x\r\nConnection: Upgrade, HTTP2-Settings\r\nUpgrade: h2c\r\nHTTP2-Settings: AA",
            Request("a", False, False, True, b"", b""),
        ),
        (b"GET /a HTTP/1.2\r\nHost: x", Request("a", False, False, True, b"", b"")),
        (b"GET http://node/a#b HTTP/1.1\r\nHost: x", Request("a", False, False, True, b"", b"")),
        (b"POST /a HTTP/1.1\r\nHost: x\r\nContent-Length: 3", HTTPStatus.METHOD_NOT_ALLOWED),
        (b"GET /a HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: chunked", HTTPStatus.REQUEST_ENTITY_TOO_LARGE),
        (b"GET /a RTSP/1.0\r\nHost: x", HTTPStatus.BAD_REQUEST),
        (b"GET * HTTP/1.1\r\nHost: x", HTTPStatus.BAD_REQUEST),
        (b"GET ftp://node/a HTTP/1.1\r\nHost: x", HTTPStatus.BAD_REQUEST),
        (b"GET /a  HTTP/1.1\r\nHost: x", HTTPStatus.BAD_REQUEST),
        (b"GET /\xc3\xa9 HTTP/1.1\r\nHost: x", HTTPStatus.BAD_REQUEST),
        (b"GET /a HTTP/1.1\r\nHost: x\r\nX: \x01", HTTPStatus.BAD_REQUEST),
        (b"GET /a HTTP/1.1", HTTPStatus.BAD_REQUEST),
        (b"HEAD /a HTTP/1.1\r\nX-Host: x", HTTPStatus.BAD_REQUEST),
        (b"GET /a HTTP/1.2\r\nConnection: close", HTTPStatus.BAD_REQUEST),
        (b"GET http://node/a HTTP/1.1", HTTPStatus.BAD_REQUEST),
        (b"GET /a HTTP/1.1\r\nHost:", HTTPStatus.BAD_REQUEST),
        (b"GET /a HTTP/1.1\r\nHost: a b", HTTPStatus.BAD_REQUEST),
        (b"GET /a HTTP/1.0\r\nHost: a/b", HTTPStatus.BAD_REQUEST),
        (b"GET /a HTTP/1.1\r\nHost: a..b", HTTPStatus.BAD_REQUEST),
        (b"GET /a HTTP/1.1\r\nHost: a\r\nhost: a", HTTPStatus.BAD_REQUEST),
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
    """Its length squared would take longer than any test may."""
    head = b"GET /" + piece * (1_000_000 // len(piece))
    parse_request(head)
    parse_request(head + b" HTTP/1.1" + piece * (1_000_000 // len(piece)) + b"\x00")


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
    assert part(b"Bytes=0-" + b"9" * 5000, size) == range(size)


@pytest.mark.parametrize(
    ("if_match", "if_none_match", "if_range", "choice"),
    [
        (b"", b"", b"", Choice.PART),
        (b'"tag"', b"", b"", Choice.PART),
        (b'"other" , W/"x", "tag"', b"", b"", Choice.PART),
        (b"*", b"", b"", Choice.PART),
        (b'"other"', b"", b"", Choice.FAILED),
        (b'W/"tag"', b"", b"", Choice.FAILED),
        (b"tag", b"", b"", Choice.FAILED),
        (b'"other"', b'"tag"', b"", Choice.FAILED),
        (b'"tag"', b'"tag"', b"", Choice.NOT_MODIFIED),
        (b"", b'W/"tag"', b"", Choice.NOT_MODIFIED),
        (b"", b"*", b"", Choice.NOT_MODIFIED),
        (b"", b'"a,b", "tag"', b"", Choice.NOT_MODIFIED),
        (b"", b'"other", *', b"", Choice.PART),
        (b"", b'"other"', b'"tag"', Choice.PART),
        (b"", b"", b'"tag"', Choice.PART),
        (b"", b"", b'"other"', Choice.WHOLE),
        (b"", b"", b'W/"tag"', Choice.WHOLE),
        (b"", b"", b"Tue, 25 Nov 2025 00:00:00 GMT", Choice.WHOLE),
    ],
)
def test_conditions(if_match: bytes, if_none_match: bytes, if_range: bytes, choice: Choice) -> None:
    assert choose(b'"tag"', if_match, if_none_match, if_range) is choice


@pytest.mark.parametrize("field", [b'"', b'""', b"*", b", ,", b'W/"', b'"x'])
def test_a_file_without_a_tag_is_matched_by_a_star_alone(field: bytes) -> None:
    assert (choose(b"", field, b"", b"") is Choice.FAILED) == (field != b"*")
    assert choose(b"", b"", b"", field) is Choice.WHOLE
