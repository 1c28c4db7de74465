"""``mixedmode capf``: give phones their certificates (LSC), or ask for one as a phone does."""

from __future__ import annotations

from enum import StrEnum
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from mixedmode.app import completion
from mixedmode.app.commands.options import AsJson, Config, LabFolder, ListenHost, ListenTcp
from mixedmode.app.commands.phones.capf_outside import bring, request
from mixedmode.app.targets.capf_folder import RecordsFolder, capf_folder
from mixedmode.app.targets.server_keys import tls_signer
from mixedmode.errors import CheckFailedError, UsageError
from mixedmode.faces.terminal import interrupts
from mixedmode.faces.terminal.console import print_json, print_lines, say

if TYPE_CHECKING:
    from mixedmode.services.capf.store import CapfDevice

app = typer.Typer(help="Certificate Authority Proxy Function: certificates for phones.", no_args_is_help=True)

app.command()(request)
app.command("import")(bring)

Directory = Annotated[Path, typer.Option(help="Of the devices' records; made if needed.")]


AUDIT_FILE = "audit.log"


class Proof(StrEnum):
    """How a phone proves itself: the values of ``capfAuthMode`` by name."""

    PASSWORD = "password"  # noqa: S105 - a kind of proof
    NONE = "none"
    LSC = "lsc"
    MIC = "mic"


def _timed(line: str) -> None:
    """Print a line with the time."""
    from datetime import UTC, datetime

    say(f"{datetime.now(UTC).astimezone():%H:%M:%S.%f}"[:-3] + f" {line}")


class Wanted(StrEnum):
    """What shall be done with a phone's certificate."""

    INSTALL = "install"
    FETCH = "fetch"
    DELETE = "delete"
    NONE = "none"


@app.command()
def serve(
    key: Annotated[str, typer.Option(help="The CAPF key and certificate, a SIGNER; the lists name it with role CAPF.")],
    directory: Directory = Path("capf"),
    host: ListenHost = "127.0.0.1",
    port: ListenTcp = 3804,
    manufacturer: Annotated[
        list[Path] | None, typer.Option(help="Certificate of a manufacturer whose MICs prove a phone; repeat.")
    ] = None,
    tls1: Annotated[bool, typer.Option("--tls1", help="Speak TLS 1.0 too, for phones of the 7900 series.")] = False,
    days: Annotated[int, typer.Option(min=1, max=3560, help="How long an LSC is valid.")] = 365,
    trace: Annotated[
        bool, typer.Option("--trace", help="Print each message, and what is decided; never a password.")
    ] = False,
) -> None:
    """Run a CAPF until Ctrl-C or SIGTERM.

    Every certificate given and every phone refused is printed with the reason, and noted in DIRECTORY/audit.log.
    """
    import uvloop

    from mixedmode.node.serving import serve_until_signal
    from mixedmode.pki.certificates.load import load_certificate
    from mixedmode.services.capf.notes import CapfNote, NoteFile
    from mixedmode.services.capf.service import CapfLimits, CapfService
    from mixedmode.services.capf.store import CapfStore
    from mixedmode.services.net.server_tls import TlsFloor

    signer = tls_signer(key)
    audit = NoteFile(directory / AUDIT_FILE, failed=_timed)

    def told(note: CapfNote) -> None:
        audit(note)
        _timed(note.text)

    service = CapfService(
        CapfStore(directory),
        lambda: signer,
        host=host,
        port=port,
        floor=TlsFloor.TLS_1_0 if tls1 else TlsFloor.TLS_1_2,
        issuers=[load_certificate(path) for path in manufacturer or ()],
        limits=CapfLimits(lsc_days=days),
        told=told,
        trace=_timed if trace else None,
    )
    interrupts.run(
        serve_until_signal(service, started=lambda: say(f"CAPF on {host}:{service.port}; Ctrl-C ends it")),
        loop_factory=uvloop.new_event_loop,
    )


