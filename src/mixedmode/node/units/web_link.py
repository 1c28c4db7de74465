"""What a node's socket answers ``mixedmode web``: an address that signs its user in, once."""

from __future__ import annotations

import asyncio
from collections.abc import Mapping
from typing import Any, Protocol

from mixedmode.control.people import user_name
from mixedmode.errors import UsageError
from mixedmode.faces.web.service import WebService
from mixedmode.node.status import Command
from mixedmode.services.net.supervisor import Supervisor


class _Node(Protocol):
    supervisor: Supervisor


def web_commands(nodes: Mapping[str, _Node]) -> dict[str, Command]:
    """Return the answer to ``web``: of a node that is named, else of the first, which is a lab's publisher."""

    async def web(user: int, request: dict[str, Any]) -> dict[str, Any]:
        name = str(request.get("node") or next(iter(nodes)))
        found = next((node for each, node in nodes.items() if each.lower() == name.lower()), None)
        if found is None:
            raise UsageError(f"there is no node {name!r} here", next_step=f"one of: {', '.join(nodes)}")
        service = found.supervisor.service("web")
        if not isinstance(service, WebService):
            raise UsageError("the web server does not run", where=name, next_step="utils service start Cisco Tomcat")
        host, port = service.address
        url = await asyncio.to_thread(service.link, user_name(user))  # which loads what pages are made of
        document = {"node": name, "address": host, "port": port, "url": url}
        return {**document, "certificate_sha256": service.fingerprint}

    return {"web": web}
