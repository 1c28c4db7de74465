"""How a phone starts, without sockets: which file it asks for next, and what it makes of the answer.

Order (phone-trust.md 1.1 and 1.3): CTL, ITL (models with Security by Default), configuration by the names that
the lists and the last configuration call for. TVS is asked in between, with the servers of the last
configuration. :attr:`Boot.request` says what the machine waits for; one of four inputs answers it:

=========== =============================== ==============================================
request     input                           next
=========== =============================== ==============================================
Fetch       failed                          the same file by the next transport, or as below
Fetch       received, not_found, failed     the next name of this file, the next file
Fetch       received                        AskTvs, if nobody here knows the signer
AskTvs      answered                        the next file
BootOutcome none                            --
=========== =============================== ==============================================

A file that could not be fetched, by whatever transport (:mod:`.transports`), is not asked for by its other names; a
refused configuration leaves the old one in force, and nothing else is tried. Each file is parsed once: what the policy
has judged is what is stored.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from datetime import datetime
from typing import Final

from mixedmode.errors import MalformedError, MixedModeError, UsageError
from mixedmode.phone.mind.alarms import ListEvent, alarm_of, list_event, status_messages
from mixedmode.phone.mind.config import PhoneConfig, parse_config
from mixedmode.phone.mind.console import Console
from mixedmode.phone.mind.names import config_names, list_names
from mixedmode.phone.mind.outcome import BootOutcome
from mixedmode.phone.mind.requests import LIST_FILES, AskTvs, BootFile, Fetch, Request
from mixedmode.phone.mind.transports import Transports
from mixedmode.phone.mind.trust.asking import tvs_requests
from mixedmode.phone.mind.trust.decisions import Decision, ListKind, NeedTvs, Outcome, Reason, TvsAnswer, Verdict
from mixedmode.phone.mind.trust.policy import TrustPolicy
from mixedmode.phone.mind.trust.settings import BootSettings
from mixedmode.phone.mind.trust.state import PhoneState
from mixedmode.signedfile.signed import SignedFile
from mixedmode.trustlist.model import TrustList

Decrypt = Callable[[SignedFile], bytes]
"""Opens an encrypted file with the phone's own key; raises a :class:`MixedModeError` if it cannot."""
_SETTINGS: Final = BootSettings()


