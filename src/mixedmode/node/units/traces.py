"""Writes the traces of those services of a node that write none themselves: TFTP, CallManager, CAPF, Service Manager.

Rules:

1. Lines are made of what was seen of phones anyway, every two seconds, in the thread that writes it down: no phone
   waits for a trace.
2. Of a storm :data:`MOST` lines are written at once; how many were left out is the last of them.
3. What a phone says of its lists goes to the SDL trace as the alarm ``DeviceTLInfo``, for programs that look for it
   there (live-cluster.md 5.1). Which node gave it the list, and with what result, it does not say here.
4. Whom CallManager refused is written with them; strangers cause it, so :data:`MOST_REFUSED` of two seconds are enough.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Iterator, Mapping
from datetime import UTC, datetime
from time import time
from typing import TYPE_CHECKING, Final

from mixedmode.cluster.model.sightings import LOST, NONE, Seen
from mixedmode.printable import one_line
from mixedmode.services.traces.catalogue import CALLMANAGER, CAPF, SDL, SERVICES, TFTP, TraceKind
from mixedmode.services.traces.trace_file import TraceFile, trace_line
from mixedmode.xml_reader import xml_text

if TYPE_CHECKING:
    from mixedmode.cluster.store.folders import NodeFolder
    from mixedmode.services.capf.notes import CapfNote
    from mixedmode.services.net.supervisor import UnitStatus

MOST: Final = 2000
MOST_REFUSED: Final = 100
_Line = tuple[float, TraceKind, str]


class NodeTraces:
    """The traces of one node.

    Args:
        folder: The node's.
    """

    def __init__(self, folder: NodeFolder) -> None:
        self._folder = folder
        self._open: dict[TraceKind, TraceFile] = {}
        self._until = 0.0
        self._refused: deque[tuple[float, str]] = deque()
        self._left_out = 0
        self._alarms = 0

    def refused(self, line: str) -> None:
        """Take whom CallManager refused, and why; it is written soon (rule 4)."""
        if len(self._refused) < MOST_REFUSED:
            self._refused.append((time(), one_line(line)))
        else:
            self._left_out += 1

    def _write_refused(self) -> None:
        lines = [self._refused.popleft() for _ in range(len(self._refused))]
        left_out, self._left_out = self._left_out, 0
        if left_out:
            lines.append((time(), f"{left_out} more refusals were left out"))
        if lines:
            self._file(CALLMANAGER).write([trace_line(text, _local(moment), "warn") for moment, text in lines])

    def seen(self, found: Mapping[str, Seen]) -> None:
        """Write what was seen of phones and is not written yet, and whom CallManager refused."""
        self._write_refused()
        # A clock that was put back has written nothing of what is to come.
        since = self._until if self._until <= time() else 0.0
        new = [line for name, seen in found.items() for line in _lines(name, seen) if line[0] > since]
        lines = sorted(new, key=lambda line: line[0])
        if not lines:
            return
        self._until = lines[-1][0]
        self._write_alarms(found, since)
        for kind in (TFTP, CALLMANAGER):
            of_kind = [(moment, text) for moment, each, text in lines if each is kind]
            written = [trace_line(text, _local(moment)) for moment, text in of_kind[:MOST]]
            if len(of_kind) > MOST:
                more = f"{len(of_kind) - MOST} more lines were left out"
                written.append(trace_line(more, _local(of_kind[-1][0]), "warn"))
            self._file(kind).write(written)

    def _write_alarms(self, found: Mapping[str, Seen], since: float) -> None:
        """Write the alarms of what was reported since a moment (rule 3)."""
        reports = {
            (moment, name): seen
            for name, seen in found.items()
            for moment, _ in seen.reported.values()
            if moment > since
        }
        written = []
        for moment, name in sorted(reports)[:MOST]:
            self._alarms += 1
            begin = f"{self._alarms:08d}.000 |{_local(moment):%H:%M:%S.%f}"[:-3]
            written.append(f"{begin} |AppInfo  |{_alarm(name, reports[moment, name], moment)}")
        self._file(SDL).write(written)

    def capf(self, note: CapfNote) -> None:
        """Write what CAPF did or refused."""
        level = "warn" if note.of_stranger else "debug"
        self._file(CAPF).write([trace_line(one_line(note.text), note.moment.astimezone(), level)])

    def unit(self, status: UnitStatus) -> None:
        """Write what became of a unit."""
        where = f" on port {status.port}" if status.port else ""
        problem = f": {one_line(status.problem)}" if status.problem else ""
        text = f"{status.name}[{status.state}]{where}{problem}"
        self._file(SERVICES).write([trace_line(text, datetime.now(UTC).astimezone(), "error" if problem else "debug")])

    def close(self) -> None:
        """Let go of open files."""
        for each in self._open.values():
            each.close()

    def _file(self, kind: TraceKind) -> TraceFile:
        found = self._open.get(kind)
        if found is None:
            folder = self._folder.area("activelog") / kind.folder
            found = self._open[kind] = TraceFile(folder, prefix=kind.prefix)
        return found


def _lines(name: str, seen: Seen) -> Iterator[_Line]:
    for kind, deliveries in seen.deliveries.items():
        for each in deliveries:
            digest = f", SHA-256 {each.sha256[:16]}" if each.sha256 != LOST else ""
            whole = "" if each.whole else ", its end was not acknowledged"
            yield each.moment, TFTP, f"{kind}{name}.tlv delivered to {each.address}{digest}{whole}"
    if seen.fetched is not None:
        yield seen.fetched.moment, TFTP, f"{seen.fetched.name} delivered to {seen.fetched.address}"
    if seen.registered is not None:
        fact = seen.registered
        yield fact.moment, CALLMANAGER, f"{name} registered from {fact.address}, {fact.security}"
    for kind, (moment, held) in seen.reported.items():
        yield moment, CALLMANAGER, f"{name} reports its {kind}: {held}"


def _alarm(name: str, seen: Seen, moment: float) -> str:
    values = {"DeviceName": name, "IPv4Address": seen.address}
    for kind, (at, held) in seen.reported.items():
        if at == moment:
            signature = "Not Installed" if held == NONE else f"{bytes.fromhex(held).hex(' ').upper()} "
            values |= {f"{kind}_Signature": signature, f"{kind}_TFTP_Server": "N/A"}
    strings = "".join(f'<String name="{each}">{xml_text(value)}</String>' for each, value in values.items())
    return f'<x-cisco-alarm><Alarm Name="DeviceTLInfo"><ParameterList>{strings}</ParameterList></Alarm></x-cisco-alarm>'


def _local(moment: float) -> datetime:
    return datetime.fromtimestamp(moment, UTC).astimezone()
