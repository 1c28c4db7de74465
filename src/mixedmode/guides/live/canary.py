"""Canaries of a cluster from outside: which phones a person resets first, and what they show then.

Rules:

1. Before its restart a phone shows the list of before, so that alone says nothing. A refusal is what the phone says
   itself: a new result of an update that failed, or a new status message of it; a list that is neither that of before
   nor the new one; or nothing new in its time.
2. Nothing is put back here: the report says how the procedure goes back.
"""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Mapping, Sequence
from typing import Final

from mixedmode.canary.choice import Candidate, choose
from mixedmode.canary.trial import WITHIN, Sign, State, Trial
from mixedmode.errors import CheckFailedError
from mixedmode.faces.shell.talk import AdminIO
from mixedmode.guides.canary import try_out
from mixedmode.live.observed import PhoneSeen, Source
from mixedmode.trustlist.model import TrustList

Phones = Callable[[], Awaitable[Sequence[PhoneSeen]]]
Pages = Callable[[Sequence[PhoneSeen]], Awaitable[Sequence[PhoneSeen]]]
_FAILED_FROM: Final = 5
"""Result codes of an update that was refused (docs/specification/live-cluster.md 5.1)."""
_FAILURES: Final = ("trust list update failed", "ctl update failed", "verification failure")


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

    async def run(self, published: TrustList, back: str, io: AdminIO) -> None:
        """Have canaries reset, and judge what they show.

        Args:
            published: The new list.
            back: How to go back.
            io: The person.

        Raises:
            CheckFailedError: One failed, or there is none.
        """
        phones = {each.name: each for each in await self._phones()}
        choice = choose(_candidate(each) for each in phones.values())
        for line in choice.lines():
            await io.write(line)
        if not choice.canaries:
            raise CheckFailedError(
                "there is no canary: no phone is registered and shows what it holds",
                next_step="go on without --canary, or give phones their web access",
            )
        chosen = [phones[name] for name in choice.names]
        before = {each.name: each for each in await self._pages(chosen)}
        await io.write(f"  Reset these phones and no others: {', '.join(choice.names)}")
        await io.ask("Enter once they are being reset: ")
        now = asyncio.get_running_loop().time
        trial = Trial.of(choice.names, (published.md5, published.sha1, published.sha256), now(), self._within)

        async def look() -> list[Sign]:
            return [sign_of(each, before) for each in await self._pages(chosen)]

        ended = await try_out(trial, look, now, self._sleep)
        for line in ended.lines():
            await io.write(line)
        if ended.state is State.PASSED:
            return
        name, judged = ended.failed[0]
        raise CheckFailedError(
            f"the canary {name} {judged.verdict}",
            why=judged.why or None,
            next_step=f"reset no other phone; go back: {back}",
            code="canary",
        )


def sign_of(phone: PhoneSeen, before: Mapping[str, PhoneSeen]) -> Sign:
    """Return what a phone shows (rule 1)."""
    old = before.get(phone.name)
    ctl, held = (phone.newest("ctl") or "").lower(), ((old.newest("ctl") if old else "") or "").lower()
    refusal = _refusal(phone, old)
    return Sign(phone.name, ctl, restarted=ctl != held or bool(refusal), refusal=refusal)


def _candidate(phone: PhoneSeen) -> Candidate:
    there = (phone.newest("status") or "").lower() == "registered"
    model, load, ctl, itl = (phone.newest(each) or "" for each in ("model", "load", "ctl", "itl"))
    shows = any(each.seen.source is Source.PAGE for each in phone.values.get("ctl", ()))
    return Candidate(phone.name, model, load, ctl, itl, there and shows)


def _refusal(phone: PhoneSeen, old: PhoneSeen | None) -> str:
    code = phone.newest("tl_status") or ""
    if code.isdigit() and int(code) >= _FAILED_FROM and (old is None or old.newest("tl_status") != code):
        return f"its last update has result {code}"
    told = (phone.newest("messages") or "").lower()
    before = "" if old is None else (old.newest("messages") or "").lower()
    return next((f"it says: {each}" for each in _FAILURES if told.count(each) > before.count(each)), "")
