"""Every command that asks, at every face, under Ctrl-C, Ctrl-D, the end of input and a client that leaves.

Whatever happens at a question is a no: nothing is changed, the session goes on or ends, and the node serves others.
"""

from __future__ import annotations

import asyncio
import hashlib
import re
from collections.abc import AsyncIterator, Callable, Coroutine, Iterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import asyncssh
import pytest

from mixedmode.cluster.engine.principal import Principal
from mixedmode.cluster.facade import Cluster
from mixedmode.cluster.model.topology import DeviceSpec
from mixedmode.cluster.operations.ctl import SetMixedMode
from mixedmode.cluster.operations.identity.csr import RequestCertificate
from mixedmode.cluster.operations.versions import Upgrade
from mixedmode.faces.shell.table import COMMANDS
from tests.faces.conftest import PUBLISHER
from tests.faces.shell.test_capf_commands import give
from tests.faces.ssh.held import Held, held
from tests.faces.sshlab import PASSWORD, QUICK, SshLab, ssh_lab
from tests.support import eventually

__all__ = ["held"]

ANNA = Principal("anna", 4, "console")
VERSION = "10.5.2.10000-5"
LONG = "cm/trace/long.txt"
ENROLLED = "SEP0011223344A1"
"""A phone that has an LSC."""


@dataclass(frozen=True)
class Asks:
    """A place where something is asked.

    Attributes:
        line: The command.
        prompt: What is written there, as a pattern.
        answers: To the questions before it.
        only_watched: Whether it is asked on a terminal only.
    """

    line: str
    prompt: str
    answers: tuple[str, ...] = ()
    only_watched: bool = False

    @property
    def command(self) -> str:
        """The command that asks."""
        words = self.line.split()
        names = [command.name for command in COMMANDS if words[: len(command.path)] == list(command.path)]
        return max(names, key=len)


SFTP = ("y", "127.0.0.1", "1", "backup", "secret")
CASES = (
    Asks("utils ctl set-cluster mixed-mode", r"\(y/n\):"),
    Asks("utils ctl set-cluster non-secure-mode", r"\(y/n\):"),
    Asks("utils ctl update CTLFile", r"\(y/n\):"),
    Asks("utils ctl reset localkey", r"\(y/n\):"),
    Asks("utils itl reset remotekey 127.0.0.1:1 backup x.p12", r"password of backup on 127\.0\.0\.1:1: "),
    Asks("file delete activelog cm/trace/*.log", "continue: "),
    Asks("file delete activelog cm/trace/*.log", "continue: .*continue: ", ("n",)),
    Asks("file delete dir tftp Desktops", "continue: "),
    Asks("file get tftp ITLFile.tlv", r"\[y/n\]\? "),
    *(
        Asks("file get tftp ITLFile.tlv", prompt, SFTP[:count])
        for count, prompt in enumerate(("IP: ", r"\[22\]: ", "User ID: ", "Password: ", "directory: "), start=1)
    ),
    Asks("file get tftp ITLRecovery.p12", "recovery key: "),
    Asks("file get tftp ITLRecovery.p12", "again: ", ("Recovery-1",)),
    Asks(f"file view activelog {LONG}", r"of \d+\) :", only_watched=True),
    Asks(f"file view activelog {LONG}", r"of \d+\) :.*of \d+\) :", ("n",), only_watched=True),
    Asks(f"file dump activelog {LONG} hex", r"of \d+\) :", only_watched=True),
    Asks("file list tftp * page", r"of \d+\) :", only_watched=True),
    Asks("show audit last 60", r"of \d+\) :", only_watched=True),
    Asks("set account name berta", "level :"),
    Asks("set account name berta", "the password :", ("1",)),
    Asks("set account name berta", "confirm :", ("1", "Password-1")),
    Asks("set password user guest", "the password :"),
    Asks("set password user guest", "confirm :", ("Password-1",)),
    Asks("set cert import trust CallManager", "Hit Enter\r?\n"),
    Asks("set cert import trust CallManager", "Hit Enter.*BEGIN CERT[^\n]*\n", ("-----BEGIN CERTIFICATE-----",)),
    Asks("set cert import own tomcat", "Hit Enter\r?\n"),
    Asks("set cert regen ITLRecovery", r"\(yes\|no\)\? "),
    Asks(f"utils capf lsc revoke {ENROLLED}", r"\(y/n\): "),
    Asks("set csr gen tomcat", r"\(yes\|no\)\? "),
    Asks("utils system switch-version", r"\(y/n\):"),
    Asks("utils system upgrade initiate", "to quit\\): "),
    Asks("utils system upgrade initiate", r"successful \(yes/no\): ", ("12.5.1.10000-22",)),
    Asks("utils system upgrade initiate", r"installation \(yes/no\): ", ("12.5.1.10000-22", "yes")),
)


