"""Pictures of screens: of the first of a kind alone, kept under names that say nothing, deleted by their day."""

from __future__ import annotations

import asyncio
from datetime import date
from pathlib import Path
from typing import Any

import pytest

from mixedmode.errors import UsageError
from mixedmode.rescue.hands import PhoneHands
from mixedmode.rescue.planning import Planned
from mixedmode.rescue.runner import Runner
from mixedmode.rescue.wire.http import Reply
from mixedmode.rescue.wire.pictures import Pictures
from tests.rescue.site import Fleet, events, handset

PNG = b"\x89PNG\r\n\x1a\n" + b"\0" * 100
TODAY = date(2026, 11, 26)
PHONE = Planned("SEP001122334455", "8841", "", "", "http://192.0.2.1/", "", "", "", "", (), ())


def kept(folder: Path, reply: Reply, phone: Planned = PHONE) -> tuple[dict[str, Any], list[str]]:
    asked: list[str] = []

    async def get(url: str, path: str) -> Reply:
        asked.append(f"{url.rstrip('/')}{path}")
        return reply

    pictures = Pictures(folder, get, TODAY)
    pictures.begin()
    return asyncio.run(pictures(phone)), asked


def test_a_picture_is_kept_under_a_name_that_says_nothing(tmp_path: Path) -> None:
    said, asked = kept(tmp_path / "screens", Reply(200, PNG))
    (found,) = (tmp_path / "screens").iterdir()
    assert said == {"file": found.name, "sha256": said["sha256"], "bytes": len(PNG), "until": "2026-12-26"}
    assert (found.name, asked) == (
        f"until-2026-12-26-{said['sha256'][:16]}.png",
        ["http://192.0.2.1/CGI/Screenshot"],
    )
    assert (found.stat().st_mode & 0o777, found.parent.stat().st_mode & 0o777) == (0o600, 0o700)


@pytest.mark.parametrize(
    ("reply", "why"),
    [
        (Reply(200, b'<CiscoIPPhoneError Number="4"/>'), "it sends no picture"),
        (Reply(200, b"<script>"), "it sends no picture"),
        (Reply(404, PNG), "HTTP 404"),
        (Reply(0, why="no whole answer within 5 s"), "no whole answer within 5 s"),
    ],
)
def test_what_is_no_picture_is_not_kept(reply: Reply, why: str, tmp_path: Path) -> None:
    assert kept(tmp_path, reply)[0] == {"why": why}
    assert list(tmp_path.iterdir()) == []


def test_what_is_past_its_day_is_deleted_and_nothing_else(tmp_path: Path) -> None:
    old, fresh, others = (f"until-2026-11-{day}-{'a' * 16}.png" for day in (25, 26, 24))
    for name in (old, fresh, "until-2026-01-01.png", "notes.txt"):
        (tmp_path / name).touch()
    (tmp_path / others).mkdir()

    async def get(_url: str, _path: str) -> Reply:
        return Reply(0)

    assert Pictures(tmp_path, get, TODAY).begin() == 1
    assert sorted(each.name for each in tmp_path.iterdir()) == sorted(
        [fresh, others, "until-2026-01-01.png", "notes.txt"]
    )
    with pytest.raises(UsageError, match="pictures cannot be kept"):
        Pictures(tmp_path / "notes.txt", get, TODAY).begin()


def test_of_a_run_the_first_of_a_kind_is_pictured_before_it_is_erased() -> None:
    fleet, asked = Fleet([handset(number, "8841") for number in range(5)]), []

    async def picture(phone: Planned) -> dict[str, str]:
        asked.append(phone.name)
        return {"why": "it sends no picture"}

    def begun(runner: Runner) -> None:
        runner.picture = picture

    fleet.run(meanwhile=begun)
    assert all(result.outcome.is_proof for result in fleet.results.values())
    assert asked == [events(fleet.log, "picture")[0]["phone"]]
    names = [(each["event"], bool(each.get("confirm"))) for each in fleet.log.records if each.get("phone") == asked[0]]
    assert names[names.index(("picture", False)) + 1] == ("key", True)


def test_a_phone_that_speaks_https_and_was_not_recognised_is_not_asked_for_its_screen() -> None:
    reply = asyncio.run(PhoneHands("a", "b").picture("https://192.0.2.1/", "/CGI/Screenshot"))
    assert (reply.status, "nobody named who issued" in reply.why) == (0, True)
