"""Whether a phone was saved; pure (docs/specification/rescue.md 3).

Rules:

1. Proof of strength 1: its own page shows lists that the servers hand out now, and did when the plan was made, read
   twice, 30 seconds apart. Where pages show no lists: an alarm on its Debug Display page that was not there before says
   that it took its first lists, and those are served.
   Where nothing shows a hash, status messages that came after the keys ("erasing", then "installed") say that it took a
   list, and not which: a phone that got an old one says the same, and need not say that it refuses its configuration.
   They are a proof, of strength 2, only with the hash that a person read in the phone's own menu; else the phone ends
   as not proved. Whatever else contradicts them (a refused configuration, a TFTP server that is not the plan's, another
   list for this phone alone) is a wrong list.
2. A hash outside of the set that is not the one of before: somebody else hands out lists. The set is fetched again
   before that is said.
3. The hash of before says nothing for a while: a page may be old. It is "no change" after 150 seconds, and a wrong list
   taken if the phone was seen without one in between.
4. A phone that shows no lists and stays up is reset by its cluster, once, where that is possible.
5. The answer to a key, a restart, an uptime, a registration: none of them is looked at.
"""

from __future__ import annotations

from collections.abc import Callable, Collection
from dataclasses import dataclass

from mixedmode.rescue.outcomes import Outcome, Result
from mixedmode.rescue.phone import reading
from mixedmode.rescue.phone.actions import Note, Walk, fetch, pause, restart
from mixedmode.rescue.phone.walking import alarm_of, messages_of, own_page
from mixedmode.rescue.planning import Planned, Served

FIRST_LOOK = 20.0
EVERY = 5.0
APART = 30.0
GIVE_UP = 300.0
NO_CHANGE = 150.0
EMPTY_FOR = 15.0
"""Seconds."""
_CHANGED = "the servers' lists changed while it was looked at"


@dataclass(slots=True)
class _Seen:
    """What was seen of a phone so far."""

    page: reading.PageSeen | None = None
    why: str = ""
    new: tuple[str, ...] = ()
    good_since: float | None = None
    empty_since: float | None = None
    was_empty: bool = False
    told: bool = False

    def result(self, outcome: Outcome, reason: str) -> Result:
        page = self.page or reading.PageSeen()
        return Result(outcome, reason, page.ctl, page.itl, self.new)


