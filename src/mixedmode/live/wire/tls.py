"""How a node is recognised before anything secret goes to it (TLS).

Rules:

1. A file of certificates holds authorities, or the nodes' own certificates, or both. A node that shows exactly one of
   them is recognised, whatever the names in it: that is what a certificate is saved for.
2. Any other one has to be issued by one of them (by the system's authorities if no file is named), be valid now, and
   have the node's address or name in it.
3. There is no switch that leaves this out.
4. TLS 1.2 or newer; a server that has neither (CUCM 10.5) gets what it has, and has to be recognised all the same.
"""

from __future__ import annotations

import hashlib
import ipaddress
import socket
import ssl
import threading
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from cryptography import x509
from cryptography.x509.oid import NameOID

from mixedmode.errors import RemoteError
from mixedmode.pki.certificates.load import load_certificates

_TOO_OLD: Final = (
    *("unsupported protocol", "tlsv1 alert protocol version", "wrong version number"),
    *("legacy sigalg disallowed", "dh key too small"),
)
"""What OpenSSL says of a side that speaks only what it holds to be too weak. A Python that is older than its OpenSSL
has no name for some of it, and gives OpenSSL's own words."""
NOT_TRUSTED: Final = "certificate"
"""The code of the error."""


@dataclass(frozen=True, slots=True)
class Trust:
    """Whom to believe.

    Attributes:
        pem: Certificates; empty for the system's authorities.
        pins: The same ones, DER.
        file: Where they are from, for messages.
    """

    pem: str = ""
    pins: frozenset[bytes] = frozenset()
    file: Path | None = None

    @classmethod
    def of(cls, path: Path | None) -> Trust:
        """Read a file of certificates.

        Raises:
            MixedModeError: It cannot be read, or holds none.
        """
        if path is None:
            return cls()
        ders = [each.der for each in load_certificates(path)]
        return cls("".join(map(ssl.DER_cert_to_PEM_cert, ders)), frozenset(ders), path)


def open_tls(address: str, port: int, trust: Trust, names: tuple[str, ...], timeout: float) -> ssl.SSLSocket:
    """Connect, and return the connection if the other side is who it should be.

    Args:
        address: Where.
        port: TCP.
        trust: Whom to believe.
        names: What the certificate may be for: the node's address and name.
        timeout: Seconds for each of connecting and the handshake.

    Raises:
        OSError: It cannot be reached, or there is no handshake.
        RemoteError: It is not who it should be.
    """
    if trust.pins:
        connection = _handshake(address, port, _unchecked(), names, timeout)
        if connection.getpeercert(binary_form=True) in trust.pins:
            return connection
        connection.close()
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    context.check_hostname = False
    context.verify_flags |= ssl.VERIFY_X509_PARTIAL_CHAIN
    if trust.pem:
        context.load_verify_locations(cadata=trust.pem)
    else:
        context.load_default_certs()
    try:
        connection = _handshake(address, port, context, names, timeout)
    except ssl.SSLCertVerificationError as error:
        raise _not_trusted(address, port, trust, names, error.verify_message, timeout) from error
    der = connection.getpeercert(binary_form=True) or b""
    if not any(is_for(der, name) for name in names):
        connection.close()
        raise _not_trusted(address, port, trust, names, f"it is not for {' or '.join(names)}", timeout)
    return connection


def open_unchecked(address: str, port: int, names: tuple[str, ...], timeout: float) -> ssl.SSLSocket:
    """Connect to whoever is there, for what is public; nothing secret may go this way.

    Raises:
        OSError: It cannot be reached, or there is no handshake.
    """
    return _handshake(address, port, _unchecked(), names, timeout)


