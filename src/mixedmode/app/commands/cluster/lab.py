"""``mixedmode lab`` and ``mixedmode rehearse``: an embedded cluster with phones, and procedures played on one."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from mixedmode.app import completion
from mixedmode.app.commands.options import AsJson
from mixedmode.app.loading import loading
from mixedmode.errors import UsageError
from mixedmode.faces.terminal import interrupts
from mixedmode.faces.terminal.console import print_json, print_lines, say
from mixedmode.procedures.names import ALL, DEFAULT_PHONES, SUMMARIES
from mixedmode.rehearsal.lab.names import MODELS, TOKEN_NUMBERS, models_of, phone_name

if TYPE_CHECKING:
    from mixedmode.pki.certificates.key_stock import KeyStock
    from mixedmode.pki.certificates.profiles import KeyKind
    from mixedmode.rehearsal.lab.lab import Lab
    from mixedmode.rehearsal.lab.spec import LabSpec
    from mixedmode.rehearsal.report import Report

_MOST_NODES, _MOST_PHONES = 21, 5000


def _models(phones: int) -> tuple[str, ...]:
    if not 0 <= phones <= _MOST_PHONES:
        raise UsageError(f"--phones {phones}: a lab has 0 to {_MOST_PHONES}")
    return models_of(phones)


def _checked_nodes(nodes: int) -> int:
    if not 1 <= nodes <= _MOST_NODES:
        raise UsageError(f"--nodes {nodes}: a cluster has 1 to {_MOST_NODES}")
    return nodes


def _key(bits: int | None) -> KeyKind | None:
    from mixedmode.pki.certificates.profiles import KeyKind

    kinds = {kind.value[1]: kind for kind in (KeyKind.RSA_1024, KeyKind.RSA_2048, KeyKind.RSA_4096)}
    if bits is None or bits in kinds:
        return None if bits is None else kinds[bits]
    why = "trust lists have no code for signatures of 3072 bits" if bits == KeyKind.RSA_3072.value[1] else None
    raise UsageError(
        f"--key-size {bits}: a lab has no such keys", why=why, next_step=f"one of: {', '.join(map(str, kinds))}"
    )


def _version(text: str | None) -> str | None:
    from mixedmode.cluster.model.versions import Version

    return None if text is None else Version.known(text).text


Phones = Annotated[int, typer.Option(help="How many phones.")]
Nodes = Annotated[int, typer.Option(help="How many nodes, the publisher among them.")]
_NEW_NODES, _NEW_PHONES, _NEW_VERSION, _NEW_BITS = 2, 4, "10.5.1.10000-7", 2048
_ENCRYPTED = 3


def lab(
    directory: Annotated[Path, typer.Option(help="The lab's folder; made if needed, else used again.")] = Path("lab"),
    nodes: Annotated[
        int | None, typer.Option(help=f"How many nodes, the publisher among them; a new lab has {_NEW_NODES}.")
    ] = None,
    phones: Annotated[int | None, typer.Option(help=f"How many phones; a new lab has {_NEW_PHONES}.")] = None,
    database: Annotated[
        str | None, typer.Option(help="Database URL of a new lab; SQLite in the folder if left out.", metavar="URL")
    ] = None,
    version: Annotated[
        str | None, typer.Option(help=f"Of the cluster's software, such as 14SU3; a new lab has {_NEW_VERSION}.")
    ] = None,
    key_size: Annotated[
        int | None,
        typer.Option(
            metavar="BITS", help=f"Of RSA keys; a new lab has {_NEW_BITS}. With 1024 lists have the seed's lengths."
        ),
    ] = None,
    security_mode: Annotated[
        int | None,
        typer.Option(
            min=1,
            max=3,
            help="How its phones register in mixed mode: 1 non-secure, 2 authenticated, 3 encrypted, as in a new lab.",
        ),
    ] = None,
    once: Annotated[bool, typer.Option("--once", help="Start, boot the phones, print the table and stop.")] = False,
) -> None:
    """Start a cluster with phones on loopback; print where everything is; run until Ctrl-C.

    A lab that is there already is used again; options that it cannot follow are refused.
    """
    from mixedmode.rehearsal.lab.document import has_database
    from mixedmode.rehearsal.lab.spec import LabSpec

    spec = LabSpec(
        nodes=None if nodes is None else _checked_nodes(nodes),
        models=None if phones is None else _models(phones),
        version=_version(version),
        database_url=database,
        key=_key(key_size),
        security_mode=security_mode if security_mode or has_database(directory) else _ENCRYPTED,
        numbered=True,
    )
    with _keys_ahead(directory, spec) as keys:
        with loading():
            from mixedmode.rehearsal.lab.lab import Lab
        the_lab = Lab(directory, spec, say, make_key=keys.take)
    interrupts.run(_run_lab(the_lab, once=once))


def _keys_ahead(directory: Path, spec: LabSpec) -> KeyStock:
    """Begin to make a new lab's keys; loading what it is made of takes as long."""
    from mixedmode.rehearsal.lab.document import has_database

    return spec.keys_ahead(needed=not has_database(directory))


