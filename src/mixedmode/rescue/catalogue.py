"""The catalogue of key sequences, by model and firmware; pure (docs/specification/rescue.md 2).

Rules:

1. A sequence has one confirm key, and it is the last one: what stands before it does nothing that cannot be left.
2. An entry is a candidate until a person has walked it, the confirm key left out, on a phone of that model, load and
   menu: a :class:`Confirmation`. One that is refused stays so.
3. A confirmation is of the steps that were walked: who changes an entry has it walked again.
"""

from __future__ import annotations

import hashlib
import json
import tomllib
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from enum import StrEnum
from fnmatch import fnmatchcase
from typing import Any, Final

from mixedmode.errors import MalformedError

_SIGNS: Final = {"*": "KeyPadStar", "#": "KeyPadPound", **{str(n): f"KeyPad{n}" for n in range(10)}}
_NAME_CHARACTERS: Final = frozenset("ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789_")
LISTS: Final = ("CTL", "ITL")


class State(StrEnum):
    """What is known of a sequence."""

    CANDIDATE = "candidate"
    CONFIRMED = "confirmed"
    REFUSED = "refused"


@dataclass(frozen=True, slots=True)
class Step:
    """One key.

    Attributes:
        uri: Such as ``Key:KeyPad4``.
        see: What the screen shows behind it; empty if no source says.
        wait: Seconds until the next key.
        unlock: Whether it ends ``**#``, which must not be repeated blindly.
        confirm: Whether it erases.
    """

    uri: str
    see: str = ""
    wait: float = 1.0
    unlock: bool = False
    confirm: bool = False

    def document(self) -> list[Any]:
        """Return it as JSON."""
        return [self.uri, self.see, self.wait, self.unlock, self.confirm]


@dataclass(frozen=True, slots=True)
class Entry:
    """A sequence.

    Attributes:
        name: Its id.
        models: By the names of the table of models.
        loads: A pattern of firmware loads, ``*`` for any.
        erases: ``CTL``, ``ITL`` or both.
        path: The way through the menus, in words.
        steps: The keys, the confirm key last.
        leave: What is pressed behind it to leave the menu.
        sources: Who says so.
        confidence: Letters of rescue.md 2, and why.
        state: As the catalogue has it: candidate or refused.
        why: Why it is refused.
    """

    name: str
    models: tuple[str, ...]
    loads: str
    erases: tuple[str, ...]
    path: str
    steps: tuple[Step, ...]
    leave: tuple[str, ...] = ()
    sources: tuple[str, ...] = ()
    confidence: str = ""
    state: State = State.CANDIDATE
    why: str = ""

    @property
    def sha256(self) -> str:
        """Return a hash of what is pressed, lower hex."""
        said = [self.name, list(self.erases), [step.document() for step in self.steps], list(self.leave)]
        return hashlib.sha256(json.dumps(said).encode()).hexdigest()

    @property
    def confirm(self) -> Step:
        """Return the key that erases."""
        return self.steps[-1]

    @property
    def home(self) -> str:
        """Return the key that goes home before all others."""
        return self.steps[0].uri

    def fits(self, model: str, load: str) -> bool:
        """Return whether it is of a model with a load; a load that is not known fits any."""
        return model in self.models and (not load or fnmatchcase(load.lower(), self.loads.lower()))


@dataclass(frozen=True, slots=True)
class Confirmation:
    """A person saw the question that the confirm key answers.

    Attributes:
        entry: The id of the sequence.
        sha256: Of the sequence.
        model: On which model.
        load: With which firmware.
        menu: What the menus depend on beside these, as the inventory calls it; empty where it does not.
        person: Who.
        time: When, ISO 8601.
        phone: On which phone.
        evidence: The hash of the record of the walk.
        named: Whether the phone named its windows, so that a run looks before it confirms.
    """

    entry: str
    sha256: str
    model: str
    load: str
    menu: str
    person: str
    time: str
    phone: str
    evidence: str
    named: bool = False

    def document(self) -> dict[str, Any]:
        """Return it as JSON."""
        return {name: getattr(self, name) for name in self.__slots__}

    @classmethod
    def of(cls, found: Any) -> Confirmation:
        """Read it.

        Raises:
            MalformedError: It is none.
        """
        if not isinstance(found, dict) or not all(
            isinstance(found.get(name), bool if name == "named" else str) for name in cls.__slots__
        ):
            raise MalformedError("a confirmation lacks a field", next_step="walk the sequence again")
        return cls(**{name: found[name] for name in cls.__slots__})


