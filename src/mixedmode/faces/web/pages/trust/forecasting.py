"""What-if: stage a change, see what every phone would do, share it by its address, run it step by step, or drop it.

Rules:

1. What is run is the first step; then the page comes back with those that are left and a forecast from there. Phones
   are given time in between, as the forecast takes it: their restart decides what the next step finds.
2. Before it is run the phones are read and counted again. If more of them would be lost than the panel said, nothing is
   done, and the panel comes back with the difference.
"""

from __future__ import annotations

from typing import Any, Final
from urllib.parse import quote

from mixedmode import __version__
from mixedmode.cluster.model.errors import NotFoundError
from mixedmode.errors import MixedModeError, UsageError
from mixedmode.faces.report.forecast import About, report
from mixedmode.faces.web.kit.answers import Answer, Csv, Download, Redirect, View
from mixedmode.faces.web.kit.asking import Ask, whole_number
from mixedmode.faces.web.kit.forms import Form, operation_form
from mixedmode.faces.web.kit.outcomes import Counts
from mixedmode.faces.web.pages.trust.forecast_view import changes, shown
from mixedmode.faces.web.pages.trust.foreseeing import Foreseen, foreseen, phone_rows
from mixedmode.faces.web.pages.trust.staging import OPERATIONS, Staged, StagedStep, read_text
from mixedmode.forecast.plan import Plan, Tvs
from mixedmode.forecast.tally import outcomes
from mixedmode.guides.words import WORD
from mixedmode.pki.certificates.purposes import Purpose

PATH: Final = "/trust/forecast"
_IMPORT: Final = "set cert import trust"
BODY_BYTES: Final = 128 << 10


def forecast(ask: Ask) -> Answer:
    """Show the forecast of the change that the address holds, or do what a form asks."""
    if ask.is_post:
        return _posted(ask)
    staged = Staged.read(ask.query.get("plan", ""))
    if ask.wants_csv and staged.steps:
        header = ["name", "model", "device_pool", "now", "after", "reason"]
        return Csv("forecast", header, phone_rows(ask, foreseen(ask, staged)))
    adding = ask.query.get("add", "")
    form = _form(ask, adding) if adding in OPERATIONS else None
    return _page(ask, staged, form=form, adding=adding)


def html_report(ask: Ask) -> Answer:
    """Send the report of the change that the address holds: one HTML page."""
    if ask.values["name"] != "report":
        raise NotFoundError("there is no such page", next_step="Trust, Forecast")
    staged = Staged.read(ask.query.get("plan", ""))
    if not staged.steps:
        raise UsageError("nothing is staged", next_step="stage a change first: Trust, Forecast")
    made = foreseen(ask, staged)
    now = ask.cluster.now().astimezone().isoformat(sep=" ", timespec="seconds")
    about = About(f"the cluster of {ask.cluster.publisher.name}", f"Made {now} by mixedmode {__version__}.")
    body = report(made.plan, made.cells, about, made.proposal).encode("utf-8", "backslashreplace")
    return Download("forecast.html", body, "text/html; charset=utf-8")


def address(staged: Staged, **more: str) -> str:
    """Return the address of a staged change."""
    said = {"plan": staged.text(), **more}
    query = "&".join(f"{key}={quote(value, safe='')}" for key, value in said.items() if value)
    return f"{PATH}?{query}" if query else PATH


def _posted(ask: Ask) -> Answer:
    staged = Staged.read(ask.form.get("plan", ""))
    act = ask.form.get("act", "")
    if act == "add":
        return _add(ask, staged)
    if act == "step":
        place = whole_number(ask.form.get("place", "0"))
        tvs = ask.form.get("tvs", "")
        try:
            changed = staged.changed(
                place,
                off=ask.form.get("off", "").strip()[:2000],
                tvs=Tvs(tvs).value if tvs else "",
                reset=bool(ask.form.get("reset")),
            )
        except ValueError:
            raise UsageError(f"{tvs!r} is no way of TVS", next_step=f"one of {', '.join(Tvs)}") from None
        return Redirect(address(changed))
    if act == "run":
        return _run(ask, staged)
    raise UsageError("the form asks for nothing that is known", where="act")


def _add(ask: Ask, staged: Staged) -> Answer:
    title = ask.form.get("title", "")
    if title not in OPERATIONS:
        raise UsageError(f"{title!r} cannot be staged", where="title", next_step="take one of those that are offered")
    form = _form(ask, title)
    form.take(ask.form)
    if form.is_right:
        try:
            fields = {key: value for key, value in form.document(ask.form).items() if value is not None}
            ask.control.operation(title, fields)
            return Redirect(address(staged.with_step(StagedStep(title, fields))))
        except MixedModeError as error:
            form.refuse(error)
    return _page(ask, staged, form=form, adding=title, status=422)


