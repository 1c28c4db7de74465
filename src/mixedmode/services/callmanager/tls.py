"""TLS of CallManager's secure port: the node's CallManager certificate, and the phone's own.

Rules:

1. A phone is asked for its certificate: an LSC, issued by CAPF, or a MIC, issued by its maker. One that no anchor
   vouches for, or whose time is over, ends the handshake. A phone without one is told "Security Error".
2. The common name ties a certificate to a device (:mod:`mixedmode.pki.certificates.phone_names`): it is the device's
   name, or that after ``CP-7975G-``.
3. An anchor need not be self-signed: a manufacturing CA's own issuer is not asked for.
4. TLS 1.2 is the least, unless :attr:`~mixedmode.services.net.server_tls.TlsFloor.TLS_1_0` is chosen, as for TVS.
   That switch also lets devices in authenticated mode use NULL-SHA, which does not encrypt (wire-formats.md 6), last
   of all ciphers; and it is needed for certificates with 1024-bit keys or SHA-1, as many MICs are.
5. Sessions are not resumed, so that an anchor that was removed vouches for nobody any more after a restart.
"""

from __future__ import annotations

import ssl
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Final, Protocol

from mixedmode.cluster.reader import ClusterReader
from mixedmode.errors import MalformedError, MixedModeError, UsageError
from mixedmode.pki.certificates.certificates import Certificate
from mixedmode.pki.certificates.openssl import plain_reason
from mixedmode.pki.certificates.phone_names import device_named, is_lsc
from mixedmode.pki.certificates.profiles import Purpose
from mixedmode.pki.signing.signer import SoftwareSigner
from mixedmode.protocols.sccp.registration.admission import Security
from mixedmode.services.net.server_tls import TlsFloor, server_context

CAPF_TRUST: Final = "CAPF-trust"
_OLD_CIPHERS: Final = "ALL:!aNULL:!COMPLEMENTOFDEFAULT:NULL-SHA:@SECLEVEL=0"
"""What DEFAULT stands for, which would rule NULL ciphers out for good, and one of those."""


class PhoneTrust(Protocol):
    """The keys of the secure port. Both methods may block; they are called in a thread when the service starts."""

    def signers(self) -> Sequence[SoftwareSigner]:
        """Return the server's keys with their certificates."""

    def anchors(self) -> Sequence[Certificate]:
        """Return the certificates that vouch for phones: CAPF's and manufacturers'."""


class FixedTrust:
    """Keys that stay.

    Args:
        signers: The server's.
        anchors: Who vouches for phones.
    """

    def __init__(self, signers: Iterable[SoftwareSigner], anchors: Iterable[Certificate] = ()) -> None:
        self._signers, self._anchors = tuple(signers), tuple(anchors)

    def signers(self) -> Sequence[SoftwareSigner]:
        """Return the keys."""
        return self._signers

    def anchors(self) -> Sequence[Certificate]:
        """Return the anchors."""
        return self._anchors


class NodeTrust:
    """A node's CallManager key; phones are vouched for by ``CAPF-trust`` and by CAPF itself.

    Args:
        reader: The cluster.
        node: The node.
        more: Further anchors, such as a manufacturing CA that is in no store.
    """

    def __init__(self, reader: ClusterReader, node: str, more: Iterable[Certificate] = ()) -> None:
        self._reader, self._node, self._more = reader, node, tuple(more)

    def signers(self) -> Sequence[SoftwareSigner]:
        """Return the active CallManager key."""
        return (self._reader.signer(self._node, Purpose.CALLMANAGER.value),)

    def anchors(self) -> Sequence[Certificate]:
        """Return the anchors, each once."""
        found = [stored.certificate for stored in self._reader.trust_certificates(CAPF_TRUST)]
        for node in self._reader.nodes():
            if node.is_publisher:
                try:
                    found.append(self._reader.own_certificate(node.name, Purpose.CAPF.value))
                except MixedModeError:
                    continue  # a cluster without CAPF: what the stores hold has to do
        return tuple(dict.fromkeys((*found, *self._more)))


def phone_context(trust: PhoneTrust, floor: TlsFloor = TlsFloor.TLS_1_2) -> ssl.SSLContext:
    """Return the context of the secure port (rules 1, 3, 4 and 5).

    Raises:
        UsageError: OpenSSL does not take the key or an anchor.
        MixedModeError: The keys cannot be read.
    """
    signers = trust.signers()
    try:
        context = server_context(signers, floor)
    except UsageError as error:
        raise UsageError(
            "the CallManager certificate is of no use for TLS",
            where=error.where,
            why=error.why or error.what,
            next_step=error.next_step,
        ) from error
    if floor is TlsFloor.TLS_1_0:
        context.set_ciphers(_OLD_CIPHERS)
    context.num_tickets = 0
    context.options |= ssl.OP_NO_TICKET | ssl.OP_CIPHER_SERVER_PREFERENCE
    context.verify_mode = ssl.CERT_OPTIONAL
    context.verify_flags |= ssl.VERIFY_X509_PARTIAL_CHAIN
    for anchor in trust.anchors():
        # One at a time, so that the message names the one to remove.
        try:
            context.load_verify_locations(cadata=anchor.der)
        except ssl.SSLError as error:
            raise UsageError(
                "OpenSSL does not take a certificate that vouches for phones",
                where=f"{CAPF_TRUST}: {anchor.subject}",
                why=plain_reason(error, anchor),
                next_step="remove it from the store",
            ) from error
    return context


@dataclass(frozen=True, slots=True)
class Peer:
    """Who is at the other end.

    Attributes:
        security: What counts for registration.
        certificate: ``LSC``, ``MIC``, or None.
        cipher: TLS version and cipher, None without TLS.
    """

    security: Security = Security()  # noqa: RUF009 - immutable
    certificate: str | None = None
    cipher: str | None = None


PLAIN: Final = Peer()


def peer_of(tls: ssl.SSLObject) -> Peer:
    """Return who is at the other end of a handshake that succeeded (rule 2)."""
    name, _, bits = tls.cipher() or ("", "", 0)
    der = tls.getpeercert(binary_form=True)
    shown = None if der is None else Certificate(der)
    device, kind = (None, None) if shown is None else device_of(shown)
    fingerprint = b"" if shown is None else shown.sha256
    until = None if shown is None or device is None else shown.not_after
    return Peer(Security(True, bits > 0, device, fingerprint, until), kind, f"{tls.version()} {name}")


def device_of(certificate: Certificate) -> tuple[str | None, str | None]:
    """Return the device that a certificate names and its kind, ``LSC`` or ``MIC``; nothing if it names none."""
    try:
        device = device_named(certificate.common_name)
        _ = certificate.not_after  # one whose end cannot be read names nobody
    except MalformedError:
        return None, None
    if device is None:
        return None, None
    return device, (Purpose.PHONE_LSC if is_lsc(certificate) else Purpose.PHONE_MIC).value
