"""HTTP/1.1 request heads as the file service takes them: one head in, a request or a status to refuse it with out.

PURE: no socket, clock or file. llhttp (httptools) reads the head; what is taken, and with which status the rest is
refused, is decided here.

Rules (RFC 9112; wire-formats.md 7 says what phones ask for):

1. Only GET and HEAD, and never a body: no phone sends one for a file.
2. Strict where a sloppy reading could be taken two ways: line ends are CRLF, no folded lines, no blank before a
   colon, one blank between the words of the request line, no two Hosts. As in nginx, HTTP/1.1 needs a Host that could
   be one; which it is does not matter, since there is one store, whatever the client calls us.
3. Sizes are looked at first, and everything goes over a head once; a head cannot cost more than its length.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from http import HTTPStatus
from typing import Final, NamedTuple
from urllib.parse import unquote_to_bytes

from httptools import HttpParserError, HttpParserUpgrade, HttpRequestParser, parse_url


@dataclass(frozen=True, slots=True)
class HeadLimits:
    """How large a head may be.

    Attributes:
        head_bytes: In all.
        line_bytes: Of the request line.
        fields: Header fields.
    """

    head_bytes: int = 8 << 10
    line_bytes: int = 2 << 10
    fields: int = 64


class Request(NamedTuple):
    """What a client asks for.

    Attributes:
        name: The file's name, without the leading slash, decoded; not checked.
        head_only: Whether the method is HEAD.
        old: Whether the client speaks HTTP/1.0.
        keep_alive: Whether it wants to go on with this connection.
        matches: If-None-Match, empty if there is none.
        wanted: Range, empty if there is none; it has no meaning for HEAD.
        if_match: If-Match, empty if there is none.
        if_range: If-Range, empty if there is none.
    """

    name: str
    head_only: bool
    old: bool
    keep_alive: bool
    matches: bytes
    wanted: bytes
    if_match: bytes = b""
    if_range: bytes = b""


_METHODS: Final = {b"GET": False, b"HEAD": True}
_LINE = re.compile(rb"([!#$%&'*+\-.^_`|~0-9A-Za-z]+) \S+ HTTP/(\d)\.\d")
_HOST = re.compile(rb"[^\x00-\x20\x7f/\\,]++")
_RANGE = re.compile(rb"bytes=(?:(\d+)-(\d+)?|-(\d+))", re.IGNORECASE)
_DIGITS: Final = 18
_BODY = re.compile(rb"\n(?:transfer-encoding:|content-length:(?![ \t]*0[ \t]*(?:\r|\Z)))", re.IGNORECASE)
_BAD_ESCAPE = re.compile(rb"%(?![0-9A-Fa-f]{2})")
_DEFAULT_LIMITS: Final = HeadLimits()


def parse_request(head: bytes, limits: HeadLimits = _DEFAULT_LIMITS) -> Request | HTTPStatus:
    """Read a request's head.

    Args:
        head: From the method to the last field, without the empty line.
        limits: How large it may be.

    Returns:
        The request, or the status to refuse it with; after a refusal nobody knows where the next request begins.
    """
    status = _too_large(head, limits)
    if status is not None:
        return status
    heard = _Heard()
    parser = HttpRequestParser(heard)
    parser.set_dangerous_leniencies(lenient_version=True)  # RFC 9110 2.5: a later minor version is answered as 1.1
    try:
        parser.feed_data(head + b"\r\n\r\n")
    except HttpParserUpgrade:
        pass  # RFC 9110 7.8: a server may go on as if it had not been asked for another protocol
    except HttpParserError:
        return _why_not(head)
    method, fields = parser.get_method(), heard.fields
    target = heard.target
    head_only = _METHODS.get(method)
    line = method + b" " + target + b" HTTP/1."
    if head_only is None or not head.startswith(line):
        return _why_not(head)
    name = file_name(target) if target.startswith(b"/") else _absolute(target)
    if name is None:
        return HTTPStatus.BAD_REQUEST
    old = head.startswith(b"0", len(line))
    status = _refused(fields, old)
    if status is not None:
        return status
    keep_alive = not old
    if b"connection" in fields:
        keep_alive = _keeps_alive(fields[b"connection"], keep_alive)
    return Request(
        name,
        head_only,
        old,
        keep_alive,
        fields.get(b"if-none-match", b""),
        b"" if head_only else fields.get(b"range", b""),
        fields.get(b"if-match", b""),
        fields.get(b"if-range", b""),
    )


def file_name(target: bytes) -> str | None:
    """Return the name that a request's target asks for, ``None`` if it is no text."""
    path = target[1:]
    if b"?" in path:
        path = path.partition(b"?")[0]
    if b"%" in path:
        if _BAD_ESCAPE.search(path):
            return None
        path = unquote_to_bytes(path)
        if b"\x00" in path:
            return None
    try:
        return path.decode()
    except UnicodeDecodeError:
        return None


