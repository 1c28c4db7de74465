"""Several worker processes on one port: shared work, a killed worker, draining, errors, metrics."""

from __future__ import annotations

import asyncio
import errno
import os
import signal
import socket
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

import pytest

from mixedmode.errors import RemoteError, UsageError
from mixedmode.phone.body.download import fetch_tftp
from mixedmode.services.net.supervisor import Supervisor, Unit
from mixedmode.services.workers.crew import Crew, CrewService
from mixedmode.services.workers.workshop import worker_count
from tests.services.tvs.tvsclient import run
from tests.services.workers.workshops import HOST, Files, Halting
from tests.support import eventually

KINDS = {"tftp": socket.SOCK_DGRAM, "http": socket.SOCK_STREAM}
soon = eventually


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    (tmp_path / "a.txt").write_bytes(b"content")
    return tmp_path


def service(crew: Crew, unit: str, port: int = 0) -> CrewService:
    return CrewService(f"the {unit} service", crew, unit, (HOST, port), KINDS[unit])


@asynccontextmanager
async def serving(folder: Path, *units: str, count: int = 2) -> AsyncIterator[tuple[Crew, list[CrewService]]]:
    crew = Crew(Files(folder), count)
    services = [service(crew, unit) for unit in units]
    try:
        for each in services:
            await each.start()
        yield crew, services
    finally:
        for each in services:
            await each.stop()
        assert crew.pids == []


async def get(address: tuple[str, int]) -> bytes:
    reader, writer = await asyncio.open_connection(*address)
    writer.write(b"GET /a.txt HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n")
    try:
        return (await reader.read()).rpartition(b"\r\n\r\n")[2]
    finally:
        writer.close()


def test_workers_share_ports_and_what_they_count_is_summed(folder: Path) -> None:
    async def procedure() -> None:
        async with serving(folder, "tftp", "http") as (crew, (tftp, http)):
            assert len(crew.pids) == 2
            for _ in range(40):
                assert await get(http.address) == b"content"
            for _ in range(10):
                assert await fetch_tftp(*tftp.address, "a.txt") == b"content"
            await soon(lambda: http.metrics["completed"] == 40 and tftp.metrics["completed"] == 10)
            assert http.metrics["workers"] == 2
            served = [worker.units["http"].metrics["completed"] for worker in crew._workers]
            assert all(served), "one worker had everything"
            assert (http.healthy, tftp.healthy) == (True, True)

    run(procedure())


def has_ended(pid: int) -> bool:
    """Return whether a process has closed all that it had, which is when the last of its threads has ended.

    Its pipes close before its listening sockets do.
    """
    try:
        threads = [(each / "stat").read_text() for each in Path(f"/proc/{pid}/task").iterdir()]
    except (FileNotFoundError, ProcessLookupError):
        return not Path(f"/proc/{pid}").exists()
    return all(each.rpartition(")")[2].split()[0] in "ZX" for each in threads)


@pytest.mark.parametrize("loop", ["asyncio", "uvloop"])
def test_a_killed_worker_is_replaced_and_what_it_counted_stays(folder: Path, loop: str) -> None:
    async def procedure() -> None:
        async with serving(folder, "http") as (crew, (http,)):
            before = crew.pids
            for _ in range(20):
                await get(http.address)
            await soon(lambda: http.metrics["completed"] == 20)
            os.kill(before[0], signal.SIGKILL)
            await soon(lambda: len(crew.pids) == 1 and has_ended(before[0]))
            assert http.healthy, "the other one goes on"
            assert await get(http.address) == b"content"
            await soon(lambda: len(crew.pids) == 2)
            await soon(lambda: all("http" in worker.units for worker in crew._workers))
            assert before[0] not in crew.pids
            assert before[1] in crew.pids
            for _ in range(20):
                assert await get(http.address) == b"content"
            await soon(lambda: http.metrics["completed"] == 41)
            assert (http.metrics["workers_replaced"], http.metrics["open"]) == (1, 0)

    run(procedure(), loop)


def test_a_unit_that_begins_when_all_workers_are_dead_takes_no_other_units_away(folder: Path) -> None:
    async def procedure() -> None:
        async with serving(folder, "http") as (crew, (http,)):
            for pid in crew.pids:
                os.kill(pid, signal.SIGKILL)
            await soon(lambda: not crew._workers)
            tftp = service(crew, "tftp")
            with pytest.raises(RemoteError, match="every worker process has ended") as caught:
                await tftp.start()
            assert caught.value.next_step == "wait until others take their places"
            await soon(lambda: len(crew._workers) == 2)
            await tftp.start()
            assert all(worker.units.keys() == {"http", "tftp"} for worker in crew._workers)
            assert await get(http.address) == b"content"
            await tftp.stop()

    run(procedure())


