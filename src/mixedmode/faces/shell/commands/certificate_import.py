"""``set cert import``: a pasted certificate, to be trusted or to be used as this node's own."""

from __future__ import annotations

from mixedmode.cluster.operations.identity import csr
from mixedmode.cluster.operations.identity.certificate_import import ImportCertificate
from mixedmode.cluster.operations.identity.certificates import ImportTrust
from mixedmode.faces.shell import texts
from mixedmode.faces.shell.call import Call
from mixedmode.faces.shell.commands.certificate_names import KIND, own_unit, pasted, trust_store, units_and_stores
from mixedmode.faces.shell.login import Login
from mixedmode.faces.shell.model import Argument, BadCommandError, Command
from mixedmode.pki.certificates.profiles import Purpose


async def import_certificate(call: Call) -> None:
    """Take a pasted certificate."""
    if call.value("kind") == "own":
        await _import_own(call)
        return
    if call.value("caCert"):
        raise BadCommandError("caCert goes with own certificates only", next_step="leave it out")
    store = trust_store(call.value("name"))
    await call.say(texts.ASK_PASTE)
    pem = await pasted(call)
    result = await call.operate(ImportTrust(store, pem))
    await _tell(call, store)
    for warning in result.warnings:
        await call.say(texts.WARNING, text=warning)


async def _import_own(call: Call) -> None:
    unit = own_unit(call.value("name"))
    # Say that there is no request before anybody pastes a certificate.
    await call.blocking(lambda: csr.needed_request(call.cluster.folder(call.node), Purpose(unit)))
    await call.say(texts.ASK_PASTE)
    pem = await pasted(call)
    result = await call.operate(ImportCertificate(call.node, unit, pem, call.value("caCert")))
    await _tell(call, unit)
    for warning in result.warnings:
        await call.say(texts.WARNING, text=warning)
    await call.tell_undelivered(result)


async def _tell(call: Call, unit: str) -> None:
    await call.say(texts.IMPORTED, unit=unit)
    await call.say(texts.RESTART_ADVICE, unit=unit)


def trusted_names(session: Login) -> list[str]:
    """Return what the trust stores hold, as ``caCert`` names it."""
    return sorted({f"{stored.unit}/{stored.name}" for stored in session.cluster.certificates.list_trust()})


COMMANDS = (
    Command(
        ("set", "cert", "import"),
        "Takes a pasted certificate as this node's own, or into a trust store.",
        import_certificate,
        (
            KIND,
            Argument("name", "Such as CallManager, or CallManager-trust.", candidates=units_and_stores),
            Argument(
                "caCert",
                "The issuer's certificate, as in CallManager-trust/ca.pem.",
                required=False,
                candidates=trusted_names,
            ),
        ),
    ),
)
