"""One session does what it can to keep a node busy; phones and other administrators do not notice."""

from __future__ import annotations

import asyncio
import itertools
import shutil
import threading
import time
from collections.abc import AsyncIterator, Callable, Coroutine, Iterator
from contextlib import asynccontextmanager, contextmanager
from pathlib import Path

import asyncssh
import pytest

from mixedmode.cluster.facade import Cluster
from mixedmode.faces.shell.session import AdminSession
from mixedmode.faces.shell.talk import ScriptedIO
from mixedmode.faces.ssh.typed import AHEAD
from tests.faces.conftest import PUBLISHER
from tests.faces.ssh.held import Held, held
from tests.faces.ssh.test_prompts import Face, connected, face, nobody_is_left, run
from tests.faces.sshlab import SshLab, ssh_lab
from tests.support import eventually

__all__ = ["held"]

SLOW = "run sql select name from processnode"
GAP = 1.5
"""Processor seconds that others may spend before the services' loop has its turn."""


@pytest.fixture(scope="module")
def lab(templates: Callable[[str], Path], tmp_path_factory: pytest.TempPathFactory) -> Iterator[SshLab]:
    place = tmp_path_factory.mktemp("starving") / "cluster"
    shutil.copytree(templates("10.5.1.10000-7"), place, symlinks=True)
    cluster = Cluster.open(place)
    (cluster.folder(PUBLISHER).area("activelog") / "cm/trace/large.txt").write_text("x\n" * 400_000)
    with ssh_lab(cluster, PUBLISHER, place.parent) as lab:
        yield lab
    cluster.close()


@contextmanager
def services_loop() -> Iterator[list[float]]:
    """A loop as the node's services have one; yields what others spent while it waited for its turns."""
    gaps: list[float] = []
    ended = threading.Event()

    async def beat() -> None:
        while not ended.is_set():
            begun = time.process_time()
            await asyncio.sleep(0.01)
            gaps.append(time.process_time() - begun)

    thread = threading.Thread(target=lambda: asyncio.run(beat()))
    thread.start()
    try:
        yield gaps
    finally:
        ended.set()
        thread.join()


@asynccontextmanager
async def busy(work: Coroutine[None, None, None]) -> AsyncIterator[None]:
    task = asyncio.create_task(work)
    try:
        await asyncio.sleep(0.2)
        yield
    finally:
        task.cancel()
        await asyncio.gather(task, return_exceptions=True)


async def send(session: Face, text: str, times: int | None = None) -> None:
    """Type as fast as the node takes it, without an end unless a number of times is given."""
    for _ in itertools.count() if times is None else range(times):
        session.process.stdin.write(text)
        await session.process.stdin.drain()


async def read(session: Face) -> None:
    while await session.process.stdout.read(65536):
        pass


FLOODS = {
    "an endless line through a pipe": (False, "x" * 32_000),
    "an endless line on a terminal": (True, "x" * 32_000),
    "keys that redraw a long line": (True, "a\x01\x0c" * 10_000),
    "empty lines through a pipe": (False, "\n" * 32_000),
    "empty lines on a terminal": (True, "\r" * 8_000),
    "wrong commands": (False, "nothing\n" * 4_000),
    "pages and pages": (False, "file view activelog cm/trace/large.txt\n"),
    "a paste without an end": (True, "set cert import trust CallManager\r" + "\r" * 8_000),
    "tabs and questions": (True, "\t?\t?show \t?" * 2_000),
}


@pytest.mark.parametrize("name", FLOODS)
def test_a_flood(lab: SshLab, name: str) -> None:
    watched, text = FLOODS[name]

    async def procedure() -> None:
        async with connected(lab) as bad, connected(lab, "operator") as good:
            session = Face(await bad.create_process(term_type="xterm" if watched else None))
            times = 5 if name == "pages and pages" else None  # this program's own library is as busy with pages
            async with busy(send(session, text, times)), busy(read(session)):
                for _ in range(2):
                    done = await good.run("show version active")
                    assert done.exit_status == 0
                bad.abort()
        await nobody_is_left(lab)

    with services_loop() as gaps:
        run(procedure())
    assert max(gaps) < GAP


