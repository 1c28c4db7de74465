"""What operations make of a simulated cluster; each change gives the product's operation that does the same.

The operation's foresight is what the forecast is given.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace
from typing import Final

from mixedmode.cluster.authority.authority import DIGESTS
from mixedmode.cluster.engine.operation import Operation
from mixedmode.cluster.model.topology import SecurityMode
from mixedmode.cluster.model.versions import Version
from mixedmode.cluster.operations.ctl import ResetCtl, SetMixedMode, SetNonSecureMode, UpdateCtl
from mixedmode.cluster.operations.ctl_upload import CtlAction, UploadCtl
from mixedmode.cluster.operations.files import DeleteFile
from mixedmode.cluster.operations.identity.certificates import DeleteTrust, ImportTrust, RegenerateCertificate
from mixedmode.cluster.operations.itl import ResetItl
from mixedmode.cluster.operations.nodes import JoinNode, RemoveNode
from mixedmode.cluster.operations.parameters import SetParameter
from mixedmode.cluster.operations.versions import SwitchVersion, Upgrade
from mixedmode.cluster.publishing import lists
from mixedmode.pki.certificates.profiles import Purpose
from mixedmode.trustlist.kinds import CTL_FILE
from tests.simulation.world import keys
from tests.simulation.world.site import Site, node_of

VERSIONS: Final = (
    "8.6.2.10000-30",
    "9.1.2.10000-28",
    "10.0.1.10000-24",
    "10.5.1.10000-7",
    "10.5.2.13900-12",
    "11.5.1.10000-6",
    "12.0.1.10000-10",
    "12.5.1.11900-146",
    "14.0.1.10000-20",
    "15.0.1.10000-32",
)
_MOST_NODES: Final = 4


@dataclass(frozen=True, slots=True)
class Change:
    """What an operation does to a cluster.

    Attributes:
        after: The cluster after it.
        operation: The product's operation that does the same, None if it only restarts services.
        more: Operations that do it on other nodes.
    """

    after: Site
    operation: Operation | None
    more: tuple[Operation, ...] = ()


def _regenerate(site: Site, node: str, unit: str) -> Change:
    info = site.view.nodes[int(node) % len(site.view.nodes)]
    purpose = Purpose(unit)
    if not site.has(info.name, purpose):
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
    first, *others = (DeleteFile(node=node.name, name=CTL_FILE) for node in site.view.nodes)
    return Change(replace(site, outlook=outlook), first, tuple(others))


def newer(version: Version, releases: int) -> Version:
    """Return the version that came so many releases later, the last one at most."""
    later = [found for each in VERSIONS if (found := Version.parse(each)) > version]
    return later[:releases][-1] if later[:releases] else version


def _upgrade(site: Site, releases: str) -> Change | None:
    """Install a version so many releases on, the last one at most."""
    wanted = newer(site.view.version, int(releases))
    return None if wanted == site.view.version else Change(site.upgraded(wanted), Upgrade(str(wanted)))


def _switch(site: Site) -> Change:
    return Change(site.switched(), SwitchVersion())


def _join(site: Site) -> Change | None:
    """Take in the first node that is not there: a new one, or one that had left and was installed again."""
    known = {each.name for each in site.view.nodes}
    node = next(each for number in range(1, _MOST_NODES + 1) if (each := node_of(site.name, number)).name not in known)
    if len(known) == _MOST_NODES:
        return None
    after = site.joined(node)
    # What no phone meets is told by another certificate: an operation wants one for every purpose.
    shown = after.own(node.name, Purpose.CALLMANAGER)
    every = dict.fromkeys(site.view.version.own_purposes(publisher=False), shown)
    every |= {each: after.own(node.name, each) for each in every if after.has(node.name, each)}
    pems = {each.value: certificate.pem().decode() for each, certificate in every.items()}
    return Change(after, JoinNode(node.name, node.address, pems))


def _leave(site: Site, number: str) -> Change | None:
    """Remove a node by its place; the publisher stays."""
    subscribers = site.view.nodes[1:]
    if not subscribers:
        return None
    node = subscribers[(int(number) - 1) % len(subscribers)].name
    return Change(site.left(node), RemoveNode(node))


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
        "upgrade": (True, _upgrade),
        "switch": (site.outlook.inactive is not None, _switch),
        "join": (True, _join),
        "leave": (True, _leave),
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
