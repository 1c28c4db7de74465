"""What CallManager of each node counts of secure phones (PerfMon, live-cluster.md 3.2).

Of an object all counters come back, and those of :data:`NAMED` are kept. The object of TFTP is not surely called so: a
node that does not know it is no note.
"""

from __future__ import annotations

from typing import Final

from mixedmode.errors import MixedModeError, RemoteError
from mixedmode.live.allowed.requests import PERFMON
from mixedmode.live.observed import Sighting, Source
from mixedmode.live.provisioned import CounterSeen
from mixedmode.live.sources.seeing import Seen
from mixedmode.live.wire.clock import Clock
from mixedmode.live.wire.https import Web
from mixedmode.live.wire.soap import AST, Fault, envelope, opened, text_element
from mixedmode.numbers import whole_number
from mixedmode.xml_reader import Element

OPERATION: Final = "perfmonCollectCounterData"
CALLMANAGER, TFTP = "Cisco CallManager", "Cisco TFTP"
NAMED: Final = frozenset(
    {
        "authenticatedregisteredphones",
        "authenticatedpartiallyregisteredphone",
        "encryptedregisteredphones",
        "encryptedpartiallyregisteredphones",
        "registeredhardwarephones",
        "tlsconnectedsiptrunk",
        "buildsigncount",
        "encryptcount",
    }
)


def look_at_counters(web: Web, node: str, seen: Seen, clock: Clock) -> None:
    """Add what a node counts.

    Args:
        web: The node.
        node: Its name, as the cluster has it.
        seen: To be added to.
        clock: Says when.
    """
    for name in (CALLMANAGER, TFTP):
        try:
            answer = _asked(web, node, name)
        except MixedModeError as error:
            if name == CALLMANAGER:
                seen.missing("counters", node, error)
                return
            continue
        sighting = Sighting(Source.PERFMON, clock.now(), node)
        for each in _values(answer):
            counter, value = each.value("Name").rpartition("\\")[2], each.value("Value")
            number = whole_number(value)
            if counter.lower() in NAMED and number is not None:
                seen.counters.append(CounterSeen(node, name, counter, number, sighting))


def registered_phones(web: Web, node: str) -> int:
    """Return how many hardware phones are registered at a node.

    Raises:
        RemoteError: It does not say.
    """
    for each in _values(_asked(web, node, CALLMANAGER)):
        value = whole_number(each.value("Value"))
        if value is not None and each.value("Name").rpartition("\\")[2].lower() == "registeredhardwarephones":
            return value
    raise RemoteError("PerfMon does not count registered phones", where=node)


def _asked(web: Web, node: str, name: str) -> Element:
    inner = text_element("ns:Host", node) + text_element("ns:Object", name)
    response = web.post(PERFMON, OPERATION, envelope(AST, OPERATION, inner))
    answer = opened(response, web.where)
    if isinstance(answer, Fault):
        raise RemoteError(f"PerfMon answers: {answer.text or 'a fault'}")
    if answer is None or response.status != 200:
        raise RemoteError(f"PerfMon answers with HTTP status {response.status}")
    return answer


def _values(answer: Element) -> list[Element]:
    """Return the elements that have a name and a value, however deep they stand."""
    found, waiting = [], [answer]
    while waiting:
        each = waiting.pop()
        if each.child("Name") is not None and each.child("Value") is not None:
            found.append(each)
        waiting += reversed(each.children)
    return found
