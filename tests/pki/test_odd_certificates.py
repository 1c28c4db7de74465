"""Certificates that OpenSSL reads are read here, with a warning in our words and nothing of the library's."""

from __future__ import annotations

import os
import random
import re
import ssl
import subprocess
import sys
import warnings
from collections.abc import Callable
from contextlib import suppress
from datetime import UTC, datetime
from pathlib import Path

import pytest
from cryptography.hazmat.primitives.asymmetric import rsa
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat, load_der_public_key
from hypothesis import given
from hypothesis import strategies as st

from mixedmode.errors import MalformedError, UsageError
from mixedmode.pki.certificates.certificates import Certificate
from mixedmode.pki.certificates.issuing import Hash
from mixedmode.pki.certificates.names import NameStyle, names_match, render_name, serial_matches, texts_match
from mixedmode.pki.certificates.openssl import use_key
from mixedmode.pki.certificates.profiles import KeyKind, issue_lsc
from mixedmode.pki.certificates.requests import authority_obstacle, is_authority
from mixedmode.pki.reading.der import encode
from mixedmode.pki.reading.oddities import oddities
from mixedmode.pki.reading.outline import find_usual_key, read_outline, usual_key
from mixedmode.pki.reading.public_keys import is_common, key_by_modulus, load_common_key
from mixedmode.pki.signing.digests import DigestAlgorithm
from mixedmode.pki.signing.signer import SoftwareSigner
from mixedmode.trustlist import Layout, Role, TrustList
from mixedmode.trustlist.build import RecordSpec, build_trust_list
from mixedmode.trustlist.problems import Severity, find_problems
from tests.pki.material import NOW, key, openssl
from tests.pki.zoo import CA_FALSE, CA_TRUE, CERT_SIGN, MICROSOFT, PLAIN, T61, certificate, name, part, utc, zoo
from tests.support import DATA

KINDS = sorted(zoo())
LIBRARY_WORDS = re.compile(r"asn1|ParseError|cryptography|NameAttribute|Deprecat|\.py|OpenSSL\.")


@pytest.fixture(autouse=True)
def _no_warning() -> None:
    warnings.simplefilter("error")


@pytest.mark.interop("openssl")
@pytest.mark.parametrize("kind", KINDS)
def test_every_field_is_read_and_what_is_odd_is_told(kind: str, tmp_path: Path) -> None:
    odd = zoo()[kind]
    found = Certificate.from_der(odd.der)
    path = tmp_path / "c"
    path.write_bytes(odd.der)
    shown = openssl("x509", "-inform", "DER", "-in", path, "-noout", "-serial")
    # OpenSSL 3.5 asks for seconds in dates and 3.0 does not; here it is read with either.
    assert shown.returncode == 0 or kind == "no seconds"
    if shown.returncode == 0 and "-" not in shown.stdout.decode():
        assert found.serial == bytes.fromhex(shown.stdout.decode().strip().removeprefix("serial="))
    assert found.serial
    assert found.key_description == "RSA 2048"
    assert found.not_before.tzinfo is UTC
    assert isinstance(found.subject + found.issuer + found.common_name, str)
    told = "; ".join(oddities(found))
    assert odd.warning in told
    assert bool(told) == bool(odd.warning)
    assert not LIBRARY_WORDS.search(told)


@pytest.mark.parametrize("layout", Layout)
@pytest.mark.parametrize("kind", KINDS)
def test_a_list_that_is_built_of_it_verifies(kind: str, layout: Layout) -> None:
    found = Certificate.from_der(zoo()[kind].der)
    data = build_trust_list(
        [RecordSpec(Role.SAST, found), RecordSpec(Role.CCM_TFTP, found)],
        SoftwareSigner(found, key(KeyKind.RSA_2048, 0)),
        timestamp=0,
        layout=layout,
    )
    trust_list = TrustList.parse(data)
    verification = trust_list.verify()
    assert verification.verified is True
    problems = find_problems(trust_list, verification, NOW)
    assert [p for p in problems if p.severity is Severity.ERROR] == []
    unusual = [p.message for p in problems if p.code == "certificate_unusual"]
    assert bool(unusual) == bool(zoo()[kind].warning)
    for style in NameStyle:
        assert names_match(render_name(found.subject_name, style), found.subject_name) or style is NameStyle.TOKEN


