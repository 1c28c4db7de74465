"""A list in the place of one that is known by its listing alone, for phones' rules to run over.

Rules:

1. Only a listing that leaves no record out becomes a list.
2. A record has its certificate if one of the known certificates has the SHA-1 that the listing shows; else it has that
   hash, and a certificate in its place (:mod:`mixedmode.trustlist.pasted.certificates`). No signature holds for that:
   right, unless it names the signer of a file that is really signed, which :meth:`DescribedList.names` tells.
3. Length and checksums are those that the listing shows, and so is whether the signature holds: it cannot be checked.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any, Final, Self

from mixedmode.errors import MalformedError
from mixedmode.pki.certificates.certificates import Certificate
from mixedmode.trustlist.header import Header, text_value, tlv
from mixedmode.trustlist.model import Record, TrustList
from mixedmode.trustlist.roles import HeaderTag, RecordTag, Role
from mixedmode.trustlist.verify import Verification
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
        made.__dict__["description"] = description
        return made

    @property
    def description(self) -> Mapping[str, Any]:
        """What it was made of."""
        found: Mapping[str, Any] = self.__dict__["description"]
        return found

    @property
    def length(self) -> int:
        """Bytes of the file, as the listing shows it."""
        return int(self.description.get("length") or len(self.data))

    def verify(self, signer: Certificate | None = None) -> Verification:
        """Return what the listing says of the signature (rule 3)."""
        said = self.description.get("verified")
        if signer is not None or said is None:
            return Verification(None, None, "not_shown", "whether the signature holds is not shown")
        record = next(iter(self.find_signer(self.header.signer_issuer, self.header.signer_serial or b"")), None)
        if said:
            return Verification(True, record, "ok", "the listing says that the signature holds")
        return Verification(False, record, "bad_signature", "the listing says that the signature does not hold")

    def names(self, signers: Iterable[Header]) -> bool:
        """Return whether a record whose certificate is not known names one of these files' signers (rule 2)."""
        unknown = [record for record in self.records if is_stand_in(record)]
        serials = {record.serial for record in unknown}
        return any(header.signer_serial in serials for header in signers)


def without_half(description: Mapping[str, Any], known: Mapping[str, Certificate]) -> DescribedList:
    """Return the list of a description that leaves nothing out.

    Args:
        description: In the form of ``show --json``.
        known: Certificates by SHA-1, lower hex.

    Raises:
        MalformedError: It does not show the whole list (rule 1), or contradicts itself.
    """
    made = DescribedList.of(description, known) if description.get("records") else None
    if made is not None:
        return made
    kind, hidden = description.get("kind"), set(description.get("not_shown", ()))
    if description.get("complete", True) and "signer" not in hidden:
        raise MalformedError(f"this describes no {kind} that there can be", code="listing")
    raise MalformedError(
        f"this is half a listing of the {kind}: it does not show {_half(description, hidden)}",
        code="half-listing",
        next_step="paste all that the command prints, from the checksum to the line that says whether the file was "
        "verified",
    )


def _half(description: Mapping[str, Any], hidden: set[str]) -> str:
    missing = ["the header"] if hidden & {"signer", "header_length"} else []
    missing += ["the length of the file"] if "length" in hidden else []
    if not description.get("complete", True) and not missing:
        shown = [record.get("length") for record in description.get("records", ())]
        length, whole = (
            int(description.get("header_length") or 0) + sum(each or 0 for each in shown),
            description["length"],
        )
        missing.append("every row of its records" if length == whole else f"every record: {length} of {whole} bytes")
    return " and ".join(missing) or "all of it"


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
    made = certificate or _made(record, digest)
    if made is not None:
        fields.append(tlv(RecordTag.CERTIFICATE, made.der))
    fields.append(tlv(RecordTag.IP_ADDRESS, bytes(4)))
    if certificate is None and (digest or record.get("certificate_length")):
        fields.append(tlv(RecordTag.CERTIFICATE_HASH, bytes.fromhex(digest) if digest else bytes(20)))
        fields.append(tlv(RecordTag.HASH_ALGORITHM, _SHA1))
    body = b"".join(fields)
    return tlv(RecordTag.RECORD_LENGTH, (len(body) + 5).to_bytes(2)) + body


def is_stand_in(record: Record) -> bool:
    """Return whether nobody has the certificate of a record of a described list (rule 2)."""
    return record.certificate_hash is not None


def _made(record: Mapping[str, Any], digest: str | None) -> Certificate | None:
    subject, issuer, serial = (record.get(name) for name in ("subject", "issuer", "serial"))
    if not (digest and subject and issuer and serial):
        return None
    from mixedmode.trustlist.pasted.certificates import stand_in

    return stand_in(subject, issuer, serial, digest.lower(), record.get("public_key_length"))


def _bytes(text: str | None) -> bytes:
    return bytes.fromhex((text or "").replace(":", ""))
