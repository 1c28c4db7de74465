"""What the HTTP service answers for a file: found by name, with the header fields that never change.

Rules:

1. An answer belongs to the bytes that the store returned, by their identity; a file that changed is answered anew.
2. What is kept is bounded; the bytes of a file are never copied to be kept, unless a signature is taken off.
3. Over HTTPS a request for a signed configuration, ``*.xml.sgn``, gets the file without its signature: TLS already
   says who serves it, and the phone takes no signature there (phone-trust.md 1.2, wire-formats.md 7).
4. Only looking up in the store may take its time, in a thread; everything else belongs to the event loop.
"""

from __future__ import annotations

import hashlib
from dataclasses import dataclass
from enum import Enum
from functools import cache
from http import HTTPStatus
from typing import Final, NamedTuple

from mixedmode.errors import MalformedError
from mixedmode.services.files import BuildingStore, FileStore, is_safe_name
from mixedmode.services.http_request import part
from mixedmode.signedfile import SignedFile

_TAGGED_BYTES: Final = 1 << 20
"""Larger files get no entity tag, since hashing them would keep every other client waiting."""
_KEPT_FILES: Final = 8192
_KEPT_BYTES: Final = 64 << 20
CLOSE: Final = b"Connection: close\r\n\r\n"
_SIGNED: Final = ".xml.sgn"


class Form(Enum):
    """How the bytes of a store are served."""

    BINARY = "application/octet-stream"
    XML = "text/xml"
    WITHOUT_SIGNATURE = "text/xml "


class Found(NamedTuple):
    """A file in the store.

    Attributes:
        source: The store's bytes.
        form: How they are served.
    """

    source: bytes
    form: Form


class Answer(NamedTuple):
    """What goes out, apart from the fields that change with time and connection.

    Attributes:
        status: The first line, without its end.
        fields: Header fields, each with its end.
        data: The body.
    """

    status: bytes
    fields: bytes
    data: bytes | memoryview


@dataclass(frozen=True, slots=True)
class FileAnswer:
    """A file as it is sent.

    Attributes:
        source: The store's bytes that it is made of.
        data: The body.
        fields: Header fields of the whole file.
        common: Those that a part of the file has too.
        tag: The entity tag, empty if there is none.
    """

    source: bytes
    data: bytes
    fields: bytes
    common: bytes
    tag: bytes

    @classmethod
    def of(cls, found: Found) -> FileAnswer:
        """Return the answer for a file."""
        source, form = found
        data = _content(source) if form is Form.WITHOUT_SIGNATURE else source
        common = f"Content-Type: {form.value.rstrip()}\r\nAccept-Ranges: bytes\r\n".encode()
        tag = b""
        if len(data) <= _TAGGED_BYTES:
            tag = b'"%s"' % hashlib.sha256(data).hexdigest()[:32].encode()
            common += b"ETag: %s\r\n" % tag
        return cls(source, data, b"%sContent-Length: %d\r\n" % (common, len(data)), common, tag)

    def selected(self, matches: bytes, wanted: bytes) -> Answer:
        """Return what a request gets.

        Args:
            matches: Its If-None-Match field.
            wanted: Its Range field.
        """
        if not (matches or wanted):
            return Answer(_OK, self.fields, self.data)
        if matches and self._has_tag_of(matches):
            return Answer(_NOT_MODIFIED, self.common, b"")
        indexes = part(wanted, len(self.data))
        if indexes is None:
            return Answer(_OK, self.fields, self.data)
        if not indexes:
            return Answer(_NO_SUCH_PART, b"Content-Range: bytes */%d\r\nContent-Length: 0\r\n" % len(self.data), b"")
        size = b"Content-Range: bytes %d-%d/%d\r\nContent-Length: %d\r\n" % (
            indexes.start,
            indexes.stop - 1,
            len(self.data),
            len(indexes),
        )
        return Answer(_PART, self.common + size, memoryview(self.data)[indexes.start : indexes.stop])

    def _has_tag_of(self, matches: bytes) -> bool:
        tags = {each.strip().removeprefix(b"W/") for each in matches.split(b",")}
        return b"*" in tags or (self.tag != b"" and self.tag in tags)


