"""TVS with keys and lists that are given: what ``mixedmode tvs serve`` runs, in one process or in several."""

from __future__ import annotations

import sys
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from mixedmode.pki.certificates.certificates import Certificate
from mixedmode.pki.certificates.load import parse_private_key, private_key_pem
from mixedmode.pki.signing.signer import SoftwareSigner
from mixedmode.printable import printable
from mixedmode.services.net.server_tls import TlsFloor
from mixedmode.services.tvs.credentials import FixedCredentials
from mixedmode.services.tvs.files import WatchedList
from mixedmode.services.tvs.lookup import TrustLookup
from mixedmode.services.tvs.service import TvsService
from mixedmode.services.tvs.sources import TableSource
from mixedmode.services.tvs.trace import PrintedTrace
from mixedmode.services.workers.workshop import Workshop

if TYPE_CHECKING:
    from mixedmode.services.net.service import Service

Vouched = Sequence[tuple[Certificate, Sequence[int]]]
"""Certificates with the wire codes of their roles."""


class TvsWorkshop(Workshop):
    """Vouches for certificates that are given and for those of trust lists.

    Args:
        signer: The server's key.
        vouched: The certificates.
        lists: The trust lists, followed when they change.
        host: The address to listen on.
        floor: The oldest TLS.
        ttl: Seconds that phones keep an answer.
        trace: Whether to print the trace on standard error.
        shared: Whether several processes share the port.
    """

    def __init__(
        self,
        signer: SoftwareSigner,
        vouched: Vouched,
        lists: Sequence[Path],
        *,
        host: str,
        floor: TlsFloor,
        ttl: int,
        trace: bool,
        shared: bool,
    ) -> None:
        # As bytes, since the objects of the library cannot be sent to another process.
        self._key, self._certificate = private_key_pem(signer.key), signer.certificate.der
        self._vouched = tuple((certificate.der, tuple(roles)) for certificate, roles in vouched)
        self._lists = tuple(lists)
        self._host, self._floor, self._ttl = host, floor, ttl
        self._trace, self._shared = trace, shared

    def open(self) -> None:
        """Do nothing: a service reads its lists when it is started."""

    def service(self, unit: str, port: int) -> Service:
        """Return the service, not started yet."""
        lists = tuple(WatchedList(path) for path in self._lists)
        vouched = [(Certificate.from_der(der), roles) for der, roles in self._vouched]
        given = TableSource("CertificateDBCache", vouched)
        return TvsService(
            TrustLookup((given, *(each.cache for each in lists)), ttl=self._ttl),
            FixedCredentials(self._signer()),
            host=self._host,
            port=port,
            floor=self._floor,
            lists=lists,
            trace=PrintedTrace(_show if self._trace else None),
            reuse_port=self._shared,
        )

    def refresh(self) -> None:
        """Do nothing: lists are followed."""

    def close(self) -> None:
        """Do nothing."""

    def _signer(self) -> SoftwareSigner:
        return SoftwareSigner(Certificate.from_der(self._certificate), parse_private_key(self._key))


def _show(line: str) -> None:
    sys.stderr.write(f"{printable(line)}\n")
    sys.stderr.flush()
