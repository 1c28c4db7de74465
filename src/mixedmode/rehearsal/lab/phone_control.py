"""What the socket of a running lab answers about its phones: they are at hand, so they can be seen and healed.

Rules:

1. A list is deleted as a person deletes it on the phone's menu; then the phone has to be reset, as the seed says.
2. A registered phone is reset by its CallManager. Any other is switched off and on, as a person would do it.
3. "Update" of the LSC is chosen, and digits typed, as on the phone's menu.
4. A registered phone calls as if somebody lifted its handset; the answer comes when it has hung up.
5. An answer comes when the phones have started again, so that the next question sees what became of it.
"""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import Awaitable, Callable, Mapping
from typing import Any

from mixedmode.control.acts import CALL, DELETE_LISTS, RESET_PHONES, UPDATE_LSC
from mixedmode.control.phones import PhoneControl, Work
from mixedmode.errors import UsageError
from mixedmode.node.phone_control import by_hand, follow, phone_commands, tell, wanted
from mixedmode.node.services import NodeServices
from mixedmode.node.status import Command
from mixedmode.phone.body.client import Server
from mixedmode.phone.body.registration_status import RegistrationState
from mixedmode.phone.mind.trust.decisions import ListKind
from mixedmode.rehearsal.lab.handsets import MOST_TALK
from mixedmode.rehearsal.lab.phones import LabPhone, LabPhones

_BOOT_SECONDS = 20.0
_REGISTER_SECONDS = 3.0
_REGISTERED = RegistrationState.REGISTERED


def lab_phone_commands(
    nodes: Mapping[str, NodeServices], phones: LabPhones, server: Callable[[], Server], control: PhoneControl
) -> dict[str, Command]:
    """Return what a lab's socket answers about phones.

    Args:
        nodes: Of the lab.
        phones: Of the lab.
        server: Where the phones fetch their files now.
        control: The door to them.
    """

    def chosen(request: Mapping[str, Any]) -> tuple[list[LabPhone], list[str]]:
        names = wanted(request)
        found = [phones.find(name) for name in (sorted(names) if names is not None else phones.names)]
        unknown = sorted(name for name in names or () if phones.find(name) is None)
        return [each for each in found if each is not None], unknown

    def show(_user: int, request: dict[str, Any]) -> dict[str, Any]:
        found, unknown = chosen(request)
        return {"phones": [each.document() for each in found], "unknown": unknown}

    def log(_user: int, request: dict[str, Any]) -> dict[str, Any]:
        found, unknown = chosen(request)
        return {"phones": [{"name": each.phone.name, "log": list(each.log)} for each in found], "unknown": unknown}

    async def erase(request: dict[str, Any]) -> dict[str, Any]:
        kind = next((each for each in ListKind if each.value == request.get("list")), None)
        if kind is None:
            raise UsageError(f"{request.get('list')!r} is no list of a phone")
        found, unknown = chosen(request)
        erased = [{"name": each.phone.name, "held": await each.erase(kind)} for each in found]
        return {"phones": erased, "unknown": unknown}

    def update_lsc(user: int, request: dict[str, Any]) -> Awaitable[dict[str, Any]]:
        # What somebody types is for the phone alone, and stands in no audit log.
        digits = str(request.pop("digits", ""))

        async def update(request: dict[str, Any]) -> dict[str, Any]:
            found, unknown = chosen(request)
            await asyncio.gather(*(each.update_lsc(digits, server()) for each in found))
            return {"phones": [{"name": each.phone.name, "capf": each.capf} for each in found], "unknown": unknown}

        return control.do(user, UPDATE_LSC, update, request)

    async def call(request: dict[str, Any]) -> dict[str, Any]:
        found, unknown = chosen(request)
        talk, number = request.get("talk", 0), str(request.get("number"))
        if not isinstance(talk, int | float) or not talk >= 0:
            raise UsageError(f"{talk!r} is no number of seconds", where="talk", next_step="write a number, such as 3.5")
        able = [each for each in found if each.handset is not None and each.status.state is _REGISTERED]
        reports = await asyncio.gather(
            *(each.handset.call(number, min(talk, MOST_TALK)) for each in able if each.handset)
        )
        refused = [{"name": each.phone.name, "why": each.status.reason} for each in found if each not in able]
        return {"calls": [each.document() for each in reports], "not_registered": refused, "unknown": unknown}

    return {
        **phone_commands(nodes, control),
        "phone-call": by_hand(control, CALL, call),
        "phone-update-lsc": update_lsc,
        "phone-show": show,
        "phone-log": log,
        "phone-erase": by_hand(control, DELETE_LISTS, erase),
        "reset": by_hand(control, RESET_PHONES, resetting(nodes, phones, server)),
    }


def resetting(nodes: Mapping[str, NodeServices], phones: LabPhones, server: Callable[[], Server]) -> Work:
    """Return what resets a lab's phones (rules 2 and 5); arguments as for :func:`lab_phone_commands`."""

    async def reset(request: dict[str, Any]) -> dict[str, Any]:
        names = wanted(request)
        before = {name: found.boots for name in phones.names if (found := phones.find(name)) is not None}
        await follow(nodes)
        told = tell(nodes, names, str(request.get("kind")))
        others = [name for name in phones.names if name not in told and (names is None or name in names)]
        await phones.restart(others, server())
        await _started(phones, [name for name in told if name in before], before)
        return {"told": told, "restarted": others}

    return reset


async def _started(phones: LabPhones, names: list[str], before: Mapping[str, int]) -> None:
    """Wait until phones have booted and, if they can, registered again (rule 5)."""
    found = [(phone, before[name]) for name in names if (phone := phones.find(name)) is not None]
    with contextlib.suppress(TimeoutError):
        async with asyncio.timeout(_BOOT_SECONDS):
            await asyncio.gather(*(phone.booted_after(boots) for phone, boots in found))
    registrations = [phone.registration for phone, _ in found if phone.registration is not None]
    await asyncio.gather(*(each.wait(RegistrationState.REGISTERED, _REGISTER_SECONDS) for each in registrations))