def _run(ask: Ask, staged: Staged) -> Answer:
    if not staged.steps:
        raise UsageError("nothing is staged", next_step="stage a change first")
    ask.desk.standing.now()
    made = foreseen(ask, staged)
    agreed = whole_number(ask.form.get("lost", "0"))
    if made.losses > agreed:
        more = made.losses - agreed
        text = f"The phones were counted again: {made.losses:,} would be lost now, {more:,} more than the page said."
        return _page(ask, staged, status=409, refused=f"{text} Nothing was done.")
    if made.losses and ask.form.get("word", "").strip() != WORD:
        return _page(ask, staged, status=422, refused=f"Type the word {WORD}: phones would be lost. Nothing was done.")
    step = staged.steps[0]
    ask.control.run(ask.principal, ask.control.operation(step.title, step.fields))
    ask.desk.frame.forget()
    left = staged.without(0)
    then = "Restart Cisco Tftp on its nodes, then reset the phones"
    rest = f"{then}, before the next of {len(left.steps)} that are left." if left.steps else f"{then}."
    return Redirect(address(left), f"{step.label} is done. {rest}")


def _page(
    ask: Ask,
    staged: Staged,
    *,
    form: Form | None = None,
    adding: str = "",
    status: int = 200,
    refused: str = "",
) -> View:
    made: Foreseen | None = None
    why: MixedModeError | None = None
    if staged.steps:
        try:
            made = foreseen(ask, staged)
        except MixedModeError as error:
            why = error
    wants = made is not None and ask.query.get("propose") == "1"
    context: dict[str, Any] = {
        "staged": staged,
        "address": address,
        "operations": OPERATIONS,
        "adding": adding,
        "form": form,
        "foreseen": made,
        "why": why,
        "refused": refused,
        "word": WORD,
        "tvs_ways": tuple(Tvs),
        "proposal": None,
        "taken": "",
        "report": f"{PATH}/report?plan={staged.text()}",
        "steps_level": max((_level(ask, each) for each in staged.steps[:1]), default=0),
    }
    if made is not None:
        context |= shown(made)
        if wants:
            proposal = made.proposed()
            context["proposal"] = proposal
            taken = _staged_of(proposal.plan)
            context["taken"] = address(taken) if taken is not None and proposal.changed else ""
            context["proposed_counts"] = Counts(proposal.numbers)
            context["proposed_changes"] = changes(outcomes(made.cells), proposal.numbers)
    return View("trust/forecast.html", context, status=status)


def _level(ask: Ask, step: StagedStep) -> int:
    try:
        return ask.control.operation(step.title, step.fields).privilege
    except MixedModeError:
        return 0


def _form(ask: Ask, title: str) -> Form:
    nodes = tuple((each.name, each.name) for each in ask.cluster.nodes())
    choices: dict[str, tuple[tuple[str, str], ...]] = {}
    if title != "set parameter":
        choices["node"] = nodes
    if title in {"set cert regen", "set cert import own"}:
        choices["unit"] = tuple((each.value, each.value) for each in Purpose)
    elif title in {_IMPORT, "set cert delete"}:
        stores = {stored.unit for stored in ask.cluster.certificates.list_trust()}
        choices["unit"] = tuple((each, each) for each in sorted(stores | {"Phone-SAST-trust", "CallManager-trust"}))
    return operation_form(ask.control, title, choices=choices)


def _staged_of(plan: Plan) -> Staged | None:
    """Return a proposed plan as it can be staged here; None if a step of it is no operation."""
    steps: list[StagedStep] = []
    for step in plan.steps:
        steps += [
            StagedStep(
                "set cert import trust", {"unit": each.store.value, "pem": each.certificate.pem().decode()}, reset=False
            )
            for each in step.uploads
        ]
        if step.signed_by is not None or (step.lists and not step.operation):
            return None
        if step.operation:
            title, fields = read_text(step.operation)
            if title not in OPERATIONS:
                return None
            names = ",".join(sorted(step.off.names))
            off = ",".join(part for part in (names, f"{step.off.percent}%" if step.off.percent else "") if part)
            steps.append(StagedStep(title, fields, off, step.tvs.value if step.tvs else "", step.reset))
    try:
        return Staged(tuple(steps), plan.tvs.value).checked()
    except UsageError:
        return None
