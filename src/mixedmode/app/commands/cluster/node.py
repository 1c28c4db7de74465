"""``mixedmode node``: make a node, run it, look at it."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from mixedmode.app.commands.options import AsJson
from mixedmode.errors import CheckFailedError, UsageError
from mixedmode.faces.terminal import interrupts
from mixedmode.faces.terminal.console import print_json, print_lines, say
from mixedmode.numbers import whole_number

if TYPE_CHECKING:
    from mixedmode.node.host.settings import Settings

app = typer.Typer(help="A node of a cluster on a host of its own.", no_args_is_help=True)

DEFAULT_VERSION = "12.5.1.13900-152"
"""From here on ITLRecovery signs, so that a new CallManager certificate locks nobody out (cucm-admin.md 3)."""

Config = Annotated[Path | None, typer.Option("--config", help="Settings file; else ./mixedmode.toml, then /etc.")]


@app.command()
def init(
    name: Annotated[str, typer.Option(help="Host name, as certificates will name the node.")],
    address: Annotated[str, typer.Option(help="IP address that phones use.")],
    directory: Annotated[Path, typer.Option(help="For keys, files and the embedded database.")] = Path(
        "/var/lib/mixedmode"
    ),
    config: Annotated[Path, typer.Option(help="The settings file to write.")] = Path("mixedmode.toml"),
    database: Annotated[
        str, typer.Option(help="postgresql://... for a cluster of several hosts; SQLite if left out.", metavar="URL")
    ] = "",
    version: Annotated[str, typer.Option(help="CUCM version whose rules the cluster follows.")] = DEFAULT_VERSION,
    port: Annotated[
        list[str] | None, typer.Option(help="Another port than the standard one.", metavar="SERVICE=PORT")
    ] = None,
    organization: Annotated[str, typer.Option(help="O= of the certificates.")] = "mixedmode",
    unit: Annotated[str, typer.Option(help="OU= of the certificates.")] = "Telephony",
    locality: Annotated[str, typer.Option(help="L= of the certificates.")] = "Krakow",
    state: Annotated[str, typer.Option(help="ST= of the certificates.")] = "Malopolska",
    country: Annotated[str, typer.Option(help="C= of the certificates, two letters.")] = "PL",
    password_file: Annotated[
        Path | None, typer.Option(help="The administrator's password; one is made up if left out.")
    ] = None,
) -> None:
    """Make a cluster with this host as its publisher, and its settings file."""
    from mixedmode.node.setup import Organization, make_publisher

    if config.exists():
        raise UsageError("the settings file exists already", where=str(config), next_step="remove it, or use --config")
    settings = _settings(name, address, directory, database, port or [])
    made = make_publisher(
        settings,
        version=version,
        organization=Organization(organization, unit, locality, state, country),
        password_file=password_file,
        say=say,
    )
    _write(config, settings)
    print_lines(
        [
            f"The publisher {name} is made, version {version}, in non-secure mode.",
            f"Settings:                 {config}",
            f"Administrator's password: {made.password_file}",
            *made.warnings,
            "",
            f"mixedmode node run --config {config}      starts it",
            f"mixedmode node status --config {config}   shows it",
        ]
    )


def _settings(
    name: str, address: str, directory: Path, database: str, ports: list[str], *, role: str = "publisher"
) -> Settings:
    from pydantic import ValidationError

    from mixedmode.node.host.settings import DatabaseTable, NodeTable, Settings

    try:
        return Settings(
            node=NodeTable.model_validate(
                {"name": name, "address": address, "directory": directory.absolute(), "role": role}
            ),
            database=DatabaseTable(url=database),
            ports=dict(_port(each) for each in ports),
        )
    except ValidationError as error:
        first = error.errors()[0]
        raise UsageError(f"{'.'.join(str(part) for part in first['loc'])}: {first['msg'].lower()}") from error


def _port(text: str) -> tuple[str, int]:
    from mixedmode.node.units.options import STANDARD_PORTS

    name, _, written = text.partition("=")
    number = whole_number(written)
    if name not in STANDARD_PORTS or number is None:
        raise UsageError(f"--port {text}: no such port", next_step=f"SERVICE=PORT; one of {', '.join(STANDARD_PORTS)}")
    return name, number


def _write(config: Path, settings: Settings) -> None:
    from mixedmode.node.host.settings import render_settings
    from mixedmode.pki.files import PRIVATE, write_atomic

    # A database URL may hold a password.
    write_atomic(config, render_settings(settings).encode(), mode=PRIVATE)


@app.command()
def run(config: Config = None) -> None:
    """Run this host's node until SIGTERM or Ctrl-C; its log goes to standard error."""
    import uvloop

    from mixedmode.node.host.logs import set_up_logs
    from mixedmode.node.host.settings import load_settings
    from mixedmode.node.node import Node
    from mixedmode.node.setup import open_cluster

    settings = load_settings(config)
    set_up_logs(level=settings.log.level, as_json=settings.log.format == "json")
    opened = open_cluster(settings)
    try:
        interrupts.run(_run(Node, settings, opened), loop_factory=uvloop.new_event_loop)
    finally:
        opened.close()


async def _run(node: Any, settings: Settings, opened: Any) -> None:
    await node(settings, opened).run()