async def _run_lab(the_lab: Lab, *, once: bool) -> None:
    from mixedmode.node.host.logs import set_up_plain_logs
    from mixedmode.node.serving import end_by_signal

    set_up_plain_logs()
    stopped = end_by_signal()
    await the_lab.start()
    try:
        boots = await the_lab.phones.boot_all(the_lab.phone_server)
        registered = await the_lab.phones.register_all(the_lab.phone_server)
        say(f"{registered} of {len(boots)} phones are registered; mixedmode phones list shows them, reset resets them")
        if others := the_lab.phones.speaking_sip:
            models = ", ".join(sorted(set(others.values())))
            say(f"{len(others)} speak SIP (models {models}): they load their files and tell which lists they hold,")
            say("but do not register by SCCP")
        from mixedmode.rehearsal.lab.guide import guide

        print_lines(guide(the_lab, boots))
        if not once:
            say("the lab is running; Ctrl-C stops it")
            await stopped.wait()
            say("stopping")
    finally:
        await the_lab.stop()


REHEARSE_EPILOG = "\n\n".join(
    [
        "Procedures:",
        *(f"{name}: {what}" for name, what in {**SUMMARIES, **ALL}.items()),
        f"Phones: {', '.join(f'{phone_name(at)} ({model})' for at, model in enumerate(MODELS, 1))}, and so on in turn.",
        f"Tokens: {', '.join(f'SAST-{number}' for number in TOKEN_NUMBERS)}.",
    ]
)


def rehearse(
    procedure: Annotated[
        str,
        typer.Argument(
            help="Which procedure, from the list below; all for every one.",
            metavar="PROCEDURE",
            autocompletion=completion.procedures,
        ),
    ],
    phones: Phones = DEFAULT_PHONES,
    nodes: Nodes = 2,
    directory: Annotated[
        Path | None, typer.Option(help="Keep the lab in this folder; by default it is thrown away.")
    ] = None,
    json: AsJson = False,
) -> None:
    """Play a procedure against a fresh lab, with the administrator's transcript and every phone's outcome.

    Exit code 0 only if each phone ended as the procedure promises.
    """
    import tempfile

    from mixedmode.procedures.catalogue import PROCEDURES
    from mixedmode.rehearsal.lab.document import has_database
    from mixedmode.rehearsal.lab.spec import LabSpec

    if procedure != "all" and procedure not in PROCEDURES:
        known = ", ".join([*PROCEDURES, "all"])
        raise UsageError(f"no procedure is named {procedure!r}", next_step=f"one of: {known}")
    names = list(PROCEDURES) if procedure == "all" else [procedure]
    spec = LabSpec(nodes=_checked_nodes(nodes), models=_models(phones))
    reports: list[Report] = []
    with tempfile.TemporaryDirectory(prefix="mixedmode-") as temporary:
        for name in names:
            folder = (directory or Path(temporary)) / name
            if has_database(folder):
                raise UsageError(
                    "there is a lab already, and a rehearsal needs a fresh one",
                    where=str(folder),
                    next_step="remove it, or name another folder",
                )
            with spec.keys_ahead() as keys:
                with loading():
                    from mixedmode.rehearsal.lab.lab import Lab
                    from mixedmode.rehearsal.rehearse import rehearse as play
                the_lab = Lab(folder, spec, say, make_key=keys.take)
            show = _silent if json else lambda line: print_lines([line])
            reports.append(interrupts.run(play(PROCEDURES[name], the_lab, show)))
    from mixedmode.rehearsal.report import broken, summary

    if json:
        documents = [report.document() for report in reports]
        print_json(documents if procedure == "all" else documents[0])
        for report in reports:
            for line in broken(report):
                say(line)
    else:
        for report in reports:
            print_lines(summary(report))
    if not all(report.held for report in reports):
        raise typer.Exit(1)


def _silent(_line: str) -> None:
    pass
