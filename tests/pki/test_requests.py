"""Signing requests: what they ask for, and that a damaged one is told."""

from __future__ import annotations

import base64
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from mixedmode.errors import MalformedError, UsageError
from mixedmode.pki.certificates.certificates import Certificate
from mixedmode.pki.certificates.profiles import KeyKind, Purpose, Subject, generate_key
from mixedmode.pki.certificates.requests import alternative_names, is_authority, make_request, read_request
from tests.openssl_ca import OpenSslAuthority, openssl

KEYS = {kind: generate_key(kind) for kind in (KeyKind.RSA_1024, KeyKind.EC_256, KeyKind.EC_384, KeyKind.EC_521)}
CAPF_PEM = make_request(Purpose.CAPF, subject=Subject("CAPF-01234567"), key=KEYS[KeyKind.RSA_1024])
WHOLE = base64.b64decode("".join(CAPF_PEM.decode().splitlines()[1:-1]))
OLD_ROOT = b"""\
-----BEGIN CERTIFICATE-----
MIIBoDCCAQkCFG4F7rMilKdH24rwOWnp52tmxceCMA0GCSqGSIb3DQEBCwUAMA4x
DDAKBgNVBAMMA29sZDAgFw0yNjExMjUyMjA3MjZaGA8yMTI2MTEwMTIyMDcyNlow
DjEMMAoGA1UEAwwDb2xkMIGfMA0GCSqGSIb3DQEBAQUAA4GNADCBiQKBgQC+laQO
4OeyMnFVbSWpBF3qq9sPWggrcBm/cvLDt9LnLKzM8xYTWIvnV6RJZJIIuObMN3i/
vLWXKgWOkwB6cvKxyAXeanJHEtgFYPLbgbLI5FKq2cgl/OVr1vJlrfhTQhu+6cg0
HapY9vBr2RzLtFWdjypzI1dAloMrNNZiSBrfmQIDAQABMA0GCSqGSIb3DQEBCwUA
A4GBAGuYsIX/FYtB0WZDJjx3gtWCQQcpbaIJn6Ich8aAfLnF4unr/EEhf5YJG8/+
ZuNrbeHIgTFngJOh1vvYqIGI8DSPjhZU+zgyq1BgXtd1itKIeI+9nniZnhYdNIGi
187ZBSwlPzbsrBA+TJjwsoAdcBgKz+0DMIpC7fD4tFY1IrVc
-----END CERTIFICATE-----
"""
"""Made by OpenSSL 3.0 with ``x509 -req -signkey``, which makes version 3 from OpenSSL 3.4 on."""
SUBJECT = Subject("pub.example.com", organization="Example", country="CH")


@pytest.mark.interop("openssl")
@pytest.mark.parametrize("kind", KEYS)
def test_it_is_read_back_with_its_key(kind: KeyKind, tmp_path: Path) -> None:
    pem = make_request(Purpose.TOMCAT, subject=SUBJECT, key=KEYS[kind], dns_names=("pub.example.com", "pub"))
    request = read_request(pem)
    assert request.subject == "CN=pub.example.com;O=Example;C=CH"
    assert request.dns_names == ("pub.example.com", "pub")
    family, bits = kind.label.split("-")
    assert request.key_description == f"{family} {'P-' if family == 'EC' else ''}{bits}"
    hashed = {KeyKind.EC_384: "SHA384", KeyKind.EC_521: "SHA512"}.get(kind, "SHA256")
    assert hashed in openssl("req", "-noout", "-text", "-verify", stdin=pem.decode()).upper()
    authority = OpenSslAuthority.make(tmp_path, "Root")
    signed = Certificate.from_pem(authority.sign(pem.decode()).encode())
    assert request.has_key_of(signed)
    assert alternative_names(signed) == request.dns_names
    assert not is_authority(signed)
    root = Certificate.from_pem(authority.pem.encode())
    assert is_authority(root)
    assert not request.has_key_of(root)


def test_an_old_root_of_version_1_is_an_authority() -> None:
    root = Certificate.from_pem(OLD_ROOT)
    assert root.x509.version.name == "v1"
    assert is_authority(root)


@settings(max_examples=500)
@given(st.data())
def test_a_damaged_request_is_malformed_and_nothing_else(data: st.DataObject) -> None:
    der = bytearray(WHOLE)
    at = data.draw(st.integers(0, len(der) - 1))
    der[at] ^= data.draw(st.integers(1, 255))
    text = base64.encodebytes(bytes(der)).decode()
    damaged = f"-----BEGIN CERTIFICATE REQUEST-----\n{text}-----END CERTIFICATE REQUEST-----\n"
    try:
        request = read_request(damaged.encode())
    except MalformedError:
        return
    # Only the algorithm's name outside of what is signed may differ and the request still hold.
    assert request.subject == "CN=CAPF-01234567"
    assert request.library.tbs_certrequest_bytes == read_request(CAPF_PEM).library.tbs_certrequest_bytes


@pytest.mark.parametrize("text", [b"", b"x", b"-----BEGIN CERTIFICATE REQUEST-----\n"])
def test_what_is_no_request(text: bytes) -> None:
    with pytest.raises(MalformedError):
        read_request(text)


def test_a_name_that_cannot_be_written() -> None:
    with pytest.raises(UsageError):
        make_request(Purpose.TOMCAT, subject=Subject("x" * 65), key=KEYS[KeyKind.EC_256])
    with pytest.raises(UsageError):
        make_request(Purpose.TOMCAT, subject=SUBJECT, key=KEYS[KeyKind.EC_256], dns_names=("ünïcode",))