@app.command("set")
def set_operation(
    device: Annotated[str, typer.Argument(help="Such as SEP001122334455.")],
    operation: Annotated[Wanted, typer.Argument(help="What to do when the phone comes.")],
    directory: RecordsFolder = None,
    key: Annotated[
        str, typer.Option(help="The key to make: rsa-2048, ec-256 ..., or EC with RSA as backup: ec-256,rsa-2048.")
    ] = "rsa-2048",
    password_file: Annotated[
        Path | None, typer.Option(help="4 to 15 digits that the user types on the phone; none if left out.")
    ] = None,
    by_certificate: Annotated[
        bool, typer.Option("--by-certificate", help="The phone proves itself with the certificate that it has.")
    ] = False,
    by_mic: Annotated[
        bool, typer.Option("--by-mic", help="It proves itself with its MIC, as when its LSC proves it no more.")
    ] = False,
) -> None:
    """Note what shall be done with a phone's certificate; of a cluster's CAPF it is in the audit log."""
    from mixedmode.app.targets.hands import of_folder
    from mixedmode.app.targets.phone_keys import read_digits
    from mixedmode.control.acts import ORDER_CAPF
    from mixedmode.protocols.capf import Operation
    from mixedmode.services.capf.store import CapfStore

    password = None if password_file is None else read_digits(password_file)
    folder = capf_folder(directory)
    store, wanted = CapfStore(folder), Operation(operation.value)

    def order() -> CapfDevice:
        return store.order(device, wanted, key=key, password=password, by_certificate=by_certificate or by_mic,
                           mic_first=by_mic)  # fmt: skip

    with of_folder(folder) as hands:
        made = order() if hands is None else hands.do(ORDER_CAPF, order, device=device, operation=wanted.value)
    if operation is Wanted.FETCH and not (by_certificate or by_mic):
        say("note: the phone must prove that it holds the certificate: capfAuthMode 3 or 4 in its configuration")
    print_lines(
        [f"{made.name}: {made.operation} waits" if operation is not Wanted.NONE else f"{made.name}: nothing waits"]
    )


@app.command("list")
def list_devices(
    directory: RecordsFolder = None,
    json: AsJson = False,
) -> None:
    """List the devices, what waits for them, and their certificates."""
    from mixedmode.services.capf.store import CapfStore

    found = [_document(device) for device in CapfStore(capf_folder(directory))]
    if json:
        print_json(found)
        return
    from mixedmode.faces.terminal.table import table

    print_lines(
        table(
            ["device", "waits", "key", "proof", "wrong proofs", "LSC until"],
            (
                [
                    *(d["device"], d["operation"], d["key"], d["proof"]),
                    *(str(d["wrong_proofs"]), (d["not_after"] or "none")[:10]),
                ]
                for d in found
            ),
        )
    )
    print_lines([f"{d['device']}: {d['note']}" for d in found if d["note"]])


def _document(device: CapfDevice) -> dict[str, Any]:
    lsc = device.lsc
    proofs = [name for name, has in (("password", device.password), ("certificate", device.by_certificate)) if has]
    return {
        "device": device.name,
        "operation": device.operation.value,
        "key": device.key,
        "proof": " and ".join(proofs) or "none",
        "wrong_proofs": device.wrong_proofs,
        "note": device.note,
        "serial": lsc.serial.hex().upper() if lsc else None,
        "issuer": lsc.issuer if lsc else None,
        "not_after": lsc.not_after.isoformat() if lsc else None,
    }


@app.command()
def revoke(
    device: Annotated[str, typer.Argument(help="Such as SEP001122334455.", autocompletion=completion.devices)],
    reason: Annotated[str, typer.Option(help="Why, for the record.")] = "",
    directory: LabFolder = None,
    config: Config = None,
) -> None:
    """Revoke every LSC that CAPF gave a phone: its connection is ended, and none of them proves it any more."""
    from mixedmode.app.targets.hands import administered
    from mixedmode.cluster.operations.identity.lscs import RevokeLsc
    from mixedmode.pki.device_names import same_device

    with administered(directory, config, what="certificates are revoked") as hands:
        done = hands.run(RevokeLsc(same_device(device), reason))
    print_lines([*done.changes, *done.warnings])


