"""What the CTL and ITL authority looks at: the cluster as it is, or as it would be after a change.

Pure and immutable: each method that changes something returns another view, and the cluster stays as it is.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace

from mixedmode.cluster.model.errors import NotFoundError
from mixedmode.cluster.model.topology import NodeInfo, SecurityMode, Service
from mixedmode.cluster.model.versions import Version
from mixedmode.pki.certificates.certificates import Certificate
from mixedmode.pki.certificates.profiles import Purpose


@dataclass(frozen=True, slots=True)
class TrustView:
    """All that the authority looks at.

    Attributes:
        version: The active version.
        nodes: The publisher first.
        own: Active certificates by (node, purpose).
        rollback: "Prepare Cluster for Rollback to pre-8.0".
        mode: The security mode that a CTL announces.
    """

    version: Version
    nodes: tuple[NodeInfo, ...]
    own: Mapping[tuple[str, str], Certificate]
    rollback: bool = False
    mode: SecurityMode = SecurityMode.NON_SECURE

    @property
    def publisher(self) -> NodeInfo:
        """The publisher."""
        return self.nodes[0]

    @property
    def tftp_nodes(self) -> tuple[NodeInfo, ...]:
        """The nodes that serve lists."""
        return tuple(node for node in self.nodes if Service.TFTP in node.services)

    def node(self, name: str) -> NodeInfo:
        """Return a node by its name, in any case.

        Raises:
            NotFoundError: There is none of that name.
        """
        for node in self.nodes:
            if node.name.lower() == name.lower():
                return node
        raise NotFoundError(f"there is no node {name!r}", next_step=f"one of: {', '.join(n.name for n in self.nodes)}")

    def certificate(self, node: str, purpose: Purpose) -> Certificate:
        """Return a node's certificate; the publisher's recovery certificate stands for a node without its own.

        Raises:
            NotFoundError: There is none.
        """
        found = self.own.get((node, purpose.value))
        if found is None and purpose is Purpose.ITLRECOVERY:
            found = self.own.get((self.publisher.name, purpose.value))
        if found is None:
            raise NotFoundError(
                f"node {node} has no {purpose} certificate",
                where=node,
                next_step=f"set cert regen {purpose} on that node",
            )
        return found

    def replacing(self, node: str, purpose: str, certificate: Certificate) -> TrustView:
        """Return the view with one certificate in place of another, or beside the others where there was none."""
        return replace(self, own={**self.own, (node, purpose): certificate})

    def in_mode(self, mode: SecurityMode) -> TrustView:
        """Return the view in a security mode."""
        return replace(self, mode=mode)

    def preparing_rollback(self, wanted: bool = True) -> TrustView:
        """Return the view with "Prepare Cluster for Rollback to pre-8.0" on, or off."""
        return replace(self, rollback=wanted)

    def with_node(self, node: NodeInfo) -> TrustView:
        """Return the view with a node more, or with another one in the place of that of the same name."""
        known = [each.name for each in self.nodes]
        nodes = tuple(node if each.name == node.name else each for each in self.nodes)
        return replace(self, nodes=nodes if node.name in known else (*self.nodes, node))

    def without_node(self, name: str) -> TrustView:
        """Return the view without a node and its certificates."""
        return replace(
            self,
            nodes=tuple(each for each in self.nodes if each.name != name),
            own={key: each for key, each in self.own.items() if key[0] != name},
        )

    def on_version(self, version: Version) -> TrustView:
        """Return the view under another version, with the certificates of this one that the other has too."""
        owned = {node.name: version.own_purposes(publisher=node.is_publisher) for node in self.nodes}
        has = {(name, purpose.value) for name, purposes in owned.items() for purpose in purposes}
        return replace(self, version=version, own={key: each for key, each in self.own.items() if key in has})