def is_for(der: bytes, name: str) -> bool:
    """Return whether a certificate names a host: by its alternative names, by its common name if it has none."""
    try:
        certificate = x509.load_der_x509_certificate(der)
        try:
            alternative = certificate.extensions.get_extension_for_class(x509.SubjectAlternativeName).value
        except x509.ExtensionNotFound:
            common = certificate.subject.get_attributes_for_oid(NameOID.COMMON_NAME)
            return any(_same_host(str(each.value), name) for each in common)
        try:
            address = ipaddress.ip_address(name)
        except ValueError:
            return any(_same_host(each, name) for each in alternative.get_values_for_type(x509.DNSName))
        return address in alternative.get_values_for_type(x509.IPAddress)
    except (ValueError, TypeError):
        return False


def _same_host(pattern: str, name: str) -> bool:
    pattern, name = pattern.lower().rstrip("."), name.lower().rstrip(".")
    if pattern.startswith("*."):
        first, _, rest = name.partition(".")
        return bool(first) and rest == pattern[2:] and "." in rest
    return pattern == name


def _unchecked() -> ssl.SSLContext:
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    context.check_hostname = False
    context.verify_mode = ssl.CERT_NONE
    return context


def _handshake(
    address: str, port: int, context: ssl.SSLContext, names: tuple[str, ...], timeout: float
) -> ssl.SSLSocket:
    try:
        return _connected(address, port, context, names, timeout)
    except ssl.SSLError as error:
        said = f"{error.reason} {error}".lower().replace("_", " ")
        if not any(words in said for words in _TOO_OLD):
            raise
    context.minimum_version = ssl.TLSVersion.MINIMUM_SUPPORTED
    context.set_ciphers("DEFAULT:@SECLEVEL=0")
    return _connected(address, port, context, names, timeout)


def _connected(
    address: str, port: int, context: ssl.SSLContext, names: tuple[str, ...], timeout: float
) -> ssl.SSLSocket:
    plain = socket.create_connection((address, port), timeout=timeout)
    try:
        connection = context.wrap_socket(plain, server_hostname=_server_name(names), do_handshake_on_connect=False)
    except BaseException:
        plain.close()
        raise
    try:
        with ended_after(connection, timeout):
            connection.do_handshake()
    except BaseException:
        connection.close()
        raise
    return connection


@contextmanager
def ended_after(connection: socket.socket, seconds: float) -> Iterator[None]:
    """End a connection when its time is over, however many bytes came meanwhile: its own time-out is for each of them.

    Raises:
        TimeoutError: The time is over.
    """
    over = threading.Event()

    def end() -> None:
        over.set()
        with suppress(OSError):
            socket.socket.shutdown(connection, socket.SHUT_RDWR)

    timer = threading.Timer(seconds, end)
    timer.daemon = True
    timer.start()
    try:
        yield
    except (OSError, ValueError):
        if over.is_set():
            raise TimeoutError from None
        raise
    finally:
        timer.cancel()


def _server_name(names: tuple[str, ...]) -> str | None:
    """Return what is said in the handshake: a name rather than an address, which has no place in it."""
    for name in names:
        try:
            ipaddress.ip_address(name)
        except ValueError:
            if name.isascii() and name.replace("-", "").replace(".", "").replace("_", "").isalnum():
                return name
    return None


def _not_trusted(
    address: str, port: int, trust: Trust, names: tuple[str, ...], why: str, timeout: float
) -> RemoteError:
    shown = ""
    try:
        with open_unchecked(address, port, names, timeout) as connection:
            der = connection.getpeercert(binary_form=True) or b""
            shown = f" (SHA-256 {hashlib.sha256(der).hexdigest()})"
    except OSError:
        pass
    where = "the system's authorities" if trust.file is None else str(trust.file)
    return RemoteError(
        f"the node's certificate is not trusted{shown}",
        where=f"{address}:{port}",
        why=f"{why}; asked was {where}",
        next_step="compare the SHA-256 with that of the node's own (`show cert own tomcat` at its prompt), save the "
        "certificate as PEM, and name the file as cacert in CLUSTER.toml",
        code=NOT_TRUSTED,
    )
