"""Damaged files: each ends in a typed error or in a listing, soon, in little memory."""

from __future__ import annotations

import gc
import random
import time
import tracemalloc
from datetime import UTC, datetime
from functools import lru_cache

import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from mixedmode.errors import MalformedError
from mixedmode.pki.certificates.certificates import Certificate
from mixedmode.trustlist import TrustList, model
from mixedmode.trustlist.diff import diff_trust_lists, difference_document
from mixedmode.trustlist.document import describe
from mixedmode.trustlist.listing import render_details, render_listing
from mixedmode.trustlist.problems import find_problems
from tests.support import DATA
from tests.trustlist.samples import ETOKENS, TOKENLESS, WELL_FORMED, Sample

NOW = datetime(2026, 6, 1, tzinfo=UTC)
EC_RECORDS = DATA / "tlvfile" / "ec-records" / "ITLFile.tlv"


def read_as_a_person_would(data: bytes) -> list[str] | None:
    """Do all that ``mixedmode show`` and ``verify`` do; return the listing, None for a typed error."""
    try:
        trust_list = TrustList.parse(data)
    except MalformedError as error:
        assert error.offset is not None
        assert 0 <= error.offset <= len(data)
        return None
    assert trust_list.serialize() == data
    verification = trust_list.verify()
    problems = find_problems(trust_list, verification, NOW)
    assert all(0 <= problem.offset <= len(data) for problem in problems)
    describe(trust_list, verification, problems)
    lines = render_listing(trust_list, verification, "Fri Mar 06 19:45:13 CET 2015")
    lines += render_details(trust_list, verification, problems)
    assert all(line.isprintable() for line in lines)
    return lines


def mutations(data: bytes, count: int, seed: int) -> list[bytes]:
    """Return a byte-flip sweep over the file, truncations, and random splices."""
    rng = random.Random(seed)
    made = []
    step = max(1, len(data) * 2 // count)
    for offset in range(0, len(data), step):
        changed = bytearray(data)
        changed[offset] ^= 1 << rng.randrange(8)
        made.append(bytes(changed))
    while len(made) < count:
        changed = bytearray(data)
        for _ in range(rng.randint(1, 6)):
            start = rng.randrange(len(changed) or 1)
            match rng.randrange(5):
                case 0:
                    del changed[start:]
                case 1:
                    del changed[start : start + rng.randint(1, 40)]
                case 2:
                    changed[start:start] = rng.randbytes(rng.randint(1, 40))
                case 3:
                    changed[start : start + 2] = rng.choice([b"\xff\xff", b"\x00\x00", b"\x0d\x0d"])
                case _:
                    changed[start : start + 1] = bytes((rng.randrange(256),))
        made.append(bytes(changed))
    return made


@pytest.fixture
def certificates_once(monkeypatch: pytest.MonkeyPatch) -> None:
    """Read each certificate once: damage to a file leaves most of its certificates as they were."""
    monkeypatch.setattr(model, "Certificate", lru_cache(64)(Certificate))


@pytest.mark.usefixtures("certificates_once")
@pytest.mark.parametrize("part", range(8))
def test_20000_mutations_end_in_a_typed_error_or_a_listing(part: int) -> None:
    sources = (TOKENLESS, ETOKENS, EC_RECORDS, DATA / "cucm" / "itl-ec-signer-version-1.1.tlv")
    data = sources[part % 4].read_bytes()
    read_as_a_person_would(data)  # what is imported at first use is not counted
    gc.freeze()  # nor is the collector's walk over what other tests have left behind
    try:
        whole = min(spent(data) for _ in range(5))
        slowest = max(spent(changed) for changed in mutations(data, 2500, part))
    finally:
        gc.unfreeze()
    assert slowest / whole < 100


def spent(data: bytes) -> float:
    """Return the processor seconds that a file takes."""
    start = time.thread_time()
    read_as_a_person_would(data)
    return time.thread_time() - start


def test_reading_a_damaged_file_takes_little_memory() -> None:
    data = TOKENLESS.read_bytes()
    tracemalloc.start()
    try:
        for changed in mutations(data, 200, 99):
            read_as_a_person_would(changed)
        assert tracemalloc.get_traced_memory()[1] < 50_000_000
    finally:
        tracemalloc.stop()


@settings(max_examples=300, deadline=None)
@given(st.binary(max_size=400))
@example(b"")
@example(b"\x01\x00\x02\x01\x02")
@example(b"\x01\x00\x02\x01\x02\x0d\x00\x00")
@example(b"\x01\x00\x02\x01\x02\x02\x00\x02\x00\x0a\x01\x00\x02\x00\x05")
def test_any_bytes_end_in_a_typed_error_or_a_listing(data: bytes) -> None:
    read_as_a_person_would(data)


def tlvs(tags: st.SearchStrategy[int]) -> st.SearchStrategy[bytes]:
    """Sequences of TLVs, well-formed one by one."""
    one = st.tuples(tags, st.binary(max_size=30)).map(lambda t: bytes((t[0], 0, len(t[1]))) + t[1])
    return st.lists(one, max_size=12).map(b"".join)


@settings(max_examples=300, deadline=None)
@given(
    tlvs(st.sampled_from([4, 5, 6, 8, 10, 11, 12, 14, 15, 28, 99, 0])),
    st.lists(tlvs(st.integers(2, 20)), max_size=4),
)
def test_any_sequence_of_fields_is_read_and_kept(header: bytes, records: list[bytes]) -> None:
    length = 10 + len(header)
    data = b"\x01\x00\x02\x01\x02\x02\x00\x02" + length.to_bytes(2) + header
    for record in records:
        data += b"\x01\x00\x02" + (len(record) + 5).to_bytes(2) + record
    trust_list = TrustList.parse(data)
    assert trust_list.serialize() == data
    assert [record.raw[5:] for record in trust_list.records] == records
    read_as_a_person_would(data)


@settings(max_examples=60, deadline=None)
@given(st.sampled_from(WELL_FORMED), st.sampled_from(WELL_FORMED))
def test_a_diff_is_empty_only_for_identical_files(a: Sample, b: Sample) -> None:
    first, second = TrustList.parse(a.data), TrustList.parse(b.data)
    difference = diff_trust_lists(first, second)
    difference_document(difference)
    assert bool(difference) == (first.data != second.data)
