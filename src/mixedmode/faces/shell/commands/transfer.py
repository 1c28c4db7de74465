"""``file get``: files of this node to an administrator's SFTP server; ``ITLRecovery.p12`` is made for it.

The recovery key leaves the node only as a PKCS#12 file under a password that is asked for twice, and only for
accounts of level 4; that is audited.
"""

from __future__ import annotations

import asyncio
from dataclasses import dataclass
from pathlib import PurePosixPath

from mixedmode.control.acts import GET_FILES, GET_RECOVERY_KEY
from mixedmode.errors import UsageError
from mixedmode.faces.shell import texts
from mixedmode.faces.shell.call import Call
from mixedmode.faces.shell.commands.bundles import find_files
from mixedmode.faces.shell.commands.files import AREA, SPEC
from mixedmode.faces.shell.model import Argument, BadCommandError, Command, Kind
from mixedmode.faces.shell.name_match import matching
from mixedmode.faces.shell.periods import UNITS, Period, absolute, relative
from mixedmode.faces.shell.sftp import TRANSFER_TIME, SftpServer, ask_server, connected
from mixedmode.faces.shell.specs import Found
from mixedmode.pki.certificates.load import pkcs12_bytes
from mixedmode.pki.certificates.profiles import Purpose

RECOVERY_FILE = "ITLRecovery.p12"
TOTAL_LIMIT = 256 << 20
"""Bytes that one command transfers."""
PASSWORD_LENGTH = 6


@dataclass(frozen=True, slots=True)
class Outgoing:
    """A file to be sent."""

    name: str
    data: bytes


async def get_files(call: Call) -> None:
    """Send files to an SFTP server."""
    wants_key = call.value("area") == "tftp" and call.value("spec").lower() == RECOVERY_FILE.lower()
    files = [await _recovery_file(call)] if wants_key else await _chosen(call)
    if not files:
        await call.say(texts.NO_FILE)
        return
    size = sum(len(file.data) for file in files)
    await call.say(texts.GET_SUMMARY, count=len(files), size=size, kilobytes=size / 1024)
    if not await call.agrees(texts.ASK_GET):
        await call.say(texts.CANCELLED)
        return
    server = await ask_server(call)
    directory = await call.ask(texts.ASK_SFTP_DIRECTORY) or "."
    sent: list[str] = []
    outcome = "failed"
    try:
        async with connected(call, server) as client, asyncio.timeout(TRANSFER_TIME):
            for file in files:
                target = PurePosixPath(directory) / file.name
                if target.parent.as_posix() not in {".", "/"}:
                    await client.makedirs(target.parent.as_posix(), exist_ok=True)
                async with client.open(target.as_posix(), "wb") as remote:
                    sent.append(file.name)
                    await remote.write(file.data)
        outcome = "done"
    finally:
        # Also of a transfer that failed half-way or whose session ended: what left the node is noted.
        if sent:
            await _note(call, server, sent, outcome)
    await call.say(texts.TRANSFERRED)


async def _note(call: Call, server: SftpServer, names: list[str], outcome: str) -> None:
    details = {"node": call.node, "files": names[:100], "server": f"{server.user}@{server.host}:{server.port}"}
    control, principal = call.session.control, call.session.principal
    await call.blocking(lambda: control.note(principal, GET_FILES, outcome, **details))


async def _chosen(call: Call) -> list[Outgoing]:
    period = _period(call)
    found = await find_files(call, call.value("spec"), recursive=call.flag("recurs"))
    files = [each for each in found if not each.is_directory and (period is None or period.has(each.modified))]
    if call.flag("match"):
        kept = await matching(call.value("match"), [each.path.name for each in files])
        files = [each for at, each in enumerate(files) if at in kept]
    if sum(each.size for each in files) > TOTAL_LIMIT:
        raise UsageError(f"more than {TOTAL_LIMIT >> 20} MiB", next_step="name fewer files")
    return await call.blocking(lambda: _read(files, compress=call.flag("compress")))


def _period(call: Call) -> Period | None:
    if call.flag("reltime") and call.flag("abstime"):
        raise BadCommandError("reltime and abstime do not go together", next_step="give one of both")
    if call.flag("reltime"):
        return relative(call.value("reltime"), call.cluster.now())
    if call.flag("abstime"):
        return absolute(call.value("abstime"), call.session.zone)
    return None


def _read(found: list[Found], *, compress: bool) -> list[Outgoing]:
    files = []
    for each in found:
        data = each.path.read_bytes()
        if compress:
            import gzip

            data = gzip.compress(data)
        files.append(Outgoing(each.name + (".gz" if compress else ""), data))
    return files


async def _recovery_file(call: Call) -> Outgoing:
    control, principal = call.session.control, call.session.principal
    await call.blocking(lambda: control.allow(principal, GET_RECOVERY_KEY))
    signer = await call.blocking(lambda: call.cluster.signer(call.cluster.publisher.name, Purpose.ITLRECOVERY.value))
    password = await call.ask(texts.ASK_NEW_PASSWORD, secret=True)
    if len(password) < PASSWORD_LENGTH or password != await call.ask(texts.ASK_PASSWORD_AGAIN, secret=True):
        raise UsageError(
            f"the passwords differ or are shorter than {PASSWORD_LENGTH} characters", next_step="run the command again"
        )
    data = await call.blocking(lambda: pkcs12_bytes(signer, name=Purpose.ITLRECOVERY.value, password=password.encode()))
    return Outgoing(RECOVERY_FILE, data)


_OPTIONS = Argument(
    "options",
    "By age (reltime hours 2), by date (abstime hh:mm:MM/DD/YY hh:mm:MM/DD/YY), by name (match REGEX); "
    "recurs goes into folders, compress packs each file.",
    Kind.FLAGS,
    choices=("reltime", "abstime", "match", "recurs", "compress"),
    follows={"reltime": (tuple(UNITS), ()), "abstime": ((), ()), "match": ((),)},
)

COMMANDS = (
    Command(
        ("file", "get"),
        "Sends files to an SFTP server.",
        get_files,
        (AREA, SPEC, _OPTIONS),
        privilege=0,
    ),
)
