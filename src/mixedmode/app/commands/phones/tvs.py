"""``mixedmode tvs``: ask a TVS server as a phone does, or run one for phones without a cluster."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from mixedmode.app.commands.options import AsJson, ListenHost, ListenTcp, Workers, finite
from mixedmode.app.targets.server_keys import tls_signer
from mixedmode.app.targets.sources import SOURCE_HELP, read_source
from mixedmode.errors import MixedModeError, UsageError
from mixedmode.faces.terminal import interrupts
from mixedmode.faces.terminal.console import print_json, print_lines, say
from mixedmode.faces.terminal.unusual import unusual, warn
from mixedmode.numbers import whole_number

if TYPE_CHECKING:
    from mixedmode.pki.certificates.certificates import Certificate
    from mixedmode.protocols.tvs import Answer, Request
    from mixedmode.services.net.service import Service

app = typer.Typer(help="Ask a Trust Verification Service, or run one.", no_args_is_help=True)
_PORT = 2445


@app.command()
def query(
    certificate: Annotated[Path, typer.Argument(help="The certificate to ask about, PEM or DER.", metavar="CERT")],
    server: Annotated[str, typer.Option(help="The TVS server.", metavar="HOST[:PORT]")],
    device: Annotated[str, typer.Option(help="Who asks: CP-MODEL-SEPMAC.")] = "CP-7975-SEP001122334455",
    trust: Annotated[
        str | None,
        typer.Option(help=f"The ITL whose TVS records the server must fit. {SOURCE_HELP}", metavar="SOURCE"),
    ] = None,
    verify: Annotated[
        bool, typer.Option("--verify", help="Send the certificate itself (VERIFY) in place of its names and serial.")
    ] = False,
    tls: Annotated[str, typer.Option(help="The newest TLS to speak: 1.0, 1.1, 1.2 or 1.3.")] = "1.3",
    timeout: Annotated[float, typer.Option(callback=finite, min=0.1, max=600, help="Seconds for everything.")] = 5.0,
    json: AsJson = False,
) -> None:
    """Ask whether TVS knows a certificate, and for what.

    Exit code 0: it is known; 1: it is not; 3: the server cannot be reached, or is not the one of --trust.
    """
    from mixedmode.phone.body.tvs import exchange
    from mixedmode.pki.certificates.load import load_certificate

    host, port = _server(server)
    asked = load_certificate(certificate)
    request = _request(asked, device, verify=verify)
    trusted = None if trust is None else _tvs_certificates(trust)
    answer = interrupts.run(exchange(host, port, request, trusted=trusted, tls_max=tls, deadline=timeout))
    if json:
        print_json({"server": f"{host}:{port}", "checked": trusted is not None, **_document(request, answer)})
    else:
        warn(unusual([asked]))
        if trusted is None:
            say("note: without --trust nobody checks whether this is your TVS server")
        print_lines(_lines(asked, answer))
    if not answer.known:
        raise typer.Exit(1)


def _server(text: str) -> tuple[str, int]:
    host, colon, port = text.rpartition(":")
    if not colon or (":" in host and not host.endswith("]")):
        host, port = text, str(_PORT)
    host = host.removeprefix("[").removesuffix("]")
    number = whole_number(port) or 0
    if not host or not 0 < number < 0x10000:
        raise UsageError(f"{text!r} names no server", next_step=f"write HOST or HOST:PORT; the port is mostly {_PORT}")
    return host, number


def _request(certificate: Certificate, device: str, *, verify: bool) -> Request:
    from mixedmode.phone.body.tvs import new_session
    from mixedmode.protocols.tvs import QueryRequest, VerifyRequest
    from mixedmode.trustlist import Layout
    from mixedmode.trustlist.build import signer_identity

    if verify:
        return VerifyRequest(new_session(), device, certificate.der)
    identity = signer_identity(certificate, Layout.CUCM)
    return QueryRequest(new_session(), device, identity.name, identity.issuer, identity.serial)


def _tvs_certificates(source: str) -> tuple[bytes, ...]:
    from mixedmode.phone.mind.trust.lookup import tvs_certificates
    from mixedmode.trustlist import TrustList

    try:
        trusted = tvs_certificates(TrustList.parse(read_source(source)))
    except MixedModeError as error:
        raise error.located(source) from None
    if not trusted:
        raise UsageError("this list names no TVS server", where=source, next_step="give the ITL; a CTL never has one")
    return trusted


def _roles(answer: Answer) -> list[str]:
    from mixedmode.trustlist.roles import ROLES_BY_CODE

    return [ROLES_BY_CODE[code].label if code in ROLES_BY_CODE else str(code) for code in answer.roles]


def _document(request: Request, answer: Answer) -> dict[str, Any]:
    from mixedmode.protocols.tvs import QueryRequest

    names = isinstance(request, QueryRequest)
    return {
        "request": "query" if names else "verify",
        "subject": request.subject if isinstance(request, QueryRequest) else None,
        "issuer": request.issuer if isinstance(request, QueryRequest) else None,
        "serial": request.serial.hex().upper() if isinstance(request, QueryRequest) else None,
        "known": answer.known,
        "roles": _roles(answer),
        "role_codes": list(answer.roles),
        "ttl": answer.ttl,
        "certificate": None if answer.certificate is None else answer.certificate.hex(),
    }


def _lines(asked: Certificate, answer: Answer) -> list[str]:
    from mixedmode.pki.certificates.names import serial_text
    from mixedmode.printable import printable

    lines = [f"Subject  {printable(asked.subject)}", f"Issuer   {printable(asked.issuer)}"]
    lines.append(f"Serial   {serial_text(asked.serial)}")
    if not answer.known:
        return [*lines, "Not known"]
    if answer.certificate is not None and answer.certificate != asked.der:
        lines.append("Another certificate of this name and serial was returned")
    lines.append(f"Roles    {', '.join(_roles(answer)) or '(none)'}")
    return [*lines, f"Valid for {answer.ttl} s" if answer.ttl is not None else "Known"]


@app.command()
def serve(
    key: Annotated[
        str, typer.Option(help="The server's key and certificate, a SIGNER; the ITL lists it with role TVS.")
    ],
    trust: Annotated[
        list[Path] | None,
        typer.Option(help="A trust list whose records are vouched for; followed when it changes. Repeat for more."),
    ] = None,
    certificate: Annotated[
        list[str] | None,
        typer.Option(help="ROLE[+ROLE...]=CERT to vouch for, such as SAST=next.crt; repeat.", metavar="ROLE=CERT"),
    ] = None,
    host: ListenHost = "127.0.0.1",
    port: ListenTcp = _PORT,
    tls1: Annotated[
        bool, typer.Option("--tls1", help="Speak TLS 1.0 too (security level 0), for phones of the 7900 series.")
    ] = False,
    ttl: Annotated[int, typer.Option(min=1, max=2_592_000, help="Seconds that phones keep an answer.")] = 86400,
    trace: Annotated[bool, typer.Option("--trace", help="Print the trace.")] = False,
    workers: Workers = "1",
) -> None:
    """Vouch for certificates, so that phones accept a new signer; until Ctrl-C or SIGTERM.

    For phones without a CUCM: put this server's certificate into their ITL, name it in their configuration's TVS list,
    and give it the certificate of the next signer before the next list is signed.
    """
    import socket

    import uvloop

    from mixedmode.services.net.server_tls import TlsFloor
    from mixedmode.services.tvs.workshop import TvsWorkshop
    from mixedmode.services.workers.crew import Crew, CrewService
    from mixedmode.services.workers.workshop import worker_count

    count = worker_count(workers)
    signer = tls_signer(key)
    lists = [_there(path) for path in trust or ()]
    vouched = [_vouched(text) for text in certificate or ()]
    warn(unusual((signer.certificate, *(each for each, _ in vouched))))
    if not lists and not certificate:
        raise UsageError("there is nothing to vouch for", next_step="give --trust FILE or --certificate ROLE=CERT")
    workshop = TvsWorkshop(
        signer,
        vouched,
        lists,
        host=host,
        floor=TlsFloor.TLS_1_0 if tls1 else TlsFloor.TLS_1_2,
        ttl=ttl,
        trace=trace,
        shared=count > 1,
    )

    async def serving() -> None:
        if count == 1:
            await _serve(workshop.service("tvs", port))
        else:
            await _serve(CrewService("TVS", Crew(workshop, count), "tvs", (host, port), socket.SOCK_STREAM))

    interrupts.run(serving(), loop_factory=uvloop.new_event_loop)


def _there(path: Path) -> Path:
    from mixedmode.trustlist import TrustList

    try:
        TrustList.parse(read_source(str(path)))
    except MixedModeError as error:
        raise error.located(str(path)) from None
    return path


def _vouched(text: str) -> tuple[Certificate, list[int]]:
    from mixedmode.pki.certificates.load import load_certificate
    from mixedmode.trustlist import Role

    labels, equals, path = text.partition("=")
    try:
        roles = [Role.from_label(labels)]
    except KeyError:
        try:
            roles = [Role.from_label(label) for label in labels.split("+")]
        except KeyError:
            known = ", ".join(each.label for each in Role)
            raise UsageError(f"--certificate {text!r}: unknown role", next_step=f"use: {known}") from None
    if not equals or not path:
        raise UsageError(f"--certificate {text!r} names no file", next_step="write ROLE=CERT.pem")
    return load_certificate(Path(path)), [int(role) for role in roles]


async def _serve(service: Service) -> None:
    from mixedmode.node.serving import serve_until_signal, shown

    def drained(left: int) -> None:
        metrics = service.metrics
        say(f"{metrics['known']} known, {metrics['unknown']} not known, {left} connections cut off")

    await serve_until_signal(
        service, started=lambda: say(f"TVS on {shown(service.address)}; Ctrl-C ends it"), drained=drained
    )
