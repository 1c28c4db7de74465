"""``file list``, ``file delete``, ``file view`` and ``file dump``, on the node of the session.

Rules:

1. A specification names files below one area of the node and nothing else: no ``..``, no link that leads out.
2. ``file delete tftp CTLFile.tlv`` and ``file delete activelog cm/tftpdata/CTLFile.tlv`` are the same file and the
   same audited operation; it is deleted on this node only.
3. Other deletions are audited too.
4. What ``show tech`` wrote is there only for accounts of the level that made it (:mod:`.bundles`).
"""

from __future__ import annotations

import shutil
from datetime import datetime

from mixedmode.cluster.operations.files import DeleteFile
from mixedmode.control.acts import DELETE_FILE, DELETE_FOLDER
from mixedmode.errors import RemoteError, UsageError
from mixedmode.faces.shell import texts
from mixedmode.faces.shell.call import Call
from mixedmode.faces.shell.commands.bundles import find_files
from mixedmode.faces.shell.login import Login
from mixedmode.faces.shell.model import Argument, Command, Kind
from mixedmode.faces.shell.specs import Found, human_name
from mixedmode.faces.shell.talk import InputEndedError, write_paged
from mixedmode.printable import printable

VIEW_LIMIT = 4 << 20
"""Bytes of a file that are shown."""


async def list_files(call: Call) -> None:
    """List files, by name, date or size."""
    found = await find_files(call, call.value("spec"), listing=True)
    if not found:
        await call.say(texts.NO_FILE)
        return
    keys = {"date": lambda f: f.modified, "size": lambda f: f.size}
    key = next((keys[name] for name in keys if call.flag(name)), lambda f: f.name)
    found.sort(key=key, reverse=call.flag("reverse"))
    lines = _details(found, call) if call.flag("detail") else _columns(found)
    directories = sum(each.is_directory for each in found)
    lines += texts.FILE_COUNT.lines(directories=directories, files=len(found) - directories)
    if call.flag("page"):
        await write_paged(call.io, lines)
    else:
        await call.write(*lines)


def _details(found: list[Found], call: Call) -> list[str]:
    return [f"{_moment(each, call)} {each.size:>12,}  {human_name(each)}" for each in found]


def _moment(found: Found, call: Call) -> str:
    date: datetime = call.session.local(found.modified)
    return date.strftime("%d %b,%Y %H:%M:%S")


def _columns(found: list[Found]) -> list[str]:
    names = [human_name(each) for each in found]
    lines = []
    for start in range(0, len(names), 2):
        pair = names[start : start + 2]
        lines.append("".join(name.ljust(40) for name in pair).rstrip())
    return lines


async def delete_files(call: Call) -> None:
    """Delete files, each after a question unless ``noconfirm`` says otherwise."""
    area = call.value("area")
    found = [each for each in await find_files(call, call.value("spec")) if not each.is_directory]
    if not found:
        await call.say(texts.NO_FILE)
    deleted = 0
    for each in found:
        if not call.flag("noconfirm"):
            await call.say(texts.DELETE_FILE, name=printable(each.name))
            try:
                agreed = await call.agrees(texts.ASK_DELETE)
            except InputEndedError:
                # A no to this file and to all that would be asked about next.
                await call.say(texts.DELETED, found=len(found), deleted=deleted)
                raise
            if not agreed:
                continue
        await _delete(call, area, each)
        deleted += 1
        if call.flag("detail"):
            await call.say(texts.DELETED_NAME, name=printable(each.name))
    await call.say(texts.DELETED, found=len(found), deleted=deleted)


async def _delete(call: Call, area: str, found: Found) -> None:
    node = call.node
    served = call.cluster.folder(node).tftp.resolve()
    if found.path.resolve().parent == served:
        await call.operate(DeleteFile(node, found.path.name))
        return

    def unlink() -> None:
        try:
            found.path.unlink(missing_ok=True)
        except OSError as error:
            raise RemoteError(f"{printable(found.name)} cannot be deleted: {error.strerror}", where=node) from error

    await call.do(DELETE_FILE, unlink, area=area, name=found.name)


async def delete_folder(call: Call) -> None:
    """Delete a folder of what TFTP serves, with all that is in it, after a question."""
    found = await find_files(call, call.value("name"))
    folders = [each for each in found if each.is_directory and each.name.rstrip("/") == call.value("name").strip("/")]
    if not folders:
        await call.say(texts.NO_FILE)
        return
    folder = folders[0]
    inside = await find_files(call, f"{folder.name}/*", recursive=True)
    inside = [each for each in inside if not each.is_directory]
    await call.say(texts.DELETE_FOLDER, name=printable(folder.name), count=len(inside))
    if not await call.agrees(texts.ASK_DELETE):
        await call.say(texts.DELETED, found=1, deleted=0)
        return
    await call.do(DELETE_FOLDER, lambda: _remove_folder(call, folder), area=call.value("area"), name=folder.name)
    if call.flag("detail"):
        for each in (*inside, folder):
            await call.say(texts.DELETED_NAME, name=printable(each.name))
    await call.say(texts.DELETED, found=1, deleted=1)


