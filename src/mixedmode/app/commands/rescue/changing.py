"""``mixedmode rescue prepare`` and ``restore``: a CUCM's control user is given the phones, and they are taken back."""

from __future__ import annotations

import shlex
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from mixedmode import __version__
from mixedmode.app.commands.rescue.options import ClusterFile, Inventory, Person, Ticket, WritePasswordFile, WriteUser
from mixedmode.errors import UsageError
from mixedmode.faces.terminal.console import print_lines

if TYPE_CHECKING:
    from mixedmode.rescue.prepared.axl import Writer

Journal = Annotated[Path, typer.Option(help="Where it is written down before it is done.")]
JOURNAL = Path("rescue-changes.jsonl")
_NAMED = 10


def prepare(
    control_user: Annotated[str, typer.Option(help="Who is to press the phones' keys; he is there already.")],
    plan: Annotated[Path | None, typer.Option(help="A plan: its phones.")] = None,
    inventory: Inventory = None,
    cluster: ClusterFile = None,
    write_user: WriteUser = None,
    write_password_file: WritePasswordFile = None,
    journal: Journal = JOURNAL,
    person: Person = None,
    ticket: Ticket = None,
) -> None:
    """Have the control user of a CUCM control the phones of a plan or inventory, by AXL; restore takes that back.

    What he controls already stays. Nothing else is changed: not his roles, no phone, no URL, no web access.
    """
    from mixedmode.app.commands.rescue.asking import named, word_typed_back
    from mixedmode.rescue.files import evidence_file
    from mixedmode.rescue.prepared import preparing

    who, why = named(person, "--person"), named(ticket, "--ticket")
    user = named(control_user, "--control-user")
    phones = _phones(plan, inventory)
    writer = _writer(cluster, write_user, write_password_file)
    with evidence_file(journal) as log:
        word_typed_back(user, f"{user} of {writer.where} is to control {len(phones):,} phones more.")
        try:
            about = {"person": who, "ticket": why, "version": __version__, "cluster": writer.where}
            log.write("prepare", about, durable=True)
            change = preparing.prepare(writer, log, user, phones)
        except OSError as error:
            raise UsageError(f"the journal cannot be written: {error.strerror}", where=str(journal)) from error
    if change is None:
        print_lines([f"{user} controls all {len(phones):,} phones already; nothing was changed"])
        return
    again = shlex.join(["mixedmode", "rescue", "restore", "--cluster", str(cluster), "--journal", str(journal)])
    print_lines([f"{user} controls {len(change.added):,} phones more; behind the rescue: {again}"])


def restore(
    cluster: ClusterFile = None,
    write_user: WriteUser = None,
    write_password_file: WritePasswordFile = None,
    journal: Journal = JOURNAL,
    person: Person = None,
    ticket: Ticket = None,
) -> None:
    """Take back what prepare changed, also if that was cut off; what others changed in between stays."""
    from mixedmode.app.commands.rescue.asking import named
    from mixedmode.rescue.files import evidence_file
    from mixedmode.rescue.prepared import preparing
    from mixedmode.rescue.prepared.changes import Association, open_changes

    who, why = named(person, "--person"), named(ticket, "--ticket")
    if not journal.exists():
        raise UsageError("there is no such journal", where=str(journal), next_step="name what prepare wrote: --journal")

    def told(change: Association, count: int) -> None:
        shown = ", ".join(change.added[:_NAMED]) + (" ..." if len(change.added) > _NAMED else "")
        print_lines([f"{change.user} of {change.cluster}: {count:,} phones were taken from him ({shown})"])

    with evidence_file(journal) as log:
        if not open_changes(log.records, str(journal)):
            print_lines(["nothing is left to be put back"])
            return
        writer = _writer(cluster, write_user, write_password_file)
        try:
            log.write("restore", {"person": who, "ticket": why, "version": __version__}, durable=True)
            preparing.restore(writer, log, told)
        except OSError as error:
            raise UsageError(f"the journal cannot be written: {error.strerror}", where=str(journal)) from error


def _phones(plan: Path | None, inventory: Path | None) -> list[str]:
    from mixedmode.pki.files import read_limited
    from mixedmode.rescue.files import LONGEST
    from mixedmode.rescue.inventory import read_phones
    from mixedmode.rescue.planning import read_plan

    if inventory is not None and plan is None:
        return [each.name for each in read_phones(inventory)]
    if plan is None or inventory is not None:
        raise UsageError("no phones are named", next_step="give --plan PLAN or --inventory FILE")
    made = read_plan(read_limited(plan, LONGEST)[0].decode("utf-8", "replace"), str(plan))
    return [each.name for each in made.phones]


def remind(journal: Path = JOURNAL) -> None:
    """Say that something is left to be put back, if a journal is here that has it."""
    from mixedmode.errors import MixedModeError
    from mixedmode.faces.terminal.console import say
    from mixedmode.rescue.files import read_file
    from mixedmode.rescue.prepared.changes import open_changes

    try:
        found = open_changes(read_file(journal).records, str(journal)) if journal.exists() else []
    except MixedModeError:
        return
    for change in found:
        say(f"{change.user} of {change.cluster} controls {len(change.added):,} phones more: mixedmode rescue restore")


def _writer(cluster: Path | None, user: str | None, password_file: Path | None) -> Writer:
    from mixedmode.app.commands.rescue.cucm import write_login
    from mixedmode.live.cluster_file import read_cluster_file
    from mixedmode.rescue.prepared.axl import writer_of

    if cluster is None:
        raise UsageError("no cluster is named", next_step="give --cluster CLUSTER.toml, of a CUCM")
    login = write_login(user, password_file)
    return writer_of(read_cluster_file(cluster), login)
