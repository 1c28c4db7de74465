"""``mixedmode fleet`` as a user meets it: counts, causes, exit codes, states kept between runs."""

from __future__ import annotations

import asyncio
import json
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest

from mixedmode.phone.mind.fate.prospect import Fate
from mixedmode.services.files.store import MappingStore
from mixedmode.services.tftp.service import TftpService
from tests.fleet.site import NEW, OLD, files, fleet_of, names_of
from tests.support import run_mixedmode

PHONES = fleet_of(*["7975"] * 6)
FIRST = PHONES[0].name
OUTCOMES = [fate.value for fate in Fate]


@contextmanager
def serving(store: MappingStore) -> Iterator[str]:
    """A TFTP service in another thread; HOST:PORT of it."""
    ready, address = threading.Event(), []
    loop = asyncio.new_event_loop()

    async def serve() -> None:
        service = TftpService(store)
        await service.start()
        address.append(f"127.0.0.1:{service.port}")
        over = asyncio.Event()
        over_in_loop.append(over)
        ready.set()
        await over.wait()
        await service.stop()

    over_in_loop: list[asyncio.Event] = []
    thread = threading.Thread(target=lambda: loop.run_until_complete(serve()))
    thread.start()
    try:
        assert ready.wait(100)
        yield address[0]
    finally:
        loop.call_soon_threadsafe(over_in_loop[0].set)
        thread.join()
        loop.close()


def document_of(*arguments: str | Path, code: int) -> dict[str, Any]:
    done = run_mixedmode("fleet", *arguments, "--json")
    assert done.returncode == code, done.stderr
    document: dict[str, Any] = json.loads(done.stdout)
    return document


def test_a_change_rehearsed_with_the_phones_that_were_there_before(tmp_path: Path) -> None:
    store = MappingStore(files(OLD, names_of(PHONES)))
    kept = tmp_path / "before.json"
    with serving(store) as server:
        first = document_of("--server", server, "--models", "7975:4,7940:2", "--first", FIRST, "--save", kept, code=0)
        assert first["verdicts"] == {"ok": 6, "refused": 0, "gave-up": 0}
        assert first["outcomes"] == {**dict.fromkeys(OUTCOMES, 0), "follows": 6}
        assert first["alarms"] == {"2 CTL_INITIAL_SUCCESS": 2, "4 TL_INITIAL_SUCCESS": 4}
        assert {"phones_per_second", "boot_seconds", "slowest", "datagrams"} <= set(first)
        store.replace(files(NEW, names_of(PHONES)))
        later = document_of("boot", "--server", server, "--state", kept, code=1)
        assert later["outcomes"] == {**dict.fromkeys(OUTCOMES, 0), "frozen": 2, "behind": 4}
        assert later["models"] == {"7940": {"frozen": 2}, "7975": {"behind": 4}}
        assert {each["name"] for each in later["unhappy"]} == set(names_of(PHONES))
        fresh = document_of("--server", server, "--phones", "6", "--first", FIRST, "--state", "current", code=0)
        assert fresh["decisions"]["CTL"] == {"keep: unchanged": 6}
        people = run_mixedmode("fleet", "boot", "--server", server, "--state", kept)
    assert people.returncode == 1
    assert "6 refused" in people.stdout
    assert "0 follow, 0 by TVS, 4 behind, 2 frozen, 0 locked out" in people.stdout
    assert f"{FIRST} (7975)  behind: CTL: the signer" in people.stdout


def test_faults_from_the_command_line() -> None:
    with serving(MappingStore(files(OLD, names_of(PHONES)))) as server:
        options = ("--server", server, "--phones", "6", "--first", FIRST)
        damaged = document_of(*options, "--corrupt", "CTL*", "--duplicate", "10%", "--delay", "0.01", code=1)
        assert damaged["outcomes"]["unknown"] + damaged["outcomes"]["behind"] == damaged["verdicts"]["refused"] == 6
        assert list(damaged["failures"]) in (["CTL: bad-signature"], ["CTL: corrupt"])
        gone = document_of(*options, "--down", "0:", "--timeout", "0.05", "--retries", "1", code=3)
        assert gone["verdicts"]["gave-up"] == gone["outcomes"]["unknown"] == 6
        assert gone["datagrams"]["received"] == 0
        lost = document_of(*options, "--loss", "3%", "--seed", "5", "--retries", "9", code=0)
        assert lost["outcomes"]["follows"] == 6


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (("boot",), "name one server"),
        (("--server", "127.0.0.1"), "how many phones?"),
        (("--server", "127.0.0.1:x", "--phones", "1"), "not HOST[:PORT]"),
        (("--server", "127.0.0.1", "--phones", "1", "--loss", "lots"), "no share"),
        (("--server", "127.0.0.1", "--phones", "1", "--down", "now"), "not FROM:TO"),
        (("--server", "127.0.0.1", "--phones", "1", "--models", "7975:1"), "leave out --phones"),
        (("--server", "127.0.0.1", "--phones", "1", "--state", "behind"), "--save FILE"),
        (("--server", "127.0.0.1", "--phones", "1", "--state", "missing"), "no phone's state"),
        (("nowhere",), "there is no lab here"),
    ],
)
def test_what_cannot_be_done_says_what_to_do(arguments: tuple[str, ...], said: str) -> None:
    done = run_mixedmode("fleet", *arguments)
    assert done.returncode == 2
    assert said in done.stderr


def test_the_phones_of_a_lab_start_again_and_hold_what_they_held(tmp_path: Path) -> None:
    lab = tmp_path / "lab"
    (lab / "phones").mkdir(parents=True)
    with serving(MappingStore(files(OLD, names_of(PHONES)))) as server:
        host, _, port = server.partition(":")
        kept = lab / "phones" / f"{FIRST}.json"
        phone = ("--tftp-port", port, "--http-port", "0", "--name", FIRST, "--state", kept)
        assert run_mixedmode("phone", "--server", host, *phone).returncode == 0
        node = {"name": "pub", "role": "publisher", "address": host, "ports": {"tftp": int(port), "http": None}}
        phones = [{"name": FIRST, "model": "7975"}]
        (lab / "lab.json").write_text(json.dumps({"nodes": [node], "phones": phones}))
        assert document_of("boot", lab, "--state", "behind", code=0)["alarms"] == {"1 TL_SUCCESS": 1}
        done = run_mixedmode("fleet", "boot", lab, "--node", "sub")
    assert done.returncode == 2
    assert "one of: pub" in done.stderr
