"""Keeps a log readable and small while somebody makes a service complain: each complaint has its share.

Rules:

1. Events of one kind (one logger, one level, one text before its values are put in) come through fifty at once and then
   ten a minute; those of one logger together, five hundred at once and then a hundred a minute.
2. The next one that comes through says how many of its kind were left out.
"""

from __future__ import annotations

import logging
import time
from collections import OrderedDict
from collections.abc import Callable
from dataclasses import dataclass
from typing import Final

_KINDS: Final = 1_000
"""Kinds that are told apart; the one that was silent longest goes first."""


@dataclass(slots=True)
class _Bucket:
    tokens: float
    filled: float
    left_out: int = 0


@dataclass(frozen=True, slots=True)
class Share:
    """How much may be logged.

    Attributes:
        at_once: Events.
        a_minute: After that.
    """

    at_once: int
    a_minute: float


class LogLimits(logging.Filter):
    """Lets through what is within the bounds.

    Args:
        kind: The share of one kind.
        logger: The share of one logger.
        now: A clock that only goes forward, seconds.
    """

    def __init__(
        self,
        kind: Share = Share(50, 10),
        logger: Share = Share(500, 100),
        now: Callable[[], float] = time.monotonic,
    ) -> None:
        super().__init__()
        self._kind, self._logger, self._now = kind, logger, now
        self._buckets: OrderedDict[tuple[str, int, str], _Bucket] = OrderedDict()

    def filter(self, record: logging.LogRecord) -> bool:
        """Return whether an event is logged; adds ``left_out`` to it where others of its kind were not."""
        event = record.msg
        text = str(event.get("event", "")) if isinstance(event, dict) else str(event)
        kind = self._bucket((record.name, record.levelno, text), self._kind)
        whole = self._bucket((record.name, -1, ""), self._logger)
        if kind.tokens < 1 or whole.tokens < 1:
            kind.left_out += 1
            return False
        kind.tokens -= 1
        whole.tokens -= 1
        if kind.left_out:
            if isinstance(event, dict):
                event["left_out"] = kind.left_out
            else:
                record.left_out = kind.left_out
            kind.left_out = 0
        return True

    def _bucket(self, key: tuple[str, int, str], share: Share) -> _Bucket:
        now = self._now()
        bucket = self._buckets.setdefault(key, _Bucket(share.at_once, now))
        self._buckets.move_to_end(key)
        bucket.tokens = min(share.at_once, bucket.tokens + (now - bucket.filled) * share.a_minute / 60)
        bucket.filled = now
        if len(self._buckets) > _KINDS:
            self._buckets.popitem(last=False)
        return bucket
