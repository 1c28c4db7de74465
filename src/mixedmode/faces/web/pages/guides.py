"""Guides: the procedures as guided runs, with plan, forecast, verification after each step, and convergence."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Final

from mixedmode.canary.trial import WITHIN
from mixedmode.cluster.store.guide_runs import Sample
from mixedmode.errors import MixedModeError, UsageError
from mixedmode.faces.pictures.convergence import HEIGHT, WIDTH, convergence
from mixedmode.faces.web.guided.acting import canary_of, carry_on, foresee_on, guide_of, topic
from mixedmode.faces.web.guided.behind import BEHIND, behind_rows, remedy, reported, reset_picked, state
from mixedmode.faces.web.guided.tokens import certificates_of, inserted_of, shown_tokens
from mixedmode.faces.web.guided.view import (
    counts_of,
    current_of,
    fresh_plan,
    plan_lines,
    stopped_by,
    taken_back,
    undo_lines,
)
from mixedmode.faces.web.kit.answers import Answer, Csv, Redirect, View
from mixedmode.faces.web.kit.asking import Ask, whole_number
from mixedmode.faces.web.kit.events import Topic
from mixedmode.faces.web.kit.navigation import GUIDES
from mixedmode.faces.web.kit.page import Page
from mixedmode.faces.web.kit.problems import NOT_FOUND
from mixedmode.guides.guide import Guide
from mixedmode.guides.kept import Opened, guided
from mixedmode.guides.observer import published_sha1
from mixedmode.guides.words import WORD, lead_of, lost_names
from mixedmode.phone.mind.fate.prospect import LOST, Fate
from mixedmode.procedures.catalogue import PROCEDURES
from mixedmode.procedures.guided.run import RunState
from mixedmode.procedures.names import GUIDED

if TYPE_CHECKING:
    from mixedmode.faces.web.kit.desk import Desk

_PATH: Final = "/guides/procedures"
_RUN: Final = "/guides/runs/{}"
_LEVEL: Final = 1
_TOKEN_BYTES: Final = 64 << 10


def procedures(ask: Ask) -> Answer:
    """List the procedures, the run that is open, and the latest runs."""
    guide = guide_of(ask.desk)
    opened = guide.open_one()
    latest = [(each, PROCEDURES[each.procedure]) for each in guide.latest(10) if each.procedure in PROCEDURES]
    return View(
        "guides/procedures.html",
        {
            "procedures": [PROCEDURES[name] for name in GUIDED],
            "opened": opened,
            "current": None if opened is None else current_of(opened),
            "latest": latest,
        },
    )


def procedure(ask: Ask) -> Answer:
    """Show a procedure; plan a run of it."""
    name = str(ask.values["name"])
    if name not in GUIDED:
        raise NOT_FOUND
    found, error = guided(name), None
    if ask.is_post:
        try:
            guide = guide_of(ask.desk)
            opened = guide.plan(ask.principal, name, certificates_of(ask))
        except MixedModeError as problem:
            error = problem
        else:
            foresee_on(ask, guide, opened.number)
            return Redirect(_RUN.format(opened.number), "Planned. Nothing is changed yet.", "info")
    open_run = guide_of(ask.desk).open_one()
    return View(
        "guides/procedure.html",
        {
            "procedure": found,
            "plan": fresh_plan(found),
            "error": error,
            "may": ask.may(_LEVEL),
            "level": _LEVEL,
            "open_run": open_run,
        },
        status=200 if error is None else 422,
    )


def run(ask: Ask) -> Answer:
    """Show a run and go on with it."""
    guide = guide_of(ask.desk)
    opened = ask.wait(guide.look(_number(ask)))
    error: MixedModeError | None = None
    asked = ""
    if ask.is_post:
        try:
            answer = _ACTS[ask.need("act")](ask, guide, opened)
        except KeyError as unknown:
            raise UsageError("the form does not say what to do", next_step="use the buttons of the page") from unknown
        except _AskFirst as first:
            asked = first.word
        except MixedModeError as problem:
            error = problem
        else:
            ask.desk.frame.forget()
            return answer
        opened = guide.open(opened.number)
    if ask.wants_csv:
        return Csv("lost", ("Outcome", "Device", "Model"), lost_names(dict(opened.run.forecast)))
    return View(
        "guides/run.html",
        _context(ask, guide, opened, error, asked),
        status=200 if error is None and not asked else 422,
        refresh=3 if opened.run.doing is not None or not opened.run.forecast else 0,
    )


def phones_behind(ask: Ask) -> Answer:
    """List the phones that do not report the published CTL, and reset those that are picked."""
    if ask.is_post:
        number = reset_picked(ask)
        return Redirect(ask.path, f"Order {number}: every node tells its phones to reset.")
    sha1 = published_sha1(ask.cluster)
    with ask.cluster.database.read() as session:
        sheet = BEHIND.of_database(session, behind_rows(sha1), ask.path, ask.query)
        if ask.wants_csv:
            return Csv(
                "phones-behind", BEHIND.header, list(BEHIND.csv_of_database(session, behind_rows(sha1), ask.query))
            )
    return View(
        "guides/phones.html",
        {
            "sheet": sheet,
            "sha1": sha1,
            "silent": guide_of(ask.desk).runs.phones_untold(),
            "may": ask.may(_LEVEL),
            "level": _LEVEL,
            "remedy": remedy,
            "reported": reported,
            "state": state,
        },
    )


@dataclass(frozen=True, slots=True)
class _AskFirst(Exception):  # noqa: N818 - a question, and no fault
    """The panel with the question has to be shown first, or again.

    Attributes:
        word: Why.
    """

    word: str


def _number(ask: Ask) -> int:
    number = whole_number(str(ask.values["number"]), -1)
    if number < 0:
        raise NOT_FOUND
    return number


def _step(ask: Ask) -> int:
    text = ask.need("step")
    number = whole_number(text, -1)
    if number < 0 or len(text) > 3:
        raise UsageError("the form does not say which step", next_step="open the page again")
    return number - 1


def _here(opened: Opened) -> str:
    return _RUN.format(opened.number)


def _begin(ask: Ask, guide: Guide, opened: Opened) -> Answer:
    lost = int(opened.run.forecast.get("lost", 0))
    _check_word(ask, lost)
    guide.begin(ask.principal, opened.number, lost)
    return Redirect(_here(opened), "The run has begun. Everybody who is signed in sees it.")


def _do(ask: Ask, guide: Guide, opened: Opened) -> Answer:
    at = _step(ask)
    current = current_of(opened)
    if current is not None and current.number == at + 1 and current.trust:
        # What somebody agreed to minutes ago may not be so any more: phones come and go.
        opened = guide.foresee(opened.number)
        lost = int(opened.run.forecast.get("lost", 0))
        if lost > opened.run.accepted:
            _check_word(ask, lost)
    inserted, tokens = inserted_of(ask, opened, at), certificates_of(ask)
    elsewhere = ask.form.get("elsewhere") == "yes"
    ticket = guide.start(
        ask.principal,
        opened.number,
        at,
        done_already=elsewhere,
        inserted=inserted,
        tokens=tokens or None,
        canary=canary_of(ask),
    )
    carry_on(ask, guide, ticket)
    return Redirect(_here(opened))


def _check_word(ask: Ask, lost: int) -> None:
    """Ask for the word where somebody would be lost, and again if there are more than the panel said."""
    if not lost:
        return
    said = ask.form.get("lost", "")
    agreed = whole_number(said, -1)
    if agreed < lost:
        more = "" if agreed < 0 else f" There are more now: {lost}, not {agreed}."
        raise _AskFirst(f"{lost} phones would be lost.{more}")
    if ask.form.get("word", "").strip() != WORD:
        raise _AskFirst(f"Type {WORD} to go on. Nothing was changed.")


def _leave_out(ask: Ask, guide: Guide, opened: Opened) -> Answer:
    guide.leave_out(ask.principal, opened.number, _step(ask), ask.form.get("why", "").strip()[:500])
    return Redirect(_here(opened), "Left out, in your name.", "info")


def _take_back(ask: Ask, guide: Guide, opened: Opened) -> Answer:
    carry_on(ask, guide, guide.take_back(ask.principal, opened.number, _step(ask)))
    return Redirect(_here(opened))


def _stop(ask: Ask, guide: Guide, opened: Opened) -> Answer:
    stopped = guide.stop(ask.principal, opened.number)
    said = "Dropped. Nothing was changed." if stopped.run.state is RunState.DROPPED else "Stopped where it is."
    return Redirect(_here(opened), said, "info")


def _foresee(ask: Ask, guide: Guide, opened: Opened) -> Answer:
    foresee_on(ask, guide, opened.number)
    return Redirect(_here(opened))


_ACTS: Final = {
    "begin": _begin,
    "do": _do,
    "leave-out": _leave_out,
    "take-back": _take_back,
    "stop": _stop,
    "foresee": _foresee,
}


def _context(ask: Ask, guide: Guide, opened: Opened, error: MixedModeError | None, asked: str) -> dict[str, Any]:
    run_ = opened.run
    sha1 = published_sha1(ask.cluster)
    guide.note_phones(opened, sha1)
    samples = guide.runs.samples(opened.number)
    if samples:
        samples.append(Sample(ask.cluster.now(), *guide.runs.phones_in_step(sha1)))
    forecast = dict(run_.forecast)
    current = current_of(opened)
    return {
        "opened": opened,
        "run": run_,
        "procedure": opened.procedure,
        "told": [
            (at, step, record)
            for at, (step, record) in reversed(list(enumerate(zip(opened.steps, run_.steps, strict=True), 1)))
            if record.findings or record.said
        ],
        "lead": lead_of(opened),
        "stopped_by": stopped_by(opened),
        "canary_seconds": round(WITHIN),
        "plan": plan_lines(opened.procedure, run_.steps, run_.current),
        "current": current,
        "forecast": forecast,
        "counts": counts_of(forecast),
        "lost": int(forecast.get("lost", 0)),
        "lost_names": lost_names(forecast),
        "lost_fates": LOST,
        "unknown": Fate.UNKNOWN,
        "undo": undo_lines(opened),
        "taken_back": taken_back(opened),
        "tokens": shown_tokens(ask.cluster) if current is not None and current.kind in {"client", "token"} else [],
        "topic": topic(opened.number),
        "samples": samples,
        "silent": guide.runs.phones_untold() if samples else 0,
        "picture": convergence([(each.moment, each.in_step, each.total) for each in samples]),
        "size": (WIDTH, HEIGHT),
        "sha1": sha1,
        "error": error,
        "asked": asked,
        "may": ask.may(_LEVEL),
        "level": _LEVEL,
        "word": WORD,
    }


def _state(desk: Desk, which: str) -> dict[str, Any] | None:
    """Return what is another one whenever the page of a run is."""
    number = whole_number(which, -1)
    if number < 0:
        return None
    import asyncio

    guide = guide_of(desk)
    opened = asyncio.run(guide.look(number))
    sha1 = published_sha1(desk.cluster)
    guide.note_phones(opened, sha1)
    samples = guide.runs.samples(opened.number)
    in_step = guide.runs.phones_in_step(sha1) if samples else None
    return {"revision": opened.kept.revision, "samples": len(samples), "in_step": in_step}


TOPICS: Final = (Topic("guide", _state, seconds=2.0),)
PAGES: Final = (
    Page(_PATH, "Procedures", procedures, crumbs=(GUIDES,)),
    Page(
        "/guides/procedures/{name}",
        "Procedure",
        procedure,
        crumbs=(GUIDES,),
        menu=_PATH,
        posts=True,
        body=_TOKEN_BYTES,
        sample="/guides/procedures/non-secure-to-mixed",
    ),
    Page("/guides/runs/{number}", "Run", run, crumbs=(GUIDES, "Procedures"), menu=_PATH, posts=True, body=_TOKEN_BYTES),
    Page("/guides/phones", "Phones that are behind", phones_behind, crumbs=(GUIDES,), menu=_PATH, posts=True),
)
