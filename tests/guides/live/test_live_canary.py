"""Canaries of a cluster from outside: chosen by their pages, judged by what they show, nobody else touched."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from dataclasses import replace
from datetime import UTC, datetime
from urllib.parse import urlsplit

import pytest

from mixedmode.errors import CheckFailedError
from mixedmode.faces.shell.talk import ScriptedIO
from mixedmode.guides.live.canary import LiveCanary, sign_of
from mixedmode.guides.live.follow import ByLooking
from mixedmode.guides.live.phones_seen import follower, look_at, pages_of
from mixedmode.guides.live.seeing.looking import Looker
from mixedmode.live.cluster_file import Login
from mixedmode.live.observed import PhoneSeen, Sighting, Source, Value
from mixedmode.procedures.catalogue import PROCEDURES
from mixedmode.trustlist.model import TrustList
from tests.guides.live.conftest import LabFromOutside
from tests.guides.live.test_walk import in_mixed_mode

OLD = "b" * 40
SEEN = Sighting(Source.PAGE, datetime(2026, 11, 26, tzinfo=UTC), "http://phone/")


def phone(name: str, **values: str) -> PhoneSeen:
    return PhoneSeen(name, {key: (Value(text, SEEN),) for key, text in values.items()})


def test_what_a_phone_shows() -> None:
    before = {"a": phone("a", ctl=OLD, tl_status="3", messages="CTL installed\nTrust List update failed")}
    assert not sign_of(phone("a", ctl=OLD, tl_status="3", messages="Trust List update failed"), before).restarted
    assert sign_of(phone("a", ctl="c" * 40), before).restarted
    assert sign_of(phone("a", ctl=OLD, tl_status="8"), before).refusal == "its last update has result 8"
    twice = "Trust List update failed\nTrust List update failed"
    assert "trust list update failed" in sign_of(phone("a", ctl=OLD, messages=twice), before).refusal
    assert not sign_of(PhoneSeen("a"), before).refusal
    # Where no hash is shown the messages tell; what was there before says nothing, though it scrolls.
    silent = {"a": phone("a", messages="1:00:00a CTL installed\n1:00:01a ITL installed")}
    assert not sign_of(phone("a", messages="1:00:01a ITL installed"), silent).restarted
    assert (
        sign_of(phone("a", messages="1:00:01a ITL installed\n2:00:00a CTL Installed"), silent).took == "ctl installed"
    )
    both = "2:00:00a CTL Installed\n2:00:01a Trust List update failed"
    assert sign_of(phone("a", messages=both), silent).refusal == "it says: trust list update failed"
    assert not sign_of(phone("a", messages=both), silent).took
    assert not sign_of(phone("a", ctl=OLD, messages="2:00:00a CTL Installed"), silent).took, "it shows its list itself"


def test_phones_are_followed_and_tried_by_their_own_pages(outside: LabFromOutside) -> None:
    in_mixed_mode(outside)
    outside.wait(outside.lab.phones.register_all(outside.lab.phone_server))
    cluster = outside.cluster

    async def look() -> tuple[str, Sequence[PhoneSeen], Sequence[PhoneSeen]]:
        seen = await Looker(cluster, None, lambda: datetime.now(UTC)).look()
        published = seen.published()
        assert published is not None
        io = ScriptedIO([])
        follow = ByLooking(follower(cluster), seconds=0.0, most=1)
        await follow.until_they_hold(published, seen, PROCEDURES["regenerate-callmanager"].phones, io)
        phones = (await look_at(cluster)).phones
        urls = {name: urlsplit(url) for name, url in outside.lab.pages.addresses.items()}
        few = [
            phone(name, address=str(url.hostname), model=outside._phone(name).model.name) for name, url in urls.items()
        ]
        port = next(iter(urls.values())).port or 0
        return "\n".join(io.lines), phones, await pages_of(replace(cluster, phones=Login("phones", port=port)), few)

    said, phones, pages = asyncio.run(look())
    assert "phones hold the published CTL file" in said
    assert {each.name for each in phones} == set(outside.lab.phones.names)
    ctl = outside.lab.cluster.show_ctl(outside.publisher).data
    assert ctl is not None
    sha1 = TrustList.parse(ctl).sha1
    assert sha1 in {each.newest("ctl") for each in pages}

    async def tried(shown: str) -> list[str]:
        first = [phone("SEP1", model="8861", status="Registered", ctl=OLD), phone("SEP2", model="8861", ctl=OLD)]
        looks = iter([OLD, OLD, shown])

        async def all_phones() -> Sequence[PhoneSeen]:
            return first

        async def few(chosen: Sequence[PhoneSeen]) -> Sequence[PhoneSeen]:
            value = next(looks, shown)
            return [phone(each.name, ctl=value) for each in chosen]

        async def soon(_seconds: float) -> None:
            await asyncio.sleep(0)

        io = ScriptedIO([""])
        canary = LiveCanary(all_phones, few, within=5.0, sleep=soon)
        await canary.run(TrustList.parse(ctl or b""), "by the other procedure", io)
        return io.lines

    lines = asyncio.run(tried(sha1))
    assert "  Reset these phones and no others: SEP1" in lines
    with pytest.raises(CheckFailedError, match="the canary SEP1 refused it") as failed:
        asyncio.run(tried("c" * 40))
    assert "go back: by the other procedure" in str(failed.value.next_step)
