"""``mixedmode device``: the phones that a cluster knows."""

from __future__ import annotations

import contextlib
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from mixedmode.app import completion
from mixedmode.app.console import print_json, print_lines
from mixedmode.errors import MalformedError, UsageError

if TYPE_CHECKING:
    from mixedmode.cluster.facade import Cluster

app = typer.Typer(help="The phones that a cluster knows; on the publisher's host.", no_args_is_help=True)

Directory = Annotated[Path | None, typer.Option(help="A lab's folder; ./lab if there is one.")]
Config = Annotated[Path | None, typer.Option("--config", help="A node's settings file.")]
FIELDS = ("name", "model", "description", "device_pool", "protocol", "security_mode")


@app.command()
def add(
    name: Annotated[str, typer.Argument(help="SEP and the MAC address, such as SEP001122334455.")],
    model: Annotated[str, typer.Option(help="Such as 7975 or 8861.", autocompletion=completion.models)] = "7975",
    description: Annotated[str, typer.Option(help="For people.")] = "",
    device_pool: Annotated[str, typer.Option(help="Made if it is not there.")] = "Default",
    protocol: Annotated[str, typer.Option(help="SCCP or SIP.")] = "SCCP",
    security_mode: Annotated[int, typer.Option(help="1 non-secure, 2 authenticated, 3 encrypted.")] = 1,
    directory: Directory = None,
    config: Config = None,
) -> None:
    """Add a phone."""
    values = (name, model, description, device_pool, protocol, security_mode)
    _add([dict(zip(FIELDS, values, strict=True))], directory, config)


@app.command("import")
def import_devices(
    file: Annotated[Path, typer.Argument(help="CSV with a header: name, model, and any other field of add.")],
    directory: Directory = None,
    config: Config = None,
) -> None:
    """Add phones from a CSV file, all of them or none."""
    import csv

    from mixedmode.pki.load import read_key_file

    text = read_key_file(file).decode("utf-8-sig", "replace")
    reader = csv.DictReader(text.splitlines())
    unknown = sorted(set(reader.fieldnames or ()) - set(FIELDS))
    if unknown or "name" not in (reader.fieldnames or ()):
        raise MalformedError(
            f"unknown column {unknown[0]!r}" if unknown else "there is no column 'name'",
            where=f"{file}:1",
            next_step=f"columns: {', '.join(FIELDS)}",
        )
    rows: list[dict[str, Any]] = []
    for number, row in enumerate(reader, 2):
        found: dict[str, Any] = {field: value.strip() for field, value in row.items() if value and value.strip()}
        mode = found.get("security_mode", "1")
        if not str(mode).isdigit() or None in row:
            raise MalformedError("this line does not fit the header", where=f"{file}:{number}")
        rows.append({**found, "security_mode": int(mode)})
    if not rows:
        raise UsageError("the file names no phone", where=str(file))
    _add(rows, directory, config)


def _add(devices: list[dict[str, Any]], directory: Path | None, config: Path | None) -> None:
    from mixedmode.cluster.steps import Actor
    from mixedmode.phone.models import get_model

    for each in devices:
        get_model(str(each.get("model", "7975")))
    with _cluster(directory, config) as cluster:
        done = cluster.run("device add", Actor("root", "console"), devices=devices)
    print_lines(done.changes)


@app.command()
def change(
    name: Annotated[str, typer.Argument(help="The device's name.", autocompletion=completion.devices)],
    model: Annotated[str | None, typer.Option(help="Such as 7975 or 8861.", autocompletion=completion.models)] = None,
    description: Annotated[str | None, typer.Option(help="For people.")] = None,
    device_pool: Annotated[str | None, typer.Option(help="Made if it is not there.")] = None,
    protocol: Annotated[str | None, typer.Option(help="SCCP or SIP.")] = None,
    security_mode: Annotated[int | None, typer.Option(help="1 non-secure, 2 authenticated, 3 encrypted.")] = None,
    directory: Directory = None,
    config: Config = None,
) -> None:
    """Change a phone; what is not given stays."""
    from mixedmode.cluster.steps import Actor
    from mixedmode.phone.models import get_model

    if model is not None:
        get_model(model)
    given = (model, description, device_pool, protocol, security_mode)
    values = {field: value for field, value in zip(FIELDS[1:], given, strict=True) if value is not None}
    with _cluster(directory, config) as cluster:
        done = cluster.run("device change", Actor("root", "console"), name=name, values=values)
    print_lines(done.changes)
    print_lines(done.warnings)


@app.command()
def remove(
    name: Annotated[str, typer.Argument(help="The device's name.", autocompletion=completion.devices)],
    directory: Directory = None,
    config: Config = None,
) -> None:
    """Remove a phone."""
    from mixedmode.cluster.steps import Actor

    with _cluster(directory, config) as cluster:
        done = cluster.run("device remove", Actor("root", "console"), name=name)
    print_lines(done.changes)


@app.command("list")
def list_devices(
    directory: Directory = None,
    config: Config = None,
    json: Annotated[bool, typer.Option("--json", help="Print one JSON document.")] = False,
) -> None:
    """List the phones and the hashes of the lists that they reported."""
    with _cluster(directory, config) as cluster:
        found = [
            {
                "name": each.name,
                "model": each.model,
                "protocol": each.protocol,
                "description": each.description,
                "device_pool": each.device_pool,
                "security_mode": each.security_mode,
                "ctl_sha1": each.ctl_hash or None,
                "itl_sha1": each.itl_hash or None,
                "last_seen": each.last_seen.isoformat() if each.last_seen else None,
            }
            for each in cluster.devices
        ]
    if json:
        print_json(found)
        return
    from mixedmode.app.lab_guide import table

    rows = (
        [str(d["name"]), str(d["model"]), str(d["device_pool"]), str(d["ctl_sha1"] or "-"), str(d["description"])]
        for d in found
    )
    print_lines(table(["device", "model", "device pool", "CTL (SHA-1)", "description"], rows))


@contextlib.contextmanager
def _cluster(directory: Path | None, config: Path | None) -> Iterator[Cluster]:
    """Open the publisher's cluster: a lab's, or that of the settings file."""
    from mixedmode.app.lab_document import DEFAULT_DIRECTORY
    from mixedmode.app.lab_folder import database_url
    from mixedmode.cluster.facade import Cluster

    if directory is None and config is None and (DEFAULT_DIRECTORY / "cluster.db").exists():
        directory = DEFAULT_DIRECTORY
    if directory is not None:
        cluster = Cluster.open(directory, database_url=database_url(directory))
    else:
        from mixedmode.app.node_setup import open_cluster
        from mixedmode.app.settings import load_settings

        settings = load_settings(config)
        if settings.node.role != "publisher":
            raise UsageError("phones are added on the publisher", where=settings.node.name)
        cluster = open_cluster(settings).cluster
    try:
        yield cluster
    finally:
        cluster.close()
