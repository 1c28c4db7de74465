"""HTTP/1.1 request heads as the file service takes them: one head in, a request or a status to refuse it with out.

PURE: no socket, clock or file.

Rules (RFC 9112; wire-formats.md 7 says what phones ask for):

1. Only GET and HEAD, and never a body: no phone sends one for a file.
2. Strict where a sloppy reading could be taken two ways: line ends are CRLF, no folded lines, no blank before a
   colon, no two Hosts. As in nginx, HTTP/1.1 needs a Host that could be one; which it is does not matter, since
   there is one store, whatever the client calls us.
3. Every pattern goes over a head once; a head cannot cost more than its length.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from http import HTTPStatus
from typing import Final, NamedTuple
from urllib.parse import unquote_to_bytes


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


_HEAD = re.compile(
    rb"(GET|HEAD) (/[^\s\x00-\x20\x7f]*+|[Hh][Tt][Tt][Pp][Ss]?://[^\s/?#\x00-\x20\x7f]++(/[^\s\x00-\x20\x7f]*+)?+)"
    rb" HTTP/1\.(\d)"
    rb"((?:\r\n[!#$%&'*+\-.^_`|~0-9A-Za-z]++:[^\r\n\x00]*+)*+)"
)
_FIELDS = re.compile(
    rb"\r\n(host|connection|content-length|transfer-encoding|if-none-match|if-match|if-range|range):[ \t]*([^\r\n]*)",
    re.IGNORECASE,
)
_LINE = re.compile(rb"([!#$%&'*+\-.^_`|~0-9A-Za-z]+) \S+ HTTP/(\d)\.\d")
_HOST = re.compile(rb"(?!.*\.\.)[^\x00-\x20\x7f/\\,]+")
_RANGE = re.compile(rb"bytes=(?:(\d+)-(\d+)?|-(\d+))", re.IGNORECASE)
_DIGITS: Final = 18
_BAD_ESCAPE = re.compile(rb"%(?![0-9A-Fa-f]{2})")
_SLASH: Final = ord("/")
_DEFAULT_LIMITS: Final = HeadLimits()


def parse_request(head: bytes, limits: HeadLimits = _DEFAULT_LIMITS) -> Request | HTTPStatus:
    """Read a request's head.

    Args:
        head: From the method to the last field, without the empty line.
        limits: How large it may be.

    Returns:
        The request, or the status to refuse it with; after a refusal nobody knows where the next request begins.
    """
    match = _HEAD.fullmatch(head)
    if match is None:
        return _why_not(head, limits)
    method, target, absolute, minor, lines = match.groups()
    if target[0] != _SLASH:
        target = absolute or b"/"
    name = file_name(target)
    fields = _fields(lines)
    old = minor == b"0"
    status = _refused(name, fields) or _too_large(head, limits)
    if status is None and not old and b"host" not in fields:
        status = HTTPStatus.BAD_REQUEST
    if name is None or status is not None:
        return status or HTTPStatus.BAD_REQUEST
    keep_alive = not old
    if b"connection" in fields:
        keep_alive = _keeps_alive(fields[b"connection"], keep_alive)
    head_only = method == b"HEAD"
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
    path = target.partition(b"?")[0][1:]
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


def _fields(lines: bytes) -> dict[bytes, bytes]:
    """Return the fields that matter by lower-case name; one that comes twice has both values, as a list."""
    found: dict[bytes, bytes] = {}
    for name, value in _FIELDS.findall(lines):
        key = name.lower()
        found[key] = found[key] + b"," + value if key in found else value
    return found


def _refused(name: str | None, fields: dict[bytes, bytes]) -> HTTPStatus | None:
    if name is None or not _HOST.fullmatch(fields.get(b"host", b"unsaid").strip()):
        return HTTPStatus.BAD_REQUEST
    if b"transfer-encoding" in fields or fields.get(b"content-length", b"0").strip() != b"0":
        return HTTPStatus.REQUEST_ENTITY_TOO_LARGE
    return None


def _too_large(head: bytes, limits: HeadLimits) -> HTTPStatus | None:
    if head.find(b"\r\n", 0, limits.line_bytes + 2) < 0 and len(head) > limits.line_bytes:
        return HTTPStatus.REQUEST_URI_TOO_LONG
    if len(head) > limits.head_bytes or head.count(b"\n") > limits.fields:
        return HTTPStatus.REQUEST_HEADER_FIELDS_TOO_LARGE
    return None


def _keeps_alive(value: bytes, before: bool) -> bool:
    words = {word.strip() for word in value.lower().split(b",")}
    if b"close" in words:
        return False
    return before or b"keep-alive" in words


def _why_not(head: bytes, limits: HeadLimits) -> HTTPStatus:
    status = _too_large(head, limits)
    if status is not None:
        return status
    match = _LINE.fullmatch(head.partition(b"\r\n")[0])
    if match is None:
        return HTTPStatus.BAD_REQUEST
    if match[2] != b"1":
        return HTTPStatus.HTTP_VERSION_NOT_SUPPORTED
    return HTTPStatus.BAD_REQUEST if match[1] in (b"GET", b"HEAD") else HTTPStatus.METHOD_NOT_ALLOWED