@pytest.mark.interop("openssl")
def test_old_string_types_are_the_text_that_openssl_shows(tmp_path: Path) -> None:
    for kind, expected in (("teletex", "Fernbüro"), ("bmp", "Fernbüro"), ("universal", "株式会社")):
        path = tmp_path / "c"
        path.write_bytes(zoo()[kind].der)
        shown = openssl("x509", "-inform", "DER", "-in", path, "-noout", "-subject", "-nameopt", "utf8").stdout.decode()
        assert expected in shown
        assert expected in Certificate.from_der(zoo()[kind].der).subject


def test_dates_are_read_with_their_time_zone() -> None:
    found = Certificate.from_der(zoo()["time zone"].der)
    assert found.not_before == datetime(2023, 12, 31, 22, tzinfo=UTC)
    assert Certificate.from_der(zoo()["no seconds"].der).not_before == datetime(2024, 1, 1, tzinfo=UTC)
    assert Certificate.from_der(zoo()["1950"].der).not_before.year == 1950
    assert Certificate.from_der(zoo()["1950"].der).not_after.year == 2049
    for text in (b"241301000000Z", b"24010100000aZ", b"", b"Z", b"99", b"240101000000+zzzz"):
        broken = Certificate.from_der(certificate(dates=(encode(0x17, text), encode(0x17, b"340101000000Z"))))
        with pytest.raises(MalformedError, match="validity cannot be read"):
            _ = broken.not_before
        assert broken.subject  # the rest is read all the same


def test_where_openssl_refuses_one_what_is_odd_about_it_is_the_reason() -> None:
    # Some release refuses either oddity: 3.0 the extension that is there twice, 3.5 the date without seconds.
    odd = Certificate.from_der(certificate(dates=(utc(b"2401010000Z"), utc(b"3401010000Z")), extensions=CERT_SIGN * 2))
    signer = SoftwareSigner(odd, key(KeyKind.RSA_2048, 0))
    with pytest.raises(UsageError, match="OpenSSL does not take the TVS certificate") as refused:
        use_key(ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER), signer, what="TVS certificate", next_step="")
    assert refused.value.why == f"it is too unusual: {'; '.join(oddities(odd))}"
    assert "written as '2401010000Z'" in refused.value.why


def test_an_indefinite_length_is_read(tmp_path: Path) -> None:
    der = certificate()
    loose = b"\x30\x80" + der[4:] + b"\0\0"
    found = Certificate.from_der(loose)
    assert found.subject == "CN=cucm-pub;O=Example;C=NZ"
    assert found.public_key == Certificate.from_der(der).public_key
    nested = b"\x30\x80" * 5000
    with pytest.raises(MalformedError):
        _ = Certificate.from_der(nested).subject


def test_an_old_hash_is_checked_and_a_name_is_compared_as_openssl_does() -> None:
    root = Certificate.from_der(certificate(digest="md5"))
    assert root.is_issued_by(root)
    other_types = name(part("C", "nz"), part("O", " EXAMPLE", T61), part("CN", "cucm-pub"))
    child = Certificate.from_der(certificate(MICROSOFT, issuer=other_types, number=1, issuer_number=0))
    assert child.is_issued_by(root)
    assert not child.is_issued_by(Certificate.from_der(certificate(MICROSOFT, number=1)))


@pytest.mark.parametrize(
    ("extensions", "version", "why"),
    [
        (CA_TRUE, 3, None),
        (CERT_SIGN, 3, None),
        (CA_TRUE + CERT_SIGN, 3, None),
        (b"", 1, None),
        (b"", 3, "no basic constraints"),
        (CA_FALSE, 3, "CA:FALSE"),
        (CA_FALSE + CERT_SIGN, 3, "CA:FALSE"),
        (CA_TRUE + bytes.fromhex("300e0603551d0f0101ff040403020780"), 3, "key usage"),
    ],
)
def test_why_a_certificate_is_no_authority_is_named(extensions: bytes, version: int, why: str | None) -> None:
    found = Certificate.from_der(certificate(extensions=extensions, version=version))
    obstacle = authority_obstacle(found)
    assert is_authority(found) is (why is None)
    assert (why or "") in (obstacle or "")


