"""A list in the place of one that is known by its listing alone, for phones' rules to run over.

Rules:

1. Only a listing that leaves no record out becomes a list.
2. A record has its certificate if one of the known certificates has the SHA-1 that the listing shows; else it has that
   hash in its place. A phone's rules look for whole certificates, so a record of which only the hash is known vouches
   for nobody: right, unless it names a signer that is offered, which :meth:`DescribedList.names` tells.
3. Checksums are those that the listing shows; the signature cannot be checked.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any, Final, Self

from mixedmode.errors import MalformedError
from mixedmode.pki.certificates.certificates import Certificate
from mixedmode.trustlist.header import Header, text_value, tlv
from mixedmode.trustlist.model import TrustList
from mixedmode.trustlist.roles import HeaderTag, RecordTag, Role
from mixedmode.trustlist.walk import walk_header, walk_records

_MODULUS: Final = {64: 0, 128: 1, 256: 2, 512: 3}
_SHA1: Final = b"\x01"
_VERSION: Final = bytes((1, 2))


class DescribedList(TrustList):
    """A list made of its description."""

    __slots__ = ()

    @classmethod
    def of(cls, description: Mapping[str, Any], known: Mapping[str, Certificate]) -> Self | None:
        """Make it.

        Args:
            description: In the form of ``show --json``.
            known: Certificates by SHA-1, lower hex.

        Returns:
            None if the description may lack a record, or its header (rule 1).
        """
        if not description.get("complete", True) or "signer" in description.get("not_shown", ()):
            return None
        try:
            data = _header(description) + b"".join(_record(each, known) for each in description["records"])
            header = Header(data, walk_header(data))
            made = cls(data, header, walk_records(data, header.fields.end))
        except (MalformedError, ValueError, KeyError, TypeError):
            return None
        for name in ("md5", "sha1", "sha256"):
            if description.get(name):
                made.__dict__[name] = description[name]
        if not description.get("sha256"):
            made.__dict__["sha256"] = description.get("sha1") or description.get("md5") or made.sha256
        return made

    def names(self, signers: Iterable[Header]) -> bool:
        """Return whether a record whose certificate is not known names one of these files' signers (rule 2)."""
        unknown = [record for record in self.records if record.certificate_hash is not None]
        serials = {record.serial for record in unknown}
        return any(header.signer_serial in serials for header in signers)


def _header(description: Mapping[str, Any]) -> bytes:
    signer = description["signer"]
    length = description.get("signature_length") or 128
    signature = bytes.fromhex(description.get("signature") or "")[:length].ljust(length, b"\0")
    identity = tlv(HeaderTag.SIGNER_NAME, text_value(signer.get("name") or ""))
    identity += tlv(HeaderTag.SERIAL_NUMBER, _bytes(signer.get("serial")))
    identity += tlv(HeaderTag.CA_NAME, text_value(signer.get("issuer") or signer.get("name") or ""))
    algorithm = tlv(HeaderTag.SIGNATURE_ALGORITHM, b"\0") + tlv(
        HeaderTag.SIGNATURE_MODULUS, bytes((_MODULUS.get(length, 1),))
    )
    info = tlv(HeaderTag.DIGEST_ALGORITHM, b"\x01") + tlv(HeaderTag.SIGNATURE_ALGORITHM_INFO, algorithm)
    rest = tlv(HeaderTag.SIGNER_ID, identity) + tlv(HeaderTag.SIGNATURE_INFO, info)
    rest += tlv(HeaderTag.SIGNATURE, signature) + tlv(HeaderTag.FILENAME, text_value(f"{description['kind']}File.tlv"))
    rest += tlv(HeaderTag.TIMESTAMP, bytes(4))
    padding = -(len(rest) + 10) % 4
    start = tlv(HeaderTag.VERSION, _VERSION) + tlv(HeaderTag.HEADER_LENGTH, (len(rest) + 10 + padding).to_bytes(2))
    return start + rest + bytes((HeaderTag.PADDING,)) * padding


def _record(record: Mapping[str, Any], known: Mapping[str, Certificate]) -> bytes:
    fields = [tlv(RecordTag.DNS_NAME, text_value(record.get("dns_name") or ""))]
    if record.get("subject"):
        fields.append(tlv(RecordTag.SUBJECT_NAME, text_value(record["subject"])))
    role = Role.from_label(str(record.get("role") or ""))
    fields.append(tlv(RecordTag.FUNCTION, role.to_bytes(2)))
    if record.get("issuer"):
        fields.append(tlv(RecordTag.ISSUER_NAME, text_value(record["issuer"])))
    if record.get("serial"):
        fields.append(tlv(RecordTag.SERIAL_NUMBER, _bytes(record["serial"])))
    digest = record.get("certificate_sha1")
    certificate = known.get(digest) if digest else None
    if certificate is not None:
        fields.append(tlv(RecordTag.CERTIFICATE, certificate.der))
    fields.append(tlv(RecordTag.IP_ADDRESS, bytes(4)))
    if certificate is None and (digest or record.get("certificate_length")):
        fields.append(tlv(RecordTag.CERTIFICATE_HASH, bytes.fromhex(digest) if digest else bytes(20)))
        fields.append(tlv(RecordTag.HASH_ALGORITHM, _SHA1))
    body = b"".join(fields)
    return tlv(RecordTag.RECORD_LENGTH, (len(body) + 5).to_bytes(2)) + body


def _bytes(text: str | None) -> bytes:
    return bytes.fromhex((text or "").replace(":", ""))
