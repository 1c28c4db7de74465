"""The file in which a watch remembers: what is known of the cluster, and what was not delivered yet.

It is written whole, by a rename, and only its owner can read it: it has the names of phones. Who cuts a watch off
finds the file as it was after one of its looks.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Final

from mixedmode.audit.live.document import Account, account
from mixedmode.errors import MalformedError, MixedModeError, UsageError
from mixedmode.json_reader import read_json
from mixedmode.pki.files import PRIVATE, read_limited, write_atomic

KIND: Final = "mixedmode-watch-state"
_LARGEST: Final = 256 << 20
MOST_WAITING: Final = 100
"""Messages that wait for one receiver; the oldest go first, and the next one says that they did."""


@dataclass
class State:
    """What a watch remembers.

    Attributes:
        document: The document of the last look, with what could not be looked at; None before the first.
        waiting: By receiver the messages that it did not take yet, oldest first.
        is_unreachable: Whether it was told that the cluster cannot be looked at.
    """

    document: dict[str, Any] | None = None
    waiting: dict[str, list[dict[str, Any]]] = field(default_factory=dict)
    is_unreachable: bool = False

    @property
    def account(self) -> Account:
        """What is known; nothing before the first look."""
        return account({"findings": []} if self.document is None else self.document)

    def remember(self, document: Mapping[str, Any], known: Account) -> None:
        """Take a look's document as the last, with the findings that are known besides."""
        there = {each["id"] for each in document["findings"]}
        more = [
            {
                "id": each.id,
                "rule": each.rule,
                "severity": each.severity.value,
                "title": each.title,
                "where": each.where,
                "phones": sorted(each.phones),
                "phone_count": each.count,
            }
            for each in known.findings.values()
            if each.id not in there
        ]
        not_seen = document["not_seen"]
        if more and self.document is not None:
            # What is known without being seen stays so until it is seen again: this blindness is not taken for usual.
            usual = {(each["what"], each["where"]) for each in self.document.get("not_seen", [])}
            not_seen = [each for each in not_seen if (each["what"], each["where"]) in usual]
        findings = [*document["findings"], *more]
        self.document = {**document, "findings": findings, "not_seen": not_seen, "lists": self._lists(document)}

    def _lists(self, document: Mapping[str, Any]) -> list[dict[str, Any]]:
        """Return the lists that were ever served, so that a phone that holds an old one is known (0.2)."""
        earlier = [] if self.document is None else self.document.get("lists", [])
        newest = {each["content"]: each for each in [*earlier, *document["lists"]] if isinstance(each, dict)}
        return list(newest.values())[-_MOST_LISTS:]

    def wait_for(self, receiver: str, message: Mapping[str, Any]) -> None:
        """Keep a message until its receiver takes it."""
        queue = self.waiting.setdefault(receiver, [])
        queue.append(dict(message))
        if len(queue) > MOST_WAITING:
            lost = len(queue) - MOST_WAITING
            del queue[:lost]
            queue[0]["lost_before"] = queue[0].get("lost_before", 0) + lost

    @property
    def undelivered(self) -> int:
        """How many messages wait."""
        return sum(map(len, self.waiting.values()))


_MOST_LISTS: Final = 500


def read_state(path: Path) -> State:
    """Return what a file remembers; nothing if there is none.

    Raises:
        MixedModeError: It cannot be read, or is something else: it is not written over then.
    """
    if not path.exists():
        return State()
    data, _ = read_limited(path, _LARGEST)
    try:
        said = read_json(data)
        if not isinstance(said, dict) or said.get("kind") != KIND:
            raise UsageError("this is no state of a watch", next_step="name another file with --state")
        document = said.get("document")
        if document is not None:
            account(document)
        waiting = said.get("waiting")
        return State(
            document,
            {str(name): [dict(each) for each in queue] for name, queue in waiting.items()} if waiting else {},
            bool(said.get("unreachable")),
        )
    except MixedModeError as error:
        raise error.located(str(path)) from None
    except (ValueError, TypeError, AttributeError, RecursionError) as error:
        raise MalformedError(
            "the state of the watch cannot be read",
            where=str(path),
            why=str(error),
            next_step="move the file away: the next look then begins anew",
        ) from error


def write_state(path: Path, state: State) -> None:
    """Write what is to be remembered.

    Raises:
        OSError: It cannot be written.
    """
    said = {
        "kind": KIND,
        "unreachable": state.is_unreachable,
        "waiting": {name: queue for name, queue in state.waiting.items() if queue},
        "document": state.document,
    }
    write_atomic(path, json.dumps(said).encode(), mode=PRIVATE)
