"""What a lab's phone that speaks SIP tells of its lists: its alarm ``DeviceTLInfo``, which no wire of a lab carries.

Rules:

1. A phone sends the alarm with its next registration (docs/specification/phone-trust.md 4.2). So it is heard once the
   phone has reached a CallManager of its group that it trusts and that takes its certificate: to try that, it connects
   to the port where phones of the other protocol register, which shows and wants the same certificates.
2. If none is there the phone tries again: after a second, then twice as long each time, a minute at most.
3. A model without Security by Default sends none.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from typing import Final

from mixedmode.errors import MixedModeError
from mixedmode.phone.body.client import Phone
from mixedmode.phone.body.registration import Registration
from mixedmode.pki.signing.signer import SoftwareSigner

_FIRST_PAUSE: Final = 1.0
_LONGEST_PAUSE: Final = 60.0

Hears = Callable[[str, str, str, str], bool]
"""Gives the CallManager at an address what a phone holds: name, SHA-1 of its CTL and of its ITL, empty for none.

Returns whether there is one that runs.
"""
Identity = Callable[[], SoftwareSigner | None]


def speaks_sip(phone: Phone) -> bool:
    """Return whether a phone does not register here: simulated phones speak SCCP to their CallManager."""
    config = phone.state.config_in_force()
    return phone.model.sip_only or (config is not None and config.protocol == "SIP")


class SipAlarm:
    """The alarm of one phone.

    Args:
        hears: Who hears it.
    """

    def __init__(self, hears: Hears) -> None:
        self._hears = hears
        self._task: asyncio.Task[None] | None = None

    async def raised(self, phone: Phone, identity: Identity) -> None:
        """Tell what a phone holds that has just started; returns at once."""
        await self.dropped()
        if phone.model.security_by_default and speaks_sip(phone):
            self._task = asyncio.create_task(self._told(phone, identity))

    async def dropped(self) -> None:
        """Tell nothing any more: the phone starts again, or is switched off."""
        task, self._task = self._task, None
        if task is not None:
            task.cancel()
            await asyncio.gather(task, return_exceptions=True)

    async def _told(self, phone: Phone, identity: Identity) -> None:
        pause = _FIRST_PAUSE
        registration = Registration(phone, identity=identity)
        while not await self._once(phone, registration):
            await asyncio.sleep(pause)
            pause = min(2 * pause, _LONGEST_PAUSE)

    async def _once(self, phone: Phone, registration: Registration) -> bool:
        try:
            where = await registration.reached()
        except MixedModeError:
            return False
        trust = phone.state.trust
        ctl, itl = (held.sha1 if held else "" for held in (trust.ctl, trust.itl))
        return bool(where) and self._hears(where, phone.name, ctl, itl)
