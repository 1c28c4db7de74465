"""``build``: write and sign a trust list."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from mixedmode.app.commands.files.choices import layout_of, one_of, timestamp_of
from mixedmode.app.commands.options import AsJson
from mixedmode.errors import UsageError
from mixedmode.faces.terminal.console import print_json, print_lines
from mixedmode.faces.terminal.unusual import unusual, warn, warn_of_open_key

if TYPE_CHECKING:
    from mixedmode.trustlist.build import RecordSpec


def build(
    out: Annotated[Path, typer.Argument(help="The file to write.", metavar="OUT")],
    signer: Annotated[
        str,
        typer.Option(help="PEM file with key and certificate, pkcs12:FILE, or a pkcs11: URI.", metavar="SIGNER"),
    ],
    record: Annotated[
        list[str],
        typer.Option(
            help="ROLE=CERT.pem[,dns=NAME][,ip=ADDR][,form=full|hash|address]; ROLE is SAST, CCM, CCM+TFTP, TFTP, "
            "CAPF, APP-SERVER or TVS; CERT.pem may be - with form=address. Repeat it in the order of the list.",
            metavar="ROLE=CERT.pem",
        ),
    ],
    digest: Annotated[str, typer.Option(help="sha1, sha256 or sha512.")] = "sha1",
    filename: Annotated[str | None, typer.Option(help="Name in the header [CTLFile.tlv or ITLFile.tlv].")] = None,
    signer_version: Annotated[
        str | None, typer.Option(help="1.0, 1.1 or none; left out: none, 1.0 in layout tlvfile.")
    ] = None,
    layout: Annotated[str, typer.Option(help="cucm, ctlclient or tlvfile.")] = "cucm",
    timestamp: Annotated[
        str | None, typer.Option(help="ISO 8601 time of signing; left out: now.", metavar="ISO")
    ] = None,
    json: AsJson = False,
) -> None:
    """Build and sign a trust list.

    Example: mixedmode build CTLFile.tlv --signer ccm.pem --record SAST=ccm.pem,dns=pub,ip=10.0.0.1
    --record CCM+TFTP=ccm.pem,dns=pub,ip=10.0.0.1 --record CAPF=capf.pem,dns=pub,ip=10.0.0.1
    """
    from mixedmode.pki.certificates.load import load_signer
    from mixedmode.pki.files import write_atomic
    from mixedmode.trustlist import Layout, TrustList
    from mixedmode.trustlist.build import build_trust_list
    from mixedmode.trustlist.document import describe

    chosen = layout_of(layout)
    specs = [_record_spec(text) for text in record]
    warn_of_open_key(signer)
    key = load_signer(signer)
    data = build_trust_list(
        specs,
        key,
        timestamp=timestamp_of(timestamp),
        digest=_digest(digest),
        filename=filename or ("ITLFile.tlv" if out.name.upper().startswith("ITL") else "CTLFile.tlv"),
        layout=chosen,
        signer_version=_signer_version(signer_version, chosen is Layout.TLVFILE),
    )
    trust_list = TrustList.parse(data)
    verification = trust_list.verify()
    if not verification:
        raise UsageError(
            f"the signature that the signer made does not hold: {verification.reason}",
            where=signer,
            next_step="check that the signer's key belongs to its certificate",
        )
    write_atomic(out, data)
    warnings = unusual([key.certificate, *(spec.certificate for spec in specs)])
    if json:
        print_json({**describe(trust_list, verification, ()), "warnings": warnings})
    else:
        warn(warnings)
        print_lines(
            [
                f"{out}: {trust_list.kind} file of {trust_list.length} bytes, {len(specs)} records",
                f"MD5  {trust_list.md5}",
                f"SHA1 {trust_list.sha1}",
            ]
        )


def _digest(text: str) -> Any:
    from mixedmode.pki.signing.digests import DigestAlgorithm

    return one_of("--digest", text, {digest.label: digest for digest in DigestAlgorithm})


def _signer_version(text: str | None, tlvfile: bool) -> tuple[int, int] | None:
    if text is None:
        return (1, 0) if tlvfile else None
    versions = {"none": None, "1.0": (1, 0), "1.1": (1, 1)}
    return one_of("--signer-version", text, versions)


def _record_spec(text: str) -> RecordSpec:
    from mixedmode.pki.certificates.load import load_certificate
    from mixedmode.trustlist import Role
    from mixedmode.trustlist.build import RecordForm, RecordSpec

    label, separator, rest = text.partition("=")
    path, *options = rest.split(",")
    try:
        role = Role.from_label(label)
    except KeyError:
        roles = ", ".join(each.label for each in Role)
        raise UsageError(f"--record {text!r}: unknown role {label!r}", next_step=f"use one of: {roles}") from None
    values: dict[str, str] = {}
    for option in options:
        key, equals, value = option.partition("=")
        if key not in {"dns", "ip", "form"} or not equals or key in values:
            raise UsageError(f"--record {text!r}: {option!r} is not dns=, ip= or form=", next_step="see build --help")
        values[key] = value
    form = one_of("form", values.get("form", "full"), {each.value: each for each in RecordForm})
    if not separator or not path or (path == "-" and form is not RecordForm.ADDRESS):
        raise UsageError(f"--record {text!r} names no certificate", next_step="write ROLE=CERT.pem")
    certificate = None if path == "-" else load_certificate(Path(path))
    return RecordSpec(role, certificate, values.get("dns"), values.get("ip"), form)
