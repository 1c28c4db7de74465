"""``mixedmode calendar``: when certificates end, what that does to phones, when and in which order to renew them."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from mixedmode.app.commands.options import AsJson
from mixedmode.app.targets.sources import SOURCE_HELP
from mixedmode.errors import MixedModeError, UsageError
from mixedmode.faces.terminal.console import print_json, print_lines, say

if TYPE_CHECKING:
    from collections.abc import Callable
    from datetime import datetime

    from mixedmode.expiry.seen import Found

EPILOG = (
    "Exit code 0; 1: with --within, something has ended or ends within so many days; 2: an input cannot be read; 3: no "
    "node of CLUSTER.toml answered."
)
_LIST_LIMIT = 1 << 20
_INVENTORY_LIMIT = 256 << 20


def calendar(
    sources: Annotated[
        list[str] | None,
        typer.Argument(help=f"CTL and ITL files, or certificates (PEM, DER). {SOURCE_HELP}", metavar="[SOURCE]..."),
    ] = None,
    directory: Annotated[
        Path | None, typer.Option(help="The lab whose cluster it is about.", metavar="DIR", show_default=False)
    ] = None,
    config: Annotated[Path | None, typer.Option(help="The node's settings file.", metavar="FILE")] = None,
    cluster: Annotated[
        Path | None, typer.Option(help="A live cluster: its lists and TLS faces are read.", metavar="CLUSTER.toml")
    ] = None,
    inventory: Annotated[
        Path | None, typer.Option(help="A collected inventory, or one with lsc_until and lsc_issuer.", metavar="FILE")
    ] = None,
    ics: Annotated[Path | None, typer.Option(help="Write ends and windows as iCalendar.", metavar="FILE")] = None,
    metrics: Annotated[
        Path | None, typer.Option(help="Write a text file for Prometheus' node exporter.", metavar="FILE")
    ] = None,
    within: Annotated[
        int | None, typer.Option(min=0, help="Exit code 1 if something ends within so many days.", metavar="DAYS")
    ] = None,
    at: Annotated[str | None, typer.Option(help="As if it were this moment, ISO 8601.", metavar="WHEN")] = None,
    json: AsJson = False,
) -> None:
    """Say when certificates end, what that does to phones, and the window and order to renew them.

    Without a source it is about this host's cluster. Nothing is changed.
    """
    from mixedmode.expiry.ics import icalendar
    from mixedmode.expiry.metrics import metrics as metrics_file
    from mixedmode.expiry.planning import calendar as planned
    from mixedmode.expiry.report import lines
    from mixedmode.expiry.seen import Found
    from mixedmode.expiry.sorting import merged

    now = _moment(at)
    found = Found()
    names = _gather(found, sources or [], directory, config, cluster, inventory)
    made = planned(", ".join(names), merged(found.certificates), now, found.not_seen)
    _write(ics, lambda: icalendar(made))
    _write(metrics, lambda: metrics_file(made))
    if json:
        print_json(made.document())
    else:
        print_lines(lines(made))
    if within is not None and any(each.days < within for each in made.entries):
        raise typer.Exit(1)


def _gather(
    found: Found,
    sources: list[str],
    directory: Path | None,
    config: Path | None,
    cluster: Path | None,
    inventory: Path | None,
) -> list[str]:
    """Gather certificates from everything that was named; return the names of it."""
    names = []
    for source in sources:
        _take_source(found, source)
        names.append(source)
    if cluster is not None:
        names.append(_take_live(found, cluster))
    if inventory is not None:
        from mixedmode.app.targets.sources import open_source
        from mixedmode.expiry.seen import take_inventory

        take_inventory(found, open_source(str(inventory), limit=_INVENTORY_LIMIT).data, str(inventory))
        names.append(str(inventory))
    if not names or directory is not None or config is not None:
        names.append(_take_meant_cluster(found, directory, config))
    return names


def _take_meant_cluster(found: Found, directory: Path | None, config: Path | None) -> str:
    """Take this host's cluster, or the one that was named; say what else there is if nothing was and there is none."""
    try:
        return _take_cluster(found, directory, config)
    except MixedModeError as error:
        if directory is None and config is None:
            error.next_step = (
                "name what it is about: a CTL or ITL file, --cluster CLUSTER.toml, --inventory FILE or --directory LAB"
            )
        raise


