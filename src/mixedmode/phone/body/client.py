"""A phone on the network: runs the boot machine against a server, logs, and keeps its state.

Rules:

1. The boot machine says which file to fetch by which transport, and whom to ask; here it is done.
2. Without a TVS client no TVS is reachable.
3. Every wait has a deadline.
4. The state is stored after each boot, whatever came of it.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace
from pathlib import Path

from mixedmode.errors import RemoteError
from mixedmode.phone.body.download import fetch_http, fetch_tftp
from mixedmode.phone.body.errors import FileNotFoundOnServer, TransferFailed
from mixedmode.phone.body.network import Network
from mixedmode.phone.body.storage import load_state, save_state
from mixedmode.phone.body.tvs import TvsClient, ask_in_turn
from mixedmode.phone.body.world import REAL, World
from mixedmode.phone.mind.alarms import ERASING
from mixedmode.phone.mind.boot import Boot, Decrypt
from mixedmode.phone.mind.console import Console, Note
from mixedmode.phone.mind.models import PhoneModel
from mixedmode.phone.mind.names import device_name
from mixedmode.phone.mind.outcome import BootOutcome
from mixedmode.phone.mind.requests import AskTvs, Fetch
from mixedmode.phone.mind.transports import Transport
from mixedmode.phone.mind.trust.asking import TvsRequest
from mixedmode.phone.mind.trust.decisions import ListKind, TvsAnswer
from mixedmode.phone.mind.trust.policy import TrustPolicy
from mixedmode.phone.mind.trust.settings import BootSettings, PolicySettings
from mixedmode.phone.mind.trust.state import PhoneState

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

    async def fetch_http(self, name: str, network: Network) -> bytes:
        """Return a file that came by HTTP.

        Raises:
            FileNotFoundOnServer: There is no such file.
            TransferFailed: It did not come.
        """
        host = f"[{self.host}]" if ":" in self.host else self.host
        url = f"http://{host}:{self.http_port}/{name}"
        return await fetch_http(url, limit=FILE_LIMIT, deadline=self.http_deadline, network=network)


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
        world: Where and when it lives.

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
        world: World = REAL,
    ) -> None:
        self.name = device_name(name)
        self.model = model
        self.world = world
        self._now = world.clock.now
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

    async def boot(self, server: Server) -> BootOutcome:
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
            http=server.http_port is not None,
            settings=self._boot_settings,
            decrypt=self._decrypt,
            manual_key=self._manual_key,
            console=console,
        )
        while not isinstance(boot.request, BootOutcome):
            self._log(console.take())
            if isinstance(boot.request, Fetch):
                await self._fetch(boot, boot.request, server)
            else:
                answer = await self._ask(boot.request, console)
                boot.answered(answer, self._now())
        self._log(console.take())
        self.state = boot.state
        self._store()
        return self._report(boot.request)

    async def _fetch(self, boot: Boot, request: Fetch, server: Server) -> None:
        try:
            if request.transport is Transport.HTTP:
                data = await server.fetch_http(request.name, self.world.network)
            else:
                data = await fetch_tftp(
                    server.host,
                    server.tftp_port,
                    request.name,
                    timeout=server.timeout,
                    retries=server.retries,
                    limit=FILE_LIMIT,
                    network=self.world.network,
                )
        except FileNotFoundOnServer:
            boot.not_found(self._now())
        except TransferFailed as error:
            boot.failed(error.what, error.code)
        else:
            boot.received(data, self._now())

    async def _ask(self, request: AskTvs, console: Console) -> TvsAnswer:
        def failed(asked: TvsRequest, error: RemoteError) -> None:
            console.remark(f"TVS {asked.server.address}:{asked.server.port}: {error.what}")

        return await ask_in_turn(self._tvs, request.requests, failed)

    def _report(self, outcome: BootOutcome) -> BootOutcome:
        messages = outcome.messages
        if self._erased:
            messages = (ERASING, *messages)
            self._erased = False
        return replace(outcome, messages=messages, log=tuple(self._lines))

    def _log(self, notes: list[Note]) -> None:
        for note in notes:
            self._line_number += 1
            line = note.line(self._line_number, self._now())
            self._lines.append(line)
            if self._on_line is not None:
                self._on_line(line)

    def _store(self) -> None:
        if self._state_file is not None:
            save_state(self._state_file, self.name, self.state)
