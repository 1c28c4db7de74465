"""The plan: which phones, by which sequence, and why; pure (docs/specification/rescue.md 5.1).

Rules:

1. A phone is in the plan if its verdict is "ready" and a list that it holds is known not to be among those that the
   servers hand out. No other phone is ever pressed.
2. The sets of lists are those of every TFTP node; a node that did not answer is no plan.
3. A plan is for the catalogue and confirmations of its day: a sequence that was changed since is refused.
4. Its hash names it. The word that a person types back is made of it.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any, Final

from mixedmode.articles import with_article
from mixedmode.errors import CheckFailedError, MalformedError
from mixedmode.json_reader import read_json
from mixedmode.phone.mind.models import MODELS
from mixedmode.rescue.catalogue import LISTS, Catalogue, Confirmation, Entry
from mixedmode.rescue.outcomes import Outcome
from mixedmode.rescue.phone.reading import NONE
from mixedmode.rescue.readiness import PhoneFacts, Verdict, Word, proof_of

FORMAT: Final = "mixedmode rescue plan"
VERSION: Final = 1


@dataclass(frozen=True, slots=True)
class Served:
    """The lists that the servers hand out.

    Attributes:
        files: Of each node, by the file's name: MD5, SHA-1 and SHA-256 in lower hex; empty if it has no such file.
    """

    files: Mapping[str, Mapping[str, tuple[str, ...]]]

    def hashes(self, kind: str) -> frozenset[str]:
        """Return every hash of the lists of a kind, of whatever algorithm."""
        return frozenset(each for files in self.files.values() for each in files[f"{kind}File.tlv"])

    def problem(self) -> str:
        """Return why this is no consistent set, empty if it is one: one CTL, and an ITL on every node."""
        ctls = {files["CTLFile.tlv"] for files in self.files.values()}
        without = [node for node, files in self.files.items() if not files["ITLFile.tlv"]]
        if not self.files:
            return "no TFTP node is named"
        if len(ctls) > 1:
            return "the nodes do not hand out the same CTL"
        return f"{', '.join(without)} hands out no ITL" if without else ""

    def is_wrong(self, kind: str, held: str) -> bool:
        """Return whether what a phone holds is known to be none of these; without a CTL there is nothing to compare."""
        served = self.hashes(kind)
        return bool(served) and bool(held) and held != NONE and held not in served

    def is_right(self, kind: str, held: str) -> bool:
        """Return whether what a phone holds is one of these, or none where none is handed out."""
        served = self.hashes(kind)
        return held in served if served else held in {NONE, ""}

    def others_than(self, everybody: Served) -> list[str]:
        """Return the nodes that hand out a list which is none of everybody's."""
        return [
            node
            for node, files in self.files.items()
            if any(set(files[f"{kind}File.tlv"]) - everybody.hashes(kind) for kind in LISTS)
        ]

    def document(self) -> dict[str, Any]:
        """Return it as JSON."""
        return {node: {name: list(each) for name, each in files.items()} for node, files in self.files.items()}


@dataclass(frozen=True, slots=True)
class Planned:
    """A phone of the plan.

    Attributes:
        name: Its device name.
        model: By the table of models.
        load: Its firmware.
        menu: What its menus depend on beside these.
        url: Where its pages are.
        ctl: What it held, a hash, ``none`` or empty.
        itl: The same of its ITL.
        source: Where that is known from.
        time: Since when.
        entries: The sequences, one behind the other.
        lists: What they erase.
    """

    name: str
    model: str
    load: str
    menu: str
    url: str
    ctl: str
    itl: str
    source: str
    time: str
    entries: tuple[str, ...]
    lists: tuple[str, ...]

    @property
    def kind(self) -> tuple[str, ...]:
        """Return what a canary is for: model, load, menu, lists and sequences."""
        return (self.model, self.load, self.menu, self.ctl, self.itl, *self.entries)

    @property
    def proof(self) -> int:
        """Return the strength of proof that its pages can give."""
        return proof_of(MODELS.get(self.model))

    def document(self) -> dict[str, Any]:
        """Return it as JSON."""
        return {name: _plain(getattr(self, name)) for name in self.__slots__}


