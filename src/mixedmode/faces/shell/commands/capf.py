"""``utils capf``: the LSCs of phones, those that prove nobody any more, and their revocation.

No public transcript shows what CUCM prints for ``utils capf stale-lsc list``; ``utils capf lsc`` is this project's own.
"""

from __future__ import annotations

from collections.abc import Container
from datetime import timedelta
from typing import Final

from mixedmode.cluster.operations.identity.lscs import RevokeLsc
from mixedmode.cluster.query.lsc_report import LscLine, LscStanding, lsc_report
from mixedmode.errors import UsageError
from mixedmode.faces.shell import texts
from mixedmode.faces.shell.call import Call
from mixedmode.faces.shell.model import Argument, Command, Question
from mixedmode.numbers import whole_number
from mixedmode.pki.device_names import same_device
from mixedmode.printable import printable

_DAYS: Final = 30
_MOST_DAYS: Final = 3650
_STALE: Final = {LscStanding.EXPIRED, LscStanding.OTHER_ISSUER, LscStanding.UNREADABLE}


async def _lines(
    call: Call, wanted: Container[LscStanding], days: int = _DAYS, *, device: str | None = None
) -> list[LscLine]:
    """Return the phones whose LSC is worth what is wanted, or the one."""
    now, notice = call.cluster.now(), timedelta(days=days)

    def read() -> list[LscLine]:
        found = lsc_report(call.cluster, now, device, notice=notice)
        return [each for each in found if each.standing in wanted]

    return await call.blocking(read)


async def _print(call: Call, found: list[LscLine]) -> None:
    for each in found:
        until = "-" if each.until is None else f"{each.until:%Y-%m-%d}"
        issuer = "-" if each.lsc is None else printable(each.lsc.issuer)
        await call.say(texts.LSC_ROW, device=each.device.name, standing=each.standing.value, until=until, issuer=issuer)
    if not found:
        await call.say(texts.NO_LSC)


async def list_lscs(call: Call) -> None:
    """List the phones that have an LSC, or had one that is revoked; or one phone."""
    wanted = call.value("device")
    if wanted:
        name = same_device(wanted)
        found = await _lines(call, set(LscStanding), device=name)
        if not found:
            raise UsageError(f"there is no device {name}", where=name, next_step="look at its name")
    else:
        found = await _lines(call, set(LscStanding) - {LscStanding.NONE})
    await _print(call, found)


async def list_expiring(call: Call) -> None:
    """List the LSCs that have expired or end soon."""
    text = call.value("days") or str(_DAYS)
    days = whole_number(text)
    if days is None or days > _MOST_DAYS:
        raise UsageError(f"{text!r} is no number of days", next_step=f"use 0 to {_MOST_DAYS}")
    found = await _lines(call, {LscStanding.EXPIRED, LscStanding.EXPIRES_SOON}, days)
    await _print(call, sorted(found, key=lambda each: (each.until is None, each.until)))


async def list_stale(call: Call) -> None:
    """List the LSCs that prove nobody: expired, or of another CAPF than the present one."""
    await _print(call, await _lines(call, _STALE))


async def ask_revoke(call: Call) -> Question | None:
    """Ask before the LSCs of a phone are revoked; there is no way back."""
    plan = await call.plan(RevokeLsc(same_device(call.value("device"))))
    before = [line for warning in plan.warnings for line in texts.WARNING.lines(text=warning)]
    return Question(texts.ASK_REVOKE.line(device=same_device(call.value("device"))), tuple(before))


async def revoke(call: Call) -> None:
    """Revoke every LSC of a phone."""
    name = same_device(call.value("device"))
    await call.operate(RevokeLsc(name))
    await call.say(texts.LSC_REVOKED, device=name)


_LSC: Final = ("utils", "capf", "lsc")
_ONE: Final = Argument("device", "The phone's name, such as SEP001122334455.")
_MAYBE: Final = Argument("device", "One phone; all that have an LSC if left out.", required=False)
_IN_DAYS: Final = Argument("days", f"Within so many days; {_DAYS} if left out.", required=False)

COMMANDS: Final = (
    Command((*_LSC, "list"), "Lists the LSCs of phones.", list_lscs, (_MAYBE,), 0),
    Command((*_LSC, "expiring"), "Lists the LSCs that have expired or end soon.", list_expiring, (_IN_DAYS,), 0),
    Command(
        (*_LSC, "revoke"),
        "Revokes the LSCs of a phone, and ends the connection that one registered.",
        revoke,
        (_ONE,),
        RevokeLsc.privilege,
        RevokeLsc.publisher_only,
        ask_revoke,
    ),
    Command(
        ("utils", "capf", "stale-lsc", "list"),
        "Lists the LSCs that prove nobody: expired, or of an earlier CAPF certificate.",
        list_stale,
        (),
        0,
    ),
)
