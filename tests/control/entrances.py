"""Every way in for administrators, to one cluster, and people whose level is too low for what they ask."""

from __future__ import annotations

import asyncio
import json
import os
import threading
from collections.abc import Coroutine
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any, TypeVar

import asyncssh

from mixedmode.cluster.engine.documents import operation_of
from mixedmode.cluster.engine.principal import Principal
from mixedmode.cluster.facade import Cluster
from mixedmode.cluster.operations import OPERATIONS
from mixedmode.control.accounts import account_store
from mixedmode.control.ctl_desk import CtlDesk
from mixedmode.control.door import Control
from mixedmode.control.people import of_user, user_name
from mixedmode.control.phones import PhoneControl
from mixedmode.errors import CheckFailedError, MixedModeError
from mixedmode.faces.ctlclient.known import KnownProviders
from mixedmode.faces.ctlclient.provider import ProviderClient
from mixedmode.faces.shell.session import AdminSession
from mixedmode.faces.shell.table import COMMANDS
from mixedmode.faces.shell.talk import ScriptedIO
from mixedmode.faces.ssh.server import AdminSshService
from mixedmode.node.join import SUBSYSTEM, JoinDesk
from mixedmode.node.status import SOCKET_NAME, StatusSocket
from mixedmode.phone.body.client import Server
from mixedmode.rehearsal.lab.phone_control import lab_phone_commands
from mixedmode.rehearsal.lab.phones import LabPhones
from mixedmode.services.ctlprovider.service import CtlProviderService
from tests.cluster.building import PUB
from tests.cluster.operations.test_documents import WRITTEN_BEFORE
from tests.support import run_mixedmode

T = TypeVar("T")
PASSWORD = "Marmalade-1"
SERVICE = {"node": PUB, "service": "Cisco Tftp"}
DOCUMENTS: dict[str, Any] = {
    **dict(WRITTEN_BEFORE),
    **{f"utils service {verb}": SERVICE for verb in ("start", "stop", "restart")},
}
ME = user_name(os.getuid())
FORGETFUL = tuple(replace(command, privilege=0) for command in COMMANDS)
"""The prompt's commands, had their rows no levels."""


