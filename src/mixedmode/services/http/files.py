"""What the HTTP service answers for a file: found by name, with the header fields that never change.

Rules:

1. An answer belongs to what the store returned, by its identity; a file that changed is answered anew.
2. What is kept is bounded; the bytes of a file are never copied to be kept, unless a signature is taken off. A file on
   the disk stays there, and its entity tag says when it was changed instead of what it holds.
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
from mixedmode.services.files.disk_files import DiskFile, FileData
from mixedmode.services.files.file_names import clean_name
from mixedmode.services.files.store import BuildingStore, FileStore
from mixedmode.services.http.conditions import Choice, choose
from mixedmode.services.http.request import Request, part
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
        source: What the store holds.
        form: How they are served.
    """

    source: FileData
    form: Form


@dataclass(frozen=True, slots=True)
class FilePart:
    """Bytes of a file that stays on the disk.

    Attributes:
        file: The file.
        start: The first byte.
        stop: The one behind the last.
    """

    file: DiskFile
    start: int
    stop: int

    def __len__(self) -> int:
        return self.stop - self.start

    def first(self, size: int) -> bytes:
        """Return its first bytes, at most ``size``.

        Raises:
            LostContentError: The file has changed.
        """
        return self.file.read(self.start, min(size, len(self)))

    def behind(self, size: int) -> FilePart:
        """Return what comes after the first ``size`` bytes."""
        return FilePart(self.file, min(self.start + size, self.stop), self.stop)


Body = bytes | memoryview | FilePart


class Answer(NamedTuple):
    """What goes out, apart from the fields that change with time and connection.

    Attributes:
        status: The first line, without its end.
        fields: Header fields, each with its end.
        data: The body.
    """

    status: bytes
    fields: bytes
    data: Body

    @property
    def is_whole(self) -> bool:
        """Whether it is all of a file."""
        return self.status is _OK


@dataclass(frozen=True, slots=True)
class FileAnswer:
    """A file as it is sent.

    Attributes:
        source: What the store holds, of which it is made.
        data: The body.
        fields: Header fields of the whole file.
        common: Those that a part of the file has too.
        tag: The entity tag, empty if there is none.
    """

    source: FileData
    data: bytes | FilePart
    fields: bytes
    common: bytes
    tag: bytes

    @classmethod
    def of(cls, found: Found) -> FileAnswer:
        """Return the answer for a file."""
        source, form = found
        data: bytes | FilePart
        common = f"Content-Type: {form.value.rstrip()}\r\nAccept-Ranges: bytes\r\n".encode()
        tag = b""
        if isinstance(source, DiskFile):
            data = FilePart(source, 0, source.size)
            tag = b'"%s"' % source.tag.encode()
        else:
            data = _content(source) if form is Form.WITHOUT_SIGNATURE else source
            if len(data) <= _TAGGED_BYTES:
                tag = b'"%s"' % hashlib.sha256(data).hexdigest()[:32].encode()
        if tag:
            common += b"ETag: %s\r\n" % tag
        return cls(source, data, b"%sContent-Length: %d\r\n" % (common, len(data)), common, tag)

    def selected(self, request: Request) -> Answer:
        """Return what a request gets."""
        if not (request.matches or request.wanted or request.if_match):
            return Answer(_OK, self.fields, self.data)
        choice = choose(self.tag, request.if_match, request.matches, request.if_range)
        if choice is Choice.FAILED:
            return plain_answer(HTTPStatus.PRECONDITION_FAILED)
        if choice is Choice.NOT_MODIFIED:
            return Answer(_NOT_MODIFIED, self.common, b"")
        indexes = part(request.wanted, self.size) if choice is Choice.PART else None
        if indexes is None:
            return Answer(_OK, self.fields, self.data)
        if not indexes:
            return Answer(_NO_SUCH_PART, b"Content-Range: bytes */%d\r\nContent-Length: 0\r\n" % self.size, b"")
        size = b"Content-Range: bytes %d-%d/%d\r\nContent-Length: %d\r\n" % (
            indexes.start,
            indexes.stop - 1,
            self.size,
            len(indexes),
        )
        return Answer(_PART, self.common + size, self._part(indexes))

    @property
    def size(self) -> int:
        """Bytes of the body."""
        return len(self.data)

    def _part(self, indexes: range) -> Body:
        if isinstance(self.data, FilePart):
            return FilePart(self.data.file, indexes.start, indexes.stop)
        return memoryview(self.data)[indexes.start : indexes.stop]


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
    body = _plain_body(status)
    fields = b"Content-Type: text/plain\r\nContent-Length: %d\r\n" % len(body)
    if status is HTTPStatus.METHOD_NOT_ALLOWED:
        fields += b"Allow: GET, HEAD\r\n"
    return Answer(status_line(status), fields, body)


def refusal(status: HTTPStatus, stamp: bytes) -> bytes:
    """Return the whole last answer of a connection; ``stamp`` holds the fields that change with time."""
    line, fields, _ = plain_answer(status)
    return b"".join((line, stamp, fields, CLOSE, _plain_body(status)))


def _plain_body(status: HTTPStatus) -> bytes:
    return f"{status.value} {status.phrase}\n".encode()


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
        if self._building is None:
            return True
        clean = clean_name(name)
        if clean is None:
            return True
        unsigned = self._unsigned and clean.endswith(_SIGNED)
        return self._building.ready(clean.removesuffix(".sgn") if unsigned else clean)

    def find(self, name: str) -> Found | None:
        """Return what is served under ``name``, ``None`` if there is nothing. May be called in a thread.

        Raises:
            MixedModeError: The store could not build it.
        """
        clean = clean_name(name)
        if clean is None:
            return None
        lookup = self._store.lookup
        if self._unsigned and clean.endswith(_SIGNED):
            data = lookup(clean.removesuffix(".sgn"))
            if data is not None:
                return Found(data, Form.XML)
            data = lookup(clean)
            return None if data is None else self._unsigned_form(data)
        data = lookup(clean)
        return None if data is None else Found(data, Form.XML if clean.endswith(".xml") else Form.BINARY)

    def _unsigned_form(self, data: FileData) -> Found:
        # Where there are more configurations than the store holds in memory; none is as large as the limit.
        if not isinstance(data, DiskFile):
            return Found(data, Form.WITHOUT_SIGNATURE)
        if data.size > _TAGGED_BYTES:
            return Found(data, Form.BINARY)
        return Found(data.read(0, data.size), Form.WITHOUT_SIGNATURE)

    def answer(self, found: Found) -> FileAnswer:
        """Return the answer for a file that was found."""
        key = (id(found.source), found.form)
        answer = self._kept.get(key)
        if answer is not None:
            return answer
        # The answer holds the bytes, so an identity is never given out twice while it is kept.
        answer = self._kept[key] = FileAnswer.of(found)
        self._kept_bytes += _held(answer)
        while len(self._kept) > 1 and (len(self._kept) > _KEPT_FILES or self._kept_bytes > _KEPT_BYTES):
            oldest = next(iter(self._kept))
            self._kept_bytes -= _held(self._kept.pop(oldest))
        return answer


def _held(answer: FileAnswer) -> int:
    """Return the bytes that an answer keeps in memory."""
    return len(answer.source) if isinstance(answer.source, bytes) else 0


def _content(signed: bytes) -> bytes:
    """Return what was signed; the bytes themselves if there is no signature or its header is needed to decrypt them."""
    try:
        file = SignedFile.parse(signed)
    except MalformedError:
        return signed
    return signed if file.is_encrypted else file.payload