@app.command()
def join(
    publisher: Annotated[str, typer.Argument(help="The publisher's SSH, HOST or HOST:PORT.")],
    name: Annotated[str, typer.Option(help="Host name, as certificates will name this node.")],
    address: Annotated[str, typer.Option(help="IP address that phones use.")],
    database: Annotated[str, typer.Option(help="postgresql://... of this host, an empty database.", metavar="URL")],
    directory: Annotated[Path, typer.Option(help="For keys and files.")] = Path("/var/lib/mixedmode"),
    config: Annotated[Path, typer.Option(help="The settings file to write.")] = Path("mixedmode.toml"),
    port: Annotated[
        list[str] | None, typer.Option(help="Another port than the standard one.", metavar="SERVICE=PORT")
    ] = None,
    user: Annotated[str, typer.Option(help="Administrator of the publisher, level 4.")] = "administrator",
    password_file: Annotated[Path | None, typer.Option(help="The administrator's password; asked for.")] = None,
    known_hosts: Annotated[Path | None, typer.Option(help="What recognises the publisher's host key.")] = None,
) -> None:
    """Make this host a subscriber of a publisher's cluster; repeat it if it was cut off."""
    from mixedmode.app.targets.admin_target import Target
    from mixedmode.node.join import Publisher
    from mixedmode.node.setup import join_cluster

    if config.exists():
        raise UsageError("the settings file exists already", where=str(config), next_step="remove it, or use --config")
    host, _, number = publisher.partition(":") if publisher.count(":") == 1 else (publisher, "", "")
    named = whole_number(number) if number else 22
    if named is None or not 0 < named < 1 << 16:
        raise UsageError(f"{publisher!r} is no host", next_step="write HOST or HOST:PORT")
    target = Target(host, named, user, password_file)
    password = target.password()
    if not password:
        raise UsageError("the administrator's password is not given", next_step="use --password-file")
    settings = _settings(name, address, directory, database, port or [], role="subscriber")
    complete, made = join_cluster(settings, Publisher(host, target.port, user, password, known_hosts), say=say)
    _write(config, complete)
    print_lines(
        [
            f"{name} is a subscriber of {publisher}.",
            *made.warnings,
            f"mixedmode node run --config {config}      starts it",
        ]
    )


@app.command()
def remove(
    name: Annotated[str, typer.Argument(help="The node that leaves.")],
    config: Config = None,
) -> None:
    """Take a subscriber out of the cluster; on the publisher."""
    from mixedmode.app.targets.hands import administered_by
    from mixedmode.cluster.operations.nodes import RemoveNode
    from mixedmode.node.host.settings import load_settings

    with administered_by(load_settings(config), what="nodes are removed") as hands:
        done = hands.run(RemoveNode(hands.cluster.node(name).name))
    print_lines([*done.changes, *done.warnings])


@app.command()
def status(
    config: Config = None,
    json: AsJson = False,
) -> None:
    """Show what this host's node does; exit code 1 if something of it does not run, 3 if the node does not."""
    from mixedmode.node.host.settings import load_settings
    from mixedmode.node.status import SOCKET_NAME, ask_status

    document = ask_status(load_settings(config).node.directory / SOCKET_NAME)
    if json:
        print_json(document)
    else:
        print_lines(_status_lines(document))
    broken = [unit["name"] for unit in document["units"] if unit["problem"]]
    lists = [each["problem"] for each in document.get("lists", ()) if each["problem"]]
    if broken or lists or "database_problem" in document or document.get("removed"):
        if json:
            raise typer.Exit(1)
        if lists and not broken:
            step = "restart Cisco Tftp, which puts it right or says in the node's log why it cannot"
            raise CheckFailedError("; ".join(lists), next_step=step)
        what = ", ".join(broken) or ("this node was removed" if document.get("removed") else "the database")
        raise CheckFailedError(f"not everything runs: {what}", next_step="see the node's log")


def _operation_lines(document: dict[str, Any]) -> list[str]:
    """Return who holds the cluster's lock."""
    holder = document.get("operation")
    if holder is None:
        problem = document.get("operation_problem")
        return [f"Operations: {problem}"] if problem else []
    where = f" on {holder['node']}" if holder["node"] else ""
    by = f"{holder['user']} ({holder['source']})" if holder["user"] else "nobody known"
    line = f"Operation: {holder['operation']}, by {by}{where}, since {holder['since']}: {holder['state']}"
    if holder["state"] == "running":
        return [line]
    return [line, "  It is finished or undone by the node that began it, or by the next operation."]


def _status_lines(document: dict[str, Any]) -> list[str]:
    from mixedmode.faces.terminal.table import table
    from mixedmode.node.upkeep import JOIN_AGAIN, REMOVED

    lines = [
        f"{document['node']} ({document['role']}, {document['address']}), since {document['started']}",
        "",
        *table(
            ["unit", "state", "port", "starts", "problem"],
            (
                [u["name"], u["state"], str(u["port"] or "-"), str(u["starts"]), u["problem"] or ""]
                for u in document["units"]
            ),
        ),
        "",
    ]
    lines += _operation_lines(document)
    if document.get("removed"):
        return [*lines, f"{REMOVED[0].upper()}{REMOVED[1:]}: {JOIN_AGAIN}"]
    if "database_problem" in document:
        return [*lines, f"The database: {document['database_problem']}"]
    ctl = document["ctl"]
    held = f"{ctl['length']} bytes" if ctl["length"] else "none"
    differs = "" if ctl["is_the_publishers"] else ", which is not the publisher's"
    lines.append(f"Version {document['version']}, {document['security_mode']}; CTL file: {held}{differs}")
    lines += [each["problem"] for each in document["lists"] if each["problem"]]
    lines += [f"Restart needed: {name}" for name in document["restart_needed"]]
    lines += [f"{each['file']} waits for {each['node']}: {each['problem']}" for each in document["undelivered"]]
    return lines
