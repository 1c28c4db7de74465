"""The keys of a TVS server: given once, or a node's own, which may be regenerated while it runs."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Protocol

from mixedmode.cluster.reader import ClusterReader
from mixedmode.pki.certificates.profiles import Purpose
from mixedmode.pki.signing.signer import SoftwareSigner


class Credentials(Protocol):
    """The keys of a server, which may be replaced while it runs."""

    def mark(self) -> bytes:
        """Return something that changes when the certificates do; may block."""

    def signers(self) -> Sequence[SoftwareSigner]:
        """Return the keys with their certificates, one of each kind of key; may block."""


class FixedCredentials:
    """Keys that stay.

    Args:
        signers: One of each kind of key.
    """

    def __init__(self, *signers: SoftwareSigner) -> None:
        self._signers = signers

    def mark(self) -> bytes:
        """Return the certificates."""
        return b"".join(each.certificate.der for each in self._signers)

    def signers(self) -> Sequence[SoftwareSigner]:
        """Return the keys."""
        return self._signers


class NodeCredentials:
    """A node's TVS key.

    Args:
        reader: The cluster.
        node: The node.
    """

    def __init__(self, reader: ClusterReader, node: str) -> None:
        self._reader, self._node = reader, node

    def mark(self) -> bytes:
        """Return the active certificate."""
        return self._reader.own_certificate(self._node, Purpose.TVS.value).der

    def signers(self) -> Sequence[SoftwareSigner]:
        """Return the active key."""
        return (self._reader.signer(self._node, Purpose.TVS.value),)
