"""The trust list and its records, as immutable views over the file's bytes.

Parsing checks the structure and notes where each value lies; values are decoded, and certificates
loaded, only when somebody asks. The bytes themselves are kept, so :meth:`TrustList.serialize` returns
exactly what was parsed, unknown tags and odd padding included.
"""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Hashable
from functools import cached_property
from typing import Final, Literal, TypeVar

from mixedmode.errors import MalformedError
from mixedmode.pki.certificates.certificates import Certificate
from mixedmode.trustlist.fields import Fields, Span
from mixedmode.trustlist.header import Header, read_text
from mixedmode.trustlist.kinds import FileKind, kind_of, not_a_list
from mixedmode.trustlist.roles import MAX_FILE, ROLES_BY_CODE, RecordTag, Role
from mixedmode.trustlist.verify import Verification, signer_records, verify_trust_list
from mixedmode.trustlist.walk import malformed, walk_header, walk_records

T = TypeVar("T")

_ANSWERS: Final = 128
"""To so many questions a list remembers the answers: fleets and forecasts ask the same ones again and again."""

# Plain numbers: looking up an enumeration's member costs as much as finding the field.
_DNS_NAME = int(RecordTag.DNS_NAME)
_SUBJECT_NAME = int(RecordTag.SUBJECT_NAME)
_FUNCTION = int(RecordTag.FUNCTION)
_ISSUER_NAME = int(RecordTag.ISSUER_NAME)
_SERIAL_NUMBER = int(RecordTag.SERIAL_NUMBER)
_PUBLIC_KEY = int(RecordTag.PUBLIC_KEY)
_SIGNATURE = int(RecordTag.SIGNATURE)
_CERTIFICATE = int(RecordTag.CERTIFICATE)
_IP_ADDRESS = int(RecordTag.IP_ADDRESS)
_CERTIFICATE_HASH = int(RecordTag.CERTIFICATE_HASH)
_HASH_ALGORITHM = int(RecordTag.HASH_ALGORITHM)
_SAST = int(Role.SAST)


class Record:
    """A read-only view of one record; an absent field is None.

    Args:
        data: The whole file.
        number: Position in the list, from 1.
        fields: The record's walk over ``data``.
    """

    __slots__ = ("_certificate", "data", "fields", "number")

    def __init__(self, data: bytes, number: int, fields: Fields) -> None:
        self.data = data
        self.number = number
        self.fields = fields
        self._certificate: Certificate | None = None

    def __repr__(self) -> str:
        return f"<Record {self.number} {self.role_label} {self.subject!r}>"

    def value(self, tag: int) -> bytes | None:
        """Return the value of a tag's first occurrence."""
        return self.fields.value(tag)

    def offset_of(self, tag: int) -> int:
        """Return the byte offset of a tag, or of the record if it has no such tag."""
        return self.fields.offsets.get(tag, self.fields.offset)

    def _text(self, tag: int) -> str | None:
        value = self.fields.value(tag)
        return None if value is None else read_text(value)

    @property
    def offset(self) -> int:
        """Byte offset of the record in the file."""
        return self.fields.offset

    @property
    def length(self) -> int:
        """Bytes of the whole record, its own length field included."""
        return self.fields.end - self.fields.offset

    @property
    def raw(self) -> bytes:
        """The record's bytes."""
        return self.data[self.fields.offset : self.fields.end]

    @property
    def role_code(self) -> int | None:
        """The FUNCTION number."""
        value = self.fields.value(_FUNCTION)
        return int.from_bytes(value) if value else None

    @property
    def role(self) -> Role | None:
        """The role, None if the record has none or an unknown one."""
        code = self.role_code
        return None if code is None else ROLES_BY_CODE.get(code)

    @property
    def role_label(self) -> str:
        """The role for people: its label, its number if unknown, ``-`` if absent."""
        role = self.role
        if role is not None:
            return role.label
        code = self.role_code
        return "-" if code is None else str(code)

    @property
    def dns_name(self) -> str | None:
        """Host name (CLI) or dotted quad (CTL Client); may be empty."""
        return self._text(_DNS_NAME)

    @property
    def subject(self) -> str | None:
        """Subject text."""
        return self._text(_SUBJECT_NAME)

    @property
    def issuer(self) -> str | None:
        """Issuer text."""
        return self._text(_ISSUER_NAME)

    @property
    def serial(self) -> bytes | None:
        """Serial bytes as they stand in the file."""
        return self.fields.value(_SERIAL_NUMBER)

    @property
    def public_key(self) -> bytes | None:
        """PKCS#1 RSAPublicKey DER, or an uncompressed EC point."""
        return self.fields.value(_PUBLIC_KEY)

    @property
    def signature(self) -> bytes | None:
        """The certificate's own signature value."""
        return self.fields.value(_SIGNATURE)

    @property
    def certificate_der(self) -> bytes | None:
        """The certificate's DER bytes."""
        return self.fields.value(_CERTIFICATE)

    @property
    def certificate(self) -> Certificate | None:
        """The certificate, loaded when its properties are asked for."""
        if self._certificate is None:
            der = self.fields.value(_CERTIFICATE)
            if der is None:
                return None
            self._certificate = Certificate(der)
        return self._certificate

    @property
    def certificate_hash(self) -> bytes | None:
        """Digest of the certificate, in place of the certificate itself."""
        return self.fields.value(_CERTIFICATE_HASH)

    @property
    def hash_algorithm(self) -> int | None:
        """Digest code of :attr:`certificate_hash`."""
        value = self.fields.value(_HASH_ALGORITHM)
        return None if value is None else int.from_bytes(value)

    @property
    def ip_address(self) -> str | None:
        """The address as text: IPv4 of 4 bytes, IPv6 of 16, otherwise the bytes in hex."""
        value = self.fields.value(_IP_ADDRESS)
        if value is None:
            return None
        if len(value) == 4:
            return ".".join(str(octet) for octet in value)
        if len(value) == 16:
            from ipaddress import IPv6Address

            return str(IPv6Address(value))
        return value.hex()

    def is_sast(self) -> bool:
        """Whether the record allows its certificate to sign trust lists."""
        return self.role_code == _SAST


