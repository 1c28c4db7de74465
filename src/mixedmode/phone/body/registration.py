"""How a phone stays registered: the servers of its configuration in order, with failover, and Reset.

Rules (phone-trust.md 6, wire-formats.md 6):

1. The servers are asked in the order of the CallManager group; the next one when one fails. When all failed, the phone
   waits, twice as long each time, and begins again with the first, for ever. It does not leave a server for a better
   one. When all failed twice it fetches its files before it begins again: what it holds may be what they refuse. With
   other files it waits as short as at first.
2. By TLS or in the clear, as :func:`~mixedmode.phone.mind.trust.registration_trust.ways_to_register` says; by TLS
   nothing is sent to a server that the phone does not trust.
3. Reset and restart: the phone unregisters, ``on_reset`` boots it, and it registers with what it holds then. "Apply
   config": ``on_reset`` is called while it stays registered; it registers again only if its configuration is another.
4. Every wait has a deadline.
5. A model that speaks SIP only does not register, since this CallManager speaks SCCP; it says so.
"""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import Awaitable, Callable, Iterable
from dataclasses import replace
from typing import TYPE_CHECKING, Final

from mixedmode.errors import MixedModeError, RemoteError
from mixedmode.phone.body.client import Phone
from mixedmode.phone.body.registration_link import Link, Target
from mixedmode.phone.body.registration_status import (
    RegistrationState,
    RegistrationStatus,
    RegistrationTimes,
    speaks_sip_only,
)
from mixedmode.phone.body.tls import PhoneTls
from mixedmode.phone.body.tvs import TvsClient, ask_in_turn, ask_tvs
from mixedmode.phone.body.waiting import until
from mixedmode.phone.mind.config import CallManager, PhoneConfig
from mixedmode.phone.mind.trust.asking import tvs_requests
from mixedmode.phone.mind.trust.decisions import NeedTvs
from mixedmode.phone.mind.trust.registration_trust import judge_server, ways_to_register
from mixedmode.protocols.sccp.calls.layout import Laid
from mixedmode.protocols.sccp.messages.registering import ResetKind
from mixedmode.protocols.sccp.messages.report import TrustReport, write_report
from mixedmode.protocols.sccp.registration.phone_events import (
    Acknowledged,
    CallTold,
    PhoneEnd,
    PhoneEnded,
    PhoneEvent,
    PhoneFacts,
    PhoneTimes,
    Ready,
    ResetAsked,
)

if TYPE_CHECKING:
    from mixedmode.pki.certificates.certificates import Certificate
    from mixedmode.pki.signing.signer import SoftwareSigner

_UNTRUSTED: Final = "sccp-untrusted"
OnReset = Callable[[ResetKind], Awaitable[None]]
"""Boots the phone, or fetches its configuration; a failure is noted and the phone goes on with what it holds."""
OnRefused = Callable[[], Awaitable[None]]
"""Fetches the phone's files; a failure is noted, as there."""


