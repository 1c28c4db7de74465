"""Calls of registered phones: what they say goes into the switch, what comes of it goes to their connections.

Rules:

1. The dial plan is read when the service starts, and again when the directory has changed. While it cannot be read, the
   one that was read last is used.
2. The records of the last calls are kept; each is told to the log in a line, without keys. What phones counted is added
   when they say it, a moment after the call's end.
"""

from __future__ import annotations

import asyncio
import secrets
from collections import deque
from collections.abc import Callable, Iterable
from contextlib import suppress
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from time import monotonic
from typing import Any, Final, Protocol

from mixedmode.errors import MixedModeError
from mixedmode.protocols.sccp.calls.layout import Laid
from mixedmode.protocols.sccp.messages.fields import shown
from mixedmode.services.callmanager.directory import Directory
from mixedmode.services.callmanager.switch.exchange import Exchange
from mixedmode.services.callmanager.switch.model import (
    CallSettings,
    Counted,
    Effect,
    Elsewhere,
    NoKeys,
    Record,
    Station,
    Tell,
    TooMany,
)

REFRESH_SECONDS: Final = 2.0
"""Between two looks whether the dial plan has changed."""
RECORDS: Final = 1000
"""How many records of calls are kept."""


def kept_records() -> deque[Record]:
    """Return where the records of the last calls are kept."""
    return deque(maxlen=RECORDS)


class Talker(Protocol):
    """A phone's connection."""

    def tell(self, messages: Iterable[Laid]) -> None:
        """Tell the phone something."""


class CallDesk:
    """The calls of a CallManager.

    Args:
        directory: Knows the numbers.
        connection: Returns a registered phone's connection, None if it is not registered.
        settings: How calls are treated.
        log: Told a line on each call that ended.
        refused: Told a line on each encrypted phone's call that has no keys.

    Attributes:
        exchange: The switch.
        records: Of the last calls; may be replaced by those that a desk before kept.
    """

    def __init__(
        self,
        directory: Directory,
        connection: Callable[[str], Talker | None],
        settings: CallSettings | None = None,
        log: Callable[[str], None] = lambda _line: None,
        refused: Callable[[str], None] = lambda _line: None,
    ) -> None:
        self._directory, self._connection, self._log, self._refused = directory, connection, log, refused
        self.exchange = Exchange(secrets.token_bytes, settings)
        self.records: deque[Record] = kept_records()
        self._timer: asyncio.TimerHandle | None = None
        self._due: float | None = None
        self._mark: int | None = None

    async def run(self) -> None:
        """Keep the dial plan fresh, until cancelled (rule 1)."""
        while True:
            await asyncio.sleep(REFRESH_SECONDS)
            await self.refresh()

    async def refresh(self) -> None:
        """Read the dial plan if it has changed."""
        with suppress(MixedModeError):
            found = await asyncio.to_thread(self._directory.plan, self._mark)
            if found is not None:
                self._mark, self.exchange.plan = found

    def close(self) -> None:
        """Wait for nothing any more."""
        if self._timer is not None:
            self._timer.cancel()
            self._timer = None

    def came(self, station: Station) -> None:
        """A phone is registered."""
        self._do(self.exchange.attach(station, monotonic()))

    def went(self, device: str) -> None:
        """A phone is not registered any more."""
        self._do(self.exchange.detach(device, monotonic()))

    def said(self, device: str, message: Laid) -> None:
        """A registered phone said something about calls."""
        self._do(self.exchange.receive(device, message, monotonic()))

    def documents(self) -> list[dict[str, Any]]:
        """Return the records as JSON, the oldest first, with the time of day."""
        zero = datetime.now(UTC) - timedelta(seconds=monotonic())
        return [_document(record, zero) for record in self.records]

    def _do(self, effects: list[Effect]) -> None:
        told: dict[str, list[Laid]] = {}
        for effect in effects:
            match effect:
                case Tell(device, message):
                    told.setdefault(device, []).append(message)
                case Record():
                    self.records.append(effect)
                    self._log(_words(effect))
                case Counted():
                    self._count(effect)
                case Elsewhere(device, named, address):
                    why = f"{device} names {named} for its media, and is connected from {address}; they go there"
                    self._log(why)
                    self._refused(why)
                case TooMany(device):
                    why = f"{device} calls too many numbers; it hears congestion until it calls fewer"
                    self._log(why)
                    self._refused(why)
                case NoKeys(number, device, mode):
                    why = f"call {number}: no media keys, since {device} is registered {mode.label}"
                    self._log(why)
                    self._refused(why)
        for device, messages in told.items():
            connection = self._connection(device)
            if connection is not None:
                connection.tell(messages)
        self._watch()

    def _count(self, told: Counted) -> None:
        """Add what a phone counted to its call's record, which is among the last; numbers begin anew with a service."""
        for at in range(len(self.records) - 1, -1, -1):
            record = self.records[at]
            if record.number == told.number:
                by_caller, by_called = record.counted
                counted = (told.counts, by_called) if told.by_caller else (by_caller, told.counts)
                self.records[at] = replace(record, counted=counted)
                return

    def _watch(self) -> None:
        """Look at the next deadline when it is due; one that moves later costs nothing until then."""
        due = self.exchange.next_timer()
        if due is None or (self._timer is not None and self._due is not None and self._due <= due):
            return
        if self._timer is not None:
            self._timer.cancel()
        self._due = due
        self._timer = asyncio.get_running_loop().call_later(max(due - monotonic(), 0.0) + 0.001, self._expired)

    def _expired(self) -> None:
        self._timer = None
        self._do(self.exchange.expire(monotonic()))


def _words(record: Record) -> str:
    found = record.document()
    ends = f"{shown(record.calling.number) or record.calling.device} to {shown(record.dialled)}"
    talked = f", {found['seconds']:g} s, {found['security']}, {found['media']}" if record.answered is not None else ""
    return f"call {record.number}: {ends} {found['outcome']}{talked}"


def _document(record: Record, zero: datetime) -> dict[str, Any]:
    moments = {"begun": record.begun, "answered": record.answered, "ended": record.ended}
    texts = {
        name: None if moment is None else (zero + timedelta(seconds=moment)).isoformat(timespec="milliseconds")
        for name, moment in moments.items()
    }
    return {**record.document(), **texts}
