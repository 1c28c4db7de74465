"""What phones' own pages say of them, many phones at a time: only reading, with two exceptions that are asked for.

Rules:

1. A page that is another phone's, or none, is "does not answer".
2. What the page says outranks the inventory: a phone that is deaf keeps its old values.
3. A phone that has its pages by HTTPS alone is read there, at its own address and port 443; no redirect is followed.
4. Only where a control user was named: one request to the authentication service for each phone, and one for the window
   that the phone shows. Nothing is pressed. A page that names a service which nobody allowed gets neither: the password
   would end there (:mod:`mixedmode.rescue.wire.whom`).
"""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from typing import Final
from urllib.parse import urlencode, urlsplit

from mixedmode.rescue.hands import NOT_NAMED, PhoneHands
from mixedmode.rescue.phone import reading
from mixedmode.rescue.phone.answers import AUTHENTICATION, Answer, taken
from mixedmode.rescue.phone.walking import device_path, network_path
from mixedmode.rescue.readiness import PhoneFacts
from mixedmode.rescue.wire.http import request
from mixedmode.rescue.wire.tls import PhoneAuthorities
from mixedmode.rescue.wire.whom import Services

AT_ONCE: Final = 25


@dataclass(frozen=True, slots=True)
class Asking:
    """What phones are asked with.

    Attributes:
        login: The control user and his password; None does not ask who may press keys (rule 4).
        services: Authentication services that the password may be sent to.
        authorities: Who issued phones' certificates, for those that speak HTTPS alone.
        now: The time, ISO 8601.
    """

    login: tuple[str, str] | None = field(default=None, repr=False)
    services: Services = field(default_factory=Services)
    authorities: PhoneAuthorities | None = None
    now: str = ""


async def look_at(phones: Sequence[PhoneFacts], asking: Asking) -> list[PhoneFacts]:
    """Look at the pages of phones; one whose address is not known stays as it is.

    Args:
        phones: Of an inventory.
        asking: What they are asked with.
    """
    gate = asyncio.Semaphore(AT_ONCE)

    async def one(facts: PhoneFacts) -> PhoneFacts:
        async with gate:
            return await _look(facts, asking)

    return list(await asyncio.gather(*map(one, phones)))


async def _look(facts: PhoneFacts, asking: Asking) -> PhoneFacts:
    if not facts.url:
        return facts
    model = facts.model.name if facts.model is not None else ""
    hands = PhoneHands(*(asking.login or ("", "")))
    answer = await hands.get(facts.url, network_path(model), login=False)
    if not answer.is_page and (secure := _secure(facts.url, answer)):
        other = await hands.get(secure, network_path(model), login=False)
        if other.is_page:
            answer, facts = other, replace(facts, url=secure)
    page = reading.read_network(answer.body) if answer.is_page else reading.PageSeen()
    if page.name != facts.name:
        return replace(facts, answers=False)
    found = replace(
        facts,
        answers=True,
        load=await _load(hands, facts.url, model) or facts.load,
        dangers=page.dangers,
        authentication_url=facts.authentication_url if page.authentication_url is None else page.authentication_url,
        stranger=await _stranger(facts, network_path(model), asking),
    )
    if page.shows_lists:
        found = replace(found, ctl=page.ctl or found.ctl, itl=page.itl or found.itl, source="its page", time=asking.now)
    return found if asking.login is None else await _asked(found, asking, asking.login)


def _secure(url: str, answer: Answer) -> str:
    """Return where a phone has its pages if it has them by HTTPS alone (rule 3); empty if that is not asked for."""
    parts = urlsplit(url)
    may_be = not answer.status or 300 <= answer.status < 400
    return f"https://{parts.netloc}/" if may_be and parts.scheme == "http" and parts.port is None else ""


async def _stranger(facts: PhoneFacts, path: str, asking: Asking) -> str:
    """Return why a phone that speaks HTTPS may have no login; empty if it may."""
    if not facts.url.startswith("https://"):
        return ""
    if asking.authorities is None:
        return NOT_NAMED
    return await PhoneHands("", "", {facts.url: facts.name}, asking.authorities).stranger(facts.url, path)


async def _load(hands: PhoneHands, url: str, model: str) -> str:
    answer = await hands.get(url, device_path(model), login=False)
    return reading.read_load(answer.body) if answer.is_page else ""


async def _asked(facts: PhoneFacts, asking: Asking, login: tuple[str, str]) -> PhoneFacts:
    """Ask whether the control user may press this phone's keys (rule 4)."""
    refused = asking.services.stranger(facts.authentication_url)
    if refused or facts.stranger:
        return replace(facts, not_asked=refused or facts.stranger)
    window = await PhoneHands(*login, {facts.url: facts.name}, asking.authorities).get(
        facts.url, reading.WINDOW, login=True
    )
    end_to_end = True if window.is_page else False if taken(window).error == AUTHENTICATION else None
    found = replace(facts, end_to_end=end_to_end)
    service = asking.services.find(facts.authentication_url or "")
    if isinstance(service, str):
        return found  # an empty URL takes everybody, an https one is the phone's own to check
    asked = urlencode({"UserID": login[0], "Password": login[1], "devicename": facts.name})
    reply = await request(service.url, f"{service.target}{'&' if '?' in service.target else '?'}{asked}", limit=4096)
    if not reply.status or 300 <= reply.status < 400:
        return replace(found, not_asked=f"the authentication service at {service.url} does not answer: {reply.why}")
    # A phone takes this word and nothing else, not even a line end behind it (docs/specification/rescue.md 1.4).
    return replace(found, login=reply.status == 200 and reply.body == b"AUTHORIZED")
