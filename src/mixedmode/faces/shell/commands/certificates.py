"""``show cert``, ``set cert regen`` and ``set cert delete``, on the node of the session."""

from __future__ import annotations

import re

from mixedmode.articles import with_article
from mixedmode.cluster.model.errors import NotFoundError
from mixedmode.cluster.model.records import StoredCertificate
from mixedmode.cluster.operations.identity.certificates import DeleteTrust, RegenerateCertificate
from mixedmode.errors import UsageError
from mixedmode.faces.shell import texts
from mixedmode.faces.shell.call import Call
from mixedmode.faces.shell.certificate_text import certificate_lines
from mixedmode.faces.shell.commands.certificate_names import KIND, OWN, own_unit, same_name, stores, trust_store
from mixedmode.faces.shell.foresight import agreed_if_lost, ask_if_lost, losses
from mixedmode.faces.shell.model import Argument, BadCommandError, Command, Question
from mixedmode.pki.certificates.certificates import Certificate
from mixedmode.pki.certificates.profiles import PROFILES, KeyKind, Purpose
from mixedmode.printable import printable


async def show_own(call: Call) -> None:
    """Print this node's certificate of a purpose."""
    unit = own_unit(call.value("name"))
    certificate = await call.blocking(lambda: call.cluster.own_certificate(call.node, unit))
    await call.write(*certificate_lines(certificate, call.session.date))


async def show_trust(call: Call) -> None:
    """Print the certificates of a trust store that have a name, or all of them."""
    unit, _, name = call.value("name").partition("/")
    found = await call.blocking(lambda: call.cluster.certificates.list_trust(trust_store(unit), node=call.node))
    found = [stored for stored in found if not name or same_name(stored.name, name)]
    if not found:
        raise NotFoundError(f"there is no certificate {call.value('name')!r}", next_step="show cert list trust")
    for stored in found:
        await call.write(f"{stored.unit}/{stored.name}")
        await call.write(*certificate_lines(stored.certificate, call.session.date))


async def list_certificates(call: Call) -> None:
    """List this node's own certificates, or those of the trust stores."""
    store = call.cluster.certificates
    own = call.value("kind") == "own"
    found = await call.blocking(lambda: store.list_own(call.node) if own else store.list_trust(node=call.node))
    for stored in sorted(found, key=lambda each: (each.unit.lower(), each.name)):
        await call.say(texts.CERTIFICATE_ROW, unit=stored.unit, name=stored.name, text=_signed_by(stored.certificate))


def _signed_by(certificate: Certificate) -> str:
    if certificate.is_issued_by(certificate):
        return texts.SELF_SIGNED.line()
    issuer = dict(part.partition("=")[::2] for part in certificate.issuer.split(";"))
    return texts.SIGNED_BY.line(issuer=printable(issuer.get("CN") or certificate.issuer))


async def ask_regenerate(call: Call) -> Question | None:
    """Ask before the recovery certificate is made anew; others need a question only if somebody would be lost."""
    operation = await _regeneration(call)
    if operation.unit != Purpose.ITLRECOVERY:
        return await ask_if_lost(call, operation)
    lost = await losses(call, operation)
    return Question(texts.ASK_REGENERATE.line(), (*texts.RECOVERY_WARNING.lines(), *lost))


async def regenerate(call: Call) -> None:
    """Make a key and a certificate of this node anew."""
    operation = await _regeneration(call)
    unit = operation.unit
    result = await call.operate(operation)
    recovery = unit == Purpose.ITLRECOVERY
    await call.say(texts.RECOVERY_REGENERATED if recovery else texts.REGENERATED, unit=unit)
    await call.say(texts.REGENERATED_RESTART, unit=unit)
    for warning in () if recovery else result.warnings:  # the question said it already
        await call.say(texts.WARNING, text=warning)
    await call.tell_undelivered(result)


async def _regeneration(call: Call) -> RegenerateCertificate:
    unit = own_unit(call.value("name"))
    return RegenerateCertificate(call.node, unit, await call.blocking(lambda: _key(call, unit)))


def _key(call: Call, unit: str) -> str:
    """Return the kind of key to make, empty for one like the present.

    Without a length RSA keys have at least 2048 bits, as in the seed: there a certificate of 1024 bits was regenerated
    and has 2048.
    """
    family = PROFILES[Purpose(unit)].key_kind
    if wanted := call.value("length"):
        bits = re.sub(r"(?i)^(?:rsa|ecdsa|ec|p)?-?", "", wanted)
        kinds = {str(kind.value[1]): kind.label for kind in KeyKind if kind.value[0] == family}
        if bits not in kinds:
            raise BadCommandError(
                f"{with_article(unit)} certificate has no key of {wanted!r}", next_step=f"one of: {', '.join(kinds)}"
            )
        return kinds[bits]
    present = call.cluster.certificates.list_own(call.node, unit)
    weak = family == "RSA" and present and present[0].certificate.key_bits < KeyKind.RSA_2048.value[1]
    return KeyKind.RSA_2048.label if weak else ""


async def delete_certificate(call: Call) -> None:
    """Take a certificate out of a trust store."""
    stored = await _meant(call)
    operation = DeleteTrust(stored.unit, stored.certificate.sha256.hex(), call.node)
    await agreed_if_lost(call, operation)
    await call.operate(operation)
    await call.say(texts.DELETED_CERTIFICATE, name=stored.name, unit=stored.unit)


async def _meant(call: Call) -> StoredCertificate:
    """Return the one certificate that is named."""
    store, name = trust_store(call.value("unit")), call.value("name")
    found = await call.blocking(lambda: call.cluster.certificates.list_trust(store, node=call.node))
    matching = [stored for stored in found if same_name(stored.name, name) or _has_hash(stored, name)]
    if len(matching) != 1:
        raise _not_one(store, name, matching)
    return matching[0]


def _not_one(store: str, name: str, matching: list[StoredCertificate]) -> UsageError:
    if not matching:
        return NotFoundError(f"there is no certificate {name!r} in {store}", next_step="show cert list trust")
    hashes = ", ".join(stored.certificate.sha256.hex()[:16] for stored in matching)
    return UsageError(
        f"{len(matching)} certificates in {store} are called {name}",
        next_step=f"name one by the start of its SHA-256: {hashes}",
    )


def _has_hash(stored: StoredCertificate, text: str) -> bool:
    return len(text) >= 8 and stored.certificate.sha256.hex().startswith(text.lower().replace(":", ""))


COMMANDS = (
    Command(("show", "cert", "own"), "Shows a certificate of this node.", show_own, (OWN,)),
    Command(
        ("show", "cert", "trust"),
        "Shows the certificates of a trust store.",
        show_trust,
        (Argument("name", "A trust store, or store/name.pem.", candidates=stores),),
    ),
    Command(("show", "cert", "list"), "Lists certificates.", list_certificates, (KIND,)),
    Command(("show", "cert", "list", "type"), "Lists certificates.", list_certificates, (KIND,)),
    Command.of(
        RegenerateCertificate,
        "Makes a key and certificate of this node anew.",
        regenerate,
        (OWN, Argument("length", "Of the key in bits, such as 2048 or 384.", required=False)),
        confirm=ask_regenerate,
    ),
    Command.of(
        DeleteTrust,
        "Takes a certificate out of a trust store.",
        delete_certificate,
        (
            Argument.of(DeleteTrust, "unit", candidates=stores),
            Argument("name", "The certificate's name, or the start of its SHA-256."),
        ),
    ),
)
