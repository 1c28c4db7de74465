"""What phones' own pages say of them, many phones at a time: only reading, with two exceptions that are asked for.

Rules:

1. A page that is another phone's, or none, is "does not answer".
2. What the page says outranks the inventory: a phone that is deaf keeps its old values.
3. Only where a control user was named: one request to the authentication service for each phone, and one for the window
   that the phone shows. Nothing is pressed.
"""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from dataclasses import replace
from typing import Final
from urllib.parse import urlencode, urlsplit

from mixedmode.rescue.hands import PhoneHands, request
from mixedmode.rescue.phone import reading
from mixedmode.rescue.phone.answers import AUTHENTICATION, taken
from mixedmode.rescue.phone.walking import device_path, network_path
from mixedmode.rescue.readiness import PhoneFacts

AT_ONCE: Final = 25
_NOBODY: Final = PhoneHands("", "")


async def look_at(
    phones: Sequence[PhoneFacts], login: tuple[str, str] | None = None, *, now: str = ""
) -> list[PhoneFacts]:
    """Look at the pages of phones; one whose address is not known stays as it is.

    Args:
        phones: Of an inventory.
        login: The control user and his password; None does not ask who may press keys (rule 3).
        now: The time, ISO 8601.
    """
    gate = asyncio.Semaphore(AT_ONCE)

    async def one(facts: PhoneFacts) -> PhoneFacts:
        async with gate:
            return await _look(facts, login, now)

    return list(await asyncio.gather(*map(one, phones)))


async def _look(facts: PhoneFacts, login: tuple[str, str] | None, now: str) -> PhoneFacts:
    if not facts.url:
        return facts
    model = facts.model.name if facts.model is not None else ""
    path = network_path(model)
    answer = await _NOBODY.get(facts.url, path, login=False)
    page = reading.read_network(answer.body) if answer.is_page else reading.PageSeen()
    if page.name != facts.name:
        return replace(facts, answers=False)
    found = replace(
        facts,
        answers=True,
        load=await _load(facts.url, model) or facts.load,
        dangers=page.dangers,
        authentication_url=facts.authentication_url if page.authentication_url is None else page.authentication_url,
    )
    if page.shows_lists:
        found = replace(found, ctl=page.ctl or found.ctl, itl=page.itl or found.itl, source="its page", time=now)
    return found if login is None else await _asked(found, login)


async def _load(url: str, model: str) -> str:
    answer = await _NOBODY.get(url, device_path(model), login=False)
    return reading.read_load(answer.body) if answer.is_page else ""


async def _asked(facts: PhoneFacts, login: tuple[str, str]) -> PhoneFacts:
    """Ask whether the control user may press this phone's keys (rule 3)."""
    window = await PhoneHands(*login).get(facts.url, reading.WINDOW, login=True)
    end_to_end = True if window.is_page else False if taken(window).error == AUTHENTICATION else None
    url = facts.authentication_url or ""
    if not url.lower().startswith("http://"):
        return replace(facts, end_to_end=end_to_end)
    parts = urlsplit(url)
    asked = urlencode({"UserID": login[0], "Password": login[1], "devicename": facts.name})
    target = f"{parts.path or '/'}?{parts.query}{'&' if parts.query else ''}{asked}"
    status, body, _ = await request(f"http://{parts.netloc}/", target, limit=4096)
    return replace(facts, end_to_end=end_to_end, login=(body.strip() == b"AUTHORIZED") if status else None)
