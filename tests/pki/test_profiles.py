"""Certificates of each purpose look as CUCM makes them, and openssl agrees."""

from __future__ import annotations

import itertools
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from mixedmode.errors import UsageError
from mixedmode.pki.certificates.certificates import Certificate
from mixedmode.pki.certificates.issuing import Hash
from mixedmode.pki.certificates.profiles import (
    MANUFACTURING_SUBJECT,
    PROFILES,
    TOKEN_SERIAL_BYTES,
    Expiry,
    KeyKind,
    Purpose,
    Style,
    Subject,
    common_name,
    expiry,
    generate_key,
    issue,
    issue_lsc,
    self_signed,
    token_subject,
)
from tests.pki.material import NOW, PUBLISHER, key, openssl

HOST = "cucm-1051-a-pub.example.com"
SELF_SIGNED = [purpose for purpose in PROFILES if purpose not in {Purpose.PHONE_LSC, Purpose.PHONE_MIC, Purpose.TOKEN}]


def make(purpose: Purpose, **changes: object) -> Certificate:
    kind = KeyKind.EC_256 if PROFILES[purpose].key_kind == "EC" else KeyKind.RSA_2048
    arguments: dict[str, object] = {
        "subject": PUBLISHER.named(common_name(purpose, HOST, number=0xE41E7D87)),
        "key": key(kind),
        "now": NOW,
        "serial": 0x70CAF64E090751B9DF22F49F754FC5BB,
    }
    return self_signed(purpose, **(arguments | changes))  # type: ignore[arg-type]


def text_of(certificate: Certificate) -> str:
    return openssl("x509", "-noout", "-text", data=certificate.pem()).stdout.decode()


@pytest.mark.interop("openssl")
@pytest.mark.parametrize("purpose", SELF_SIGNED)
def test_self_signed_certificates_hold_for_openssl(purpose: Purpose, tmp_path: Path) -> None:
    certificate = make(purpose)
    (tmp_path / "c.pem").write_bytes(certificate.pem())
    moment = str(int(NOW.timestamp()) + 60)
    answer = openssl("verify", "-attime", moment, "-check_ss_sig", "-CAfile", tmp_path / "c.pem", tmp_path / "c.pem")
    assert answer.returncode == 0, answer.stderr + answer.stdout
    assert certificate.is_issued_by(certificate)
    assert certificate.subject == certificate.issuer
    assert certificate.not_before == NOW
    assert certificate.not_after == NOW.replace(year=NOW.year + PROFILES[purpose].years)


def test_names_and_years_of_capf_and_the_recovery_key() -> None:
    assert make(Purpose.CAPF).subject == "CN=CAPF-e41e7d87;OU=TAC;O=Cisco;L=Krakow;ST=Malopolska;C=PL"
    recovery = make(Purpose.ITLRECOVERY)
    assert recovery.common_name == f"ITLRECOVERY_{HOST}"
    assert recovery.not_after.year == NOW.year + 20
    assert make(Purpose.ITLRECOVERY, years=5).not_after.year == NOW.year + 5
    with pytest.raises(UsageError, match="common name"):
        make(Purpose.CAPF, subject=PUBLISHER)
    with pytest.raises(UsageError, match="common name"):
        make(Purpose.ITLRECOVERY, subject=PUBLISHER)


@pytest.mark.interop("openssl")
def test_the_usages_of_a_callmanager_certificate() -> None:
    text = text_of(make(Purpose.CALLMANAGER, dns_names=["a.example.com", "b.example.com"]))
    assert "Digital Signature, Key Encipherment, Data Encipherment, Key Agreement" in text
    assert "TLS Web Server Authentication, TLS Web Client Authentication, IPSec End System" in text
    assert "DNS:a.example.com, DNS:b.example.com" in text
    assert "70:ca:f6:4e:09:07:51:b9:df:22:f4:9f:75:4f:c5:bb" in text
    assert "CA:FALSE" in text
    assert "CA:TRUE, pathlen:0" in text_of(make(Purpose.CAPF))


@pytest.mark.parametrize(
    ("purpose", "kind", "size"),
    [
        (Purpose.CALLMANAGER, KeyKind.RSA_1024, 694),
        (Purpose.CALLMANAGER, KeyKind.RSA_2048, 955),
        (Purpose.CAPF, KeyKind.RSA_1024, 680),
    ],
)
def test_the_plain_style_has_the_seeds_sizes(purpose: Purpose, kind: KeyKind, size: int) -> None:
    subject = PUBLISHER.named(common_name(purpose, "cucm-1051-a-pub", number=0xE41E7D87))
    certificate = make(purpose, subject=subject, key=key(kind), style=Style.PLAIN, dns_names=["cucm-1051-a-pub"])
    assert len(certificate.der) == size
    names = [extension.oid for extension in certificate.extensions]
    assert names == ["2.5.29.15", "2.5.29.37", "2.5.29.14"], "as a public listing of CUCM shows them"
    assert not any(extension.critical for extension in certificate.extensions)