@pytest.fixture(scope="module")
def lab(templates: Callable[[str], Path], tmp_path_factory: pytest.TempPathFactory) -> Iterator[SshLab]:
    """A node in mixed mode, where everything is at hand that a command may ask about."""
    import shutil

    place = tmp_path_factory.mktemp("asking") / "cluster"
    shutil.copytree(templates("10.5.1.10000-7"), place, symlinks=True)
    cluster = Cluster.open(place)
    cluster.run(SetMixedMode(), ANNA)
    cluster.run(RequestCertificate(PUBLISHER, "tomcat"), ANNA)
    cluster.run(Upgrade(VERSION), ANNA)
    cluster.devices.add([DeviceSpec(ENROLLED)])
    give(cluster, ENROLLED, 1)
    folder = cluster.folder(PUBLISHER)
    log = folder.area("activelog") / LONG
    log.write_text("".join(f"line {number}\n" for number in range(200)))
    for name in ("a.log", "b.log"):
        (log.parent / name).write_text("x\n")
    (folder.tftp / "Desktops").mkdir()
    (folder.tftp / "Desktops" / "one.png").write_text("x")
    for number in range(80):
        (folder.tftp / f"ring{number}.raw").write_text("x")
    for number in range(60):
        cluster.operations.journal.note(ANNA, "login", "done", {"number": number})
    with ssh_lab(cluster, PUBLISHER, place.parent, replace(QUICK, per_address=60)) as lab:
        yield lab
    cluster.close()


def state(lab: SshLab) -> str:
    """Return what must not change: every file of the node but logs of what was tried, and what the cluster is."""
    cluster = lab.service.cluster
    digest = hashlib.sha256()
    for path in sorted(cluster.folder(PUBLISHER).root.rglob("*")):
        if path.is_file():
            digest.update(str(path).encode() + path.read_bytes())
    found = [str(stored.certificate.sha256) for stored in cluster.certificates.list_trust()]
    return f"{digest.hexdigest()} {cluster.mode} {cluster.version} {sorted(found)}"


class Face:
    """A session through an SSH client of a program: what is typed goes there, what is shown is kept."""

    def __init__(self, process: asyncssh.SSHClientProcess[str]) -> None:
        self.process = process
        self.shown = ""

    def type(self, text: str) -> None:
        self.process.stdin.write(text)

    async def wait_for(self, pattern: str, seconds: float = 60) -> str:
        """Return what came up to a pattern, and forget it."""
        async with asyncio.timeout(seconds):
            while not (found := re.search(pattern, self.shown, re.DOTALL)):
                text = await self.process.stdout.read(65536)
                assert text, f"the session ended before {pattern!r}: {self.shown!r}"
                self.shown += re.sub(r"\x1b\[[0-9;]*[A-Za-z]", "", text)
        seen, self.shown = self.shown[: found.end()], self.shown[found.end() :]
        return seen

    async def ended(self, seconds: float = 60) -> int | None:
        async with asyncio.timeout(seconds):
            while text := await self.process.stdout.read(65536):
                self.shown += text
            await self.process.wait_closed()
        return self.process.exit_status


