"""``mixedmode fleet``: start thousands of simulated phones at once against a lab or any server."""

from __future__ import annotations

import math
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer
from typer.core import TyperGroup

from mixedmode.app import completion
from mixedmode.app.commands.options import AsJson, finite
from mixedmode.errors import UsageError
from mixedmode.faces.terminal import interrupts
from mixedmode.numbers import decimal_number, port_number

if TYPE_CHECKING:
    from mixedmode.fleet.faults import FaultPlan
    from mixedmode.fleet.outcomes import FleetReport
    from mixedmode.fleet.phones import FleetOptions, FleetPhone
    from mixedmode.phone.body.client import Server


class _BootByDefault(TyperGroup):
    """``mixedmode fleet --server HOST`` is ``mixedmode fleet boot --server HOST``."""

    def parse_args(self, ctx: Any, args: list[str]) -> list[str]:
        """Name the command where it was left out."""
        if args and args[0] not in self.commands and not {"-h", "--help"} & set(args):
            args.insert(0, "boot")
        return super().parse_args(ctx, args)


app = typer.Typer(cls=_BootByDefault, no_args_is_help=True, help="Many simulated phones at once.")


@app.callback()
def _fleet() -> None:
    """Many simulated phones at once: a whole site after a power cut, with faults if you like."""


@app.command()
def boot(
    lab: Annotated[Path | None, typer.Argument(help="A running lab's folder.", metavar="[LAB_DIR]")] = None,
    server: Annotated[str | None, typer.Option(help="Any TFTP server instead.", metavar="HOST[:PORT]")] = None,
    node: Annotated[str | None, typer.Option(help="The lab's node to ask; its publisher if left out.")] = None,
    http_port: Annotated[
        int, typer.Option(min=0, max=65535, help="The server's HTTP port, for models that try HTTP first; 0: none.")
    ] = 6970,
    phones: Annotated[int | None, typer.Option(min=1, help="How many; the lab's own phones if left out.")] = None,
    model: Annotated[str, typer.Option(help="Their model.", autocompletion=completion.models)] = "7975",
    models: Annotated[
        str | None, typer.Option(help="Several models instead, such as 7975:30000,7940:10000.", metavar="MIX")
    ] = None,
    first: Annotated[str, typer.Option(help="The first phone's name; the others count up.")] = "SEP000000000000",
    state: Annotated[
        str,
        typer.Option(
            help="What they hold: empty, current (what the server offers now), behind (what the lab's phones hold), "
            "or a file of --save or of `mixedmode phone --state`.",
            metavar="empty|current|behind|PATH",
        ),
    ] = "empty",
    save: Annotated[Path | None, typer.Option(help="Write what they hold afterwards to this file.")] = None,
    ramp: Annotated[float, typer.Option(callback=finite, min=0, help="Seconds over which they are switched on.")] = 0.0,
    at_once: Annotated[int, typer.Option(min=1, help="Most boots under way at the same time.")] = 2048,
    timeout: Annotated[
        float, typer.Option(callback=finite, min=0.01, help="Seconds until a TFTP packet is sent again.")
    ] = 1.0,
    retries: Annotated[int, typer.Option(min=0, help="How often, before a phone gives up.")] = 5,
    loss: Annotated[str, typer.Option(help="Share of datagrams to lose, such as 5%.")] = "0%",
    duplicate: Annotated[str, typer.Option(help="Share of datagrams that come twice.")] = "0%",
    delay: Annotated[float, typer.Option(callback=finite, min=0, help="Most seconds to hold a datagram back.")] = 0.0,
    corrupt: Annotated[list[str] | None, typer.Option(help="Damage these files on their way, such as 'CTL*'.")] = None,
    silent_tvs: Annotated[
        list[str] | None, typer.Option(help="Addresses whose TVS never answers; '*' for all.", metavar="ADDRESS")
    ] = None,
    down: Annotated[
        str | None, typer.Option(help="Seconds between which the server is gone, such as 2:5.", metavar="FROM:TO")
    ] = None,
    seed: Annotated[int, typer.Option(help="Of the faults: the same seed, the same faults.")] = 0,
    as_json: AsJson = False,
) -> None:
    """Start phones all at once and count how each ended, and why.

    Exit code 0: each phone took what it was offered; 1: some refused or did not get a file; 3: nobody was answered.
    """
    from mixedmode.faces.terminal.console import print_json, print_lines
    from mixedmode.fleet.faults import FaultPlan
    from mixedmode.fleet.phones import FleetOptions

    document = _lab_document(lab) if lab is not None else None
    where = _server(document, server, node, http_port)
    where = replace(where, timeout=timeout, retries=retries)
    plan = FaultPlan(
        share(loss), share(duplicate), delay, tuple(corrupt or ()), tuple(silent_tvs or ()), _span(down), seed
    )
    found = _phones(document, phones, model, models, first, state)
    options = FleetOptions(at_once=at_once, ramp=ramp)
    report = interrupts.run(_run(found, where, options, plan, state, lab, quiet=as_json))
    if save is not None:
        from mixedmode.fleet.memory import save_fleet

        save_fleet(save, (replace(old, state=new.state) for old, new in zip(found, report.outcomes, strict=True)))
    if as_json:
        print_json(report.document())
    else:
        print_lines(_lines(report))
    if report.exit_code:
        raise typer.Exit(report.exit_code)


