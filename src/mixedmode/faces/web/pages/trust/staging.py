"""A staged change: operations in order with who is off and how TVS answers, as a part of an address.

Rules:

1. The address is all there is: nothing is kept, so it can be shared, run or dropped.
2. It comes from anybody: it is bounded before it is unpacked, and each operation is made anew through the door.
"""

from __future__ import annotations

import base64
import json
import shlex
import zlib
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from typing import Any, Final

from mixedmode.errors import UsageError
from mixedmode.forecast.plan import Off, Tvs
from mixedmode.json_reader import read_json

MOST_STEPS: Final = 8
LONGEST: Final = 12_000
_UNPACKED: Final = 64_000
OPERATIONS: Final = (
    "utils ctl set-cluster mixed-mode",
    "utils ctl set-cluster non-secure-mode",
    "utils ctl update CTLFile",
    "utils ctl reset localkey",
    "utils itl reset localkey",
    "set cert regen",
    "set cert import trust",
    "set cert import own",
    "set cert delete",
    "set parameter",
    "file delete tftp",
    "utils system switch-version",
    "node remove",
)
"""Those that change what phones are offered."""


@dataclass(frozen=True, slots=True)
class StagedStep:
    """A step.

    Attributes:
        title: Of the operation.
        fields: Of it, as JSON values.
        off: The phones that are off during it: names with commas, or 30%.
        tvs: How TVS answers in it; empty: as in the whole change.
        reset: Whether phones are restarted after it.
    """

    title: str
    fields: Mapping[str, Any] = field(default_factory=dict)
    off: str = ""
    tvs: str = ""
    reset: bool = True

    @property
    def text(self) -> str:
        """The operation as the command line takes it."""
        words = [
            f"{key}={shlex.quote(value)}" for key, value in self.fields.items() if isinstance(value, str) and value
        ]
        return " ".join([self.title, *words])

    @property
    def label(self) -> str:
        """The operation for people: files and certificates by their names alone."""
        short = [f"{key} {value}" for key, value in self.fields.items() if value and len(str(value)) <= 80]
        return f"{self.title}{': ' if short else ''}{', '.join(short)}"

    def document(self) -> dict[str, Any]:
        """Return it as JSON; what is as always is left out."""
        given = {key: value for key, value in self.fields.items() if value is not None}
        found: dict[str, Any] = {"o": self.title, "f": given, "x": self.off, "t": self.tvs, "r": self.reset}
        return {key: value for key, value in found.items() if value not in ("", {}) and (key, value) != ("r", True)}


@dataclass(frozen=True, slots=True)
class Staged:
    """A change.

    Attributes:
        steps: In order.
        tvs: How TVS answers in all of it.
    """

    steps: tuple[StagedStep, ...] = ()
    tvs: str = Tvs.UP.value

    def text(self) -> str:
        """Return it as a part of an address; empty if nothing is staged."""
        if not self.steps:
            return ""
        found = {"s": [each.document() for each in self.steps], "t": self.tvs}
        packed = zlib.compress(json.dumps(found, separators=(",", ":"), sort_keys=True).encode(), 9)
        return base64.urlsafe_b64encode(packed).decode().rstrip("=")

    @classmethod
    def read(cls, text: str) -> Staged:
        """Return what an address says (rule 2).

        Raises:
            UsageError: It is no staged change.
        """
        if not text:
            return cls()
        try:
            found = read_json(_unpacked(text))
            # Halves of characters, which JSON can name, are no text that any page could show.
            json.dumps(found, ensure_ascii=False).encode()
            steps = tuple(_step(each) for each in found["s"])
            return cls(steps, Tvs(found.get("t", "up")).value).checked()
        except (ValueError, KeyError, TypeError, AttributeError, RecursionError, zlib.error) as error:
            raise UsageError(
                "the address holds no staged change", why=str(error), next_step="stage it anew: Trust, Forecast"
            ) from None

    def checked(self) -> Staged:
        """Return it, if it is within its bounds.

        Raises:
            UsageError: It is not.
        """
        if len(self.steps) > MOST_STEPS:
            raise UsageError(f"a change has at most {MOST_STEPS} steps here", next_step="forecast the rest afterwards")
        for each in self.steps:
            if each.off:
                Off.parse(each.off)
        return self

    def with_step(self, step: StagedStep) -> Staged:
        """Return it with one step more."""
        return replace(self, steps=(*self.steps, step)).checked()

    def without(self, place: int) -> Staged:
        """Return it without the step at a place."""
        return replace(self, steps=tuple(each for at, each in enumerate(self.steps) if at != place))

    def earlier(self, place: int) -> Staged:
        """Return it with the step at a place before the one that was before it."""
        steps = list(self.steps)
        if 0 < place < len(steps):
            steps[place - 1], steps[place] = steps[place], steps[place - 1]
        return replace(self, steps=tuple(steps))

    def changed(self, place: int, **values: Any) -> Staged:
        """Return it with something else at the step at a place."""
        steps = [replace(each, **values) if at == place else each for at, each in enumerate(self.steps)]
        return replace(self, steps=tuple(steps)).checked()


def _unpacked(text: str) -> bytes:
    if len(text) > LONGEST:
        raise ValueError("it is too long")
    unpacker = zlib.decompressobj()
    data = unpacker.decompress(base64.urlsafe_b64decode(text + "=" * (-len(text) % 4)), _UNPACKED)
    if not unpacker.eof:
        raise ValueError("it is too long, or torn")
    return data


def _step(found: Mapping[str, Any]) -> StagedStep:
    title, fields, off = found["o"], found.get("f", {}), found.get("x", "")
    if title not in OPERATIONS or not isinstance(fields, dict) or not isinstance(off, str):
        raise ValueError("a step is none")
    tvs = str(found.get("t", ""))
    return StagedStep(title, fields, off[:2000], Tvs(tvs).value if tvs else "", bool(found.get("r", True)))


def read_text(text: str) -> tuple[str, dict[str, str]]:
    """Return the title and the fields of an operation's text; no file is ever read."""
    try:
        words = shlex.split(text)
    except ValueError as error:
        raise UsageError(f"{text!r} cannot be read: {error}") from error
    fields = {key: value for key, mark, value in (word.partition("=") for word in words) if mark}
    return " ".join(word for word in words if "=" not in word), fields
