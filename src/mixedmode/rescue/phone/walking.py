"""One phone's walk through its menus, up to the confirm key or short of it; pure (docs/specification/rescue.md 2, 5).

Rules:

1. Looked at first: whose page it is, what it holds, its firmware, whether somebody speaks, whether the servers have
   another list for it than for others, and whom it would ask about the login. Without a wrong list it is left alone.
2. Home, then from the top, one key a request. A key that is refused or gets no answer ends the walk: the phone is sent
   home, and nothing is tried again.
3. Where a walk has shown that the phone names its windows, the confirm key is pressed only if it names the right one.
4. Whoever stops the run stops it before the next key; a phone is never left inside a menu if it still answers.
5. Once a confirm key was sent, whatever was answered, the phone is checked and never pressed again. Its refusal is one.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass

from mixedmode.rescue.catalogue import LISTS, Entry
from mixedmode.rescue.outcomes import Outcome, Result
from mixedmode.rescue.phone import reading
from mixedmode.rescue.phone.actions import Note, Press, Walk, fetch, look, pause, press
from mixedmode.rescue.phone.answers import Taken
from mixedmode.rescue.planning import Planned, Served

BETWEEN_UNLOCKS = 11.0
"""Seconds: a second ``**#`` within ten restarts the phone."""


@dataclass(frozen=True, slots=True)
class Sent:
    """Confirm keys were sent.

    Attributes:
        before: What the phone showed before.
    """

    before: Note


def network_path(model: str) -> str:
    """Return where a model has its Network Setup page."""
    return reading.PLAIN_NETWORK if model.startswith("894") else reading.NETWORK


def device_path(model: str) -> str:
    """Return where a model has its Device Information."""
    return reading.PLAIN_DEVICE if model.startswith("894") else reading.DEVICE


def status_path(model: str) -> str:
    """Return where a model has its status messages."""
    return reading.PLAIN_STATUS if model.startswith("894") else reading.STATUS


def own_page(name: str, model: str) -> Walk[reading.PageSeen | str]:
    """Return what a phone's page says, or why there is none of this phone."""
    answer = yield from look(network_path(model))
    if not answer.is_page:
        return answer.why or f"HTTP {answer.status}"
    page = reading.read_network(answer.body)
    if page.name != name:
        return f"the page is {page.name}'s" if page.name else "the page does not name its phone"
    return page


def messages_of(model: str) -> Walk[list[str]]:
    """Return the status messages that a phone shows now."""
    answer = yield from look(status_path(model))
    return reading.read_messages(answer.body) if answer.is_page else []


def alarm_of(model: str) -> Walk[reading.AlarmSeen]:
    """Return the newest alarm about lists that a phone shows; one that says nothing where it has no such page."""
    if model.startswith("894"):
        return reading.AlarmSeen()
    answer = yield from look(reading.ALARM)
    return reading.read_alarm(answer.body) if answer.is_page else reading.AlarmSeen()


def anybody(_url: str | None) -> str:
    """Take any authentication service."""
    return ""


def approach(
    phone: Planned, served: Callable[[], Served], stranger: Callable[[str | None], str] = anybody
) -> Walk[Result | Note]:
    """Look before any key is pressed (rule 1).

    Args:
        phone: Of the plan.
        served: What the servers hand out.
        stranger: Returns why a phone that names an authentication service gets no login; empty if it does.

    Returns:
        How it ends for this phone, or what it shows if it is to be pressed.
    """
    page = yield from own_page(phone.name, phone.model)
    if isinstance(page, str):
        return Result(Outcome.UNREACHABLE, page)
    needless = _needless(phone, page, served()) if page.shows_lists else None
    if needless is not None:
        return Result(*needless, page.ctl, page.itl)
    refused = stranger(page.authentication_url)
    other = "" if refused else (yield from other_firmware(phone))
    if refused or other:
        return Result(Outcome.STOPPED if refused else Outcome.NOT_CONFIRMED, refused or other, page.ctl, page.itl)
    odd = (yield from fetch(phone.name)).others_than(served())
    if odd:
        return Result(Outcome.STOPPED, f"{', '.join(odd)} hands out another list to it than to others")
    if (yield from in_use()):
        return Result(Outcome.IN_USE, "somebody speaks", page.ctl, page.itl)
    messages = tuple((yield from messages_of(phone.model)))
    alarm = "" if page.shows_lists else (yield from alarm_of(phone.model)).text
    before = Note(page.ctl, page.itl, messages, alarm)
    yield before
    return before