async def _run(
    phones: list[FleetPhone],
    server: Server,
    options: FleetOptions,
    plan: FaultPlan,
    state: str,
    lab: Path | None,
    *,
    quiet: bool,
) -> FleetReport:
    import sys

    from mixedmode.fleet.fleet import Fleet
    from mixedmode.fleet.live import LiveView
    from mixedmode.fleet.phones import fitting
    from mixedmode.fleet.states import current, read_held
    from mixedmode.phone.body.tvs import ask_tvs

    if state == "current":
        phones = await current(phones, server, ask_tvs)
    elif state != "empty":
        held = read_held(_state_path(state, lab))
        others = list(held.values())
        phones = [
            replace(each, state=fitting(held.get(each.name, others[number % len(others)]), each.model))
            for number, each in enumerate(phones)
        ]
    with LiveView(len(phones), plain=quiet or not sys.stderr.isatty()) as view:
        return await Fleet(phones, server, options=options, faults=plan, tvs=ask_tvs, watch=view).run()


def _state_path(state: str, lab: Path | None) -> Path:
    if state != "behind":
        return Path(state)
    if lab is None:
        raise UsageError(
            "only a lab knows what its phones held before",
            where="--state behind",
            next_step="keep what a fleet holds with --save FILE before the change, and give that FILE as --state",
        )
    return lab / "phones"


def _phones(
    document: dict[str, Any] | None, count: int | None, model: str, mix: str | None, first: str, state: str
) -> list[FleetPhone]:
    from mixedmode.fleet.phones import FleetPhone, make_phones, parse_mix
    from mixedmode.fleet.states import read_fleet
    from mixedmode.phone.mind.models import get_phone_model

    if mix is not None and count is not None:
        raise UsageError("--models says how many phones there are", next_step="leave out --phones")
    if mix is not None:
        return make_phones(parse_mix(mix), first=first)
    if count is not None:
        return make_phones([(get_phone_model(model), count)], first=first)
    known = read_fleet(Path(state))
    if known is not None:
        return known
    if document is None:
        raise UsageError("how many phones?", next_step="give --phones N, or --models 7975:30000,7940:10000")
    return [FleetPhone(each["name"], get_phone_model(each["model"])) for each in document["phones"]]


def _lab_document(folder: Path) -> dict[str, Any]:
    from mixedmode.rehearsal.lab.document import read_lab

    return read_lab(folder, missing="there is no lab here", next_step=f"start one: mixedmode lab --directory {folder}")


