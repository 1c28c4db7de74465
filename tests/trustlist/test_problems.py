"""Each problem is named with its byte offset."""

from __future__ import annotations

from collections.abc import Callable
from datetime import UTC, datetime

import pytest

from mixedmode.errors import MalformedError
from mixedmode.trustlist import TrustList
from mixedmode.trustlist.problems import Problem, Severity, find_problems
from mixedmode.trustlist.roles import RecordTag
from tests.support import DATA
from tests.trustlist.samples import TOKENLESS

GOOD = TOKENLESS.read_bytes()
LAST_RECORD = 4947 - 1161


def problems_of(data: bytes, year: int = 2016) -> dict[str, Problem]:
    trust_list = TrustList.parse(data)
    found = find_problems(trust_list, trust_list.verify(), datetime(year, 1, 1, tzinfo=UTC))
    return {problem.code: problem for problem in found}


def with_bytes(offset: int, new: bytes) -> bytes:
    return GOOD[:offset] + new + GOOD[offset + len(new) :]


@pytest.mark.parametrize(
    ("data", "code", "offset"),
    [
        (GOOD[:4000], "truncated", 4000),
        (GOOD[:300], "header_length", 8),
        (GOOD[:3], "truncated", 3),
        (GOOD + b"junk!", "trailing_bytes", 4947),
        (GOOD + b"\x01\x00", "truncated", 4949),
        (with_bytes(8, b"\xff\xff"), "header_length", 8),
        (with_bytes(8, b"\x00\x05"), "header_length", 8),
        (with_bytes(8, b"\x01\x4c"), "header_length", 326),
        (with_bytes(8, b"\x01\x54"), "header_length", 336),
        (with_bytes(LAST_RECORD + 3, b"\x00\x04"), "record_length", LAST_RECORD + 3),
        (with_bytes(LAST_RECORD + 3, b"\xff\xff"), "truncated", 4947),
        (with_bytes(LAST_RECORD + 6, b"\xff\xff"), "length_overrun", LAST_RECORD + 5),
        (b"<html>Not Found</html>", "not_a_trust_list", 0),
        (b"", "not_a_trust_list", 0),
        (GOOD + bytes(1 << 20), "too_large", 1 << 20),
    ],
)
def test_malformed_file_names_code_and_offset(data: bytes, code: str, offset: int) -> None:
    with pytest.raises(MalformedError) as caught:
        TrustList.parse(data)
    assert (caught.value.code, caught.value.offset) == (code, offset)
    assert caught.value.next_step


def test_good_list_has_only_the_expected_remarks() -> None:
    assert problems_of(GOOD) == {} or set(problems_of(GOOD)) <= {
        "certificate_expired",
        "certificate_not_yet_valid",
    }


def test_a_record_without_certificate_does_not_hide_a_bad_signature() -> None:
    signer = TrustList.parse(GOOD).record(1)
    start, end = signer.fields.span(RecordTag.CERTIFICATE) or (0, 0)
    bare = GOOD[signer.offset : start - 3] + GOOD[end : signer.offset + signer.length]
    bare = bare[:3] + len(bare).to_bytes(2) + bare[5:]
    for data in (GOOD + bare, GOOD[: signer.offset] + bare + GOOD[signer.offset :]):
        verdict = TrustList.parse(data).verify()
        assert (verdict.verified, verdict.code) == (False, "bad_signature")


def test_bad_signature_is_found_at_the_signature() -> None:
    data = with_bytes(0xB7, b"\x00\x00\x00")
    problem = problems_of(data)["bad_signature"]
    assert (problem.offset, problem.severity) == (0xB4, Severity.ERROR)


def test_unknown_signer_is_found_at_the_signer_id() -> None:
    problem = problems_of((DATA / "cucm" / "signer-absent.tlv").read_bytes())["unknown_signer"]
    assert problem.offset == 0x0A
    assert "6B:1D:35" in problem.message


def test_issuer_that_differs_from_the_record_is_named() -> None:
    data = with_bytes(0xA4 - 10, b"X")
    trust_list = TrustList.parse(data)
    assert trust_list.verify().verified is False
    assert "issuer_mismatch" in problems_of(data)


def test_expired_and_not_yet_valid_certificates_are_found_at_the_certificate() -> None:
    late = problems_of(GOOD, year=2090)["certificate_expired"]
    assert late.severity is Severity.WARNING
    assert GOOD[late.offset] == 9
    assert "certificate_not_yet_valid" in problems_of(GOOD, year=1990)


def test_container_that_does_not_add_up_is_reported_and_reading_goes_on() -> None:
    problem = problems_of(with_bytes(0x0B, b"\x00\x90"))["container_length"]
    assert problem.offset == 0x0A


def test_unknown_tags_and_roles_are_reported_and_kept() -> None:
    found = problems_of((DATA / "cucm" / "unknown-tags.tlv").read_bytes())
    assert {"unknown_tag", "unknown_role"} <= set(found)
    assert found["unknown_tag"].severity is Severity.WARNING


def test_field_that_differs_from_the_certificate_is_an_error() -> None:
    trust_list = TrustList.parse(GOOD)
    offset = trust_list.records[3].offset_of(7)
    problem = problems_of(with_bytes(offset + 10, b"\x00\x00"))["public_key_mismatch"]
    assert (problem.offset, problem.severity) == (offset, Severity.ERROR)


@pytest.mark.parametrize(
    ("edit", "wanted"),
    [
        (lambda header: header.replace(bytes.fromhex("08000101"), b"", 1), "missing_tag"),
        (lambda header: header.replace(bytes.fromhex("0a000100"), b"", 1), "missing_tag"),
        (
            lambda header: header.replace(bytes.fromhex("0b000101"), bytes.fromhex("0b000102"), 1),
            "modulus_mismatch",
        ),
        (lambda header: header + b"\x0d\x0d\x0d\x0d", "padding"),
        (lambda header: header + bytes.fromhex("0e0000"), "repeated_tag"),
    ],
)
def test_odd_headers_are_read_and_reported(edit: Callable[[bytes], bytes], wanted: str) -> None:
    header = edit(GOOD[:336])
    data = header[:8] + len(header).to_bytes(2) + header[10:] + GOOD[336:]
    assert wanted in problems_of(data)
    assert len(TrustList.parse(data).records) == 4


def test_file_without_header_length_is_read_to_its_first_record() -> None:
    data = GOOD[:5] + GOOD[10:]
    trust_list = TrustList.parse(data)
    assert len(trust_list.records) == 4
    assert trust_list.header.filename == "CTLFile.tlv"
    assert "missing_tag" in problems_of(data)


def test_more_than_64_kb_is_read_with_a_warning() -> None:
    record = GOOD[-1161:]
    trust_list_bytes = GOOD + record * 55
    problem = problems_of(trust_list_bytes)["too_large"]
    assert (problem.offset, problem.severity) == (65535, Severity.WARNING)


def test_many_sast_records_are_a_note() -> None:
    first = GOOD[336 : 336 + 1156]
    problem = problems_of(GOOD + first + first)["many_sast"]
    assert problem.severity is Severity.NOTE
