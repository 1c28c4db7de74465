"""The compiled walk says what Python's says of any bytes, or leaves them to it.

``MIXEDMODE_MUTATIONS`` says how many mutated files are compared, for a run under sanitizers.
"""

from __future__ import annotations

import os
import random
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from mixedmode.errors import MalformedError
from mixedmode.trustlist import TrustList, fields, walk
from mixedmode.trustlist.document import describe
from mixedmode.trustlist.fields import Fields
from mixedmode.trustlist.problems import find_problems
from mixedmode.trustlist.roles import MAX_RECORDS
from mixedmode.trustlist.walk import walk_header, walk_records
from tests.support import DATA
from tests.trustlist.samples import ETOKENS, TOKENLESS, WELL_FORMED
from tests.trustlist.test_mutations import EC_RECORDS, NOW, mutations

spans = pytest.importorskip("mixedmode.trustlist._spans", reason="the walk is not compiled here")

TAGS = bytes(range(32)) + b"\x63\xff"
CONTAINERS = b"\x03\x07\x09"
FILES = sorted(path for path in DATA.rglob("*") if path.suffix in {".tlv", ".sgn", ".enc"})
MUTATIONS = int(os.environ.get("MIXEDMODE_MUTATIONS", "300"))
BEGIN = b"\1\0\2\1\2"


@contextmanager
def python_alone() -> Iterator[None]:
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(walk, "compiled", None)
        patch.setattr(fields, "compiled", None)
        yield


def ways(data: bytes) -> tuple[object, object]:
    """Return where header and records lie, or what is wrong with them."""
    try:
        end = walk_header(data).end
    except MalformedError as error:
        return error.diagnostics(), None
    try:
        return end, walk_records(data, end)
    except MalformedError as error:
        return end, error.diagnostics()


def told(found: Fields) -> object:
    """Return all that fields tell; values first, for an index answers for them once it is made."""
    values = list(found.values(TAGS)), [found.value(tag) for tag in TAGS]
    without = [found.without(tag) for tag in TAGS]
    return values, without, dict(found.offsets), list(found.repeated), list(found.pads)


def contents(data: bytes) -> object:
    """Return every field of a file whose walk ends well."""
    try:
        header = walk_header(data)
    except MalformedError:
        return None
    try:
        records = walk_records(data, header.end)
    except MalformedError:
        records = []
    return told(header), [told(Fields(data, *span)) for span in records[:4]]


def same(data: bytes) -> None:
    compiled = ways(data), contents(data)
    with python_alone():
        assert compiled == (ways(data), contents(data))


def lies(data: bytes) -> Iterator[bytes]:
    """Yield a file with each of its lengths in turn replaced by one that is not true."""
    trust_list = TrustList.parse(data)
    parts = [trust_list.header.fields, *(record.fields for record in trust_list.records)]
    for offset in {offset for part in parts for offset in part.offsets.values()}:
        for place in (offset + 1, offset + 3):
            stated = int.from_bytes(data[place : place + 2])
            for length in (0, 1, stated - 1, stated + 1, len(data), 0x7FFF, 0x8000, 0xFFFF):
                yield data[:place] + (length & 0xFFFF).to_bytes(2) + data[place + 2 :]


def test_each_sample_is_read_the_same() -> None:
    assert len(FILES) > 20
    for path in FILES:
        same(path.read_bytes())


def test_what_people_see_of_a_sample_is_the_same() -> None:
    def seen(data: bytes) -> object:
        trust_list = TrustList.parse(data)
        verdict = trust_list.verify()
        return describe(trust_list, verdict, find_problems(trust_list, verdict, NOW))

    for sample in WELL_FORMED:
        compiled = seen(sample.data)
        with python_alone():
            assert compiled == seen(sample.data)


def test_usual_lists_are_not_left_to_python() -> None:
    for path in (TOKENLESS, ETOKENS, EC_RECORDS):
        data = path.read_bytes()
        end = spans.header(data, CONTAINERS)
        assert end == walk_header(data).end
        assert spans.records(data, end, MAX_RECORDS)


def test_unusual_ones_are() -> None:
    data = ETOKENS.read_bytes()
    end = spans.header(data, CONTAINERS)
    assert spans.header(data[:4], CONTAINERS) is None
    assert spans.header(bytearray(data), CONTAINERS) is None
    assert spans.header(BEGIN + b"\4\0\1x" + data[end:], CONTAINERS) is None, "no header length"
    assert spans.records(data[:-1], end, MAX_RECORDS) is None
    assert spans.records(data + b"\0", end, MAX_RECORDS) is None


def test_lists_cut_off_at_each_byte() -> None:
    data = TOKENLESS.read_bytes()
    compiled = [ways(data[:size]) for size in range(len(data))]
    with python_alone():
        assert compiled == [ways(data[:size]) for size in range(len(data))]


@pytest.mark.parametrize("path", [TOKENLESS, ETOKENS], ids=lambda path: path.stem)
def test_lengths_that_lie(path: Path) -> None:
    changed = list(lies(path.read_bytes()))
    compiled = [ways(data) for data in changed]
    with python_alone():
        assert compiled == [ways(data) for data in changed]


