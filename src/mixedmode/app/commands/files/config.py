"""``sign-config`` and ``open-config``: ``.sgn`` and ``.enc.sgn`` files on the command line."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from mixedmode.app.commands.files.choices import layout_of, one_of, timestamp_of
from mixedmode.app.commands.options import AsJson
from mixedmode.app.targets.sources import SOURCE_HELP, open_source
from mixedmode.errors import MalformedError, MixedModeError, UsageError
from mixedmode.faces.terminal.console import print_bytes, print_json, print_lines, say
from mixedmode.faces.terminal.unusual import unusual, warn, warn_of_open_key

if TYPE_CHECKING:
    from mixedmode.pki.certificates.certificates import Certificate
    from mixedmode.pki.signing.digests import DigestAlgorithm
    from mixedmode.signedfile import OpenedFile
    from mixedmode.trustlist import Layout, TrustList


_SIGNED_LIMIT = 256 << 20
"""Bytes; firmware in ``.cop.sgn`` files is large."""
_LIST_LIMIT = (1 << 20) + 1


def sign_config(
    file: Annotated[Path, typer.Argument(help="The file to sign, such as SEP001122334455.cnf.xml.")],
    signer: Annotated[
        str, typer.Option("--signer", help="PEM with key and certificate, pkcs12:FILE or a pkcs11: URI.")
    ],
    digest: Annotated[str, typer.Option("--digest", help="sha1 or sha512.")] = "sha1",
    filename: Annotated[
        str | None,
        typer.Option("--filename", help="The name that phones ask for, if it is not FILE's.", metavar="NAME"),
    ] = None,
    timestamp: Annotated[str | None, typer.Option("--timestamp", help="ISO 8601; now by default.")] = None,
    encrypt_to: Annotated[
        Path | None, typer.Option("--encrypt-to", help="The phone's LSC or MIC: encrypts to it.", metavar="CERT.pem")
    ] = None,
    output: Annotated[Path | None, typer.Option("--output", help="Folder to write to; FILE's by default.")] = None,
    layout: Annotated[
        str, typer.Option("--layout", help="Names as in the trust list: cucm, ctlclient or tlvfile.")
    ] = "cucm",
    json: AsJson = False,
) -> None:
    """Sign a configuration file: writes FILE.sgn; with --encrypt-to FILE.enc.sgn, and its stub as FILE.sgn.

    XML that a phone would drop is signed all the same, with a warning that names line and column.

    Example: mixedmode sign-config SEP001122334455.cnf.xml --signer tftp.pem --encrypt-to phone.pem
    """
    from mixedmode.pki.certificates.load import load_certificate, load_signer
    from mixedmode.pki.files import write_atomic

    chosen_digest, chosen_layout, moment = _digest(digest), layout_of(layout), timestamp_of(timestamp)
    content = open_source(str(file), limit=_SIGNED_LIMIT).data
    device = load_certificate(encrypt_to) if encrypt_to else None
    name = _plain_name(filename or file.name)
    warn_of_open_key(signer)
    key = load_signer(signer)
    made = _signed_files(content, name, key, device, chosen_digest, moment, chosen_layout)
    warnings = [*_dropped_by_phones(content, name, file), *unusual((key.certificate, device))]
    folder = output or file.parent
    written = []
    for suffix, data in made.items():
        path = folder / f"{file.name}{suffix}"
        write_atomic(path, data)
        written.append({"path": str(path), "filename": f"{name}{suffix}", "length": len(data)})
    if json:
        print_json(
            {"files": written, "digest": chosen_digest.label, "encrypted": device is not None, "warnings": warnings}
        )
    else:
        warn(warnings)
        print_lines(f"{each['path']}: {each['length']} bytes, signed as {each['filename']}" for each in written)


def open_config(
    file: Annotated[str, typer.Argument(help=f"The signed file. {SOURCE_HELP}", metavar="FILE")],
    trust: Annotated[str, typer.Option("--trust", help=f"The trust list. {SOURCE_HELP}", metavar="SOURCE")],
    key: Annotated[
        Path | None, typer.Option("--key", help="The phone's private key, PEM or DER, for .enc.sgn.", metavar="PEM")
    ] = None,
    output: Annotated[Path | None, typer.Option("--output", help="File for the content; stdout by default.")] = None,
    filename: Annotated[
        str | None, typer.Option("--filename", help="The name it must have been signed under.", metavar="NAME")
    ] = None,
    json: AsJson = False,
) -> None:
    """Print the content of a signed file, only if its signature holds and a TFTP record of the list made it.

    Example: mixedmode open-config SEP001122334455.cnf.xml.enc.sgn --trust CTLFile.tlv --key phone.key
    """
    from mixedmode.pki.certificates.load import load_private_key
    from mixedmode.pki.files import PRIVATE, write_atomic
    from mixedmode.signedfile import open_file

    if file == trust == "-":
        raise UsageError("file and trust list cannot both come from standard input", next_step="name a file for one")
    source = open_source(file, limit=_SIGNED_LIMIT)
    trust_list = _trust_list(trust)
    warn_of_open_key(key)
    private_key = load_private_key(key) if key else None
    try:
        opened = open_file(source.data, trust_list, filename=filename, key=private_key)
    except MixedModeError as error:
        raise error.located(source.name) from None
    if output is not None:
        write_atomic(output, opened.content, mode=PRIVATE if opened.file.is_encrypted else 0o644)
    if json:
        print_json(_document(opened, with_content=output is None))
    elif output is None:
        print_bytes(opened.content)


def _signed_files(
    content: bytes,
    name: str,
    signer: Any,
    device: Certificate | None,
    digest: DigestAlgorithm,
    timestamp: int,
    layout: Layout,
) -> dict[str, bytes]:
    """Return the files to write, by what their names add to the plain one."""
    import secrets

    from mixedmode.signedfile import Secrets, encrypt_config, sign_file

    if device is None:
        return {
            ".sgn": sign_file(
                content, signer, filename=f"{name}.sgn", digest=digest, timestamp=timestamp, layout=layout
            )
        }
    made = encrypt_config(
        content,
        signer,
        name=name,
        device=device,
        secrets=Secrets(secrets.token_bytes(16), secrets.token_bytes(16)),
        digest=digest,
        timestamp=timestamp,
        layout=layout,
    )
    return {".enc.sgn": made.encrypted, ".sgn": made.stub}


def _dropped_by_phones(content: bytes, name: str, file: Path) -> list[str]:
    """Return what makes phones drop a file, if it is XML by its name or by its first bytes."""
    from mixedmode.signedfile.wellformed import xml_problem

    if not name.lower().endswith(".xml") and not content.lstrip(b"\xef\xbb\xbf \t\r\n").startswith(b"<?xml"):
        return []
    roots = frozenset({"device", "Default"}) if name.lower().endswith(".cnf.xml") else frozenset[str]()
    problem = xml_problem(content, roots=roots)
    return [] if problem is None else [f"{file}: phones will drop this file: {problem}"]


def _trust_list(source: str) -> TrustList:
    """Read the trust list; one that is broken by its own signature vouches for nobody."""
    from mixedmode.errors import CheckFailedError
    from mixedmode.trustlist import TrustList

    file = open_source(source, limit=_LIST_LIMIT)
    try:
        trust_list = TrustList.parse(file.data)
        verification = trust_list.verify()
    except MalformedError as error:
        raise error.located(file.name) from None
    if verification.verified is False:
        raise CheckFailedError(
            f"the trust list cannot be trusted: {verification.reason}",
            where=file.name,
            code="trust_list",
            next_step="get the trust list again from the publisher, and compare its checksum with show ctl",
        )
    if verification.verified is None:
        say(f"warning: {file.name}: {verification.reason}")
    return trust_list


def _document(opened: OpenedFile, *, with_content: bool) -> dict[str, Any]:
    from mixedmode.pki.certificates.names import serial_text
    from mixedmode.signedfile.describing import signing_time

    header, record = opened.file.header, opened.record
    document: dict[str, Any] = {
        "version": ".".join(map(str, header.version)),
        "filename": header.filename,
        "timestamp": signing_time(opened.file),
        "digest": header.digest.label if header.digest else None,
        "encrypted": opened.file.is_encrypted,
        "verified": True,
        "signer": {
            "name": header.signer_name,
            "issuer": header.signer_issuer,
            "serial": serial_text(header.signer_serial or b""),
        },
        "record": {"number": record.number, "role": record.role_label, "subject": record.subject},
        "content_length": len(opened.content),
    }
    if with_content:
        document["content"] = opened.content.decode(errors="replace")
    return document


def _plain_name(name: str) -> str:
    for suffix in (".enc.sgn", ".sgn"):
        if name.endswith(suffix):
            return name.removesuffix(suffix)
    return name


def _digest(text: str) -> DigestAlgorithm:
    from mixedmode.pki.signing.digests import DigestAlgorithm

    return one_of("--digest", text, {each.label: each for each in (DigestAlgorithm.SHA1, DigestAlgorithm.SHA512)})
