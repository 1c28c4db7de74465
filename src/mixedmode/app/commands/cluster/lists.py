"""``mixedmode lists``: every trust list that a cluster ever published, and which one a phone's hash means."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from mixedmode.app.commands.options import AsJson, Config, LabFolder
from mixedmode.errors import UsageError
from mixedmode.faces.terminal.console import print_json, print_lines

if TYPE_CHECKING:
    from mixedmode.cluster.publishing.archive import ArchivedList, Publication


def lists(
    digest: Annotated[
        str | None,
        typer.Argument(
            help="MD5, SHA-1 or SHA-256 of a list, as a phone shows it, or its first digits.",
            metavar="[HASH]",
            show_default=False,
        ),
    ] = None,
    output: Annotated[Path | None, typer.Option("--output", "-o", help="Write the list of HASH to this file.")] = None,
    node: Annotated[str | None, typer.Option(help="Only the ITL files of this node.")] = None,
    directory: LabFolder = None,
    config: Config = None,
    json: AsJson = False,
) -> None:
    """Show every CTL and ITL file that the cluster published: when, for which node, by what; or the one of a hash."""
    if digest is None and output is not None:
        raise UsageError("--output needs the hash of a list", next_step="mixedmode lists HASH --output FILE")
    from mixedmode.app.targets.hands import looked_at
    from mixedmode.cluster.publishing import archive

    with looked_at(directory, config) as hands:
        cluster = hands.cluster
        if digest is None:
            name = None if node is None else cluster.node(node).name
            _print_history(archive.history(cluster.database, node=name), json=json)
            return
        found = archive.find(cluster.database, digest)
    if output is not None:
        from mixedmode.pki.files import write_atomic

        write_atomic(output, found.data)
    _print_list(found, output, json=json)


def _print_history(history: list[Publication], *, json: bool) -> None:
    if json:
        print_json([_document(each) for each in history])
        return
    from mixedmode.faces.terminal.table import table

    rows = (
        [
            f"{each.published:%Y-%m-%d %H:%M:%S}",
            each.name,
            each.node or "every node",
            each.action or "-",
            str(each.length),
            each.sha1,
            "present" if each.current else "",
        ]
        for each in history
    )
    print_lines(table(["published (UTC)", "file", "node", "by", "bytes", "SHA-1", ""], rows))


def _print_list(found: ArchivedList, output: Path | None, *, json: bool) -> None:
    hashes = {"md5": found.md5, "sha1": found.sha1, "sha256": found.sha256}
    if json:
        times = [_document(each) for each in found.publications]
        print_json({**hashes, "length": len(found.data), "publications": times, "file": output and str(output)})
        return
    # A copy that is being made may have the list before it has the entry of its publication.
    name = next((each.name for each in found.publications), "a list of this cluster")
    lines = [
        f"{name}, {len(found.data)} bytes",
        *(f"  {name.upper():<7} {value}" for name, value in hashes.items()),
    ]
    for each in found.publications:
        whom = each.node or "every node"
        how = f" by {each.action}" if each.action else ""
        number = f" (operation {each.operation})" if each.operation is not None else ""
        state = "present" if each.current else "replaced"
        lines.append(f"  published {each.published:%Y-%m-%d %H:%M:%S} UTC for {whom}{how}{number}: {state}")
    lines.append(
        f"written to {output}" if output else "--output FILE writes it; mixedmode show FILE prints its records"
    )
    print_lines(lines)


def _document(each: Publication) -> dict[str, Any]:
    return {
        "number": each.number,
        "file": each.name,
        "node": each.node or None,
        "published": each.published.isoformat(),
        "action": each.action or None,
        "operation": each.operation,
        "current": each.current,
        "length": each.length,
        "md5": each.md5,
        "sha1": each.sha1,
        "sha256": each.sha256,
    }