def test_mutated_files() -> None:
    sources = [TOKENLESS, ETOKENS, EC_RECORDS, *FILES]
    chance = random.Random(5)
    for number in range(0, MUTATIONS, 50):
        for data in mutations(chance.choice(sources).read_bytes(), 50, number):
            same(data)


fields_of_any_kind = st.lists(
    st.tuples(
        st.sampled_from([0, 1, 2, 3, 4, 5, 7, 8, 9, 10, 12, 13, 14, 28, 255]),
        st.binary(max_size=20),
        st.sampled_from([0] * 12 + [-1, 1, 2, 300, 0xFF00]),
    ).map(lambda one: bytes((one[0],)) + (len(one[1]) + one[2] & 0xFFFF).to_bytes(2) + one[1]),
    max_size=10,
).map(b"".join)


@settings(max_examples=100)
@given(
    fields_of_any_kind,
    st.lists(fields_of_any_kind, max_size=3),
    st.sampled_from([b"", b"\r", b"\r\r", b"\r\r\r", b"\r" * 4, b"\r\0\0", b"\r\0\0\r"]),
    st.sampled_from([0] * 6 + [-1, 1, 3, 4, 5000]),
    st.binary(max_size=4),
)
def test_any_fields_padding_and_lengths(
    header: bytes, records: list[bytes], pads: bytes, wrong: int, more: bytes
) -> None:
    length = max(0, 10 + len(header) + len(pads) + wrong)
    data = BEGIN + b"\2\0\2" + length.to_bytes(2) + header + pads
    same(data + b"".join(b"\1\0\2" + (len(each) + 5).to_bytes(2) + each for each in records) + more)


@settings(max_examples=100)
@given(st.binary(max_size=60), st.booleans())
@example(b"\2\0\2\0\x0a\1\0\2\0\5", True)
@example(b"\2\0\2\0\x0d\r\r\r", True)
@example(b"\r" * 40, True)
def test_any_bytes(data: bytes, begun: bool) -> None:
    same(BEGIN + data if begun else data)


@settings(max_examples=60)
@given(st.binary(max_size=60), st.integers(0, 60), st.integers(0, 60), st.sampled_from([b"", CONTAINERS]), st.binary())
def test_fields_are_within_their_ends(data: bytes, start: int, more: int, containers: bytes, tags: bytes) -> None:
    start = min(start, len(data))
    end = min(len(data), start + more)
    found = spans.values(data, start, end, containers, tags)
    assert found == tuple(spans.value(data, start, end, containers, tag) for tag in tags)
    for tag, value in zip(tags, found, strict=True):
        left = spans.without(data, start, end, containers, tag)
        assert (left is None) == (value is None)
        if value is not None:
            assert value in data
            assert len(left) == len(data) - 3 - len(value)


@pytest.mark.parametrize("count", [MAX_RECORDS - 1, MAX_RECORDS, MAX_RECORDS + 1])
def test_as_many_records_as_python_takes(count: int) -> None:
    data = BEGIN + b"\2\0\2\0\x0a" + b"\1\0\2\0\5" * count
    same(data)
    assert (spans.records(data, 10, MAX_RECORDS) is None) == (count > MAX_RECORDS)


def test_positions_past_16_bits() -> None:
    record = b"\1\0\2\xff\xff" + b"\7\xff\xf7" + bytes(0xFFF7)
    data = BEGIN + b"\2\0\2\0\x0a" + record * 40
    same(data)
    same(data[:-1])
    same(data + b"\1\0\2\xff\xff")
    assert spans.records(data, 10, MAX_RECORDS)[-1] == (10 + 39 * 0xFFFF, len(data))


@pytest.mark.parametrize("wrong", [-1, 11, 1 << 31, 1 << 32, (1 << 63) - 1, 1 << 63, -(1 << 63), 1 << 70])
def test_positions_outside_of_the_file_are_refused(wrong: int) -> None:
    data = BEGIN + BEGIN
    calls: tuple[Callable[[], object], ...] = (
        lambda: spans.records(data, wrong, 1),
        lambda: spans.value(data, wrong, 10, b"", 1),
        lambda: spans.value(data, 0, wrong, b"", 1),
        lambda: spans.value(data, 9, 8, b"", 1),
        lambda: spans.values(data, wrong, 10, b"", b"\1"),
        lambda: spans.without(data, 0, wrong, b"", 1),
    )
    for call in calls:
        with pytest.raises((ValueError, OverflowError)):
            call()


def test_arguments_of_another_kind_are_refused() -> None:
    calls: tuple[Callable[[], object], ...] = (
        lambda: spans.header(b""),
        lambda: spans.header(b"", ""),
        lambda: spans.records("", 0, 1),
        lambda: spans.records(b"", "0", 1),
        lambda: spans.records(b"", 0),
        lambda: spans.value(b"", 0, 0, b"", None),
        lambda: spans.value(b"", 0, 0, None, 1),
        lambda: spans.values(b"", 0, 0, b"", 1),
        lambda: spans.values(b"", 0, 0, b""),
        lambda: spans.without(None, 0, 0, b"", 1),
    )
    for call in calls:
        with pytest.raises(TypeError):
            call()
    assert spans.value(BEGIN, 0, 5, b"", 300) is None
    assert spans.value(BEGIN, 0, 5, b"", -7) is None