def _take_source(found: Found, source: str) -> None:
    from mixedmode.app.targets.sources import open_source
    from mixedmode.pki.certificates.certificates import Certificate
    from mixedmode.trustlist import TrustList
    from mixedmode.trustlist.kinds import FileKind, kind_of, not_a_list

    file = open_source(source, limit=_LIST_LIMIT)
    try:
        if file.data.startswith(b"\x01"):
            trust_list = TrustList.parse(file.data)
            if kind_of(trust_list.header) is not FileKind.TRUST_LIST:
                raise not_a_list(trust_list.header)
            found.file(file.data, file.name)
            return
        certificates = _pem_blocks(file.data) or [Certificate.from_file(file.data).der]
    except MixedModeError as error:
        raise error.located(file.name) from None
    for der in certificates:
        found.certificate(der, file.name)


def _pem_blocks(data: bytes) -> list[bytes]:
    import base64
    import binascii
    import re

    blocks = re.findall(rb"-----BEGIN CERTIFICATE-----([A-Za-z0-9+/=\s]*)-----END CERTIFICATE-----", data)
    try:
        return [base64.b64decode(b"".join(each.split()), validate=True) for each in blocks]
    except binascii.Error as error:
        raise UsageError("a certificate in it is no base64", code="pem") from error


def _take_live(found: Found, path: Path) -> str:
    """Take the lists that a live cluster's nodes serve, and the certificates that they show.

    Raises:
        RemoteError: No node answered.
    """
    from mixedmode.app.commands.auditing.stopping import aside, at_once
    from mixedmode.errors import RemoteError
    from mixedmode.live.cluster_file import read_cluster_file
    from mixedmode.live.looking import name_of, observe
    from mixedmode.live.parts import Part

    read = read_cluster_file(path)
    parts = {Part.FILES, Part.FACES}
    with at_once():
        seen = aside(lambda: observe(read, parts, progress=lambda _what, done, all_: say(f"node {done} of {all_}")))
    count = 0
    for file in seen.files:
        if file.data is not None and file.name.lower().endswith(".tlv"):
            count += found.file(file.data, f"{file.node}/{file.name}")
    for face in seen.faces:
        if face.chain:
            found.face(face.node, face.service, face.chain[0])
            count += 1
    found.not_seen += [f"{each.what} of {each.where or 'the cluster'}: {each.why}" for each in seen.not_seen]
    if not count:
        why = found.not_seen[0] if found.not_seen else None
        raise RemoteError("no node serves a list or shows a certificate", where=str(path), why=why, next_step=(
            "check the addresses and ports in it"))  # fmt: skip
    return name_of(read)


def _take_cluster(found: Found, directory: Path | None, config: Path | None) -> str:
    """Take the certificates of this host's cluster, the lists that it serves, and LSCs of its phones."""
    from mixedmode.app.targets.hands import looked_at

    with looked_at(directory, config) as hands:
        cluster = hands.cluster
        for node in cluster.nodes():
            for shown, name in ((cluster.show_ctl, "CTLFile.tlv"), (cluster.show_itl, "ITLFile.tlv")):
                try:
                    data = shown(node.name).data
                except MixedModeError as error:
                    found.not_seen.append(f"{node.name}/{name}: {error.what}")
                    continue
                if data is not None:
                    found.file(data, f"{node.name}/{name}")
        for each in cluster.certificates.list_own():
            found.certificate(each.certificate.der, f"{each.node} ({each.unit})", each.unit)
        own = {each.key for each in found.certificates}
        for each in cluster.certificates.list_trust():
            # What stands in trust stores alone is nobody's to renew, but for tokens.
            der = each.certificate.der
            if each.certificate.sha256.hex() in own or 'cn="sast-' in each.certificate.subject.lower():
                found.certificate(der, each.unit)
        for phone, der in cluster.devices.lscs():
            found.certificate(der, "LSC", phone=phone)
        return f"the cluster of {cluster.publisher.name}"


def _write(path: Path | None, make: Callable[[], bytes]) -> None:
    from mixedmode.causes import file_error
    from mixedmode.pki.files import write_atomic

    if path is None:
        return
    try:
        write_atomic(path, make())
    except OSError as error:
        raise file_error(error) from error
    say(f"wrote {path}")


def _moment(at: str | None) -> datetime:
    from datetime import UTC, datetime

    from mixedmode.expiry.seen import moment_of

    if at is None:
        return datetime.now(UTC).replace(microsecond=0)
    found = moment_of(at)
    if found is None:
        raise UsageError(f"{at!r} is no moment", next_step="write it as 2027-01-31 or 2027-01-31T08:00:00Z")
    return found
