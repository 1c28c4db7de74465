"""Who may see what ``show tech`` wrote: accounts of the level that made a bundle, and of a higher one.

A bundle holds the output of commands that need a level. Its name says which level made it, so that this holds in
either partition, after a restart and for whatever command looks for files.
"""

from __future__ import annotations

import re
from collections.abc import Iterable
from datetime import datetime

from mixedmode.cluster.engine.principal import LEVELS
from mixedmode.faces.shell.call import Call
from mixedmode.faces.shell.specs import Found, find

FOLDER = "cm/trace"
_NAME = re.compile(r"showtech-.*?(?:-level([0-9]))?\.txt.*", re.IGNORECASE | re.DOTALL)


def bundle_name(part: str, moment: datetime, level: int) -> str:
    """Return where a bundle goes, below the active log.

    Args:
        part: What it holds.
        moment: When it was made.
        level: Of the account that made it.
    """
    return f"{FOLDER}/showtech-{part}-{moment:%Y%m%d-%H%M%S}-level{level}.txt"


def level_of(name: str) -> int:
    """Return the level that may see a file, by its name; 0 unless it is a bundle.

    A bundle of a release that did not note the level is for the highest one.
    """
    found = _NAME.fullmatch(name.rpartition("/")[2])
    if found is None:
        return 0
    return int(found[1]) if found[1] else max(LEVELS)


def visible(found: Iterable[Found], level: int) -> list[Found]:
    """Return the files that an account of a level may see."""
    return [each for each in found if level_of(each.path.name) <= level]


async def find_files(call: Call, spec: str, *, listing: bool = False, recursive: bool = False) -> list[Found]:
    """Return what a specification names in the command's area and the account may see; see :func:`.specs.find`."""
    area = call.value("area")
    folder = call.cluster.folder(call.node).area(area)
    found = await call.blocking(lambda: find(folder, area, spec, listing=listing, recursive=recursive))
    return visible(found, call.session.privilege)
