"""TVS messages as values: one parser, one encoder (wire-formats.md 4, phone-trust.md 3.4).

::

    57 | version 01 | command | flags | session u32 | body length u16 | elements: tag u8, length u16, value

====================  ======================================================================
command               elements, in the order that we write them
====================  ======================================================================
1 VERIFY request      1 device, 2 certificate
2 VERIFY answer       7 status; if it is 0: 8 roles, 9 TTL
3 QUERY request       1 device, 3 subject, 4 issuer, 5 serial
4 QUERY answer        7 status; if it is 0: 2 certificate, 8 roles, 9 TTL
====================  ======================================================================

Rules:

1. Byte 3 is 00 in what we write and ignored in what we read: CUCM answers with f7.
2. Elements are read in any order; unknown ones are skipped by their length, a known one comes once.
3. A text is read with or without its closing NUL, and written with it. The device is byte 01 and the name, without NUL.
4. Roles are written ascending, each once, a byte each. A serial is raw bytes, as the trust list has it.
5. A status other than 0 means "not known", and nothing else of that answer counts. The negative answer of a QUERY is
   not confirmed by any trace; it is written like that of VERIFY.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from enum import IntEnum
from typing import Final, TypeAlias

from mixedmode.errors import MalformedError

MAGIC: Final = 0x57
VERSION: Final = 1
HEADER_LENGTH: Final = 10
"""Bytes before the elements."""
MAX_BODY: Final = 0xFFFF
"""Bytes of all elements, by the width of the length field."""
DEFAULT_TTL: Final = 86400
"""Seconds; what CUCM answers."""
LONGEST_TTL: Final = 2_592_000
"""Seconds; 30 days."""
_DEVICE_KIND: Final = b"\x01"
_DEVICE_LIMIT: Final = 128
_U32: Final = 0xFFFFFFFF


class MalformedMessageError(MalformedError):
    """Bytes are no TVS message; ``offset`` says from which byte of the message on."""

    default_code = "tvs-message"


class Command(IntEnum):
    """Byte 2. An answer is its request plus one."""

    VERIFY_REQUEST = 1
    VERIFY_ANSWER = 2
    QUERY_REQUEST = 3
    QUERY_ANSWER = 4

    @property
    def answer(self) -> Command:
        """The command of the answer to this request."""
        return Command(self + 1)


class Element(IntEnum):
    """Tags."""

    DEVICE = 1
    CERTIFICATE = 2
    SUBJECT = 3
    ISSUER = 4
    SERIAL = 5
    STATUS = 7
    ROLES = 8
    TTL = 9


_ELEMENTS = frozenset(Element)


class Status(IntEnum):
    """Element 7."""

    VALID = 0
    INVALID = 1


@dataclass(frozen=True, slots=True)
class VerifyRequest:
    """Is this certificate trusted, and for what?

    Attributes:
        session: Chosen by the client, 32 bits.
        device: ``CP-7975-SEP001122334455``.
        certificate: DER.
    """

    session: int
    device: str
    certificate: bytes

    @property
    def command(self) -> Command:
        """The command."""
        return Command.VERIFY_REQUEST


@dataclass(frozen=True, slots=True)
class QueryRequest:
    """Which certificate has this name and serial, and for what is it trusted?

    Attributes:
        session: Chosen by the client, 32 bits.
        device: ``CP-7975-SEP001122334455``.
        subject: Subject as the trust list writes it.
        issuer: Issuer as the trust list writes it.
        serial: Raw bytes, as the trust list has them.
    """

    session: int
    device: str
    subject: str
    issuer: str
    serial: bytes

    @property
    def command(self) -> Command:
        """The command."""
        return Command.QUERY_REQUEST


@dataclass(frozen=True, slots=True)
class Answer:
    """What TVS says.

    Attributes:
        command: VERIFY_ANSWER or QUERY_ANSWER.
        session: That of the request.
        status: 0 known, anything else not.
        certificate: DER, of a QUERY.
        roles: By wire code; see ``mixedmode.trustlist.Role``.
        ttl: Seconds that the answer may be kept, None if it did not say.
    """

    command: Command
    session: int
    status: int = Status.VALID
    certificate: bytes | None = None
    roles: tuple[int, ...] = ()
    ttl: int | None = None

    @property
    def known(self) -> bool:
        """Whether the certificate is trusted for something."""
        return self.status == Status.VALID


Request: TypeAlias = VerifyRequest | QueryRequest
Message: TypeAlias = VerifyRequest | QueryRequest | Answer


def known(request: Request, certificate: bytes, roles: Iterable[int], ttl: int = DEFAULT_TTL) -> Answer:
    """Return the answer "known" to a request; only a QUERY is told the certificate."""
    told = certificate if isinstance(request, QueryRequest) else None
    return Answer(request.command.answer, request.session, Status.VALID, told, tuple(sorted(set(roles))), ttl)


def unknown(request: Request) -> Answer:
    """Return the answer "not known" to a request."""
    return Answer(request.command.answer, request.session, Status.INVALID)


@dataclass(frozen=True, slots=True)
class Header:
    """The first ten bytes.

    Attributes:
        command: What it is.
        session: Session id.
        length: Bytes of the elements that follow.
    """

    command: Command
    session: int
    length: int


def parse_header(data: bytes | bytearray) -> Header | None:
    """Parse the beginning of a message; None if there are less than ten bytes, all of them right so far.

    Raises:
        MalformedMessageError: It is no TVS message.
    """
    if data and data[0] != MAGIC:
        raise MalformedMessageError(f"A TVS message begins with 57, not {data[0]:02x}", offset=0, code="tvs-magic")
    if len(data) > 1 and data[1] > VERSION:
        raise MalformedMessageError(f"TVS version {data[1]} is not known", offset=1, code="tvs-version")
    if len(data) > 2 and not Command.VERIFY_REQUEST <= data[2] <= Command.QUERY_ANSWER:
        raise MalformedMessageError(f"TVS command {data[2]} is not known", offset=2, code="tvs-command")
    if len(data) < HEADER_LENGTH:
        return None
    return Header(Command(data[2]), int.from_bytes(data[4:8]), int.from_bytes(data[8:10]))


def parse_message(data: bytes) -> Message:
    """Parse one whole message.

    Raises:
        MalformedMessageError: It is cut short or too long, an element does not fit, is missing, or comes twice.
    """
    header = parse_header(data)
    if header is None:
        raise MalformedMessageError(f"A TVS message has at least {HEADER_LENGTH} bytes", offset=len(data))
    if len(data) != HEADER_LENGTH + header.length:
        raise MalformedMessageError(
            f"The header announces {header.length} bytes, {len(data) - HEADER_LENGTH} follow", offset=8
        )
    fields = _Fields(data)
    command, session = header.command, header.session
    if command is Command.VERIFY_REQUEST:
        return VerifyRequest(session, fields.device(), fields.required(Element.CERTIFICATE))
    if command is Command.QUERY_REQUEST:
        subject, issuer = fields.text(Element.SUBJECT), fields.text(Element.ISSUER)
        return QueryRequest(session, fields.device(), subject, issuer, fields.required(Element.SERIAL))
    return _answer(command, session, fields)


def _answer(command: Command, session: int, fields: _Fields) -> Answer:
    status = fields.number(Element.STATUS, 1)
    if status != Status.VALID:
        return Answer(command, session, status)
    certificate = fields.required(Element.CERTIFICATE) if command is Command.QUERY_ANSWER else None
    roles = tuple(fields.values.get(Element.ROLES, b""))
    ttl = fields.number(Element.TTL, 4) if Element.TTL in fields.values else None
    return Answer(command, session, status, certificate, roles, ttl)


class _Fields:
    """The elements of one message, by tag (rule 2)."""

    def __init__(self, data: bytes) -> None:
        self.values: dict[int, bytes] = {}
        self.offsets: dict[int, int] = {}
        for offset, tag, value in _elements(data):
            if tag in self.values and tag in _ELEMENTS:
                raise MalformedMessageError(f"Element {tag} comes twice", offset=offset, code="tvs-twice")
            self.values[tag] = value
            self.offsets[tag] = offset
        self._end = len(data)

    def required(self, tag: Element) -> bytes:
        value = self.values.get(tag)
        if not value:
            problem = "is missing" if value is None else "is empty"
            raise MalformedMessageError(
                f"Element {tag} ({tag.name.lower()}) {problem}",
                offset=self.offsets.get(tag, self._end),
                code="tvs-missing",
            )
        return value

    def number(self, tag: Element, width: int) -> int:
        value = self.required(tag)
        if len(value) != width:
            raise MalformedMessageError(
                f"Element {tag} has {len(value)} bytes, not {width}", offset=self.offsets[tag], code="tvs-width"
            )
        return int.from_bytes(value)

    def text(self, tag: Element) -> str:
        value = self.required(tag).removesuffix(b"\0")
        if b"\0" in value:
            raise MalformedMessageError(f"The text of element {tag} holds a NUL", offset=self.offsets[tag])
        try:
            return value.decode()
        except UnicodeDecodeError:
            return value.decode("latin-1")

    def device(self) -> str:
        value = self.required(Element.DEVICE)
        name = value[1:].removesuffix(b"\0")
        fits = value[:1] == _DEVICE_KIND and 0 < len(name) <= _DEVICE_LIMIT
        if not fits or not name.isascii() or not name.decode("ascii").isprintable():
            raise MalformedMessageError(
                "The device is not byte 01 and a name such as CP-7975-SEP001122334455",
                offset=self.offsets[Element.DEVICE],
                code="tvs-device",
            )
        return name.decode("ascii")


def _elements(data: bytes) -> Iterator[tuple[int, int, bytes]]:
    offset = HEADER_LENGTH
    while offset < len(data):
        start, end = offset + 3, offset + 3 + int.from_bytes(data[offset + 1 : offset + 3])
        if start > len(data) or end > len(data):
            raise MalformedMessageError(
                f"Element {data[offset]} goes beyond the end of the message", offset=offset, code="tvs-element"
            )
        yield offset, data[offset], data[start:end]
        offset = end


def encode_message(message: Message) -> bytes:
    """Return the bytes of a message, in one piece to be sent in one write.

    Raises:
        MalformedMessageError: A value does not fit.
    """
    if isinstance(message, Answer):
        parts = _answer_parts(message)
    elif isinstance(message, VerifyRequest):
        parts = [_device(message.device), _element(Element.CERTIFICATE, message.certificate)]
    else:
        parts = [
            _device(message.device),
            _text(Element.SUBJECT, message.subject),
            _text(Element.ISSUER, message.issuer),
            _element(Element.SERIAL, message.serial),
        ]
    body = b"".join(parts)
    if len(body) > MAX_BODY:
        raise MalformedMessageError(f"{len(body)} bytes do not fit into one message of {MAX_BODY}", code="tvs-length")
    if not 0 <= message.session <= _U32:
        raise MalformedMessageError(f"Session {message.session} does not fit into 32 bits")
    head = bytes((MAGIC, VERSION, message.command, 0))
    return head + message.session.to_bytes(4) + len(body).to_bytes(2) + body


def _answer_parts(answer: Answer) -> list[bytes]:
    if not 0 <= answer.status <= 0xFF:
        raise MalformedMessageError(f"Status {answer.status} does not fit into a byte")
    parts = [_element(Element.STATUS, bytes((answer.status,)))]
    if not answer.known:
        return parts
    if answer.command is Command.QUERY_ANSWER:
        parts.append(_element(Element.CERTIFICATE, answer.certificate or b""))
    roles = sorted(set(answer.roles))
    if roles and not 0 <= roles[0] <= roles[-1] <= 0xFF:
        raise MalformedMessageError(f"Roles {roles} do not fit into bytes")
    ttl = DEFAULT_TTL if answer.ttl is None else answer.ttl
    if not 0 <= ttl <= _U32:
        raise MalformedMessageError(f"A TTL of {ttl} seconds does not fit into 32 bits")
    return [*parts, _element(Element.ROLES, bytes(roles)), _element(Element.TTL, ttl.to_bytes(4))]


def _element(tag: Element, value: bytes) -> bytes:
    if (not value and tag is not Element.ROLES) or len(value) > MAX_BODY:
        raise MalformedMessageError(f"{len(value)} bytes are no value of element {tag} ({tag.name.lower()})")
    return bytes((tag,)) + len(value).to_bytes(2) + value


def _text(tag: Element, text: str) -> bytes:
    if "\0" in text:
        raise MalformedMessageError(f"A text cannot hold NUL (element {tag})")
    return _element(tag, text.encode() + b"\0")


def _device(name: str) -> bytes:
    if not name.isascii() or not name.isprintable() or not 0 < len(name) <= _DEVICE_LIMIT:
        raise MalformedMessageError(f"{name!r} is no device name", next_step="write CP-7975-SEP001122334455")
    return _element(Element.DEVICE, _DEVICE_KIND + name.encode("ascii"))
