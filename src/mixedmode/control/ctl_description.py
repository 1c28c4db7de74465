"""What the CTL Provider tells of the cluster: nodes, certificates in the order of the CTL, the present CTL, the clock.

Reads the database and a file; run it in a thread.
"""

from __future__ import annotations

from mixedmode.cluster.authority.authority import call_role
from mixedmode.cluster.authority.token_ctl import server_anchors
from mixedmode.cluster.authority.view import TrustView
from mixedmode.cluster.model.topology import NodeInfo
from mixedmode.cluster.operations.ctl_signers import history
from mixedmode.cluster.publishing.published import digest
from mixedmode.cluster.store.state import ClusterState
from mixedmode.pki.certificates.profiles import Purpose
from mixedmode.protocols.ctlprovider import Description, Mode, NodeCertificate, NodeDescription
from mixedmode.trustlist.kinds import CTL_FILE
from mixedmode.trustlist.roles import Role


def describe(state: ClusterState) -> Description:
    """Return the description of a cluster.

    Raises:
        NotFoundError: A node lacks a certificate that the CTL needs.
        DatabaseError: The database does not answer.
    """
    view, now = state.view(), int(state.now().timestamp())
    ctl = state.folder(view.publisher.name).read(CTL_FILE)
    return described(view, Mode(state.mode.value), now, history(state).newest, int(digest(state)), ctl)


def described(view: TrustView, mode: Mode, clock: int, newest: int, digest_code: int, ctl: bytes | None) -> Description:
    """Return the description of a view, also of one that is not real yet.

    Args:
        view: The cluster.
        mode: Its mode.
        clock: Seconds since 1970.
        newest: The date of the newest CTL.
        digest_code: Of its lists' signatures.
        ctl: The publisher's CTL file.

    Raises:
        NotFoundError: A node lacks a certificate that the CTL needs.
    """
    return Description(
        version=str(view.version),
        mode=mode,
        clock=clock,
        newest=newest,
        digest=digest_code,
        takes_tokens=view.version.accepts_tokens,
        ctl=ctl,
        nodes=tuple(
            NodeDescription(
                node.name,
                node.address,
                node.is_publisher,
                tuple(sorted(service.value for service in node.services)),
                tuple(_certificates(view, node)),
            )
            for node in view.nodes
        ),
    )


def _certificates(view: TrustView, node: NodeInfo) -> list[NodeCertificate]:
    found = []
    role = call_role(node)
    if role is not None:
        found.append(NodeCertificate(role.value, view.certificate(node.name, Purpose.CALLMANAGER).der))
    if node.is_publisher:
        found.append(NodeCertificate(Role.CAPF.value, view.certificate(node.name, Purpose.CAPF).der))
        anchors = server_anchors(view) if view.version.accepts_tokens else []
        found += [NodeCertificate(Role.SAST.value, anchor.der) for anchor in anchors]
    return found
