"""A cluster of the simulation, its lists made by the functions that publish, signed by real keys."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import timedelta
from typing import Final

from mixedmode.cluster.authority.authority import KeyName
from mixedmode.cluster.authority.token_ctl import server_records
from mixedmode.cluster.authority.view import TrustView
from mixedmode.cluster.model.topology import (
    PUBLISHER_SERVICES,
    SUBSCRIBER_SERVICES,
    NodeInfo,
    NodeRole,
    SecurityMode,
)
from mixedmode.cluster.model.versions import Version
from mixedmode.cluster.publishing import lists
from mixedmode.cluster.publishing.outlook import Outlook
from mixedmode.pki.certificates.certificates import Certificate
from mixedmode.pki.certificates.profiles import Purpose
from mixedmode.pki.signing.digests import DigestAlgorithm
from mixedmode.trustlist.build import RecordSpec, build_trust_list
from mixedmode.trustlist.kinds import CTL_FILE, ITL_FILE
from mixedmode.trustlist.roles import Layout, Role
from tests.simulation.world import keys

PHONE_SAST: Final = "Phone-SAST-trust"
CALLMANAGER_TRUST: Final = "CallManager-trust"
_IN_USE: Final = (Purpose.CALLMANAGER, Purpose.TVS, Purpose.CAPF, Purpose.ITLRECOVERY)


def _purposes(version: Version, node: NodeInfo) -> list[Purpose]:
    """Return the certificates that a node has under a version, those alone that phones may meet."""
    return [each for each in version.own_purposes(publisher=node.is_publisher) if each in _IN_USE]


def node_of(cluster: str, number: int) -> NodeInfo:
    """Return a node of a cluster, the publisher for 0."""
    return NodeInfo(
        f"{cluster.lower()}-{f'sub{number}' if number else 'pub'}",
        NodeRole.SUBSCRIBER if number else NodeRole.PUBLISHER,
        f"10.{ord(cluster[0]) % 200}.0.{number + 1}",
        frozenset(SUBSCRIBER_SERVICES if number else PUBLISHER_SERVICES),
    )


@dataclass(frozen=True)
class Site:
    """A cluster at a moment.

    Attributes:
        name: One letter.
        outlook: The cluster, its files signed by real keys.
        generations: How often each own certificate was made.
    """

    name: str
    outlook: Outlook
    generations: Mapping[tuple[str, Purpose], int] = field(default_factory=dict)

    @classmethod
    def founded(cls, name: str, version: Version, nodes: int, digest: DigestAlgorithm) -> Site:
        """Return a new cluster in non-secure mode, with its ITLs."""
        infos = tuple(node_of(name, number) for number in range(nodes))
        generations: dict[tuple[str, Purpose], int] = {
            (info.name, purpose): 0 for info in infos for purpose in _purposes(version, info)
        }
        own = {key: keys.own(name, *key, 0, version).certificate for key in generations}
        view = TrustView(version, infos, {(node, purpose.value): each for (node, purpose), each in own.items()})
        outlook = Outlook(view, digest, keys.BEGIN, frozenset(info.name for info in infos), {}, {})
        for (node, purpose), certificate in own.items():
            outlook = outlook.adding(node, purpose, certificate)
        return cls(name, outlook, generations).signed()

    @property
    def view(self) -> TrustView:
        """What the authority looks at."""
        return self.outlook.view

    @property
    def publisher(self) -> str:
        """The publisher's name."""
        return self.view.publisher.name

    def own(self, node: str, purpose: Purpose) -> Certificate:
        """Return the certificate that a node uses."""
        return self.view.certificate(node, purpose)

    def later(self, days: float) -> Site:
        """Return the cluster some days later."""
        return replace(self, outlook=replace(self.outlook, now=self.outlook.now + timedelta(days=days)))

    def signed(self) -> Site:
        """Return the cluster with an ITL on each node that says what there is now."""
        outlook, made = self.outlook, {}
        for node in self.view.tftp_nodes:
            signer = self._signer(lists.itl_signer(self.view, node.name))
            new = lists.itl(self.view, node, signer, outlook.digest, outlook.now)
            if not lists.same_content(outlook.files.get((node.name, ITL_FILE)), new):
                made[node.name] = new
        return replace(self, outlook=outlook.publishing_itls(made))

    def with_ctl(self, mode: SecurityMode, *, reset: bool = False) -> Site:
        """Return the cluster with a new tokenless CTL on each node."""
        view = self.view.in_mode(mode)
        signer = self._signer(lists.ctl_signer(view, reset=reset))
        data = lists.ctl(view, signer, self.outlook.digest, self.outlook.now)
        return replace(self, outlook=self.outlook.publishing_ctl(mode, data))

    def token_ctl(self, mode: SecurityMode, first: int) -> bytes:
        """Return a CTL that the CTL Client signs with a token; another one stands in it."""
        tokens = [keys.token(first), keys.token(1 - first)]
        records = [RecordSpec(Role.SAST, token.certificate) for token in tokens]
        return build_trust_list(
            [*records, *server_records(self.view, mode)],
            keys.remembering(tokens[0].certificate),
            timestamp=int(self.outlook.now.timestamp()),
            digest=self.outlook.digest,
            filename=CTL_FILE,
            layout=Layout.CTLCLIENT,
        )

    def has(self, node: str, purpose: Purpose) -> bool:
        """Return whether a node has a certificate of its own for a purpose."""
        return (node, purpose.value) in self.view.own

    def regenerated(self, node: str, purpose: Purpose) -> Site:
        """Return the cluster with a new key and certificate, and the ITLs that follow from it."""
        after, (made,) = self._making(node, (purpose,))
        return replace(after, outlook=self.outlook.taking(node, purpose, made)).signed()

    def upgraded(self, version: Version) -> Site:
        """Return the cluster with a version in the inactive partition."""
        return replace(self, outlook=self.outlook.upgrading(version))

    def switched(self) -> Site:
        """Return the cluster with the other version, and the certificates that this one has and nodes did not have."""
        after = replace(self, outlook=self.outlook.switching())
        for node in after.view.nodes:
            owned = after.view.version.own_purposes(publisher=node.is_publisher)
            after = after._adding(
                node.name, [each for each in owned if each in _IN_USE and not after.has(node.name, each)]
            )
        return after

    def joined(self, node: NodeInfo) -> Site:
        """Return the cluster with a node more, which has the publisher's CTL and no ITL yet."""
        after = replace(self, outlook=self.outlook.joining(node, {}))
        return after._adding(
            node.name, [each for each in self.view.version.own_purposes(publisher=False) if each in _IN_USE]
        )

    def left(self, node: str) -> Site:
        """Return the cluster without a node."""
        return replace(self, outlook=self.outlook.leaving(node))

    def _adding(self, node: str, purposes: Sequence[Purpose]) -> Site:
        after, made = self._making(node, purposes)
        outlook = after.outlook
        for purpose, certificate in zip(purposes, made, strict=True):
            outlook = outlook.adding(node, purpose, certificate)
        return replace(after, outlook=outlook)

    def _making(self, node: str, purposes: Sequence[Purpose]) -> tuple[Site, list[Certificate]]:
        """Return the cluster that knows how often a node's certificates were made, and new ones."""
        now = {(node, each): self.generations.get((node, each), -1) + 1 for each in purposes}
        made = [keys.own(self.name, *key, number, self.view.version).certificate for key, number in now.items()]
        return replace(self, generations={**self.generations, **now}), made

    def _signer(self, name: KeyName) -> keys.Remembering:
        return keys.remembering(self.view.certificate(*name))
