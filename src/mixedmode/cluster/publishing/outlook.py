"""A cluster's lists and certificates as a value, and as they would be after an operation.

Pure and immutable: each method gives the outlook after one thing that operations do. An operation's foresight
(:meth:`.operation.Operation.foresee`) is a function from one outlook to the next, so one can follow another; nothing is
written, and no key leaves its place. Rules:

1. Lists are made by the functions that publish (:mod:`.lists`), with stand-ins for signatures.
2. A certificate whose key would be made by the operation is a stand-in too (:attr:`Outlook.stand_ins`): names, dates
   and kind of key are true, key and serial are not known before.
3. Every node is taken to get its files.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field, replace
from datetime import datetime

from mixedmode.cluster.authority.view import TrustView
from mixedmode.cluster.model.topology import NodeInfo, SecurityMode
from mixedmode.cluster.model.trust_roles import TRUSTED_BY
from mixedmode.cluster.model.versions import Version
from mixedmode.cluster.publishing.lists import foreseen_ctl, foreseen_itl, itl_nodes, itls_at_start, new_itls
from mixedmode.errors import MixedModeError
from mixedmode.pki.certificates.certificates import Certificate
from mixedmode.pki.certificates.profiles import Purpose
from mixedmode.pki.signing.digests import DigestAlgorithm
from mixedmode.trustlist.kinds import CTL_FILE, ITL_FILE

Files = Mapping[tuple[str, str], bytes]
"""CTL and ITL files by (node, name)."""


@dataclass(frozen=True, slots=True)
class Inactive:
    """The other partition: its version and its files."""

    version: Version
    files: Files


@dataclass(frozen=True, slots=True)
class Outlook:
    """The cluster.

    Attributes:
        view: What the authority looks at.
        digest: Under the lists' signatures.
        now: The time (UTC), the date of the lists that are foreseen.
        here: The nodes whose keys are on this host.
        files: What the nodes serve.
        trust: Certificates by trust store.
        absent: Since when a node lacks a certificate that a trust store has, by (store, SHA-256, node), before 11.0.
        hidden: Active certificates of the nodes that only another version has, by (node, purpose).
        former: Certificates that a node had before, by (node, purpose).
        inactive: The other partition, None if it is empty.
        stand_ins: Certificates in the place of those that are yet to be made (rule 2).
    """

    view: TrustView
    digest: DigestAlgorithm
    now: datetime
    here: frozenset[str]
    files: Files
    trust: Mapping[str, frozenset[Certificate]]
    absent: Mapping[tuple[str, str, str], datetime] = field(default_factory=dict)
    hidden: Mapping[tuple[str, str], Certificate] = field(default_factory=dict)
    former: Mapping[tuple[str, str], frozenset[Certificate]] = field(default_factory=dict)
    inactive: Inactive | None = None
    stand_ins: frozenset[Certificate] = frozenset()

    def publishing_ctl(self, mode: SecurityMode, data: bytes | None = None, *, reset: bool = False) -> Outlook:
        """Return the outlook with a new CTL on every node.

        Args:
            mode: The cluster's from now on.
            data: The file; the publisher's own if left out.
            reset: Signed by the second anchor in place of the first.

        Raises:
            VersionError: The version has no tokenless CTL.
        """
        view = self.view.in_mode(mode)
        new = data or foreseen_ctl(view, self.digest, self.now, reset=reset)
        return replace(self, view=view, files={**self.files, **{(each.name, CTL_FILE): new for each in view.nodes}})

    def publishing_itls(self, itls: Mapping[str, bytes]) -> Outlook:
        """Return the outlook with new ITLs, by node."""
        return replace(self, files={**self.files, **{(node, ITL_FILE): data for node, data in itls.items()}})

    def resetting_itl(self, data: bytes | None = None) -> Outlook:
        """Return the outlook with the publisher's ITL, signed by its last anchor or as given, on every TFTP node."""
        publisher = self.view.publisher
        new = data or foreseen_itl(self.view, publisher, self.digest, self.now, reset=True)
        return self.publishing_itls({each.name: new for each in self.view.tftp_nodes})

    def signing_itls(self, nodes: Iterable[NodeInfo] | None = None) -> Outlook:
        """Return the outlook with the ITLs that say something new.

        Args:
            nodes: Whose; of every node whose ITL can be signed here, if left out.
        """
        wanted = itl_nodes(self.view, self.here) if nodes is None else nodes
        present = {node.name: self.files.get((node.name, ITL_FILE)) for node in self.view.nodes}
        return self.publishing_itls(new_itls(self.view, wanted, present, self.digest, self.now))

    def starting_tftp(self, node: str) -> Outlook:
        """Return the outlook after the start of a node's TFTP."""
        return self.signing_itls(itls_at_start(self.view, self.view.node(node), self.here))

    def starting_every_tftp(self) -> Outlook:
        """Return the outlook after every TFTP was restarted, on whichever host the keys are.

        A node whose ITL cannot be made, since it lacks a certificate or the list is too large, keeps the one it has.
        """
        after = replace(self, here=frozenset(node.name for node in self.view.nodes))
        for node in itl_nodes(after.view, after.here):
            try:
                after = after.signing_itls([node])
            except MixedModeError:
                continue
        return after

    def deleting(self, node: str, name: str) -> Outlook:
        """Return the outlook without a file of one node."""
        return replace(self, files={key: data for key, data in self.files.items() if key != (node, name)})

    def taking(self, node: str, purpose: Purpose, certificate: Certificate) -> Outlook:
        """Return the outlook with a certificate that a node takes into use in the place of the one it has."""
        key = (node, purpose.value)
        old = self.view.own.get(key)
        former = self.former.get(key, frozenset()) | ({old} if old is not None else frozenset())
        after = replace(
            self,
            view=self.view.replacing(node, purpose.value, certificate),
            former={**self.former, key: former - {certificate}},
        )
        in_use = {*after.view.own.values(), *after.hidden.values()}
        for store in TRUSTED_BY.get(purpose, ()):
            for each in former - in_use:
                after = after.distrusting(store, each.sha256.hex())
        return after.adding(node, purpose, certificate)

    def adding(self, node: str, purpose: Purpose, certificate: Certificate) -> Outlook:
        """Return the outlook with a node's first certificate for a purpose, in the stores that have such."""
        after = replace(self, view=self.view.replacing(node, purpose.value, certificate))
        for store in TRUSTED_BY.get(purpose, ()):
            after = after.trusting(store, certificate)
        return after

    def standing_in(self, certificate: Certificate) -> Outlook:
        """Return the outlook that knows that a certificate is a stand-in (rule 2)."""
        return replace(self, stand_ins=self.stand_ins | {certificate})

    def trusting(self, store: str, certificate: Certificate) -> Outlook:
        """Return the outlook with a certificate in a trust store of every node."""
        there = self.trust.get(store, frozenset()) | {certificate}
        return replace(self._known_everywhere(store, certificate.sha256.hex()), trust={**self.trust, store: there})

    def distrusting(self, store: str, sha256: str, *, on_node: str | None = None) -> Outlook:
        """Return the outlook without a certificate in a trust store.

        Args:
            store: The trust store.
            sha256: The certificate's, lower hex.
            on_node: The one node that deletes it, before 11.0; gone is what every node has deleted.
        """
        if on_node is not None:
            absent = {**self.absent, (store, sha256, on_node): self.now}
            if not all((store, sha256, node.name) in absent for node in self.view.nodes):
                return replace(self, absent=absent)
        left = frozenset(each for each in self.trust.get(store, frozenset()) if each.sha256.hex() != sha256)
        return replace(self._known_everywhere(store, sha256), trust={**self.trust, store: left})

    def bringing_back(self, before: datetime) -> Outlook:
        """Return the outlook after what nodes deleted before a moment is back."""
        back = {(store, sha256) for (store, sha256, _), since in self.absent.items() if since <= before}
        return replace(self, absent={key: since for key, since in self.absent.items() if key[:2] not in back})

    def joining(self, node: NodeInfo, certificates: Mapping[Purpose, Certificate]) -> Outlook:
        """Return the outlook with a node more, the publisher's CTL on it."""
        after = replace(self, view=self.view.with_node(node))
        for purpose, certificate in certificates.items():
            after = after.adding(node.name, purpose, certificate)
        ctl = self.files.get((self.view.publisher.name, CTL_FILE))
        return after if ctl is None else replace(after, files={**after.files, (node.name, CTL_FILE): ctl})

    def leaving(self, node: str) -> Outlook:
        """Return the outlook without a node, its certificates and its files."""
        after = self
        for (name, unit), certificate in {**self.hidden, **self.view.own}.items():
            for store in TRUSTED_BY.get(Purpose(unit), ()) if name == node else ():
                after = after.distrusting(store, certificate.sha256.hex())
        return replace(
            after,
            view=self.view.without_node(node),
            here=self.here - {node},
            files={key: data for key, data in self.files.items() if key[0] != node},
            absent={key: since for key, since in after.absent.items() if key[2] != node},
            hidden={key: each for key, each in self.hidden.items() if key[0] != node},
            former={key: each for key, each in self.former.items() if key[0] != node},
        )

    def preparing(self, *, rollback: bool | None = None, digest: DigestAlgorithm | None = None) -> Outlook:
        """Return the outlook with a parameter that lists depend on set; ``None`` leaves it."""
        view = self.view if rollback is None else self.view.preparing_rollback(rollback)
        return replace(self, view=view, digest=digest or self.digest)

    def upgrading(self, version: Version) -> Outlook:
        """Return the outlook with a version in the inactive partition, the files carried over."""
        return replace(self, inactive=Inactive(version, self.files))

    def switching(self) -> Outlook:
        """Return the outlook with the partitions exchanged, and what certificates of the other version there are."""
        if self.inactive is None:
            return self
        every = replace(self.view, own={**self.hidden, **self.view.own})
        view = every.on_version(self.inactive.version)
        return replace(
            self,
            view=view,
            hidden={key: each for key, each in every.own.items() if key not in view.own},
            files=self.inactive.files,
            inactive=Inactive(self.view.version, self.files),
        )

    def _known_everywhere(self, store: str, sha256: str) -> Outlook:
        return replace(self, absent={key: since for key, since in self.absent.items() if key[:2] != (store, sha256)})
