"""Control Center: the services of every node from one page, and what can be done to them."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import TYPE_CHECKING, Final

from sqlalchemy import select

from mixedmode.audit.looking import OFFERED, phones_by_node
from mixedmode.cluster.engine.results import DONE
from mixedmode.cluster.model.topology import NodeInfo, Service
from mixedmode.cluster.operations.services import StopService
from mixedmode.cluster.store.schema import AuditRow
from mixedmode.control.services import ServiceEntry, ServiceStatus
from mixedmode.faces.web.foresight import Foreseen
from mixedmode.faces.web.kit.answers import Answer, Csv, Redirect, View
from mixedmode.faces.web.kit.asking import Ask
from mixedmode.faces.web.kit.tables import Column, Table
from mixedmode.faces.web.serviceability.choosing import chosen_node
from mixedmode.faces.web.serviceability.service_acts import VERBS, Wish, begin
from mixedmode.faces.web.serviceability.service_outlook import foresee
from mixedmode.guides.words import WORD

if TYPE_CHECKING:
    from mixedmode.faces.web.kit.desk import Desk

PATH: Final = "/ccmservice/services"
_LEVEL: Final = VERBS["restart"].privilege
_STOPS: Final = 200


@dataclass(frozen=True, slots=True)
class Line:
    """A service of a node.

    Attributes:
        node: The node.
        entry: What it does.
        since: When it was started last, None if it is stopped.
        restart_needed: Since when a change waits for its restart.
        means: What a restart or a start means to people.
        stopped: When it was stopped, and by whom, if that was by hand and it is stopped.
    """

    node: str
    entry: ServiceEntry
    since: datetime | None
    restart_needed: datetime | None
    means: str
    stopped: tuple[datetime, str] | None = None

    @property
    def name(self) -> str:
        """The service's name."""
        return self.entry.service.value

    @property
    def look(self) -> tuple[str, str]:
        """Its state as an icon and a word."""
        if not self.entry.activated:
            return ("off", "not activated" if self.entry.service in OFFERED else "not offered")
        status = self.entry.status
        return (_STATES[status], status.value.lower())


_STATES: Final = {
    ServiceStatus.STARTED: "ok",
    ServiceStatus.STOPPED: "fail",
    ServiceStatus.STARTING: "now",
    ServiceStatus.STOPPING: "now",
}
SERVICES: Final = Table(
    "services",
    (
        Column("node", "Node", value=lambda line: line.node),
        Column("service", "Service", value=lambda line: line.name),
        Column("status", "Status", value=lambda line: line.look[1]),
        Column("activated", "Activated", value=lambda line: "yes" if line.entry.activated else "no"),
        Column("since", "Since", value=lambda line: line.since.isoformat(timespec="seconds") if line.since else ""),
        Column(
            "restart_needed_since",
            "Restart needed since",
            value=lambda line: line.restart_needed.isoformat(timespec="seconds") if line.restart_needed else "",
        ),
    ),
)


def services(ask: Ask) -> Answer:
    """Show the services of every node, and those of one node with what can be done to them."""
    nodes = ask.cluster.nodes()
    if ask.wants_csv:
        lines = [line for each in nodes for line in _lines(ask, [each])[each.name]]
        return Csv("services", SERVICES.header, SERVICES.csv_of_rows(lines, ask.query))
    chosen = chosen_node(ask, nodes)
    found = _lines(ask, nodes)
    every = [line for lines in found.values() for line in lines if line.entry.activated]
    acts = [each for each in ask.desk.dock.shown() if each.path.startswith(PATH)]
    return View(
        "ccmservice/services.html",
        {
            "nodes": nodes,
            "grid": [(service, [_of(found[each.name], service) for each in nodes]) for service in Service],
            "chosen": chosen,
            "lines": found[chosen.name],
            "stopped": [line for line in every if line.entry.status is ServiceStatus.STOPPED],
            "total": len(every),
            "waiting": [line for line in every if line.restart_needed and line.entry.status is ServiceStatus.STARTED],
            "acts": acts,
            "may": ask.may(_LEVEL),
            "level": _LEVEL,
            "is_here": ask.cluster.folder(chosen.name).is_here,
            "marked": ask.query.get("service", ""),
            "up": _up,
            "now": ask.cluster.now(),
        },
        refresh=5 if any(each.is_running for each in acts) else 0,
    )


def service_act(ask: Ask) -> Answer:
    """Say what a start, stop or restart would do, and begin it."""
    given = ask.form if ask.is_post else ask.query
    verb = str(ask.values["verb"])
    wish = Wish.of(ask.desk, verb, given.get("service", ""), given.get("node", ""))
    (lists, foreseen), error = foresee(ask, wish), ""
    lost = foreseen.loses
    if ask.is_post:
        if lost and ask.form.get("lost") != str(lost):
            before = ask.form.get("lost") or "none"
            error = f"{lost:,} phones would be lost now; when you were asked there were {before}. Nothing was changed."
        elif lost and ask.form.get("word", "").strip() != WORD:
            error = f"Type {WORD} to go on. Nothing was changed."
        else:
            act = begin(ask.desk, ask.principal, wish)
            return Redirect(wish.path, f"{act.title} has begun. It goes on when you close this page.", "info")
    plans = [ask.control.plan(ask.principal, each) for each in wish.changes]
    counts = phones_by_node(ask.cluster)
    return View(
        "ccmservice/act.html",
        {
            "wish": wish,
            "plans": list(zip(wish.nodes, plans, strict=True)),
            "refusal": next((each.refusal for each in plans if each.refusal), None),
            "warnings": list(dict.fromkeys(text for each in plans for text in each.warnings)),
            "effects": _effects(ask, wish, sum(counts.get(node, 0) for node in wish.nodes)),
            "lists": lists,
            "foreseen": foreseen,
            "lost": lost,
            "error": error,
            "may": ask.may(_LEVEL),
            "level": _LEVEL,
            "button": _button(wish, foreseen),
        },
        status=422 if error else 200,
    )


