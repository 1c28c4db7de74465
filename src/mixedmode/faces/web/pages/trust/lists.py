"""CTL and ITL on every node side by side, and every list that was ever published."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Final, Literal

from sqlalchemy import select

from mixedmode.cluster.model.topology import NodeInfo, Service
from mixedmode.cluster.publishing import archive
from mixedmode.cluster.publishing.archive import Publication
from mixedmode.cluster.store.folders import NodeFolder
from mixedmode.cluster.store.schema import TrustFileRow
from mixedmode.faces.web.kit.answers import Answer, Csv, Redirect, View
from mixedmode.faces.web.kit.asking import Ask
from mixedmode.faces.web.kit.tables import Column, Filter, Table
from mixedmode.faces.web.pages.trust.anchors import ending_anchors
from mixedmode.faces.web.pages.trust.known import held_by, holders, read
from mixedmode.trustlist.kinds import CTL_FILE, ITL_FILE

PATH: Final = "/trust/lists"
_FILES: Final = {"CTL": CTL_FILE, "ITL": ITL_FILE}
Look = Literal["ok", "warn", "fail", "off"]


@dataclass(frozen=True, slots=True)
class OnNode:
    """A node's file beside what was published.

    Attributes:
        node: The node.
        verdict: In words.
        look: How that looks.
        length: Bytes, None if there is no file.
        md5: Lower hex, empty if there is no file; so are the other two.
        modified: When it was written.
    """

    node: str
    verdict: str
    look: Look
    length: int | None
    md5: str
    sha1: str
    sha256: str
    modified: datetime | None


@dataclass(frozen=True, slots=True)
class Published:
    """A publication as the table of all shows it."""

    entry: Publication
    kind: str
    signer: str
    serial: str
    held: int


def lists(ask: Ask) -> Answer:
    """Show a kind of list on every node, and the history."""
    if wanted := ask.query.get("digest", "").strip():
        return Redirect(f"{PATH}/{''.join(each for each in wanted if each.isalnum())[:64] or 'x'}")
    kind = "ITL" if ask.query.get("kind") == "ITL" else "CTL"
    history = archive.history(ask.cluster.database)
    held = held_by(holders(ask))
    table = _history()
    rows = [_published(ask, each, held) for each in reversed(history)]
    if ask.wants_csv:
        return Csv("trust-lists", table.header, table.csv_of_rows(rows, ask.query))
    current = [each for each in history if each.current and each.name == _FILES[kind]]
    on_nodes = list(_on_nodes(ask, kind, history))
    newest = None if not current else read_published(ask, current[-1])
    return View(
        "trust/lists.html",
        {
            "kind": kind,
            "current": current,
            "on_nodes": on_nodes,
            "odd": [each for each in on_nodes if each.look in {"warn", "fail"}],
            "sheet": table.of_rows(rows, ask.path, ask.query),
            "newest": newest,
            "ending": ending_anchors(ask),
        },
    )


def read_published(ask: Ask, entry: Publication) -> object:
    """Return the list of a publication."""
    return read(archive.content(ask.cluster.database, entry.sha256) or b"", "", (entry,))


def _history() -> Table:
    return Table(
        "lists",
        (
            Column("published", "Published", None, lambda row: row.entry.published.isoformat(timespec="seconds")),
            Column("kind", "List", None, lambda row: row.kind),
            Column("node", "For node", None, lambda row: row.entry.node, low=True),
            Column("signer", "Signed by", None, lambda row: row.signer),
            Column("length", "Length", None, lambda row: row.entry.length, number=True, low=True),
            Column("reason", "Reason", None, lambda row: row.entry.action),
            Column("held", "Held by", None, lambda row: row.held, number=True),
            Column("md5", "MD5", None, lambda row: row.entry.md5),
        ),
        (
            Filter(
                "of", "List", None, lambda row, value: bool(row.kind == value), choices=(("CTL", "CTL"), ("ITL", "ITL"))
            ),
            Filter("md5", "Checksum begins with", None, _fits),
            Filter("reason", "Reason has", None, lambda row, value: value.lower() in row.entry.action.lower()),
        ),
        sort="-published",
    )


def _fits(row: Published, value: str) -> bool:
    digits = "".join(value.lower().replace(":", " ").split())
    return any(each.startswith(digits) for each in (row.entry.md5, row.entry.sha1, row.entry.sha256))


_SIGNERS: dict[str, tuple[str, str]] = {}


def _published(ask: Ask, entry: Publication, held: Mapping[str, int]) -> Published:
    signer = _SIGNERS.get(entry.sha256)
    if signer is None:
        found = read(archive.content(ask.cluster.database, entry.sha256) or b"")
        header = found.parsed.header if found.parsed is not None else None
        serial = (header.signer_serial or b"").hex(":").upper() if header is not None else ""
        signer = _SIGNERS[entry.sha256] = (header.signer_name or "" if header is not None else "damaged", serial)
        while len(_SIGNERS) > 2000:
            del _SIGNERS[next(iter(_SIGNERS))]
    kind = "CTL" if entry.name == CTL_FILE else "ITL"
    return Published(entry, kind, *signer, held.get(entry.sha256, 0))


def _on_nodes(ask: Ask, kind: str, history: list[Publication]) -> Iterator[OnNode]:
    name = _FILES[kind]
    with ask.cluster.database.read() as session:
        query = select(TrustFileRow).where(TrustFileRow.name == name)
        wanted = {row.node: row.sha256 for row in session.scalars(query)}
    waiting = {each.node: each.error or "it waits" for each in ask.cluster.deliveries.pending() if each.name == name}
    by_hash = {each.sha256: each for each in history}
    for info in ask.cluster.nodes():
        if kind == "ITL" and Service.TFTP not in info.services:
            continue
        published = wanted.get("" if kind == "CTL" else info.name, "")
        yield _on_node(ask, info, name, published, by_hash, waiting.get(info.name, ""))


def _on_node(
    ask: Ask, info: NodeInfo, name: str, published: str, by_hash: Mapping[str, Publication], waiting: str
) -> OnNode:
    folder = NodeFolder(ask.cluster.directory / info.name)
    if not folder.is_here:
        return _elsewhere(info.name, by_hash.get(published), waiting)
    data = folder.read(name)
    if data is None:
        gone = "no file, though one is published" if published else "none was published"
        return OnNode(info.name, gone, "warn" if published else "off", None, "", "", "", None)
    here = read(data)
    verdict, look = _verdict(here.sha256, published, by_hash, here.damage)
    modified = folder.modified(name)
    return OnNode(
        info.name,
        f"{verdict}; the newest waits: {waiting}" if waiting else verdict,
        "warn" if waiting else look,
        len(data),
        here.md5,
        here.sha1,
        here.sha256,
        None if modified is None else datetime.fromtimestamp(modified, UTC),
    )


def _elsewhere(node: str, entry: Publication | None, waiting: str) -> OnNode:
    """Return a node on another host, whose file cannot be seen from here."""
    if entry is None:
        return OnNode(node, "none was published", "off", None, "", "", "", None)
    verdict = f"not delivered yet: {waiting}" if waiting else "as published, on its own host"
    look: Look = "warn" if waiting else "ok"
    return OnNode(node, verdict, look, entry.length, entry.md5, entry.sha1, entry.sha256, entry.published)


def _verdict(sha256: str, published: str, by_hash: Mapping[str, Publication], damage: str) -> tuple[str, Look]:
    if damage:
        return "damaged: phones cannot read it", "fail"
    if sha256 == published:
        return "as published", "ok"
    before = by_hash.get(sha256)
    if before is None:
        return "another file, which was never published here", "fail"
    local = before.published.astimezone()
    return f"an older one, of {local.day} {local.strftime('%b %Y, %H:%M')}", "warn"
