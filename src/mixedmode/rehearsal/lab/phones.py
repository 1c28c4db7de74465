"""The phones of a lab: each with a state file of its own, booted against a node's file service."""

from __future__ import annotations

import asyncio
from collections import deque
from collections.abc import Collection, Iterable, Sequence
from dataclasses import dataclass, field
from functools import partial
from pathlib import Path
from typing import Any

from mixedmode.phone.body.client import BootReport, Phone, Server
from mixedmode.phone.body.registration import Registration
from mixedmode.phone.body.registration_status import RegistrationState, RegistrationStatus, speaks_sip_only
from mixedmode.phone.body.tvs import ask_tvs
from mixedmode.phone.mind.alarms import ERASING
from mixedmode.phone.mind.models import get_model
from mixedmode.phone.mind.screen import screen_document, shown_checksum, trust_list_screen
from mixedmode.phone.mind.trust.decisions import ListKind
from mixedmode.protocols.sccp import ResetKind

AT_ONCE = 64
"""Boots under way at the same time; a site's phones do not all answer in the same millisecond either."""
LOG_LINES = 400
"""What is kept of each phone's console log: some twenty boots."""


@dataclass(frozen=True, slots=True)
class PhoneBoot:
    """How a phone's boot ended, as rehearsals and tables show it.

    Attributes:
        name: Device name.
        model: Its model.
        ctl_md5: Checksum of the CTL that it holds, None without one.
        ctl_sha1: The same as SHA-1.
        itl_md5: Checksum of the ITL that it holds.
        shown: The checksum of the CTL that its own screen shows, MD5 or SHA-1 by model.
        alarm: Name of the trust list alarm.
        refused: Whether it refused a file.
        messages: Status messages.
        log: Console log.
    """

    name: str
    model: str
    ctl_md5: str | None
    ctl_sha1: str | None
    itl_md5: str | None
    shown: str | None
    alarm: str | None
    refused: bool
    reachable: bool
    messages: tuple[str, ...]
    log: tuple[str, ...]

    @property
    def summary(self) -> str:
        """One line on what the phone says."""
        return "; ".join(self.messages) or (self.alarm or "nothing new")

    def document(self) -> dict[str, Any]:
        """Return the boot as JSON."""
        return {
            "ctl_md5": self.ctl_md5,
            "ctl_sha1": self.ctl_sha1,
            "itl_md5": self.itl_md5,
            "shown_checksum": self.shown,
            "alarm": self.alarm,
            "refused": self.refused,
            "reachable": self.reachable,
            "messages": list(self.messages),
            "log": list(self.log),
        }


@dataclass(slots=True)
class LabPhone:
    """One phone of a lab.

    Attributes:
        phone: The phone.
        log: The last lines of its console log.
        hands: Who boots the phone or erases a list on it; one at a time.
        registration: How it keeps registered, None before it does.
        report: Its last boot.
        boots: How many there were.
        erased: Lists that were deleted by hand since.
    """

    phone: Phone
    log: deque[str]
    hands: asyncio.Lock = field(default_factory=asyncio.Lock)
    registration: Registration | None = None
    report: BootReport | None = None
    boots: int = 0
    erased: tuple[ListKind, ...] = ()
    _booted: asyncio.Event = field(default_factory=asyncio.Event)

    async def boot(self, server: Server) -> BootReport:
        """Start the phone."""
        async with self.hands:
            self.report = await self.phone.boot(server)
            self.erased = ()
            self.boots += 1
            self._booted.set()
            return self.report

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
        return [*(self.report.messages if self.report is not None else ()), *([ERASING] if self.erased else [])]

    def document(self) -> dict[str, Any]:
        """Return what a person sees of the phone, as JSON."""
        phone, report = self.phone, self.report
        alarm = report.result.alarm if report is not None else None
        decisions = report.result.decisions if report is not None else {}
        refused = {file.value: each.text for file, each in decisions.items() if each is not None and each.refused}
        gone = [kind.value for kind in self.erased]
        return {
            "name": phone.name,
            "model": phone.model.name,
            "registration": self.status.document(),
            "messages": self.messages,
            "trust_list": screen_document(phone.model, phone.state.trust),
            "screen": trust_list_screen(phone.model, phone.state.trust),
            "alarm": None if alarm is None else {"code": alarm.value, "name": alarm.name},
            "refused": {file: why for file, why in refused.items() if file not in gone},
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

    async def boot_all(self, server: Server, *, without: Collection[str] = ()) -> list[PhoneBoot]:
        """Boot every phone that is not switched off and return how each ended, in order."""
        gate = asyncio.Semaphore(AT_ONCE)

        async def one(phone: LabPhone) -> PhoneBoot:
            async with gate:
                return _boot_of(await phone.boot(server))

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


def _boot_of(report: BootReport) -> PhoneBoot:
    ctl, itl, alarm = report.trust.ctl, report.trust.itl, report.result.alarm
    return PhoneBoot(
        report.device,
        report.model.name,
        ctl.md5 if ctl is not None else None,
        ctl.sha1 if ctl is not None else None,
        itl.md5 if itl is not None else None,
        shown_checksum(report.model, ctl) if ctl is not None else None,
        alarm.name if alarm is not None else None,
        report.result.refused,
        report.reachable,
        report.messages,
        report.log,
    )
