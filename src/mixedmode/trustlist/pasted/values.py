"""What a pasted listing says of a list, and what it does not show.

A listing has no certificates, no time, no addresses and no digest; ``[...]`` may hide a header or records. What is not
shown is None here and named in ``not_shown``: it is never a difference.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any, Final

from mixedmode.trustlist.roles import Role

NEVER_SHOWN: Final = ("sha256", "digest", "filename", "timestamp")
"""Keys of a list's description that no listing has."""
RECORD_NEVER_SHOWN: Final = (
    "offset", "certificate_sha256", "not_before", "not_after", "key", "ip_address", "certificate_hash",
)  # fmt: skip
"""The same of a record."""
_HEADER: Final = ("version", "header_length", "signer", "signer_version", "signature_length")
_TAG_AND_LENGTH: Final = 3
_ROWS: Final = {
    *("DNSNAME", "SUBJECTNAME", "FUNCTION", "ISSUERNAME", "SERIALNUMBER", "PUBLICKEY", "CERTIFICATE", "IPADDRESS"),
}
"""Of a record with a certificate; some have SIGNATURE as well."""
_ROLES: Final = {role.function_text.upper(): role for role in Role} | {role.label.upper(): role for role in Role}


@dataclass(slots=True)
class ShownRecord:
    """A record as a listing shows it; absent or not shown is None.

    Attributes:
        number: As the listing numbers it.
        line: Where it begins.
        length: Bytes.
        dns_name: Host name or address as text.
        subject: Its name.
        function: The role as printed.
        issuer: Its issuer.
        serial: Upper hex with colons.
        certificate_sha1: Lower hex.
        lengths: Bytes of each field that has a row, by the row's name.
        signed: What the line below a SAST record says: whether it signed.
    """

    number: int
    line: int
    length: int | None = None
    dns_name: str | None = None
    subject: str | None = None
    function: str | None = None
    issuer: str | None = None
    serial: str | None = None
    certificate_sha1: str | None = None
    lengths: dict[str, int] = field(default_factory=dict)
    signed: bool | None = None

    @property
    def role(self) -> Role | None:
        """The role, None if it is none that is known."""
        return _ROLES.get((self.function or "").upper())

    @property
    def role_label(self) -> str:
        """The role for people."""
        role = self.role
        return role.label if role is not None else self.function or "-"

    @property
    def has_certificate(self) -> bool:
        """Whether it has a certificate."""
        return "CERTIFICATE" in self.lengths

    @property
    def is_whole(self) -> bool:
        """Whether no row of it is missing: its fields add up to its length, but for tags that no listing prints."""
        has_hash = self.certificate_sha1 is not None
        if self.length is None or self.has_certificate != has_hash:
            return False
        left = self.length - sum(_TAG_AND_LENGTH + each for each in self.lengths.values())
        return left == 0 or (left > 0 and self.lengths.keys() >= _ROWS)

    @property
    def is_sast(self) -> bool:
        """Whether its certificate may sign lists."""
        return self.role is Role.SAST

    @property
    def name(self) -> str:
        """Whose it is, in short."""
        return self.dns_name or self.subject or "-"

    def document(self, signer_serial: str | None) -> dict[str, Any]:
        """Return it in the form of a list's description; not shown is None.

        Args:
            signer_serial: Of the header, None if that is not shown.
        """
        signed = self.signed
        if signed is None and signer_serial is not None:
            signed = self.is_sast and self.serial == signer_serial
        return {
            "number": self.number,
            "offset": None,
            "length": self.length,
            "dns_name": self.dns_name,
            "subject": self.subject,
            "function": self.function,
            "role": self.role_label,
            "issuer": self.issuer,
            "serial": self.serial,
            "public_key_length": self.lengths.get("PUBLICKEY"),
            "signature_length": self.lengths.get("SIGNATURE"),
            "certificate_length": self.lengths.get("CERTIFICATE"),
            "certificate_sha1": self.certificate_sha1,
            "certificate_sha256": None,
            "certificate_hash": None,
            "not_before": None,
            "not_after": None,
            "key": None,
            "ip_address": None,
            "signed_this_file": signed,
            "unknown_fields": [],
        }


