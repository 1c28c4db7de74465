"""Tokens as files: names, the counter of wrong passwords, pulled tokens, many processes at once."""

from __future__ import annotations

import json
import shutil
import subprocess
import sys
from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path

import pytest

from mixedmode.errors import MalformedError, UsageError
from mixedmode.pki.certificates.load import load_certificate
from mixedmode.pki.certificates.profiles import KeyKind
from mixedmode.pki.signing.digests import DigestAlgorithm
from mixedmode.pki.tokens.token_errors import TokenAbsentError, TokenLockedError, WrongPinError
from mixedmode.pki.tokens.token_files import DEFAULT_PASSWORD, RETRIES, FileToken, file_tokens, make_file_token
from mixedmode.trustlist import Layout, Role, TrustList
from mixedmode.trustlist.build import RecordSpec, build_trust_list

NOW = datetime(2026, 3, 1, tzinfo=UTC)


@pytest.fixture
def token(tmp_path: Path) -> Iterator[FileToken]:
    made = make_file_token(tmp_path, "ADN008580ef", now=NOW)
    yield made
    assert (made.folder / "token.p12").stat().st_mode & 0o077 == 0


def test_a_token_looks_as_the_makers(token: FileToken) -> None:
    authority = load_certificate(token.folder.parent / "manufacturing-ca.pem")
    certificate = token.certificate
    assert certificate.common_name == "SAST-ADN008580ef        "
    assert certificate.issuer == "CN=Cisco Manufacturing CA;O=Cisco Systems"
    assert certificate.is_issued_by(authority)
    assert len(certificate.serial) == 10
    assert certificate.key_description == "RSA 1024"
    second = make_file_token(token.folder.parent, "ADN0054f509", now=NOW, key=KeyKind.RSA_2048)
    assert second.certificate.is_issued_by(authority)
    assert second.certificate.key_description == "RSA 2048"
    assert [each.label for each in file_tokens(token.folder.parent)] == ["SAST-ADN0054f509", "SAST-ADN008580ef"]


def test_lengths_in_a_list_are_those_of_the_ctl_client(token: FileToken) -> None:
    data = build_trust_list(
        [RecordSpec(Role.SAST, token.certificate)], token.open(DEFAULT_PASSWORD), timestamp=1, layout=Layout.CTLCLIENT,
        filename="CTLFile.tlv", digest=DigestAlgorithm.SHA1,
    )  # fmt: skip
    trust_list = TrustList.parse(data)
    assert trust_list.verify()
    assert trust_list.length == 304 + 1186 - 902 + len(token.certificate.der)


def test_a_right_password_sets_the_counter_back(token: FileToken) -> None:
    for wrong in range(1, 4):
        with pytest.raises(WrongPinError) as refused:
            token.open("wrong")
        assert refused.value.tries_left == RETRIES - wrong + 1
        assert token.failures == wrong
    assert token.open(DEFAULT_PASSWORD)
    assert token.failures == 0


def test_the_sixteenth_wrong_password_locks_for_good(token: FileToken) -> None:
    for _ in range(15):
        with pytest.raises(WrongPinError) as refused:
            token.open("wrong")
    assert refused.value.tries_left == 1
    assert "1 more wrong one locks it for good" in refused.value.diagnostics()
    assert not token.locked
    with pytest.raises(TokenLockedError, match="for good"):
        token.open("wrong")
    with pytest.raises(TokenLockedError):
        FileToken(token.folder).open(DEFAULT_PASSWORD)


def test_processes_that_guess_at_once_are_all_counted(token: FileToken) -> None:
    program = (
        "import sys, pathlib\n"
        "from mixedmode.errors import MixedModeError\n"
        "from mixedmode.pki.tokens.token_files import FileToken\n"
        "for _ in range(5):\n"
        "    try: FileToken(pathlib.Path(sys.argv[1])).open('guess')\n"
        "    except MixedModeError: pass\n"
    )
    running = [subprocess.Popen([sys.executable, "-c", program, token.folder]) for _ in range(3)]
    assert [each.wait(100) for each in running] == [0, 0, 0]
    assert token.failures == 15


def test_a_pulled_token_is_absent(token: FileToken) -> None:
    pulled = token.folder.with_name("pulled")
    token.folder.rename(pulled)
    for use in (lambda: token.open(DEFAULT_PASSWORD), lambda: token.certificate):
        with pytest.raises(TokenAbsentError):
            use()
    pulled.rename(token.folder)
    assert token.open(DEFAULT_PASSWORD).certificate == token.certificate


def test_a_damaged_counter_lets_nobody_in(token: FileToken) -> None:
    for damaged in ("", "{}", '{"failures": "many"}', "[]"):
        (token.folder / "token.json").write_text(damaged)
        with pytest.raises(MalformedError):
            token.open(DEFAULT_PASSWORD)
    (token.folder / "token.json").write_text(json.dumps({"failures": 0}))
    assert token.open(DEFAULT_PASSWORD)


@pytest.mark.parametrize("number", ["", "../x", "a b", "A" * 17])
def test_numbers_that_no_token_has(tmp_path: Path, number: str) -> None:
    with pytest.raises(UsageError):
        make_file_token(tmp_path, number, now=NOW)
    assert not list(tmp_path.iterdir())


def test_a_token_is_not_made_twice(token: FileToken) -> None:
    with pytest.raises(UsageError, match="already"):
        make_file_token(token.folder.parent, "ADN008580ef", now=NOW)
    shutil.rmtree(token.folder)
    assert make_file_token(token.folder.parent, "ADN008580ef", now=NOW).open(DEFAULT_PASSWORD)