@dataclass(frozen=True, slots=True)
class Proof:
    """Looks for the proof of one phone.

    Attributes:
        phone: Of the plan.
        before: What it showed before the keys.
        served: What the servers hand out now.
        planned: What they handed out when the plan was made.
        nodes: Addresses and names of the TFTP nodes.
        read: The hash of its ITL, or of its CTL, that a person read in its menu; empty if nobody did.
        patience: Seconds until it is given up.
    """

    phone: Planned
    before: Note
    served: Callable[[], Served]
    planned: Served
    nodes: Collection[str]
    read: str = ""
    patience: float = GIVE_UP

    def run(self, began: float, *, first: float = FIRST_LOOK) -> Walk[Result]:
        """Look again and again.

        Args:
            began: When the confirm key was sent, or the phone was taken up again.
            first: Seconds until the first look.
        """
        seen = _Seen()
        now = yield from pause(first)
        while True:
            found = yield from self._look(seen, now - began, now)
            if found is not None:
                return found
            almost = seen.good_since is not None and now - seen.good_since <= APART + EVERY
            if now - began >= self.patience and not almost:
                return self._given_up(seen)
            now = yield from pause(EVERY)

    def _look(self, seen: _Seen, waited: float, now: float) -> Walk[Result | None]:
        page = yield from own_page(self.phone.name, self.phone.model)
        if isinstance(page, str):
            seen.page, seen.why, seen.good_since, seen.empty_since = None, page, None, None
            return None
        seen.page = page
        if not page.shows_lists:
            return (yield from self._by_messages(seen, page, waited, now))
        return (yield from self._by_lists(seen, page, waited, now))

    def _by_lists(self, seen: _Seen, page: reading.PageSeen, waited: float, now: float) -> Walk[Result | None]:
        if self._right(page):
            return (yield from self._twice(seen, now, Outcome.PROVED_1, "its page shows what the servers hand out"))
        seen.good_since = None
        if page.itl == reading.NONE and page.ctl in {reading.NONE, ""}:
            yield from self._empty(seen, now)
            return None
        seen.empty_since = None
        if self._stranger(page, self.served()):
            is_one = self._stranger(page, (yield from fetch()))
            why = "it took a list that no server of the plan hands out"
            return seen.result(Outcome.WRONG_LIST, why) if is_one else None
        if seen.was_empty and page.itl == self.before.itl:
            return seen.result(Outcome.WRONG_LIST, "it was without lists, and took the old one again")
        return (yield from self._unchanged(seen, page)) if waited >= NO_CHANGE else None

    def _unchanged(self, seen: _Seen, page: reading.PageSeen) -> Walk[Result]:
        """Say what it means that a list of before is still there."""
        if self.served().document() != self.planned.document():
            return seen.result(Outcome.STOPPED, _CHANGED)
        unchanged = (page.ctl, page.itl) == (self.before.ctl, self.before.itl)
        seen.new = yield from self._new()
        if unchanged and reading.was_erased(seen.new):
            return seen.result(Outcome.WRONG_LIST, "its messages say erased, and it holds the old list again")
        return seen.result(Outcome.NO_CHANGE, "it still holds a list of before")

    def _by_messages(self, seen: _Seen, page: reading.PageSeen, waited: float, now: float) -> Walk[Result | None]:
        seen.new = yield from self._new()
        if self.served().document() != self.planned.document():
            return seen.result(Outcome.STOPPED, _CHANGED)
        told = reading.told(seen.new, self.phone.lists)
        wrong = yield from self._wrong(told, page)
        if wrong:
            return seen.result(Outcome.WRONG_LIST, wrong)
        if told is reading.Told.INSTALLED:
            return (yield from self._which(seen, now))
        seen.good_since = None
        if told is reading.Told.ERASED:
            yield from self._empty(seen, now)
        elif waited >= NO_CHANGE:
            return seen.result(Outcome.NO_CHANGE, "keys sent, not proved: its messages do not say that it erased")
        return None

    def _which(self, seen: _Seen, now: float) -> Walk[Result | None]:
        """Say what is known of the list that a phone says it installed (rule 1)."""
        alarm = yield from alarm_of(self.phone.model)
        if alarm.is_first and alarm.text != self.before.alarm and self._right(alarm):
            return (yield from self._twice(seen, now, Outcome.PROVED_1, "its alarm names what the servers hand out"))
        if self.read:
            if not any(sets.is_right(kind, self.read) for kind in self.phone.lists for sets in (self.served(),)):
                return seen.result(Outcome.WRONG_LIST, "its menu shows a list that no server of the plan hands out")
            said = "its messages say erased, then installed, and its menu shows what the servers hand out"
            return (yield from self._twice(seen, now, Outcome.PROVED_2, said))
        why = "its messages say erased, then installed, and nothing says which list: read its hash in its menu"
        return (yield from self._twice(seen, now, Outcome.NOT_PROVED, why))

    def _wrong(self, told: reading.Told, page: reading.PageSeen) -> Walk[str]:
        """Return why the list that a phone says it installed is not the servers'; empty if nothing says so."""
        if told is reading.Told.REFUSES:
            return "it installed a list, and refuses what the servers sign"
        if told is not reading.Told.INSTALLED:
            return ""
        if not page.tftp or any(server not in self.nodes for server in page.tftp):
            return f"it fetches from {', '.join(page.tftp) or 'nobody knows where'}"
        odd = (yield from fetch(self.phone.name)).others_than(self.served())
        return f"{', '.join(odd)} hands out another list to it than to others" if odd else ""

    def _twice(self, seen: _Seen, now: float, outcome: Outcome, reason: str) -> Walk[Result | None]:
        if seen.good_since is None:
            seen.good_since = now
        if now - seen.good_since < APART:
            return None
        seen.new = yield from self._new()
        return seen.result(outcome, f"{reason}, twice")

    def _empty(self, seen: _Seen, now: float) -> Walk[None]:
        """Note that it holds nothing, and have it reset if it stays so (rule 4)."""
        seen.was_empty = True
        if seen.empty_since is None:
            seen.empty_since = now
        elif now - seen.empty_since >= EMPTY_FOR and not seen.told:
            seen.told = True
            yield from restart()

    def _new(self) -> Walk[tuple[str, ...]]:
        return tuple(reading.new_messages(self.before.messages, (yield from messages_of(self.phone.model))))

    @staticmethod
    def _held(page: reading.PageSeen | reading.AlarmSeen) -> tuple[tuple[str, str], ...]:
        return (("CTL", page.ctl), ("ITL", page.itl))

    def _right(self, page: reading.PageSeen | reading.AlarmSeen) -> bool:
        both = (self.served(), self.planned)
        return page.itl != reading.NONE and all(
            sets.is_right(kind, held) for kind, held in self._held(page) for sets in both
        )

    def _stranger(self, page: reading.PageSeen, sets: Served) -> bool:
        """Return whether it holds a list that is neither served nor the one of before."""
        before = {"CTL": self.before.ctl, "ITL": self.before.itl}
        return any(
            sets.is_wrong(kind, held) and held != before[kind] and not self.planned.is_right(kind, held)
            for kind, held in self._held(page)
        )

    def _given_up(self, seen: _Seen) -> Result:
        if seen.page is None:
            return seen.result(Outcome.LATE, f"its pages do not answer as its own: {seen.why}")
        if seen.empty_since is not None:
            how = "was told to reset, and did not" if seen.told else "waits for a reset"
            return seen.result(Outcome.NOT_RESTARTED, f"its lists are erased; it {how}")
        return seen.result(Outcome.LATE, "it shows nothing that would be a proof")
