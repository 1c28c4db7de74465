"""``mixedmode rescue``: who could be saved by its own keys, the plan, the run with proof, and its account."""

from __future__ import annotations

import json as json_module
from collections import Counter
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from mixedmode import __version__
from mixedmode.app.commands.options import AsJson, Config
from mixedmode.app.commands.rescue import changing
from mixedmode.app.commands.rescue.options import (
    AuthenticationHost,
    ByHand,
    ClusterFile,
    Confirmed,
    Directory,
    Inventory,
    Offline,
    PasswordFile,
    Person,
    PhoneCa,
    Screens,
    Tftp,
    Ticket,
    User,
    WritePasswordFile,
    WriteUser,
)
from mixedmode.articles import with_article
from mixedmode.errors import CheckFailedError, MalformedError, UsageError
from mixedmode.faces.terminal.console import print_json, print_lines, say

if TYPE_CHECKING:
    from mixedmode.rescue.catalogue import Catalogue, Entry
    from mixedmode.rescue.planning import Plan
    from mixedmode.rescue.readiness import PhoneFacts, Verdict

app = typer.Typer(
    help="Erase wrong trust lists on phones by their own keys, with proof. Writes: asked for by name, and audited.",
    no_args_is_help=True,
)

WALKS = Path("rescue-walks.jsonl")
_NAMED = 20


@app.command()
def ready(
    inventory: Inventory = None,
    directory: Directory = None,
    cluster: ClusterFile = None,
    config: Config = None,
    by_hand: ByHand = None,
    confirmed: Confirmed = WALKS,
    control_user: User = None,
    control_password_file: PasswordFile = None,
    authentication_host: AuthenticationHost = None,
    phone_ca: PhoneCa = None,
    offline: Offline = False,
    json: AsJson = False,
) -> None:
    """Say who could be saved by its own keys if it were lost, and what to do first. Only reads.

    With a control user, each phone is asked whether it would take his keys; nothing is pressed. His password goes to
    phones, and to authentication services on the cluster's nodes or allowed by name, whatever a phone's page says.
    """
    from mixedmode.app.commands.rescue.asking import optional_login
    from mixedmode.app.commands.rescue.sources import Asked, gather
    from mixedmode.rescue.files import catalogue
    from mixedmode.rescue.readiness import document, lead, verdict

    allowed = tuple(authentication_host or ())
    asked = Asked(inventory, directory, config, cluster, (), by_hand, offline, allowed, phone_ca)
    known = catalogue(confirmed)
    found = gather(asked, optional_login(control_user, control_password_file))
    verdicts = [(facts, verdict(facts, known)) for facts in found.phones]
    first = lead([each for _, each in verdicts])
    if json:
        words = Counter(each.word.value for _, each in verdicts)
        print_json({"summary": first, "verdicts": dict(words), "phones": [document(*each) for each in verdicts]})
        return
    print_lines([first, "", *_kinds(verdicts), *_not_asked(verdicts)])


def _not_asked(verdicts: list[tuple[PhoneFacts, Verdict]]) -> list[str]:
    """Return a line for each reason why phones were not asked whether they take the login."""
    groups: dict[str, list[str]] = {}
    for facts, _ in verdicts:
        if facts.not_asked:
            groups.setdefault(facts.not_asked, []).append(facts.name)
    such = {why: f"{', '.join(names[:3])}{' ...' if len(names) > 3 else ''}" for why, names in groups.items()}
    lines = [f"the login was not tried on {len(names)} phones ({such[why]}): {why}" for why, names in groups.items()]
    return lines[:_NAMED]


def _kinds(verdicts: list[tuple[PhoneFacts, Verdict]]) -> list[str]:
    """Return a line for each verdict of each kind of phone, and why."""
    from mixedmode.faces.terminal.table import table

    groups: dict[tuple[str, ...], list[str]] = {}
    for facts, found in verdicts:
        model, load, menu = facts.kind
        key = (found.text, model, " ".join(filter(None, (load, menu))) or "-", "; ".join(found.why))
        groups.setdefault(key, []).append(facts.name)
    rows = [
        [word, model, load, str(len(names)), why, ", ".join(names[:3]) + (" ..." if len(names) > 3 else "")]
        for (word, model, load, why), names in sorted(groups.items())
    ]
    return table(["verdict", "model", "load", "phones", "why", "such as"], rows)


