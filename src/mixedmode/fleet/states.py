"""What the phones of a fleet hold before they start: from files, or as phones that have started just now."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

from mixedmode.articles import with_article
from mixedmode.errors import UsageError
from mixedmode.fleet.fleet import Fleet
from mixedmode.fleet.memory import FORMAT, load_fleet
from mixedmode.fleet.phones import FleetPhone
from mixedmode.phone.body.client import Server
from mixedmode.phone.body.storage import read_state
from mixedmode.phone.body.tvs import TvsClient
from mixedmode.phone.mind.trust.state import PhoneState

_MOST_FILES = 10_000


def read_fleet(path: Path) -> list[FleetPhone] | None:
    """Return the phones of a fleet's file, None if it is not one.

    Raises:
        FleetMemoryError: It is one, but damaged.
    """
    try:
        with path.open("rb") as file:
            ours = FORMAT.encode() in file.read(64)
    except OSError:
        return None
    return load_fleet(path) if ours else None


def read_held(path: Path) -> dict[str, PhoneState]:
    """Return what phones hold, by name: from a fleet's file, a phone's, or a folder of phones' files.

    Raises:
        UsageError: There is no such file, or none in the folder.
        FleetMemoryError: A fleet's file is damaged.
        PhoneStateError: A phone's file is damaged.
    """
    fleet = read_fleet(path)
    if fleet is not None:
        return {phone.name: phone.state for phone in fleet}
    files = sorted(path.glob("*.json"))[:_MOST_FILES] if path.is_dir() else [path]
    held = dict(found for found in map(read_state, files) if found is not None)
    if not held:
        raise UsageError(
            "there is no phone's state here",
            where=str(path),
            next_step="keep one with `mixedmode phone --state FILE` or `mixedmode fleet boot --save FILE`",
        )
    return held


async def current(phones: Sequence[FleetPhone], server: Server, tvs: TvsClient | None) -> list[FleetPhone]:
    """Return the phones with the lists that a server offers now: one of each model starts without any and is copied.

    Raises:
        UsageError: Such a phone did not take what the server offers.
        RemoteError: The server cannot be reached.
    """
    first: dict[str, FleetPhone] = {}
    for phone in phones:
        first.setdefault(phone.model.name, replace(phone, state=PhoneState()))
    report = await Fleet(list(first.values()), server, tvs=tvs).run()
    held = {}
    for outcome in report.outcomes:
        trouble = outcome.trouble()
        if trouble is not None:
            raise UsageError(
                f"{with_article(outcome.model.name)} without lists does not take what the server offers: {trouble[2]}",
                where=trouble[0],
                next_step="see what it says with `mixedmode phone --trace`",
            )
        held[outcome.model.name] = outcome.state
    return [replace(phone, state=held[phone.model.name]) for phone in phones]
