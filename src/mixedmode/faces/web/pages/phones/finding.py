"""Find: a phone, a certificate, a list by its checksum; one hit goes straight there."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Final
from urllib.parse import quote, urlencode

from sqlalchemy import func, or_, select

from mixedmode.cluster.store.schema import CertificateRow, TrustFileArchiveRow
from mixedmode.faces.web.kit.answers import Answer, Redirect, View
from mixedmode.faces.web.kit.asking import Ask
from mixedmode.faces.web.pages.phones.listing import PATH
from mixedmode.faces.web.standing.rows import PHONES

_MOST: Final = 25
_LONGEST: Final = 128
_LEAST_DIGITS: Final = 6
_DROPPED: Final = str.maketrans("", "", " :.-\t")


@dataclass(frozen=True, slots=True)
class Hit:
    """Something that was found.

    Attributes:
        kind: Of thing.
        title: What it is called.
        detail: What tells it from others.
        path: Its address.
    """

    kind: str
    title: str
    detail: str
    path: str


def find(ask: Ask) -> Answer:
    """Show what fits, or go to the one thing that does."""
    asked = ask.query.get("q", "").strip()[:_LONGEST]
    hits = list(_hits(ask, asked)) if asked else []
    if len(hits) == 1:
        return Redirect(hits[0].path)
    more = urlencode({"name": asked})
    return View("phones/find.html", {"asked": asked, "hits": hits, "all": f"{PATH}?{more}", "most": _MOST})


def _hits(ask: Ask, asked: str) -> Iterator[Hit]:
    yield from _phones(ask, asked)
    yield from _certificates(ask, asked)
    yield from _lists(ask, asked)


def _phones(ask: Ask, asked: str) -> Iterator[Hit]:
    bare = asked.translate(_DROPPED).lower()
    name = func.lower(PHONES.c.name)
    column = (PHONES.c.name, PHONES.c.model, PHONES.c.description)
    with ask.desk.standing.read() as session:
        exact = session.execute(select(*column).where(name == asked.lower())).first()
        if exact is not None:
            found = [exact]
        else:
            fits = [func.lower(PHONES.c.description).contains(asked.lower(), autoescape=True)]
            fits += [name.contains(bare, autoescape=True)] if bare else []
            found = list(session.execute(select(*column).where(or_(*fits)).order_by(PHONES.c.name).limit(_MOST)))
    for row in found:
        yield Hit("Phone", row.name, f"{row.model} {row.description}".strip(), f"{PATH}/{quote(row.name, safe='')}")


def _certificates(ask: Ask, asked: str) -> Iterator[Hit]:
    row = CertificateRow
    bare = asked.translate(_DROPPED).lower()
    # Serials stand as hex: leading zeros and separators make no difference to people.
    fits = [func.lower(each).contains(asked.lower(), autoescape=True) for each in (row.name, row.subjectname)]
    if len(bare) >= _LEAST_DIGITS and _is_hex(bare):
        fits += [func.lower(row.serialnumber).contains(bare.lstrip("0") or "0"), row.sha256.startswith(bare)]
    query = select(row.unit, row.node, row.name, row.subjectname, row.sha256).where(or_(*fits), row.isactive)
    with ask.cluster.database.read() as session:
        found = session.execute(query.order_by(row.unit, row.node, row.name).limit(_MOST)).all()
    for each in found:
        path = f"/trust/certificates/{each.sha256}"
        yield Hit("Certificate", each.name, f"{each.unit}, {each.node or 'all nodes'}: {each.subjectname}", path)


def _lists(ask: Ask, asked: str) -> Iterator[Hit]:
    digits = asked.translate(_DROPPED).lower()
    if len(digits) < _LEAST_DIGITS or not _is_hex(digits):
        return
    row = TrustFileArchiveRow
    query = select(row.sha256, row.sha1, row.md5, row.length).where(
        or_(*(each.startswith(digits) for each in (row.sha256, row.sha1, row.md5)))
    )
    with ask.cluster.database.read() as session:
        found = session.execute(query.limit(_MOST)).all()
    for each in found:
        yield Hit("List", f"MD5 {each.md5}", f"SHA-1 {each.sha1}, {each.length:,} bytes", f"/trust/lists/{each.sha256}")


def _is_hex(text: str) -> bool:
    return bool(text) and all(each in "0123456789abcdef" for each in text)