@app.command()
def walk(
    name: Annotated[str, typer.Argument(help="The phone that you stand beside.", metavar="PHONE")],
    entry: Annotated[str | None, typer.Option(help="Which sequence; ready names those of a model.")] = None,
    person: Person = None,
    control_user: User = None,
    control_password_file: PasswordFile = None,
    authentication_host: AuthenticationHost = None,
    phone_ca: PhoneCa = None,
    inventory: Inventory = None,
    directory: Directory = None,
    cluster: ClusterFile = None,
    config: Config = None,
    confirmed: Confirmed = WALKS,
    screenshots: Screens = None,
) -> None:
    """Walk one phone through a sequence with the confirm key left out, and confirm it for phones of its kind.

    Stand beside the phone: what it shows at the end decides, and you say what that is.
    """
    from mixedmode.app.commands.rescue.asking import control_login, named, pictures_in, word_typed_back
    from mixedmode.app.commands.rescue.sources import Asked, authorities, gather
    from mixedmode.app.commands.rescue.walked import play_walk
    from mixedmode.rescue.files import catalogue
    from mixedmode.rescue.hands import PhoneHands
    from mixedmode.rescue.wire.whom import Services

    who = named(person, "--person")
    found = gather(Asked(inventory, directory, config, cluster, phone_ca=phone_ca))
    facts = next((each for each in found.phones if each.name == name.upper()), None)
    if facts is None:
        raise UsageError(f"{name} is not in the inventory", next_step="name one of its phones")
    chosen = _entry(catalogue(confirmed), facts, entry)
    login = control_login(control_user, control_password_file)
    print_lines(
        [
            f"{facts.name}, {facts.kind[0]} with {facts.load}: {chosen.path}",
            f"{len(chosen.steps) - 1} keys; {chosen.confirm.uri}, which erases, is not pressed",
            f"sources: {', '.join(chosen.sources)}; confidence {chosen.confidence}",
        ]
    )
    word_typed_back(facts.name, "Stand beside the phone.")
    hands = PhoneHands(*login, {facts.url: facts.name}, authorities(phone_ca))
    services = Services.of(found.nodes, authentication_host or ())
    play_walk(facts, chosen, hands, services, confirmed, who, pictures_in(screenshots, hands))


def _entry(known: Catalogue, facts: PhoneFacts, name: str | None) -> Entry:
    model, load, _ = facts.kind
    if not load:
        raise UsageError(f"the load of {facts.name} is not known", next_step="give the inventory a column load")
    if not facts.url:
        raise UsageError(f"the address of {facts.name} is not known", next_step="give the inventory a column address")
    if facts.stranger:
        raise CheckFailedError(f"{facts.name} gets no login: {facts.stranger}", where=facts.url)
    usable = known.of(model, load)
    if name is None and len(usable) == 1:
        return usable[0]
    found = next((each for each in usable if each.name == name), None)
    if found is None:
        what = "name one with --entry" if name is None else f"{name} is none of {with_article(model)} with {load}"
        names = ", ".join(each.name for each in usable) or "none"
        raise UsageError(what, next_step=f"there are: {names}")
    return found


@app.command()
def plan(
    output: Annotated[Path, typer.Option(help="Where the plan goes.", metavar="PLAN")],
    inventory: Inventory = None,
    directory: Directory = None,
    cluster: ClusterFile = None,
    config: Config = None,
    tftp: Tftp = None,
    by_hand: ByHand = None,
    confirmed: Confirmed = WALKS,
    phone_ca: PhoneCa = None,
    offline: Offline = False,
    json: AsJson = False,
) -> None:
    """Write down which phones hold a wrong list and would be erased, by which keys; nothing is pressed."""
    import asyncio

    from mixedmode.app.commands.rescue.sources import Asked, gather
    from mixedmode.pki.files import PRIVATE, write_atomic
    from mixedmode.rescue.files import catalogue
    from mixedmode.rescue.hands import fetch_served
    from mixedmode.rescue.planning import make_plan
    from mixedmode.rescue.readiness import verdict

    known = catalogue(confirmed)
    nodes = tuple(tftp or ())
    found = gather(Asked(inventory, directory, config, cluster, nodes, by_hand, offline, phone_ca=phone_ca))
    if not found.nodes:
        raise UsageError("no TFTP node is named", next_step="give --tftp ADDRESS for each, or --cluster CLUSTER.toml")
    pairs = [(facts, verdict(facts, known)) for facts in found.phones]
    made = make_plan(
        pairs,
        asyncio.run(fetch_served(found.nodes)),
        known,
        made=datetime.now(UTC).isoformat(timespec="seconds"),
        cluster=found.cluster,
        nodes=found.nodes,
        directory=found.directory,
    )
    text = json_module.dumps(made.document(), indent=1)
    try:
        write_atomic(output, text.encode() + b"\n", mode=PRIVATE)
    except OSError as error:
        raise UsageError(f"the plan cannot be written: {error.strerror}", where=str(output)) from error
    if json:
        print_json({"plan": str(output), "sha256": made.sha256, "word": made.word, **made.document()})
        return
    print_lines([*_plan_lines(made), "", f"written to {output}; its hash is {made.sha256}"])