def _needless(phone: Planned, page: reading.PageSeen, sets: Served) -> tuple[Outcome, str] | None:
    """Return why a phone that shows its lists is not to be pressed, None if it is."""
    held = {"CTL": page.ctl, "ITL": page.itl}
    if all(sets.is_right(kind, held[kind]) for kind in LISTS):
        return Outcome.ALREADY_RIGHT, "its page shows what the servers hand out"
    if page.itl == reading.NONE and page.ctl in {reading.NONE, ""}:
        return Outcome.NOT_RESTARTED, "it holds no list: it needs a reset, no key"
    if _differs(page.ctl, phone.ctl) or _differs(page.itl, phone.itl):
        return Outcome.STOPPED, "it holds other lists than in the plan: plan again"
    if not any(sets.is_wrong(kind, held[kind]) for kind in phone.lists):
        return Outcome.ALREADY_RIGHT, "no list of the plan is wrong on it"
    return None


def _differs(shown: str, planned: str) -> bool:
    """Return whether a phone shows another list than planned; hashes of two kinds cannot be compared."""
    comparable = len(shown) == len(planned) or reading.NONE in {shown, planned}
    return bool(planned) and comparable and shown != planned


def other_firmware(phone: Planned) -> Walk[str]:
    """Return how a phone differs from the kind that was walked; empty if it does not, or does not say."""
    answer = yield from look(device_path(phone.model))
    load = reading.read_load(answer.body) if answer.is_page else ""
    return f"it runs {load}, and the sequence is for {phone.load}" if load not in {"", phone.load} else ""


def in_use() -> Walk[bool]:
    """Return whether somebody speaks: a call that it names, or a stream that runs."""
    calls = yield from look(reading.CALLS, login=True)
    if calls.is_page and reading.in_call(calls.body):
        return True
    stream = yield from look(reading.STREAM)
    return stream.is_page and reading.has_stream(stream.body)


def walk(
    phone: Planned,
    entries: Sequence[Entry],
    served: Callable[[], Served],
    named: Mapping[str, bool],
    stranger: Callable[[str | None], str] = anybody,
) -> Walk[Result | Sent]:
    """Walk a phone and erase its lists.

    Args:
        phone: Of the plan.
        entries: Its sequences, each confirmed.
        served: What the servers hand out.
        named: Of each sequence, whether windows are named on its walk (rule 3).
        stranger: As of :func:`approach`.
    """
    ready = yield from approach(phone, served, stranger)
    if isinstance(ready, Result):
        return ready
    sent = False
    for entry in entries:
        if sent:
            yield from pause(BETWEEN_UNLOCKS)
        failed = yield from _keys(entry, named=named.get(entry.name, False))
        if failed is not None and not sent:
            return failed
        sent = True
        if failed is not None:
            break
    return Sent(ready)


def _keys(entry: Entry, *, named: bool) -> Walk[Result | None]:
    """Press the keys of a sequence; return why they ended short of the confirm key, or that it was refused."""
    reached = yield from dry(entry)
    if reached is not None:
        return reached
    if named and (yield from _other_window(entry)):
        yield from _leave(entry)
        return Result(Outcome.NOT_CONFIRMED, f"it does not show {_last_words(entry)!r}: its menu is not the one walked")
    answer = yield from press(Press(entry.confirm.uri, entry.name, confirm=True))
    if answer is None or (answer.came and not answer.ok):
        yield from _leave(entry)
        return _ended(answer, entry, len(entry.steps) - 1)
    if entry.leave:
        yield from pause(entry.confirm.wait)
    for uri in entry.leave:
        yield from press(Press(uri, entry.name, leaves=True))
    return None


def dry(entry: Entry) -> Walk[Result | None]:
    """Press all keys of a sequence but the confirm key; return why that was not possible."""
    for number, step in enumerate(entry.steps[:-1]):
        answer = yield from press(Press(step.uri, entry.name, unlock=step.unlock))
        if answer is None or not answer.ok:
            yield from _leave(entry)
            return _ended(answer, entry, number)
        yield from pause(step.wait)
    return None


def _leave(entry: Entry) -> Walk[None]:
    yield from press(Press(entry.home, entry.name, leaves=True))


def _last_words(entry: Entry) -> str:
    return next((step.see for step in reversed(entry.steps) if step.see), "")


def _other_window(entry: Entry) -> Walk[bool]:
    shown = yield from look(reading.WINDOW, login=True)
    return not shown.is_page or _last_words(entry).lower() not in shown.body.lower()


def _ended(answer: Taken | None, entry: Entry, number: int) -> Result:
    behind = any(step.unlock for step in entry.steps[: number + (answer is not None)])
    open_lock = "; its padlock may stand open" if behind else ""
    if answer is None:
        return Result(Outcome.STOPPED, f"the run was stopped before key {number + 1} of {entry.name}{open_lock}")
    what = f"key {number + 1} of {entry.name}: {answer.why}{open_lock}"
    return Result(Outcome.REFUSED if answer.came else Outcome.UNREACHABLE, what, error=answer.error)
