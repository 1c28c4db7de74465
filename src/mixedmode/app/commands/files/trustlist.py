"""``show``, ``verify``, ``diff`` and ``extract``: trust lists on the command line."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from mixedmode.app.commands.options import AsJson
from mixedmode.app.targets.sources import SOURCE_HELP, SourceFile, open_source
from mixedmode.errors import MalformedError, UsageError
from mixedmode.faces.terminal.console import print_json, print_lines

if TYPE_CHECKING:
    from datetime import datetime

    from mixedmode.pki.certificates.certificates import Certificate
    from mixedmode.signedfile.signed import SignedFile
    from mixedmode.trustlist.model import TrustList

Source = Annotated[str, typer.Argument(help=SOURCE_HELP, metavar="SOURCE")]

_TRUST_LIST_LIMIT = (1 << 20) + 1
_SIGNED_LIMIT = 256 << 20
"""Bytes; firmware is large, and show and verify describe it too."""


def _parse(file: SourceFile) -> TrustList:
    from mixedmode.trustlist import TrustList
    from mixedmode.trustlist.kinds import FileKind, kind_of, not_a_list

    try:
        trust_list = TrustList.parse(file.data)
        if kind_of(trust_list.header) is not FileKind.TRUST_LIST:
            raise not_a_list(trust_list.header)
    except MalformedError as error:
        raise error.located(file.name) from None
    return trust_list


def _signed(file: SourceFile) -> SignedFile | None:
    """Return the signed file that a source is, None if it is none or is broken."""
    from mixedmode.signedfile.signed import SignedFile

    try:
        return SignedFile.parse(file.data)
    except MalformedError:
        return None


def _open_list(source: str) -> tuple[SourceFile, TrustList]:
    file = open_source(source, limit=_TRUST_LIST_LIMIT)
    return file, _parse(file)


def _open_described(source: str) -> TrustList | dict[str, Any]:
    """Return the list of a source, or the description that a pasted listing or a JSON document gives of one."""
    from mixedmode.trustlist.kinds import looks_described
    from mixedmode.trustlist.pasted.described import described
    from mixedmode.trustlist.pasted.text import Lines

    file = open_source(source, limit=_SIGNED_LIMIT)
    if not looks_described(file.data):
        return _parse(file)
    try:
        found = described(file.data, [line for _, line in Lines()([file.data])])
    except MalformedError as error:
        raise error.located(file.name) from None
    # What is no text at all is told by the reader of lists, which names the byte.
    return _parse(file) if found is None else found


def _description(each: TrustList | dict[str, Any]) -> dict[str, Any]:
    from mixedmode.trustlist.document import describe
    from mixedmode.trustlist.verify import Verification

    return each if isinstance(each, dict) else describe(each, Verification(None, None, "not_asked", ""), ())


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


def show(source: Source, json: AsJson = False) -> None:
    """Print a trust list as ``show ctl`` and ``show itl`` do, with its checksums and verdict.

    A signed file (.sgn, firmware) is described by its header: signer, digest, name, time; open-config opens it.
    """
    from mixedmode.signedfile.describing import describe_signed, signed_lines
    from mixedmode.trustlist.document import describe
    from mixedmode.trustlist.listing import render_details, render_listing
    from mixedmode.trustlist.problems import find_problems

    file = open_source(source, limit=_SIGNED_LIMIT)
    signed = _signed(file)
    if signed is not None:
        if json:
            print_json(describe_signed(signed))
        else:
            print_lines(signed_lines(signed, file.name))
        return
    trust_list = _parse(file)
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
    json: AsJson = False,
) -> None:
    """Check a trust list: its signature, and every problem with its byte offset.

    Exit code 0 if the signature holds and nothing contradicts it, 1 if not, 2 if the file is malformed.
    """
    from mixedmode.pki.certificates.load import load_certificate
    from mixedmode.printable import printable
    from mixedmode.trustlist.document import problem_document
    from mixedmode.trustlist.problems import Problem, Severity, find_problems

    file = open_source(source, limit=_SIGNED_LIMIT)
    certificate = load_certificate(signer) if signer else None
    signed = _signed(file)
    if signed is not None:
        _verify_signed(file.name, signed, certificate, json=json)
        return
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


def _verify_signed(name: str, signed: SignedFile, certificate: Certificate | None, *, json: bool) -> None:
    from mixedmode.signedfile.describing import describe_signed

    document = describe_signed(signed, certificate)
    holds = document["verified"] is True
    if json:
        print_json({**document, "holds": holds})
    else:
        verdict = {True: "verified", False: "NOT verified", None: "cannot be verified"}[document["verified"]]
        print_lines([f"{name}: {document['kind']} file {verdict}: {document['reason']}"])
    if not holds:
        raise typer.Exit(1)


def diff(
    a: Annotated[str, typer.Argument(help=f"The old list. {SOURCE_HELP}", metavar="A")],
    b: Annotated[str, typer.Argument(help="The new list.", metavar="B")],
    json: AsJson = False,
) -> None:
    """Compare two trust lists: header fields and records added, removed, changed. Exit code 1 if they differ.

    A and B may also be what show ctl or show itl printed, pasted into a file, or the JSON of explain --listing-out and
    of show: what such a text does not show is not compared.
    """
    from mixedmode.trustlist.diff import diff_descriptions, diff_trust_lists, difference_document

    if a == b == "-":
        raise UsageError("only one of the two can be standard input")
    old, new = _open_described(a), _open_described(b)
    if isinstance(old, dict) or isinstance(new, dict):
        difference = diff_descriptions(_description(old), _description(new))
    else:
        difference = diff_trust_lists(old, new)
    if json:
        print_json(difference_document(difference))
    else:
        _print_difference(a, b, difference)
    if difference:
        raise typer.Exit(1)


def _print_difference(a: str, b: str, difference: Any) -> None:
    from mixedmode.printable import printable

    compared = (
        f"; not compared, since one side does not show it: {', '.join(hidden)}"
        if (hidden := difference.not_shown)
        else ""
    )
    if not difference:
        print_lines([f"{'no difference in what both show' if hidden else 'identical'}{compared}"])
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
    if compared:
        lines.append(f"  {compared.removeprefix('; ')}")
    print_lines(lines)


def extract(
    source: Source,
    directory: Annotated[Path, typer.Argument(help="Folder to write to; made if needed.", metavar="DIR")],
    json: AsJson = False,
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