def test_the_plain_recovery_certificate_has_the_size_of_a_real_one() -> None:
    """ITLRECOVERY of the list that a public parser's header shows: 694 bytes with these names."""
    subject = Subject("ITLRECOVERY_gigantic-6.cisco.com", "CTG", "Alpha", "SJ", "CA", "US")
    certificate = make(Purpose.ITLRECOVERY, subject=subject, key=key(KeyKind.RSA_1024), style=Style.PLAIN)
    assert len(certificate.der) == 694


@pytest.mark.interop("openssl")
def test_an_authority_of_2048_bits_says_so_in_any_style() -> None:
    assert "CA:TRUE, pathlen:0" in text_of(make(Purpose.CAPF, style=Style.PLAIN))


@pytest.mark.interop("openssl")
@pytest.mark.parametrize(("kind", "style"), list(itertools.product((KeyKind.RSA_1024, KeyKind.RSA_2048), Style)))
def test_an_lsc_holds_under_every_capf(kind: KeyKind, style: Style, tmp_path: Path) -> None:
    capf = make(Purpose.CAPF, key=key(kind), style=style)
    lsc = issue_lsc(
        "SEP001122334455",
        key(KeyKind.RSA_2048).public_key(),
        authority=capf,
        authority_key=key(kind),
        now=NOW,
        serial=9,
    )
    (tmp_path / "capf.pem").write_bytes(capf.pem())
    (tmp_path / "lsc.pem").write_bytes(lsc.pem())
    moment = str(int(NOW.timestamp()) + 60)
    level = ("-auth_level", "0")
    answer = openssl(
        "verify", "-attime", moment, *level, "-purpose", "sslclient", "-CAfile", tmp_path / "capf.pem",
        tmp_path / "lsc.pem",
    )  # fmt: skip
    assert answer.returncode == 0, answer.stderr + answer.stdout


@pytest.mark.interop("openssl")
@pytest.mark.parametrize(
    ("kind", "algorithm"),
    [
        (KeyKind.EC_256, "ecdsa-with-SHA256"),
        (KeyKind.EC_384, "ecdsa-with-SHA384"),
        (KeyKind.EC_521, "ecdsa-with-SHA512"),
    ],
)
def test_the_hash_is_as_strong_as_the_curve(kind: KeyKind, algorithm: str) -> None:
    assert f"Signature Algorithm: {algorithm}" in text_of(make(Purpose.CALLMANAGER_ECDSA, key=key(kind)))
    if kind is not KeyKind.EC_256:
        with pytest.raises(UsageError, match="weaker"):
            make(Purpose.CALLMANAGER_ECDSA, key=key(kind), hash=Hash.SHA256)
    with pytest.raises(UsageError, match="weaker"):
        make(Purpose.CALLMANAGER_ECDSA, key=key(kind), hash=Hash.SHA1)


@pytest.mark.interop("openssl")
@pytest.mark.parametrize("chosen", Hash)
@pytest.mark.parametrize("kind", [KeyKind.RSA_1024, KeyKind.RSA_4096])
def test_rsa_certificates_with_any_hash_hold_for_openssl(kind: KeyKind, chosen: Hash, tmp_path: Path) -> None:
    certificate = make(Purpose.CALLMANAGER, key=key(kind), hash=chosen)
    assert f"Signature Algorithm: {chosen.value}WithRSAEncryption" in text_of(certificate)
    (tmp_path / "c.pem").write_bytes(certificate.pem())
    moment = str(int(NOW.timestamp()) + 60)
    answer = openssl("verify", "-auth_level", "0", "-attime", moment, "-check_ss_sig", "-CAfile", tmp_path / "c.pem",
                     tmp_path / "c.pem")  # fmt: skip
    assert answer.returncode == 0, answer.stderr + answer.stdout
    assert certificate.key_bits == kind.value[1]


def test_wrong_keys_serials_and_names_are_refused() -> None:
    with pytest.raises(UsageError, match="has an RSA key"):
        make(Purpose.CALLMANAGER, key=key(KeyKind.EC_256))
    with pytest.raises(UsageError, match="has an EC key"):
        make(Purpose.TOMCAT_ECDSA, key=key(KeyKind.RSA_1024))
    for serial in (0, -5, 1 << 159):
        with pytest.raises(UsageError, match="serial"):
            make(Purpose.TVS, serial=serial)
    with pytest.raises(UsageError, match="name"):
        make(Purpose.TVS, subject=Subject("x", country="Poland"))
    with pytest.raises(UsageError, match="no kind of key"):
        KeyKind.from_label("rsa-768")
    assert KeyKind.from_label("ec-384") is KeyKind.EC_384