class Boot:
    """One start of one phone.

    Args:
        device: The phone's name.
        policy: Its trust rules.
        state: What it holds.
        http: Whether the server has files by HTTP too; only models that prefer it ask there.
        settings: Open questions about the order.
        decrypt: Opens files that are encrypted to this phone; without it they are not asked for.
        manual_key: Whether the phone runs SIP and a key was entered by hand.
        console: Told what a person would read on the phone's console; None saves the time.

    Attributes:
        state: What it holds now.
        request: What it waits for; at the end, what came of it all.
    """

    def __init__(
        self,
        device: str,
        policy: TrustPolicy,
        state: PhoneState,
        *,
        http: bool = False,
        settings: BootSettings | None = None,
        decrypt: Decrypt | None = None,
        manual_key: bool = False,
        console: Console | None = None,
    ) -> None:
        self.device = device
        self.policy = policy
        self.state = state
        self._settings = settings or _SETTINGS
        self._decrypt = decrypt
        self._manual_key = manual_key
        self._console = console
        self._before = state.trust
        self._decisions: dict[BootFile, Decision | None] = {}
        self._offered: dict[ListKind, TrustList | bytes] = {}
        self._names: tuple[str, ...] = ()
        self._waiting: TrustList | SignedFile | bytes | None = None
        self._transports = Transports(http=http and policy.model.http_first)
        self._config: PhoneConfig | None = None
        self._file = BootFile.CTL
        self.request: Request | BootOutcome = self._begin(BootFile.CTL)

    def received(self, data: bytes, now: datetime) -> None:
        """The file came.

        Args:
            data: Its bytes.
            now: UTC.
        """
        fetch = self._fetching()
        self._transports.answered = True
        if self._console:
            self._console.received(fetch.name, len(data), fetch.transport)
        self._waiting = self.policy.read_file(data) if fetch.file is BootFile.CONFIG else self.policy.read_list(data)
        self._consider(None, now)

    def not_found(self, now: datetime) -> None:
        """The server has no such file."""
        fetch = self._fetching()
        self._transports.answered = True
        if self._console:
            self._console.not_found(fetch.name)
        if self._names:
            self.request = self._next_name()
        else:
            self._waiting = None
            self._consider(None, now)

    def failed(self, why: str, code: str = "timeout") -> None:
        """The file could not be fetched.

        Args:
            why: For people.
            code: For :meth:`.Transports.after`.
        """
        fetch = self._fetching()
        transport = self._transports.after(fetch.transport, code)
        self.request = self._given_up(why) if transport is None else Fetch(fetch.file, fetch.name, transport)

    def answered(self, answer: TvsAnswer, now: datetime) -> None:
        """TVS answered, or no server could be asked."""
        request = self.request
        if not isinstance(request, AskTvs):
            raise UsageError("the phone asked no TVS", where=self.device)
        if self._console:
            self._console.answer(answer, cached=False)
        self.state = self.state.remembering(request.question, answer, now)
        self._consider(answer, now)

    def _fetching(self) -> Fetch:
        if isinstance(self.request, Fetch):
            return self.request
        raise UsageError("the phone waits for no file", where=self.device)

    def _given_up(self, why: str) -> Request | BootOutcome:
        if self._console:
            self._console.failed(self._name, why)
        self._decisions[self._file] = None
        return self._after()

    def _begin(self, file: BootFile) -> Request | BootOutcome:
        self._file = file
        settings = self._settings
        if file is BootFile.CONFIG:
            signed = self.policy.expects_signed(self.state.trust)
            encrypted = self.state.ask_encrypted and self._decrypt is not None
            if self._console and not signed:
                self._console.unsigned_files(holds_ctl=self.state.trust.ctl is not None)
            self._names = config_names(self.device, signed=signed, encrypted=encrypted, default=settings.default_config)
        else:
            shared = settings.ask_shared_ctl if file is BootFile.CTL else settings.ask_shared_itl
            self._names = list_names(self.device, LIST_FILES[file], shared=shared)
        return self._next_name()

    def _next_name(self) -> Request | BootOutcome:
        name = self._name = self._names[0]
        self._names = self._names[1:]
        if self._console:
            self._console.asked(name)
        transport = self._transports.first()
        if transport is None:
            return self._given_up("the server does not answer")
        return Fetch(self._file, name, transport)

    def _after(self) -> Request | BootOutcome:
        if self._file is BootFile.CTL and self.policy.model.asks_itl:
            return self._begin(BootFile.ITL)
        if self._file is BootFile.CONFIG:
            return self._finish()
        return self._begin(BootFile.CONFIG)

    def _consider(self, answer: TvsAnswer | None, now: datetime) -> None:
        verdict = self._verdict(answer, now)
        while isinstance(verdict, NeedTvs):
            known = self.state.remembered(verdict.question, now)
            if known is None:
                trust, question = self.state.trust, verdict.question
                if self._console:
                    self._console.question(question, trust.tvs_servers)
                self.request = AskTvs(question, tvs_requests(self.device, self.policy.model, trust, question))
                return
            if self._console:
                self._console.answer(known, cached=True)
            verdict = self._verdict(known, now)
        if self._file is BootFile.CONFIG:
            self.request = self._take_config(verdict)
        else:
            self._take_list(LIST_FILES[self._file], verdict)
            self.request = self._after()

    def _verdict(self, answer: TvsAnswer | None, now: datetime) -> Verdict:
        trust, policy, offered = self.state.trust, self.policy, self._waiting
        if self._file is BootFile.CONFIG:
            file = None if isinstance(offered, TrustList) else offered
            return policy.check_signed_file(trust, self._name, file, tvs=answer, now=now, manual_key=self._manual_key)
        trust_list = None if isinstance(offered, SignedFile) else offered
        return policy.offer_trust_list(trust, LIST_FILES[self._file], trust_list, tvs=answer, now=now)

    def _take_list(self, kind: ListKind, decision: Decision) -> None:
        self._decisions[self._file] = decision
        if isinstance(self._waiting, TrustList | bytes):
            self._offered[kind] = self._waiting
        if self._console:
            self._console.list_decision(kind, self._name, decision)
        self.state = self.state.after(decision, kind, self._waiting if isinstance(self._waiting, TrustList) else None)

    def _take_config(self, decision: Decision) -> Request | BootOutcome:
        data = self._waiting
        if decision.accepted and isinstance(data, SignedFile | bytes):
            try:
                self._install_config(data)
            except MixedModeError as error:
                text = f"the signature is in order, but {error}" if isinstance(data, SignedFile) else str(error)
                decision = Decision(Outcome.REJECT, Reason.CORRUPT, text, decision.row)
        self._decisions[BootFile.CONFIG] = decision
        if self._console:
            self._console.config_decision(self._name, decision)
        follow = self._encrypted_follow_up(decision)
        return self._next_name() if follow else self._after()

    def _install_config(self, data: SignedFile | bytes) -> None:
        content = data
        if isinstance(content, SignedFile):
            content = self._open(content) if content.is_encrypted else content.payload
        config = parse_config(content)
        self._config = config
        if config.full:
            self.state = self.state.with_config(self._name, content, config)
        if self.state.ask_encrypted != config.encrypted:
            self.state = replace(self.state, ask_encrypted=config.encrypted)

    def _open(self, file: SignedFile) -> bytes:
        if self._decrypt is None:
            raise MalformedError(
                "the file is encrypted and this phone has no key to open it", code="key_needed", where=self._name
            )
        return self._decrypt(file)

    def _encrypted_follow_up(self, decision: Decision) -> bool:
        """A stub stands in for an encrypted file: ask for that at once."""
        name = f"{self.device}.cnf.xml.enc.sgn"
        config = self._config
        if not decision.accepted or config is None or config.full or not config.encrypted or self._name == name:
            return False
        if self._decrypt is None or self._names == (name,):
            return False
        self._names = (name,)
        return True

    def _finish(self) -> BootOutcome:
        config = self._config or self._stored_config()
        state = self.state
        events = {kind: self._event(file, kind) for file, kind in LIST_FILES.items()}
        ctl, itl = events[ListKind.CTL], events[ListKind.ITL]
        decisions = {kind: self._decisions.get(file) for file, kind in LIST_FILES.items()}
        holds_any = state.trust.ctl is not None or state.trust.itl is not None
        messages = status_messages(ctl, itl, decisions, holds_any=holds_any)
        self._check_mode(config)
        decision = self._decisions.get(BootFile.CONFIG)
        if decision is not None and decision.reason is Reason.NOT_FOUND:
            messages.append("File not found <Cfg File>")
        return BootOutcome(
            self.device,
            self.policy.model,
            state,
            events,
            alarm_of(ctl, itl),
            tuple(messages),
            self._decisions,
            config,
            self._transports.answered,
            offered=self._offered,
        )

    def _event(self, file: BootFile, kind: ListKind) -> ListEvent:
        had_one = self._before.held(kind) is not None
        if file in self._decisions:
            return list_event(had_one=had_one, decision=self._decisions[file])
        return ListEvent.SAME if had_one else ListEvent.ABSENT

    def _stored_config(self) -> PhoneConfig | None:
        try:
            config = self.state.config_in_force()
        except MalformedError:
            return None
        if config is not self.state.parsed:
            self.state = replace(self.state, parsed=config)
        return config

    def _check_mode(self, config: PhoneConfig | None) -> None:
        secure = config is not None and (config.device_security_mode or 1) > 1
        if secure and self.state.trust.ctl is None and self._console:
            self._console.remark("the device is in a secure mode, but there is no CTL; asking again until one comes")
