"""What must hold before the cluster goes into mixed mode (cucm-admin.md 5). Each refusal says what to do."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor

from mixedmode.cluster.model.errors import NodesUnreachableError, ReplicationError, ServicesNotActivatedError
from mixedmode.cluster.model.licences import check_licence
from mixedmode.cluster.model.parameters import AUTO_REGISTRATION
from mixedmode.cluster.model.topology import Service
from mixedmode.cluster.publishing.distribution import PARALLEL
from mixedmode.cluster.replication.replication import ReplicationState
from mixedmode.cluster.store.state import ClusterState

NEEDED_ON_PUBLISHER = (Service.CAPF, Service.CTL_PROVIDER)
AUTO_REGISTRATION_WARNING = "Auto-registration is enabled on at least one CM node."


def check_ready_for_mixed_mode(state: ClusterState) -> None:
    """Check licence, services, nodes and replication, in this order.

    Raises:
        LicenceRefusedError: The version's licence is not granted.
        ServicesNotActivatedError: CAPF or CTL Provider is not activated on the publisher.
        NodesUnreachableError: A node does not take files.
        ReplicationError: A node does not hold the publisher's data.
    """
    check_licence(state.version, state.licences)
    publisher = state.publisher
    missing = [service.value for service in NEEDED_ON_PUBLISHER if service not in publisher.services]
    if missing:
        raise ServicesNotActivatedError(
            f"not activated on the publisher: {', '.join(missing)}",
            where=publisher.name,
            next_step="activate it under Serviceability > Service Activation, then try again",
        )
    unreachable = unreachable_nodes(state)
    if unreachable:
        raise NodesUnreachableError(
            f"nodes that take no files: {', '.join(unreachable)}",
            why="; ".join(f"{name}: {reason}" for name, reason in unreachable.items()),
            next_step="start these nodes or repair their network, then try again",
        )
    behind = bad_replication(state)
    if behind:
        raise ReplicationError(
            f"replication is not good on: {', '.join(behind)}",
            why="; ".join(f"{name}: {found.text if found else 'no answer'}" for name, found in behind.items()),
            next_step="look at utils dbreplication runtimestate; every node must show (2) Setup Completed",
        )


def unreachable_nodes(state: ClusterState) -> dict[str, str]:
    """Return by name why a node takes no files now, asking all at once."""
    nodes = state.nodes()
    with ThreadPoolExecutor(min(PARALLEL, len(nodes)), thread_name_prefix="reach") as pool:
        answers = pool.map(state.deliveries.distributor.reachable, nodes)
        return {node.name: reason for node, reason in zip(nodes, answers, strict=True) if reason}


def bad_replication(state: ClusterState) -> dict[str, ReplicationState | None]:
    """Return the state of each node whose replication is not good; None for one that did not answer."""
    names = [node.name for node in state.nodes()]
    states = state.replication.states(names)
    found = {name: states.get(name) for name in names}
    return {name: answer for name, answer in found.items() if answer is not ReplicationState.GOOD}


def auto_registration_warning(state: ClusterState) -> list[str]:
    """Return the warning about auto-registration, if a node has it enabled."""
    enabled = any(
        state.parameter(AUTO_REGISTRATION.name, node=node.name) == "True"
        for node in state.nodes()
        if Service.CALLMANAGER in node.services
    )
    return [AUTO_REGISTRATION_WARNING] if enabled else []
