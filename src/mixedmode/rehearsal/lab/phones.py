"""The phones of a lab: each with a state file of its own, booted against a node's file service."""

from __future__ import annotations

import asyncio
from collections import deque
from collections.abc import Collection, Iterable, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from functools import partial
from pathlib import Path
from typing import Any

from mixedmode.phone.body.client import Phone, Server
from mixedmode.phone.body.registration import Registration
from mixedmode.phone.body.registration_status import RegistrationState, RegistrationStatus, speaks_sip_only
from mixedmode.phone.body.tvs import ask_tvs
from mixedmode.phone.mind.alarms import ERASING
from mixedmode.phone.mind.fate.observed import fate_of
from mixedmode.phone.mind.models import get_model
from mixedmode.phone.mind.outcome import BootOutcome, alarm_document
from mixedmode.phone.mind.screen import screen_document, trust_list_screen
from mixedmode.phone.mind.trust.decisions import ListKind
from mixedmode.protocols.sccp import ResetKind

AT_ONCE = 64
"""Boots under way at the same time; a site's phones do not all answer in the same millisecond either."""
MESSAGES = 10
"""Status messages that a phone keeps."""
LOG_LINES = 400
"""What is kept of each phone's console log: some twenty boots."""


@dataclass(slots=True)
class LabPhone:
    """One phone of a lab.

    Attributes:
        phone: The phone.
        log: The last lines of its console log.
        hands: Who boots the phone or erases a list on it; one at a time.
        registration: How it keeps registered, None before it does.
        last: How its last boot ended.
        boots: How many there were.
        erased: Lists that were deleted by hand since.
        history: The last status messages, with their moments: what the phone's own pages show.
    """

    phone: Phone
    log: deque[str]
    hands: asyncio.Lock = field(default_factory=asyncio.Lock)
    registration: Registration | None = None
    last: BootOutcome | None = None
    boots: int = 0
    erased: tuple[ListKind, ...] = ()
    history: deque[tuple[datetime, str]] = field(default_factory=lambda: deque(maxlen=MESSAGES))
    _booted: asyncio.Event = field(default_factory=asyncio.Event)

    async def boot(self, server: Server) -> BootOutcome:
        """Start the phone."""
        async with self.hands:
            self.last = await self.phone.boot(server)
            told = self.last.messages[bool(self.erased) :]
            self.history.extend((self.phone.world.clock.now(), message) for message in told)
            self.erased = ()
            self.boots += 1
            self._booted.set()
            return self.last

    async def booted_after(self, boots: int) -> None:
        """Wait until there were more boots than so many."""
        while self.boots <= boots:
            self._booted.clear()
            await self._booted.wait()

    async def erase(self, kind: ListKind) -> bool:
        """Delete a list as on the phone's menu; return whether it held one."""
        async with self.hands:
            held = self.phone.state.trust.held(kind) is not None
            self.phone.erase(kind)
            if not self.erased:
                self.history.append((self.phone.world.clock.now(), ERASING))
            self.erased = (*self.erased, kind)
            return held

    async def restart(self, server: Server) -> None:
        """Switch the phone off and on."""
        if self.registration is not None:
            await self.registration.stop()
        await self.boot(server)
        if self.registration is not None:
            self.registration.start()

    @property
    def status(self) -> RegistrationStatus:
        """How the phone stands with its CallManager."""
        if self.registration is not None:
            return self.registration.status
        return RegistrationStatus(reason=speaks_sip_only(self.phone.model) if self.phone.model.sip_only else "")

    @property
    def messages(self) -> list[str]:
        """What its status messages say."""
        return [*(self.last.messages if self.last is not None else ()), *([ERASING] if self.erased else [])]

    def document(self) -> dict[str, Any]:
        """Return what a person sees of the phone, as JSON."""
        phone, last = self.phone, self.last
        refused = last.refusals() if last is not None else {}
        gone = [kind.value for kind in self.erased]
        return {
            "name": phone.name,
            "model": phone.model.name,
            "registration": self.status.document(),
            "messages": self.messages,
            "trust_list": screen_document(phone.model, phone.state.trust),
            "screen": trust_list_screen(phone.model, phone.state.trust),
            "alarm": alarm_document(last.alarm if last is not None else None),
            "refused": {file: why for file, why in refused.items() if file not in gone},
            "outcome": None if last is None else fate_of(last).value,
            "kept_lists": [kind.value for kind in last.kept_lists if kind not in self.erased] if last else [],
            "deleted": gone,
        }


class LabPhones:
    """Phones that keep their state in a folder.

    Args:
        folder: One state file for each phone.
        phones: Name and model of each.
    """

    def __init__(self, folder: Path, phones: Iterable[tuple[str, str]]) -> None:
        folder.mkdir(parents=True, exist_ok=True)
        self._phones = {each.phone.name: each for each in (_phone(folder, *phone) for phone in phones)}

    def __len__(self) -> int:
        return len(self._phones)

    @property
    def names(self) -> list[str]:
        """The phones, in order."""
        return list(self._phones)

    @property
    def speaking_sip(self) -> dict[str, str]:
        """Those that do not register, since their model speaks SIP only: names and models."""
        return {name: each.phone.model.name for name, each in self._phones.items() if each.phone.model.sip_only}

    def find(self, name: str) -> LabPhone | None:
        """Return a phone by its name, in any case."""
        return self._phones.get(name.upper())

    async def register_all(self, server: Server, *, wait: float = 5.0) -> int:
        """Have every phone that speaks SCCP register with its CallManager, and boot when that resets it.

        Args:
            server: Where files come from at a reset.
            wait: Seconds for the first registration.

        Returns:
            How many are registered.
        """
        registrations = []
        for each in self._phones.values():
            if each.phone.model.sip_only:
                continue
            each.registration = Registration(each.phone, on_reset=partial(_boot_again, each, server))
            each.registration.start()
            registrations.append(each.registration)
        async with asyncio.TaskGroup() as group:
            waits = [group.create_task(each.wait(RegistrationState.REGISTERED, wait)) for each in registrations]
        return sum(each.result() for each in waits)

    async def leave(self) -> None:
        """Have every phone unregister."""
        async with asyncio.TaskGroup() as group:
            for each in self._phones.values():
                if each.registration is not None:
                    group.create_task(each.registration.stop())
                    each.registration = None

    async def boot_all(self, server: Server, *, without: Collection[str] = ()) -> list[BootOutcome]:
        """Boot every phone that is not switched off and return how each ended, in order."""
        gate = asyncio.Semaphore(AT_ONCE)

        async def one(phone: LabPhone) -> BootOutcome:
            async with gate:
                return await phone.boot(server)

        async with asyncio.TaskGroup() as group:
            tasks = [group.create_task(one(each)) for name, each in self._phones.items() if name not in without]
        return [task.result() for task in tasks]

    async def restart(self, names: Sequence[str], server: Server) -> None:
        """Switch phones off and on, those that a CallManager cannot reset because they are not registered."""
        gate = asyncio.Semaphore(AT_ONCE)

        async def one(phone: LabPhone) -> None:
            async with gate:
                await phone.restart(server)

        async with asyncio.TaskGroup() as group:
            for name in names:
                group.create_task(one(self._phones[name]))


def _phone(folder: Path, name: str, model: str) -> LabPhone:
    log: deque[str] = deque(maxlen=LOG_LINES)
    state = folder / f"{name}.json"
    return LabPhone(Phone(name, get_model(model), state_file=state, tvs=ask_tvs, on_line=log.append), log)


async def _boot_again(phone: LabPhone, server: Server, _kind: ResetKind) -> None:
    await phone.boot(server)
