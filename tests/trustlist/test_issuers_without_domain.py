"""A Microsoft authority's name ends in ``DC=``; CUCM and phones write it without: both name the same issuer."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from mixedmode.errors import MalformedError
from mixedmode.pki.certificates.certificates import Certificate
from mixedmode.pki.certificates.names import names_match, texts_match
from mixedmode.pki.certificates.profiles import KeyKind
from mixedmode.pki.signing.digests import DigestAlgorithm
from mixedmode.pki.signing.signer import SoftwareSigner
from mixedmode.protocols.tvs import QueryRequest
from mixedmode.services.tvs.lookup import TrustLookup
from mixedmode.services.tvs.sources import CtlCache, TableSource
from mixedmode.signedfile import SignedFile, sign_file
from mixedmode.trustlist import Role, TrustList
from mixedmode.trustlist.build import RecordSpec, build_trust_list
from mixedmode.trustlist.problems import Severity, find_problems
from tests.pki.material import NOW, key
from tests.pki.zoo import MICROSOFT, PLAIN, certificate, name, part

SERIAL = bytes.fromhex("24000000179479b8f124ac3f3b000000000017")
NODE = Certificate.from_der(certificate(PLAIN, issuer=MICROSOFT, issuer_number=1, serial=SERIAL))
WRITTEN = "CN=corp-CA01-CA;DC=local;DC=corp"
SAME = [
    "CN=corp-CA01-CA",
    "cn=corp-CA01-CA",
    WRITTEN,
    "CN=corp-CA01-CA;DC=corp;DC=local",
    "DC=local;DC=corp;CN=corp-CA01-CA",
    "DC=corp,CN=corp-CA01-CA,DC=local",
]
OTHER = ["", "CN=corp-CA02-CA", "CN=corp-CA01-CA;DC=corp;DC=example", "CN=corp-CA01-CA;DC=corp", "DC=local;DC=corp",
         "CN=corp-CA01-CA;OU=x", "CN=corp-CA01-CA;DC=corp;DC=local;DC=local"]  # fmt: skip


def rewritten(data: bytes, text: str, *, header: bool = True, records: bool = True) -> bytes:
    """Return a list whose issuer texts are written otherwise, signed again."""
    old, new = (each.encode() + b"\0" for each in (WRITTEN, text))
    trust_list = TrustList.parse(data)
    body = data[trust_list.header.length :]
    records_made = b""
    for record in trust_list.records:
        raw = record.raw
        if records:
            field = b"\x05" + len(old).to_bytes(2) + old
            raw = raw.replace(field, b"\x05" + len(new).to_bytes(2) + new)
            raw = raw[:3] + len(raw).to_bytes(2) + raw[5:]
        records_made += raw
    assert records_made != body or not records or text == WRITTEN
    from mixedmode.trustlist.header import SignerIdentity, encode_header

    made = encode_header(
        version=(1, 2),
        signer=SignerIdentity("CN=cucm-pub;O=Example;C=NZ", text if header else WRITTEN, SERIAL),
        digest=DigestAlgorithm.SHA1,
        key_bits=2048,
        filename="CTLFile.tlv",
        timestamp=1,
    )
    signature = signer().sign(made.signed_bytes(records_made), DigestAlgorithm.SHA1)
    return made.with_signature(signature) + records_made


def signer() -> SoftwareSigner:
    return SoftwareSigner(NODE, key(KeyKind.RSA_2048, 0))


def built() -> bytes:
    records = [RecordSpec(Role.SAST, NODE), RecordSpec(Role.CCM_TFTP, NODE)]
    return build_trust_list(records, signer(), timestamp=1)


@pytest.mark.parametrize("text", SAME)
def test_a_text_names_the_issuer(text: str) -> None:
    assert names_match(text, NODE.issuer_name)
    assert texts_match(text, WRITTEN)
    assert texts_match(WRITTEN, text)


@pytest.mark.parametrize("text", OTHER)
def test_another_text_does_not(text: str) -> None:
    assert not names_match(text, NODE.issuer_name)
    assert not texts_match(text, WRITTEN)
    assert not texts_match(WRITTEN, text)


@pytest.mark.parametrize("header", [True, False])
@pytest.mark.parametrize("records", [True, False])
@pytest.mark.parametrize("text", SAME)
def test_a_list_verifies_without_a_complaint(text: str, records: bool, header: bool) -> None:
    trust_list = TrustList.parse(rewritten(built(), text, header=header, records=records))
    verification = trust_list.verify()
    assert verification.verified is True
    problems = find_problems(trust_list, verification, NOW)
    assert [problem for problem in problems if problem.severity is Severity.ERROR] == []
    signed = sign_file(b"x", signer(), filename="x.sgn", digest=DigestAlgorithm.SHA1, timestamp=1)
    assert SignedFile.parse(signed).verify(trust_list).role is Role.CCM_TFTP


def test_another_issuer_is_told() -> None:
    trust_list = TrustList.parse(rewritten(built(), "CN=corp-CA02-CA", header=False))
    problems = find_problems(trust_list, trust_list.verify(), NOW)
    assert {problem.code for problem in problems if problem.severity is Severity.ERROR} == {"issuer_name_mismatch"}
    wrong = TrustList.parse(rewritten(built(), "CN=corp-CA02-CA", records=False))
    assert wrong.verify().code == "issuer_mismatch"


@pytest.mark.parametrize("text", SAME)
def test_tvs_finds_the_certificate(text: str) -> None:
    cache = CtlCache()
    cache.load(rewritten(built(), "CN=corp-CA01-CA"))
    for source in (TableSource("table", [(NODE, (0, 2))]), cache):
        answer, _ = TrustLookup((source,)).answer(QueryRequest(1, "CP-8861-SEP001122334455", "CN=x", text, SERIAL))
        assert answer.known
        assert answer.certificate == NODE.der
        other, _ = TrustLookup((source,)).answer(QueryRequest(1, "CP-8861-SEP001122334455", "CN=x", text, SERIAL[1:]))
        assert not other.known


def test_a_text_that_fits_two_certificates_finds_neither() -> None:
    elsewhere = name(part("DC", "example"), part("CN", "corp-CA01-CA"))
    other = Certificate.from_der(certificate(PLAIN, issuer=elsewhere, issuer_number=1, serial=SERIAL))
    source = TableSource("table", [(NODE, (0,)), (other, (0,))])

    def found(text: str) -> bytes | None:
        request = QueryRequest(1, "CP-8861-SEP001122334455", "CN=x", text, SERIAL)
        return TrustLookup((source,)).answer(request)[0].certificate

    assert found("CN=corp-CA01-CA") is None
    assert found("CN=corp-CA01-CA;DC=example") == other.der
    assert found(WRITTEN) == NODE.der


@given(st.text(max_size=60), st.text(max_size=60))
def test_any_two_texts_are_compared_alike_in_both_directions(one: str, other: str) -> None:
    assert texts_match(one, other) == texts_match(other, one)
    assert texts_match(one, one)


@given(st.text(alphabet='CNDOU=;,"\\ab', max_size=40))
def test_texts_made_of_separators_raise_nothing(text: str) -> None:
    assert names_match(text, NODE.issuer_name) in {True, False}
    assert texts_match(text, WRITTEN) in {True, False}


def test_a_name_that_repeats_itself_costs_little() -> None:
    many = Certificate.from_der(certificate(name(*[part("OU", "a;OU=a")] * 30, part("CN", "b"))))
    assert names_match(many.subject, many.subject_name)
    assert not names_match(many.subject + ";OU=b", many.subject_name)


def test_a_broken_certificate_is_no_issuer() -> None:
    with pytest.raises(MalformedError):
        _ = Certificate.from_der(b"\x30\x03\x02\x01\x01").issuer_name
