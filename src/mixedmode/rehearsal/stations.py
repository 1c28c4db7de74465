"""The secure phones of a lab on the stage: their numbers, profiles and LSCs, how they are registered, and their calls.

Rules:

1. A phone is what CallManager has registered; why one is not is what the phone was told.
2. An LSC of long ago is one that CAPF gave while its clock stood there; the phones' own clocks do not.
3. The first two phones that are registered call each other over their own sockets, with sound.
"""

from __future__ import annotations

import asyncio
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Final

from mixedmode.cluster.model.lines import LineSpec
from mixedmode.cluster.operations.devices import ChangeDevice, DeviceValues
from mixedmode.cluster.operations.lines import AddLines
from mixedmode.control.acts import ORDER_CAPF
from mixedmode.control.door import Control
from mixedmode.phone.body.calling.rtp import RtpMedia
from mixedmode.phone.body.calling.telephone import Telephone
from mixedmode.pki.certificates.profiles import Purpose
from mixedmode.procedures.facts import CallFacts, StationFacts
from mixedmode.procedures.steps import CallEachOther, GiveNumbers, OrderLscs, SetProfile
from mixedmode.protocols.capf import Operation
from mixedmode.protocols.rtp.tones import tone_of
from mixedmode.rehearsal.lab.phone_control import resetting
from mixedmode.services.capf.service import CapfService

if TYPE_CHECKING:
    from mixedmode.phone.body.registration import Registration
    from mixedmode.phone.mind.calls.events import PhoneCall
    from mixedmode.phone.mind.outcome import BootOutcome
    from mixedmode.rehearsal.lab.lab import Lab
    from mixedmode.rehearsal.lab.phones import LabPhone

OfStations = GiveNumbers | SetProfile | OrderLscs | CallEachOther
_FIRST_NUMBER: Final = 1001
_REGISTER_SECONDS: Final = 20.0
_ANSWER_SECONDS: Final = 10.0
_TALK_SECONDS: Final = 5.0
_HEARD_SECONDS: Final = 0.05


class Stations:
    """The phones of a lab that register.

    Args:
        lab: Started.

    Attributes:
        calls: Those of the last act.
    """

    def __init__(self, lab: Lab) -> None:
        self._lab = lab
        self.calls: tuple[CallFacts, ...] = ()

    def _phones(self) -> Iterator[LabPhone]:
        for device in self._lab.cluster.devices:
            phone = self._lab.phones.find(device.name)
            if phone is not None and device.protocol == "SCCP":
                yield phone

    async def do(self, act: OfStations) -> list[str]:
        """Do what a step says; return what there is to say of it."""
        match act:
            case GiveNumbers():
                self._give_numbers()
            case SetProfile():
                await self._set_profile(act.mode)
            case OrderLscs():
                await self._order_lscs(act)
            case CallEachOther():
                return await self._call()
        return []

    def _give_numbers(self) -> None:
        """Give every phone a line."""
        lab = self._lab
        lines = [LineSpec(each.phone.name, str(_FIRST_NUMBER + at)) for at, each in enumerate(self._phones())]
        if lines:
            lab.cluster.run(AddLines(tuple(lines)), lab.principal)

    async def _set_profile(self, mode: int) -> None:
        """Give every phone a security mode."""
        lab = self._lab
        for name in lab.phones.names:
            lab.cluster.run(ChangeDevice(name, DeviceValues(security_mode=mode)), lab.principal)
        await self._follow()

    async def _order_lscs(self, act: OrderLscs) -> None:
        """Have CAPF give every phone an LSC when it comes (rule 2)."""
        lab, store = self._lab, self._lab.publisher.capf_store
        control = Control(lab.cluster)

        def order(name: str) -> None:
            store.order(
                name, Operation.INSTALL, key="rsa-2048", password=None, by_certificate=True, mic_first=act.by_mic
            )

        for name in lab.phones.names:
            wanted = Operation.INSTALL.value
            control.do(lab.principal, ORDER_CAPF, lambda name=name: order(name), device=name, operation=wanted)  # type: ignore[misc]
        capf = lab.publisher.supervisor.service("capf")
        if isinstance(capf, CapfService):
            ago = timedelta(days=act.days_ago)
            capf.clock = lambda: datetime.now(UTC) - ago
        await self._follow()

    async def _follow(self) -> None:
        for node in self._lab.nodes.values():
            await node.follow()

    async def reset(self) -> list[BootOutcome]:
        """Reset every phone, by its CallManager where it is registered; return how each ended."""
        lab = self._lab
        phones = [phone for name in lab.phones.names if (phone := lab.phones.find(name)) is not None]
        if all(each.registration is None for each in phones):
            boots = await lab.phones.boot_all(lab.phone_server)
            await lab.phones.register_all(lab.phone_server)
            return boots
        await resetting(lab.nodes, lab.phones, lambda: lab.phone_server)({"kind": "reset"})
        await asyncio.gather(*(each.ready(_REGISTER_SECONDS) for each in self._registrations()))
        return [each.last for each in phones if each.last is not None]

    def _registrations(self) -> Iterator[Registration]:
        yield from (each.registration for each in self._phones() if each.registration is not None)

    def facts(self) -> tuple[StationFacts, ...]:
        """Return how they stand (rule 1)."""
        cluster = self._lab.cluster
        capf = cluster.own_certificate(cluster.publisher.name, Purpose.CAPF.value)
        managers = [node.callmanager for node in self._lab.nodes.values()]
        registered = {each.name: each for manager in managers if manager is not None for each in manager.phones()}
        now = datetime.now(UTC)
        found = []
        for phone in self._phones():
            name, lsc, config = phone.phone.name, phone.keys.lsc, phone.phone.state.config_in_force()
            here = registered.get(name)
            found.append(
                StationFacts(
                    name,
                    "" if here is None else here.security,
                    None if here is None else here.certificate,
                    lsc is not None and lsc.certificate.is_issued_by(capf) and now < lsc.certificate.not_after,
                    config is not None and config.encrypted,
                    phone.status.reason if here is None else "",
                )
            )
        return tuple(found)

    async def _call(self) -> list[str]:
        """Have two phones call each other (rule 3); return what is said of it."""
        self.calls = ()
        able = [each for each in self._phones() if each.registration is not None and each.registration.is_ready]
        if len(able) < 2:
            return ["fewer than two phones are registered: nobody can call"]
        call = await _one_calls(able[0], able[1])
        self.calls = (call,)
        return [f"{call.caller} calls {call.called}: {call.words}"]


