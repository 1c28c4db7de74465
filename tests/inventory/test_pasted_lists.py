"""Hashes that a pasted listing explains, where the list itself is nowhere."""

from __future__ import annotations

import json
from collections.abc import Sequence
from pathlib import Path

import pytest

from mixedmode.errors import MalformedError
from mixedmode.forecast.evaluation import Forecaster
from mixedmode.forecast.plan import Plan, Published, Step, Tvs
from mixedmode.forecast.vouching import Vouched
from mixedmode.inventory.cells import Cells
from mixedmode.inventory.kinds import Held, PhoneKind
from mixedmode.inventory.library import Library
from mixedmode.phone.mind.models import get_model
from mixedmode.phone.mind.trust.decisions import ListKind
from mixedmode.trustlist.listing import render_listing
from mixedmode.trustlist.model import TrustList
from mixedmode.trustlist.pasted.reading import read_listings
from mixedmode.trustlist.pasted.standin import DescribedList
from tests.phone.site import ctl, identity, itl

HELD_CTL, HELD_ITL = ctl("callmanager", "recovery"), itl("callmanager", "recovery")
OFFERED = {
    "known anchor": (ctl("recovery", servers=("new-callmanager",)), itl("recovery", servers=("new-callmanager",))),
    "same signer": (ctl("callmanager", servers=("callmanager",)), itl("callmanager")),
    "stranger": (ctl("new-callmanager", servers=("new-callmanager",)), itl("new-callmanager")),
    "no tvs": (ctl("new-callmanager", servers=("new-callmanager",)), itl("new-callmanager", tvs=False)),
}


def listing(each: TrustList) -> str:
    return "\n".join(render_listing(each, each.verify(), "Fri Mar 06 19:45:13 CET 2015"))


def pasted(*lists: TrustList, beside: tuple[TrustList, ...] = ()) -> Library:
    library = Library()
    library.add(("admin:show\r\n" + "\r\n".join(listing(each) for each in lists)).encode("utf-16"))
    for each in beside:
        library.add(each.data)
    return library


@pytest.mark.parametrize("offered", OFFERED.values(), ids=list(OFFERED))
@pytest.mark.parametrize("tvs", [Tvs.UP, Tvs.DOWN])
@pytest.mark.parametrize("model", ["7975", "8845", "7940"])
def test_a_forecast_is_the_same_as_with_the_lists_themselves(
    offered: tuple[TrustList, TrustList], tvs: Tvs, model: str
) -> None:
    library = pasted(HELD_CTL, HELD_ITL, beside=offered)
    found = [library.find(HELD_CTL.md5), library.find(HELD_ITL.sha1)]
    assert None not in found
    step = Step("publish", tuple(Published(ListKind(each.kind), each) for each in offered))
    vouched = Vouched(((identity("new-callmanager").certificate, frozenset({0, 2})),))

    def becomes(held_ctl: Held, held_itl: Held) -> list[tuple[object, ...]]:
        found: list[tuple[object, ...]] = []
        for mode in (1, 3):
            kind = PhoneKind(get_model(model), model, held_ctl, held_itl if model != "7940" else None, mode)
            made = Forecaster(Plan((step,), tvs, vouched)).of(kind)
            found.append((made.outcome, made.reason, made.rule))
        return found

    assert becomes(*found) == becomes(HELD_CTL, HELD_ITL)


@pytest.mark.parametrize("offered", OFFERED.values(), ids=list(OFFERED))
@pytest.mark.parametrize("model", ["7975", "7940"])
def test_a_forecast_is_the_same_where_nobody_has_any_list_itself(
    offered: tuple[TrustList, TrustList], model: str
) -> None:
    library = pasted(HELD_CTL, HELD_ITL)
    held = library.find(HELD_CTL.md5), library.find(HELD_ITL.sha1)
    new = [made for each in offered if (made := library.published(listing(each).encode())) is not None]

    def becomes(held_ctl: Held, held_itl: Held, lists: Sequence[TrustList]) -> tuple[object, ...]:
        unsigned = frozenset(each.data for each in lists if isinstance(each, DescribedList))
        published = tuple(Published(ListKind(each.kind), each) for each in lists)
        step = Step("publish", published, signed_by_stand_in=unsigned)
        kind = PhoneKind(get_model(model), model, held_ctl, held_itl if model != "7940" else None, 3)
        made = Forecaster(Plan((step,), Tvs.DOWN)).of(kind)
        return made.outcome, made.reason, made.rule

    assert becomes(*held, new) == becomes(HELD_CTL, HELD_ITL, offered)


def test_half_a_listing_is_not_published_and_is_told_of() -> None:
    lines = listing(HELD_CTL).splitlines()
    library = Library()
    with pytest.raises(MalformedError, match="half a listing"):
        library.published("\n".join(lines[:-9]).encode())
    with pytest.raises(MalformedError, match="does not say whether"):
        Library().published("\n".join(lines[:-1]).encode())
    assert Library().published(b"no list\n") is None
    assert library.half() == [HELD_CTL.md5]


def test_the_checksums_are_those_of_the_listing() -> None:
    found = pasted(HELD_CTL).find(HELD_CTL.sha1)
    assert found is not None
    assert (found.md5, found.sha1, found.kind) == (HELD_CTL.md5, HELD_CTL.sha1, "CTL")
    assert [record.subject for record in found.records] == [record.subject for record in HELD_CTL.records]


def test_the_file_itself_comes_first_and_json_is_taken_too(tmp_path: Path) -> None:
    library = pasted(HELD_CTL, beside=(HELD_CTL,))
    assert library.find(HELD_CTL.md5) == HELD_CTL
    (shown,) = read_listings(listing(HELD_ITL).splitlines())
    (tmp_path / "itl.json").write_text(json.dumps(shown.document()))
    (tmp_path / "notes.txt").write_text("ITL of the old cluster, see mail\n")
    library = Library()
    library.add_path(tmp_path)
    assert library.find(HELD_ITL.md5) is not None
    kind = Cells(library, tmp_path).kind({"model": "7975", "ctl": "none", "itl": "itl.json"})
    assert isinstance(kind.itl, TrustList)


def test_a_listing_that_leaves_records_out_explains_nothing() -> None:
    lines = listing(HELD_CTL).splitlines()
    at = next(number for number, line in enumerate(lines) if line.startswith("CTL Record #:2"))
    library = Library()
    library.add("\n".join([*lines[:at], "[...]", *lines[-2:]]).encode())
    assert library.find(HELD_CTL.md5) is None


def test_an_anchor_whose_certificate_nobody_has_is_not_taken_as_a_refusal() -> None:
    # The offered list is signed by one whom the listing names, but does not hold his certificate itself.
    strange = ctl("callmanager")
    assert pasted(HELD_CTL).find(HELD_CTL.md5) is not None
    library = pasted(HELD_CTL)
    library.add(strange.data[: strange.header.fields.end])
    assert library.find(HELD_CTL.md5) is None, "what is not known is not told as a refusal"