class Registration:
    """Keeps one phone registered.

    Args:
        phone: It has booted: its state has a configuration. It registers in its world.
        identity: Its LSC or MIC, for TLS; a function is asked, in a thread, whenever it registers by TLS.
        on_reset: Called when a CallManager wants a reset (rule 3); None: nothing is fetched again.
        on_change: Told each new status.
        tvs: How TVS is asked about a server.
        times: How long it waits.
        on_refused: Called when all servers failed, and again (rule 1); None: nothing is fetched again.

    Attributes:
        status: How the phone stands.
        is_ready: Whether it has set itself up where it is registered.
        distrusts: Whether the phone trusted none of the servers when it tried them all, and is not registered since.
        protocol: The version that the last server agreed on.
        on_call: Told what a server says of calls.
        on_protocol: Told the version whenever a server has registered the phone.
    """

    def __init__(
        self,
        phone: Phone,
        *,
        identity: SoftwareSigner | Callable[[], SoftwareSigner | None] | None = None,
        on_reset: OnReset | None = None,
        on_change: Callable[[RegistrationStatus], None] = lambda _status: None,
        tvs: TvsClient | None = ask_tvs,
        times: RegistrationTimes | None = None,
        on_refused: OnRefused | None = None,
    ) -> None:
        self.phone = phone
        self.identity = identity
        self.status = RegistrationStatus()
        self._on_reset, self._on_change, self._tvs, self._on_refused = on_reset, on_change, tvs, on_refused
        self._times = times or RegistrationTimes()
        self._monotonic, self._now = phone.world.clock.monotonic, phone.world.clock.now
        self.protocol = 0
        self.on_call: Callable[[Laid], None] = lambda _message: None
        self.on_protocol: Callable[[int], None] = lambda _protocol: None
        self.is_ready = self._in_vain = self.distrusts = self._doubted = False
        self._cause = "Initialized"
        self._link: Link | None = None
        self._task: asyncio.Task[None] | None = None
        self._applying: asyncio.Task[None] | None = None
        self._asked: ResetKind | None = None
        self._stopping = False
        self._changed = asyncio.Event()

    @property
    def registered(self) -> bool:
        """Whether a CallManager has registered the phone."""
        return self.status.state is RegistrationState.REGISTERED

    @property
    def address(self) -> str:
        """The phone's own address, as its server sees it."""
        return "127.0.0.1" if self._link is None else self._link.address

    def say(self, messages: Iterable[Laid]) -> None:
        """Say something about calls; nothing, if the phone is not registered."""
        if self._link is not None:
            self._link.say(messages)

    def start(self) -> None:
        """Begin to register; returns at once. Starting twice does no harm."""
        if self._task is None:
            self._stopping = self._in_vain = False
            self._task = asyncio.create_task(self.run())

    async def stop(self) -> None:
        """Unregister and end."""
        self._stopping, self.distrusts = True, False
        if self._link is not None:
            self._link.leave()
        task, self._task = self._task, None
        if task is not None:
            await asyncio.wait({task}, timeout=self._times.leave if self.registered else 0)
            task.cancel()
            await asyncio.gather(task, return_exceptions=True)
        self._note(RegistrationState.OFF, "the phone left")

    async def wait(self, state: RegistrationState, timeout: float) -> bool:
        """Wait until the phone has a state; return whether it came in ``timeout`` seconds."""
        return await until(self._changed, lambda: self.status.state is state, timeout)

    async def ready(self, timeout: float) -> bool:
        """Wait until the phone is registered and has set itself up.

        Returns:
            Whether it came in ``timeout`` seconds, and before all servers were tried in vain.
        """
        await until(self._changed, lambda: self.is_ready or self._in_vain, timeout)
        return self.is_ready

    async def run(self) -> None:
        """Register, and again whenever it ends, until :meth:`stop` or cancelled."""
        pause = first = self._times.first_pause
        while not self._stopping:
            if await self._round():
                pause = first
            elif not self._stopping:
                self._in_vain = True
                self._changed.set()
                await asyncio.sleep(pause)
                found_others = pause > first and await self._fetched_others()
                pause = first if found_others else min(2 * pause, self._times.longest_pause)

    async def _round(self) -> bool:
        """Try the servers once, in order; return whether to begin again at once."""
        try:
            config, managers = self._servers()
        except MixedModeError as error:
            self._note(RegistrationState.UNREGISTERED, str(error))
            return False
        doubted = 0
        for manager in managers:
            begun = self._monotonic()
            ended = await self._try_each_way(config, manager)
            if self._asked is not None:
                await self._reset(self._asked)
                return True
            if self._stopping or (ended and self._monotonic() - begun >= self._times.settled):
                return True
            doubted += self._doubted
        self.distrusts = doubted == len(managers)
        return False

    async def _fetched_others(self) -> bool:
        """Fetch the files after all servers failed (rule 1); return whether the phone holds others now."""
        if self._on_refused is None or self._stopping or self._speaks_sip():
            return False
        before = self.phone.state
        try:
            await self._on_refused()
        except MixedModeError as error:
            self._note(self.status.state, str(error))
        after = self.phone.state
        return (before.config, before.trust) != (after.config, after.trust)

    def _speaks_sip(self) -> bool:
        try:
            config = self.phone.state.config_in_force()
        except MixedModeError:
            return False
        return self.phone.model.sip_only or (config is not None and (config.protocol or "SCCP") != "SCCP")

    def _servers(self) -> tuple[PhoneConfig, tuple[CallManager, ...]]:
        config = self.phone.state.config_in_force()
        if config is None:
            raise RemoteError("the phone has no configuration", next_step="let it boot first")
        if self.phone.model.sip_only:
            raise RemoteError(speaks_sip_only(self.phone.model))
        if (config.protocol or "SCCP") != "SCCP":
            raise RemoteError(f"its configuration has {config.protocol}; simulated phones register by SCCP alone")
        if not config.call_managers:
            raise RemoteError("the configuration names no CallManager")
        return config, config.call_managers

    async def _try_each_way(self, config: PhoneConfig, manager: CallManager) -> bool:
        """Register with one server; return whether it did."""
        for secure in ways_to_register(config.device_security_mode, self.phone.state.trust):
            if await self._try(config, manager, secure=secure):
                return True
            if self._asked is not None or self._stopping:
                break
        return False

    async def _try(self, config: PhoneConfig, manager: CallManager, *, secure: bool) -> bool:
        link = await self._link_to(config, manager, secure=secure)
        self.status = replace(self.status, server=str(link.target), secure=secure)
        self._note(RegistrationState.REGISTERING, self.status.reason)
        self._doubted = False
        try:
            self._link = link
            ended = await link.run(self._told)
        except MixedModeError as error:
            ended = PhoneEnded(PhoneEnd.SILENT, _words(error))
            self._doubted = error.code == _UNTRUSTED
        finally:
            self._link = None
            await self._stop_applying()
        was_registered, self.is_ready = self.registered, False
        if was_registered:
            self._cause = "KeepaliveTO" if ended.reason is PhoneEnd.SILENT else "TCP-timeout"
        self._note(RegistrationState.UNREGISTERED, ended.text)
        return was_registered

    async def _link_to(self, config: PhoneConfig, manager: CallManager, *, secure: bool) -> Link:
        mode, times = config.device_security_mode or 1, self._times
        port = manager.secure_sccp_port if secure else manager.sccp_port
        tls = PhoneTls(self.phone.model.tls_max, mode, await self._identity()) if secure else None
        target, answer = Target(manager.address, port, tls), PhoneTimes(times.answer)
        return Link(target, self._facts(config), self._check_server, times.connect, answer, self.phone.world)

    async def reached(self) -> str:
        """Return the address of the first server of its group that it can connect to and trusts, empty if none.

        For a phone that speaks SIP, and never registers here: it shows and judges the same certificates.
        """
        config = self.phone.state.config_in_force()
        if config is None:
            return ""
        for manager in config.call_managers:
            for secure in ways_to_register(config.device_security_mode, self.phone.state.trust):
                with contextlib.suppress(MixedModeError):
                    await (await self._link_to(config, manager, secure=secure)).reach()
                    return manager.address
        return ""

    async def _identity(self) -> SoftwareSigner | None:
        identity = self.identity
        return await asyncio.to_thread(identity) if callable(identity) else identity

    def _facts(self, config: PhoneConfig) -> PhoneFacts:
        phone = self.phone
        trust, model = phone.state.trust, phone.model
        held = TrustReport(trust.ctl.sha1 if trust.ctl else "", trust.itl.sha1 if trust.itl else "")
        return PhoneFacts(
            phone.name,
            model.device_type or 0,
            load=config.load or "",
            cause=self._cause,
            # Firmware that knows Security by Default is recent enough to send XML alarms.
            report=write_report(phone.name, held) if model.security_by_default else "",
        )

    def _told(self, event: PhoneEvent) -> None:
        match event:
            case CallTold(message=message):
                self.on_call(message)
            case Acknowledged(protocol=protocol):
                self.protocol, self.distrusts = protocol, False
                self.on_protocol(protocol)
                self._note(RegistrationState.REGISTERED, "")
            case Ready(lines=lines):
                self.status = replace(self.status, lines=lines)
                self.is_ready = True
                self._changed.set()
            case ResetAsked(kind=ResetKind.APPLY_CONFIG):
                if self._applying is None or self._applying.done():
                    self._applying = asyncio.create_task(self._apply_config())
            case ResetAsked(kind=kind):
                self._asked = kind
            case _:
                pass

    async def _apply_config(self) -> None:
        before = self.phone.state.config
        await self._call_back(ResetKind.APPLY_CONFIG)
        if self.phone.state.config != before and self._link is not None:
            self._asked = ResetKind.APPLY_CONFIG
            self._link.leave()

    async def _stop_applying(self) -> None:
        task, self._applying = self._applying, None
        if task is not None and not task.done():
            task.cancel()
            await asyncio.gather(task, return_exceptions=True)

    async def _reset(self, kind: ResetKind) -> None:
        self._asked, self._in_vain = None, False
        self._cause = "Reset-Reset" if kind is ResetKind.RESET else "Reset-Restart"
        if kind is not ResetKind.APPLY_CONFIG:
            await self._call_back(kind)

    async def _call_back(self, kind: ResetKind) -> None:
        self.status = replace(self.status, resets=self.status.resets + 1)
        if self._on_reset is not None:
            try:
                await self._on_reset(kind)
            except MixedModeError as error:
                self._note(self.status.state, str(error))

    async def _check_server(self, certificate: Certificate) -> None:
        """Raise unless the phone trusts a server's certificate (rule 2)."""
        phone = self.phone
        trust = phone.state.trust
        verdict = judge_server(phone.policy, trust, certificate)
        while isinstance(verdict, NeedTvs):
            answer = phone.state.remembered(verdict.question, self._now())
            if answer is None:
                requests = tvs_requests(phone.name, phone.model, trust, verdict.question)
                # That none answered is said by the verdict.
                answer = await ask_in_turn(self._tvs, requests)
                phone.state = phone.state.remembering(verdict.question, answer, self._now())
            verdict = judge_server(phone.policy, trust, certificate, answer)
        if verdict.refused:
            raise RemoteError(
                f"the server is not trusted: {verdict.text}",
                next_step="let the phone fetch the CTL and ITL of this cluster",
                code=_UNTRUSTED,
            )

    def _note(self, state: RegistrationState, reason: str) -> None:
        since = self.status.since if state is self.status.state else self._now()
        self.status = replace(self.status, state=state, reason=reason, since=since)
        self._changed.set()
        self._on_change(self.status)


def _words(error: MixedModeError) -> str:
    return f"{error} ({error.why})" if error.why else str(error)