@dataclass(frozen=True, slots=True)
class Catalogue:
    """The sequences, and what people confirmed of them.

    Attributes:
        entries: In the order of the file.
        confirmations: Of any time; the latest counts.
    """

    entries: tuple[Entry, ...]
    confirmations: tuple[Confirmation, ...] = ()

    def find(self, name: str) -> Entry | None:
        """Return an entry by its id."""
        return next((entry for entry in self.entries if entry.name == name), None)

    def of(self, model: str, load: str) -> list[Entry]:
        """Return the entries that may be used for a model with a load."""
        return [entry for entry in self.entries if entry.state is not State.REFUSED and entry.fits(model, load)]

    def confirmation(self, entry: Entry, model: str, load: str, menu: str) -> Confirmation | None:
        """Return who confirmed an entry for phones of a kind, None if nobody did (rules 2 and 3)."""
        wanted = (entry.name, entry.sha256, model, load, menu)
        if entry.state is State.REFUSED or not load:
            return None
        found = (c for c in reversed(self.confirmations) if (c.entry, c.sha256, c.model, c.load, c.menu) == wanted)
        return next(found, None)

    def way(self, kind: tuple[str, str, str], lists: Sequence[str]) -> list[Entry]:
        """Return the confirmed entries that erase lists of a kind of phones, one behind the other; none if not all can.

        Args:
            kind: Model, load and menu.
            lists: Those to erase.
        """
        usable = [entry for entry in self.of(*kind[:2]) if self.confirmation(entry, *kind) is not None]
        at_once = next((entry for entry in usable if set(lists) <= set(entry.erases)), None)
        if at_once is not None:
            return [at_once]
        each = [next((entry for entry in usable if name in entry.erases), None) for name in lists]
        return [entry for entry in each if entry is not None] if all(each) else []


def read_catalogue(text: str, confirmations: Iterable[Confirmation] = ()) -> Catalogue:
    """Read a catalogue.

    Args:
        text: TOML.
        confirmations: What people confirmed.

    Raises:
        MalformedError: It is none; the error names the entry.
    """
    try:
        found = tomllib.loads(text).get("entry", [])
    except tomllib.TOMLDecodeError as error:
        raise MalformedError(f"the catalogue is no TOML: {error}") from error
    entries = tuple(_entry(each) for each in found)
    names = [entry.name for entry in entries]
    if len(set(names)) < len(names):
        raise MalformedError("two entries of the catalogue have one id")
    return Catalogue(entries, tuple(confirmations))


def _entry(found: dict[str, Any]) -> Entry:
    name = str(found.get("id", ""))
    try:
        pace = float(found.get("pace", 2.0))
        entry = Entry(
            name,
            tuple(found["models"]),
            found.get("loads", "*"),
            tuple(found["erases"]),
            found["path"],
            tuple(_step(each, pace) for each in found["steps"]),
            tuple(found.get("leave", ())),
            tuple(found["sources"]),
            found.get("confidence", ""),
            State(found.get("state", "candidate")),
            found.get("why", ""),
        )
    except (KeyError, TypeError, ValueError) as error:
        raise MalformedError(f"entry {name or '?'} of the catalogue cannot be read: {error}") from error
    confirms = [step.confirm for step in entry.steps]
    if not name or not entry.erases or not set(entry.erases) <= set(LISTS) or entry.state is State.CONFIRMED:
        raise MalformedError(f"entry {name or '?'} of the catalogue has no id, list or state that may stand there")
    if confirms.count(True) != 1 or not confirms[-1]:
        raise MalformedError(f"entry {name}: one key confirms, and it is the last one")
    return entry


def _step(found: dict[str, Any], pace: float) -> Step:
    key = str(found["key"])
    uri = key if key.startswith("Init:") else f"Key:{_SIGNS.get(key, key)}"
    if not set(uri.partition(":")[2]) <= _NAME_CHARACTERS:
        raise ValueError(f"{key!r} is no key")
    wait = float(found.get("wait", pace))
    return Step(uri, found.get("see", ""), wait, bool(found.get("unlock")), bool(found.get("confirm")))