def test_two_basic_constraints_are_not_believed() -> None:
    found = Certificate.from_der(certificate(extensions=CA_TRUE + CA_FALSE))
    with pytest.raises(MalformedError, match="basic constraints twice"):
        is_authority(found)


@pytest.mark.parametrize("hash_", [None, Hash.SHA1])
def test_what_an_odd_authority_issues_names_it_byte_for_byte(hash_: Hash | None) -> None:
    from mixedmode.pki.certificates.profiles import Purpose, Subject, issue

    authority = Certificate.from_der(
        certificate(name(part("O", "Fernbüro", T61), part("CN", "CAPF-01234567")), extensions=CA_TRUE)
    )
    issued = issue(
        Purpose.CALLMANAGER, subject=Subject("sub"), public_key=authority.public_key, authority=authority,
        authority_key=key(KeyKind.RSA_2048, 0), now=NOW, serial=5, hash=hash_,
    )  # fmt: skip
    assert issued.issuer_name.der == authority.subject_name.der
    assert issued.is_issued_by(authority)
    lsc = issue_lsc("SEP001122334455", authority.public_key, authority=authority,
                    authority_key=key(KeyKind.RSA_2048, 0), now=NOW, serial=6)  # fmt: skip
    assert lsc.is_issued_by(authority)


def test_a_signature_is_checked_with_its_key() -> None:
    found = Certificate.from_der(zoo()["negative"].der)
    signature = SoftwareSigner(found, key(KeyKind.RSA_2048, 0)).sign(b"data", DigestAlgorithm.SHA1)
    assert found.verify_pkcs1(signature, b"data", DigestAlgorithm.SHA1)
    assert serial_matches(found.serial, found.serial)


@pytest.mark.parametrize(
    "text",
    [
        "-----BEGIN CERTIFICATE-----\r\n{}\r\n-----END CERTIFICATE-----",
        "some words\n-----BEGIN X509 CERTIFICATE-----\n{}\n-----END X509 CERTIFICATE-----\n",
        "-----BEGIN CERTIFICATE-----\nX-Note: old\n\n{}\n-----END CERTIFICATE-----\n",
        "-----BEGIN CERTIFICATE-----\n\n{}\n\n-----END CERTIFICATE-----\n",
    ],
)
def test_pem_is_read_as_openssl_reads_it(text: str) -> None:
    import base64

    der = certificate()
    assert Certificate.from_pem(text.format(base64.b64encode(der).decode()).encode()).der == der
    with_more = base64.b64encode(der + b"\x30\x00").decode()  # what a TRUSTED CERTIFICATE has behind it
    assert Certificate.from_pem(f"-----BEGIN TRUSTED CERTIFICATE-----\n{with_more}\n-----END ".encode()).der == der


@pytest.mark.parametrize("cut", [0, 1, 5, 40, 200, 400])
def test_damage_is_told_in_our_words(cut: int) -> None:
    for broken in (certificate()[:cut], b"\xff" * cut, certificate(PLAIN)[cut:]):
        if broken == certificate():
            continue
        with pytest.raises(MalformedError) as caught:
            _ = Certificate.from_der(broken).subject
        assert not LIBRARY_WORDS.search(caught.value.diagnostics())


CERTIFICATES = sorted((DATA / "keys").glob("*.crt"))
CHANGES = int(os.environ.get("MIXEDMODE_MUTATIONS", "3600")) // len(CERTIFICATES)
"""To each; many for a run under sanitizers."""