@dataclass(slots=True)
class ShownList:
    """A list as a listing shows it; absent or not shown is None.

    Attributes:
        kind: ``CTL`` or ``ITL``.
        first: The line on which it begins.
        last: The line on which it ends.
        md5: Lower hex.
        sha1: Lower hex.
        length: Bytes of the file.
        modified: When the file was changed, as printed.
        version: Of the header.
        header_length: Bytes.
        signer_name: Subject of the signer.
        signer_issuer: Its issuer.
        signer_serial: Upper hex with colons.
        signer_version: Tag 28.
        signature: Lower hex, as far as it is shown.
        signature_length: Bytes.
        verified: What the last line says; None if it is not there.
        records: Those that are shown.
        left_out: Whether ``[...]`` says that something is left out.
    """

    kind: str
    first: int
    last: int = 0
    md5: str | None = None
    sha1: str | None = None
    length: int | None = None
    modified: str | None = None
    version: str | None = None
    header_length: int | None = None
    signer_name: str | None = None
    signer_issuer: str | None = None
    signer_serial: str | None = None
    signer_version: str | None = None
    signature: str = ""
    signature_length: int | None = None
    verified: bool | None = None
    records: list[ShownRecord] = field(default_factory=list)
    left_out: bool = False

    @property
    def complete(self) -> bool:
        """Whether header and records add up to the length of the file, and no record lacks a row."""
        lengths = [record.length for record in self.records]
        if self.length is None or self.header_length is None or None in lengths or not lengths:
            return False
        if not all(record.is_whole for record in self.records):
            return False
        return self.header_length + sum(each or 0 for each in lengths) == self.length

    @property
    def says_anything(self) -> bool:
        """Whether it is more than a heading."""
        return bool(self.md5 or self.sha1 or self.records or self.version)

    def serial_of_signer(self) -> str | None:
        """Return the signer's serial: of the header, or of the record that is said to have signed."""
        if self.signer_serial is not None:
            return self.signer_serial
        return next((each.serial for each in self.records if each.signed), None)

    def signer(self) -> str:
        """Return who signed, as far as it is shown."""
        record = next((each for each in self.records if each.signed), None)
        name = self.signer_name or (record.subject if record is not None else None)
        serial = self.serial_of_signer()
        return f"{name or 'a signer that is not shown'}" + (f" (serial {serial})" if serial else "")

    @property
    def not_shown(self) -> list[str]:
        """The keys of :meth:`document` that the listing does not show."""
        missing = [*NEVER_SHOWN]
        values = {"md5": self.md5, "sha1": self.sha1, "length": self.length, "verified": self.verified}
        missing += [key for key, value in values.items() if value is None]
        if self.version is None:
            missing += _HEADER
        elif self.signer_name is None and self.signer_serial is None:
            missing += _HEADER[2:]
        elif self.signer_version is None:
            # No listing of CUCM's shows tag 28, whether it is there or not.
            missing.append("signer_version")
        if not self.complete:
            missing.append("records")
        return missing

    def document(self) -> dict[str, Any]:
        """Return it in the form of ``show --json``, with what only a listing has beside it."""
        header_serial = self.signer_serial
        return {
            "source": "listing",
            "kind": self.kind,
            "version": self.version,
            "header_length": self.header_length,
            "length": self.length,
            "md5": self.md5,
            "sha1": self.sha1,
            "sha256": None,
            "signer": {"name": self.signer_name, "issuer": self.signer_issuer, "serial": self.signer_serial},
            "signer_version": self.signer_version,
            "digest": None,
            "signature_length": self.signature_length,
            "signature": self.signature or None,
            "filename": None,
            "timestamp": None,
            "modified": self.modified,
            "verified": self.verified,
            "verified_by": next((each.number for each in self.records if each.signed), None),
            "reason": None,
            "problems": [],
            "unknown_fields": [],
            "records": [each.document(header_serial) for each in self.records],
            "complete": self.complete,
            "not_shown": self.not_shown,
            "record_not_shown": list(RECORD_NEVER_SHOWN),
            "lines": [self.first, self.last],
        }
