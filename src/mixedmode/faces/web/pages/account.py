"""What belongs to who is signed in: the tokens that his programs show to the REST API, and the filters that he keeps.

Rules:

1. A token is shown in the answer to the form that made it, and nowhere else: it is kept neither for a next page nor in
   an address. Loading that answer again makes another one, as the browser asks.
2. Each person sees his own tokens; with level 4 those of everybody. Filters are each one's own.
3. A filter is kept for a page of this server alone: what is no address of it is refused, so that nobody is led away.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Final
from urllib.parse import parse_qsl, urlencode

from mixedmode.cluster.engine.principal import LEVELS
from mixedmode.cluster.model.errors import PrivilegeError
from mixedmode.control.signed_in.api_tokens import LABEL_LENGTH, LONGEST_DAYS
from mixedmode.control.signed_in.saved_filters import NAME_LENGTH
from mixedmode.errors import MixedModeError, UsageError
from mixedmode.faces.web.kit.answers import Answer, Csv, Redirect, View
from mixedmode.faces.web.kit.asking import Ask
from mixedmode.faces.web.kit.forms import Field, Form
from mixedmode.faces.web.kit.page import Page
from mixedmode.faces.web.kit.requests import is_within
from mixedmode.faces.web.kit.tables import SAVED, Column, Filter, Table
from mixedmode.numbers import whole_number

if TYPE_CHECKING:
    from mixedmode.control.signed_in.api_tokens import ApiToken

PATH: Final = "/account/tokens"
_DAYS: Final = 90
_WORDS: Final = {0: "0, reads", 1: "1, changes", 4: "4, everything"}


def _iso(moment: object) -> str:
    return moment.isoformat() if hasattr(moment, "isoformat") else ""


_TABLE: Final = Table(
    "tokens",
    (
        Column("label", "What it is for", value=lambda row: row.label),
        Column("id", "Id", value=lambda row: row.id),
        Column("user", "Account", value=lambda row: row.user),
        Column("level", "Level", value=lambda row: row.level, number=True),
        Column("expires", "Ends", value=lambda row: _iso(row.expires)),
        Column("last_used", "Last used", value=lambda row: _iso(row.last_used)),
        Column("revoke", "Revoke", value=lambda _row: "", sorts=False),
    ),
    (
        Filter("label", "What it is for has", test=lambda row, wanted: wanted.lower() in row.label.lower()),
        Filter("user", "Account has", test=lambda row, wanted: wanted.lower() in row.user.lower()),
    ),
)


def tokens(ask: Ask) -> Answer:
    """Show the tokens, make one, end one."""
    store, form = ask.desk.doorman.tokens, _form(ask.principal.level)
    made: ApiToken | None = None
    secret = ""
    if ask.is_post and ask.form.get("act") == "revoke":
        gone = store.revoke(ask.principal, ask.need("id"))
        return Redirect(PATH, f"Token {gone.id} works no more{f' ({gone.label})' if gone.label else ''}.")
    if ask.is_post:
        given = form.take(ask.form)
        if form.is_right:
            try:
                made, secret = store.make(
                    ask.principal,
                    label=given.get("label", "").strip(),
                    level=_number(given["level"], "level"),
                    days=_number(given["days"], "days"),
                )
            except PrivilegeError:
                raise
            except MixedModeError as error:
                form.refuse(error)
    found = store.all(ask.principal)
    if ask.wants_csv:
        return Csv("tokens", _TABLE.header, _TABLE.csv_of_rows(found, ask.query))
    context = {"sheet": _TABLE.of_rows(found, PATH, ask.query), "form": form, "fresh": made, "secret": secret}
    return View("account/tokens.html", context, status=200 if form.is_right else 422)


def _form(level: int) -> Form:
    levels = tuple((str(each), _WORDS[each]) for each in sorted(LEVELS) if each <= level)
    return Form(
        [
            Field("label", "What it is for", most=LABEL_LENGTH, hint="Such as night watch; the audit log has it."),
            Field("level", "Level", kind="choice", value="0", choices=levels, required=True),
            Field(
                "days",
                "Days",
                kind="number",
                value=str(_DAYS),
                hint=f"How long it works, 1 to {LONGEST_DAYS}.",
                required=True,
            ),
        ]
    )


def _number(text: str, name: str) -> int:
    number = whole_number(text)
    if number is None or len(text) > 4:
        raise UsageError(f"{text!r} is no number of {name}", where=name, next_step="write a number")
    return number


def filters(ask: Ask) -> Answer:
    """Show the filters, keep one, drop one."""
    store, wanted, form = ask.desk.filters, "", None
    if ask.is_post and ask.form.get("act") == "drop":
        gone = store.drop(ask.principal, ask.need("id"))
        return Redirect(SAVED, f"The filter {gone.name} is no longer kept.")
    asked = ask.form.get("table", "") if ask.is_post else ask.query.get("table", "")
    if asked:
        path, query = _table(asked)
        wanted = f"{path}?{query}" if query else path
        form = Form([Field("name", "Its name", most=NAME_LENGTH, required=True, hint="Such as night shift.")])
        if ask.is_post:
            given = form.take(ask.form)
            if form.is_right:
                try:
                    store.save(ask.principal, given["name"].strip(), path, query)
                except PrivilegeError:
                    raise
                except MixedModeError as error:
                    form.refuse(error)
                else:
                    return Redirect(wanted, f"The filter is kept as {given['name'].strip()}.")
    elif ask.is_post:
        raise UsageError("the form names no table", where="table", next_step="keep a filter from its table")
    context = {"kept": store.all(ask.principal), "here": SAVED, "wanted": wanted, "form": form}
    return View("account/filters.html", context, status=200 if form is None or form.is_right else 422)


def _table(address: str) -> tuple[str, str]:
    path, _, query = address.partition("?")
    if not is_within(address) or not path.isascii():
        raise UsageError("this is no table of these pages", where="table", next_step="keep a filter from its table")
    said = parse_qsl(query, max_num_fields=40)
    return path, urlencode([(name, value) for name, value in said if name not in {"page", "format"}])


PAGES: Final = (
    Page(PATH, "API Tokens", tokens, crumbs=("Account",), posts=True),
    Page(SAVED, "Kept Filters", filters, crumbs=("Account",), posts=True),
)
