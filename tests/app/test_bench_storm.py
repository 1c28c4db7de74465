"""The phones of ``bench storm``: they get their files, repeat what is lost, and take nothing else instead."""

from __future__ import annotations

import asyncio
import os
import shutil
import socket
import threading
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import replace
from pathlib import Path

import pytest
from bench import storm
from bench.fleet import Boots, boot_all, kept_files
from bench.peers import compiled

from mixedmode.services.files.store import MappingStore
from mixedmode.services.tftp.service import TftpService

LIST, PHONES = os.urandom(1500), 40
BOOTS = Boots(1000, 0, 0, 0, 0, 0, 0, 9, 9, 2.0, 0.5, 0.1, 0.2, 0.3, 1.0, 2.0)


@pytest.fixture(scope="module")
def program(tmp_path_factory: pytest.TempPathFactory) -> Path:
    if shutil.which("gcc") is None:
        pytest.skip("the phones must be compiled")
    return compiled(tmp_path_factory.mktemp("phones"), "tstorm")


@asynccontextmanager
async def serving() -> AsyncIterator[int]:
    own = {f"SEP{number:012X}.cnf.xml.sgn": bytes([number]) * (500 + number) for number in range(PHONES)}
    service = TftpService(MappingStore({"CTLFile.tlv": LIST, **own}))
    await service.start()
    try:
        yield service.port
    finally:
        await service.stop()


def boots(program: Path, tmp_path: Path, wanted: bytes, *more: str) -> tuple[Boots, list[bytes]]:
    content, kept = tmp_path / "content", tmp_path / "kept"
    content.write_bytes(wanted)

    async def run() -> Boots:
        async with serving() as port:
            files = [f"CTL@.tlv={content}", "@.cnf.xml.sgn", *more]
            return await asyncio.to_thread(boot_all, program, port, files, phones=PHONES, at_once=7, kept=kept)

    return asyncio.run(run()), kept_files(kept)


def test_each_phone_gets_its_files_in_order(program: Path, tmp_path: Path) -> None:
    seen, kept = boots(program, tmp_path, LIST)
    assert (seen.done, seen.failed, seen.repeated, seen.late) == (PHONES, 0, 0, 0)
    assert kept == [bytes([number]) * (500 + number) for number in range(PHONES)]
    # Two requests, three blocks of the list, one or two of the configuration (512 bytes end with an empty one).
    blocks = sum(3 + (500 + number) // 512 + 1 for number in range(PHONES))
    assert (seen.sent, seen.received) == (2 * PHONES + blocks, blocks)


@pytest.mark.parametrize("other", [LIST[:-1], LIST + b"x", b"x" + LIST[1:], b""])
def test_other_bytes_are_no_success(program: Path, tmp_path: Path, other: bytes) -> None:
    seen, _ = boots(program, tmp_path, other)
    assert (seen.done, seen.failed, seen.wrong) == (0, PHONES, PHONES)


def test_a_file_that_is_not_there_ends_the_boot(program: Path, tmp_path: Path) -> None:
    seen, _ = boots(program, tmp_path, LIST, "nothing")
    assert (seen.done, seen.failed, seen.errors) == (0, PHONES, PHONES)


def test_what_is_lost_is_repeated_and_counted(program: Path) -> None:
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as server:
        server.bind(("127.0.0.1", 0))
        server.settimeout(60)
        asked: list[bytes] = []

        def answer_the_second() -> None:
            for _ in range(2):
                data, phone = server.recvfrom(600)
                asked.append(data)
            server.sendto(b"\0\3\0\1ok", phone)

        thread = threading.Thread(target=answer_the_second)
        thread.start()
        seen = boot_all(program, server.getsockname()[1], ["f@"], phones=1, at_once=1)
        thread.join()
    assert asked == 2 * [b"\0\1fSEP000000000000\0octet\0"]
    assert (seen.done, seen.repeated, seen.sent) == (1, 1, 3)
    assert seen.seconds >= 1


def measured(**changes: object) -> storm.Storm:
    counters = {"retransmissions": 0}
    return replace(storm.Storm(BOOTS, [BOOTS], [1.9], [90.0], 1.0, counters), **changes)  # type: ignore[arg-type]


def told(one: storm.Storm, two: storm.Storm) -> tuple[dict[str, bool], str]:
    seen = {"complete": 1000, "decisions": {}, "bytes": {"CTL": 1, "ITL": 1, "configuration": 1}}
    report = storm.report(1000, one, two, measured(spent=[1.0]), seen)
    return {goal.name: goal.met for goal in report.goals}, "\n".join(report.text())


def test_a_report_names_what_is_not_met_and_who_was_the_limit() -> None:
    met, text = told(measured(), measured(spent=[1.0, 0.95]))
    assert "busiest process 95%, phones 25% of a core: the server is the limit" in text
    assert met.pop("10,000 requests at once, seconds") is False
    assert all(met.values())

    hasty = measured(boots=replace(BOOTS, repeated=11, done=999, processor_seconds=1.9), spent=[1.2, 0.0])
    met, text = told(measured(spent=[3.1]), hasty)
    assert "phones 95% of a core: the phones are the limit" in text
    assert not met["phones that lack the new CTL, ITL or configuration"]
    assert not met["datagrams repeated by phones, for each boot"]
    assert not met["processor time, the server's / the ceiling's"]
    assert met["two workers / one, by the busier one's processor time"]
