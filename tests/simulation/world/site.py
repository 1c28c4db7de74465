"""A cluster of the simulation: what operations make of it, with real signatures, and what they are foreseen to make.

Rules:

1. The lists are made by the functions that publish (:mod:`mixedmode.cluster.publishing.lists`), signed by real keys.
2. Each change gives the operation that does the same in the product; its foresight is what the forecast is given.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, replace
from datetime import timedelta
from typing import Final

from mixedmode.cluster.authority.authority import DIGESTS, KeyName
from mixedmode.cluster.authority.token_ctl import server_records
from mixedmode.cluster.authority.view import TrustView
from mixedmode.cluster.engine.operation import Operation
from mixedmode.cluster.model.topology import (
    PUBLISHER_SERVICES,
    SUBSCRIBER_SERVICES,
    NodeInfo,
    NodeRole,
    SecurityMode,
)
from mixedmode.cluster.model.versions import Version
from mixedmode.cluster.operations.ctl import ResetCtl, SetMixedMode, SetNonSecureMode, UpdateCtl
from mixedmode.cluster.operations.ctl_upload import CtlAction, UploadCtl
from mixedmode.cluster.operations.files import DeleteFile
from mixedmode.cluster.operations.identity.certificates import DeleteTrust, ImportTrust, RegenerateCertificate
from mixedmode.cluster.operations.itl import ResetItl
from mixedmode.cluster.operations.parameters import SetParameter
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
        infos = tuple(
            NodeInfo(
                f"{name.lower()}-{'pub' if number == 0 else f'sub{number}'}",
                NodeRole.SUBSCRIBER if number else NodeRole.PUBLISHER,
                f"10.{ord(name[0]) % 200}.0.{number + 1}",
                frozenset(SUBSCRIBER_SERVICES if number else PUBLISHER_SERVICES),
            )
            for number in range(nodes)
        )
        generations: dict[tuple[str, Purpose], int] = {
            (info.name, purpose): 0
            for info in infos
            for purpose in version.own_purposes(publisher=info.is_publisher)
            if purpose in _IN_USE
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

    def regenerated(self, node: str, purpose: Purpose) -> Site:
        """Return the cluster with a new key and certificate, and the ITLs that follow from it."""
        generation = self.generations[node, purpose] + 1
        made = keys.own(self.name, node, purpose, generation, self.view.version).certificate
        changed = replace(self, generations={**self.generations, (node, purpose): generation})
        return replace(changed, outlook=self.outlook.taking(node, purpose, made)).signed()

    def list_again(self, name: str, by: Certificate) -> bytes | None:
        """Return the publisher's list signed again by one of its anchors, None if it cannot be."""
        view, outlook = self.view, self.outlook
        signer = keys.remembering(by)
        if name == CTL_FILE:
            present = outlook.files.get((self.publisher, CTL_FILE))
            if lists.is_token_signed(present):
                return self.token_ctl(view.mode, 1) if by == keys.token(1).certificate else None
            return lists.ctl(view, signer, outlook.digest, outlook.now)
        return lists.itl(view, view.publisher, signer, outlook.digest, outlook.now)

    def _signer(self, name: KeyName) -> keys.Remembering:
        return keys.remembering(self.view.certificate(*name))


@dataclass(frozen=True, slots=True)
class Change:
    """What an operation does to a cluster.

    Attributes:
        after: The cluster after it.
        operation: The product's operation that does the same, None if it only restarts services.
    """

    after: Site
    operation: Operation | None


def _regenerate(site: Site, node: str, unit: str) -> Change:
    info = site.view.nodes[int(node) % len(site.view.nodes)]
    purpose = Purpose(unit)
    if (info.name, purpose) not in site.generations:
        info = site.view.publisher
    return Change(site.regenerated(info.name, purpose), RegenerateCertificate(node=info.name, unit=unit))


def _tokenless(operation: Operation, mode: SecurityMode | None, *, reset: bool = False) -> Callable[..., Change]:
    def change(site: Site) -> Change:
        return Change(site.with_ctl(site.view.mode if mode is None else mode, reset=reset), operation)

    return change


def _by_token(site: Site, action: str, first: str) -> Change:
    chosen = CtlAction(action)
    modes = {CtlAction.MIXED: SecurityMode.MIXED, CtlAction.NON_SECURE: SecurityMode.NON_SECURE}
    mode = modes.get(chosen, site.view.mode)
    data = site.token_ctl(mode, int(first))
    after = replace(site, outlook=site.outlook.publishing_ctl(mode, data))
    return Change(after, replace(UploadCtl.of(data, chosen), mode=mode))


