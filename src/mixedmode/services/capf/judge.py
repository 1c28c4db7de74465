"""Whether a phone has proved who it is, and if not, why: pure checks in words (wire-formats.md 5, phone-trust.md 2).

Rules:

1. A certificate proves a device if it names the device, is valid now, was issued by this CAPF or by somebody who is
   believed, and the proof with its key is right. Every check that fails is named.
2. A fetched certificate is taken on the same terms: its key must have been proved in this session, unless it is the one
   that is on record for the device already.
3. A certificate that was revoked proves nobody.
4. Secrets are compared in constant time, and both kinds of proof are always looked at.
"""

from __future__ import annotations

from collections.abc import Collection, Sequence
from datetime import datetime

from mixedmode.errors import MixedModeError
from mixedmode.pki.certificates.capf_proof import proof_holds
from mixedmode.pki.certificates.certificates import Certificate
from mixedmode.pki.certificates.phone_names import names_device
from mixedmode.protocols.capf import Claim
from mixedmode.services.capf.store import CapfDevice


def claim_faults(
    claim: Claim,
    device: CapfDevice,
    believed: Sequence[Certificate],
    now: datetime,
    revoked: Collection[bytes] = (),
) -> list[str]:
    """Return why a phone has not proved who it is, nothing if it has.

    Args:
        claim: What it says and shows.
        device: What it has to prove.
        believed: This CAPF's certificate, and those of manufacturers.
        now: UTC.
        revoked: SHA-256 of certificates that prove nobody.
    """
    faults = []
    if not device.fits(claim.password):
        faults.append("the password is wrong" if claim.password else "it gives no password")
    if device.by_certificate:
        if claim.certificate is None:
            faults.append("it shows no certificate")
        else:
            faults += certificate_faults(claim.certificate, device.name, believed, now, revoked)
            faults += possession_faults(claim, claim.certificate)
    return faults


def fetch_faults(
    claim: Claim,
    fetched: bytes,
    device: CapfDevice,
    believed: Sequence[Certificate],
    now: datetime,
    revoked: Collection[bytes] = (),
) -> list[str]:
    """Return why a fetched certificate is not taken as the device's LSC, nothing if it is (rule 2)."""
    faults = certificate_faults(fetched, device.name, believed, now, revoked)
    held = device.lsc
    if held is None or held.der != fetched:
        if claim.certificate != fetched:
            faults.append("it did not prove to hold the key of the certificate that it gives")
        else:
            faults += possession_faults(claim, fetched)
    return faults


def certificate_faults(
    der: bytes, device: str, believed: Sequence[Certificate], now: datetime, revoked: Collection[bytes] = ()
) -> list[str]:
    """Return what is wrong with the name, the dates and the issuer of a device's certificate, and if it is revoked."""
    try:
        faults = _certificate_faults(Certificate.from_der(der), device, believed, now)
    except MixedModeError as error:
        return [f"its certificate cannot be read: {error.why or error.what}"]
    return [*faults, "its certificate is revoked"] if Certificate(der).sha256 in revoked else faults


def _certificate_faults(shown: Certificate, device: str, believed: Sequence[Certificate], now: datetime) -> list[str]:
    faults = []
    name = shown.common_name
    if not names_device(name, device):
        faults.append(f"its certificate is that of CN={name}, not of {device} or CP-<model>-{device}")
    if now < shown.not_before:
        faults.append(f"its certificate is not valid before {shown.not_before:%Y-%m-%d %H:%M:%S} UTC")
    if now > shown.not_after:
        faults.append(f"its certificate is not valid after {shown.not_after:%Y-%m-%d %H:%M:%S} UTC")
    if not any(shown.is_issued_by(each) for each in believed):
        known = any(shown.issuer_name == each.subject_name for each in believed)
        verdict = "whose signature it does not bear" if known else "neither this CAPF nor a believed manufacturer"
        faults.append(f"its certificate's issuer is {shown.issuer}, {verdict}")
    return faults


def possession_faults(claim: Claim, der: bytes) -> list[str]:
    """Return why a phone has not proved that it holds the key of the certificate that it shows."""
    if claim.proof is None and claim.proof_sha512 is None:
        return ["it gives no proof of its certificate's key"]
    try:
        holds = proof_holds(Certificate.from_der(der), claim.signed, sha1=claim.proof, sha512=claim.proof_sha512)
    except MixedModeError:
        holds = False
    return [] if holds else ["the proof of its certificate's key does not hold"]
