"""The registered phones of nodes in this process: listed, shown, and reset, as the device page of a CUCM does."""

from __future__ import annotations

from collections.abc import Collection, Iterator, Mapping
from typing import TYPE_CHECKING, Any

from mixedmode.control.acts import RESET_PHONES, Act
from mixedmode.control.phones import PhoneControl, Work
from mixedmode.errors import UsageError
from mixedmode.node.status import Command
from mixedmode.protocols.sccp import ResetKind

if TYPE_CHECKING:
    from mixedmode.node.services import NodeServices

KINDS = {"reset": ResetKind.RESET, "restart": ResetKind.RESTART, "apply": ResetKind.APPLY_CONFIG}


def phone_commands(nodes: Mapping[str, NodeServices], control: PhoneControl) -> dict[str, Command]:
    """Return what a node's socket answers about phones: ``phones``, ``calls`` and ``reset``."""

    def phones(_user: int, _request: dict[str, Any]) -> dict[str, Any]:
        return {"phones": list(registered(nodes)), "lab": False}

    def calls(_user: int, _request: dict[str, Any]) -> dict[str, Any]:
        return {"calls": call_records(nodes)}

    return {"phones": phones, "calls": calls, "reset": by_hand(control, RESET_PHONES, resetting(nodes))}


def resetting(nodes: Mapping[str, NodeServices]) -> Work:
    """Return what resets the registered phones of nodes."""

    async def reset(request: dict[str, Any]) -> dict[str, Any]:
        await follow(nodes)
        return {"told": tell(nodes, wanted(request), str(request.get("kind"))), "restarted": []}

    return reset


async def follow(nodes: Mapping[str, NodeServices]) -> None:
    """Have nodes serve what was changed until now: a phone that is told to reset asks for it at once."""
    for node in nodes.values():
        await node.follow()


def by_hand(control: PhoneControl, act: Act, work: Work) -> Command:
    """Return a command that passes the door to the phones."""
    return lambda user, request: control.do(user, act, work, request)


def wanted(request: Mapping[str, Any]) -> set[str] | None:
    """Return the phones that a question names, in upper case; None means every one."""
    names = request.get("devices")
    return {str(name).upper() for name in names} if isinstance(names, list) else None


def registered(nodes: Mapping[str, NodeServices]) -> Iterator[dict[str, Any]]:
    """Yield the registered phones."""
    for name, node in nodes.items():
        if node.callmanager is not None:
            for phone in node.callmanager.phones():
                yield {"node": name, **phone.document()}


def call_records(nodes: Mapping[str, NodeServices]) -> list[dict[str, Any]]:
    """Return the records of the last calls that nodes switched, the oldest first."""
    found = [
        {"node": name, **record}
        for name, node in nodes.items()
        if node.callmanager is not None
        for record in node.callmanager.calls.documents()
    ]
    return sorted(found, key=lambda record: str(record["ended"]))


def tell(nodes: Mapping[str, NodeServices], names: Collection[str] | None, kind: str) -> list[str]:
    """Tell registered phones to reset; return which were told.

    Args:
        nodes: Whose phones.
        names: In upper case; None means every one.
        kind: One of :data:`KINDS`.

    Raises:
        UsageError: It is none.
    """
    if kind not in KINDS:
        raise UsageError(f"{kind!r} is no kind of reset", next_step=f"one of: {', '.join(KINDS)}")
    told: list[str] = []
    for node in nodes.values():
        manager = node.callmanager
        if manager is None:
            continue
        here = [phone.name for phone in manager.phones() if names is None or phone.name.upper() in names]
        told += [name for name in here if manager.reset_device(name, KINDS[kind])]
    return told
