"""The same list, signed by another of those who may (forecast.md 5.3): what ``utils ctl reset localkey`` publishes."""

from __future__ import annotations

from functools import lru_cache
from typing import TYPE_CHECKING, Final

from mixedmode.errors import MalformedError
from mixedmode.pki.signing.digests import DigestAlgorithm
from mixedmode.trustlist.build import signer_identity
from mixedmode.trustlist.header import SignerOrder, encode_header
from mixedmode.trustlist.model import TrustList
from mixedmode.trustlist.roles import Layout, Role

if TYPE_CHECKING:
    from mixedmode.pki.certificates.certificates import Certificate

_BITS: Final = {512, 1024, 2048, 4096}
"""Of RSA keys whose signatures a list can have (wire-formats.md 1)."""
_SIGNED: Final = 32
"""Lists of which it is remembered who signed, and who might: many drafts of a proposal have the same ones."""


@lru_cache(maxsize=_SIGNED)
def signer_of(offered: TrustList | bytes) -> Certificate | None:
    """Return the certificate of a list's signer, if the list has it."""
    if not isinstance(offered, TrustList) or not offered.header.signer_serial:
        return None
    found = offered.find_signer(offered.header.signer_issuer, offered.header.signer_serial)
    return next((each.certificate for each in found if each.certificate is not None), None)


@lru_cache(maxsize=_SIGNED)
def possible_signers(offered: TrustList | bytes) -> tuple[Certificate, ...]:
    """Return who could sign a list again: the certificates that stand as SAST in it, its present signer left out."""
    if not isinstance(offered, TrustList):
        return ()
    present = signer_of(offered)
    found = (record.certificate for record in offered.records_with_role(Role.SAST))
    able = (each for each in found if each is not None and each != present and _signs(each))
    return tuple(dict.fromkeys(able))


@lru_cache(maxsize=_SIGNED)
def signed_again(offered: TrustList, by: Certificate) -> TrustList:
    """Return a list with another signer's name and a stand-in in the place of the signature.

    Args:
        offered: The list.
        by: Who signs; one of :func:`possible_signers`.
    """
    header = offered.header
    made = encode_header(
        version=header.version,
        signer=signer_identity(by, Layout.CUCM),
        digest=header.digest or DigestAlgorithm.SHA1,
        key_bits=by.key_bits,
        filename=header.filename or f"{offered.kind}File.tlv",
        timestamp=header.timestamp or 0,
        order=SignerOrder.CUCM,
        signer_version=None,
    )
    body = offered.data[header.fields.end :]
    return TrustList.parse(made.with_signature(bytes(by.key_bits // 8)) + body)


def _signs(certificate: Certificate) -> bool:
    try:
        return certificate.key_kind == "RSA" and certificate.key_bits in _BITS and bool(certificate.issuer)
    except MalformedError:
        return False
