"""``mixedmode token``: security tokens, behind a PKCS#11 library or as files of a lab."""

from __future__ import annotations

from enum import StrEnum
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from mixedmode.app import completion
from mixedmode.app.commands.options import AsJson
from mixedmode.errors import UsageError
from mixedmode.faces.terminal.console import print_json, print_lines
from mixedmode.faces.terminal.unusual import warn_of_open_key

if TYPE_CHECKING:
    from collections.abc import Callable

    from mixedmode.faces.ctlclient.wizard import Token
    from mixedmode.pki.certificates.certificates import Certificate
    from mixedmode.pki.certificates.issuing import PublicKey
    from mixedmode.pki.certificates.profiles import KeyKind
    from mixedmode.pki.tokens.pkcs11 import BareToken, Pkcs11Token

app = typer.Typer(help="Security tokens (hardware eTokens).", no_args_is_help=True)

Folder = Annotated[Path | None, typer.Option("--tokens", help="Folder of file tokens; ./tokens, or lab/tokens.")]
Module = Annotated[str | None, typer.Option("--module", help="PKCS#11 library.", envvar="MIXEDMODE_PKCS11_MODULE")]
PinFile = Annotated[Path | None, typer.Option(help="The token's password; MIXEDMODE_PIN or a prompt if left out.")]


class Form(StrEnum):
    """Of an exported certificate."""

    PEM = "pem"
    DER = "der"


@app.command("list")
def list_tokens(
    folder: Folder = None,
    module: Module = None,
    json: AsJson = False,
) -> None:
    """List the tokens that are inserted."""
    found = [_described(token) for token in _inserted(folder, module)]
    if module is not None:
        from mixedmode.pki.tokens.pkcs11 import bare_tokens

        found += [_bare(token) for token in bare_tokens(module)]
    if json:
        print_json(found)
        return
    from mixedmode.faces.terminal.table import table

    rows = (
        [each[key] or "-" for key in ("label", "serial", "subject")]
        + [(each["not_after"] or "-")[:10], each["state"], each["source"]]
        for each in found
    )
    print_lines(table(["token", "serial number", "subject", "valid to", "state", "where"], rows))


def _described(token: Token) -> dict[str, Any]:
    certificate = token.certificate
    failures = getattr(token, "failures", None)
    locked = bool(getattr(token, "locked", False))
    return {
        "label": token.label,
        "source": str(getattr(token, "module", None) or getattr(token, "folder", "")),
        "token_serial": getattr(token, "serial", None),
        "uri": getattr(token, "uri", None),
        "subject": certificate.subject,
        "issuer": certificate.issuer,
        "serial": certificate.serial.hex().upper(),
        "not_before": certificate.not_before.isoformat(),
        "not_after": certificate.not_after.isoformat(),
        "sha1": certificate.sha1.hex(),
        "wrong_passwords": failures,
        "state": "locked" if locked else "ready",
    }


def _bare(token: BareToken) -> dict[str, Any]:
    keys = ("uri", "subject", "issuer", "serial", "not_before", "not_after", "sha1", "wrong_passwords")
    there = {"label": token.label, "source": token.module, "token_serial": token.serial, "state": token.state}
    return there | dict.fromkeys(keys)


@app.command()
def init(
    number: Annotated[str, typer.Argument(help="Of the token, such as ADN008580ef.")],
    folder: Folder = None,
    module: Module = None,
    rsa: Annotated[int, typer.Option(help="Bits of its key; real tokens have 1024.")] = 1024,
    pin_file: PinFile = None,
) -> None:
    """Make a lab's token: key, certificate of the manufacturing CA, password Cisco123 unless given.

    With --module the token of that label, which its maker's tool (softhsm2-util) initialised, makes the key itself; one
    that cannot gets a key made here.
    """
    from datetime import UTC, datetime

    from mixedmode.faces.ctlclient.inserted import token_folder
    from mixedmode.pki.certificates.profiles import KeyKind
    from mixedmode.pki.tokens.token_files import DEFAULT_PASSWORD, make_file_token, token_certificate, token_label

    place, label, now = token_folder(folder, _lab()), token_label(number), datetime.now(UTC)
    kind = KeyKind.from_label(f"rsa-{rsa}")
    password = _pin(number, pin_file, default=DEFAULT_PASSWORD)
    if module is None:
        token = make_file_token(place, number, now=now, password=password, key=kind)
        print_lines([f"{token.label} is made in {token.folder}"])
        return
    made = _make_behind(module, label, password, kind, lambda key: token_certificate(place, number, key, now=now))
    print_lines([f"{made.label} has its key: {made.uri}"])


