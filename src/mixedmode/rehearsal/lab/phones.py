"""The phones of a lab: each with a state file of its own, booted against a node's file service."""

from __future__ import annotations

import asyncio
from collections import deque
from collections.abc import Callable, Collection, Iterable, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

from mixedmode.errors import MixedModeError
from mixedmode.phone.body.capf import AuthMode
from mixedmode.phone.body.client import Phone, Server
from mixedmode.phone.body.network import Sockets
from mixedmode.phone.body.registration import Registration
from mixedmode.phone.body.registration_status import RegistrationState, RegistrationStatus, speaks_sip_only
from mixedmode.phone.body.renewal import PhoneKeys, goes_to_capf, renew
from mixedmode.phone.body.tvs import ask_tvs
from mixedmode.phone.body.world import World
from mixedmode.phone.mind.alarms import ERASING
from mixedmode.phone.mind.fate.observed import NOBODY_LOOKED, Standing, observed
from mixedmode.phone.mind.models import get_model
from mixedmode.phone.mind.outcome import BootOutcome, alarm_document
from mixedmode.phone.mind.screen import screen_document, trust_list_screen
from mixedmode.phone.mind.trust.decisions import ListKind
from mixedmode.protocols.sccp import ResetKind
from mixedmode.rehearsal.lab.handsets import Handset
from mixedmode.rehearsal.lab.keys import Factory, KeyRing
from mixedmode.rehearsal.sip_alarm import Hears, SipAlarm, speaks_sip

if TYPE_CHECKING:
    from mixedmode.pki.signing.signer import SoftwareSigner

AT_ONCE = 64
"""Boots under way at the same time; a site's phones do not all answer in the same millisecond either."""
MESSAGES = 10
"""Status messages that a phone keeps."""
KEYS: Final = "phone-keys"
"""Beside the folder of the phones."""
_REJECTED: Final = "Registration Rejected: {}"
LOG_LINES = 400
"""What is kept of each phone's console log: some twenty boots."""


