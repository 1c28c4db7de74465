"""Names are written as each program writes them, and recognised whoever wrote them."""

from __future__ import annotations

import pytest
from cryptography import x509
from cryptography.x509.oid import NameOID
from hypothesis import given
from hypothesis import strategies as st

from mixedmode.pki.certificates.names import (
    NameStyle,
    is_token_name,
    names_match,
    render_name,
    serial_matches,
    serial_text,
)
from mixedmode.pki.certificates.profiles import MANUFACTURING_SUBJECT, Subject, token_subject
from mixedmode.trustlist import TrustList
from tests.support import DATA

PUBLISHER = Subject("cucm-1051-a-pub", "TAC", "Cisco", "Krakow", "Malopolska", "PL")
CUCM_TEXT = "CN=cucm-1051-a-pub;OU=TAC;O=Cisco;L=Krakow;ST=Malopolska;C=PL"
TOKEN_TEXT = 'cn="SAST-ADN008580ef        ";ou=IPCBU;o="Cisco Systems'
LISTS = sorted(
    [*(DATA / "cucm").glob("*.tlv"), *(DATA / "tlv").glob("[0-6]*.tlv"), *(DATA / "tlvfile").glob("*/*.tlv")]
)


def name_of(*pairs: tuple[x509.ObjectIdentifier, str]) -> x509.Name:
    return x509.Name([x509.NameAttribute(oid, value) for oid, value in pairs])


def test_cucm_writes_its_order_whatever_the_certificates_is() -> None:
    forward = PUBLISHER.name()
    backward = x509.Name(list(forward)[::-1])
    assert render_name(forward) == CUCM_TEXT
    assert render_name(backward) == CUCM_TEXT
    assert names_match(CUCM_TEXT, backward)


def test_a_tokens_name_is_cut_at_its_comma() -> None:
    name = token_subject("ADN008580ef").name()
    assert render_name(name, NameStyle.TOKEN) == TOKEN_TEXT
    assert len(TOKEN_TEXT) == 55
    assert names_match(TOKEN_TEXT, name)
    assert render_name(MANUFACTURING_SUBJECT.name(), NameStyle.TOKEN) == "cn=Cisco Manufacturing CA;o=Cisco Systems"
    assert is_token_name(name, MANUFACTURING_SUBJECT.name())
    assert not is_token_name(PUBLISHER.name(), PUBLISHER.name())
    assert not names_match(TOKEN_TEXT, token_subject("ADN0054f509").name())


def test_tlvfile_writes_the_certificates_order_escaped() -> None:
    name = name_of(
        (NameOID.COMMON_NAME, "SAST"),
        (NameOID.ORGANIZATION_NAME, "Acme, Inc."),
        (NameOID.ORGANIZATIONAL_UNIT_NAME, "V"),
    )
    assert render_name(name, NameStyle.TLVFILE) == r"CN=SAST,O=Acme\, Inc.,OU=V"
    assert names_match(r"CN=SAST,O=Acme\, Inc.,OU=V", name)
    assert names_match("OU=V;O=Acme, Inc.;CN=SAST", name)


@pytest.mark.parametrize(
    "text",
    [
        "",
        "CN=cucm-1051-a-pub",
        CUCM_TEXT + ";C=PL",
        CUCM_TEXT.replace("TAC", "tac"),
        "cucm-1051-a-pub",
        "=;=",
        '"',
        ";,=\\",
    ],
)
def test_other_texts_do_not_match(text: str) -> None:
    assert not names_match(text, PUBLISHER.name())


def test_types_match_in_any_case_and_order() -> None:
    assert names_match("c=PL;cn=cucm-1051-a-pub;ou=TAC;o=Cisco;l=Krakow;S=Malopolska", PUBLISHER.name())
    assert names_match("", x509.Name([]))


@pytest.mark.parametrize("path", LISTS, ids=lambda path: f"{path.parent.name}/{path.name}")
def test_every_record_of_the_samples_names_its_certificate(path: object) -> None:
    from pathlib import Path

    assert isinstance(path, Path)
    for record in TrustList.parse(path.read_bytes()).records:
        if record.certificate is None or record.subject is None or record.issuer is None:
            continue
        subject, issuer = record.certificate.subject_name, record.certificate.issuer_name
        assert names_match(record.subject, subject)
        assert names_match(record.issuer, issuer)
        assert record.serial is not None
        assert serial_matches(record.serial, record.certificate.serial)
        styles = [NameStyle.TOKEN] if is_token_name(subject, issuer) else [NameStyle.CUCM, NameStyle.TLVFILE]
        assert record.subject in [render_name(subject, style) for style in styles]
        assert record.issuer in [render_name(issuer, style) for style in styles]


VALUES = st.text(st.characters(codec="utf-8", exclude_categories=["Cs", "Cc"]), min_size=1, max_size=20)
NAMES = st.builds(
    name_of,
    st.tuples(st.just(NameOID.COMMON_NAME), VALUES),
    st.tuples(st.just(NameOID.ORGANIZATIONAL_UNIT_NAME), VALUES),
    st.tuples(st.just(NameOID.ORGANIZATION_NAME), VALUES),
)


@given(NAMES)
def test_what_tlvfile_writes_is_recognised(name: x509.Name) -> None:
    assert names_match(render_name(name, NameStyle.TLVFILE), name)


@given(st.text(max_size=60), NAMES)
def test_any_text_is_judged(text: str, name: x509.Name) -> None:
    assert names_match(text, name) in {True, False}


def test_serials_match_forward_reversed_and_padded() -> None:
    real = bytes.fromhex("31AF455500000008E983")
    assert serial_matches(bytes.fromhex("83E9080000005545AF31"), real)
    assert serial_matches(real, real)
    assert serial_matches(b"\x00" + real, real)
    assert serial_matches(b"\x00", b"\x00")
    assert not serial_matches(real[:-1], real)
    assert not serial_matches(b"", real)
    assert serial_text(real) == "31:AF:45:55:00:00:00:08:E9:83"
