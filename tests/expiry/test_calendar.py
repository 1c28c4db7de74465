"""What ends when, what that does to phones, windows and turns, and the files that are written."""

from __future__ import annotations

import base64
import hashlib
import json
import re
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from itertools import pairwise

import pytest

from mixedmode.errors import MixedModeError
from mixedmode.expiry.ics import folded, icalendar
from mixedmode.expiry.meaning import MEANINGS
from mixedmode.expiry.metrics import metrics
from mixedmode.expiry.planning import calendar
from mixedmode.expiry.report import lines
from mixedmode.expiry.seen import Found, moment_of, take_inventory
from mixedmode.expiry.sorting import merged
from mixedmode.expiry.values import Calendar, Dated, Urgency, Use
from tests.explain.reading import DATA

NOW = datetime(2026, 11, 26, 8, tzinfo=UTC)
TOKENLESS = (DATA / "tlv" / "50-seed-tokenless-4947.tlv").read_bytes()
TOKENS = (DATA / "tlv" / "52-seed-etoken2-signs-5728.tlv").read_bytes()


def one(use: Use, days: int, name: str = "node", **more: object) -> Dated:
    key = hashlib.sha256(f"{use}{name}{days}".encode()).hexdigest()
    return Dated(use, f"CN={name};O=x", "CN=ca", "01:02", key, NOW, NOW + timedelta(days), **more)  # type: ignore[arg-type]


def made(*found: Dated) -> Calendar:
    return calendar("test", merged(found), NOW)


def test_every_use_has_a_meaning() -> None:
    assert set(MEANINGS) == set(Use)
    assert all(each.effect and each.steps and each.opens > each.closes for each in MEANINGS.values())


def test_the_certificates_of_a_list_once_each_with_who_signs() -> None:
    found = Found()
    assert found.file(TOKENLESS, "CTLFile.tlv")
    entries = made(*found.certificates).entries
    assert [(each.dated.name, each.dated.signs) for each in entries] == [
        ("CAPF CAPF-e41e7d87", ()), ("CallManager cucm-1051-a-pub", ("CTL",)), ("CallManager cucm-1051-a-sub1", ()),
    ]  # fmt: skip
    assert entries[1].dated.where == ("CTLFile.tlv (SAST)", "CTLFile.tlv (CCM+TFTP)")


def test_tokens_are_tokens() -> None:
    found = Found()
    found.file(TOKENS, "CTL")
    uses = [each.dated.use for each in made(*found.certificates).entries]
    assert uses.count(Use.TOKEN) == 2
    (signer,) = (each for each in made(*found.certificates).entries if each.dated.signs)
    assert "SAST-ADN008580ef" in signer.dated.name


@pytest.mark.parametrize(
    ("days", "urgency", "squeezed"),
    [(-1, "expired", True), (1, "critical", True), (13, "critical", True), (59, "warning", True),
     (61, "info", False), (181, "later", False)],
)  # fmt: skip
def test_how_near_an_end_is(days: int, urgency: str, squeezed: bool) -> None:
    (each,) = made(one(Use.CAPF, days)).entries
    assert (each.urgency, each.squeezed, each.days) == (Urgency(urgency), squeezed, days)
    assert NOW.date() <= each.opens <= each.closes


def test_anchors_that_are_due_together_have_turns_and_callmanager_is_last() -> None:
    found = [one(Use.CALLMANAGER, 300), one(Use.ITLRECOVERY, 310), one(Use.TVS, 320), one(Use.CAPF, 300)]
    entries = {each.dated.use: each for each in made(*found).entries}
    turns = [entries[use] for use in (Use.TVS, Use.ITLRECOVERY, Use.CALLMANAGER)]
    assert all(before.closes < after.opens for before, after in pairwise(turns))
    assert max(each.closes for each in turns) <= (NOW + timedelta(300 - 60)).date()
    assert turns[2].after == ("TVS node", "ITLRecovery node")
    assert not any(each.squeezed for each in turns)
    assert entries[Use.CAPF].after == ()


def test_too_little_time_makes_turns_shorter_and_is_said() -> None:
    found = [one(Use.CALLMANAGER, 70, f"n{number}") for number in range(9)]
    entries = made(*found).entries
    assert all(each.squeezed for each in entries)
    assert len({each.opens for each in entries}) == 9


def test_ends_far_apart_do_not_wait_for_each_other() -> None:
    entries = made(one(Use.TVS, 200), one(Use.CALLMANAGER, 2000)).entries
    assert [each.after for each in entries] == [(), ()]


def test_lscs_of_one_issuer_and_day_are_one_entry() -> None:
    found = Found()
    inventory = "name,lsc_until,lsc_issuer\n" + "".join(
        f"SEP0000000000{number:02X},{int((NOW + timedelta(80)).timestamp()) + number},CAPF-1\n" for number in range(40)
    )
    take_inventory(found, f"{inventory}SEP000000000099,0,\nSEP000000000098,soon,CAPF-1\n".encode(), "phones.csv")
    (each,) = made(*found.certificates).entries
    assert (each.dated.name, each.urgency) == ("40 LSCs of CAPF-1", Urgency.WARNING)
    assert len(found.not_seen) == 1
    assert b"and 20 more" in icalendar(made(*found.certificates)).replace(b"\r\n ", b"")