def test_a_unit_that_one_worker_cannot_start_runs_in_none(folder: Path) -> None:
    async def procedure() -> None:
        crew = Crew(Halting(folder), 3)
        tftp, http = service(crew, "tftp"), service(crew, "http")
        await tftp.start()
        try:
            with pytest.raises(UsageError, match="not here"):
                await http.start()
            await soon((folder / "late").exists)
            (folder / "first").unlink()
            await http.start()
            assert await get(http.address) == b"content"
            await http.stop()
        finally:
            await tftp.stop()
        assert crew.pids == []

    run(procedure())


def test_a_worker_that_the_system_has_no_descriptor_for_comes_later(
    folder: Path, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    def refuse(*_: object) -> object:
        raise OSError(errno.EMFILE, "Too many open files")

    async def procedure() -> None:
        async with serving(folder, "http", count=1) as (crew, (http,)):
            with monkeypatch.context() as patch:
                patch.setattr(socket, "socketpair", refuse)
                os.kill(crew.pids[0], signal.SIGKILL)
                await soon(lambda: "no worker process can be started" in caplog.text)
            await soon(lambda: crew.pids)
            assert await get(http.address) == b"content"

    run(procedure())


def test_a_supervisor_restarts_and_ends_what_a_crew_runs(folder: Path) -> None:
    async def procedure() -> None:
        crew = Crew(Files(folder), 2)
        supervisor = Supervisor([Unit("http", lambda port: service(crew, "http", port), 0)])
        await supervisor.start("http")
        port = supervisor.status("http").port
        (folder / "a.txt").write_bytes(b"changed")
        await supervisor.restart("http")
        assert supervisor.status("http").port == port
        found = supervisor.service("http")
        assert found is not None
        assert await get(found.address) == b"changed"
        pids = crew.pids
        await supervisor.stop_all()
        assert crew.pids == []
        for pid in pids:
            with pytest.raises(ProcessLookupError):
                os.kill(pid, 0)

    run(procedure())


def test_draining_lets_every_worker_finish(folder: Path) -> None:
    (folder / "a.txt").write_bytes(bytes(64 << 20))

    async def procedure() -> None:
        async with serving(folder, "http") as (_, (http,)):
            connections = [await asyncio.open_connection(*http.address, limit=1024) for _ in range(8)]
            for reader, writer in connections:
                writer.write(b"GET /a.txt HTTP/1.1\r\nHost: x\r\n\r\n")
                await reader.readexactly(10)
            assert await http.drain(0.2) == 8
            assert not http.healthy
            with pytest.raises(OSError, match=r".*"):
                await get(http.address)
            for _, writer in connections:
                writer.transport.abort()
            assert await http.drain(5) == 0

    run(procedure())


def test_a_port_that_another_program_has_is_refused_even_if_it_would_share_it(folder: Path) -> None:
    async def procedure() -> None:
        for unit, kind in KINDS.items():
            with socket.socket(socket.AF_INET, kind) as other:
                other.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEPORT, 1)
                other.bind((HOST, 0))
                if kind is socket.SOCK_STREAM:
                    other.listen()
                crew = Crew(Files(folder), 2)
                with pytest.raises(RemoteError, match="cannot listen"):
                    await service(crew, unit, other.getsockname()[1]).start()
                assert crew.pids == []

    run(procedure())


def test_a_workshop_that_cannot_be_opened_says_why(folder: Path) -> None:
    (folder / "closed").touch()

    async def procedure() -> None:
        crew = Crew(Files(folder), 2)
        with pytest.raises(UsageError, match="the folder is closed") as caught:
            await service(crew, "http").start()
        assert caught.value.next_step == "open it"
        assert crew.pids == []

    run(procedure())


def test_workers_read_anew_when_told_and_their_logs_come_here(folder: Path, caplog: pytest.LogCaptureFixture) -> None:
    async def procedure() -> None:
        async with serving(folder, "http") as (crew, (http,)):
            (folder / "a.txt").write_bytes(b"changed")
            await http.refresh()
            assert await get(http.address) == b"changed"
            pids = set(crew.pids)
            await soon(lambda: pids <= {int(line.rsplit(" ", 1)[1]) for line in caplog.messages if "reads" in line})

    run(procedure())


def test_workers_of_a_process_that_was_killed_end(folder: Path, tmp_path: Path) -> None:
    """The socket to their crew is all that holds them."""

    async def procedure() -> None:
        crew = Crew(Files(folder), 1)
        http = service(crew, "http")
        await http.start()
        pid = crew.pids[0]
        os.kill(pid, signal.SIGTERM)
        os.kill(pid, signal.SIGINT)
        await asyncio.sleep(0.2)
        assert crew.pids == [pid], "signals are for the crew's process"
        crew._workers[0]._writer.transport.abort()
        await asyncio.wait_for(crew._workers[0]._process.wait(), 60)
        await http.stop()

    run(procedure())


def test_auto_is_a_worker_a_core() -> None:
    assert worker_count("auto") == len(os.sched_getaffinity(0))
    assert worker_count(3) == 3