def _button(wish: Wish, foreseen: Foreseen) -> str:
    lost = foreseen.loses
    return f"{wish.title} and lose {lost:,} phone{'' if lost == 1 else 's'}" if lost else wish.title


def _effects(ask: Ask, wish: Wish, phones: int) -> list[str]:
    """Return what it means to people, a sentence each."""
    number = f"{phones:,} phone{'' if phones == 1 else 's'}"
    down, back = wish.verb in {"stop", "restart"}, wish.verb in {"start", "restart"}
    told: list[str] = []
    match wish.service:
        case Service.CALLMANAGER:
            told += [f"{number} with this node in their CallManager group lose it; they register elsewhere."] * down
            told += ["Calls in progress go on until they end; nothing that phones hold is changed."] * down
            told += [f"{number} may register here again."] * back
        case Service.TFTP:
            told += ["Phones that start meanwhile get no list and no configuration here, and try again."] * down
            told += ["Changed files, keys and parameters are served from then on."] * back
        case Service.TVS:
            told += [f"{number} may ask this TVS; without it they refuse what they do not know themselves."] * down
            told += [f"{number} may ask it again."] * back
        case Service.CAPF:
            told += ["No phone gets or renews a certificate (LSC) meanwhile."] * down
        case Service.CTL_PROVIDER:
            told += ["The CTL Client cannot reach it meanwhile; phones notice nothing."] * down
        case Service.TOMCAT if ask.desk.node in wish.nodes and down:
            away = "until somebody starts it at the prompt" if wish.verb == "stop" else "for a few seconds"
            told.append(f"These pages, on {ask.desk.node}, are away {away}; who is signed in stays signed in.")
    elsewhere = [each for each in wish.nodes if not ask.cluster.folder(each).is_here]
    if elsewhere:
        told.append(f"{', '.join(elsewhere)}: another host's program follows the database within a few seconds.")
    if len(wish.nodes) > 1:
        told.append("Node after node; the first one that fails ends it.")
    return told


def _lines(ask: Ask, nodes: Sequence[NodeInfo]) -> dict[str, list[Line]]:
    phones = phones_by_node(ask.cluster)
    known = {(each.node, each.service): each for each in ask.cluster.services()}
    entries = ask.wait(_entries(ask.desk, [each.name for each in nodes]))
    stops = _stops(ask) if any(each.activated and each.started is None for each in known.values()) else {}
    found: dict[str, list[Line]] = {}
    for node, of_node in zip(nodes, entries, strict=True):
        found[node.name] = [
            Line(
                node.name,
                entry,
                state.started if (state := known.get((node.name, entry.service))) else None,
                state.restart_needed if state else None,
                _means(entry.service, phones.get(node.name, 0)),
                stops.get((node.name, entry.service.value)) if entry.status is ServiceStatus.STOPPED else None,
            )
            for entry in sorted(of_node, key=lambda each: list(Service).index(each.service))
        ]
    return found


def _stops(ask: Ask) -> dict[tuple[str, str], tuple[datetime, str]]:
    """Return when services were stopped by hand last, and by whom, by node and service."""
    query = (
        select(AuditRow.moment, AuditRow.username, AuditRow.details["arguments"].label("arguments"))
        .where(AuditRow.action == StopService.title, AuditRow.outcome == DONE)
        .order_by(AuditRow.id.desc())
        .limit(_STOPS)
    )
    found: dict[tuple[str, str], tuple[datetime, str]] = {}
    with ask.cluster.database.read() as session:
        for moment, user, arguments in session.execute(query):
            found.setdefault((arguments["node"], arguments["service"]), (moment, user))
    return found


async def _entries(desk: Desk, nodes: Sequence[str]) -> list[Sequence[ServiceEntry]]:
    if desk.services is None:
        return [
            [
                ServiceEntry(
                    each.service, ServiceStatus.STARTED if each.started else ServiceStatus.STOPPED, each.activated
                )
                for each in await asyncio.to_thread(desk.cluster.services, node)
            ]
            for node in nodes
        ]
    return list(await asyncio.gather(*(desk.services.states(node) for node in nodes)))


def _of(lines: Sequence[Line], service: Service) -> Line | None:
    return next((line for line in lines if line.entry.service is service), None)


def _means(service: Service, phones: int) -> str:
    number = f"{phones:,} phone{'' if phones == 1 else 's'}"
    return {
        Service.CALLMANAGER: f"{number} may register here",
        Service.TFTP: "serves lists, configurations and firmware",
        Service.TVS: f"{number} may ask it whom to trust",
        Service.CAPF: "gives phones their certificates (LSC)",
        Service.CTL_PROVIDER: "the CTL Client talks to it",
        Service.TOMCAT: "these pages",
        Service.CHANGE_NOTIFICATION: "takes changed trust stores to all nodes",
    }.get(service, "not offered by this program")


def _up(since: datetime, now: datetime) -> str:
    """Return how long something runs, as people say it."""
    span = max(now - since, timedelta())
    hours, minutes = divmod(span.seconds // 60, 60)
    days = f"{span.days:,} day{'' if span.days == 1 else 's'} " if span.days else ""
    return f"{days}{hours}:{minutes:02d}"
