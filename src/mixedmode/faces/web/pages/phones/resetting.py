"""Phones are reset: asked about first, then told in the background; the page of a reset shows who came back."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final

from sqlalchemy import func, select

from mixedmode.cluster.model.errors import NotFoundError
from mixedmode.control.acts import RESET_PHONES
from mixedmode.errors import UsageError
from mixedmode.faces.web.kit.answers import Answer, Redirect, View
from mixedmode.faces.web.kit.asking import Ask, whole_number
from mixedmode.faces.web.kit.outcomes import LOOKS
from mixedmode.faces.web.pages.phones.listing import PATH, moment_of
from mixedmode.faces.web.standing.resets import MOST, Reset
from mixedmode.faces.web.standing.rows import PHONES

_LOST: Final = ("unreached", "nowhere")


def reset(ask: Ask) -> Answer:
    """Ask whether phones shall be reset; once that is answered, begin."""
    if not ask.is_post:
        return View("phones/reset.html", {"names": [], "counts": [], "can": ask.desk.resets.can})
    names = chosen(ask)
    if not names:
        return Redirect(PATH, "No phone was ticked: tick those that shall be reset.", "info")
    if len(names) > MOST:
        raise UsageError(f"{len(names):,} phones are too many at once", next_step=f"take at most {MOST:,}")
    ask.control.allow(ask.principal, RESET_PHONES, devices=names)
    if ask.form.get("sure") == "yes":
        made = ask.desk.resets.start(ask.principal, names, ask.loop)
        return Redirect(f"{PATH}/resets/{made.number}")
    return View("phones/reset.html", {"names": names, "counts": _counts(ask, names), "can": ask.desk.resets.can})


def reset_of(ask: Ask) -> Answer:
    """Show how a reset goes."""
    found = ask.desk.resets.find(whole_number(ask.values["number"]))
    if found is None:
        raise NotFoundError(
            "there is no such reset", why="what a service did before it was restarted is in the audit log alone"
        )
    back = ask.desk.resets.back(found)
    waiting = [name for name in found.names if name not in back and name not in found.unreached]
    goes_on = not found.ended or (bool(waiting) and not found.is_old)
    rows = [(name, moment_of(back.get(name, 0.0)), _state_of(found, name)) for name in found.names]
    rows.sort(key=lambda row: (row[1] is not None, row[2] not in _LOST, row[0]))
    return View(
        "phones/reset_of.html",
        {
            "found": found,
            "begun": moment_of(found.begun),
            "back": len(back),
            "waiting": len(waiting),
            "goes_on": goes_on,
            "rows": rows[:200],
            "more": max(0, len(rows) - 200),
        },
        refresh=5 if goes_on else 0,
    )


def _state_of(reset: Reset, name: str) -> str:
    """Return how it stands with a phone, apart from whether it is back."""
    if name in reset.switched:
        return "switched"
    if name in reset.unreached:
        return "unreached"
    if name in reset.ordered:
        return "nowhere" if reset.is_old else "ordered"
    return "told" if name in reset.told else "waits"


def chosen(ask: Ask, most: int = MOST) -> list[str]:
    """Return the ticked phones that there are, each once; one more than so many at most."""
    asked = list(dict.fromkeys(name.strip() for name in ask.lists.get("d", ()) if name.strip()))[: most + 1]
    with ask.desk.standing.read() as session:
        there = set(session.scalars(select(PHONES.c.name).where(PHONES.c.name.in_(asked))))
    return [name for name in asked if name in there]


def _counts(ask: Ask, names: Sequence[str]) -> list[tuple[str, int]]:
    place = PHONES.c.severity
    query = select(place, func.count()).where(PHONES.c.name.in_(names)).group_by(place).order_by(place)
    with ask.desk.standing.read() as session:
        return [(LOOKS[found].word, count) for found, count in session.execute(query)]
