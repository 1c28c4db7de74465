"""How pages become HTML: Jinja's templates, always escaped, and assets whose names change with their bytes."""

from __future__ import annotations

import hashlib
import time
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from functools import cache
from importlib.resources import files
from typing import Any, Final

from jinja2 import Environment, PackageLoader, StrictUndefined

from mixedmode.faces.pictures.looks import SPRITE
from mixedmode.faces.web.kit.navigation import MENU
from mixedmode.faces.web.kit.outcomes import LOOK_OF, LOOKS

_TYPES: Final = {"css": "text/css", "js": "text/javascript", "svg": "image/svg+xml"}
_SHEETS: Final = ("base.css", "more.css")
"""Joined into ``style.css``, in this order, after the colours and sizes that reports have too."""
LEVEL_NAMES: Final = {0: "may look", 1: "may change", 4: "may do everything"}


@dataclass(frozen=True, slots=True)
class Asset:
    """A file that browsers keep for ever.

    Attributes:
        body: Its bytes.
        media_type: As browsers are told.
        digest: The part of its address that is another one when the bytes are.
    """

    body: bytes
    media_type: str
    digest: str


@cache
def assets() -> Mapping[str, Asset]:
    """Return the assets by name."""
    folder = files("mixedmode.faces.web") / "static"
    bodies = {each.name: each.read_bytes() for each in folder.iterdir() if each.name.rpartition(".")[2] in _TYPES}
    tokens = (files("mixedmode.faces.pictures") / "tokens.css").read_bytes()
    bodies["style.css"] = b"\n".join([tokens, *(bodies.pop(name) for name in _SHEETS)])
    return {
        name: Asset(body, f"{_TYPES[name.rpartition('.')[2]]}; charset=utf-8", hashlib.sha256(body).hexdigest()[:12])
        for name, body in bodies.items()
    }


def asset(name: str) -> str:
    """Return the address of an asset."""
    return f"/static/{assets()[name].digest}/{name}"


@cache
def environment() -> Environment:
    """Return the templates' environment: everything is escaped, and what a template forgot to be given is an error."""
    made = Environment(
        loader=PackageLoader("mixedmode.faces.web"),
        autoescape=True,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
        auto_reload=False,
    )
    made.globals |= {"asset": asset, "menu": MENU, "looks": LOOKS, "look_of": LOOK_OF, "level_names": LEVEL_NAMES}
    made.globals["sprite"] = SPRITE
    made.filters |= {"number": number, "moment": moment, "iso": iso, "hex": spaced_hex, "short": short_hex}
    return made


def render(template: str, context: Mapping[str, Any]) -> str:
    """Return a page.

    Args:
        template: Its file.
        context: What it is given.
    """
    return environment().get_template(template).render(context)


def number(value: int) -> str:
    """Return a number as people read it: ``40,000``."""
    return f"{value:,}"


def moment(value: datetime | None, *, seconds: bool = False) -> str:
    """Return a time of the machine's zone as people read it; the date only if it is not today."""
    if value is None:
        return "never"
    local, now = value.astimezone(), datetime.now(UTC).astimezone()
    clock = local.strftime("%H:%M:%S" if seconds else "%H:%M")
    if local.date() == now.date():
        return clock
    return f"{local.day} {local.strftime('%b %Y')}, {clock}"


def iso(value: datetime | None) -> str:
    """Return a time for the attribute ``datetime``: UTC."""
    return "" if value is None else value.astimezone(UTC).strftime("%Y-%m-%dT%H:%M:%SZ")


def spaced_hex(value: bytes | str) -> str:
    """Return a checksum in groups of four digits, as people compare it."""
    text = value if isinstance(value, str) else value.hex()
    return " ".join(text[at : at + 4] for at in range(0, len(text), 4))


def short_hex(value: bytes | str) -> str:
    """Return the first eight digits of a checksum."""
    text = value if isinstance(value, str) else value.hex()
    return spaced_hex(text[:8])


def page_made(begun: float) -> tuple[datetime, int]:
    """Return the time, and the milliseconds since a moment of :func:`time.perf_counter`: the foot of a page."""
    return datetime.now(UTC), round((time.perf_counter() - begun) * 1000)
