"""The registered phones of nodes in this process: listed, and reset, as the device page of a CUCM does."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from mixedmode.app.node_services import NodeServices
from mixedmode.app.node_status import Command
from mixedmode.protocols.sccp import ResetKind

KINDS = {"reset": ResetKind.RESET, "restart": ResetKind.RESTART, "apply": ResetKind.APPLY_CONFIG}


def phone_commands(nodes: Mapping[str, NodeServices]) -> dict[str, Command]:
    """Return what a status socket answers about phones: ``phones`` and ``reset``."""

    def phones(_request: dict[str, Any]) -> dict[str, Any]:
        return {
            "phones": [
                {"node": name, **phone.document()}
                for name, node in nodes.items()
                if node.callmanager is not None
                for phone in node.callmanager.phones()
            ]
        }

    def reset(request: dict[str, Any]) -> dict[str, Any]:
        kind = KINDS.get(str(request.get("kind")))
        wanted = request.get("devices")
        if kind is None:
            return {"error": f"{request.get('kind')!r} is no kind of reset"}
        told: list[str] = []
        for node in nodes.values():
            manager = node.callmanager
            if manager is None:
                continue
            here = [phone.name for phone in manager.phones()]
            chosen = here if wanted is None else [name for name in here if name in wanted]
            told += [name for name in chosen if manager.reset_device(name, kind)]
        return {"told": told}

    return {"phones": phones, "reset": reset}