def _make_behind(
    module: str,
    label: str,
    password: str,
    kind: KeyKind,
    certify: Callable[[PublicKey], Certificate],
) -> Pkcs11Token:
    from mixedmode.pki.certificates.profiles import generate_key
    from mixedmode.pki.tokens.token_import import CannotGenerateError, generate_signer, import_signer

    try:
        return generate_signer(module, label, password, bits=kind.value[1], certify=certify)
    except CannotGenerateError:
        key = generate_key(kind)
        return import_signer(module, label, password, key_der=_key_der(key), certificate=certify(key.public_key()))


def _key_der(key: Any) -> bytes:
    from cryptography.hazmat.primitives import serialization as form

    der: bytes = key.private_bytes(form.Encoding.DER, form.PrivateFormat.TraditionalOpenSSL, form.NoEncryption())
    return der


@app.command("import")
def import_key(
    signer: Annotated[str, typer.Argument(help="Key and certificate: a PEM file or pkcs12:FILE.", metavar="SIGNER")],
    label: Annotated[str, typer.Option(help="Of the token, as list shows it.")],
    module: Annotated[str, typer.Option(help="PKCS#11 library.", envvar="MIXEDMODE_PKCS11_MODULE")],
    pin_file: PinFile = None,
) -> None:
    """Put a key and its certificate onto a token that its maker's tool initialised."""
    from mixedmode.pki.certificates.load import load_signer
    from mixedmode.pki.signing.signer import SoftwareSigner
    from mixedmode.pki.tokens.token_import import import_signer

    warn_of_open_key(signer)
    loaded = load_signer(signer)
    if not isinstance(loaded, SoftwareSigner) or loaded.certificate.key_kind != "RSA":
        raise UsageError("this is no RSA key with its certificate", where=signer)
    pin = _pin(label, pin_file)
    made = import_signer(module, label, pin, key_der=_key_der(loaded.key), certificate=loaded.certificate)
    print_lines([f"{made.label} has its key: {made.uri}"])


@app.command()
def export(
    label: Annotated[str, typer.Argument(help="Of the token.", autocompletion=completion.tokens)],
    out: Annotated[Path, typer.Argument(help="The file to write.")],
    form: Annotated[Form, typer.Option(help="PEM for Upload Certificate, or DER.")] = Form.PEM,
    folder: Folder = None,
    module: Module = None,
    pin_file: PinFile = None,
) -> None:
    """Write a token's certificate, as the seed does with SafeNet Authentication Client; asks for the password."""
    from mixedmode.app.targets.tokens import tokens_named
    from mixedmode.pki.files import write_atomic

    token = tokens_named(_inserted(folder, module), [label])[0]
    token.open(_pin(label, pin_file))
    certificate = token.certificate
    write_atomic(out, certificate.pem() if form is Form.PEM else certificate.der)
    print_lines([f"{certificate.subject} in {out}"])


@app.command()
def unlock(
    label: Annotated[str, typer.Argument(help="Of the token.", autocompletion=completion.tokens)],
    folder: Folder = None,
    module: Annotated[str | None, typer.Option("--module", help="PKCS#11 library, for a token behind it.")] = None,
    pin_file: PinFile = None,
    officer_pin_file: Annotated[
        Path | None,
        typer.Option(help="With --module: the administrator's password; MIXEDMODE_SO_PIN or a prompt if left out."),
    ] = None,
) -> None:
    """Set the counter of wrong passwords back.

    A file token needs its right password for that, and stays locked for good once it is. A token behind a PKCS#11
    library gets a new password, with the one of its administrator (security officer).
    """
    from mixedmode.app.targets.tokens import read_pin, tokens_named

    if module is not None:
        from mixedmode.pki.tokens.token_import import set_new_pin

        officer = read_pin(f"{label} (administrator)", officer_pin_file, variable="MIXEDMODE_SO_PIN")
        set_new_pin(module, label, officer, _pin(f"{label} (new)", pin_file))
        print_lines([f"{label} has its new password"])
        return
    token = tokens_named(_inserted(folder, None), [label])[0]
    token.open(_pin(label, pin_file))
    print_lines([f"{token.label}: the counter of wrong passwords is 0"])


def _inserted(folder: Path | None, module: str | None) -> list[Token]:
    from mixedmode.faces.ctlclient.inserted import inserted_tokens, token_folder

    return inserted_tokens(token_folder(folder, _lab()), module)


def _lab() -> Path | None:
    from mixedmode.rehearsal.lab.document import meant_lab

    return meant_lab(None, None)


def _pin(label: str, pin_file: Path | None, *, default: str | None = None) -> str:
    from mixedmode.app.targets.tokens import read_pin

    return read_pin(label, pin_file, default=default)
