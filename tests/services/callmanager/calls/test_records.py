"""Records of calls, as ``mixedmode cdr`` shows them: over the socket of what runs, and in the log."""

from __future__ import annotations

import asyncio
import json
from pathlib import Path
from types import SimpleNamespace
from typing import Any, cast

from mixedmode.control.phones import PhoneControl
from mixedmode.node.phone_control import phone_commands
from mixedmode.node.services import NodeServices
from mixedmode.node.status import SOCKET_NAME, StatusSocket
from mixedmode.protocols.sccp.registration.admission import SecurityMode
from mixedmode.services.callmanager.desk import RECORDS, CallDesk, kept_records
from mixedmode.services.callmanager.switch.model import Outcome, Party, Record
from tests.services.callmanager.callmanager_site import Table
from tests.services.callmanager.calls.calling_site import pair, the_call
from tests.support import eventually, run_mixedmode


def test_the_command_shows_who_called_whom_and_how_it_was_protected(tmp_path: Path) -> None:
    asyncio.run(_the_command_shows(tmp_path))


async def _the_command_shows(folder: Path) -> None:
    async with pair(SecurityMode.ENCRYPTED, SecurityMode.ENCRYPTED) as (service, one, _, _log):
        nodes = cast(dict[str, NodeServices], {"pub": SimpleNamespace(callmanager=service)})
        commands = phone_commands(nodes, cast(PhoneControl, None))
        socket = StatusSocket(folder / SOCKET_NAME, dict[str, Any], commands)
        await socket.start()
        try:
            assert "no call has ended yet" in (await cdr(folder))[2]
            for number in ("2001", "2", "2001"):
                one.dial(number + "#" * (number == "2"))
                await one.wait(lambda calls: any(c.was_connected or c.state == 14 for c in calls.values()), 60)
                one.hang_up(the_call(one.calls))
                assert await one.wait(lambda calls: not calls, 60)
            await eventually(lambda: len(service.calls.records) == 3)
            await eventually(lambda: None not in service.calls.records[-1].counted)
            code, out, _ = await cdr(folder)
            assert code == 0
            heads, *rows = [line.split() for line in out.splitlines() if line.strip(" -")]
            assert heads == ["begun", "calling", "dialled", "called", "outcome", "seconds", "security", "media"]
            assert [row[1] for row in rows] == ["1001"] * 3
            assert rows[0][2:5] == ["2001", "2001", "answered"]
            assert rows[0][-2:] == ["encrypted", "SRTP"]
            assert rows[1][-2:] == ["unknown", "none"]
            [newest] = json.loads((await cdr(folder, "--json", "--last", "1"))[1])
            assert (newest["node"], newest["called_device"], newest["media"]) == ("pub", "SEP001122334466", "SRTP")
            assert newest["counted"]["called"]["packets_lost"] == 0
            counted = (await cdr(folder, "--media", "--last", "1"))[1]
            assert [line.split()[1:3] for line in counted.splitlines()[-2:]] == [
                ["SEP001122334455", "1001"],
                ["SEP001122334466", "2001"],
            ]
            assert newest["begun"] <= newest["answered"] <= newest["ended"]
        finally:
            await socket.stop()
    code, _, err = await cdr(folder)
    assert (code, "next:" in err) == (3, True), err
    assert (await cdr(folder, "--last", "0"))[0] == 2


async def cdr(folder: Path, *words: str) -> tuple[int, str, str]:
    done = await asyncio.to_thread(run_mixedmode, "cdr", "--directory", folder, *words)
    return done.returncode, done.stdout, done.stderr


def test_records_are_bounded_and_survive_the_service() -> None:
    kept = kept_records()
    for number in range(RECORDS + 5):
        kept.append(Record(number, Party(), Party(), "1", 0, None, 1, Outcome.BUSY))
    desk = CallDesk(Table(), lambda _device: None)
    desk.records = kept
    documents = desk.documents()
    assert (len(documents), documents[0]["call"]) == (RECORDS, 5)
