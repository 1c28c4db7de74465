"""The phones that are behind, and those of which nothing is known: they are not the same."""

from __future__ import annotations

from datetime import timedelta

from sqlalchemy import select, update

from mixedmode.cluster.store.schema import DeviceRow
from tests.faces.web.weblab import WebLab


def test_a_phone_that_was_never_seen_is_unknown_and_not_behind(lab: WebLab) -> None:
    reader = lab.visitor("reader")
    everybody = reader.get("/guides/phones?format=csv").rows
    with lab.cluster.database.write() as session:
        name = session.scalar(select(DeviceRow.name).where(DeviceRow.lastseen.is_(None)).limit(1))
        assert name is not None
        seen = lab.cluster.now() - timedelta(minutes=5)
        session.execute(update(DeviceRow).where(DeviceRow.name == name).values(lastseen=seen, ctlhash="ab" * 20))
    try:
        states = {row["name"]: row["state"] for row in reader.get("/guides/phones?format=csv").rows}
        assert len(states) == len(everybody)
        assert states[name] == "behind"
        never = reader.get("/guides/phones?state=unknown&format=csv").rows
        assert name not in {row["name"] for row in never}
        assert all(row["state"] == "unknown" and "see that it is on" in row["remedy"] for row in never)
        assert len(never) > 1
        behind = reader.get("/guides/phones?state=behind").words
        assert name in behind
        assert f"{len(never)} of all phones were never seen" in behind
    finally:
        with lab.cluster.database.write() as session:
            session.execute(update(DeviceRow).where(DeviceRow.name == name).values(lastseen=None, ctlhash=""))