def _plan_lines(made: Plan) -> list[str]:
    kinds = Counter(phone.kind for phone in made.phones)
    lines = [f"{len(made.phones):,} phones would be erased, of {len(kinds)} kinds; one of each kind first"]
    for kind, count in kinds.most_common():
        model, load, menu, *_ = kind
        lines.append(f"  {count:>6,}  {model}  {load} {menu}".rstrip() + f"  by {', '.join(kind[5:])}")
    left = Counter((outcome.value, why) for _, outcome, why in made.left_out)
    if left:
        lines.append(f"{len(made.left_out):,} phones are left out")
        lines += [f"  {count:>6,}  {outcome}: {why}" for (outcome, why), count in left.most_common(_NAMED)]
    return lines


@app.command()
def run(
    plan: Annotated[Path, typer.Argument(help="The plan.", metavar="PLAN")],
    person: Person = None,
    ticket: Ticket = None,
    control_user: User = None,
    control_password_file: PasswordFile = None,
    authentication_host: AuthenticationHost = None,
    phone_ca: PhoneCa = None,
    config: Config = None,
    cluster: ClusterFile = None,
    write_user: WriteUser = None,
    write_password_file: WritePasswordFile = None,
    confirmed: Confirmed = WALKS,
    evidence: Annotated[
        Path | None, typer.Option(help="Where the evidence grows; PLAN.evidence.jsonl if left out.")
    ] = None,
    read: Annotated[
        list[str] | None,
        typer.Option(metavar="NAME=HASH", help="What a person read in the menu of a phone whose pages show no hash."),
    ] = None,
    screenshots: Screens = None,
    in_hours: Annotated[bool, typer.Option("--in-hours", help="Press keys on a working day between 7 and 19.")] = False,
    json: AsJson = False,
) -> None:
    """Erase the lists of a plan's phones by their own keys: one of a kind first, then three, then 25 at a time.

    Each phone ends with proof or a named reason. The evidence takes a run up where it was left, without a second press.
    With CLUSTER.toml the registered phones of a CUCM are counted, and with --write-user those that are erased and do
    not restart are reset by it.
    """
    from mixedmode.app.commands.rescue.asking import (
        control_login,
        named,
        pictures_in,
        read_in_menus,
        refuse_opening_hours,
        word_typed_back,
    )
    from mixedmode.app.commands.rescue.cucm import cucm_of
    from mixedmode.app.commands.rescue.running import OurSite, audited, play, runner_for
    from mixedmode.app.commands.rescue.sources import authorities
    from mixedmode.pki.files import read_limited
    from mixedmode.rescue.account import account
    from mixedmode.rescue.files import LONGEST, catalogue, evidence_file, read_file
    from mixedmode.rescue.hands import PhoneHands
    from mixedmode.rescue.planning import read_plan
    from mixedmode.rescue.resuming import histories
    from mixedmode.rescue.wire.whom import Services

    who, why = named(person, "--person"), named(ticket, "--ticket")
    made = read_plan(read_limited(plan, LONGEST)[0].decode("utf-8", "replace"), str(plan))
    known = catalogue(confirmed)
    made.checked(known)
    by_person = read_in_menus(read or [], {phone.name for phone in made.phones})
    refuse_opening_hours(datetime.now().astimezone(), in_hours=in_hours)
    services = Services.of(made.nodes, authentication_host or ())
    issuers = authorities(phone_ca)
    login = control_login(control_user, control_password_file)
    lab = Path(made.directory) if made.directory and config is None else None
    where = (dict(made.nodes), lab, config)
    site = OurSite(*where) if cluster is None else cucm_of(cluster, where, write_user, write_password_file)
    kept = evidence or plan.with_name(f"{plan.name}.evidence.jsonl")
    for line in _plan_lines(made):
        say(line)
    word_typed_back(made.word, "An erase cannot be undone. A phone without lists takes the first that it is given.")
    about = {"person": who, "ticket": why, "version": __version__, "cluster": made.cluster}
    with audited(lab, config, {"plan": made.sha256, "person": who, "ticket": why}) as came, evidence_file(kept) as log:
        before = histories(log.records, made.sha256, str(kept))
        menus = {name: history.read for name, history in before.items() if history.read} | by_person
        hands = PhoneHands(*login, {phone.url: phone.name for phone in made.phones}, issuers)
        runner = runner_for(made, known, hands, site, log, menus)
        runner.stranger, runner.picture = services.stranger, pictures_in(screenshots, hands)
        try:
            for name, digest in by_person.items():
                log.write("read", {"phone": name, "hash": digest, "person": who}, durable=True)
            stopped = play(runner, before, about)
        except OSError as error:
            raise UsageError(f"the evidence cannot be written: {error.strerror}", where=str(kept)) from error
        came["stopped"], came["evidence"] = stopped, log.head
    found = account(read_file(kept))
    _show(found, kept, as_json=json)
    changing.remind()
    wanted = {phone.name for phone in made.phones}
    good = {row["phone"] for row in found.rows if row["outcome"].startswith(("proved", "already right"))}
    if stopped:
        # With another file of evidence phones would be pressed a second time.
        again = f"mixedmode rescue run {plan}{f' --evidence {evidence}' if evidence else ''}"
        raise CheckFailedError(f"stopped: {stopped}", next_step=f"clear the cause, then: {again}")
    if wanted - good:
        raise CheckFailedError(
            f"{len(wanted - good)} phones are not proved", next_step=f"mixedmode rescue report {kept} names each"
        )


