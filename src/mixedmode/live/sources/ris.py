"""RisPort70: which phones are registered, where, and since when (live-cluster.md 2).

Rules:

1. At most a thousand names in a request, and ten requests a minute: the cluster's limit is shared by all who ask.
2. Over the rate, whether the status is 500, 503 or 200: 30, 60, then 120 seconds, and no more than that.
3. A node that does not respond makes the answer incomplete: who is not in it is not known, and never missing.
4. While a request has to wait, something else may be done that asks another interface (``meanwhile``).
5. What is beyond the maximum is cut and not told: where a whole thousand came back for more names than that, or fewer
   than the answer itself counts, the names are asked for again in two halves.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Final

from mixedmode.errors import RemoteError
from mixedmode.live.allowed.requests import RIS
from mixedmode.live.observed import Sighting, Source, Value
from mixedmode.live.wire.clock import Clock, Pace
from mixedmode.live.wire.https import Web
from mixedmode.live.wire.soap import AST, Fault, envelope, opened, text_element
from mixedmode.numbers import whole_number
from mixedmode.xml_reader import Element

MOST_NAMES: Final = 1000
BETWEEN: Final = 6.0
"""Seconds between two requests."""
WAITS: Final = (30.0, 60.0, 120.0)
WORTHWHILE: Final = 2.0
"""Seconds of a wait that are worth beginning something else in."""
_ACTION: Final = f"{AST}/action/#RisPort#SelectCmDeviceExt"
_RATE: Final = re.compile(r"exceeded allowed rate", re.IGNORECASE)
_BUSY: Final = 503
_RESPONDED: Final = frozenset({"ok", "notfound"})
_CRITERIA: Final = (
    "<ns:StateInfo/><ns:CmSelectionCriteria><ns:MaxReturnedDevices>1000</ns:MaxReturnedDevices>"
    "<ns:DeviceClass>Phone</ns:DeviceClass><ns:Model>255</ns:Model><ns:Status>Any</ns:Status><ns:NodeName/>"
    "<ns:SelectBy>Name</ns:SelectBy><ns:SelectItems>{items}</ns:SelectItems><ns:Protocol>Any</ns:Protocol>"
    "<ns:DownloadStatus>Any</ns:DownloadStatus></ns:CmSelectionCriteria>"
)
_FIELDS: Final = {
    "status": "Status", "status_reason": "StatusReason", "httpd": "Httpd", "load": "ActiveLoadID",
    "protocol": "Protocol", "model_number": "Model", "product": "Product",
}  # fmt: skip


@dataclass(slots=True)
class Registrations:
    """What RIS says.

    Attributes:
        phones: Values by name of phone and of value.
        silent: Nodes that did not respond.
        cut: Names that were asked for, and of which the answer was cut.
    """

    phones: dict[str, dict[str, Value]] = field(default_factory=dict)
    silent: set[str] = field(default_factory=set)
    cut: set[str] = field(default_factory=set)


class Ris:
    """RIS of one node, which answers for the cluster.

    Args:
        web: The node.
        clock: Waits.
        meanwhile: Does one more of what else is to be done; returns whether there was any.
    """

    def __init__(self, web: Web, clock: Clock, meanwhile: Callable[[], bool] = lambda: False) -> None:
        self._web, self._clock, self._meanwhile = web, clock, meanwhile
        self._pace = Pace(BETWEEN, clock)

    def select(self, names: Sequence[str]) -> Registrations:
        """Return what is known of phones.

        Args:
            names: At most :data:`MOST_NAMES`.

        Raises:
            RemoteError: It is not answered.
        """
        if len(names) > MOST_NAMES:
            raise ValueError(len(names))
        found = Registrations()
        waiting = [list(names)]
        while waiting:
            asked = waiting.pop()
            result = self._result(asked)
            count = self._take(result, found)
            cut = (whole_number(result.value("TotalDevicesFound")) or 0) > count
            if cut and len(asked) > 1:
                waiting += [asked[: len(asked) // 2], asked[len(asked) // 2 :]]
            elif cut:
                found.cut.update(asked)
        return found

    def _result(self, names: Sequence[str]) -> Element:
        items = "".join(f"<ns:item>{text_element('ns:Item', each)}</ns:item>" for each in names)
        body = envelope(AST, "selectCmDeviceExt", _CRITERIA.format(items=items))
        for wait in (*WAITS, None):
            while self._pace.left() > WORTHWHILE and self._meanwhile():
                pass
            self._pace.wait()
            response = self._web.post(RIS, _ACTION, body)
            answer = opened(response, self._web.where)
            over = isinstance(answer, Fault) and _RATE.search(answer.text) is not None
            if over or response.status == _BUSY:
                if wait is None:
                    break
                self._clock.sleep(wait)
                continue
            if isinstance(answer, Fault):
                raise RemoteError(f"RIS answers: {answer.text or 'a fault'}", where=self._web.where, code="ris-fault")
            if answer is None or response.status != 200:
                raise RemoteError(
                    f"RIS answers with HTTP status {response.status}",
                    where=self._web.where,
                    next_step="give the account the role Standard RealtimeAndTraceCollection",
                    code="ris-status",
                )
            held = next((each for each in answer.children if each.name.endswith("Return")), answer)
            return held.child("SelectCmDeviceResult") or held
        raise RemoteError(
            "RIS allows no more requests",
            where=self._web.where,
            why="others ask it too",
            next_step="go on later: what was collected is kept",
            code="ris-rate",
        )

    def _take(self, result: Element, found: Registrations) -> int:
        """Add a result, the newest of two that say something of one phone; return how many devices it lists."""
        count = 0
        at = self._clock.now()
        newest: dict[str, int] = {}
        nodes = result.child("CmNodes")
        for node in nodes.all("item") if nodes is not None else ():
            name = node.value("Name")
            if node.value("ReturnCode").lower() not in _RESPONDED:
                found.silent.add(name)
            devices = node.child("CmDevices")
            for device in devices.all("item") if devices is not None else ():
                count += 1
                phone, stamp = device.value("Name"), _number(device.value("TimeStamp"))
                if phone and stamp >= newest.get(phone, -1):
                    newest[phone] = stamp
                    found.phones[phone] = _values(device, name, stamp, Sighting(Source.RIS, at, name))
        return count


def _values(device: Element, node: str, stamp: int, sighting: Sighting) -> dict[str, Value]:
    texts = {name: device.value(tag)[:256] for name, tag in _FIELDS.items()}
    addresses = device.child("IPAddress")
    first = addresses.child("item") if addresses is not None else None
    # Releases before 9 write the address itself.
    texts["address"] = first.value("IP") if first is not None else addresses.text if addresses is not None else ""
    texts["node"] = node
    if stamp > 0:
        texts["last_seen"] = datetime.fromtimestamp(stamp, UTC).isoformat()
    return {name: Value(text, sighting) for name, text in texts.items() if text}


def _number(text: str) -> int:
    found = whole_number(text) or 0
    return found if found < 1 << 33 else 0
