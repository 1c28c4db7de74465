"""``mixedmode phone``: start one simulated phone against any server and show what it shows."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from mixedmode.app import completion
from mixedmode.app.commands.options import AsJson, finite
from mixedmode.errors import CheckFailedError, UsageError
from mixedmode.faces.terminal import interrupts

if TYPE_CHECKING:
    from collections.abc import Callable

    from mixedmode.app.commands.phones.calling import Calling
    from mixedmode.phone.body.client import Phone
    from mixedmode.phone.mind.outcome import BootOutcome
    from mixedmode.signedfile import SignedFile


def phone(
    server: Annotated[
        str, typer.Option(help="The TFTP server: name or address (DHCP option 150); none with --call-manager.")
    ] = "",
    tftp_port: Annotated[int, typer.Option(min=1, max=65535, help="Its UDP port.")] = 69,
    http_port: Annotated[
        int, typer.Option(min=0, max=65535, help="Its HTTP port, for models that try HTTP first; 0: no HTTP.")
    ] = 6970,
    name: Annotated[str, typer.Option(help="The phone's name: SEP and its MAC address.")] = "SEP001122334455",
    model: Annotated[
        str, typer.Option(help="The phone's model, such as 7975 or 8861.", autocompletion=completion.models)
    ] = "7975",
    state: Annotated[
        Path | None, typer.Option(help="Keep what the phone holds in this file, so that it survives a restart.")
    ] = None,
    lsc: Annotated[
        Path | None, typer.Option(help="The phone's key and LSC (mixedmode capf enrol): opens encrypted files.")
    ] = None,
    mic: Annotated[
        Path | None, typer.Option(help="The key and certificate that its maker gave it, to prove itself to CAPF.")
    ] = None,
    capf: Annotated[
        bool,
        typer.Option("--capf", help="Go to CAPF after the start, as a phone does, and keep the LSC in the --lsc file."),
    ] = False,
    capf_password_file: Annotated[Path | None, typer.Option(help="The digits that CAPF asks for; with --capf.")] = None,
    trace: Annotated[bool, typer.Option("--trace", help="Print the console log as it is written.")] = False,
    delete_ctl: Annotated[bool, typer.Option("--delete-ctl", help="Erase the CTL by hand before starting.")] = False,
    delete_itl: Annotated[bool, typer.Option("--delete-itl", help="Erase the ITL by hand before starting.")] = False,
    call_manager: Annotated[
        str, typer.Option(help="HOST[:PORT] of any SCCP server, to register with at once, without TLS and files.")
    ] = "",
    dial: Annotated[str, typer.Option(help="Register, call this number, and hang up after --talk seconds.")] = "",
    answer: Annotated[bool, typer.Option("--answer", help="Register, and take the first call until it ends.")] = False,
    talk: Annotated[
        float, typer.Option(callback=finite, min=0, help="Seconds until a call that was placed is hung up.")
    ] = 3.0,
    wait: Annotated[
        float, typer.Option(callback=finite, min=0, help="Seconds for a call to come, or to be answered.")
    ] = 60.0,
    capture: Annotated[
        Path | None, typer.Option(help="Write what the phone sends and gets while it calls to this file (pcap).")
    ] = None,
    as_json: AsJson = False,
) -> None:
    """Start a phone: fetch CTL, ITL and configuration, decide what to trust, show the result; call, if it is told to.

    Exit code 0: the phone trusts what it was offered, and its call was answered; 1: it refused something or did not
    get it, or CAPF refused it, or the call was not answered; 3: no answer, or no server registered it.
    """
    from mixedmode.app.commands.phones.calling import Calling, call
    from mixedmode.faces.terminal.console import print_json, print_lines
    from mixedmode.phone.body.client import Phone, Server
    from mixedmode.phone.body.tvs import ask_tvs
    from mixedmode.phone.mind.models import get_phone_model
    from mixedmode.phone.mind.trust.decisions import ListKind

    calling = Calling(call_manager, dial, answer, talk, wait, as_json, capture)
    _check(server, calling, lsc_is_missing=capf and lsc is None)
    show_trace = trace and not as_json
    simulated = Phone(
        name,
        get_phone_model(model),
        state_file=state,
        tvs=ask_tvs,
        decrypt=_opener(lsc, missing=capf) if lsc is not None else None,
        on_line=(lambda line: print_lines([line])) if show_trace else None,
    )
    erased = [kind for kind, wanted in ((ListKind.CTL, delete_ctl), (ListKind.ITL, delete_itl)) if wanted]
    if erased:
        simulated.erase(*erased)
    if call_manager:
        call(simulated, calling, lsc, mic)
        return
    outcome = interrupts.run(simulated.boot(Server(server, tftp_port, http_port or None)))
    went = "" if outcome.exit_code or lsc is None or not capf else _go_to_capf(simulated, lsc, mic, capf_password_file)
    if as_json and not calling.wanted:
        print_json({**outcome.document(), **({"capf": went} if capf else {})})
    elif not as_json:
        print_lines(_lines(outcome, after_trace=show_trace))
        print_lines([f"CAPF: {went}"] if went else [])
    if outcome.exit_code:
        _explain(outcome, server)
        raise typer.Exit(outcome.exit_code)
    if went.startswith(_REFUSED):
        raise CheckFailedError(f"CAPF {went}", where=simulated.name)
    if calling.wanted:
        call(simulated, calling, lsc, mic)


_REFUSED = "refused"


def _check(server: str, calling: Calling, *, lsc_is_missing: bool) -> None:
    from mixedmode.app.phone_texts import check_number

    if not server and not calling.manager:
        raise UsageError("the phone has no server", next_step="name one with --server, or with --call-manager")
    if calling.dial and calling.answer:
        raise UsageError("a phone places a call or takes one", next_step="use --dial or --answer")
    if calling.dial:
        check_number(calling.dial)
    if calling.capture is not None:
        if not calling.wanted:
            raise UsageError("--capture is of a call", next_step="add --dial or --answer")
        if not calling.capture.absolute().parent.is_dir():
            raise UsageError("there is no such folder", where=str(calling.capture), next_step="make it first")
        if calling.capture.is_dir():
            raise UsageError("it is a folder, not a file", where=str(calling.capture), next_step="name a file in it")
    if lsc_is_missing:
        raise UsageError("--capf needs a place for the LSC", next_step="name a file with --lsc; it may not exist yet")


def _go_to_capf(phone: Phone, lsc: Path, mic: Path | None, digits: Path | None) -> str:
    """Let a phone go to CAPF, keep its LSC, and return how it went."""
    from mixedmode.app.targets.phone_keys import keep, read_digits, read_key
    from mixedmode.phone.body.renewal import PhoneKeys, renew

    keys = PhoneKeys(read_key(lsc, missing=True), read_key(mic))
    outcome = interrupts.run(renew(phone, keys, password=read_digits(digits)))
    if outcome is None:
        return "not asked: the configuration names none, or the certificate that the phone holds"
    keep(outcome, lsc)
    return outcome.text


def _opener(path: Path, *, missing: bool) -> Callable[[SignedFile], bytes] | None:
    from mixedmode.app.targets.phone_keys import read_key
    from mixedmode.signedfile.encrypted import decrypt

    signer = read_key(path, missing=missing)
    return None if signer is None else (lambda file: decrypt(file, signer.key))


def _lines(outcome: BootOutcome, *, after_trace: bool) -> list[str]:
    alarm = outcome.alarm
    lines = ["", *_heading(outcome)] if after_trace else _heading(outcome)
    lines += ["", "Status messages"]
    lines += [f"  {message}" for message in outcome.messages] or ["  (none)"]
    lines += ["", *outcome.screen(), ""]
    lines.append("Trust list alarm: " + ("none" if alarm is None else f"{alarm.value} {alarm.name}"))
    return lines


def _heading(outcome: BootOutcome) -> list[str]:
    return [f"{outcome.name}, Cisco {outcome.model.name}"]


def _explain(outcome: BootOutcome, server: str) -> None:
    from mixedmode.faces.terminal.console import say

    if not outcome.reachable:
        say(f"error: the server {server} does not answer; check its address and ports")
        return
    for file, decision in outcome.decisions.items():
        if decision is None:
            say(f"error: the {file} could not be fetched; --trace shows why")
        elif decision.refused:
            say(f"error: {file} refused: {decision.text}")
