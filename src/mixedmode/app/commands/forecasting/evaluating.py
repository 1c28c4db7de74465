"""Evaluates what was asked: the change, the phones one by one, each kind of them once."""

from __future__ import annotations

import sys
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Final

from mixedmode.app.commands.forecasting.asked import CLUSTER, STDIN, Asked, place
from mixedmode.app.commands.forecasting.counting import Counting, Take
from mixedmode.errors import UsageError
from mixedmode.faces.terminal.console import say
from mixedmode.forecast.evaluation import Forecaster
from mixedmode.forecast.plan import Plan, Tvs
from mixedmode.forecast.tally import Cell
from mixedmode.inventory.library import Library

if TYPE_CHECKING:
    from mixedmode.app.commands.forecasting.cluster import About
    from mixedmode.app.commands.forecasting.fingerprints import Prints
    from mixedmode.forecast.plan import Step
    from mixedmode.inventory.reading import Inventory

_PROGRESS_SECONDS: Final = 2.0


@dataclass
class Made:
    """A forecast that was made.

    Attributes:
        plan: The change.
        forecaster: Who evaluated it.
        cells: The phones.
        found: The inventory, read to its end.
        prints: What it rests on; empty unless that was asked for.
        sha256: Of the inventory's file; empty unless that was asked for.
    """

    plan: Plan
    forecaster: Forecaster
    cells: list[Cell]
    found: Inventory
    prints: Prints = field(default_factory=dict)
    sha256: str = ""


def evaluate(
    asked: Asked,
    folder: Path,
    *,
    out: Path | None = None,
    take: Take | None = None,
    hashed: bool = False,
    about: About | None = None,
) -> Made:
    """Make a forecast.

    Args:
        asked: What of.
        folder: What its names are relative to.
        out: Where each phone's outcome is written.
        take: Told of each phone.
        hashed: Whether to say what it rests on.
        about: The cluster, if it is looked at already.

    Raises:
        MixedModeError: Something of it cannot be read, or an operation would be refused.
    """
    from mixedmode.app.commands.forecasting.change import Changes
    from mixedmode.app.commands.forecasting.vouching import policy_settings, vouched

    about = about or cluster_of(asked, folder)
    library = Library()
    places = {text: place(folder, text) for text in asked.lists}
    there = [(text, path) for text, path in places.items() if path.exists()]
    for _, path in there:
        library.add_path(path)
    operate, home = no_operation if about is None else about.operate, None if folder == Path() else folder
    changes = Changes(operate, home, library, "the inventory" if asked.inventory == STDIN else "")
    toml = None if asked.plan is None else place(folder, asked.plan)
    given, way = changes.from_file(toml) if toml is not None else ([], None)
    given += changes.from_options(asked.steps)
    chosen = _way(asked.tvs) if asked.tvs is not None else way or Tvs.UP
    trusted = [(text, place(folder, text)) for text in asked.tvs_trust]
    plan = Plan(tuple(given), chosen, vouched(path for _, path in trusted))
    if about is not None:
        plan = replace(plan, present=about.present, foresee=about.foresee)
    settings, answered = policy_settings(asked.policy)
    for data in (*changes.files.values(), *(about.lists if about is not None else ())):
        library.add(data)
    forecaster = Forecaster(plan, settings, answered=answered, both_ways=asked.both_ways, now=datetime.now(UTC))
    for digest in library.half():
        say(f"the listing of {digest} is not whole: it explains nothing; paste all that the command prints")
    found, cells, sha256 = _read(asked, folder, library, forecaster, out, take, hashed=hashed)
    found.absent = tuple(text for text in places if text not in dict(there))
    made = Made(plan, forecaster, cells, found, sha256=sha256)
    if hashed:
        from mixedmode.app.commands.forecasting.fingerprints import of_bytes, of_paths

        made.prints = {
            "published": {name: of_bytes(data) for name, data in changes.files.items()},
            "plan": {} if asked.plan is None or toml is None else of_paths([(asked.plan, toml)]),
            "lists": of_paths(there),
            "tvs-trust": of_paths(trusted),
            "cluster": {} if about is None else about.prints,
        }
    return made


def cluster_of(asked: Asked, folder: Path) -> About | None:
    """Return the cluster that it is about, None if it is about files alone.

    Raises:
        NotFoundError: There is no cluster.
        DatabaseError: The database cannot be used.
    """
    if not asked.wants_cluster:
        return None
    from mixedmode.app.commands.forecasting.cluster import whose

    directory = None if asked.directory is None else place(folder, asked.directory)
    config = None if asked.config is None else place(folder, asked.config)
    return whose(directory, config, wanted=True)


def _read(
    asked: Asked,
    folder: Path,
    library: Library,
    forecaster: Forecaster,
    out: Path | None,
    take: Take | None,
    *,
    hashed: bool,
) -> tuple[Inventory, list[Cell], str]:
    """Read the phones, evaluate each kind once, and write each one's outcome."""
    from time import monotonic

    from mixedmode.app.commands.forecasting.phones_in import opened
    from mixedmode.app.commands.forecasting.phones_out import written

    watched, told = sys.stderr.isatty(), monotonic()
    with opened(asked, folder, library, hashed=hashed) as phones, written(out) as write:
        found, counting = phones.found, Counting(forecaster, write, take)
        strangers = {name for step in forecaster.plan.steps for name in step.off.names}
        for batch in phones.batches:
            if strangers:
                strangers.difference_update(batch.names)
            counting.add(batch)
            if watched and monotonic() - told > _PROGRESS_SECONDS:
                told = monotonic()
                say(f"{counting.count:,} phones in {len(counting.cells):,} states")
        sha256 = phones.finish()
    found.strangers = tuple(sorted(strangers))
    if not counting.count:
        if asked.inventory == CLUSTER:
            raise UsageError("the cluster has no devices", where=found.name, next_step="add some: mixedmode device add")
        raise UsageError("the inventory names no phone", where=found.name, next_step="its first row names the columns")
    return found, counting.cells, sha256


def _way(text: str) -> Tvs:
    try:
        return Tvs(text.lower())
    except ValueError:
        raise UsageError(f"--tvs {text!r} is not known", next_step=f"write {', '.join(Tvs)}") from None


def no_operation(text: str) -> Step:
    """Refuse an operation where there is no cluster.

    Raises:
        UsageError: Always.
    """
    raise UsageError(
        f"{text!r}: operations need a cluster",
        next_step="name it: --directory LAB or --config FILE; or give lists with --publish",
    )
