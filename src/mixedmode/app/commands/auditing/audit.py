"""``mixedmode audit``: what is wrong with a live cluster, looked at from outside."""

from __future__ import annotations

from enum import StrEnum
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from mixedmode.app.commands.options import AsJson
from mixedmode.json_reader import read_json

if TYPE_CHECKING:
    from mixedmode.audit.live.document import Account
    from mixedmode.audit.live.finding import Severity
    from mixedmode.live.cluster_file import ClusterFile
    from mixedmode.live.observed import Observation
    from mixedmode.live.parts import Part


class FailOn(StrEnum):
    """From which severity on the exit code is 1."""

    CRITICAL = "critical"
    SERIOUS = "serious"
    MODERATE = "moderate"
    INFORMATION = "information"
    NONE = "none"


ClusterOption = Annotated[
    Path | None, typer.Option("--cluster", metavar="CLUSTER.toml", help="The cluster's nodes, and who logs in.")
]
LabOption = Annotated[Path | None, typer.Option("--directory", metavar="DIR", help="A lab's folder: its cluster.toml.")]
NoPages = Annotated[bool, typer.Option("--no-pages", help="Read no phone's own pages.")]
NoTraces = Annotated[bool, typer.Option("--no-traces", help="Fetch no CallManager traces.")]
_LARGEST = 256 << 20


def audit(
    hosts: Annotated[
        list[str] | None,
        typer.Argument(
            help="host, host:port (of HTTP), [IPv6]:port, http://host:port; or a collected FILE.json; or lists: files, "
            "or what show ctl and show itl printed, - for standard input.",
            metavar="[HOST|FILE]...",
        ),
    ] = None,
    cluster: ClusterOption = None,
    directory: LabOption = None,
    fail_on: Annotated[FailOn, typer.Option("--fail-on", help="Exit with 1 from this severity on.")] = FailOn.SERIOUS,
    baseline: Annotated[
        Path | None,
        typer.Option("--baseline", metavar="OLD.json", help="An earlier audit --json: say what changed since."),
    ] = None,
    html: Annotated[Path | None, typer.Option("--html", metavar="FILE", help="Write a report for people.")] = None,
    sarif: Annotated[Path | None, typer.Option("--sarif", metavar="FILE", help="Write SARIF 2.1.0.")] = None,
    no_pages: NoPages = False,
    no_traces: NoTraces = False,
    names: Annotated[bool, typer.Option("--names", help="Name the phones, not only how many.")] = False,
    everything: Annotated[bool, typer.Option("--all", help="Tell every finding whole, however long it gets.")] = False,
    json: AsJson = False,
) -> None:
    """Look at a live cluster from outside and say what is wrong with it; nothing is changed.

    Lists by HTTP or TFTP are enough; each login in CLUSTER.toml lets it see more. What was not seen is said so, and is
    never a finding.
    """
    from mixedmode.app.commands.auditing.given import given
    from mixedmode.app.commands.auditing.stopping import at_once
    from mixedmode.app.commands.auditing.where import cluster_of
    from mixedmode.audit.live.comparing import compare, comparison_document, states_of
    from mixedmode.audit.live.document import account_of, document
    from mixedmode.audit.live.judging import judge
    from mixedmode.faces.terminal.console import print_json, print_lines, say

    before = None if baseline is None else read_account(baseline)
    observation = None if cluster or directory else given(hosts or [])
    if observation is None:
        wanted = cluster_of(hosts or [], cluster, directory)
        with at_once():
            observation = look(wanted, named=bool(hosts), left_out=left_out(pages=no_pages, traces=no_traces))
    judgement = judge(observation, before.archive if before else None)
    comparison = None if before is None else compare(before, account_of(judgement, observation))
    if sarif is not None:
        from mixedmode import __version__
        from mixedmode.audit.live.sarif import sarif as sarif_of

        states = None if comparison is None else states_of(comparison)
        _write_json(sarif, sarif_of(judgement, __version__, states))
        say(f"{sarif}: SARIF of {len(judgement.findings)} findings")
    if html is not None:
        from mixedmode import __version__
        from mixedmode.faces.report.audit import audit_report
        from mixedmode.pki.files import write_atomic

        made = f"mixedmode {__version__}, {judgement.ended:%Y-%m-%d %H:%M} UTC. Nothing was changed."
        write_atomic(html, audit_report(judgement, made, comparison, names=names).encode("utf-8", "backslashreplace"))
        say(f"{html}: the report")
    if json:
        whole = document(judgement, observation)
        if comparison is not None:
            whole["baseline"] = comparison_document(comparison)
        print_json(whole)
    else:
        from mixedmode.app.commands.auditing.screen import compared, screen

        if comparison is not None:
            print_lines(compared(comparison))
        print_lines(screen(judgement, everything=everything, names=names))
    if judgement.reaches(threshold(fail_on)):
        raise typer.Exit(1)


