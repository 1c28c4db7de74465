"""Which node a page of Serviceability is about."""

from __future__ import annotations

from collections.abc import Sequence

from mixedmode.cluster.model.errors import NotFoundError
from mixedmode.cluster.model.topology import NodeInfo
from mixedmode.faces.web.kit.asking import Ask


def chosen_node(ask: Ask, nodes: Sequence[NodeInfo]) -> NodeInfo:
    """Return the node that the address names; the one that answers, if it names none.

    Raises:
        NotFoundError: There is none of that name.
    """
    wanted = ask.query.get("node") or ask.desk.node
    for each in nodes:
        if each.name.lower() == wanted.lower():
            return each
    if "node" in ask.query:
        raise NotFoundError(f"there is no node {wanted[:80]!r}", next_step="choose one from the list")
    return nodes[0]