@dataclass
class Entrances:
    """Services on a thread of their own; of the accounts ``guest`` may look, ``operator`` may change."""

    cluster: Cluster
    folder: Path
    loop: asyncio.AbstractEventLoop = field(default_factory=asyncio.new_event_loop)

    def __post_init__(self) -> None:
        accounts = account_store(self.cluster.folder(PUB))
        for name, level in (("administrator", 4), ("operator", 1), ("guest", 0), (ME, 0)):
            accounts.put(name, PASSWORD, level)
        threading.Thread(target=self.loop.run_forever, daemon=True).start()
        desk = JoinDesk(self.cluster, replication=dict, sftp_key="")
        self._ssh = AdminSshService(self.cluster, PUB, port=0, subsystems={SUBSYSTEM: desk})
        self._provider = CtlProviderService(CtlDesk(self.cluster, PUB), PUB, self._ssh.guard, port=0)
        door = PhoneControl(Control(self.cluster), lambda uid: of_user(uid, accounts, PUB))
        phones = LabPhones(self.folder / "phones", [])
        commands = lab_phone_commands({}, phones, lambda: Server("127.0.0.1"), door)
        self._socket = StatusSocket(self.cluster.directory / SOCKET_NAME, dict, commands)
        self.password_file = self.folder / "password"
        self.password_file.write_text(PASSWORD)
        self.settings = self.folder / "mixedmode.toml"
        self.settings.write_text(
            f'[node]\nname = "{PUB}"\naddress = "10.48.47.153"\ndirectory = "{self.cluster.directory}"\n'
        )
        self._connections: dict[str, asyncssh.SSHClientConnection] = {}
        for service in (self._ssh, self._provider, self._socket):
            self._wait(service.start())
        self.known_hosts = self.folder / "known_hosts"
        self.known_hosts.write_text(f"[127.0.0.1]:{self._ssh.port} {self._ssh.host_public_key}\n")

    def close(self) -> None:
        for connection in self._connections.values():
            connection.close()
        for service in (self._socket, self._provider, self._ssh):
            self._wait(service.stop())
        self.loop.call_soon_threadsafe(self.loop.stop)

    def _wait(self, coroutine: Coroutine[Any, Any, T]) -> T:
        return asyncio.run_coroutine_threadsafe(coroutine, self.loop).result(60)

    def engine(self, title: str) -> str:
        """Any program within the node that asks for an operation."""
        kind = OPERATIONS[title]
        who = Principal("guest" if kind.privilege == 1 else "operator", kind.privilege - 1, "192.0.2.9", PUB)
        return _refusal(lambda: Control(self.cluster).run(who, operation_of(kind, DOCUMENTS.get(title, {}))))

    def plan(self, title: str) -> str:
        """Who only asks what an operation would do."""
        kind = OPERATIONS[title]
        who = Principal("guest", 0, "192.0.2.9", PUB)
        refusal = Control(self.cluster).plan(who, operation_of(kind, DOCUMENTS.get(title, {}))).refusal
        return refusal.diagnostics() if refusal else ""

    def prompt(self, line: str) -> str:
        """OpenSSH or any other client at the ``admin:`` prompt."""
        return self._wait(self._over_ssh(line))

    async def _over_ssh(self, line: str) -> str:
        user = who_has_not_the_level(line)
        if user not in self._connections:
            self._connections[user] = await asyncssh.connect(
                "127.0.0.1", self._ssh.port, username=user, password=PASSWORD, known_hosts=None, client_keys=None
            )
        done = await self._connections[user].run(line)
        return str(done.stdout)

    def forgetful(self, line: str) -> str:
        """A prompt whose own table of levels is lost."""
        words, _, answers = line.partition(" < ")
        session = AdminSession(self.cluster, PUB, "guest", privilege=0, source="192.0.2.9", commands=FORGETFUL)
        io = ScriptedIO(answers.split(","))
        asyncio.run(session.run(words, io))
        return "\n".join(io.lines)

    def admin(self, line: str) -> str:
        """``mixedmode admin`` on this machine."""
        login = ("--user", who_has_not_the_level(line), "--password-file", self.password_file)
        where = ("127.0.0.1", "--port", str(self._ssh.port), "--known-hosts", self.known_hosts)
        return run_mixedmode("admin", *where, *login, *line.split()).stdout

    def join(self, _line: str) -> str:
        """A host that wants to be a subscriber, with an account of level 1."""

        async def ask() -> str:
            async with (
                asyncssh.connect(
                    "127.0.0.1", self._ssh.port, username="operator", password=PASSWORD, known_hosts=None,
                    client_keys=None,
                ) as connection,
                connection.create_process(subsystem=SUBSYSTEM) as process,
            ):  # fmt: skip
                process.stdin.write(json.dumps({"ask": "describe"}) + "\n")
                return str(await process.stdout.readline())

        return self._wait(ask())

    def ctl_client(self, _line: str) -> str:
        """A CTL Client at the CTL Provider."""

        async def ask() -> None:
            known = KnownProviders(self.folder / "known", lambda _place, _certificate: True)
            async with ProviderClient("127.0.0.1", self._provider.port, known) as client:
                await client.login("guest", PASSWORD)

        return _refusal(lambda: self._wait(ask()))

    def command(self, line: str) -> str:
        """A command of this machine, run by a user whose account may only look."""
        places = {
            "LAB": ("--directory", self.cluster.directory),
            "CAPF": ("--directory", self.cluster.folder(PUB).root / "capf"),
            "NODE": ("--config", self.settings),
        }
        words, _, place = line.rpartition(" ")
        done = run_mixedmode(*words.split(), *places[place])
        assert done.returncode == CheckFailedError.exit_code + 1, done
        return done.stderr


def who_has_not_the_level(line: str) -> str:
    """The account of the level below that of a command."""
    command = max(
        (each for each in COMMANDS if f"{line} ".startswith(f"{each.name} ")), key=lambda each: len(each.path)
    )
    return "operator" if command.privilege == 4 else "guest"


def _refusal(ask: Any) -> str:
    try:
        ask()
    except MixedModeError as error:
        return error.diagnostics()
    return ""
