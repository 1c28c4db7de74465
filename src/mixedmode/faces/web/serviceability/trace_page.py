"""Traces of the services, with a live tail."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final

from mixedmode.cluster.model.errors import NotFoundError
from mixedmode.faces.web.kit.answers import Answer, Download, View
from mixedmode.faces.web.kit.asking import Ask
from mixedmode.faces.web.serviceability.choosing import chosen_node
from mixedmode.faces.web.serviceability.trace_tail import MOST_LINES, tail, whole
from mixedmode.numbers import whole_number
from mixedmode.services.traces.catalogue import TRACES, TraceKind

if TYPE_CHECKING:
    from mixedmode.faces.web.kit.desk import Desk

PATH: Final = "/ccmservice/traces"


def traces(ask: Ask) -> Answer:
    """Show the end of a trace, live."""
    nodes = ask.cluster.nodes()
    chosen, kind = chosen_node(ask, nodes), _kind(ask.query.get("trace", "tvs"))
    find, most = ask.query.get("find", "")[:100], _count(ask.query.get("lines", ""))
    if ask.query.get("format") == "txt":
        return Download(f"{chosen.name}-{kind.key}.txt", whole(ask.cluster, chosen.name, kind), "text/plain")
    follows = ask.query.get("follow") != "no"
    found = tail(ask.cluster, chosen.name, kind, most, find)
    return View(
        "ccmservice/traces.html",
        {
            "nodes": nodes,
            "kinds": TRACES,
            "chosen": chosen,
            "kind": kind,
            "tail": found,
            "lines": [line[:2] for line in found.lines],
            "find": find,
            "most": most,
            "follows": follows,
            # A page that looks for something follows nothing: lines that come in are not looked through.
            "topic": f"trace/{chosen.name}/{kind.key}" if follows and found.is_here and not find else "",
        },
        refresh=5 if follows and found.is_here else 0,
    )


def _kind(key: str) -> TraceKind:
    for each in TRACES:
        if each.key == key:
            return each
    raise NotFoundError(
        f"there is no trace {key[:40]!r}", next_step=f"one of: {', '.join(each.key for each in TRACES)}"
    )


def _count(text: str) -> int:
    number = whole_number(text)
    return min(max(200 if number is None else number, 10), MOST_LINES)


def trace_state(desk: Desk, which: str) -> dict[str, Any]:
    """Return the end of a trace as events tell it; which is ``NODE/TRACE``."""
    node, _, key = which.partition("/")
    kind = next((each for each in TRACES if each.key == key), None)
    known = next((each.name for each in desk.cluster.nodes() if each.name == node), None)
    if kind is None or known is None:
        return {"at": 0, "lines": []}
    found = tail(desk.cluster, known, kind, 100)
    return {"at": found.at, "lines": [list(line) for line in found.lines]}
