"""The door for CTL Clients: what the CTL Provider does for the administrator who sits at one."""

from __future__ import annotations

from collections.abc import Callable
from typing import Final

from mixedmode.cluster.engine.principal import Principal
from mixedmode.cluster.engine.results import OperationResult
from mixedmode.cluster.facade import Cluster
from mixedmode.cluster.model.topology import NodeInfo
from mixedmode.cluster.operations.ctl_upload import CtlAction, InstallCtl, UploadCtl
from mixedmode.control.acts import LOGIN, Act
from mixedmode.control.ctl_description import describe
from mixedmode.control.door import Control
from mixedmode.control.people import LONGEST_NAME
from mixedmode.errors import RemoteError
from mixedmode.pki.signing.signer import SoftwareSigner
from mixedmode.protocols.ctlprovider import Action, Description, Install, Installed, Progress, Restart, failure_of
from mixedmode.services.ctlprovider.ports import Administrator

_ACTIONS: Final = {
    Action.MIXED: CtlAction.MIXED,
    Action.NON_SECURE: CtlAction.NON_SECURE,
    Action.UPDATE: CtlAction.UPDATE,
}


class CtlDesk:
    """Serves the CTL Provider of one node (:class:`mixedmode.services.ctlprovider.ports.CtlDesk`).

    Args:
        cluster: The cluster, as administrators change it.
        node: The node where they ask.
        own: The cluster as that node itself reads it, for its key; by default the same.
    """

    def __init__(self, cluster: Cluster, node: str, own: Cluster | None = None) -> None:
        self._cluster, self._own = cluster, own or cluster
        self._control = Control(cluster)
        self._node = self._own.node(node).name

    def nodes(self) -> tuple[NodeInfo, ...]:
        """Return the nodes, the publisher first."""
        return self._cluster.nodes()

    def signer(self, node: str, unit: str) -> SoftwareSigner:
        """Return the signer of a node's active certificate."""
        return self._own.signer(node, unit)

    def describe(self) -> Description:
        """Return the description of the cluster."""
        return describe(self._cluster)

    def authorize(self, who: Administrator) -> None:
        """Refuse who may not install a CTL file, and have it audited.

        Raises:
            PrivilegeError: He may not.
        """
        self._control.allow(self._actor(who), Act(InstallCtl.title, InstallCtl.privilege))

    def note_login(self, who: Administrator, outcome: str, **details: object) -> None:
        """Write a login into the audit log.

        Raises:
            MixedModeError: It cannot be written now.
        """
        self._control.note(self._actor(who), LOGIN, outcome, service="CTL Provider", **details)

    def install(self, wanted: Install, who: Administrator, told: Callable[[Progress], None]) -> Installed:
        """Make a signed list the cluster's CTL.

        Args:
            wanted: The list, and what the administrator chose.
            who: The administrator.
            told: Told each node's result as it comes.

        Raises:
            MixedModeError: It was refused or failed.
        """
        operation = UploadCtl.of(
            wanted.ctl,
            _ACTIONS[wanted.action],
            phones_cleared=wanted.phones_cleared,
            told=lambda node, reason: told(Progress(node, not reason, _text(reason))),
        )
        nodes = [node.name for node in self._cluster.nodes()]
        return _installed(self._control.run(self._actor(who), operation), nodes)

    def _actor(self, who: Administrator) -> Principal:
        return Principal(who.user[:LONGEST_NAME], who.level, who.source, self._node)


def _text(text: str) -> str:
    """Return a text as a message may hold it."""
    return failure_of(RemoteError(text)).text


def _installed(result: OperationResult, nodes: list[str]) -> Installed:
    return Installed(
        tuple(
            Progress(node, node not in result.undelivered, _text(result.undelivered.get(node, ""))) for node in nodes
        ),
        tuple(map(_text, result.changes)),
        tuple(Restart(node, service) for node, service in result.restart),
        tuple(map(_text, result.warnings)),
    )
