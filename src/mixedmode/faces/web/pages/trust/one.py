"""One list: its records as a table, and as ``show ctl`` prints it; who holds it; its file."""

from __future__ import annotations

from datetime import datetime
from typing import TYPE_CHECKING, Any

from mixedmode.faces.web.kit.answers import Answer, Download, Redirect, View
from mixedmode.faces.web.kit.asking import Ask
from mixedmode.faces.web.pages.trust.known import held_by, holders, known_list, uploads
from mixedmode.trustlist.document import describe
from mixedmode.trustlist.listing import render_listing
from mixedmode.trustlist.problems import find_problems

if TYPE_CHECKING:
    from mixedmode.faces.web.pages.trust.known import KnownList


def one(ask: Ask) -> Answer:
    """Show the list of a checksum."""
    found = known_list(ask, str(ask.values["digest"]))
    if found.sha256 != ask.values["digest"]:
        return Redirect(f"/trust/lists/{found.sha256}")
    return View("trust/list.html", context(ask, found))


def download(ask: Ask) -> Answer:
    """Send the file of a list."""
    found = known_list(ask, str(ask.values["digest"]))
    return Download(f"{found.kind}File-{found.md5[:8]}.tlv", found.data)


def context(ask: Ask, found: KnownList) -> dict[str, Any]:
    """Return what a list's page shows of it."""
    held = held_by(holders(ask))
    newest = ask.desk.standing.published.get(found.kind, "")
    made: dict[str, Any] = {
        "found": found,
        "held": held.get(found.sha256, 0),
        "is_newest": found.sha256 in ask.desk.standing.offered.get(found.kind, ()),
        "newest": newest,
        "kept": uploads(ask).find(found.sha256) is not None,
        "said": None,
        "listing": (),
        "problems": (),
        "verification": None,
    }
    if found.parsed is None:
        return made
    verification = found.parsed.verify()
    now = ask.cluster.now()
    moment = found.publications[0].published if found.publications else now
    made |= {
        "verification": verification,
        "said": describe(found.parsed, verification, ()),
        "problems": find_problems(found.parsed, verification, now),
        "listing": render_listing(found.parsed, verification, _unix_date(moment)),
    }
    return made


def _unix_date(moment: datetime) -> str:
    local = moment.astimezone()
    return f"{local:%a %b} {local.day:02} {local:%H:%M:%S %Z %Y}"