class _Handset:
    """A phone for one call."""

    def __init__(self, phone: LabPhone, registration: Registration, *, answers: bool) -> None:
        self.name = phone.phone.name
        self.lines = registration.status.lines
        self.media = RtpMedia(tone_of(self.name))
        self.telephone = Telephone(registration, self.media, answers=answers, on_change=self._changed)
        self.shown: PhoneCall | None = None

    def _changed(self, call: PhoneCall) -> None:
        if call.was_connected:
            self.shown = call

    def heard(self, other: _Handset) -> bool:
        """Tell whether it recognised what the other one plays."""
        sound = None if self.shown is None else self.media.sound(self.shown.call)
        return sound is not None and sound.tone == tone_of(other.name)

    @property
    def kinds(self) -> frozenset[str]:
        """How its sound went, both ways."""
        sound = None if self.shown is None else self.media.sound(self.shown.call)
        return frozenset() if sound is None else frozenset(sound.kind(way) for way in ("sent", "received"))


async def _one_calls(one: LabPhone, two: LabPhone) -> CallFacts:
    if one.registration is None or two.registration is None:
        return CallFacts(one.phone.name, two.phone.name)
    caller, called = _Handset(one, one.registration, answers=False), _Handset(two, two.registration, answers=True)
    try:
        caller.telephone.dial(called.lines[0] if called.lines else "")
        connected = await caller.telephone.wait(
            lambda calls: any(each.was_connected for each in calls.values()), _ANSWER_SECONDS
        )
        end = asyncio.get_running_loop().time() + _TALK_SECONDS
        while connected and asyncio.get_running_loop().time() < end:
            if caller.heard(called) and called.heard(caller):
                break
            await asyncio.sleep(_HEARD_SECONDS)
        handsets = [each for each in (caller, called) if each.shown is not None]
        facts = CallFacts(
            caller.name,
            called.name,
            connected and len(handsets) == 2,
            tuple(each.shown.icon for each in handsets if each.shown is not None),
            frozenset().union(*(each.kinds for each in handsets)),
            caller.heard(called) and called.heard(caller),
        )
        for call in tuple(caller.telephone.calls.values()):
            caller.telephone.hang_up(call)
        await caller.telephone.wait(lambda calls: not calls, _TALK_SECONDS)
        return facts
    finally:
        caller.telephone.hush()
        called.telephone.hush()
