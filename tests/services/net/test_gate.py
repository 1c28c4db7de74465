"""Who gets in at a full door: rules alone, without sockets."""

from __future__ import annotations

from collections import Counter
from functools import partial
from random import Random

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from mixedmode.services.net.gate import Gate, Place, Startups, source_of


def gate(connections: int = 10, per_source: int = 10, startups: Startups | None = None, kept: int = 0) -> Gate:
    return Gate(connections, per_source, startups=startups, kept=kept, random=Random(1))


def fill(door: Gate, address: str, number: int) -> list[Place]:
    found = [door.admit(address) for _ in range(number)]
    return [place for place in found if place is not None]


@pytest.mark.parametrize(
    ("address", "source"),
    [
        ("192.0.2.1", "192.0.2.1"),
        ("::ffff:192.0.2.1", "192.0.2.1"),
        ("::1", "::1"),
        ("2001:db8:1:2:3::4", "2001:db8:1:2::/64"),
        ("2001:db8:1:2:ffff::9", "2001:db8:1:2::/64"),
        ("2001:db8:1:3::4", "2001:db8:1:3::/64"),
        ("fe80::1%eth0", "fe80::1"),
        ("fe80::2%eth0", "fe80::2"),
        ("unknown", "unknown"),
        ("a:b", "a:b"),
    ],
)
def test_sources(address: str, source: str) -> None:
    assert source_of(address) == source


def test_one_source_has_its_share() -> None:
    door = gate(per_source=3)
    assert len(fill(door, "192.0.2.1", 5)) == 3
    assert door.crowded("192.0.2.1")
    assert len(fill(door, "192.0.2.2", 1)) == 1
    six = gate(per_source=3)
    assert [six.admit(f"2001:db8::{number}") is not None for number in range(5)] == [True] * 3 + [False] * 2


def test_who_fills_a_door_pushes_out_his_own() -> None:
    door = gate()
    gone: list[str] = []
    for source in ("192.0.2.1", "192.0.2.2"):
        for place in fill(door, source, 5):
            place.drop = partial(gone.append, place.address)
    honest = [door.admit(f"198.51.100.{number}") for number in range(4)]
    assert all(honest)
    assert len(gone) == door.dropped == 4
    assert set(gone) <= {"192.0.2.1", "192.0.2.2"}
    # The one with most of them gains nothing by asking again and again.
    assert not any(door.admit("192.0.2.1") for _ in range(50) if door.open == 10 and len(gone) == 4)
    assert all(place is not None and place.index >= 0 for place in honest)


def test_who_has_proved_himself_stays() -> None:
    door = gate()
    for place in fill(door, "192.0.2.1", 10):
        place.settle()
    assert door.admit("192.0.2.2") is None
    assert door.dropped == 0


def test_places_are_kept_for_this_machine() -> None:
    door = gate(connections=32, per_source=32, kept=4)
    strangers = fill(door, "192.0.2.1", 40)
    for place in strangers:
        place.settle()
    assert len(strangers) == 28
    assert len(fill(door, "127.0.0.1", 4)) == 4
    assert door.admit("127.0.0.1") is None
    assert gate(connections=3, kept=16).admit("192.0.2.1") is not None


def test_this_machine_pushes_out_strangers_and_not_the_other_way_round() -> None:
    door = gate()
    local = fill(door, "127.0.0.1", 5)
    fill(door, "192.0.2.1", 5)
    for number in range(20):
        door.admit(f"198.51.100.{number}")
    assert all(place.index >= 0 for place in local)
    assert door.admit("::1") is not None
    assert all(place.index >= 0 for place in local)


def test_connections_before_the_login_are_thinned_out_at_random() -> None:
    door = gate(100, 100, Startups(10, 0.3, 20))
    many = [door.admit(f"198.51.{number // 250}.{number % 250}") for number in range(400)]
    assert door.open == door.waiting <= 20
    assert 0 < sum(place is None for place in many) < 390
    # Not just the last ones were turned away: newcomers take the places of some that wait.
    assert door.dropped > 50
    for place in many:
        if place is not None:
            place.settle()
    assert fill(door, "192.0.2.9", 10)


def test_chance_decides_among_equals() -> None:
    survivors: Counter[int] = Counter()
    for seed in range(60):
        door = Gate(4, 4, kept=0, random=Random(seed))
        places = [door.admit(f"192.0.2.{number}") for number in range(5)]
        survivors.update(number for number, place in enumerate(places) if place is not None and place.index >= 0)
    assert len(survivors) == 5
    assert all(20 <= times < 60 for times in survivors.values())


def test_leaving_twice_and_after_being_pushed_out_counts_once() -> None:
    door = gate(connections=2)
    first, second = fill(door, "192.0.2.1", 2)
    assert door.admit("192.0.2.2") is not None
    for place in (first, second, first, second):
        place.leave()
        place.settle()
        place.wait()
    assert door.open == door.waiting == 1


SOURCES = ("127.0.0.1", "192.0.2.1", "192.0.2.2", "2001:db8::1", "2001:db8::2")


@settings(max_examples=60, deadline=None)
@given(st.lists(st.tuples(st.sampled_from(["admit", "settle", "wait", "leave"]), st.integers(0, 9)), max_size=80))
def test_the_counts_hold_whatever_happens(steps: list[tuple[str, int]]) -> None:
    door = Gate(8, 4, startups=Startups(2, 0.5, 4), random=Random(3))
    there: list[Place] = []

    def gone(place: Place) -> None:
        there[:] = [each for each in there if each is not place]

    for what, number in steps:
        if what == "admit":
            place = door.admit(SOURCES[number % len(SOURCES)])
            if place is not None:
                there.append(place)
                place.drop = partial(gone, place)
        elif there:
            place = there[number % len(there)]
            getattr(place, what)()
            if what == "leave":
                gone(place)
        assert door.open == len(there) <= 8
        assert door.waiting == sum(place.index >= 0 for place in there)
        assert max(Counter(place.source for place in there).values(), default=0) <= 4
        strangers = [place for place in there if place.source != "127.0.0.1"]
        assert len(strangers) <= 7
