"""The small port through which services read the cluster.

They know nothing else of this room but the values that it is made of (:mod:`mixedmode.cluster.model`) and the folder of
their own node (:mod:`mixedmode.cluster.store.folders`); an import contract holds that. What they have done to the
cluster is a port of theirs, which the control or the node fills.
"""

from __future__ import annotations

from typing import Protocol

from mixedmode.cluster.model.lines import LineSpec
from mixedmode.cluster.model.records import Device, ServiceState, StoredCertificate
from mixedmode.cluster.model.topology import NodeInfo, SecurityMode
from mixedmode.cluster.model.versions import Version
from mixedmode.pki.certificates.certificates import Certificate
from mixedmode.pki.signing.signer import SoftwareSigner
from mixedmode.trustlist.roles import Role


class ClusterReader(Protocol):
    """What a service may ask. :class:`.facade.Cluster` answers; a test may put anything in its place."""

    @property
    def mode(self) -> SecurityMode:
        """The cluster's security mode."""

    @property
    def version(self) -> Version:
        """The active version."""

    def nodes(self) -> tuple[NodeInfo, ...]:
        """Return the nodes, the publisher first."""

    def services(self, node: str | None = None) -> tuple[ServiceState, ...]:
        """Return the services of one node or of all."""

    def parameter(self, name: str, *, node: str = "") -> str:
        """Return a parameter's value."""

    def own_certificate(self, node: str, unit: str) -> Certificate:
        """Return a node's active certificate for a purpose."""

    def signer(self, node: str, unit: str) -> SoftwareSigner:
        """Return the signer of a node's active certificate."""

    def trust_certificates(self, store: str) -> list[StoredCertificate]:
        """Return the certificates of a trust store, such as ``CAPF-trust``."""

    def find_certificates(self, issuer: str, serial: str) -> list[StoredCertificate]:
        """Return the active certificates of an issuer (as trust lists write it) and serial (upper hex)."""

    def roles_of(self, stored: list[StoredCertificate]) -> tuple[Role, ...]:
        """Return what certificates found under one key are trusted for, ascending."""

    def device(self, name: str) -> Device | None:
        """Return a device, None if it is not known."""

    def revoked_lscs(self, device: str | None = None) -> frozenset[bytes]:
        """Return the SHA-256 of the LSCs that are revoked: of one device, or of all."""

    def lines_of(self, device: str) -> list[LineSpec]:
        """Return a device's lines by button."""

    def all_lines(self) -> list[LineSpec]:
        """Return all lines by number."""

    def trust_servers(self, device: str) -> list[str]:
        """Return the nodes whose TVS a device may ask, in order."""
