"""The phones that are behind, and those of which nothing is known: they are not the same."""

from __future__ import annotations

import time

from sqlalchemy import delete, select, update

from mixedmode.cluster.model.sightings import NONE, Delivery, Reported, Seen
from mixedmode.cluster.store.schema import DeviceRow, DeviceSighting
from tests.faces.web.weblab import WebLab


def test_phones_that_never_told_what_they_hold_are_unknown_and_not_behind(lab: WebLab) -> None:
    reader = lab.visitor("reader")
    everybody = reader.get("/guides/phones?format=csv").rows
    with lab.cluster.database.read() as session:
        untouched = DeviceRow.lastseen.is_(None) & ~DeviceRow.id.in_(select(DeviceSighting.fkdevice))
        names = list(session.scalars(select(DeviceRow.name).where(untouched).order_by(DeviceRow.name).limit(3)))
    other, empty, takes_files = names
    now = time.time()
    said = {name: Seen() for name in names}
    said[other].report(Reported(now, "ab" * 20, NONE))
    said[empty].report(Reported(now, NONE, NONE))
    said[takes_files].deliver("CTL", Delivery(now, "127.0.0.1", "cd" * 32))
    lab.cluster.sightings.add(said)
    try:
        rows = {row["name"]: row for row in reader.get("/guides/phones?format=csv").rows}
        assert len(rows) == len(everybody)
        assert [rows[name]["state"] for name in names] == ["behind", "behind", "unknown"]
        assert [rows[name]["holds"] for name in names] == ["ab" * 20, "none", ""]
        assert "it does not say what it holds" in rows[takes_files]["remedy"]
        never = reader.get("/guides/phones?state=unknown&format=csv").rows
        assert {row["state"] for row in never} == {"unknown"}
        assert not {other, empty} & {row["name"] for row in never}
        assert any("see that it is on" in row["remedy"] for row in never)
        behind = reader.get("/guides/phones?state=behind").words
        assert other in behind
        assert f"{len(never)} of all phones are unknown: they never told what they hold" in behind
    finally:
        with lab.cluster.database.write() as session:
            numbers = select(DeviceRow.id).where(DeviceRow.name.in_(names))
            session.execute(delete(DeviceSighting).where(DeviceSighting.fkdevice.in_(numbers)))
            session.execute(
                update(DeviceRow).where(DeviceRow.name.in_(names)).values(lastseen=None, ctlhash="", itlhash="")
            )