@asynccontextmanager
async def connected(lab: SshLab, user: str = "administrator") -> AsyncIterator[asyncssh.SSHClientConnection]:
    async with asyncssh.connect(
        "127.0.0.1", lab.port, username=user, password=PASSWORD, known_hosts=None, client_keys=None, config=None
    ) as connection:
        yield connection


@asynccontextmanager
async def face(
    connection: asyncssh.SSHClientConnection, command: str | None = None, *, watched: bool = True
) -> AsyncIterator[Face]:
    terminal: dict[str, Any] = {"term_type": "xterm", "term_size": (200, 24)} if watched else {}
    async with connection.create_process(command, **terminal) as process:
        yield Face(process)


def run(work: Coroutine[Any, Any, None]) -> None:
    async def bounded() -> None:
        async with asyncio.timeout(110):
            await work

    asyncio.run(bounded())


async def up_to_the_question(session: Face, case: Asks, end: str, *, alone: bool = False) -> None:
    if not alone:
        session.type(case.line + end)
    for answer in case.answers:
        session.type(answer + end)
    await session.wait_for(case.prompt)


async def goes_on(session: Face) -> None:
    """The next command is that one alone, whatever was typed before."""
    session.type("show version active\r")
    shown = await session.wait_for("Active Master Version.*admin:")
    assert "unsuccessfully" not in shown


@pytest.mark.parametrize("case", CASES, ids=lambda case: f"{case.line} {len(case.answers)}")
def test_a_question_that_is_not_answered(lab: SshLab, case: Asks) -> None:
    before = state(lab)

    async def on_a_terminal(connection: asyncssh.SSHClientConnection) -> None:
        async with face(connection) as session:
            await session.wait_for("admin:")
            await up_to_the_question(session, case, "\r")
            session.type("y\x03")
            await session.wait_for(r"\^C\r\nadmin:")
            await goes_on(session)
            await up_to_the_question(session, case, "\r")
            session.type("\x04")
            await session.wait_for("admin:")
            await goes_on(session)
            await up_to_the_question(session, case, "\r")
            session.process.stdin.write_eof()
            await session.ended()
        async with face(connection, case.line) as single:
            await up_to_the_question(single, case, "\r", alone=True)
            single.type("\x03")
            assert await single.ended() == 1

    async def through_a_pipe(connection: asyncssh.SSHClientConnection) -> None:
        for command in (None, case.line):
            async with face(connection, command, watched=False) as session:
                await up_to_the_question(session, case, "\n", alone=command is not None)
                session.process.stdin.write_eof()
                assert await session.ended() in {1, 2}
        async with face(connection, watched=False) as session:
            await up_to_the_question(session, case, "\n")
            session.process.send_signal("INT")
            await session.wait_for(r"\^C\nadmin:")

    async def procedure() -> None:
        async with connected(lab) as connection:
            await on_a_terminal(connection)
            if not case.only_watched:
                await through_a_pipe(connection)
            for watched in (True, False)[: 1 if case.only_watched else 2]:
                session = Face(await connection.create_process(term_type="xterm" if watched else None))
                await up_to_the_question(session, case, "\r" if watched else "\n")
            connection.abort()
        await nobody_is_left(lab)

    run(procedure())
    assert state(lab) == before


async def nobody_is_left(lab: SshLab) -> None:
    await eventually(lambda: not lab.service.sessions)


def test_every_command_that_asks_first_is_in_the_table() -> None:
    asked = {case.command for case in CASES}
    assert {command.name for command in COMMANDS if command.confirm is not None} <= asked
    # The others ask in the middle of their work: their handlers' modules say so.
    import inspect

    asking = re.compile(r"call\.(ask|agrees|io\.ask)\(|write_paged\(|pasted\(call\)|_new_password\(|ask_server\(")
    for command in COMMANDS:
        handler = getattr(command.handler, "func", command.handler)
        assert command.name in asked or not asking.search(inspect.getsource(handler)), command.name