def _remove_folder(call: Call, folder: Found) -> None:
    try:
        if folder.path.is_symlink():
            folder.path.unlink()
        else:
            shutil.rmtree(folder.path)
    except OSError as error:
        raise RemoteError(f"{printable(folder.name)} cannot be deleted: {error.strerror}", where=call.node) from error


async def view_file(call: Call) -> None:
    """Show a text file, page by page on a terminal."""
    data = await _one_file(call)
    if _is_binary(data):
        raise UsageError(
            f"{call.value('spec')} is no text file",
            next_step=f"file dump {call.value('area')} {call.value('spec')} hex",
        )
    await write_paged(call.io, _text_lines(data))


async def dump_file(call: Call) -> None:
    """Show any file: as text, or as hexadecimal rows of 16 bytes, as ``hex`` asks and binary files need."""
    data = await _one_file(call)
    if call.flag("hex") or _is_binary(data):
        rows = range(0, len(data), 16)
        lines = [f"{at:08x}  {data[at : at + 16].hex(' '):<47}  {_visible(data[at : at + 16])}" for at in rows]
    else:
        lines = _text_lines(data)
    await write_paged(call.io, lines)


def _text_lines(data: bytes) -> list[str]:
    """Return a text's lines; of its control characters only tabs are obeyed, the others are shown."""
    return [printable(line.expandtabs()) for line in data.decode("utf-8", "backslashreplace").splitlines()]


def _is_binary(data: bytes) -> bool:
    return b"\0" in data[:8192]


def _visible(data: bytes) -> str:
    return "".join(chr(byte) if 32 <= byte < 127 else "." for byte in data)


async def _one_file(call: Call) -> bytes:
    found = [each for each in await find_files(call, call.value("spec")) if not each.is_directory]
    if len(found) != 1:
        what = texts.NO_FILE.line() if not found else f"{len(found)} files match"
        raise UsageError(what, where=call.value("spec"), next_step=f"file list {call.value('area')} * shows them")

    def read() -> bytes:
        try:
            with found[0].path.open("rb") as file:
                data = file.read(VIEW_LIMIT + 1)
        except OSError as error:
            raise RemoteError(
                f"{printable(found[0].name)} cannot be read: {error.strerror}", where=call.node
            ) from error
        if len(data) > VIEW_LIMIT:
            raise UsageError(
                f"the file is larger than {VIEW_LIMIT >> 20} MiB",
                where=printable(found[0].name),
                next_step=f"file get {call.value('area')} {call.value('spec')}",
            )
        return data

    return await call.blocking(read)


def served_names(session: Login) -> list[str]:
    """Return the served files' names, which completion offers."""
    return session.cluster.folder(session.node).names()


AREAS = ("activelog", "inactivelog", "install", "tftp")
AREA = Argument("area", "Where: the logs of a partition, the installation, or what TFTP serves.", choices=AREAS)
SPEC = Argument("spec", "A file, with * and ? in its name.", candidates=served_names)

COMMANDS = (
    Command(
        ("file", "list"),
        "Lists files.",
        list_files,
        (AREA, SPEC, Argument("options", "", Kind.FLAGS, choices=("page", "detail", "reverse", "date", "size"))),
        privilege=0,
    ),
    Command(("file", "view"), "Shows a text file.", view_file, (AREA, SPEC), privilege=0),
    Command(
        ("file", "dump"),
        "Shows any file.",
        dump_file,
        (AREA, SPEC, Argument("options", "", Kind.FLAGS, choices=("hex",))),
        privilege=0,
    ),
    Command(
        ("file", "delete"),
        "Deletes files of this node; there is no way back.",
        delete_files,
        (AREA, SPEC, Argument("options", "", Kind.FLAGS, choices=("detail", "noconfirm"))),
    ),
    Command(
        ("file", "delete", "dir"),
        "Deletes a folder of this node with all that is in it; there is no way back.",
        delete_folder,
        (
            Argument("area", "Where.", choices=("tftp",)),
            Argument("name", "The folder's name."),
            Argument("options", "", Kind.FLAGS, choices=("detail",)),
        ),
    ),
)