@pytest.mark.parametrize("path", CERTIFICATES, ids=lambda path: path.stem)
def test_the_short_way_to_a_key_finds_the_same_one(path: Path) -> None:
    der = Certificate.from_pem(path.read_bytes()).der
    chance = random.Random(path.stem)
    assert usual_key(der) == find_usual_key(der)
    for _ in range(CHANGES):
        changed = bytearray(der)
        for _ in range(chance.choice((1, 1, 2))):
            place = chance.randrange(chance.choice((len(der), min(len(der), 300))))
            changed[place] = chance.choice([0, 0x30, 0x7F, 0x80, 0x81, 0x82, 0xFF])
        compiled, short = usual_key(bytes(changed)), find_usual_key(bytes(changed))
        assert compiled in {short, None}, "compiled, it may leave more to the careful way, and finds nothing else"
        if short is None:
            continue
        try:
            outline = read_outline(bytes(changed))
        except MalformedError:
            continue  # broken behind the key, where the short way does not look
        assert short == bytes(changed[outline.key.outer : outline.key.next])
    for way in (usual_key, find_usual_key):
        assert way(der + b"\0") is None
        assert all(way(der[:size]) is None for size in range(0, len(der), 11))


@pytest.mark.parametrize("size", [1024, 2048, 4096])
def test_a_key_that_is_read_by_its_frame_is_the_one_that_the_library_reads(size: int) -> None:
    modulus = (random.Random(size).getrandbits(size) | 1 << (size - 1) | 1).to_bytes(size // 8)
    usual = rsa.RSAPublicNumbers(65537, int.from_bytes(modulus)).public_key()
    encoded = usual.public_bytes(Encoding.DER, PublicFormat.SubjectPublicKeyInfo)
    chance = random.Random(size)
    places = [*range(40), *range(len(encoded) - 8, len(encoded)), *chance.sample(range(len(encoded)), 30)]
    for place in places:
        for octet in (encoded[place], 0, 1, 0x02, 0x30, 0x7F, 0x80, 0x81, 0x82, 0xFF):
            changed = encoded[:place] + bytes((octet,)) + encoded[place + 1 :]
            if is_common(changed):
                assert _key_or_none(key_by_modulus, changed) == _key_or_none(load_der_public_key, changed)
    assert is_common(encoded)
    assert key_by_modulus(encoded) == load_common_key(encoded) == usual
    assert not any(is_common(other) for other in (encoded[:-1], encoded + b"\0", b""))


def _key_or_none(read: Callable[[bytes], object], encoded: bytes) -> object:
    with suppress(Exception):  # the library has a dozen kinds of errors
        return read(encoded)
    return None


def test_no_command_warns_with_source_paths(tmp_path: Path) -> None:
    """The whole way through the command line, in a process with Python's default warnings."""
    from mixedmode.pki.certificates.load import private_key_pem

    found = Certificate.from_der(zoo()["negative"].der)
    (tmp_path / "signer.pem").write_bytes(private_key_pem(key(KeyKind.RSA_2048, 0)) + found.pem())
    script = (
        "import sys; from mixedmode.app.main import main\n"
        "for command in (['build', 't.tlv', '--signer', 'signer.pem', '--record', 'SAST=signer.pem', '--json'],"
        " ['verify', 't.tlv', '--json'], ['show', 't.tlv', '--json'], ['extract', 't.tlv', 'out', '--json']):\n"
        "    sys.argv = ['mixedmode', *command]\n"
        "    try: main()\n"
        "    except SystemExit as end: assert not end.code, (command, end.code)\n"
    )
    done = subprocess.run(
        [sys.executable, "-c", script], cwd=tmp_path, capture_output=True, text=True, check=False, timeout=60
    )
    assert done.returncode == 0, done.stderr
    assert done.stderr == ""
    assert "serial number is negative" in done.stdout


AWKWARD = st.text(
    st.characters(codec="utf-8", exclude_categories=["Cs", "Cc"]) | st.sampled_from(';=,"\\+#<> '), max_size=12
)
PARTS = st.lists(st.tuples(st.sampled_from(["CN", "O", "OU", "C", "DC", "E"]), AWKWARD), min_size=1, max_size=6)


@given(PARTS)
def test_any_name_matches_what_is_written_of_it(parts: list[tuple[str, str]]) -> None:
    from mixedmode.pki.reading.der import read_element
    from mixedmode.pki.reading.distinguished import read_name

    der = name(*[part(kind, text) for kind, text in parts])
    found = read_name(der, read_element(der, 0, len(der)))
    for style in (NameStyle.CUCM, NameStyle.TLVFILE):
        assert names_match(render_name(found, style), found)
    assert texts_match(render_name(found), render_name(found))