def status_line(status: HTTPStatus) -> bytes:
    """Return an answer's first line, without its end."""
    return f"HTTP/1.1 {status.value} {status.phrase}".encode()


_OK: Final = status_line(HTTPStatus.OK)
_PART: Final = status_line(HTTPStatus.PARTIAL_CONTENT)
_NOT_MODIFIED: Final = status_line(HTTPStatus.NOT_MODIFIED)
_NO_SUCH_PART: Final = status_line(HTTPStatus.REQUESTED_RANGE_NOT_SATISFIABLE)


@cache
def plain_answer(status: HTTPStatus) -> Answer:
    """Return an answer that only says its status."""
    body = f"{status.value} {status.phrase}\n".encode()
    fields = b"Content-Type: text/plain\r\nContent-Length: %d\r\n" % len(body)
    if status is HTTPStatus.METHOD_NOT_ALLOWED:
        fields += b"Allow: GET, HEAD\r\n"
    return Answer(status_line(status), fields, body)


def refusal(status: HTTPStatus, stamp: bytes) -> bytes:
    """Return the whole last answer of a connection; ``stamp`` holds the fields that change with time."""
    line, fields, body = plain_answer(status)
    return b"".join((line, stamp, fields, CLOSE, body))


class HttpFiles:
    """A store's files as answers.

    Args:
        store: The files.
        unsigned: Whether signed configurations are served without their signature (rule 3).
    """

    def __init__(self, store: FileStore, *, unsigned: bool = False) -> None:
        self._store = store
        self._building = store if isinstance(store, BuildingStore) else None
        self._unsigned = unsigned
        self._kept: dict[tuple[int, Form], FileAnswer] = {}
        self._kept_bytes = 0

    def ready(self, name: str) -> bool:
        """Tell whether :meth:`find` returns at once."""
        if self._building is None or not is_safe_name(name):
            return True
        unsigned = self._unsigned and name.endswith(_SIGNED)
        return self._building.ready(name.removesuffix(".sgn") if unsigned else name)

    def find(self, name: str) -> Found | None:
        """Return what is served under ``name``, ``None`` if there is nothing. May be called in a thread.

        Raises:
            MixedModeError: The store could not build it.
        """
        if not is_safe_name(name):
            return None
        lookup = self._store.lookup
        if self._unsigned and name.endswith(_SIGNED):
            data = lookup(name.removesuffix(".sgn"))
            if data is not None:
                return Found(data, Form.XML)
            data = lookup(name)
            return None if data is None else Found(data, Form.WITHOUT_SIGNATURE)
        data = lookup(name)
        return None if data is None else Found(data, Form.XML if name.endswith(".xml") else Form.BINARY)

    def answer(self, found: Found) -> FileAnswer:
        """Return the answer for a file that was found."""
        key = (id(found.source), found.form)
        answer = self._kept.get(key)
        if answer is not None:
            return answer
        # The answer holds the bytes, so an identity is never given out twice while it is kept.
        answer = self._kept[key] = FileAnswer.of(found)
        self._kept_bytes += len(answer.source)
        while len(self._kept) > 1 and (len(self._kept) > _KEPT_FILES or self._kept_bytes > _KEPT_BYTES):
            oldest = next(iter(self._kept))
            self._kept_bytes -= len(self._kept.pop(oldest).source)
        return answer


def _content(signed: bytes) -> bytes:
    """Return what was signed; the bytes themselves if there is no signature or its header is needed to decrypt them."""
    try:
        file = SignedFile.parse(signed)
    except MalformedError:
        return signed
    return signed if file.is_encrypted else file.payload
