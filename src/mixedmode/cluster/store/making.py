"""Making a node's certificates: the names, keys and serials that an installation gives them."""

from __future__ import annotations

import secrets
from collections.abc import Callable
from datetime import datetime
from functools import cache
from typing import TYPE_CHECKING

from mixedmode.cluster.model.versions import RELEASES, Version
from mixedmode.pki.certificates.certificates import Certificate
from mixedmode.pki.certificates.issuing import Hash
from mixedmode.pki.certificates.load import own_key_pem
from mixedmode.pki.certificates.names import attributes_of
from mixedmode.pki.certificates.profiles import (
    PROFILES,
    KeyKind,
    Purpose,
    Subject,
    common_name,
    generate_key,
    self_signed,
)
from mixedmode.pki.signing.signer import SoftwareSigner

if TYPE_CHECKING:
    from mixedmode.pki.signing.signer import PrivateKey

NEWEST = Version.parse(RELEASES[-1])


def new_serial(size: int = 16) -> int:
    """Return a random serial of exactly so many bytes, positive also when read as signed."""
    return int.from_bytes(bytes((0x40 | secrets.randbelow(0x40),)) + secrets.token_bytes(size - 1))


def make_certificate(
    purpose: Purpose,
    node: str,
    organization: Subject,
    *,
    key_kind: KeyKind,
    now: datetime,
    signature_hash: Hash | None = None,
    years: int | None = None,
    version: Version = NEWEST,
    make_key: Callable[[KeyKind], PrivateKey] = generate_key,
) -> SoftwareSigner:
    """Return a new key with its self-signed certificate, named and written as a version of the system does it."""
    name = common_name(purpose, node, number=secrets.randbits(32))
    key = make_key(key_kind)
    certificate = self_signed(
        purpose,
        subject=organization.named(name),
        key=key,
        now=now.replace(microsecond=0),
        serial=new_serial(version.serial_bytes),
        years=years,
        dns_names=() if purpose in {Purpose.CAPF, Purpose.ITLRECOVERY} else (node,),
        hash=signature_hash,
        style=version.certificate_style,
    )
    return SoftwareSigner(certificate, key)


def make_installed(
    purpose: Purpose,
    node: str,
    organization: Subject,
    *,
    rsa: KeyKind,
    ec: KeyKind,
    now: datetime,
    signature_hash: Hash | None,
    version: Version = NEWEST,
    make_key: Callable[[KeyKind], PrivateKey] = generate_key,
) -> SoftwareSigner:
    """Return a new key with its certificate, as a node gets them when it is installed.

    Args:
        purpose: What it is for; decides between the two kinds of key.
        node: The node.
        organization: The attributes of its subject.
        rsa: The key of an RSA certificate.
        ec: The key of an EC certificate.
        now: The time (UTC).
        signature_hash: Under an RSA certificate; None lets the key decide, as it does for EC.
        version: Of the system that makes it.
        make_key: Makes the key.
    """
    is_ec = PROFILES[purpose].key_kind == "EC"
    return make_certificate(
        purpose,
        node,
        organization,
        key_kind=ec if is_ec else rsa,
        now=now,
        signature_hash=None if is_ec else signature_hash,
        version=version,
        make_key=make_key,
    )


def make_successor(
    purpose: Purpose,
    node: str,
    model: Certificate,
    *,
    now: datetime,
    version: Version,
    key_kind: KeyKind | None = None,
    years: int | None = None,
    make_key: Callable[[KeyKind], PrivateKey] = generate_key,
) -> SoftwareSigner:
    """Return a new key with its certificate, made like one that the node has.

    Args:
        purpose: What it is for.
        node: The node.
        model: The certificate that it replaces, or any other of the node when it is the first of its purpose. It gives
            the names, and the key and hash where they suit.
        now: The time (UTC).
        version: Of the system that makes it.
        key_kind: In place of the model's.
        years: Validity in place of the profile's.
        make_key: Makes the key.
    """
    suits = PROFILES[purpose].key_kind == model.key_kind
    kind = key_kind or (key_kind_of(model) if suits else KeyKind.EC_256)
    return make_certificate(
        purpose,
        node,
        organization_of(model),
        key_kind=kind,
        now=now,
        signature_hash=hash_of(model) if suits and key_kind is None else None,
        years=years,
        version=version,
        make_key=make_key,
    )


def stand_in_successor(
    purpose: Purpose,
    node: str,
    model: Certificate,
    *,
    now: datetime,
    version: Version,
    key_kind: KeyKind | None = None,
    years: int | None = None,
) -> Certificate:
    """Return what :func:`make_successor` would make but for key and serial, to foresee lists with.

    Its key is of no use: it is this process's alone, and no file has it.
    """
    made = make_successor(
        purpose, node, model, now=now, version=version, key_kind=key_kind, years=years, make_key=_throw_away_key
    )
    return made.certificate


@cache
def _throw_away_key(kind: KeyKind) -> PrivateKey:
    return generate_key(kind)


def key_file(signer: SoftwareSigner) -> bytes:
    """Return the content of a key file: private key and certificate, as ``load_signer`` reads them."""
    return own_key_pem(signer.key) + signer.certificate.pem()


def organization_of(certificate: Certificate) -> Subject:
    """Return a certificate's subject, to make its successor with."""
    found = dict(attributes_of(certificate.subject_name))
    return Subject(*(found.get(kind, "") for kind in ("CN", "OU", "O", "L", "ST", "C")))


def key_kind_of(certificate: Certificate) -> KeyKind:
    """Return the kind of a certificate's key."""
    return KeyKind.from_label(f"{certificate.key_kind}-{certificate.key_bits}")


def hash_of(certificate: Certificate) -> Hash | None:
    """Return the hash under an RSA certificate; None lets the key decide."""
    name = certificate.signature_hash
    if certificate.key_kind == "EC" or name not in {member.value for member in Hash}:
        return None
    return Hash(name)
