"""``mixedmode audit-log``: who did what in a cluster, and who was refused."""

from __future__ import annotations

from typing import Annotated

import typer

from mixedmode.app.commands.options import AsJson, Config, LabFolder
from mixedmode.faces.terminal.console import print_json, print_lines, say


def audit_log(
    since: Annotated[
        str | None, typer.Option(help="From then on: 30m, 2h, 7d, or a date such as 2026-11-26T10:00.", metavar="WHEN")
    ] = None,
    user: Annotated[str | None, typer.Option(help="Of this account.")] = None,
    action: Annotated[
        str | None, typer.Option(help="Whose action begins so: login, 'utils ctl', 'phones reset' ...")
    ] = None,
    outcome: Annotated[str | None, typer.Option(help="started, done, undone, failed, refused or locked.")] = None,
    last: Annotated[int, typer.Option(min=1, max=100_000, help="So many, the newest ones.", metavar="N")] = 20,
    directory: LabFolder = None,
    config: Config = None,
    json: AsJson = False,
) -> None:
    """Show the audit log of a node's or a lab's cluster, the newest entry last."""
    from mixedmode.app.targets.hands import looked_at
    from mixedmode.control import audit_log as log

    with looked_at(directory, config) as hands:
        begin = None if since is None else log.moment(since, hands.cluster.now())
        wanted = log.Wanted(begin, user, action, outcome, last)
        found = hands.control.audit_log(hands.principal, wanted)
    if json:
        print_json([log.document(record) for record in found])
    else:
        print_lines(log.line(record) for record in found)
        if not found:
            say("no such entry in the audit log")