def _reset_itl(site: Site) -> Change:
    view, outlook = site.view, site.outlook
    signer = keys.remembering(view.certificate(*lists.itl_signer(view, site.publisher, reset=True)))
    data = lists.itl(view, view.publisher, signer, outlook.digest, outlook.now)
    return Change(replace(site, outlook=outlook.resetting_itl(data)), ResetItl())


def _rollback(site: Site, wanted: str) -> Change:
    on = wanted == "on"
    after = replace(site, outlook=site.outlook.preparing(rollback=on)).signed()
    return Change(after, SetParameter("PrepareClusterForRollbackToPre80", str(on)))


def _trust(site: Site, store: str, foreign: Site, unit: str) -> Change:
    certificate = foreign.own(foreign.publisher, Purpose(unit))
    after = replace(site, outlook=site.outlook.trusting(store, certificate))
    return Change(after, ImportTrust(unit=store, pem=certificate.pem().decode()))


def _distrust(site: Site, store: str, foreign: Site, unit: str) -> Change | None:
    """Delete what TVS vouches with: the other cluster's certificate, or what the publisher's CallManager was before."""
    theirs = [] if unit == "former" else [foreign.own(foreign.publisher, Purpose(unit))]
    former = site.outlook.former.get((site.publisher, Purpose.CALLMANAGER.value), frozenset())
    there = site.outlook.trust.get(store, frozenset())
    chosen = sorted((each for each in (theirs or former) if each in there), key=lambda each: each.der)
    if not chosen:
        return None
    sha256 = chosen[0].sha256.hex()
    return Change(
        replace(site, outlook=site.outlook.distrusting(store, sha256)), DeleteTrust(unit=store, sha256=sha256)
    )


def _digest(site: Site, wanted: str) -> Change:
    after = replace(site, outlook=site.outlook.preparing(digest=DIGESTS[wanted]))
    return Change(after, SetParameter("TFTPFileSignatureAlgorithm", wanted))


def _delete_ctl(site: Site) -> Change:
    outlook = site.outlook
    for node in site.view.nodes:
        outlook = outlook.deleting(node.name, CTL_FILE)
    return Change(replace(site, outlook=outlook), DeleteFile(node=site.publisher, name=CTL_FILE))


def changed(site: Site, other: Site, words: tuple[str, ...]) -> Change | None:
    """Return what an operation does, None if the cluster would refuse it.

    Args:
        site: The cluster.
        other: The one that its phones may move to.
        words: The operation's name, then what it needs.
    """
    name, *rest = words
    version = site.view.version
    mixed = site.view.mode is SecurityMode.MIXED
    tokenless = version.has_tokenless_ctl
    has_ctl = (site.publisher, CTL_FILE) in site.outlook.files
    tokens = version.accepts_tokens
    possible: dict[str, tuple[bool, Callable[..., Change | None]]] = {
        "regenerate": (rest[:1] == [] or rest[-1] != "ITLRecovery" or version.has_itl_recovery, _regenerate),
        "mixed": (tokenless and not mixed, _tokenless(SetMixedMode(), SecurityMode.MIXED)),
        "non-secure": (tokenless and mixed, _tokenless(SetNonSecureMode(), SecurityMode.NON_SECURE)),
        "update-ctl": (tokenless and mixed, _tokenless(UpdateCtl(), None)),
        "reset-ctl": (
            tokenless and mixed and len(version.ctl_anchors) > 1,
            _tokenless(ResetCtl(), None, reset=True),
        ),
        "token": (tokens and (mixed or rest[:1] == ["mixed"]), _by_token),
        "reset-itl": (version.has_itl_recovery, _reset_itl),
        "rollback": (True, _rollback),
        "trust": (True, lambda site, store, unit: _trust(site, store, other, unit)),
        "distrust": (True, lambda site, store, unit: _distrust(site, store, other, unit)),
        "digest": (True, _digest),
        "delete-ctl": (has_ctl and not mixed, _delete_ctl),
        "nothing": (True, lambda site: Change(site.signed(), None)),
    }
    fits, change = possible[name]
    if not fits:
        return None
    made: Change | None = change(site, *rest)
    if made is None:
        return None
    # TFTP is restarted after each operation; that would undo a reset of the ITL, so phones start first.
    return made if name == "reset-itl" else replace(made, after=made.after.signed())
