"""The HTTP/1.1 that phones speak to a file server, without sockets: request heads in, response heads out.

Rules (RFC 9112, as far as a read-only file server goes):

1. A head has at most :data:`MAX_HEAD` bytes; its lines end in CR LF. Only GET and HEAD are answered; a body is refused.
2. A target is a path; its percent-encoding is undone once. What the path may name is the caller's business.
3. A connection is kept unless HTTP/1.0, ``Connection: close`` or an error says otherwise.
"""

from __future__ import annotations

from dataclasses import dataclass
from enum import IntEnum
from typing import Final
from urllib.parse import unquote_to_bytes

from mixedmode.errors import MalformedError

MAX_HEAD: Final = 8192
_END: Final = b"\r\n\r\n"
_METHODS: Final = {b"GET", b"HEAD"}
_KNOWN_METHODS: Final = _METHODS | {b"POST", b"PUT", b"DELETE", b"OPTIONS", b"PATCH", b"TRACE", b"CONNECT"}


class HttpStatus(IntEnum):
    """The answers there are."""

    OK = 200
    BAD_REQUEST = 400
    NOT_FOUND = 404
    METHOD_NOT_ALLOWED = 405
    HEAD_TOO_LARGE = 431
    UNAVAILABLE = 503
    VERSION = 505

    @property
    def phrase(self) -> str:
        """For people."""
        return {
            200: "OK",
            400: "Bad Request",
            404: "Not Found",
            405: "Method Not Allowed",
            431: "Request Header Fields Too Large",
            503: "Service Unavailable",
            505: "HTTP Version Not Supported",
        }[self.value]


class HttpError(MalformedError):
    """A head that is answered with an error and ends the connection."""

    def __init__(self, status: HttpStatus, what: str) -> None:
        super().__init__(what)
        self.status = status


@dataclass(frozen=True, slots=True)
class HttpRequest:
    """A request.

    Attributes:
        name: The path without its first slash, decoded; as phones ask, ``CTLSEP001122334455.tlv``.
        head_only: Whether it is a HEAD.
        keep: Whether the connection stays.
    """

    name: str
    head_only: bool
    keep: bool


def take_head(buffer: bytearray) -> bytes | None:
    """Return the next whole head without its empty line and take it out of the buffer; None while it is not whole.

    Raises:
        HttpError: It is too long.
    """
    # Empty lines before a request are skipped (RFC 9112, 2.2).
    while buffer.startswith(b"\r\n"):
        del buffer[:2]
    end = buffer.find(_END, 0, MAX_HEAD + len(_END))
    if end < 0:
        if len(buffer) > MAX_HEAD:
            raise HttpError(HttpStatus.HEAD_TOO_LARGE, f"the head has more than {MAX_HEAD} bytes")
        return None
    head = bytes(buffer[:end])
    del buffer[: end + len(_END)]
    return head


def parse_head(head: bytes) -> HttpRequest:
    """Return what a head asks for.

    Raises:
        HttpError: It is none, or asks for something that is not offered.
    """
    line, _, fields = head.partition(b"\r\n")
    parts = line.split(b" ")
    if len(parts) != 3 or not parts[0].isalpha():
        raise HttpError(HttpStatus.BAD_REQUEST, "the request line is none")
    method, target, version = parts
    if version not in {b"HTTP/1.1", b"HTTP/1.0"}:
        wrong = HttpStatus.VERSION if version.startswith(b"HTTP/") else HttpStatus.BAD_REQUEST
        raise HttpError(wrong, "only HTTP/1.0 and HTTP/1.1 are spoken here")
    if method not in _METHODS:
        known = method in _KNOWN_METHODS
        raise HttpError(HttpStatus.METHOD_NOT_ALLOWED if known else HttpStatus.BAD_REQUEST, "only GET and HEAD")
    keep = version == b"HTTP/1.1"
    if fields:
        lowered = fields.lower()
        keep = _wish(lowered, keep=keep)
        if b"transfer-encoding:" in lowered or _has_body(lowered):
            raise HttpError(HttpStatus.BAD_REQUEST, "a request for a file has no body")
    return HttpRequest(_name(target), method == b"HEAD", keep)


def _wish(lowered: bytes, *, keep: bool) -> bool:
    at = lowered.find(b"connection:")
    if at < 0 or (at > 0 and lowered[at - 1 : at] != b"\n"):
        return keep
    value = lowered[at + 11 : lowered.find(b"\r\n", at) if b"\r\n" in lowered[at:] else len(lowered)]
    return b"close" not in value and (keep or b"keep-alive" in value)


def _has_body(lowered: bytes) -> bool:
    at = lowered.find(b"content-length:")
    if at < 0:
        return False
    value = lowered[at + 15 :].partition(b"\r\n")[0].strip()
    return value != b"0"


def _name(target: bytes) -> str:
    if not target.startswith(b"/"):
        raise HttpError(HttpStatus.BAD_REQUEST, "the target is no path")
    path = target[1:].partition(b"?")[0]
    if b"%" in path:
        path = unquote_to_bytes(path)
    try:
        name = path.decode("utf-8")
    except UnicodeDecodeError as error:
        raise HttpError(HttpStatus.BAD_REQUEST, "the path is no UTF-8 text") from error
    if "\0" in name:
        raise HttpError(HttpStatus.BAD_REQUEST, "the path holds a NUL")
    return name


def response_head(status: HttpStatus, length: int, *, kind: str, keep: bool) -> bytes:
    """Return the head of an answer.

    Args:
        status: Of the answer.
        length: Bytes of the body.
        kind: Its media type.
        keep: Whether the connection stays.
    """
    allow = "Allow: GET, HEAD\r\n" if status is HttpStatus.METHOD_NOT_ALLOWED else ""
    close = "" if keep else "Connection: close\r\n"
    text = (
        f"HTTP/1.1 {status.value} {status.phrase}\r\nContent-Type: {kind}\r\n"
        f"Content-Length: {length}\r\n{allow}{close}\r\n"
    )
    return text.encode("ascii")
