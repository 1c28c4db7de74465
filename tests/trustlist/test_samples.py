"""Lists written by others are read as an independent reader reads them."""

from __future__ import annotations

from datetime import UTC, datetime

import pytest

from mixedmode.errors import MalformedError
from mixedmode.trustlist import TrustList
from mixedmode.trustlist.document import describe
from mixedmode.trustlist.problems import Severity, find_problems
from tests.trustlist.samples import MALFORMED, WELL_FORMED, Sample, sample_id

NOW = datetime(2026, 6, 1, tzinfo=UTC)


@pytest.mark.parametrize("sample", WELL_FORMED, ids=sample_id)
def test_parse_then_serialize_gives_back_the_same_bytes(sample: Sample) -> None:
    assert TrustList.parse(sample.data).serialize() == sample.data


@pytest.mark.parametrize("sample", WELL_FORMED, ids=sample_id)
def test_signature_verifies_as_the_manifest_says(sample: Sample) -> None:
    assert TrustList.parse(sample.data).verify().verified is sample.expected["verified"]


@pytest.mark.parametrize("sample", WELL_FORMED, ids=sample_id)
def test_document_agrees_with_the_manifest(sample: Sample) -> None:
    trust_list = TrustList.parse(sample.data)
    document = describe(trust_list, trust_list.verify(), ())
    expected = sample.expected
    for key in (
        "sha256",
        "md5",
        "length",
        "header_length",
        "version",
        "digest",
        "signature_length",
        "filename",
    ):
        assert document[key] == expected[key], key
    assert document["signer_version"] == expected["signer_version"]
    assert document["signer"]["serial"] == expected["signer_serial"]
    assert document["signer"]["name"] == expected["signer_name"]
    assert document["verified"] == expected["verified"]
    for record, wanted in zip(document["records"], expected["records"], strict=True):
        assert {key: record[key] for key in wanted} == wanted


@pytest.mark.parametrize("sample", MALFORMED, ids=sample_id)
def test_malformed_file_ends_in_an_error_that_names_the_offset(sample: Sample) -> None:
    with pytest.raises(MalformedError) as caught:
        TrustList.parse(sample.data)
    assert caught.value.offset is not None


@pytest.mark.parametrize("sample", [s for s in WELL_FORMED if s.expected["verified"]], ids=sample_id)
def test_a_good_list_has_no_error_level_problem(sample: Sample) -> None:
    trust_list = TrustList.parse(sample.data)
    problems = find_problems(trust_list, trust_list.verify(), NOW)
    assert [p for p in problems if p.severity is Severity.ERROR] == []