def test_ctrl_c_takes_back_the_line_and_what_was_typed_ahead(lab: SshLab) -> None:
    async def procedure() -> None:
        async with connected(lab) as connection, face(connection) as session:
            await session.wait_for("admin:")
            session.type("utils ctl reset")
            await session.wait_for("reset")
            session.type("\x03")
            await session.wait_for(r"\^C\r\nadmin:")
            session.type("localkey\r")
            assert "'localkey' is no command" in await session.wait_for("admin:")
            session.type("show ctl\rfile delete activelog cm/trace/*.log noconfirm\r\x03show version active\r")
            await session.wait_for(r"Active Master Version.*admin:")
            session.type("\x04")
            assert await session.ended() == 0

    before = state(lab)
    run(procedure())
    assert state(lab) == before


def test_ctrl_c_ends_a_command_that_runs(lab: SshLab, held: Held) -> None:
    async def procedure() -> None:
        async with connected(lab) as connection, face(connection) as session:
            await session.wait_for("admin:")
            session.type("run sql select name from processnode\r")
            await eventually(lambda: held.begun)
            session.type("\x03")
            await session.wait_for(r"\^C\r\nadmin:")
            assert not held.go.is_set()
            await goes_on(session)

    run(procedure())


def test_signals_of_a_client(lab: SshLab) -> None:
    async def procedure() -> None:
        async with connected(lab) as connection, face(connection) as session:
            await session.wait_for("admin:")
            session.type("half a line")
            session.process.change_terminal_size(60, 10)
            session.process.send_break(100)
            await session.wait_for(r"\^C\r\nadmin:")
            session.process.send_signal("USR1")
            await goes_on(session)
            session.process.send_signal("HUP")
            await session.ended()
        await nobody_is_left(lab)

    run(procedure())


@pytest.mark.parametrize(
    ("change", "reason"),
    [("remove", "the account operator was removed"), ("lower", "has level 0 now"), ("break", "")],
)
def test_an_open_shell_ends_with_its_account(lab: SshLab, change: str, reason: str) -> None:
    accounts = lab.service.accounts
    kept = accounts.path.read_bytes()

    def do() -> None:
        if change == "break":
            accounts.path.write_text("{")
        elif change == "lower":
            accounts.put("operator", PASSWORD, 0)
        else:
            accounts.remove("operator")

    async def procedure() -> None:
        async with (
            connected(lab, "operator") as connection,
            face(connection) as idle,
            face(connection, "utils ctl update CTLFile") as asked,
            face(connection, watched=False) as piped,
        ):
            await idle.wait_for("admin:")
            await piped.wait_for("admin:")
            await asked.wait_for(r"\(y/n\):")
            do()
            if change == "break":
                await asyncio.sleep(1.5)
                await goes_on(idle)
                return
            # Before the next line at once, and everywhere else long before anybody is idle.
            idle.type("show version active\r")
            for session in (idle, asked, piped):
                assert await session.ended() == 1
                assert "Session closed: the account operator" in session.shown
                assert reason in session.shown
            assert "Active Master" not in idle.shown

    try:
        run(procedure())
    finally:
        accounts.path.write_bytes(kept)


def test_sessions_of_a_connection_are_bounded(lab: SshLab) -> None:
    async def procedure() -> None:
        async with connected(lab) as connection:
            sessions = [await connection.create_process(term_type="xterm") for _ in range(10)]
            done = await connection.run("show version active")
            assert done.exit_status == 2
            assert "up to 10 sessions" in str(done.stderr)
            for session in sessions:
                session.close()
                await session.wait_closed()
            await nobody_is_left(lab)
            assert (await connection.run("show version active")).exit_status == 0

    run(procedure())