def _plain(value: Any) -> Any:
    return list(value) if isinstance(value, tuple) else value


@dataclass(frozen=True, slots=True)
class Plan:
    """What a run does.

    Attributes:
        made: When, ISO 8601.
        cluster: Its name, for people.
        nodes: Of each TFTP node its name and the URL of its lists.
        served: What they handed out.
        phones: In order.
        entries: The hash of each sequence, by its id.
        left_out: The phones that are not in it, with the outcome that this is for them, and why.
        directory: The folder of the lab that is meant; empty for any other cluster.
    """

    made: str
    cluster: str
    nodes: Mapping[str, str]
    served: Served
    phones: tuple[Planned, ...]
    entries: Mapping[str, str]
    left_out: tuple[tuple[str, Outcome, str], ...] = ()
    directory: str = ""

    def document(self) -> dict[str, Any]:
        """Return it as JSON."""
        return {
            "format": FORMAT,
            "version": VERSION,
            "made": self.made,
            "cluster": self.cluster,
            "directory": self.directory,
            "nodes": dict(self.nodes),
            "served": self.served.document(),
            "entries": dict(self.entries),
            "phones": [phone.document() for phone in self.phones],
            "left_out": [[name, outcome.value, why] for name, outcome, why in self.left_out],
        }

    @property
    def sha256(self) -> str:
        """Return its hash, lower hex."""
        return hashlib.sha256(json.dumps(self.document(), sort_keys=True).encode()).hexdigest()

    @property
    def word(self) -> str:
        """Return the word that a person types back before anything is pressed."""
        return f"erase-{len(self.phones)}-{self.sha256[:6]}"

    def checked(self, catalogue: Catalogue) -> dict[str, Entry]:
        """Return its sequences as the catalogue has them now (rule 3), each confirmed for each phone that needs it.

        Raises:
            CheckFailedError: One was changed, or is not confirmed for a phone.
        """
        found: dict[str, Entry] = {}
        for phone in self.phones:
            for name in phone.entries:
                entry = catalogue.find(name)
                if entry is None or entry.sha256 != self.entries.get(name):
                    raise CheckFailedError(
                        f"the sequence {name} is another one than in the plan", next_step="plan again"
                    )
                if self.confirmation(catalogue, phone, entry) is None:
                    kind = f"{with_article(phone.model)} with {phone.load or 'an unknown load'}"
                    raise CheckFailedError(
                        f"{phone.name}: nobody confirmed {name} for {kind}",
                        next_step=f"walk it on one of them: mixedmode rescue walk {phone.name} --entry {name}",
                    )
                found[name] = entry
        return found

    @staticmethod
    def confirmation(catalogue: Catalogue, phone: Planned, entry: Entry) -> Confirmation | None:
        """Return who confirmed a sequence for a phone's kind."""
        return catalogue.confirmation(entry, phone.model, phone.load, phone.menu)


def planned(facts: PhoneFacts, found: Verdict, served: Served, catalogue: Catalogue) -> Planned | tuple[Outcome, str]:
    """Return a phone's part of the plan, or what it is without one, and why."""
    wrong = tuple(kind for kind in LISTS if served.is_wrong(kind, getattr(facts, kind.lower())))
    if not wrong:
        if facts.itl and served.is_right("ITL", facts.itl):
            return Outcome.ALREADY_RIGHT, "it holds what the servers hand out"
        return Outcome.STOPPED, "not planned: no wrong list is known of it"
    if found.word is Word.NO_ENTRY:
        outcome = Outcome.NOT_CONFIRMED if found.todo else Outcome.NOT_IN_CATALOGUE
        return outcome, "; ".join(found.why)
    if found.word is not Word.READY:
        return Outcome.STOPPED, f"not planned: {'; '.join((found.text, *found.why))}"
    way = catalogue.way(facts.kind, wrong)
    if not way:
        return Outcome.NOT_CONFIRMED, f"no confirmed sequence erases its {' and '.join(wrong)}"
    erased = tuple(kind for kind in LISTS if any(kind in entry.erases for entry in way))
    model, load, menu = facts.kind
    names = tuple(entry.name for entry in way)
    return Planned(
        facts.name, model, load, menu, facts.url, facts.ctl, facts.itl, facts.source, facts.time, names, erased
    )