def _server(document: dict[str, Any] | None, server: str | None, node: str | None, http_port: int) -> Server:
    from mixedmode.phone.body.client import Server

    if (document is None) == (server is None):
        raise UsageError("name one server", next_step="give a running lab's folder, or --server HOST[:PORT]")
    if server is not None:
        host, port = _host_and_port(server)
        return Server(host, port, http_port or None)
    nodes = (document or {}).get("nodes", [])
    for each in nodes:
        if each["name"] == node or (node is None and each["role"] == "publisher"):
            if each["ports"]["tftp"] is None:
                raise UsageError(f"TFTP does not run on {each['name']}", next_step="start it, or name another --node")
            return Server(each["address"], each["ports"]["tftp"], each["ports"]["http"])
    known = ", ".join(each["name"] for each in nodes)
    raise UsageError(f"the lab has no node {node}", next_step=f"one of: {known}")


def _host_and_port(text: str) -> tuple[str, int]:
    host, separator, port = text.rpartition(":")
    if separator and ("]" in text or ":" not in host):
        if text.endswith("]"):
            return text.strip("[]"), 69
        number = port_number(port)
        if number is None or not host:
            raise UsageError(f"{text} is not HOST[:PORT]", where="--server", next_step="such as 10.0.0.5 or [::1]:6969")
        return host.strip("[]"), number
    return text, 69


def share(text: str) -> float:
    """Return the share that ``5%`` or ``0.05`` means.

    Raises:
        UsageError: It is no share.
    """
    written = text.strip()
    number = decimal_number(written.removesuffix("%"))
    value = None if number is None else number / (100 if written.endswith("%") else 1)
    if value is None or value > 1:
        raise UsageError(f"{text!r} is no share", next_step="write it like 5% or 0.05")
    return value


def _span(text: str | None) -> tuple[float, float] | None:
    if text is None:
        return None
    begin, _, end = text.partition(":")
    first, last = decimal_number(begin or "0"), decimal_number(end) if end else math.inf
    if first is None or last is None:
        raise UsageError(f"{text!r} is not FROM:TO", where="--down", next_step="such as 2:5, or 0: for good")
    return first, last


def _lines(report: FleetReport) -> list[str]:
    from mixedmode.forecast.tally import summary
    from mixedmode.phone.mind.fate.prospect import LOST

    verdicts = ", ".join(f"{count:,} {verdict}" for verdict, count in report.verdicts.items())
    document = report.document()
    boots = document["boot_seconds"]
    lines = [
        f"{len(report.outcomes):,} phones in {report.seconds:.1f} s: {report.rate:,.0f} phones/s",
        f"  {summary(report.numbers)}",
        f"  boots: {verdicts}",
        f"  a boot took {boots['p50']:.2f} s (median), {boots['p99']:.2f} s (p99), {boots['max']:.2f} s (slowest)",
        "",
    ]
    for file, reasons in report.reasons().items():
        lines += [f"{file}:", *(f"  {count:>9,}  {reason}" for reason, count in reasons.items())]
    lines += ["", "Trust list alarms:"]
    lines += [f"  {count:>9,}  {alarm}" for alarm, count in report.alarms().items()] or ["  none"]
    if len(report.models()) > 1:
        lines += ["", "Models:"]
        for model, counts in report.models().items():
            lines.append(f"  {model:<8} " + ", ".join(f"{count:,} {outcome}" for outcome, count in counts.items()))
    lines += ["", "Slowest:"]
    lines += [f"  {each['name']} ({each['model']})  {each['seconds']:.3f} s" for each in document["slowest"][:5]]
    unhappy = document["unhappy"]
    if unhappy:
        lost = any(report.numbers[fate] for fate in LOST)
        lines += ["", "Phones that need a person:" if lost else "Phones that did not start as they should:"]
        lines += [
            f"  {each['name']} ({each['model']})  {each['outcome']}: {each['file']}: {each['text']}{_note(each)}"
            for each in unhappy[:10]
        ]
        left = len(report.unhappy()) - 10
        lines += [f"  and {left:,} more; --json names {len(unhappy)}"] if left > 0 else []
    return lines


def _note(unhappy: dict[str, Any]) -> str:
    return f" ({unhappy['note']})" if unhappy["note"] else ""