def test_a_collected_inventory_gives_lists_certificates_and_lscs() -> None:
    end = (NOW + timedelta(10)).isoformat()
    document = {
        "mixedmode_inventory": 1,
        "files": [{"node": "pub", "name": "CTLFile.tlv", "data": base64.b64encode(TOKENLESS).decode()},
                  {"node": "pub", "name": "ITLFile.tlv", "data": None}],
        "not_seen": [{"what": "AXL", "where": "", "why": "no login"}],
        "phones": [{"name": "SEP000000000001", "values": {"lsc_until": [[end, 0]], "lsc_issuer": [["CN=CAPF-1", 0]]}}],
    }  # fmt: skip
    found = Found()
    take_inventory(found, json.dumps(document).encode(), "seen.json")
    entries = made(*found.certificates).entries
    assert [each.dated.use for each in entries] == [Use.LSC, Use.CAPF, Use.CALLMANAGER, Use.CALLMANAGER]
    assert entries[0].urgency is Urgency.CRITICAL
    assert found.not_seen


@pytest.mark.parametrize(
    "data", [b"", b"name\nSEP000000000001\n", b"{", b"[1, 2]", b"[" * 99999, b'{"files": 3}', b"\xff"]
)
def test_an_inventory_that_says_nothing_is_said(data: bytes) -> None:
    with pytest.raises(MixedModeError):
        take_inventory(Found(), data, "phones")


@pytest.mark.parametrize(
    ("text", "year"),
    [("0", None), ("1795000000", 2026), ("2031-01-31", 2031), ("20310131", 2031),
     ("2031-01-31T00:00:00+02:00", 2031), ("9" * 30, None),
     ("", None), ("31.1.2031", None)],
)  # fmt: skip
def test_moments(text: str, year: int | None) -> None:
    found = moment_of(text)
    assert (None if found is None else found.astimezone(UTC).year if "+02" not in text else 2031) == year


def test_icalendar_is_rfc_5545() -> None:
    nasty = one(Use.TVS, 100, 'a,b;c\\d\n"' + "\u00e9\U0001f600" * 60, where=("x\x00\x1b[31m\r",))
    data = icalendar(made(nasty, one(Use.CAPF, -3)))
    assert data.endswith(b"END:VCALENDAR\r\n")
    assert b"\n" not in data.replace(b"\r\n", b"")
    physical = data.split(b"\r\n")
    assert max(map(len, physical)) <= 75
    assert [line.decode() for line in physical]
    text = data.decode().replace("\r\n ", "")
    assert text.count("BEGIN:VEVENT") == text.count("END:VEVENT") == 4
    assert all(re.fullmatch(r"[A-Z-]+(;[A-Z=]+)?:.*", line) for line in text.split("\r\n") if line)
    uids = re.findall(r"UID:(\S+)", text)
    assert len(set(uids)) == 4
    later = icalendar(calendar("later", merged([nasty, one(Use.CAPF, -3)]), NOW + timedelta(3)))
    assert uids == re.findall(r"UID:(\S+)", later.decode().replace("\r\n ", ""))
    assert "SUMMARY:Renew TVS a\\,b" in text
    assert all(each >= " " or each in "\r\n" for each in text)


@pytest.mark.parametrize("length", [0, 74, 75, 76, 148, 149, 150, 500])
def test_folding(length: int) -> None:
    for letter in ("a", "\u00e9", "\U0001f600"):
        data = folded(letter * length)
        assert all(len(line) <= 75 for line in data.split(b"\r\n"))
        assert data.replace(b"\r\n ", b"").decode() == letter * length + "\r\n"


def test_metrics_can_be_read_by_prometheus() -> None:
    text = metrics(made(one(Use.TVS, 100, 'a"b\\c\nd'), one(Use.LSC, 5, phones=("SEP000000000001",)))).decode()
    line = re.compile(r'[a-z_]+(\{([a-z0-9]+="([^"\\\n]|\\["\\n])*",?)+\})? -?\d+')
    for each in text.splitlines():
        assert each.startswith("# ") or line.fullmatch(each), each
    assert text.endswith("\n")
    assert text.count("# TYPE") == 5


@pytest.mark.parametrize("end", [datetime(1, 1, 1, tzinfo=UTC), datetime(9999, 12, 31, 23, 59, tzinfo=UTC)])
def test_the_first_and_the_last_day_there_are(end: datetime) -> None:
    entries = made(replace(one(Use.TVS, 1), not_after=end), one(Use.CALLMANAGER, 200))
    assert icalendar(entries).count(b"BEGIN:VEVENT") == 4
    assert list(lines(entries))
    assert metrics(entries)
    assert entries.document()


@pytest.mark.parametrize("now", [datetime(1, 1, 1, tzinfo=UTC), datetime(9999, 12, 31, 23, 59, tzinfo=UTC)])
def test_a_calendar_of_the_first_and_of_the_last_day_there_are(now: datetime) -> None:
    entries = calendar("one", [one(use, 1) for use in Use], now)
    assert icalendar(entries).count(b"BEGIN:VEVENT") == 2 * len(entries.entries)
    assert list(lines(entries))
    assert metrics(entries)


def test_lines_say_what_and_when() -> None:
    text = "\n".join(lines(made(one(Use.CALLMANAGER, 30), one(Use.TVS, -2), one(Use.LSC, 20))))
    assert "[expired], 2 days ago" in text
    assert "less time than there should be" in text
    assert "only after, and when every phone has followed: TVS node" in text
