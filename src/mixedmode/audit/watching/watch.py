"""The loop of a watch: look, judge, compare, tell, remember; then wait until it is time again.

Rules:

1. A look that fails is told once, and once that it works again; what was known stays known.
2. What a receiver does not take waits in the state and is tried again with the next look, in order.
3. Looks begin ``every`` seconds after the last began; one that takes longer is followed at once, never by two.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Protocol

from mixedmode.audit.live.comparing import compare
from mixedmode.audit.live.document import account_of, document
from mixedmode.audit.live.judging import Judgement, judge
from mixedmode.audit.watching.metrics import metrics
from mixedmode.audit.watching.news import News, known_after, news_of, reachable, unreachable
from mixedmode.audit.watching.state import State, read_state, write_state
from mixedmode.errors import MixedModeError, RemoteError
from mixedmode.live.observed import Observation
from mixedmode.live.wire.clock import SYSTEM, Clock


class Receiver(Protocol):
    """Somebody who is told."""

    @property
    def name(self) -> str:
        """Its name in messages and in the state."""

    def tell(self, message: Mapping[str, Any], clock: Clock) -> None:
        """Send a message.

        Raises:
            RemoteError: It was not taken.
        """


@dataclass
class Watch:
    """A watch over a cluster.

    Attributes:
        cluster: Its name.
        look: Looks at it.
        path: The state's file.
        receivers: Who is told.
        say: Told what is told, and what goes wrong, for whoever looks on.
        export: Takes the metrics.
        clock: Says what time it is, and waits.
        judgement: The last one.
    """

    cluster: str
    look: Callable[[], Observation]
    path: Path
    receivers: Sequence[Receiver] = ()
    say: Callable[[Sequence[str]], None] = lambda _lines: None
    export: Callable[[str], None] = lambda _text: None
    clock: Clock = SYSTEM
    judgement: Judgement | None = None
    _state: State = field(init=False)

    def __post_init__(self) -> None:
        self._state = read_state(self.path)

    def rounds(self, every: float) -> Iterator[Judgement | None]:
        """Yield what was found, look by look, for ever; None for a look that failed.

        Args:
            every: Seconds between the beginnings of two looks (rule 3).
        """
        while True:
            begun = self.clock.monotonic()
            yield self.once()
            left = every - (self.clock.monotonic() - begun)
            if left > 0:
                self.clock.sleep(left)

    def once(self) -> Judgement | None:
        """Look once, tell what is new and remember; None if the look failed.

        Raises:
            MixedModeError: What is to be looked at is named wrongly; nothing that a node does.
            OSError: The state or the metrics cannot be written.
        """
        try:
            observation = self.look()
        except RemoteError as error:
            self._failed(error)
            found = None
        else:
            found = self._judged(observation)
        self._deliver()
        write_state(self.path, self._state)
        now = self.clock.now().timestamp()
        self.export(
            metrics(self.judgement, self.cluster, up=found is not None, at=now, undelivered=self._state.undelivered)
        )
        return found

    def _judged(self, observation: Observation) -> Judgement:
        before = self._state.account
        judgement = judge(observation, before.archive)
        comparison = compare(before, account_of(judgement, observation))
        if self._state.is_unreachable:
            self._state.is_unreachable = False
            self._tell(reachable(self.cluster, _at(self.clock)))
        news = news_of(comparison, judgement)
        if news is not None:
            self._tell(news)
        self._state.remember(document(judgement, observation), known_after(comparison))
        self.judgement = judgement
        return judgement

    def _failed(self, error: MixedModeError) -> None:
        if not self._state.is_unreachable:
            self._state.is_unreachable = True
            self._tell(unreachable(self.cluster, _at(self.clock), f"{error}{f' ({error.why})' if error.why else ''}"))

    def _tell(self, news: News) -> None:
        self.say(news.lines)
        for receiver in self.receivers:
            self._state.wait_for(receiver.name, news.document)

    def _deliver(self) -> None:
        names = {receiver.name for receiver in self.receivers}
        self._state.waiting = {name: queue for name, queue in self._state.waiting.items() if name in names}
        for receiver in self.receivers:
            queue = self._state.waiting.get(receiver.name, [])
            while queue:
                try:
                    receiver.tell(queue[0], self.clock)
                except MixedModeError as error:
                    self.say([f"{error}{f' ({error.why})' if error.why else ''}: {len(queue)} wait for the next look"])
                    break
                queue.pop(0)


def _at(clock: Clock) -> str:
    return f"{clock.now():%Y-%m-%d %H:%M} UTC"
