"""``mixedmode drill``: would a recovery key cure these phones? Proved on copies, before it is needed."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from mixedmode.app.commands.options import AsJson
from mixedmode.errors import MalformedError, UsageError
from mixedmode.faces.terminal.console import Colour, Painted, print_json, print_lines, say

if TYPE_CHECKING:
    from collections.abc import Iterator

    from mixedmode.app.commands.forecasting.asked import Asked
    from mixedmode.forecast.drill import Key, Verdict
    from mixedmode.forecast.plan import Step, Tvs
    from mixedmode.forecast.tally import Cell
    from mixedmode.inventory.library import Library
    from mixedmode.phone.mind.trust.decisions import ListKind
    from mixedmode.trustlist.model import TrustList

EPILOG = (
    "Exit code 0: the key cures every phone; 1: it does not cure some, or that is not known; 2: the input cannot be "
    "read; "
    "3: a node did not answer."
)
_FIRST_LINE = 64 << 20
"""Bytes of a collected inventory's first line."""
_MARKS = {True: ("cured", Colour.GREEN), False: ("NOT cured", Colour.RED), None: ("not known", Colour.YELLOW)}


def drill(
    key: Annotated[
        str,
        typer.Option(
            help="The key that is tried: certificate, or key and certificate (PEM, FILE.p12, pkcs12:FILE, pkcs11:URI).",
            metavar="KEY",
        ),
    ],
    inventory: Annotated[
        Path | None,
        typer.Option(help="The phones, as for forecast; nothing with --directory or --config.", metavar="FILE"),
    ] = None,
    lists: Annotated[
        list[Path] | None, typer.Option(help="Folder of lists in which the inventory's hashes are looked up.")
    ] = None,
    publish: Annotated[
        str | None,
        typer.Option(
            help="The lists that the servers hand out now; without it those of the cluster, else the newest of "
            "--lists.",
            metavar="CTL,ITL",
        ),
    ] = None,
    directory: Annotated[Path | None, typer.Option(help="The lab whose cluster it is about.", metavar="DIR")] = None,
    config: Annotated[Path | None, typer.Option(help="The node's settings file.", metavar="FILE")] = None,
    tvs: Annotated[str, typer.Option(help="down: the key has to do without TVS; up or old.")] = "down",
    tvs_trust: Annotated[list[Path] | None, typer.Option(help="Certificates that TVS vouches for.")] = None,
    policy: Annotated[list[str] | None, typer.Option(help="Answer an open question.", metavar="KEY=VALUE")] = None,
    json: AsJson = False,
) -> None:
    """Say for which phones a recovery key (ITLRecovery, token, old CallManager) would bring trust back, and why.

    The lists of now are signed by the key on copies in memory,
         and phones' own rules run over what they hold. Nothing is
    published and nothing is written.
    """
    from mixedmode.forecast.drill import CURED, verdicts, weaker_than_lists

    asked = _asked(inventory, lists, directory, config, tvs, tvs_trust, policy)
    tried = _key(key)
    cells, step, offered = _evaluated(asked, tried, publish)
    found = verdicts(cells, tried)
    warning = weaker_than_lists(tried, offered)
    total = sum(each.count for each in found)
    cured = sum(each.count for each in found if each.outcome in CURED)
    if json:
        print_json({
            "key": {"subject": tried.certificate.subject, "serial": tried.certificate.serial.hex(":").upper(),
                    "sha256": tried.certificate.sha256.hex(), "private_key": tried.signer is not None},
            "lists": step.label, "phones": total, "cured": cured, "warning": warning or None,
            "groups": [each.document() for each in found],
        })  # fmt: skip
    else:
        print_lines(_lines(tried, found, total, cured, warning))
    if cured != total:
        raise typer.Exit(1)


def _lines(key: Key, found: list[Verdict], total: int, cured: int, warning: str) -> Iterator[str]:
    how = "with its private key" if key.signer is not None else "by its certificate, with a stand-in signature"
    yield f"{key.text}, {how}: cures {cured:,} of {total:,} phones"
    if warning:
        yield Painted(f"warning: {warning}", Colour.YELLOW)
    for each in found:
        word, colour = _MARKS[each.cured]
        models = ", ".join(each.models)
        yield ""
        yield Painted(f"{word}: {each.count:,} phones ({models}), {each.outcome.value}", colour)
        yield f"  hold CTL {each.ctl}, ITL {each.itl}"
        yield f"  {each.why}"
        if each.anchors:
            yield f"  keys that they trust: {'; '.join(each.anchors)}"
        if each.remedy:
            yield f"  what would help: {each.remedy}"
        more = " ..." if each.count > len(each.examples) else ""
        yield f"  {', '.join(each.examples)}{more}"


def _asked(
    inventory: Path | None,
    lists: list[Path] | None,
    directory: Path | None,
    config: Path | None,
    tvs: str,
    tvs_trust: list[Path] | None,
    policy: list[str] | None,
) -> Asked:
    from mixedmode.app.commands.forecasting.asked import CLUSTER, Asked

    phones = "" if inventory is None else str(inventory)
    if not phones and (directory is not None or config is not None):
        phones = CLUSTER
    if not phones:
        raise UsageError(
            "which phones?",
            next_step="name the inventory: --inventory FILE, or the cluster: --directory LAB, --config FILE",
        )
    if phones == CLUSTER:
        from mixedmode.rehearsal.lab.document import meant_lab

        directory = meant_lab(directory, config)
    return Asked(
        inventory=phones,
        lists=tuple(map(str, lists or ())),
        tvs=tvs,
        tvs_trust=tuple(map(str, tvs_trust or ())),
        policy=tuple(policy or ()),
        directory=None if directory is None else str(directory),
        config=None if config is None else str(config),
    )