def make_plan(
    phones: Iterable[tuple[PhoneFacts, Verdict]],
    served: Served,
    catalogue: Catalogue,
    *,
    made: str,
    cluster: str,
    nodes: Mapping[str, str],
    directory: str = "",
) -> Plan:
    """Make a plan (rules 1 and 2).

    Raises:
        CheckFailedError: The servers hand out no consistent set of lists.
    """
    problem = served.problem()
    if problem:
        raise CheckFailedError(
            f"no phone can be saved now: {problem}",
            next_step="have TFTP, TVS and CallManager serve one set first; cures of the cluster come before keys",
        )
    wanted: list[Planned] = []
    left: list[tuple[str, Outcome, str]] = []
    for facts, found in phones:
        part = planned(facts, found, served, catalogue)
        if isinstance(part, Planned):
            wanted.append(part)
        else:
            left.append((facts.name, *part))
    names = {name for phone in wanted for name in phone.entries}
    hashes = {entry.name: entry.sha256 for entry in catalogue.entries if entry.name in names}
    return Plan(made, cluster, dict(nodes), served, tuple(wanted), hashes, tuple(left), directory)


def read_plan(text: str, where: str) -> Plan:
    """Read a plan.

    Raises:
        MalformedError: It is none.
    """
    try:
        found = read_json(text)
        if found["format"] != FORMAT or found["version"] != VERSION:
            raise MalformedError("this is no plan of a rescue", where=where)
        files = {
            str(node): {name: tuple(map(str, each[name])) for name in ("CTLFile.tlv", "ITLFile.tlv")}
            for node, each in found["served"].items()
        }
        phones = tuple(_planned(each) for each in found["phones"])
        plan = Plan(
            str(found["made"]),
            str(found["cluster"]),
            {str(node): str(url) for node, url in found["nodes"].items()},
            Served(files),
            phones,
            {str(name): str(value) for name, value in found["entries"].items()},
            tuple((str(name), Outcome(outcome), str(why)) for name, outcome, why in found["left_out"]),
            str(found["directory"]),
        )
    except (ValueError, KeyError, TypeError, AttributeError, RecursionError) as error:
        raise MalformedError("this is no plan of a rescue", where=where, why=str(error)) from error
    names = [*(phone.name for phone in phones), *(each[0] for each in plan.left_out)]
    if len(set(names)) < len(names) or set(plan.nodes) != set(files):
        raise MalformedError("the plan names a phone twice, or other nodes than it has lists of", where=where)
    return plan


def _planned(found: Mapping[str, Any]) -> Planned:
    texts = {name: found[name] for name in Planned.__slots__ if name not in {"entries", "lists"}}
    lists: Sequence[str] = found["lists"]
    bad = not all(isinstance(each, str) for each in (*texts.values(), *found["entries"], *lists))
    if (
        bad
        or not found["entries"]
        or not lists
        or not set(lists) <= set(LISTS)
        or not texts["url"].startswith("http://")
    ):
        raise ValueError(f"{texts.get('name')!r} is no phone of a plan")
    ordered = tuple(kind for kind in LISTS if kind in lists)
    return replace(Planned(**texts, entries=(), lists=()), entries=tuple(found["entries"]), lists=ordered)
