"""``mixedmode phones``: the phones of a lab, seen and healed, or those that are registered with this host's node."""

from __future__ import annotations

from enum import StrEnum
from pathlib import Path
from typing import Annotated, Any

import typer

from mixedmode.app import completion
from mixedmode.app.commands.options import AsJson, Config, LabFolder, finite
from mixedmode.app.targets.running import ask_running
from mixedmode.errors import CheckFailedError, RemoteError, UsageError
from mixedmode.faces.terminal.console import print_json, print_lines
from mixedmode.rehearsal.lab.document import meant_lab

app = typer.Typer(
    help="The phones of a lab, or those registered with this host's node (list, show, reset).", no_args_is_help=True
)


Names = Annotated[
    list[str] | None,
    typer.Argument(help="Device names; --all for every phone.", metavar="NAME...", autocompletion=completion.phones),
]


class Kind(StrEnum):
    """What the phones shall do."""

    RESET = "reset"
    RESTART = "restart"
    APPLY = "apply"


@app.command("list")
def list_phones(directory: LabFolder = None, config: Config = None, json: AsJson = False) -> None:
    """List the registered phones and the hashes of the lists that they report."""
    found: list[dict[str, Any]] = ask_running(directory, config, {"ask": "phones"})["phones"]
    if json:
        print_json(found)
        return
    from mixedmode.app.phone_texts import GOES_ON, has_ended
    from mixedmode.faces.terminal.table import table

    ended = {p["name"]: p["certificate"] for p in found if has_ended(p.get("certificate_until"))}
    rows = ([p["name"], p["model"], p["node"], p["address"],
             p["security"] + (f" ({ended[p['name']]} has ended)" if p["name"] in ended else ""), p["since"]]
            for p in found)  # fmt: skip
    print_lines(table(["phone", "model", "CallManager", "address", "security", "since"], rows))
    if ended:
        print_lines(["", f"{len(ended)} registered with a certificate that has ended: {GOES_ON}"])


@app.command()
def show(
    names: Names = None,
    every: Annotated[bool, typer.Option("--all", help="Every phone.")] = False,
    directory: LabFolder = None,
    config: Config = None,
    json: AsJson = False,
) -> None:
    """Show what a phone shows: its trust list screen, with MD5 or SHA-1 as its model has it, and status messages.

    A node shows what its registered phones report; their screens are their own.
    """
    from mixedmode.app.phone_texts import registered_lines, screen_lines

    wanted = _names(names, every=every)
    if meant_lab(directory, config) is not None:
        answer = ask_running(directory, config, {"ask": "phone-show", "devices": wanted})
        found, missing, lines = answer["phones"], answer["unknown"], screen_lines
    else:
        everyone = ask_running(directory, config, {"ask": "phones"})["phones"]
        asked = {name.upper() for name in wanted or ()}
        found = [phone for phone in everyone if wanted is None or phone["name"].upper() in asked]
        missing = sorted(asked - {phone["name"].upper() for phone in found})
        lines = registered_lines
    _print(found, lines, as_json=json)
    _refuse_missing(missing, directory, config)


@app.command()
def log(
    names: Names = None,
    every: Annotated[bool, typer.Option("--all", help="Every phone.")] = False,
    last: Annotated[int | None, typer.Option(min=1, help="Only so many lines of each.", metavar="LINES")] = None,
    directory: LabFolder = None,
    json: AsJson = False,
) -> None:
    """Print the console log of a lab's phones, as their own consoles word it."""
    wanted = _names(names, every=every)
    answer = _ask_lab(directory, {"ask": "phone-log", "devices": wanted}, "read a phone's console log")
    phones = [{**phone, "log": phone["log"][-last:] if last else phone["log"]} for phone in answer["phones"]]
    if json:
        print_json(phones)
    else:
        for phone in phones:
            print_lines([f"{phone['name']}:"] if len(phones) > 1 else [])
            print_lines(phone["log"])
    _refuse_missing(answer["unknown"], directory, None)


@app.command("delete-ctl")
def delete_ctl(
    names: Names = None,
    every: Annotated[bool, typer.Option("--all", help="Every phone.")] = False,
    directory: LabFolder = None,
    json: AsJson = False,
) -> None:
    """Delete the CTL of a lab's phones, as on their security menu; then reset them."""
    _delete("CTL", _names(names, every=every), directory, as_json=json)


@app.command("delete-itl")
def delete_itl(
    names: Names = None,
    every: Annotated[bool, typer.Option("--all", help="Every phone.")] = False,
    directory: LabFolder = None,
    json: AsJson = False,
) -> None:
    """Delete the ITL of a lab's phones, as on their security menu; then reset them."""
    _delete("ITL", _names(names, every=every), directory, as_json=json)


@app.command("update-lsc")
def update_lsc(
    names: Names = None,
    every: Annotated[bool, typer.Option("--all", help="Every phone.")] = False,
    password_file: Annotated[
        Path | None, typer.Option(help="The authentication string that somebody types on it; none if left out.")
    ] = None,
    directory: LabFolder = None,
    json: AsJson = False,
) -> None:
    """Have a lab's phones go to CAPF, as by Update on their menu, with the string that somebody types.

    Exit code 1 if CAPF refused one, or could not be asked.
    """
    from mixedmode.app.targets.phone_keys import read_digits

    request = {"ask": "phone-update-lsc", "devices": _names(names, every=every), "digits": read_digits(password_file)}
    answer = _ask_lab(directory, request, "type an authentication string on a phone")
    phones = answer["phones"]
    if json:
        print_json(phones)
    else:
        print_lines(f"{phone['name']}: {phone['capf']}" for phone in phones)
    _refuse_missing(answer["unknown"], directory, None)
    if not all(phone["capf"] in {"installed", "removed", "no pending CAPF operation"} for phone in phones):
        raise typer.Exit(1)


