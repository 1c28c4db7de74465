"""``set csr gen`` and ``show csr``: signing requests of the node of the session."""

from __future__ import annotations

from mixedmode.cluster.operations.identity import csr
from mixedmode.faces.shell import texts
from mixedmode.faces.shell.call import Call
from mixedmode.faces.shell.commands.certificate_names import OWN, own_unit
from mixedmode.faces.shell.model import Argument, Command, Question
from mixedmode.pki.certificates.profiles import Purpose
from mixedmode.printable import printable


async def ask_generate(call: Call) -> Question | None:
    """Ask before a request that waits is replaced; else there is nothing to ask."""
    plan = await call.plan(csr.RequestCertificate(call.node, own_unit(call.value("name"))))
    if not plan.warnings:
        return None
    before = [line for warning in plan.warnings for line in texts.WARNING.lines(text=warning)]
    return Question(texts.ASK_NEW_REQUEST.line(), tuple(before))


async def generate(call: Call) -> None:
    """Make a key and a signing request."""
    unit = own_unit(call.value("name"))
    await call.operate(csr.RequestCertificate(call.node, unit))
    await call.say(texts.CSR_GENERATED, unit=unit)


async def show_own(call: Call) -> None:
    """Print a signing request that waits for its certificate."""
    unit = own_unit(call.value("name"))
    folder = call.cluster.folder(call.node)
    pending = await call.blocking(lambda: csr.needed_request(folder, Purpose(unit)))
    request = pending.request
    await call.write(
        "[",
        f"  Generated: {call.session.date(pending.created)}",
        f"  Subject Name: {printable(request.subject)}",
        f"  Subject Alternative Names: {', '.join(map(printable, request.dns_names)) or 'none'}",
        f"  Key: {request.key_description}",
        "]",
        *request.pem.decode().splitlines(),
    )


async def list_requests(call: Call) -> None:
    """List the signing requests that wait for their certificates."""
    folder = call.cluster.folder(call.node)
    found = await call.blocking(lambda: csr.pending_requests(folder))
    for pending in sorted(found, key=lambda each: each.purpose.lower()):
        await call.say(texts.CSR_ROW, unit=pending.purpose, subject=printable(pending.request.subject))
    if not found:
        await call.say(texts.NO_CSR)


_KIND = Argument("kind", "The node's own requests; trust stores have none.", choices=("own",))

COMMANDS = (
    Command(("show", "csr", "own"), "Shows a signing request of this node.", show_own, (OWN,)),
    Command(("show", "csr", "list"), "Lists the signing requests of this node.", list_requests, (_KIND,)),
    Command(("show", "csr", "list", "type"), "Lists the signing requests of this node.", list_requests, (_KIND,)),
    Command.of(
        csr.RequestCertificate,
        "Makes a key and a request that a certificate authority signs.",
        generate,
        (OWN,),
        confirm=ask_generate,
    ),
)