@dataclass(slots=True)
class LabPhone:
    """One phone of a lab.

    Attributes:
        phone: The phone.
        log: The last lines of its console log.
        keys: Its LSC and its MIC.
        hands: Who boots the phone or erases a list on it; one at a time.
        registration: How it keeps registered, None before it does.
        handset: Takes and places its calls, None before it registers.
        last: How its last boot ended.
        boots: How many there were.
        erased: Lists that were deleted by hand since.
        capf: How its last visit to CAPF ended; empty before the first.
        history: The last status messages, with their moments: what the phone's own pages show.
        alarm: Brings what it holds to a CallManager, if it speaks SIP; None: nobody hears of it.
    """

    phone: Phone
    log: deque[str]
    keys: KeyRing
    hands: asyncio.Lock = field(default_factory=asyncio.Lock)
    registration: Registration | None = None
    handset: Handset | None = None
    last: BootOutcome | None = None
    boots: int = 0
    erased: tuple[ListKind, ...] = ()
    capf: str = ""
    history: deque[tuple[datetime, str]] = field(default_factory=lambda: deque(maxlen=MESSAGES))
    alarm: SipAlarm | None = None
    _booted: asyncio.Event = field(default_factory=asyncio.Event)

    async def boot(self, server: Server) -> BootOutcome:
        """Start the phone; one that CAPF gave another certificate starts once more, for the files of that."""
        async with self.hands:
            self.last = await self._boot(server)
            if await self.enrol():
                self.last = await self._boot(server)
            self.boots += 1
            self._booted.set()
            if self.alarm is not None:
                await self.alarm.raised(self.phone, self.keys.show)
            return self.last

    async def look_again(self, server: Server) -> None:
        """Fetch the files again, and go to CAPF if they say so, since no CallManager takes the phone as it is.

        It may do so every minute for days: what it says of it is said once.
        """
        async with self.hands:
            said = () if self.last is None else self.last.messages
            self.last = await self._boot(server, said)
            if await self.enrol():
                self.last = await self._boot(server)

    async def _boot(self, server: Server, said: Collection[str] = ()) -> BootOutcome:
        last = await self.phone.boot(server)
        told = [each for each in last.messages[bool(self.erased) :] if each not in said]
        self.history.extend((self.phone.world.clock.now(), message) for message in told)
        self.erased = ()
        return last

    async def update_lsc(self, password: str, server: Server) -> None:
        """Go to CAPF as by "Update" on the phone's menu, and start again with what came of it.

        Args:
            password: Digits that somebody typed on it.
            server: Where its files come from.
        """
        async with self.hands:
            self.capf = "the configuration names no CAPF"
            changed = await self._ask_capf(password, by_hand=True)
        if changed:
            await self.restart(server)

    async def enrol(self) -> bool:
        """Go to CAPF, if the configuration says so; return whether the phone has another certificate after it.

        Where CAPF wants a string, a phone goes there by hand only.
        """
        config = self.phone.state.config_in_force()
        if config is None or not goes_to_capf(config, PhoneKeys(self.keys.lsc)):
            return False
        if config.capf_mode == AuthMode.PASSWORD:
            self.capf = "waits for the authentication string"
            return False
        return await self._ask_capf("", by_hand=False)

    async def _ask_capf(self, password: str, *, by_hand: bool) -> bool:
        try:
            outcome = await renew(self.phone, self.keys.all, password=password, by_hand=by_hand, keep=self.keys.take)
        except MixedModeError as error:
            self.capf = str(error)
            return False
        if outcome is None:
            return False
        self.capf = outcome.text
        self.history.append((self.phone.world.clock.now(), f"CAPF: {outcome.text}"))
        return bool(outcome.did)

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

    def registration_changed(self, status: RegistrationStatus) -> None:
        """Take how it stands with its CallManager: why it is not registered is a status message."""
        if status.state is RegistrationState.UNREGISTERED and status.reason:
            text = _REJECTED.format(status.reason)
            if not self.history or self.history[-1][1] != text:
                self.history.append((self.phone.world.clock.now(), text))

    @property
    def speaks_sip(self) -> bool:
        """Whether it does not register: simulated phones speak SCCP to their CallManager."""
        return speaks_sip(self.phone)

    @property
    def standing(self) -> Standing:
        """How it is seen to stand with the CallManagers of its group."""
        registration = self.registration
        if registration is None:
            return NOBODY_LOOKED
        if not registration.registered:
            return Standing(distrusts=registration.distrusts)
        host = (registration.status.server or "").rpartition(":")[0]
        return Standing(host.removeprefix("[").removesuffix("]"))

    @property
    def status(self) -> RegistrationStatus:
        """How the phone stands with its CallManager."""
        if self.registration is not None:
            return self.registration.status
        return RegistrationStatus(reason=speaks_sip_only(self.phone.model) if self.phone.model.sip_only else "")

    @property
    def messages(self) -> list[str]:
        """What its status messages say; why it is not registered is the last of them."""
        status = self.status
        refused = status.reason if status.state is RegistrationState.UNREGISTERED else ""
        return [
            *(self.last.messages if self.last is not None else ()),
            *([ERASING] if self.erased else []),
            *([_REJECTED.format(refused)] if refused else []),
        ]

    def document(self) -> dict[str, Any]:
        """Return what a person sees of the phone, as JSON."""
        phone, last = self.phone, self.last
        seen = None if last is None else observed(last, self.standing)
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
            "outcome": seen and seen.fate.value,
            "note": (seen and seen.note) or None,
            "kept_lists": [kind.value for kind in last.kept_lists if kind not in self.erased] if last else [],
            "deleted": gone,
            "lsc": _lsc_document(self.keys.lsc),
            "capf": self.capf or None,
        }


def _lsc_document(lsc: SoftwareSigner | None) -> dict[str, Any] | None:
    if lsc is None:
        return None
    shown = lsc.certificate
    return {"serial": shown.serial.hex().upper(), "issuer": shown.issuer, "not_after": shown.not_after.isoformat()}


