"""What a node writes down of TFTP, CallManager, CAPF and its units, for the traces of the pages."""

from __future__ import annotations

from datetime import UTC, datetime
from pathlib import Path
from time import time

from mixedmode.cluster.model.sightings import Delivery, Fetched, Registered, Reported, Seen
from mixedmode.cluster.store.folders import NodeFolder
from mixedmode.node.units.traces import MOST, NodeTraces
from mixedmode.services.capf.notes import CapfNote, CapfOutcome
from mixedmode.services.net.supervisor import UnitState, UnitStatus
from mixedmode.services.traces.catalogue import CALLMANAGER, CAPF, SERVICES, TFTP, TraceKind
from mixedmode.services.traces.trace_file import trace_files


def lines(folder: NodeFolder, kind: TraceKind) -> list[str]:
    files = trace_files(folder.area("activelog") / kind.folder, kind.prefix)
    return [line for _, path in files for line in path.read_text().splitlines()]


def test_each_service_has_its_trace_and_no_line_comes_twice(tmp_path: Path) -> None:
    folder = NodeFolder(tmp_path / "pub").create()
    traces, seen = NodeTraces(folder), Seen()
    seen.deliver("CTL", Delivery(100.0, "127.0.0.9", "ab" * 32, whole=False))
    seen.fetched = Fetched(101.0, "127.0.0.9", "SEP001122334455.cnf.xml.sgn")
    seen.registered = Registered(102.0, "127.0.0.9", "encrypted")
    seen.report(Reported(103.0, "cd" * 20, None))
    traces.seen({"SEP001122334455": seen})
    traces.seen({"SEP001122334455": seen})
    assert [line.partition("|")[2].strip() for line in lines(folder, TFTP)] == [
        "debug CTLSEP001122334455.tlv delivered to 127.0.0.9, SHA-256 abababababababab, its end was not acknowledged",
        "debug SEP001122334455.cnf.xml.sgn delivered to 127.0.0.9",
    ]
    assert [line.partition("debug ")[2] for line in lines(folder, CALLMANAGER)] == [
        "SEP001122334455 registered from 127.0.0.9, encrypted",
        f"SEP001122334455 reports its CTL: {'cd' * 20}",
    ]
    traces.capf(CapfNote(datetime.now(UTC), CapfOutcome.REFUSED, "SEP001122334455", "127.0.0.9", "no order"))
    assert "warn SEP001122334455 from 127.0.0.9" in lines(folder, CAPF)[0]
    traces.unit(UnitStatus("tvs", UnitState.STARTED, 2445, 1, 0, ""))
    traces.unit(UnitStatus("tvs", UnitState.STOPPED, None, 1, 1, "the port\nis taken"))
    assert lines(folder, SERVICES)[0].endswith("debug tvs[STARTED] on port 2445")
    assert lines(folder, SERVICES)[1].endswith("error tvs[STOPPED]: the port is taken")
    traces.close()


def test_a_clock_that_is_put_back_loses_no_line(tmp_path: Path) -> None:
    folder, now = NodeFolder(tmp_path / "pub").create(), time()
    traces = NodeTraces(folder)
    traces.seen({"SEP001122334455": Seen(registered=Registered(now + 3600.0, "x", "non-secure"))})
    for _ in range(2):
        traces.seen({"SEP001122334466": Seen(registered=Registered(now, "x", "non-secure"))})
    assert [line.partition("debug ")[2][:15] for line in lines(folder, CALLMANAGER)] == [
        "SEP001122334455",
        "SEP001122334466",
    ]
    traces.close()


def test_a_storm_is_bounded(tmp_path: Path) -> None:
    folder = NodeFolder(tmp_path / "pub").create()
    traces = NodeTraces(folder)
    found = {f"SEP{at:012X}": Seen(registered=Registered(100.0 + at, "x", "non-secure")) for at in range(MOST + 5)}
    traces.seen(found)
    written = lines(folder, CALLMANAGER)
    assert len(written) == MOST + 1
    assert written[-1].endswith("warn 5 more lines were left out")
