"""``mixedmode watch``: the audit again and again; speaks only when something changes."""

from __future__ import annotations

import re
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Final

import typer

from mixedmode.app.commands.auditing.audit import ClusterOption, FailOn, LabOption, NoPages, NoTraces
from mixedmode.errors import UsageError
from mixedmode.numbers import whole_number

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from mixedmode.audit.watching.watch import Receiver, Watch

_UNITS: Final = {"s": 1, "m": 60, "h": 3600, "d": 86400, "": 1}
_SHORTEST, _LONGEST = 10, 30 * 86400
STATE_FILE: Final = "mixedmode-watch.json"


def watch(
    cluster: ClusterOption = None,
    directory: LabOption = None,
    every: Annotated[str, typer.Option("--every", metavar="TIME", help="How often: 30s, 15m, 2h.")] = "15m",
    once: Annotated[bool, typer.Option("--once", help="Look once, and end: for cron and timers.")] = False,
    state: Annotated[
        Path | None,
        typer.Option("--state", metavar="FILE", help=f"What is remembered; default: {STATE_FILE} beside CLUSTER.toml."),
    ] = None,
    webhook: Annotated[
        str | None,
        typer.Option(
            "--webhook",
            metavar="URL",
            envvar="MIXEDMODE_WEBHOOK",
            help="POST each message there, JSON.",
            show_envvar=True,
        ),
    ] = None,
    mail: Annotated[
        list[str] | None, typer.Option("--mail", metavar="ADDRESS", help="Mail each message there; may be repeated.")
    ] = None,
    mail_from: Annotated[str, typer.Option("--mail-from", metavar="ADDRESS", help="Default: the first --mail.")] = "",
    smtp: Annotated[
        str, typer.Option("--smtp", metavar="HOST[:PORT]", help="The mail server; STARTTLS, or TLS on port 465.")
    ] = "localhost",
    smtp_user: Annotated[str, typer.Option("--smtp-user", metavar="NAME", help="Who logs in to the mail server.")] = "",
    smtp_password_file: Annotated[
        Path | None, typer.Option("--smtp-password-file", metavar="FILE", help="Holds the password alone.")
    ] = None,
    cacert: Annotated[
        Path | None, typer.Option("--cacert", metavar="PEM", help="Who is believed of webhook and mail server.")
    ] = None,
    metrics: Annotated[
        Path | None, typer.Option("--metrics", metavar="FILE", help="Write Prometheus metrics after each look.")
    ] = None,
    listen: Annotated[
        str | None, typer.Option("--listen", metavar="ADDR:PORT", help="Serve the same at /metrics.")
    ] = None,
    no_pages: NoPages = False,
    no_traces: NoTraces = False,
    fail_on: Annotated[FailOn, typer.Option("--fail-on", help="With --once: exit with 1 from here on.")] = FailOn.NONE,
) -> None:
    """Audit a cluster on a schedule, and speak only when something changes: here, by webhook, by mail.

    What is known stands in a file, so that it may be stopped and started; Ctrl-C ends it at once.
    """
    from functools import partial

    from mixedmode.app.commands.auditing.audit import left_out, look
    from mixedmode.app.commands.auditing.stopping import at_once
    from mixedmode.app.commands.auditing.where import cluster_of
    from mixedmode.audit.watching.exporter import Exporter
    from mixedmode.audit.watching.mail import mail_of
    from mixedmode.audit.watching.watch import Watch
    from mixedmode.audit.watching.webhook import webhook_of
    from mixedmode.faces.terminal.console import print_lines, say
    from mixedmode.live.cluster_file import secret_of
    from mixedmode.live.looking import name_of

    seconds = seconds_of(every)
    wanted = cluster_of([], cluster, directory)
    receivers: list[Receiver] = []
    if webhook:
        receivers.append(webhook_of(webhook, cacert))
    if mail:
        password = secret_of(smtp_password_file) if smtp_password_file else ""
        receivers.append(mail_of(mail, mail_from, smtp, smtp_user, password, cacert))
    exporter = Exporter(*address_of(listen)) if listen else None
    try:
        takers = [_writer(metrics)] if metrics else []
        takers += [exporter.take] if exporter is not None else []
        parts = left_out(pages=no_pages, traces=no_traces)
        path = state or wanted.path.parent / STATE_FILE
        look_at = partial(look, wanted, left_out=parts)
        watching = Watch(name_of(wanted), look_at, path, receivers, print_lines, _all_of(takers))
        with at_once():
            if once:
                _look_once(watching, fail_on)
                return
            where = f"; metrics at port {exporter.port}" if exporter is not None else ""
            say(f"watching {watching.cluster} every {every}{where}; Ctrl-C ends it")
            for _ in watching.rounds(seconds):
                pass
    finally:
        if exporter is not None:
            exporter.close()


def _look_once(watching: Watch, fail_on: FailOn) -> None:
    from mixedmode.app.commands.auditing.audit import threshold
    from mixedmode.errors import RemoteError

    found = watching.once()
    if found is None:
        raise RemoteError(
            "the cluster could not be looked at",
            where=watching.cluster,
            next_step="mixedmode audit says of each node why",
        )
    if found.reaches(threshold(fail_on)):
        raise typer.Exit(1)


def _all_of(takers: Sequence[Callable[[str], None]]) -> Callable[[str], None]:
    def take(text: str) -> None:
        for each in takers:
            each(text)

    return take


def _writer(path: Path) -> Callable[[str], None]:
    from mixedmode.pki.files import write_atomic

    return lambda text: write_atomic(path, text.encode("utf-8", "backslashreplace"))


def seconds_of(text: str) -> float:
    """Return the seconds of ``90``, ``30s``, ``15m``, ``2h`` or ``1d``.

    Raises:
        UsageError: It is none of these, or too short or long.
    """
    found = re.fullmatch(r"([0-9]{1,7})([smhd]?)", text.strip())
    seconds = int(found[1]) * _UNITS[found[2]] if found else 0
    if not _SHORTEST <= seconds <= _LONGEST:
        raise UsageError(f"{text!r} is no time between looks", next_step="write it as 30s, 15m, 2h: 10s to 30d")
    return float(seconds)


def address_of(text: str) -> tuple[str, int]:
    """Return the address and port of ``127.0.0.1:9109``, ``[::1]:9109`` or ``:9109`` (this machine alone).

    Raises:
        UsageError: It is none.
    """
    host, colon, port = text.rpartition(":")
    number = whole_number(port)
    if not colon or number is None or number >= 1 << 16 or not host.isprintable():
        raise UsageError(f"{text!r} is no address to listen on", next_step="write 127.0.0.1:9109")
    return host.strip("[]") or "127.0.0.1", number