class LabPhones:
    """Phones that keep their state in a folder.

    Args:
        folder: One state file for each phone.
        phones: Name and model of each.
        factory: Gives them their keys; by default one that keeps them beside the folder.
        address: The address of a phone by its place, from 0; by default they have that of the host.
        hears: Told which CallManager hears of which phone that it holds which lists, of those that speak SIP.
    """

    def __init__(
        self,
        folder: Path,
        phones: Iterable[tuple[str, str]],
        factory: Factory | None = None,
        address: Callable[[int], str] = lambda _place: "",
        hears: Hears | None = None,
    ) -> None:
        folder.mkdir(parents=True, exist_ok=True)
        made = factory or Factory(folder.with_name(KEYS))
        each = (_phone(folder, made, *phone, address(place)) for place, phone in enumerate(phones))
        self._phones = {phone.phone.name: phone for phone in each}
        for phone in self._phones.values():
            phone.alarm = None if hears is None else SipAlarm(hears)

    def __len__(self) -> int:
        return len(self._phones)

    @property
    def names(self) -> list[str]:
        """The phones, in order."""
        return list(self._phones)

    @property
    def speaking_sip(self) -> dict[str, str]:
        """Those that do not register, since their model or their configuration has SIP: names and models."""
        return {name: each.phone.model.name for name, each in self._phones.items() if each.speaks_sip}

    def find(self, name: str) -> LabPhone | None:
        """Return a phone by its name, in any case."""
        return self._phones.get(name.upper())

    async def register_all(self, server: Server, *, wait: float = 5.0) -> int:
        """Have every phone that speaks SCCP register with its CallManager, and boot when that resets it.

        A phone that is registered leaves first.

        Args:
            server: Where files come from at a reset.
            wait: Seconds for the first registration.

        Returns:
            How many are registered.
        """
        await self.leave()
        gate = asyncio.Semaphore(AT_ONCE)
        registrations = []
        for each in self._phones.values():
            if each.phone.model.sip_only:
                continue
            each.registration = Registration(
                each.phone,
                identity=each.keys.show,
                on_reset=partial(_boot_again, gate, each, server),
                on_change=each.registration_changed,
                on_refused=partial(_look_again, gate, each, server),
            )
            each.handset = Handset(each.phone.name, each.registration)
            each.registration.start()
            registrations.append(each.registration)
        async with asyncio.TaskGroup() as group:
            waits = [group.create_task(each.wait(RegistrationState.REGISTERED, wait)) for each in registrations]
        return sum(each.result() for each in waits)

    async def leave(self) -> None:
        """Have every phone unregister."""
        async with asyncio.TaskGroup() as group:
            for each in self._phones.values():
                if each.alarm is not None:
                    group.create_task(each.alarm.dropped())
                if each.registration is not None:
                    group.create_task(each.registration.stop())
                    each.registration = None
                if each.handset is not None:
                    each.handset.hush()
                    each.handset = None

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


def _phone(folder: Path, factory: Factory, name: str, model: str, address: str) -> LabPhone:
    log: deque[str] = deque(maxlen=LOG_LINES)
    keys = KeyRing(factory, name, model)
    phone = Phone(
        name,
        get_model(model),
        state_file=folder / f"{name}.json",
        tvs=ask_tvs,
        decrypt=keys.open,
        world=World(network=Sockets(address), make_key=factory.key),
        on_line=log.append,
    )
    return LabPhone(phone, log, keys)


async def _boot_again(gate: asyncio.Semaphore, phone: LabPhone, server: Server, _kind: ResetKind) -> None:
    async with gate:
        await phone.boot(server)


async def _look_again(gate: asyncio.Semaphore, phone: LabPhone, server: Server) -> None:
    if phone.handset is not None:
        phone.handset.hush()  # nobody is there who would end a call that goes on
    async with gate:
        await phone.look_again(server)