@app.command()
def report(
    days: Annotated[
        int, typer.Option(min=0, max=3650, help="How many days before its end an LSC counts as expiring soon.")
    ] = 30,
    every: Annotated[bool, typer.Option("--all", help="Also the phones whose LSC is valid, or who need none.")] = False,
    directory: LabFolder = None,
    config: Config = None,
    json: AsJson = False,
) -> None:
    """Say which phones' LSCs have expired or will soon, are revoked, or bear another issuer than the present CAPF.

    Exit code 1 if a phone with a secure profile has an LSC that has expired or that another CAPF issued.
    """
    from collections import Counter
    from datetime import UTC, datetime, timedelta

    from mixedmode.app.targets.hands import looked_at
    from mixedmode.cluster.query.lsc_report import LscStanding, lsc_report

    now = datetime.now(UTC)
    quiet = {LscStanding.NONE, LscStanding.VALID}
    lost = {LscStanding.EXPIRED, LscStanding.OTHER_ISSUER}
    counts, shown, is_short = Counter[LscStanding](), [], False
    with looked_at(directory, config) as hands:
        for each in lsc_report(hands.cluster, now, notice=timedelta(days=days)):
            counts[each.standing] += 1
            is_short |= each.standing in lost and each.device.security_mode > 1
            if every or each.standing not in quiet:
                shown.append(each.document(now))
    if json:
        print_json(shown)
    else:
        from mixedmode.app.phone_texts import GOES_ON
        from mixedmode.faces.terminal.table import table

        rows = ([d["device"], d["model"], d["standing"], (d["not_after"] or "-")[:10], _days(d["days_left"]),
                 d["issuer"] or "-"] for d in shown)  # fmt: skip
        print_lines(table(["device", "model", "LSC", "until", "days", "issuer"], rows))
        said = ", ".join(f"{standing} {counts[standing]}" for standing in LscStanding)
        print_lines(["", f"{counts.total()} phones: {said}"])
        if counts[LscStanding.EXPIRED]:
            print_lines(
                [
                    f"expired: {GOES_ON};",
                    "  next: mixedmode capf set NAME install --by-mic, then mixedmode phones reset NAME",
                ]
            )
    if is_short:
        raise typer.Exit(1)


def _days(days: int | None) -> str:
    return "-" if days is None else str(days)


@app.command()
def enrol(
    device: Annotated[str, typer.Argument(help="The name to come with, such as SEP001122334455.")],
    host: Annotated[str, typer.Option(help="The CAPF.")] = "127.0.0.1",
    port: Annotated[int, typer.Option(min=1, max=65535, help="Its TCP port.")] = 3804,
    out: Annotated[Path, typer.Option(help="Key and certificate of the phone, one PEM file; made, used again.")] = Path(
        "lsc.pem"
    ),
    trust: Annotated[
        Path | None, typer.Option(help="A trust list: the server must show a CAPF record's certificate.")
    ] = None,
    password_file: Annotated[Path | None, typer.Option(help="The digits.")] = None,
    mic: Annotated[
        Path | None, typer.Option(help="Key and certificate that the maker gave the phone, one PEM file.")
    ] = None,
    proof: Annotated[
        Proof,
        typer.Option(
            help="As capfAuthMode 1 to 4: the password alone, nothing, the LSC of --out (else the MIC), the MIC."
        ),
    ] = Proof.LSC,
    tls: Annotated[str, typer.Option(help="The newest TLS to speak: 1.0, 1.1, 1.2 or 1.3.")] = "1.3",
) -> None:
    """Ask a CAPF what to do, and do it, as a phone does.

    A certificate is shown with the proof of its key whenever there is one, unless --proof says otherwise.
    """
    from mixedmode.app.targets.phone_keys import keep, read_digits, read_key
    from mixedmode.app.targets.sources import read_source
    from mixedmode.phone.body.capf import AuthMode, Proofs
    from mixedmode.phone.body.capf import enrol as ask
    from mixedmode.protocols.capf import Reason
    from mixedmode.trustlist import Role, TrustList

    trusted = None
    if trust is not None:
        records = TrustList.parse(read_source(str(trust))).records_with_role(Role.CAPF)
        trusted = [record.certificate_der for record in records if record.certificate_der is not None]
    if proof is Proof.MIC and mic is None:
        raise UsageError("--proof mic needs a MIC", next_step="give its key and certificate with --mic")
    outcome = interrupts.run(
        ask(
            host,
            port,
            device,
            Proofs(read_key(out, missing=True), read_key(mic), read_digits(password_file), AuthMode[proof.name]),
            tls_max=tls,
            trusted=trusted,
        )
    )
    keep(outcome, out)
    print_lines([f"{device}: {outcome.text}"])
    if outcome.reason not in {Reason.NO_ACTION, Reason.OK}:
        raise CheckFailedError(f"CAPF refused {device}: {outcome.text}", where=f"{host}:{port}")
