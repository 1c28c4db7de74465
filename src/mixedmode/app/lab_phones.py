"""The phones of a lab: each with a state file of its own, booted against a node's file service."""

from __future__ import annotations

import asyncio
from collections.abc import Collection, Iterable
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Any

from mixedmode.phone.client import BootReport, Phone, Server
from mixedmode.phone.models import get_model
from mixedmode.phone.registration import Registration
from mixedmode.phone.registration_status import RegistrationState
from mixedmode.phone.tvs import ask_tvs
from mixedmode.protocols.sccp import ResetKind

AT_ONCE = 64
"""Boots under way at the same time; a site's phones do not all answer in the same millisecond either."""


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


class LabPhones:
    """Phones that keep their state in a folder.

    Args:
        folder: One state file for each phone.
        phones: Name and model of each.
    """

    def __init__(self, folder: Path, phones: Iterable[tuple[str, str]]) -> None:
        folder.mkdir(parents=True, exist_ok=True)
        self._phones = [
            Phone(name, get_model(model), state_file=folder / f"{name}.json", tvs=ask_tvs) for name, model in phones
        ]
        self._registrations: list[Registration] = []

    def __len__(self) -> int:
        return len(self._phones)

    @property
    def names(self) -> list[str]:
        """The phones, in order."""
        return [phone.name for phone in self._phones]

    async def register_all(self, server: Server, *, wait: float = 5.0) -> int:
        """Have every phone that has booted register with its CallManager, and boot when that resets it.

        Args:
            server: Where files come from at a reset.
            wait: Seconds for the first registration.

        Returns:
            How many are registered.
        """
        for phone in self._phones:
            registration = Registration(phone, on_reset=partial(_boot_again, phone, server))
            registration.start()
            self._registrations.append(registration)
        async with asyncio.TaskGroup() as group:
            waits = [group.create_task(each.wait(RegistrationState.REGISTERED, wait)) for each in self._registrations]
        return sum(each.result() for each in waits)

    async def leave(self) -> None:
        """Have every phone unregister."""
        async with asyncio.TaskGroup() as group:
            for each in self._registrations:
                group.create_task(each.stop())
        self._registrations.clear()

    async def boot_all(self, server: Server, *, without: Collection[str] = ()) -> list[PhoneBoot]:
        """Boot every phone that is not switched off and return how each ended, in order."""
        gate = asyncio.Semaphore(AT_ONCE)

        async def one(phone: Phone) -> PhoneBoot:
            async with gate:
                return _boot_of(await phone.boot(server))

        async with asyncio.TaskGroup() as group:
            tasks = [group.create_task(one(phone)) for phone in self._phones if phone.name not in without]
        return [task.result() for task in tasks]


async def _boot_again(phone: Phone, server: Server, _kind: ResetKind) -> None:
    await phone.boot(server)


def _boot_of(report: BootReport) -> PhoneBoot:
    ctl, itl, alarm = report.trust.ctl, report.trust.itl, report.result.alarm
    shown = None
    if ctl is not None:
        from mixedmode.phone.screen import shown_checksum

        shown = shown_checksum(report.model, ctl)
    return PhoneBoot(
        report.device,
        report.model.name,
        ctl.md5 if ctl is not None else None,
        ctl.sha1 if ctl is not None else None,
        itl.md5 if itl is not None else None,
        shown,
        alarm.name if alarm is not None else None,
        report.result.refused,
        report.reachable,
        report.messages,
        report.log,
    )