def test_a_client_that_does_not_read(lab: SshLab) -> None:
    async def procedure() -> None:
        async with connected(lab) as bad, connected(lab, "operator") as good:
            session = Face(await bad.create_process())
            await send(session, "file view activelog cm/trace/large.txt\n", 20)
            await asyncio.sleep(0.5)
            assert (await good.run("show version active")).exit_status == 0
            bad.abort()
        await nobody_is_left(lab)

    run(procedure())


def test_a_window_that_changes_all_the_time_and_shows_nothing(lab: SshLab) -> None:
    async def procedure() -> None:
        async with connected(lab) as connection, connected(lab, "operator") as good:
            process = await connection.create_process(term_type="xterm")
            process.stdin.write("x" * 8000)
            await asyncio.sleep(0.3)
            process.channel.pause_reading()
            for number in range(800):
                process.change_terminal_size(80 + number % 2, 24)
                await asyncio.sleep(0)
            assert (await good.run("show version active")).exit_status == 0
            await asyncio.sleep(0.3)
            process.channel.resume_reading()
            shown = 0
            try:
                async with asyncio.timeout(20):
                    while True:
                        async with asyncio.timeout(2):
                            shown += len(await process.stdout.read(65536))
            except TimeoutError:
                pass
            # SSH's window, what this program's own library holds back, and a few lines.
            assert shown < 1 << 20, shown
            connection.abort()
        await nobody_is_left(lab)

    run(procedure())


def test_slow_queries_leave_room_for_others(lab: SshLab, held: Held) -> None:
    async def procedure() -> None:
        async with connected(lab) as bad, connected(lab, "operator") as good:
            queries = [await bad.create_process(SLOW) for _ in range(8)]
            await eventually(lambda: held.begun)
            assert (await good.run("show version active")).exit_status == 0
            assert (await good.run("show itl")).exit_status == 0
            assert [query.exit_status for query in queries] == [None] * 8, "all of them still run or wait"
            bad.abort()
        await nobody_is_left(lab)

    run(procedure())
    assert not held.go.is_set()


def test_what_is_typed_ahead_is_bounded(lab: SshLab, held: Held) -> None:
    async def procedure() -> None:
        async with connected(lab) as connection, face(connection) as session:
            await session.wait_for("admin:")
            session.type(SLOW + "\r")
            await eventually(lambda: held.begun)
            sent = 0
            try:
                async with asyncio.timeout(1.5):
                    while True:
                        await send(session, "x" * 4096, 1)
                        sent += 4096
            except TimeoutError:
                pass
            # The node's part, SSH's window, and what this program's own library holds back.
            assert sent < 4 * AHEAD + (1 << 18)
            session.type("\x03")
            connection.abort()
        await nobody_is_left(lab)

    run(procedure())


def test_a_long_line_is_refused_and_the_next_one_runs(lab: SshLab) -> None:
    async def procedure() -> None:
        async with connected(lab) as connection:
            line = f"show {'x' * 100_000}\nshow version active\n"
            done = await connection.run(input=line)
            assert "longer than 8192 characters" in str(done.stdout)
            assert "Active Master Version" in str(done.stdout)
            assert len(str(done.stdout)) < 20_000
            assert done.exit_status == 0

    run(procedure())


def test_a_paste_is_bounded(cluster: Cluster) -> None:
    class Pasting(ScriptedIO):
        @property
        def page_height(self) -> int:
            return 24

        async def ask(self, prompt: str, *, secret: bool = False) -> str:
            self.lines.append("")
            return "-----BEGIN CERTIFICATE-----" if len(self.lines) == 2 else ""

    io = Pasting()
    outcome = asyncio.run(AdminSession(cluster, PUBLISHER).run("set cert import trust CallManager", io))
    assert outcome.exit_code == 2
    assert "characters were pasted" in str(outcome.error)
    assert len(io.lines) < 70_000


def test_stopping_does_not_wait_for_a_session(cluster: Cluster, tmp_path: Path, held: Held) -> None:
    async def procedure(lab: SshLab) -> None:
        async with asyncssh.connect(
            "127.0.0.1", lab.port, username="operator", password="Marmalade-1", known_hosts=None, config=None
        ) as connection:
            await connection.create_process("set cert import trust CallManager", term_type="xterm")
            await connection.create_process(SLOW)
            await eventually(lambda: held.begun)
            connection.abort()

    with ssh_lab(cluster, PUBLISHER, tmp_path) as lab:
        run(procedure(lab))
    assert not held.go.is_set(), "the query still runs"
