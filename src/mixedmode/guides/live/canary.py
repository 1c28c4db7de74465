"""Canaries of a cluster from outside: which phones a person resets first, and what they show then.

Rules:

1. Before its restart a phone shows the list of before, so that alone says nothing. A refusal is what the phone says
   itself: a new result of an update that failed, or a new status message of it; a list that is neither that of before
   nor the new one; or nothing new in its time.
2. A phone whose pages show no hash says by a new status message that it took a list: it checks lists by those that it
   holds, so that it would not say so of one that it refuses. Which list it is, the servers say, which were compared
   before.
3. Nothing is put back here: the report says how the procedure goes back.
4. Who was reset for a list, and showed what before, is kept before anybody is: a run that is taken up again looks at
   the same phones and has no others reset.
5. A phone that holds the list already has nothing to try.
6. Right behind a restart of CallManager nobody is registered. Phones are waited for while there is none, and then until
   no more come, as long as a canary has.
"""

from __future__ import annotations

import asyncio
from collections import Counter
from collections.abc import Awaitable, Callable, Mapping, Sequence
from datetime import UTC, datetime
from typing import Any, Final

from mixedmode.canary.choice import Candidate, choose
from mixedmode.canary.trial import LOOK_SECONDS, WITHIN, Sign, State, Trial
from mixedmode.errors import CheckFailedError
from mixedmode.faces.shell.talk import AdminIO
from mixedmode.guides.canary import try_out
from mixedmode.live.observed import PhoneSeen, Sighting, Source, Value
from mixedmode.numbers import whole_number
from mixedmode.trustlist.model import TrustList

Phones = Callable[[], Awaitable[Sequence[PhoneSeen]]]
Pages = Callable[[Sequence[PhoneSeen]], Awaitable[Sequence[PhoneSeen]]]
_FAILED_FROM: Final = 5
"""Result codes of an update that was refused (docs/specification/live-cluster.md 5.1)."""
_KEPT: Final = ("address", "model", "ctl", "tl_status", "messages")
"""Of a canary: where its pages are, and what it showed before."""
_FAILURES: Final = ("trust list update failed", "ctl update failed", "verification failure")
_TAKEN: Final = ("ctl and itl installed", "ctl installed", "trust list updated")


class LiveCanary:
    """Canaries.

    Args:
        phones: Returns all phones with what they show now; may take minutes.
        pages: Returns what the pages of these few say now.
        within: Seconds that each canary has.
        sleep: Waits between two looks.
    """

    def __init__(
        self, phones: Phones, pages: Pages, *, within: float = WITHIN,
        sleep: Callable[[float], Awaitable[None]] = asyncio.sleep,
    ) -> None:  # fmt: skip
        self._phones, self._pages = phones, pages
        self._within, self._sleep = within, sleep

    async def run(
        self, published: TrustList, back: str, io: AdminIO,
        kept: Mapping[str, Any] | None = None, keep: Callable[[dict[str, Any]], object] = lambda _kept: None,
    ) -> None:  # fmt: skip
        """Have canaries reset, and judge what they show.

        Args:
            published: The new list.
            back: How to go back.
            io: The person.
            kept: What was kept of canaries before; those of another list count for nothing (rule 4).
            keep: Keeps who is reset, and what came of it.

        Raises:
            CheckFailedError: One failed, or there is none.
        """
        hashes = (published.md5, published.sha1, published.sha256)
        before = _read(kept) if kept and kept.get("list") == published.sha1 else {}
        if kept and before:
            await io.write(f"  Reset for this list before, at {kept['reset']}: {', '.join(before)}")
            await io.ask("Enter looks at them again; reset one that has not restarted, and no others: ")
        else:
            before = await self._chosen(hashes, io)
            if not before:
                return
            await io.write(f"  Reset these phones and no others: {', '.join(before)}")
            kept = {
                "list": published.sha1,
                "reset": datetime.now(UTC).isoformat(timespec="seconds"),
                "before": {name: _shown(each) for name, each in before.items()},
                "failed": "",
            }
            keep(dict(kept))
            await io.ask("Enter once they are being reset: ")
        now = asyncio.get_running_loop().time
        trial = Trial.of(before, hashes, now(), self._within)

        async def look() -> list[Sign]:
            return [sign_of(each, before) for each in await self._pages(list(before.values()))]

        ended = await try_out(trial, look, now, self._sleep)
        for line in ended.lines():
            await io.write(line)
        if ended.state is State.PASSED:
            keep({**kept, "failed": ""})
            return
        name, judged = ended.failed[0]
        keep({**kept, "failed": f"the canary {name} {judged.verdict}"})
        raise CheckFailedError(
            f"the canary {name} {judged.verdict}",
            why=judged.why or None,
            next_step=f"reset no other phone; go back: {back}",
            code="canary",
        )

    async def _back(self, io: AdminIO) -> Sequence[PhoneSeen]:
        """Return all phones, once they are registered again (rule 6)."""
        phones = await self._phones()
        count, end = _registered(phones), asyncio.get_running_loop().time() + self._within
        waits = bool(phones) and not count
        for _ in range(int(self._within / LOOK_SECONDS)):
            if not waits or asyncio.get_running_loop().time() >= end:
                break
            await io.write(f"  {count:,} of {len(phones):,} phones are registered; the others are waited for.")
            await self._sleep(LOOK_SECONDS)
            phones = await self._phones()
            before, count = count, _registered(phones)
            waits = not count or count > before
        return phones

    async def _chosen(self, hashes: Sequence[str], io: AdminIO) -> dict[str, PhoneSeen]:
        """Return the canaries with what they show now; nobody if no phone is left to try (rule 5).

        Raises:
            CheckFailedError: There is none.
        """
        phones = {each.name: each for each in await self._back(io)}
        left = [each for each in phones.values() if (each.newest("ctl") or "").lower() not in hashes]
        if phones and not left:
            await io.write("  Every phone holds this list already: there is nothing to try.")
            return {}
        choice = choose(_candidate(each) for each in left)
        for line in choice.lines():
            await io.write(line)
        if not choice.canaries:
            raise CheckFailedError(
                "there is no canary: no phone is registered and shows what it holds",
                next_step="go on without --canary, or give phones their web access",
            )
        chosen = [phones[name] for name in choice.names]
        pages = {each.name: each for each in await self._pages(chosen)}
        # A page that does not answer right now says nothing: what was seen of the phone a moment ago does.
        return {
            each.name: PhoneSeen(each.name, {**each.values, **pages.get(each.name, PhoneSeen(each.name)).values})
            for each in chosen
        }


