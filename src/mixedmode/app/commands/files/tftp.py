"""``mixedmode tftp``: serve a folder to phones, or fetch a file as a phone does."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from mixedmode.app.commands.options import ListenHost, Workers, finite
from mixedmode.faces.terminal import interrupts
from mixedmode.faces.terminal.console import print_bytes, say, say_error

if TYPE_CHECKING:
    from mixedmode.services.files.store import FolderStore
    from mixedmode.services.tftp.workshop import TftpWorkshop

app = typer.Typer(help="Serve a folder over TFTP, or fetch a file.", no_args_is_help=True)


@app.command()
def serve(
    directory: Annotated[Path, typer.Option(help="The folder to serve; small files are read into memory at start.")],
    host: ListenHost = "127.0.0.1",
    port: Annotated[int, typer.Option(min=0, max=65535, help="The UDP port; 0 chooses a free one.")] = 69,
    drain: Annotated[
        float, typer.Option(callback=finite, min=0, help="Seconds that transfers may take to finish.")
    ] = 5.0,
    rules: Annotated[
        list[str] | None,
        typer.Option(
            "--map",
            metavar="PATTERN=FOLDER",
            help="Where to look for a name that is not there as such, in order; default: '*=firmware', '*=firmware/*', "
            "'*=firmware/*/*' and the same for locales.",
        ),
    ] = None,
    no_map: Annotated[bool, typer.Option("--no-map", help="Serve files by their own names only.")] = False,
    workers: Workers = "1",
) -> None:
    """Serve DIRECTORY, read-only, until Ctrl-C or SIGTERM. SIGHUP reads the folder anew."""
    import uvloop

    from mixedmode.errors import UsageError
    from mixedmode.services.files.flat_names import DEFAULT_MAP
    from mixedmode.services.files.store import FolderStore
    from mixedmode.services.tftp.workshop import TftpWorkshop
    from mixedmode.services.workers.workshop import worker_count

    if no_map and rules:
        raise UsageError("--map and --no-map contradict each other", next_step="give one of them")
    count = worker_count(workers)
    wanted = () if no_map else rules or DEFAULT_MAP
    store = FolderStore(directory, rules=wanted)
    workshop = TftpWorkshop(directory, wanted, host) if count > 1 else None
    interrupts.run(_serve(store, (host, port), drain, workshop, count), loop_factory=uvloop.new_event_loop)


async def _serve(
    store: FolderStore, where: tuple[str, int], drain: float, workshop: TftpWorkshop | None, workers: int
) -> None:
    import asyncio
    import signal
    import socket

    from mixedmode.errors import MixedModeError
    from mixedmode.node.serving import left_out, serve_until_signal, shown
    from mixedmode.services.net.service import Service
    from mixedmode.services.tftp.service import TftpService
    from mixedmode.services.workers.crew import Crew, CrewService

    crew = Crew(workshop, workers) if workshop is not None else None
    service: Service
    if crew is None:
        service = TftpService(store, host=where[0], port=where[1])
    else:
        service = CrewService("TFTP", crew, "tftp", where, socket.SOCK_DGRAM)
    refreshing: set[asyncio.Task[None]] = set()

    def reload() -> None:
        try:
            store.reload()
        except MixedModeError as error:
            say_error(error)
        else:
            if crew is not None:
                refreshing.add(task := asyncio.create_task(crew.refresh()))
                task.add_done_callback(refreshing.discard)
            say_left_out()
            say(f"Read again: {len(store)} files")

    def say_left_out() -> None:
        for line in left_out(store):
            say(line)

    def started() -> None:
        say_left_out()
        say(f"TFTP on {shown(service.address)}, {len(store)} files of {store.folder}; Ctrl-C ends it")

    def drained(left: int) -> None:
        metrics = service.metrics
        say(f"{metrics['completed']} transfers completed, {metrics['not_found']} files not found, {left} cut off")

    asyncio.get_running_loop().add_signal_handler(signal.SIGHUP, reload)
    await serve_until_signal(service, started=started, drained=drained, seconds=drain)


@app.command()
def get(
    source: Annotated[str, typer.Argument(help="tftp://HOST[:PORT]/NAME")],
    output: Annotated[
        str | None, typer.Option(help="A file, or - for standard output; default: the name, here.")
    ] = None,
    block_size: Annotated[
        int | None, typer.Option(min=8, max=65464, help="Ask for this block size; default: no options at all.")
    ] = None,
    window: Annotated[
        int | None, typer.Option(min=1, max=65535, help="Ask for this many blocks between acknowledgements.")
    ] = None,
    limit: Annotated[int, typer.Option(min=1, help="Most bytes to take.")] = 256 << 20,
) -> None:
    """Fetch one file, by default exactly as a phone asks: octet mode, 512-byte blocks, no options."""
    from mixedmode.phone.body.download import fetch_tftp, split_tftp_url
    from mixedmode.protocols.tftp import Options

    host, port, name = split_tftp_url(source)
    asked = block_size is not None or window is not None
    options = Options(blksize=block_size, windowsize=window, tsize=asked)

    def fetch(progress: Progress | None) -> bytes:
        return interrupts.run(fetch_tftp(host, port, name, limit=limit, options=options, progress=progress))

    data = _with_progress(name, fetch) if sys.stderr.isatty() else fetch(None)
    if output == "-":
        print_bytes(data)
        return
    from mixedmode.pki.files import write_atomic

    target = Path(output or Path(name).name)
    write_atomic(target, data)
    say(f"{target}: {len(data)} bytes")


if TYPE_CHECKING:
    from collections.abc import Callable

    from mixedmode.phone.body.download import Progress


def _with_progress(name: str, fetch: Callable[[Progress | None], bytes]) -> bytes:
    from rich.console import Console
    from rich.progress import BarColumn, DownloadColumn, TextColumn, TransferSpeedColumn
    from rich.progress import Progress as Bar

    from mixedmode.printable import printable

    columns = (TextColumn("{task.description}", markup=False), BarColumn(), DownloadColumn(), TransferSpeedColumn())
    with Bar(*columns, console=Console(stderr=True), transient=True) as bar:
        task = bar.add_task(printable(name), total=None)
        return fetch(lambda done, total: bar.update(task, completed=done, total=total))
