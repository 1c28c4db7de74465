"""What each port of a node shows by TLS: handshake, read the certificate, close (live-cluster.md 7).

Rules:

1. Once with RSA alone and once with EC alone, up to TLS 1.2, where the cipher says which certificate is shown; where
   neither is taken, once with whatever both sides have.
2. No certificate of ours is shown and nothing is sent afterwards. A server that insists on one shows its own before it
   refuses: that counts.
3. Old versions and small keys are taken too: this looks, and trusts nothing.
4. CAPF and the CTL Provider are the publisher's.
"""

from __future__ import annotations

import socket
import ssl
from dataclasses import replace
from typing import Any, Final

from mixedmode.causes import why_no_connection
from mixedmode.live.cluster_file import Node
from mixedmode.live.observed import FaceSeen, Sighting, Source
from mixedmode.live.sources.seeing import Seen
from mixedmode.live.wire.clock import Clock
from mixedmode.live.wire.tls import ended_after

SERVICES: Final = ("web", "tvs", "capf", "sccp_tls", "sip_tls", "https", "ctl_provider")
_PUBLISHERS: Final = frozenset({"capf", "ctl_provider"})
KEYS: Final = {"RSA": "aRSA:@SECLEVEL=0", "EC": "aECDSA:@SECLEVEL=0"}
_SECONDS: Final = 5.0


def look_at_faces(
    node: Node, seen: Seen, clock: Clock, services: tuple[str, ...] = SERVICES, *, is_publisher: bool | None = None
) -> None:
    """Add what a node shows.

    Args:
        node: To be asked.
        seen: To be added to.
        clock: Says when.
        services: Names of ports.
        is_publisher: Whether it counts as the publisher; by default if it is said to be it.
    """
    for service in services:
        if service in _PUBLISHERS and not (node.is_publisher if is_publisher is None else is_publisher):
            continue
        port = node.ports[service]
        faces = []
        for key, ciphers in KEYS.items():
            face = _face(node, service, port, key, _context(ciphers, ssl.TLSVersion.TLSv1_2), seen, clock)
            if face is None:
                break
            faces.append(face)
        else:
            if not any(face.chain for face in faces):
                face = _face(node, service, port, "", _context("ALL:@SECLEVEL=0", None), seen, clock)
                faces = [*faces, *([face] if face is not None and face.chain else [])]
            seen.faces += [_named(face) for face in faces]


def _face(
    node: Node, service: str, port: int, key: str, context: ssl.SSLContext, seen: Seen, clock: Clock
) -> FaceSeen | None:
    """Return what is shown, without a chain if there is no handshake; None if there is no connection."""
    where = f"{node.address}:{port}"
    try:
        plain = socket.create_connection((node.address, port), timeout=_SECONDS)
    except (OSError, UnicodeError) as error:
        seen.missing(f"TLS {service} {port}", node.name, why_no_connection(error)[0])
        return None
    chain: tuple[bytes, ...] = ()
    version = cipher = ""
    with plain, context.wrap_socket(plain, do_handshake_on_connect=False) as connection:
        try:
            with ended_after(connection, _SECONDS):
                connection.do_handshake()
            version, cipher = connection.version() or "", (connection.cipher() or ("",))[0]
        except (OSError, ValueError):
            pass  # what it showed before it refused is shown all the same
        chain = _chain(connection)
    return FaceSeen(node.name, service, port, key, chain, version, cipher, Sighting(Source.TLS, clock.now(), where))


def _chain(connection: ssl.SSLSocket) -> tuple[bytes, ...]:
    """Return what the server sent, its own certificate first."""
    inner: Any = getattr(connection, "_sslobj", None)  # public from Python 3.13 on, and only after a whole handshake
    found = getattr(inner, "get_unverified_chain", None)
    try:
        shown = found() if found is not None else None
        if shown:
            return tuple(
                each if isinstance(each, bytes) else ssl.PEM_cert_to_DER_cert(each.public_bytes()) for each in shown
            )
        own = connection.getpeercert(binary_form=True)
    except (OSError, ValueError):
        return ()
    return (own,) if own else ()


def _named(face: FaceSeen) -> FaceSeen:
    if face.key or not face.chain:
        return face
    from cryptography import x509
    from cryptography.hazmat.primitives.asymmetric.ec import EllipticCurvePublicKey

    try:
        key = x509.load_der_x509_certificate(face.chain[0]).public_key()
    except ValueError:
        return face
    return replace(face, key="EC" if isinstance(key, EllipticCurvePublicKey) else "RSA")


def _context(ciphers: str, most: ssl.TLSVersion | None) -> ssl.SSLContext:
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    context.check_hostname = False
    context.verify_mode = ssl.CERT_NONE
    context.minimum_version = ssl.TLSVersion.MINIMUM_SUPPORTED
    if most is not None:
        context.maximum_version = most
    context.set_ciphers(ciphers)
    return context
