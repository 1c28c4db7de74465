"""``pkcs11:`` URIs: what they say, and what is refused."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from mixedmode.errors import UsageError
from mixedmode.pki.tokens.pkcs11_uri import OBJECT_TYPES, Pkcs11Uri, parse_pkcs11_uri

TEXT = st.text(st.characters(codec="utf-8"), max_size=30)
URIS = st.builds(
    Pkcs11Uri,
    token=st.none() | TEXT,
    manufacturer=st.none() | TEXT,
    model=st.none() | TEXT,
    serial=st.none() | TEXT,
    object=st.none() | TEXT,
    type=st.none() | st.sampled_from(sorted(OBJECT_TYPES)),
    id=st.none() | st.binary(max_size=20),
    slot_id=st.none() | st.integers(0, 2**32),
    module_path=st.none() | TEXT,
    pin_source=st.none() | TEXT,
    softhsm_conf=st.none() | TEXT,
)


@given(URIS)
def test_what_is_written_is_read(uri: Pkcs11Uri) -> None:
    assert parse_pkcs11_uri(str(uri)) == uri


@given(st.text(max_size=60))
def test_any_text_is_read_or_refused(text: str) -> None:
    try:
        uri = parse_pkcs11_uri("pkcs11:" + text)
    except UsageError:
        return
    assert parse_pkcs11_uri(str(uri)) == uri


def test_example_of_the_rfc() -> None:
    uri = parse_pkcs11_uri(
        "pkcs11:token=Software%20PKCS%2311%20softtoken;manufacturer=Snake%20Oil,%20Inc.;model=1.0;"
        "object=my-certificate;type=cert;id=%69%95%3E%5C%F4%BD%EC%91;serial=?pin-source=file:/etc/token_pin"
    )
    assert uri.token == "Software PKCS#11 softtoken"
    assert uri.manufacturer == "Snake Oil, Inc."
    assert uri.id == bytes.fromhex("69953e5cf4bdec91")
    assert (uri.type, uri.serial, uri.pin_source) == ("cert", "", "file:/etc/token_pin")


def test_a_padded_label_survives() -> None:
    uri = Pkcs11Uri(token="SAST-ADN008580ef        ", module_path="/usr/lib/softhsm/libsofthsm2.so")
    assert str(uri).startswith("pkcs11:token=SAST-ADN008580ef%20%20")
    assert "?module-path=/usr/lib/softhsm/libsofthsm2.so" in str(uri)


@pytest.mark.parametrize(
    "text",
    [
        "pkcs11:token=a?pin-value=Cisco123",
        "pkcs11:token=a;pin-value=Cisco123",
        "PKCS11:token=a?module-path=/x&pin-value=Cisco123",
        "pkcs11:token=a?pin%2Dvalue=Cisco123",
        "pkcs11:?PIN-VALUE=Cisco123",
    ],
)
def test_a_pin_in_the_uri_is_refused_and_not_repeated(text: str) -> None:
    with pytest.raises(UsageError) as caught:
        parse_pkcs11_uri(text)
    assert caught.value.code == "pin_value"
    assert "command lines" in caught.value.diagnostics()
    assert "pin-source" in caught.value.diagnostics()
    assert "Cisco123" not in caught.value.diagnostics()


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("token=a", "starts with pkcs11:"),
        ("pkcs11:token=a;token=b", "twice"),
        ("pkcs11:colour=red", "unknown"),
        ("pkcs11:x-vendor=red", "unknown"),
        ("pkcs11:token", "NAME=VALUE"),
        ("pkcs11:token=%2", "hexadecimal"),
        ("pkcs11:token=%zz", "hexadecimal"),
        ("pkcs11:token=%ff", "UTF-8"),
        ("pkcs11:slot-id=two", "no number"),
        ("pkcs11:type=door", "type"),
        ("pkcs11:token=" + "a" * 5000, "characters"),
    ],
)
def test_what_is_no_uri_is_refused(text: str, said: str) -> None:
    with pytest.raises(UsageError) as caught:
        parse_pkcs11_uri(text)
    assert said in caught.value.what
    assert caught.value.next_step


def test_unknown_query_attributes_are_ignored() -> None:
    assert parse_pkcs11_uri("pkcs11:token=a?x-colour=red&module-path=/m") == Pkcs11Uri(token="a", module_path="/m")


def fits(uri: Pkcs11Uri) -> bool:
    return uri.fits_token(label="one", manufacturer="m", model="SoftHSM v2", serial="0a", slot_id=7)


def test_matching_a_token() -> None:
    assert fits(Pkcs11Uri())
    assert fits(Pkcs11Uri(token="one", serial="0a", slot_id=7))
    assert not fits(Pkcs11Uri(token="two"))
    assert not fits(Pkcs11Uri(token="one", slot_id=8))
