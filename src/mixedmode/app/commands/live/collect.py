"""``mixedmode inventory collect``: a live cluster and its phones, read and never changed, into one file."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Final

import typer

from mixedmode.app.commands.options import AsJson
from mixedmode.faces.terminal.bars import counted
from mixedmode.faces.terminal.console import say
from mixedmode.live.parts import Part

if TYPE_CHECKING:
    from mixedmode.live.cluster_file import ClusterFile
    from mixedmode.live.observed import NotSeen, Observation

ClusterToml = Annotated[
    Path, typer.Option("--cluster", metavar="CLUSTER.toml", help="The cluster's nodes, ports and logins.")
]
_PHONES: Final = frozenset({"AXL", "phones", "last registrations", "registrations"})
"""What is missing with these names makes the phones' part incomplete."""
_SHOWN: Final = 40


def collect(
    cluster: ClusterToml,
    output: Annotated[Path, typer.Option("--output", "-o", help="The file; it is there when it is whole.")],
    only: Annotated[
        list[Part] | None, typer.Option("--only", help="Look at this alone; may be given several times.")
    ] = None,
    no_pages: Annotated[bool, typer.Option("--no-pages", help="Read no phone's own pages.")] = False,
    no_traces: Annotated[bool, typer.Option("--no-traces", help="Fetch no CallManager traces.")] = False,
    fresh: Annotated[
        bool, typer.Option("--fresh", help="Begin anew, even if an earlier run was cut off and could go on.")
    ] = False,
    json: AsJson = False,
) -> None:
    """Collect what nodes and phones of a live cluster hold, with source and time of each value; it changes nothing.

    Lists and signed files by HTTP 6970 or TFTP, certificates by TLS need no login. With ``axl`` of CLUSTER.toml come
    database, services, registrations (RIS), phones' pages and CallManager traces, with ``platform`` the certificate
    stores. Nothing but what reads is sent, at the rates that a cluster bears. A run that is cut off goes on when it is
    given again: what it has is kept in OUTPUT.partial.
    """
    from mixedmode.live.cluster_file import read_cluster_file

    asked = read_cluster_file(cluster)
    parts = frozenset(only or Part) - ({Part.PAGES} if no_pages else set()) - ({Part.TRACES} if no_traces else set())
    from mixedmode.app.commands.auditing.stopping import at_once

    with at_once():
        seen, whole = _collected(asked, parts, output, fresh=fresh)
    if json:
        from mixedmode.faces.terminal.console import print_json

        print_json({**_summary(seen, output), "complete": whole})
    else:
        _say(seen, output)
    if not whole:
        raise typer.Exit(3)


def _collected(cluster: ClusterFile, parts: frozenset[Part], output: Path, *, fresh: bool) -> tuple[Observation, bool]:
    from mixedmode.app.commands.auditing.stopping import aside
    from mixedmode.app.commands.live.passwords import ask_beforehand
    from mixedmode.errors import RemoteError, UsageError
    from mixedmode.live.document import write_document
    from mixedmode.live.looking import observe
    from mixedmode.live.notebook import FileNotebook
    from mixedmode.live.wire.clock import SYSTEM
    from mixedmode.pki.files import write_atomic

    if output.is_dir():
        raise UsageError("it is a folder", where=str(output), next_step="name the file to write")
    partial = output.with_name(f"{output.name}.partial")
    if fresh:
        partial.unlink(missing_ok=True)
    ask = ask_beforehand(cluster, {})
    notebook = FileNotebook(partial, _about(cluster, parts), SYSTEM.now())
    if notebook.resumed:
        say(f"going on with what was begun at {notebook.begun.isoformat()}: {notebook.resumed:,} steps are done")
    try:
        with counted() as progress:
            # Threads of the look wait for answers where Ctrl-C does not come through.
            seen = aside(lambda: observe(cluster, parts, progress=progress, ask=ask, notebook=notebook))
    except KeyboardInterrupt:
        notebook.close()
        say(f"cut off; what was collected is in {partial}: the same command goes on")
        raise
    except BaseException:
        notebook.close()
        raise
    shown = any(each.chain for each in seen.faces)  # a port that closes at once is an answer of nobody
    if not shown and not any((seen.files, seen.phones, seen.certificates, seen.parameters, seen.services)):
        notebook.remove()
        raise RemoteError(
            "no node answered",
            where=str(cluster.path),
            why="; ".join(dict.fromkeys(f"{each.what} {each.where}: {each.why}" for each in seen.not_seen[:3])),
            next_step="check addresses and ports of the nodes, and that this host may reach them",
        )
    write_atomic(output, "".join(write_document(seen)).encode(), mode=0o600)
    whole = not (Part.PHONES in parts and cluster.axl is not None and any(map(_is_of_phones, seen.not_seen)))
    if whole:
        notebook.remove()
    else:
        notebook.close()
    return seen, whole


def _about(cluster: ClusterFile, parts: frozenset[Part]) -> str:
    """Return what a notebook is of: nodes, logins by name, and what is looked at."""
    nodes = [(each.name, each.address, sorted(each.ports.items())) for each in cluster.nodes]
    users = [each.user for each in (cluster.axl, cluster.platform) if each is not None]
    return repr((nodes, users, sorted(parts)))


def _is_of_phones(missing: NotSeen) -> bool:
    return missing.what in _PHONES and not missing.why.startswith("this release has not")


def _say(seen: Observation, output: Path) -> None:
    summary = _summary(seen, output)
    say(
        f"{output}: {summary['nodes']} nodes, {summary['files']} files, {summary['certificates']} certificates, "
        f"{summary['phones']:,} phones, of {summary['known']:,} of them it is known what they hold"
    )
    for each in seen.not_seen[:_SHOWN]:
        say(f"  not seen: {each.what}{f' of {each.where}' if each.where else ''}: {each.why}")
    if len(seen.not_seen) > _SHOWN:
        say(f"  and {len(seen.not_seen) - _SHOWN} more, all in the file")


def _summary(seen: Observation, output: Path) -> dict[str, object]:
    return {
        "output": str(output),
        "cluster": seen.cluster,
        "nodes": len(seen.nodes),
        "files": sum(each.data is not None for each in seen.files),
        "certificates": len(seen.certificates),
        "phones": len(seen.phones),
        "known": sum(bool(each.newest("itl") or each.newest("ctl")) for each in seen.phones),
        "not_seen": [{"what": each.what, "where": each.where, "why": each.why} for each in seen.not_seen],
    }