def _registered(phones: Sequence[PhoneSeen]) -> int:
    return sum(_is_registered(each) for each in phones)


def _is_registered(phone: PhoneSeen) -> bool:
    return (phone.newest("status") or "").lower() == "registered"


def _shown(phone: PhoneSeen) -> dict[str, str]:
    return {key: text for key in _KEPT if (text := phone.newest(key))}


def _read(kept: Mapping[str, Any]) -> dict[str, PhoneSeen]:
    """Return what canaries showed before they were reset, as it was kept; nothing of what somebody broke."""
    try:
        seen = Sighting(Source.FILE, datetime.fromisoformat(str(kept["reset"])))
        return {
            str(name): PhoneSeen(str(name), {str(key): (Value(str(text), seen),) for key, text in values.items()})
            for name, values in kept["before"].items()
        }
    except (KeyError, ValueError, AttributeError, TypeError):
        return {}


def sign_of(phone: PhoneSeen, before: Mapping[str, PhoneSeen]) -> Sign:
    """Return what a phone shows (rules 1 and 2)."""
    old = before.get(phone.name)
    ctl, held = (phone.newest("ctl") or "").lower(), ((old.newest("ctl") if old else "") or "").lower()
    refusal = _refusal(phone, old)
    took = "" if ctl or held or refusal else _new_line(phone, old, _TAKEN)
    return Sign(phone.name, ctl, restarted=ctl != held or bool(refusal or took), refusal=refusal, took=took)


def _candidate(phone: PhoneSeen) -> Candidate:
    model, load, ctl, itl = (phone.newest(each) or "" for each in ("model", "load", "ctl", "itl"))
    shows = any(each.seen.source is Source.PAGE for key in ("ctl", "messages") for each in phone.values.get(key, ()))
    return Candidate(phone.name, model, load, ctl, itl, _is_registered(phone) and shows)


def _refusal(phone: PhoneSeen, old: PhoneSeen | None) -> str:
    code = phone.newest("tl_status") or ""
    if (whole_number(code) or 0) >= _FAILED_FROM and (old is None or old.newest("tl_status") != code):
        return f"its last update has result {code}"
    said = _new_line(phone, old, _FAILURES)
    return f"it says: {said}" if said else ""


def _new_line(phone: PhoneSeen, old: PhoneSeen | None, words: Sequence[str]) -> str:
    """Return which of these words status messages have that were not there before; the newest counts."""
    before = Counter(_lines(old))
    new = Counter(_lines(phone)) - before
    return next((word for line in reversed(list(new)) for word in words if word in line), "")


def _lines(phone: PhoneSeen | None) -> list[str]:
    return [] if phone is None else (phone.newest("messages") or "").lower().split("\n")