def refused_early(beginning: bytes, limits: HeadLimits = _DEFAULT_LIMITS) -> HTTPStatus | None:
    """Return the status to refuse a head with that has not ended yet, ``None`` if it can still become a request.

    What speaks another protocol on this port, TLS for instance, need not wait for its deadline.
    """
    if len(beginning) > limits.head_bytes:
        return _too_large(beginning, limits)
    line, newline, _ = beginning.partition(b"\n")
    plausible = line.endswith(b"\r") and b" HTTP/" in line if newline else line[:1].isupper() or not line
    return None if plausible else HTTPStatus.BAD_REQUEST


def part(wanted: bytes, size: int) -> range | None:
    """Return the bytes that a Range field asks for.

    Args:
        wanted: The field's value.
        size: Of the file, in bytes.

    Returns:
        The indexes, empty if the file has none of them; ``None`` if the field is to be ignored, since it
        asks for several ranges or other units.
    """
    match = _RANGE.fullmatch(wanted.strip())
    if match is None:
        return None
    first, last, suffix = (None if each is None else _number(each) for each in match.groups())
    if first is None:
        return range(max(0, size - (suffix or 0)), size)
    if last is None:
        return range(min(first, size), size)
    if last < first:
        return None
    return range(min(first, size), min(last + 1, size))


def _number(digits: bytes) -> int:
    # A number of thousands of digits is beyond the end of any file, and Python does not read it at once.
    digits = digits.lstrip(b"0")
    return int(digits or b"0") if len(digits) <= _DIGITS else 10**_DIGITS


class _Heard:
    """What the parser says of a head.

    Attributes:
        target: What is asked for, as it was sent.
        fields: Values by lower-case name; a field that comes twice has both, as a list.
    """

    __slots__ = ("fields", "target")

    def __init__(self) -> None:
        self.target = b""
        self.fields: dict[bytes, bytes] = {}

    def on_url(self, target: bytes) -> None:
        self.target += target

    def on_header(self, name: bytes, value: bytes) -> None:
        key = name.lower()
        fields = self.fields
        if key in fields:
            value = fields[key] + b"," + value
        fields[key] = value


def _absolute(target: bytes) -> str | None:
    """Return the file's name in ``http://node/name``, ``None`` if that is no address of ours."""
    try:
        url = parse_url(target)
    except HttpParserError:
        return None
    return file_name(url.path or b"/") if (url.schema or b"").lower() in (b"http", b"https") else None


def _refused(fields: dict[bytes, bytes], old: bool) -> HTTPStatus | None:
    if b"transfer-encoding" in fields or (b"content-length" in fields and fields[b"content-length"].strip() != b"0"):
        return HTTPStatus.REQUEST_ENTITY_TOO_LARGE
    host = fields.get(b"host")
    if host is None:
        return None if old else HTTPStatus.BAD_REQUEST
    return HTTPStatus.BAD_REQUEST if b".." in host or not _HOST.fullmatch(host.strip()) else None


def _too_large(head: bytes, limits: HeadLimits) -> HTTPStatus | None:
    size = len(head)
    if size > limits.line_bytes and head.find(b"\r\n", 0, limits.line_bytes + 2) < 0:
        return HTTPStatus.REQUEST_URI_TOO_LONG
    if size > limits.head_bytes or head.count(b"\n") > limits.fields:
        return HTTPStatus.REQUEST_HEADER_FIELDS_TOO_LARGE
    return None


def _keeps_alive(value: bytes, before: bool) -> bool:
    value = value.lower()
    if value == b"keep-alive":
        return True
    words = {word.strip() for word in value.split(b",")}
    if b"close" in words:
        return False
    return before or b"keep-alive" in words


def _why_not(head: bytes) -> HTTPStatus:
    """Return the status for what is no GET or HEAD that has one reading."""
    match = _LINE.fullmatch(head.partition(b"\r\n")[0])
    if match is None:
        return HTTPStatus.BAD_REQUEST
    if match[2] != b"1":
        return HTTPStatus.HTTP_VERSION_NOT_SUPPORTED
    if match[1] not in _METHODS:
        return HTTPStatus.METHOD_NOT_ALLOWED
    return HTTPStatus.REQUEST_ENTITY_TOO_LARGE if _BODY.search(head) else HTTPStatus.BAD_REQUEST
