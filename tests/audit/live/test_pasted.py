"""What an audit says of a pasted listing is what it says of the list itself, as far as a listing shows it."""

from __future__ import annotations

import json
from dataclasses import replace

import pytest

from mixedmode.audit.live.judging import Judgement, judge
from mixedmode.audit.live.pasted import observation_of
from mixedmode.errors import MalformedError, MixedModeError
from mixedmode.live.observed import FileSeen, Observation, Sighting, Source
from mixedmode.trustlist.listing import render_listing
from mixedmode.trustlist.model import TrustList
from mixedmode.trustlist.pasted.reading import read_listings
from tests.audit.live import planted_certificates, planted_lists
from tests.audit.live.faults import FAULTS
from tests.audit.live.world import NOW, PUB, World, lists_alone
from tests.explain.reading import TRANSCRIPTS

PLANTED = (planted_certificates, planted_lists)
SHOWN = frozenset({"C4", "C5", "C6", "C10", "L2", "L4", "L6", "L7", "L8", "L10", "L11", "L12"})
"""Rules that need nothing but what a listing shows."""


def listing(data: bytes) -> str:
    listed = TrustList.parse(data)
    return "\n".join(render_listing(listed, listed.verify(), "Fri Mar 06 19:45:13 CET 2015"))


def pasted(observation: Observation) -> Observation:
    """Return the same nodes, of whose lists only listings are known."""

    def described(file: FileSeen) -> FileSeen:
        if file.data is None or not file.name.endswith(".tlv"):
            return file
        (shown,) = read_listings(listing(file.data).splitlines())
        return replace(
            file, data=json.dumps(shown.document()).encode(), seen=Sighting(Source.FILE, file.seen.at, file.node)
        )

    return replace(observation, files=tuple(described(each) for each in observation.files))


def named(judgement: Judgement) -> set[str]:
    return {each.id for each in judgement.findings if each.rule in SHOWN}


@pytest.mark.parametrize("name", [name for name, (wanted, _) in FAULTS.items() if wanted.partition("/")[0] in SHOWN])
def test_a_listing_is_judged_as_its_list(name: str) -> None:
    observation = lists_alone(FAULTS[name][1]())
    assert named(judge(pasted(observation))) == named(judge(observation))


def test_a_healthy_listing_has_nothing_wrong_and_says_what_it_does_not_show() -> None:
    world = World()
    text = "\n".join(["admin:show ctl", listing(world.ctl()), "admin:show itl", listing(world.itl(PUB)), "admin:"])
    judgement = judge(observation_of([("mail.txt", text.encode())], NOW))
    assert [each.id for each in judgement.findings] == []
    gaps = {each.what for each in judgement.not_seen}
    assert "C1: the dates of the CallManager certificate" in gaps
    assert "C7: what the TVS certificate is signed over" in gaps
    assert "L3: the fields of CTLFile.tlv beside its certificates" in gaps


def test_files_and_listings_of_them_are_one() -> None:
    world = World()
    files = [("a", world.ctl()), ("b", listing(world.ctl()).encode()), ("c", listing(world.ctl()).encode("utf-16"))]
    judgement = judge(observation_of(files, NOW))
    assert [each.id for each in judgement.findings if each.rule in SHOWN] == []


def test_short_keys_are_told_with_the_hash_that_is_shown() -> None:
    text = (TRANSCRIPTS / "118893-e-tokenless-full.txt").read_bytes()
    findings = judge(observation_of([("e.txt", text)], NOW)).findings
    assert {each.rule for each in findings} == {"C7"}
    assert "SHA-1 e9d433645bc88ced514d8fe5ea5b6d21a5a38c9c" in findings[0].evidence[0]


def test_a_list_that_does_not_verify_or_does_not_say_so() -> None:
    lines = listing(World().ctl()).splitlines()
    lines[-1] = "Verification of the CTL file failed."
    assert "L2" in {each.rule for each in judge(observation_of([("x", "\n".join(lines).encode())], NOW)).findings}
    judgement = judge(observation_of([("x", "\n".join(lines[:-1]).encode())], NOW))
    assert "L2" not in {each.rule for each in judgement.findings}
    assert "L2: the signature of CTLFile.tlv" in {each.what for each in judgement.not_seen}


def test_half_a_listing_is_refused_and_says_what_is_missing() -> None:
    lines = listing(World().ctl()).splitlines()
    record = next(number for number, line in enumerate(lines) if "Record #:2" in line)
    header = next(number for number, line in enumerate(lines) if line.startswith("Parse CTL"))
    for half, missing in (
        (lines[:record], r"every record: \d+ of \d+ bytes"),
        (lines[: record + 6], "every record: "),
        ([*lines[: record + 9], *lines[record + 10 :]], "every row of its records"),
        ([*lines[:header], *lines[record:]], "the header"),
        (lines[header:], "the length of the file"),
    ):
        with pytest.raises(MalformedError, match=missing) as caught:
            observation_of([("half.txt", "\n".join(half).encode())], NOW)
        assert (caught.value.exit_code, caught.value.where) == (2, "half.txt")


@pytest.mark.parametrize("content", [b"", b"hello\n", b"{", b'{"kind": "CTL", "records": []}', b"\x01\x00\x02", b"\0"])
def test_what_is_no_list_is_refused(content: bytes) -> None:
    with pytest.raises(MixedModeError) as caught:
        observation_of([("x", content)], NOW)
    assert caught.value.exit_code == 2


def test_a_broken_list_is_a_finding_and_a_signed_file_is_none() -> None:
    world = World()
    broken = judge(observation_of([("CTLFile.tlv", world.ctl()[:-40])], NOW))
    assert [each.rule for each in broken.findings] == ["L1"]
    with pytest.raises(MalformedError, match="not a trust list"):
        observation_of([("x.sgn", world.default(PUB))], NOW)


def test_what_a_node_serves_is_never_read_as_a_listing() -> None:
    world = World()
    found = lists_alone(world.look())
    files = tuple(replace(each, data=listing(world.ctl()).encode()) if each.name == "CTLFile.tlv" else each for each in
                  found.files)  # fmt: skip
    assert "L1" in {each.rule for each in judge(replace(found, files=files)).findings}