@app.command()
def call(
    name: Annotated[
        str, typer.Argument(help="The phone that calls.", metavar="NAME", autocompletion=completion.phones)
    ],
    number: Annotated[str, typer.Argument(help="The number that it dials; mixedmode line list has those there are.")],
    talk: Annotated[float, typer.Option(callback=finite, min=0, max=60, help="Seconds until it hangs up.")] = 2.0,
    directory: LabFolder = None,
    json: AsJson = False,
) -> None:
    """Have a lab's phone call a number, and say how the call was protected. A lab's phones take every call.

    Exit code 1 if the call was not answered, 3 if the phone is not registered.
    """
    from mixedmode.app.phone_texts import call_lines, check_number

    check_number(number)
    request = {"ask": "phone-call", "devices": [name], "number": number, "talk": talk}
    answer = _ask_lab(directory, request, "lift a phone's handset")
    _refuse_missing(answer["unknown"], directory, None)
    for phone in answer["not_registered"]:
        raise RemoteError("the phone is not registered", where=phone["name"], why=phone["why"] or None)
    report = answer["calls"][0]
    if json:
        print_json(report)
    else:
        print_lines(call_lines(report))
    made = report["call"]
    if made is None or not made["connected"]:
        raise CheckFailedError(f"the call was not answered: {made['state'] if made else 'no call'}", where=name)


@app.command()
def reset(
    devices: Names = None,
    every: Annotated[bool, typer.Option("--all", help="Every phone of the lab; every registered one of a node.")] = (
        False
    ),
    kind: Annotated[Kind, typer.Option(help="reset boots, restart fetches the files, apply the configuration.")] = (
        Kind.RESET
    ),
    directory: LabFolder = None,
    config: Config = None,
    json: AsJson = False,
) -> None:
    """Have phones reset, so that they fetch CTL, ITL and configuration anew.

    A lab's phone that is not registered is switched off and on.
    """
    wanted = _names(devices, every=every)
    answer = ask_running(directory, config, {"ask": "reset", "devices": wanted, "kind": kind.value})
    told: list[str] = answer["told"]
    restarted: list[str] = answer.get("restarted", [])
    if json:
        print_json({"told": told, "restarted": restarted})
    else:
        if told or not restarted:
            print_lines([f"{_phones(told)} told to {kind}"])
        if restarted:
            print_lines([f"{_phones(restarted)} not registered, and switched off and on"])
    missing = sorted({name.upper() for name in wanted or ()} - {name.upper() for name in (*told, *restarted)})
    if missing:
        raise CheckFailedError(f"not registered here: {', '.join(missing)}", next_step="mixedmode phones list")


def _phones(names: list[str]) -> str:
    return "1 phone was" if len(names) == 1 else f"{len(names)} phones were"


def _names(names: list[str] | None, *, every: bool) -> list[str] | None:
    if bool(names) == every:
        raise UsageError("name devices, or give --all", next_step="mixedmode phones list shows those that are there")
    return names or None


def _delete(kind: str, names: list[str] | None, directory: Path | None, *, as_json: bool) -> None:
    from mixedmode.rehearsal.lab.guide import program

    answer = _ask_lab(
        directory,
        {"ask": "phone-erase", "devices": names, "list": kind},
        f"delete {'an' if kind == 'ITL' else 'a'} {kind} on a phone",
    )
    phones = answer["phones"]
    if as_json:
        print_json(phones)
    else:
        print_lines(
            f"{phone['name']}: {f'the {kind} is deleted' if phone['held'] else f'there was no {kind}'}"
            for phone in phones
        )
        if phones:
            which = " ".join(phone["name"] for phone in phones) if names else "--all"
            where = f" --directory {directory}" if directory is not None else ""
            print_lines([f"{program()} phones reset {which}{where}   has them take the next one as their first"])
    _refuse_missing(answer["unknown"], directory, None)


def _print(phones: list[dict[str, Any]], lines: Any, *, as_json: bool) -> None:
    if as_json:
        print_json(phones)
        return
    for number, phone in enumerate(phones):
        print_lines([*([""] if number else []), *lines(phone)])


def _refuse_missing(missing: list[str], directory: Path | None, config: Path | None) -> None:
    if not missing:
        return
    if meant_lab(directory, config) is not None:
        raise CheckFailedError(
            f"not a phone of this lab: {', '.join(missing)}", next_step="mixedmode phones show --all"
        )
    raise CheckFailedError(f"not registered here: {', '.join(missing)}", next_step="mixedmode phones list")


def _ask_lab(directory: Path | None, request: dict[str, Any], what: str) -> dict[str, Any]:
    if meant_lab(directory, None) is None:
        from mixedmode.forecast.by_hand import ways_by_hand

        raise UsageError(
            f"a node cannot {what}: only the phone's own menu and console can",
            why=ways_by_hand(),
            next_step="do it there, then: mixedmode phones reset NAME; for a lab's phones give --directory",
        )
    return ask_running(directory, None, request)