def _key(spec: str) -> Key:
    """Return the key that is tried: with a private key where one is given."""
    from mixedmode.forecast.drill import Key
    from mixedmode.pki.certificates.load import load_certificate, load_signer
    from mixedmode.pki.files import read_key_file

    if spec.lower().endswith((".p12", ".pfx")) and "://" not in spec and not spec.startswith(("pkcs11:", "pkcs12:")):
        spec = f"pkcs12:{spec}"
    if spec.startswith(("pkcs11:", "pkcs12:")) or b"PRIVATE KEY" in read_key_file(Path(spec)):
        signer = load_signer(spec)
        return Key(signer.certificate, signer)
    return Key(load_certificate(Path(spec)))


def _evaluated(asked: Asked, key: Key, publish: str | None) -> tuple[list[Cell], Step, list[TrustList]]:
    """Evaluate the phones; return what becomes of them, the step, and the lists that were signed.

    Raises:
        MixedModeError: Something cannot be read, or the key cannot sign.
    """
    from dataclasses import replace
    from datetime import UTC, datetime

    from mixedmode.app.commands.forecasting.counting import Counting
    from mixedmode.app.commands.forecasting.evaluating import cluster_of
    from mixedmode.app.commands.forecasting.phones_in import opened
    from mixedmode.app.commands.forecasting.vouching import policy_settings, vouched
    from mixedmode.forecast.drill import drill_step
    from mixedmode.forecast.evaluation import Forecaster
    from mixedmode.forecast.plan import Plan
    from mixedmode.inventory.library import Library

    about = cluster_of(asked, Path())
    library = Library()
    for folder in asked.lists:
        library.add_path(Path(folder))
    for data in about.lists if about is not None else ():
        library.add(data)
    present = None if about is None else about.present
    offered = _lists_of_now(asked, publish, present, library)
    step = drill_step(key, offered)
    plan = Plan((step,), _way(asked.tvs or "down"), vouched(Path(path) for path in asked.tvs_trust))
    if present is not None:
        plan = replace(plan, present=present)
    settings, answered = policy_settings(asked.policy)
    counting = Counting(Forecaster(plan, settings, answered=answered, now=datetime.now(UTC)), None, None)
    with opened(asked, Path(), library, hashed=False) as phones:
        for batch in phones.batches:
            counting.add(batch)
        phones.finish()
    if not counting.count:
        raise UsageError(
            "the inventory names no phone", where=phones.found.name, next_step="its first row names the columns"
        )
    return counting.cells, step, [each for _, each in offered]


def _lists_of_now(
    asked: Asked, publish: str | None, present: Step | None, library: Library
) -> list[tuple[ListKind, TrustList]]:
    """Return the lists that the servers hand out now: those that are named, the cluster's, or the newest of --lists."""
    from mixedmode.app.commands.forecasting.change import Changes
    from mixedmode.app.commands.forecasting.evaluating import no_operation
    from mixedmode.phone.mind.trust.decisions import ListKind
    from mixedmode.trustlist.model import TrustList

    step = present
    if publish is not None:
        changes = Changes(no_operation)
        step = changes.step({"publish": publish})
        for data in changes.files.values():
            library.add(data)
    if step is not None:
        broken = [each.source or each.kind.value for each in step.lists if not isinstance(each.file, TrustList)]
        if broken:
            raise MalformedError("this list cannot be read", where=broken[0], next_step="mixedmode verify says why")
        return [(each.kind, each.file) for each in step.lists if isinstance(each.file, TrustList)]
    where = "--lists"
    if not library.lists():
        where = "the collected inventory"
        for data in _collected(asked.inventory):
            library.add(data)
    found = []
    for kind in ListKind:
        known = [each for each in library.lists() if each.kind == kind]
        if known:
            newest = max(known, key=lambda each: each.header.timestamp or 0)
            say(f"note: the newest {kind} of {where} is taken as that of now: MD5 {newest.md5}")
            found.append((kind, newest))
    return found


def _collected(inventory: str) -> list[bytes]:
    """Return the lists that came with a collected inventory; none of any other inventory.

    Its first line has all but the phones.
    """
    import base64
    from contextlib import suppress

    from mixedmode.app.commands.forecasting.asked import CLUSTER, STDIN
    from mixedmode.json_reader import read_json

    if inventory in {CLUSTER, STDIN}:
        return []
    found: list[bytes] = []
    with (
        suppress(OSError, ValueError, TypeError, KeyError, AttributeError, RecursionError),
        Path(inventory).open("rb") as file,
    ):
        line = file.readline(_FIRST_LINE)
        if line.startswith(b'{"mixedmode_inventory"'):
            head, _, _ = line.rpartition(b',"phones":[')
            files = [each for each in read_json(head + b"}")["files"] if each.get("data")]
            lists = [each for each in files if str(each.get("name")).lower().endswith(".tlv")]
            found = [base64.b64decode(each["data"], validate=True) for each in lists]
    return found


def _way(text: str) -> Tvs:
    from mixedmode.forecast.plan import Tvs

    try:
        return Tvs(text.lower())
    except ValueError:
        raise UsageError(f"--tvs {text!r} is not known", next_step=f"write {', '.join(Tvs)}") from None