class TrustList:
    """A parsed CTL or ITL file. Make one with :meth:`parse`."""

    __slots__ = ("__dict__", "data", "header", "record_spans")

    def __init__(self, data: bytes, header: Header, record_spans: list[Span]) -> None:
        self.data = data
        self.header = header
        self.record_spans = record_spans

    @classmethod
    def parse(cls, data: bytes) -> TrustList:
        """Parse a file.

        Args:
            data: All bytes of a CTLFile.tlv, ITLFile.tlv, CTLSEP*.tlv or ITLSEP*.tlv.

        Raises:
            MalformedError: The bytes break the format; ``offset`` says where and ``code`` how.
        """
        data = bytes(data)
        if len(data) > MAX_FILE:
            raise malformed(
                "too_large",
                MAX_FILE,
                f"{len(data)} bytes are too many: a trust list has at most {MAX_FILE}",
                "check that this is a CTL or ITL file",
            )
        fields = walk_header(data)
        header = Header(data, fields)
        try:
            return cls(data, header, walk_records(data, fields.end))
        except MalformedError as error:
            if kind_of(header) is FileKind.TRUST_LIST:
                raise
            raise not_a_list(header) from error

    def serialize(self) -> bytes:
        """Return the file's bytes, the same that were parsed."""
        return self.data

    def __len__(self) -> int:
        return len(self.data)

    def __eq__(self, other: object) -> bool:
        return self.data == other.data if isinstance(other, TrustList) else NotImplemented

    def __hash__(self) -> int:
        return hash(self.data)

    def __repr__(self) -> str:
        return f"<TrustList {self.kind} of {len(self.data)} bytes, {len(self.record_spans)} records>"

    @cached_property
    def records(self) -> tuple[Record, ...]:
        """The records in file order."""
        data = self.data
        return tuple(
            Record(data, number, Fields(data, start, end)) for number, (start, end) in enumerate(self.record_spans, 1)
        )

    def record(self, number: int) -> Record:
        """Return one record by its number, from 1, without making the others."""
        made = self.__dict__.get("records")
        if made is not None:
            record: Record = made[number - 1]
            return record
        return Record(self.data, number, Fields(self.data, *self.record_spans[number - 1]))

    @cached_property
    def kind(self) -> Literal["CTL", "ITL"]:
        """CTL or ITL: by the name in the header, else ITL if it has a TVS record (a CTL never has)."""
        name = (self.header.filename or "").rpartition("/")[2].upper()
        if name.startswith("ITL"):
            return "ITL"
        if name.startswith("CTL"):
            return "CTL"
        return "ITL" if any(record.role is Role.TVS for record in self.records) else "CTL"

    @property
    def length(self) -> int:
        """Bytes of the file."""
        return len(self.data)

    @cached_property
    def md5(self) -> str:
        """MD5 of the file in lower-case hex, as ``show ctl`` and a 79xx phone print it."""
        return hashlib.md5(self.data, usedforsecurity=False).hexdigest()

    @cached_property
    def sha1(self) -> str:
        """SHA-1 of the file in lower-case hex, as ``show ctl`` and an 88xx phone print it."""
        return hashlib.sha1(self.data, usedforsecurity=False).hexdigest()

    @cached_property
    def sha256(self) -> str:
        """SHA-256 of the file in lower-case hex."""
        return hashlib.sha256(self.data).hexdigest()

    def records_with_role(self, *roles: Role) -> tuple[Record, ...]:
        """Return the records that have one of the roles."""
        by_roles: dict[tuple[Role, ...], tuple[Record, ...]] = self.__dict__.setdefault("_by_roles", {})
        found = by_roles.get(roles)
        if found is None:
            found = by_roles[roles] = tuple(record for record in self.records if record.role in roles)
        return found

    def find_signer(self, issuer: str | None, serial: bytes) -> tuple[Record, ...]:
        """Return the SAST records of a signer named by issuer and serial (phone-trust.md 0, rule 1).

        Args:
            issuer: Issuer text of the file's header; None matches any.
            serial: Serial bytes of the file's header, compared verbatim.
        """
        return self.once((issuer, serial), lambda: tuple(signer_records(self, issuer, serial)))

    def once(self, question: Hashable, answer: Callable[[], T]) -> T:
        """Return what was found out about the list before, else find it out; only the latest answers are kept."""
        answers: dict[Hashable, T] = self.__dict__.setdefault("_answers", {})
        try:
            return answers[question]
        except KeyError:
            if len(answers) >= _ANSWERS:
                answers.clear()
            found = answers[question] = answer()
            return found

    def verify(self, signer: Certificate | None = None) -> Verification:
        """Check the signature with the list's own SAST record, or with a certificate given from outside.

        Args:
            signer: Judge with this certificate instead of the list's records.
        """
        return verify_trust_list(self, signer)
