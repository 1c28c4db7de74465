"""``show``, ``verify``, ``diff``, ``extract`` and ``build``: trust lists on the command line."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from mixedmode.app.console import print_json, print_lines
from mixedmode.app.sources import SOURCE_HELP, SourceFile, open_source
from mixedmode.errors import MalformedError, UsageError

if TYPE_CHECKING:
    from datetime import datetime

    from mixedmode.pki.certificates import Certificate
    from mixedmode.trustlist.build import RecordSpec
    from mixedmode.trustlist.model import TrustList

Source = Annotated[str, typer.Argument(help=SOURCE_HELP, metavar="SOURCE")]
Json = Annotated[bool, typer.Option("--json", help="Print one JSON document.")]

_TRUST_LIST_LIMIT = (1 << 20) + 1


def _parse(file: SourceFile) -> TrustList:
    from mixedmode.trustlist import TrustList

    try:
        return TrustList.parse(file.data)
    except MalformedError as error:
        raise error.located(file.name) from None


def _open_list(source: str) -> tuple[SourceFile, TrustList]:
    file = open_source(source, limit=_TRUST_LIST_LIMIT)
    return file, _parse(file)


def _now() -> datetime:
    from datetime import UTC, datetime

    return datetime.now(UTC)


def _modified(file: SourceFile, trust_list: TrustList) -> str:
    """Return when the file changed: its own date for a path, when it was signed for anything else."""
    from datetime import UTC, datetime

    moment = file.modified
    if moment is None:
        moment = datetime.fromtimestamp((trust_list.header.timestamp or 0) & 0xFFFFFFFF, UTC)
    return moment.astimezone().strftime("%a %b %d %H:%M:%S %Z %Y")


def show(source: Source, json: Json = False) -> None:
    """Print a trust list as ``show ctl`` and ``show itl`` do, with its checksums and verdict."""
    from mixedmode.trustlist.document import describe
    from mixedmode.trustlist.listing import render_details, render_listing
    from mixedmode.trustlist.problems import find_problems

    file, trust_list = _open_list(source)
    verification = trust_list.verify()
    problems = find_problems(trust_list, verification, _now())
    if json:
        print_json(describe(trust_list, verification, problems))
        return
    print_lines(render_listing(trust_list, verification, _modified(file, trust_list)))
    print_lines(render_details(trust_list, verification, problems))


def verify(
    source: Source,
    signer: Annotated[
        Path | None,
        typer.Option(help="Judge with this certificate (PEM or DER) instead of the list's own records."),
    ] = None,
    json: Json = False,
) -> None:
    """Check a trust list: its signature, and every problem with its byte offset.

    Exit code 0 if the signature holds and nothing contradicts it, 1 if not, 2 if the file is malformed.
    """
    from mixedmode.trustlist.document import problem_document
    from mixedmode.trustlist.listing import printable
    from mixedmode.trustlist.problems import Problem, Severity, find_problems

    file = open_source(source, limit=_TRUST_LIST_LIMIT)
    certificate = _read_certificate(signer) if signer else None
    try:
        trust_list = _parse(file)
    except MalformedError as error:
        if not json:
            raise
        problem = problem_document(Problem.from_error(error))
        print_json({"verified": None, "verified_by": None, "reason": error.what, "problems": [problem],
                    "error": error.as_document()})  # fmt: skip
        raise typer.Exit(error.exit_code) from None
    verification = trust_list.verify(certificate)
    problems = find_problems(trust_list, verification, _now())
    holds = bool(verification) and not any(problem.severity is Severity.ERROR for problem in problems)
    if json:
        print_json(
            {
                "kind": trust_list.kind,
                "length": trust_list.length,
                "sha256": trust_list.sha256,
                "verified": verification.verified,
                "verified_by": verification.record.number if verification and verification.record else None,
                "reason": verification.reason,
                "holds": holds,
                "problems": [problem_document(problem) for problem in problems],
            }
        )
    else:
        by_record = f" by record {verification.record.number}" if verification and verification.record else ""
        verdict = {True: "verified", False: "NOT verified", None: "cannot be verified"}[verification.verified]
        print_lines([f"{file.name}: {trust_list.kind} file {verdict}{by_record}: {printable(verification.reason)}"])
        print_lines(f"  {p.severity} at byte {p.offset}: {printable(p.message)} [{p.code}]" for p in problems)
    if not holds:
        raise typer.Exit(1)


def diff(
    a: Annotated[str, typer.Argument(help=f"The old list. {SOURCE_HELP}", metavar="A")],
    b: Annotated[str, typer.Argument(help="The new list.", metavar="B")],
    json: Json = False,
) -> None:
    """Compare two trust lists: header fields and records added, removed, changed. Exit code 1 if they differ."""
    from mixedmode.trustlist.diff import diff_trust_lists, difference_document

    if a == b == "-":
        raise UsageError("only one of the two can be standard input")
    difference = diff_trust_lists(_open_list(a)[1], _open_list(b)[1])
    if json:
        print_json(difference_document(difference))
    else:
        _print_difference(a, b, difference)
    if difference:
        raise typer.Exit(1)


def _print_difference(a: str, b: str, difference: Any) -> None:
    from mixedmode.trustlist.listing import printable

    if not difference:
        print_lines(["identical"])
        return
    lines = [f"--- {a}", f"+++ {b}"]

    def text(value: Any) -> str:
        return "(absent)" if value is None else printable(str(value))

    lines += [f"  header {each.field}: {text(each.old)} -> {text(each.new)}" for each in difference.header]
    marks = {"added": "+", "removed": "-", "changed": "~"}
    for record in difference.records:
        number = record.new_number if record.new_number is not None else record.old_number
        lines.append(f"{marks[record.change]} record {number} {record.change}: {record.role} {printable(record.name)}")
        lines += [f"    {change.field}: {text(change.old)} -> {text(change.new)}" for change in record.fields]
    if not difference.same_order:
        lines.append("  the records stand in another order")
    if len(lines) == 2:
        lines.append("  only the bytes differ (signature, padding or unknown fields)")
    print_lines(lines)


def extract(
    source: Source,
    directory: Annotated[Path, typer.Argument(help="Folder to write to; made if needed.", metavar="DIR")],
    json: Json = False,
) -> None:
    """Write the certificates as PEM files, one a record, and index.json beside them."""
    import json as json_module
    import re

    from mixedmode.pki.files import write_atomic
    from mixedmode.trustlist.document import describe

    file, trust_list = _open_list(source)
    verification = trust_list.verify()
    document = describe(trust_list, verification, ())
    directory.mkdir(parents=True, exist_ok=True)
    for record, entry in zip(trust_list.records, document["records"], strict=True):
        entry["file"] = None
        if record.certificate is not None:
            common_name = re.search(r"(?i)cn=([^;,]*)", record.subject or "")
            words = f"{record.role_label} {common_name[1] if common_name else ''}"
            name = f"{record.number:02}-{re.sub(r'[^A-Za-z0-9.+_-]+', '-', words).strip('-')[:80]}.pem"
            write_atomic(directory / name, record.certificate.pem())
            entry["file"] = name
    index = {"source": file.name, **document}
    write_atomic(directory / "index.json", json_module.dumps(index, indent=2).encode() + b"\n")
    if json:
        print_json(index)
    else:
        written = [entry for entry in document["records"] if entry["file"]]
        print_lines(f"{directory / entry['file']}" for entry in written)
        print_lines([str(directory / "index.json")])


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
    signer_version: Annotated[str | None, typer.Option(help="1.0, 1.1 or none [none; 1.0 in layout tlvfile].")] = None,
    layout: Annotated[str, typer.Option(help="cucm, ctlclient or tlvfile.")] = "cucm",
    timestamp: Annotated[str | None, typer.Option(help="ISO 8601 time of signing [now].", metavar="ISO")] = None,
    json: Json = False,
) -> None:
    """Build and sign a trust list.

    Example: mixedmode build CTLFile.tlv --signer ccm.pem --record SAST=ccm.pem,dns=pub,ip=10.0.0.1
    --record CCM+TFTP=ccm.pem,dns=pub,ip=10.0.0.1 --record CAPF=capf.pem,dns=pub,ip=10.0.0.1
    """
    from mixedmode.pki.files import write_atomic
    from mixedmode.pki.load import load_signer
    from mixedmode.trustlist import Layout, TrustList
    from mixedmode.trustlist.build import build_trust_list
    from mixedmode.trustlist.document import describe

    chosen = Layout(_one_of("--layout", layout, [each.value for each in Layout]))
    specs = [_record_spec(text) for text in record]
    data = build_trust_list(
        specs,
        load_signer(signer),
        timestamp=_timestamp(timestamp),
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
    if json:
        print_json(describe(trust_list, verification, ()))
    else:
        print_lines(
            [
                f"{out}: {trust_list.kind} file of {trust_list.length} bytes, {len(specs)} records",
                f"MD5  {trust_list.md5}",
                f"SHA1 {trust_list.sha1}",
            ]
        )


def _one_of(option: str, value: str, choices: list[str]) -> str:
    if value.lower() not in choices:
        raise UsageError(f"{option} {value!r} is unknown", next_step=f"use one of: {', '.join(choices)}")
    return value.lower()


def _digest(text: str) -> Any:
    from mixedmode.pki.digests import DigestAlgorithm

    by_label = {digest.label: digest for digest in DigestAlgorithm}
    return by_label[_one_of("--digest", text, list(by_label))]


def _signer_version(text: str | None, tlvfile: bool) -> tuple[int, int] | None:
    if text is None:
        return (1, 0) if tlvfile else None
    versions = {"none": None, "1.0": (1, 0), "1.1": (1, 1)}
    return versions[_one_of("--signer-version", text, list(versions))]


def _timestamp(text: str | None) -> int:
    from datetime import UTC, datetime

    if text is None:
        return int(_now().timestamp())
    try:
        moment = datetime.fromisoformat(text)
    except ValueError as error:
        raise UsageError(
            f"--timestamp {text!r} is no ISO 8601 time", next_step="write 2015-03-06T19:45:13+01:00"
        ) from error
    return int((moment if moment.tzinfo else moment.replace(tzinfo=UTC)).timestamp())


def _record_spec(text: str) -> RecordSpec:
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
    form = RecordForm(_one_of("form", values.get("form", "full"), [each.value for each in RecordForm]))
    if not separator or not path or (path == "-" and form is not RecordForm.ADDRESS):
        raise UsageError(f"--record {text!r} names no certificate", next_step="write ROLE=CERT.pem")
    certificate = None if path == "-" else _read_certificate(Path(path))
    return RecordSpec(role, certificate, values.get("dns"), values.get("ip"), form)


def _read_certificate(path: Path) -> Certificate:
    from mixedmode.app.sources import read_source
    from mixedmode.pki.certificates import Certificate

    data = read_source(str(path), limit=1 << 20)
    try:
        if b"-----BEGIN" in data:
            return Certificate.from_pem(data)
        certificate = Certificate.from_der(data)
        _ = certificate.x509
    except MalformedError as error:
        raise error.located(str(path)) from None
    return certificate