def threshold(fail_on: FailOn) -> Severity | None:
    """Return the severity of an option."""
    from mixedmode.audit.live.finding import Severity

    return None if fail_on is FailOn.NONE else Severity(fail_on.value)


def left_out(*, pages: bool, traces: bool) -> frozenset[Part]:
    """Return the parts that are not looked at."""
    from mixedmode.live.parts import Part

    return frozenset({Part.PAGES} if pages else ()) | frozenset({Part.TRACES} if traces else ())


def look(cluster: ClusterFile, *, named: bool = False, left_out: frozenset[Part] = frozenset()) -> Observation:
    """Look at a cluster.

    Args:
        cluster: Its nodes.
        named: Whether they are only named: then nobody knows which is the publisher.
        left_out: Parts that are not looked at.

    Raises:
        RemoteError: No node shows a list, and nothing else tells of the cluster.
    """
    import sys
    from dataclasses import replace

    from mixedmode.app.commands.auditing.stopping import aside
    from mixedmode.app.commands.live.passwords import ask_beforehand
    from mixedmode.errors import RemoteError
    from mixedmode.faces.terminal.console import say
    from mixedmode.live.looking import observe
    from mixedmode.live.parts import EVERYTHING

    last = ""

    def progress(what: str, done: int, total: int) -> None:
        nonlocal last
        if sys.stderr.isatty() and (what != last or done == total):
            last = what
            say(f"{what}: {done:,} of {total:,}" if total else what)

    ask = ask_beforehand(cluster, _answers)
    observation = aside(lambda: observe(cluster, EVERYTHING - left_out, progress=progress, ask=ask))
    # A release or a TLS port alone would make an audit that found nothing of one that saw nothing.
    if not (observation.files or observation.certificates or observation.phones):
        # A login that nobody gave is not why no list came.
        lists = (each for each in observation.not_seen if each.what.endswith("File.tlv"))
        first = next(lists, observation.not_seen[0] if observation.not_seen else None)
        raise RemoteError(
            "no node showed a list",
            where=", ".join(node.name for node in cluster.nodes),
            why=first.why if first else None,
            next_step="look whether the hosts are right and their ports 6970 and 69 can be reached from here",
        )
    if named:
        observation = replace(observation, nodes=tuple(replace(node, role="") for node in observation.nodes))
    return observation


_answers: dict[tuple[str, str], str | None] = {}
"""Passwords that were asked for, by interface and user: a watch asks once."""


def read_account(path: Path) -> Account:
    """Return what an earlier audit said.

    Raises:
        MixedModeError: The file cannot be read, or is none of an audit.
    """
    from mixedmode.audit.live.document import account
    from mixedmode.errors import MalformedError, MixedModeError
    from mixedmode.pki.files import read_limited

    data, _ = read_limited(path, _LARGEST)
    try:
        return account(read_json(data))
    except (ValueError, RecursionError) as error:
        raise MalformedError(
            "the file is no JSON",
            where=str(path),
            why=str(error),
            code="audit",
            next_step="make one with mixedmode audit --json > FILE",
        ) from error
    except MixedModeError as error:
        raise error.located(str(path)) from None


def _write_json(path: Path, document: dict[str, Any]) -> None:
    from mixedmode.faces.terminal.console import json_text
    from mixedmode.pki.files import write_atomic

    write_atomic(path, f"{json_text(document)}\n".encode("utf-8", "backslashreplace"))
