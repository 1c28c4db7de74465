"""Phones call each other through a running CallManager, over real sockets."""

from __future__ import annotations

import asyncio
import json
import signal

import pytest

from mixedmode.phone.body.calling.media import NoMedia
from mixedmode.protocols.sccp.calls.codes import State
from mixedmode.protocols.sccp.registration.admission import SecurityMode
from tests.services.callmanager.callmanager_site import (
    DEVICE,
    OTHER,
    callmanager,
)
from tests.services.callmanager.calls.calling_site import Lines, connected, pair, the_call
from tests.support import eventually, run_mixedmode


@pytest.mark.parametrize(
    ("alice", "bob", "icon"),
    [
        (SecurityMode.NON_SECURE, SecurityMode.NON_SECURE, ""),
        (SecurityMode.ENCRYPTED, SecurityMode.ENCRYPTED, "lock"),
        (SecurityMode.ENCRYPTED, SecurityMode.NON_SECURE, ""),
    ],
)
def test_a_phone_calls_another_and_hangs_up(alice: SecurityMode, bob: SecurityMode, icon: str) -> None:
    asyncio.run(_a_phone_calls_another_and_hangs_up(alice, bob, icon))


async def _a_phone_calls_another_and_hangs_up(alice: SecurityMode, bob: SecurityMode, icon: str) -> None:
    async with pair(alice, bob) as (service, one, other, log):
        one.dial("2001")
        assert await one.wait(connected, 60)
        assert await other.wait(connected, 60)
        media = one.media, other.media
        assert isinstance(media[0], NoMedia)
        assert isinstance(media[1], NoMedia)
        await eventually(lambda: bool(one.media.sending and other.media.sending))  # type: ignore[attr-defined]
        [there], [back] = media[0].sending.values(), media[1].sending.values()
        [hears], [hears_back] = media[1].hearing.values(), media[0].hearing.values()
        assert (there.port, back.port) == (media[1].port, media[0].port)
        assert (there.keys, back.keys) == (hears.keys, hears_back.keys)
        assert there.keys.encrypts == (icon == "lock")
        assert (the_call(one.calls).icon, the_call(other.calls).icon) == (icon, icon)
        assert the_call(other.calls).calling_name == "Alice"
        one.hang_up(the_call(one.calls))
        assert await one.wait(lambda calls: not calls, 60)
        assert await other.wait(lambda calls: not calls, 60)
        assert not any((media[0].sending, media[1].sending, media[0].hearing, media[1].hearing))
        assert service.calls.exchange.legs == ()
        [record] = service.calls.documents()
        assert (record["outcome"], record["media"]) == ("answered", "SRTP" if icon else "RTP")
        assert record["begun"] <= record["answered"] <= record["ended"]
        assert any("1001 to 2001 answered" in line for line in log)
        assert there.keys.key.hex() not in "".join(log) or not icon


def test_a_phone_that_loses_its_connection_ends_its_call() -> None:
    asyncio.run(_a_phone_that_loses_its_connection_ends_its_call())


async def _a_phone_that_loses_its_connection_ends_its_call() -> None:
    async with pair(SecurityMode.NON_SECURE, SecurityMode.NON_SECURE) as (service, one, other, _):
        one.dial("2001")
        assert await other.wait(connected, 60)
        one.registration._link._writer.transport.abort()  # type: ignore[union-attr]
        assert await other.wait(lambda calls: not calls, 60)
        assert service.calls.exchange.legs == ()
        assert one.calls == {} or await one.wait(lambda calls: not calls, 60)


def test_numbers_that_come_and_go_are_known_without_a_restart() -> None:
    asyncio.run(_numbers_that_come_and_go_are_known_without_a_restart())


async def _numbers_that_come_and_go_are_known_without_a_restart() -> None:
    async with pair(SecurityMode.NON_SECURE, SecurityMode.NON_SECURE) as (service, one, _, _log):
        directory = service.directory
        assert isinstance(directory, Lines)
        directory.entries = []
        service.calls._mark = None
        await service.calls.refresh()
        one.dial("2001")
        assert await one.wait(lambda calls: any(c.state == State.INVALID_NUMBER for c in calls.values()), 60)


async def command(*words: str) -> tuple[int, str, str]:
    done = await asyncio.to_thread(run_mixedmode, "phone", *words)
    return done.returncode, done.stdout, done.stderr


def test_the_command_places_and_takes_a_call() -> None:
    asyncio.run(_the_command_places_and_takes_a_call())


async def _the_command_places_and_takes_a_call() -> None:
    plain = SecurityMode.NON_SECURE
    async with callmanager(Lines({DEVICE: plain, OTHER: plain})) as service:
        manager = ("--call-manager", f"127.0.0.1:{service.port}")
        taking = asyncio.create_task(command(*manager, "--name", OTHER, "--answer"))
        await eventually(lambda: service.phone(OTHER) is not None, seconds=90)
        placed = await command(*manager, "--name", DEVICE, "--dial", "2001", "--talk", "0.2", "--json")
        taken = await taking
    assert (placed[0], taken[0]) == (0, 0), (placed, taken)
    report = json.loads(placed[1])
    assert report["registration"]["lines"] == ["1001"]
    assert report["call"] == {
        "call": report["call"]["call"],
        "line": 1,
        "state": "connected",
        "connected": True,
        "media": "RTP",
        "calling": "1001",
        "calling_name": "Alice",
        "called": "2001",
        "called_name": "Bob",
        "security": 1,
        "icon": "",
    }
    assert "ring in, Alice (1001) to Bob (2001)" in taken[1]


def test_what_terminates_a_call_ends_it_as_ctrl_c_does() -> None:
    from mixedmode.app.commands.phones.calling import ended_by_terminate

    before = signal.getsignal(signal.SIGTERM)
    with pytest.raises(KeyboardInterrupt), ended_by_terminate():
        signal.raise_signal(signal.SIGTERM)  # in this thread, and before the next line
    assert signal.getsignal(signal.SIGTERM) is before


def test_the_command_says_why_there_was_no_call() -> None:
    asyncio.run(_the_command_says_why_there_was_no_call())


async def _the_command_says_why_there_was_no_call() -> None:
    async with callmanager(Lines({DEVICE: SecurityMode.NON_SECURE})) as service:
        manager = ("--call-manager", f"127.0.0.1:{service.port}")
        code, _, err = await command(*manager, "--dial", "2001")
        assert (code, "the call was not answered: congestion" in err) == (1, True), err
        code, _, err = await command(*manager, "--name", "SEP000000000001", "--dial", "2001")
        assert code == 3
        assert "Error DBConfig" in err


@pytest.mark.parametrize(
    ("words", "said"),
    [
        ((), "the phone has no server"),
        (("--call-manager", "x:0"), "names no server"),
        (("--call-manager", "x", "--dial", "1", "--answer"), "places a call or takes one"),
    ],
)
def test_the_command_refuses_what_makes_no_sense(words: tuple[str, ...], said: str) -> None:
    code, _, err = asyncio.run(command(*words))
    assert (code, said in err) == (2, True), err