@pytest.mark.interop("openssl")
def test_a_token_of_the_manufacturing_authority(tmp_path: Path) -> None:
    authority = self_signed(
        Purpose.MANUFACTURING_CA, subject=MANUFACTURING_SUBJECT, key=key(KeyKind.RSA_2048), now=NOW, serial=1
    )
    serial = bytes.fromhex("31AF455500000008E983")
    assert len(serial) == TOKEN_SERIAL_BYTES
    token = issue(
        Purpose.TOKEN,
        subject=token_subject("ADN008580ef"),
        public_key=key(KeyKind.RSA_1024).public_key(),
        authority=authority,
        authority_key=key(KeyKind.RSA_2048),
        now=NOW,
        serial=int.from_bytes(serial),
        hash=Hash.SHA1,
    )
    assert token.serial == serial
    assert token.is_issued_by(authority)
    (tmp_path / "ca.pem").write_bytes(authority.pem())
    moment = str(int(NOW.timestamp()) + 60)
    answer = openssl("verify", "-auth_level", "0", "-attime", moment, "-CAfile", tmp_path / "ca.pem", data=token.pem())
    assert answer.returncode == 0, answer.stderr


@pytest.mark.interop("openssl")
@pytest.mark.parametrize("kind", [KeyKind.RSA_1024, KeyKind.EC_256])
def test_an_lsc_takes_its_place_from_capf(kind: KeyKind, tmp_path: Path) -> None:
    capf = make(Purpose.CAPF)
    lsc = issue_lsc(
        "SEP001122334455",
        key(kind).public_key(),
        authority=capf,
        authority_key=key(KeyKind.RSA_2048),
        now=NOW,
        serial=77,
    )
    assert lsc.subject == "CN=SEP001122334455;OU=TAC;O=Cisco;L=Krakow;ST=Malopolska;C=PL"
    assert lsc.issuer == capf.subject
    assert lsc.not_after - lsc.not_before == timedelta(days=365)
    text = text_of(lsc)
    assert "URI:SEP001122334455" in text
    assert "Digital Signature, Key Encipherment\n" in text
    assert "CA:FALSE" in text
    assert "Authority Key Identifier" in text
    (tmp_path / "ca.pem").write_bytes(capf.pem())
    moment = str(int(NOW.timestamp()) + 60)
    assert (
        openssl(
            "verify", "-auth_level", "0", "-attime", moment, "-CAfile", tmp_path / "ca.pem", data=lsc.pem()
        ).returncode
        == 0
    )
    with pytest.raises(UsageError, match="cannot last"):
        issue_lsc(
            "SEP001122334455",
            key(kind).public_key(),
            authority=capf,
            authority_key=key(KeyKind.RSA_2048),
            now=NOW,
            serial=77,
            days=4000,
        )


def test_a_mic_names_model_and_mac() -> None:
    authority_key = key(KeyKind.RSA_2048)
    authority = self_signed(
        Purpose.MANUFACTURING_CA, subject=MANUFACTURING_SUBJECT, key=authority_key, now=NOW, serial=1
    )
    mic = issue(
        Purpose.PHONE_MIC,
        subject=Subject("CP-7975G-SEP001122334455", "EVVBU", "Cisco Systems Inc."),
        public_key=key(KeyKind.RSA_1024).public_key(),
        authority=authority,
        authority_key=authority_key,
        now=NOW,
        serial=5,
    )
    assert mic.common_name == "CP-7975G-SEP001122334455"
    assert mic.not_after.year == NOW.year + 10


def test_expiry_is_told_in_time() -> None:
    certificate = make(Purpose.TVS)
    day = timedelta(days=1)
    assert expiry(certificate, NOW - day) is Expiry.NOT_YET_VALID
    assert expiry(certificate, NOW) is Expiry.VALID
    assert expiry(certificate, certificate.not_after - 5 * day) is Expiry.EXPIRES_SOON
    assert expiry(certificate, certificate.not_after - 5 * day, notice=day) is Expiry.VALID
    assert expiry(certificate, certificate.not_after + day) is Expiry.EXPIRED
    leap = make(Purpose.TVS, now=datetime(2024, 2, 29, tzinfo=UTC))
    assert (leap.not_after.month, leap.not_after.day) == (2, 28)


def test_generated_keys_are_fresh() -> None:
    assert generate_key(KeyKind.EC_256).public_key() != generate_key(KeyKind.EC_256).public_key()
