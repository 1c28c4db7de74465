"""A phone on the network: runs the boot machine against a server, logs, and keeps its state.

Rules (phone-trust.md 1.2 and 3.2):

1. A model that prefers HTTP repeats the same file by TFTP when HTTP fails; "not found" is an answer, not a
   failure.
2. TVS servers are asked in their order; the next one when one fails. Without a TVS client none is reachable.
3. Every wait has a deadline. A server that has not answered anything before its first time-out is not asked
   for further files.
4. The state is stored after each boot, whatever came of it.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, Protocol

from mixedmode.errors import RemoteError
from mixedmode.phone.body.download import fetch_http, fetch_tftp
from mixedmode.phone.body.errors import FileNotFoundOnServer, TransferFailed
from mixedmode.phone.body.storage import load_state, save_state
from mixedmode.phone.mind.alarms import ERASING
from mixedmode.phone.mind.boot import Boot, Decrypt
from mixedmode.phone.mind.console import Console, Note
from mixedmode.phone.mind.models import PhoneModel
from mixedmode.phone.mind.names import device_name
from mixedmode.phone.mind.requests import AskTvs, BootFile, Fetch, Finished
from mixedmode.phone.mind.screen import screen_document, trust_list_screen
from mixedmode.phone.mind.trust.decisions import TVS_UNREACHABLE, ListKind, TvsAnswer, TvsQuestion
from mixedmode.phone.mind.trust.policy import TrustPolicy
from mixedmode.phone.mind.trust.settings import BootSettings, PolicySettings
from mixedmode.phone.mind.trust.state import PhoneState, TrustState, TvsServer
from mixedmode.protocols.tftp import FailureReason
from mixedmode.trustlist.roles import Role

FILE_LIMIT = 1 << 20
"""Bytes; a phone takes no larger list or configuration."""


@dataclass(frozen=True, slots=True)
class Server:
    """Where files come from.

    Attributes:
        host: Name or address.
        tftp_port: UDP port of TFTP.
        http_port: TCP port of plain HTTP; None: no HTTP.
        timeout: Seconds until a TFTP packet is repeated.
        retries: How often, before giving up.
        http_deadline: Seconds for one file by HTTP.
    """

    host: str
    tftp_port: int = 69
    http_port: int | None = 6970
    timeout: float = 1.0
    retries: int = 5
    http_deadline: float = 10.0


@dataclass(frozen=True, slots=True)
class TvsRequest:
    """A question for one TVS server.

    Attributes:
        server: Whom to ask.
        question: What to ask.
        device: Who asks: ``CP-7975-SEP001122334455``.
        tls_max: The phone's highest TLS version.
        trusted: DER of the TVS certificates of the stored ITL; no other may answer (phone-trust.md 2.1).
    """

    server: TvsServer
    question: TvsQuestion
    device: str
    tls_max: str
    trusted: tuple[bytes, ...]


TvsClient = Callable[[TvsRequest], Awaitable[TvsAnswer]]
"""Asks one server, within a deadline of its own; raises RemoteError if that does not answer, or another does."""


class Fetcher(Protocol):
    """Fetches one file for a phone."""

    async def __call__(self, name: str) -> tuple[bytes, str]:
        """Return the file and how it came.

        Raises:
            FileNotFoundOnServer: There is no such file.
            TransferFailed: It did not come.
        """


@dataclass(frozen=True, slots=True)
class BootReport:
    """What a boot showed.

    Attributes:
        device: The phone's name.
        model: Its model.
        result: What the boot amounts to.
        trust: What the phone holds now.
        messages: Status messages, in order.
        log: Console log lines.
        reachable: Whether the server answered at all.
    """

    device: str
    model: PhoneModel
    result: Finished
    trust: TrustState
    messages: tuple[str, ...]
    log: tuple[str, ...]
    reachable: bool

    @property
    def exit_code(self) -> int:
        """3 if the server did not answer, 1 if the phone refused a file or did not get one, else 0."""
        if not self.reachable:
            return 3
        alarm = self.result.alarm
        return 1 if self.result.refused or (alarm is not None and alarm.failed) else 0

    def screen(self) -> list[str]:
        """Return the trust list screen."""
        return trust_list_screen(self.model, self.trust)

    def document(self) -> dict[str, Any]:
        """Return the report as JSON."""
        alarm = self.result.alarm
        decisions = {}
        for file in BootFile:
            if file in self.result.decisions:
                decision = self.result.decisions[file]
                decisions[file.value] = decision and {
                    "outcome": decision.outcome.value,
                    "reason": decision.reason.value,
                    "text": decision.text,
                    "row": decision.row,
                    "voucher": decision.voucher and decision.voucher.value,
                    "record": decision.record,
                    "setting": decision.setting,
                    "older": decision.older,
                }
        return {
            "device": self.device,
            "model": self.model.name,
            "reachable": self.reachable,
            "alarm": None if alarm is None else {"code": alarm.value, "name": alarm.name},
            "messages": list(self.messages),
            "trust_list": screen_document(self.model, self.trust),
            "decisions": decisions,
            "log": list(self.log),
        }


class Phone:
    """One phone.

    Args:
        name: Its name, ``SEP`` and the MAC address.
        model: What it can do.
        state_file: Where its state is kept; None: only in memory.
        policy_settings: Open questions about its trust rules.
        boot_settings: Open questions about its start.
        tvs: How it asks TVS; None: no TVS is reachable.
        decrypt: Opens files encrypted to it.
        manual_key: Whether it runs SIP and a key was entered by hand.
        on_line: Told each console log line as it is written.

    Raises:
        UsageError: The name is no phone's.
        PhoneStateError: The state file is damaged.
    """

    def __init__(
        self,
        name: str,
        model: PhoneModel,
        *,
        state_file: Path | None = None,
        policy_settings: PolicySettings | None = None,
        boot_settings: BootSettings | None = None,
        tvs: TvsClient | None = None,
        decrypt: Decrypt | None = None,
        manual_key: bool = False,
        on_line: Callable[[str], None] | None = None,
    ) -> None:
        self.name = device_name(name)
        self.model = model
        self.policy = TrustPolicy(model, policy_settings)
        self._boot_settings = boot_settings
        self._tvs = tvs
        self._decrypt = decrypt
        self._manual_key = manual_key
        self._on_line = on_line
        self._state_file = state_file
        stored = load_state(state_file, self.name) if state_file is not None else None
        self.state = stored or PhoneState()
        self._erased = False
        self._lines: list[str] = []
        self._line_number = 0

    def erase(self, *kinds: ListKind) -> None:
        """Erase lists by hand, as on the phone's security menu.

        Raises:
            RemoteError: The state cannot be written.
        """
        for kind in kinds:
            self.state = self.state.without(kind)
        self._erased = self._erased or bool(kinds)
        self._store()

    async def boot(self, server: Server) -> BootReport:
        """Start: fetch, decide, store, and say what a person would see.

        Raises:
            RemoteError: The state cannot be written.
        """
        self._lines = []
        console = Console(self.model)
        boot = Boot(
            self.name,
            self.policy,
            self.state,
            settings=self._boot_settings,
            decrypt=self._decrypt,
            manual_key=self._manual_key,
            console=console,
        )
        fetcher = _ServerFetcher(server, self.model)
        while not isinstance(boot.request, Finished):
            self._log(console.take())
            if isinstance(boot.request, Fetch):
                await self._fetch(boot, boot.request, fetcher)
            else:
                answer = await self._ask(boot.request, boot.state, console)
                boot.answered(answer, _now())
        self._log(console.take())
        self.state = boot.state
        self._store()
        return self._report(boot.request, reachable=fetcher.answered)

    async def _fetch(self, boot: Boot, request: Fetch, fetcher: Fetcher) -> None:
        try:
            data, transport = await fetcher(request.name)
        except FileNotFoundOnServer:
            boot.not_found(_now())
        except TransferFailed as error:
            boot.failed(error.what)
        else:
            boot.received(data, _now(), transport=transport)

    async def _ask(self, request: AskTvs, state: PhoneState, console: Console) -> TvsAnswer:
        trusted = tuple(
            record.certificate_der
            for record in (state.trust.itl.records_with_role(Role.TVS) if state.trust.itl else ())
            if record.certificate_der is not None
        )
        ask = self._tvs
        if ask is None:
            return TVS_UNREACHABLE
        for server in request.servers:
            asked = TvsRequest(
                server, request.question, f"{self.model.product}-{self.name}", self.model.tls_max, trusted
            )
            try:
                return await ask(asked)
            except RemoteError as error:
                console.remark(f"TVS {server.address}:{server.port}: {error.what}")
        return TVS_UNREACHABLE

    def _report(self, result: Finished, *, reachable: bool) -> BootReport:
        messages = result.messages
        if self._erased:
            messages = (ERASING, *messages)
            self._erased = False
        return BootReport(self.name, self.model, result, self.state.trust, messages, tuple(self._lines), reachable)

    def _log(self, notes: list[Note]) -> None:
        for note in notes:
            self._line_number += 1
            line = note.line(self._line_number, _now())
            self._lines.append(line)
            if self._on_line is not None:
                self._on_line(line)

    def _store(self) -> None:
        if self._state_file is not None:
            save_state(self._state_file, self.name, self.state)


class _ServerFetcher:
    """Fetches by HTTP then TFTP or by TFTP alone (rules 1 and 3)."""

    def __init__(self, server: Server, model: PhoneModel) -> None:
        self.answered = False
        self._server = server
        self._http = server.http_port if model.http_first else None
        self._silent = False

    async def __call__(self, name: str) -> tuple[bytes, str]:
        if self._silent and not self.answered:
            raise TransferFailed("the server does not answer")
        server = self._server
        try:
            if self._http is not None:
                try:
                    host = f"[{server.host}]" if ":" in server.host else server.host
                    url = f"http://{host}:{self._http}/{name}"
                    data = await fetch_http(url, limit=FILE_LIMIT, deadline=server.http_deadline)
                except TransferFailed as error:
                    if error.code == "timeout":
                        self._http = None
                else:
                    self.answered = True
                    return data, "HTTP"
            data = await fetch_tftp(
                server.host,
                server.tftp_port,
                name,
                timeout=server.timeout,
                retries=server.retries,
                limit=FILE_LIMIT,
            )
        except FileNotFoundOnServer:
            self.answered = True
            raise
        except TransferFailed as error:
            self._silent = True
            self.answered = self.answered or error.code in _ANSWERS
            raise
        self.answered = True
        return data, "TFTP"


_ANSWERS = {FailureReason.REFUSED.value, FailureReason.TOO_LARGE.value, FailureReason.BAD_OPTIONS.value}
"""Failures that only a server which is there can cause."""


def _now() -> datetime:
    return datetime.now(UTC)