@app.command()
def report(
    evidence: Annotated[Path, typer.Argument(help="The evidence of a run.", metavar="EVIDENCE")],
    html: Annotated[Path | None, typer.Option(help="Write a page for people.")] = None,
    csv: Annotated[Path | None, typer.Option(help="Write a row for each phone.")] = None,
    json: AsJson = False,
) -> None:
    """Check the evidence's chain, and say what came of each phone."""
    from mixedmode.faces.report.rescue import rescue_report
    from mixedmode.pki.files import PRIVATE, write_atomic
    from mixedmode.rescue.account import account
    from mixedmode.rescue.files import read_file

    found = account(read_file(evidence))
    if not found.lines:
        raise MalformedError(
            "there is no evidence in it", where=str(evidence), next_step="name the evidence that rescue run wrote"
        )
    for path, text in ((html, rescue_report(found, evidence.name)), (csv, found.csv())):
        if path is not None:
            try:
                write_atomic(path, text.encode(), mode=PRIVATE)
            except OSError as error:
                raise UsageError(f"the report cannot be written: {error.strerror}", where=str(path)) from error
    _show(found, evidence, as_json=json)


def _show(found: Any, path: Path, *, as_json: bool) -> None:
    if as_json:
        print_json(found.document())
        return
    lines = [found.lead, *(f"  {count:>6,}  {outcome}" for outcome, count in found.outcomes.items())]
    rest = [row for row in found.rows if not row["outcome"].startswith(("proved", "already right"))]
    lines += [f"{row['phone']}  {row['model']}  {row['outcome']}: {row['reason']}" for row in rest[:_NAMED]]
    if len(rest) > _NAMED:
        lines.append(f"... and {len(rest) - _NAMED} more")
    if found.stopped:
        lines.append(f"stopped: {found.stopped}")
    print_lines([*lines, f"evidence: {path}, {found.lines} lines, hash {found.head}"])


app.command()(changing.prepare)
app.command()(changing.restore)
