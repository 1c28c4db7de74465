"""Security tokens as files: what a lab uses where no PKCS#11 library is installed.

A token is a folder: ``token.p12`` (key and certificate under the password), ``token.crt`` (the certificate, which a
token shows to anybody) and ``token.json`` (the counter of wrong passwords).

Rules (cucm-admin.md 4):

1. A wrong password is counted; the counter is on the disk before the answer is given. A right one sets it to 0.
   Only one password is tried at a time, whatever the number of processes, so none goes uncounted.
2. After :data:`RETRIES` wrong passwords in a row the next one, the 16th, locks the token for good.
3. The names are those of the field: ``cn="SAST-ADN008580ef        ";ou=IPCBU``, serials of 10 bytes, issued by
   ``cn=Cisco Manufacturing CA;o=Cisco Systems``.
"""

from __future__ import annotations

import fcntl
import json
import os
import re
import secrets
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import datetime
from pathlib import Path
from typing import TYPE_CHECKING, Final

from mixedmode.errors import MalformedError, UsageError
from mixedmode.json_reader import read_json
from mixedmode.pki.certificates.certificates import Certificate
from mixedmode.pki.certificates.load import load_own_signer, own_key_pem, pkcs12_bytes, pkcs12_signer
from mixedmode.pki.certificates.profiles import (
    MANUFACTURING_SUBJECT,
    KeyKind,
    Purpose,
    generate_key,
    issue,
    self_signed,
    token_subject,
)
from mixedmode.pki.files import PRIVATE, read_key_file, write_atomic
from mixedmode.pki.signing.signer import SoftwareSigner
from mixedmode.pki.tokens.token_errors import TokenAbsentError, TokenLockedError, WrongPinError

if TYPE_CHECKING:
    from mixedmode.pki.certificates.issuing import PublicKey

DEFAULT_PASSWORD: Final = "Cisco123"  # noqa: S105 - what every token has when it is new (the seed)
RETRIES: Final = 15
_WARN_BELOW: Final = 6
_AUTHORITY: Final = "manufacturing-ca.pem"
_NUMBER = re.compile(r"[A-Za-z0-9]{1,16}")


class FileToken:
    """A token in a folder.

    Args:
        folder: Its folder; the name is the token's.
    """

    def __init__(self, folder: Path) -> None:
        self.folder = folder

    @property
    def label(self) -> str:
        """Its name, such as ``SAST-ADN008580ef``."""
        return self.folder.name

    @property
    def certificate(self) -> Certificate:
        """Its certificate; needs no password.

        Raises:
            TokenAbsentError: The token was pulled.
        """
        try:
            return Certificate.from_pem((self.folder / "token.crt").read_bytes())
        except OSError as error:
            raise TokenAbsentError("the token was pulled or is not there", where=self.label) from error

    @property
    def failures(self) -> int:
        """Wrong passwords in a row.

        Raises:
            MalformedError: The counter cannot be read.
        """
        path = self.folder / "token.json"
        try:
            return int(read_json(path.read_text())["failures"])
        except FileNotFoundError:
            return 0
        except (OSError, ValueError, KeyError, TypeError, OverflowError, RecursionError) as error:
            raise MalformedError("the token's counter cannot be read", where=str(path), why=str(error)) from error

    @property
    def locked(self) -> bool:
        """Whether it takes no password any more."""
        return self.failures > RETRIES

    def open(self, password: str) -> SoftwareSigner:
        """Log in.

        Raises:
            WrongPinError: The password is wrong; counted (rule 1).
            TokenLockedError: Rule 2.
            TokenAbsentError: The token was pulled.
        """
        with self._alone():
            return self._open(password)

    @contextmanager
    def _alone(self) -> Iterator[None]:
        try:
            handle = os.open(self.folder, os.O_RDONLY | os.O_DIRECTORY)
        except OSError as error:
            raise TokenAbsentError("the token was pulled or is not there", where=self.label) from error
        try:
            fcntl.flock(handle, fcntl.LOCK_EX)
            yield
        finally:
            os.close(handle)

    def _open(self, password: str) -> SoftwareSigner:
        failures = self.failures
        if failures > RETRIES:
            raise self._locked()
        try:
            data = read_key_file(self.folder / "token.p12")
        except UsageError as error:
            raise TokenAbsentError("the token was pulled or is not there", where=self.label) from error
        self._count(failures + 1)
        try:
            signer = pkcs12_signer(data, password=lambda _prompt: password.encode(), where=self.label)
        except UsageError as error:
            left = RETRIES - failures
            if left <= 0:
                raise self._locked() from error
            wrong = WrongPinError(
                "the password of the Security Token is wrong",
                where=self.label,
                why=f"{left} more wrong {'one locks' if left == 1 else 'ones lock'} it for good"
                if left < _WARN_BELOW
                else None,
                next_step="enter the right password; a right one sets the counter back",
            )
            wrong.tries_left = left
            raise wrong from error
        self._count(0)
        return signer

    def _locked(self) -> TokenLockedError:
        return TokenLockedError(
            "the Security Token is locked for good: too many wrong passwords",
            where=self.label,
            next_step="use another token of the CTL file; with none left, see 'lost tokens' in the how-to",
        )

    def _count(self, failures: int) -> None:
        write_atomic(self.folder / "token.json", json.dumps({"failures": failures}).encode(), mode=PRIVATE)


def token_label(number: str) -> str:
    """Return the label of the token of a number.

    Raises:
        UsageError: The number is none.
    """
    if not _NUMBER.fullmatch(number):
        raise UsageError(f"{number!r} is no token number", next_step="use up to 16 letters and digits")
    return f"SAST-{number}"


def token_certificate(folder: Path, number: str, key: PublicKey, *, now: datetime) -> Certificate:
    """Issue a token's certificate.

    Args:
        folder: Of the tokens; their manufacturing CA is made with the first one.
        number: Such as ``ADN008580ef``.
        key: The token's.
        now: The time, UTC.
    """
    authority = _authority(folder, now)
    return issue(
        Purpose.TOKEN,
        subject=token_subject(number),
        public_key=key,
        authority=authority.certificate,
        authority_key=authority.key,
        now=now,
        serial=secrets.randbits(78) | 1 << 78,
    )


def make_file_token(
    folder: Path,
    number: str,
    *,
    now: datetime,
    password: str = DEFAULT_PASSWORD,
    key: KeyKind = KeyKind.RSA_1024,
) -> FileToken:
    """Make a token in a folder of tokens.

    Args:
        folder: Of the tokens; their manufacturing CA is made with the first one.
        number: Such as ``ADN008580ef``.
        now: The time, UTC.
        password: Of the new token.
        key: Its key; real tokens have RSA 1024.

    Raises:
        UsageError: The number is none, there is such a token, or the password is empty.
    """
    place = folder / token_label(number)
    if place.exists():
        raise UsageError("there is such a token already", where=str(place), next_step="choose another number")
    if not password:
        raise UsageError("the password of a token cannot be empty", where=place.name, next_step="choose another one")
    private = generate_key(key)
    signer = SoftwareSigner(token_certificate(folder, number, private.public_key(), now=now), private)
    locked = pkcs12_bytes(signer, name=place.name, password=password.encode())
    place.mkdir(parents=True, mode=0o700)
    write_atomic(place / "token.crt", signer.certificate.pem())
    write_atomic(place / "token.p12", locked, mode=PRIVATE)
    return FileToken(place)


def file_tokens(folder: Path) -> Iterator[FileToken]:
    """Yield the tokens of a folder, by name."""
    for path in sorted(folder.glob("SAST-*")):
        if (path / "token.crt").is_file():
            yield FileToken(path)


def _authority(folder: Path, now: datetime) -> SoftwareSigner:
    path = folder / _AUTHORITY
    if not path.exists():
        key = generate_key(KeyKind.RSA_2048)
        made = self_signed(
            Purpose.MANUFACTURING_CA,
            subject=MANUFACTURING_SUBJECT,
            key=key,
            now=now,
            serial=secrets.randbits(63) | 1 << 62,
        )
        folder.mkdir(parents=True, exist_ok=True)
        write_atomic(path, own_key_pem(key) + made.pem(), mode=PRIVATE)
    signer = load_own_signer(path)
    if not isinstance(signer, SoftwareSigner):
        raise UsageError("the manufacturing CA has no key", where=str(path))
    return signer
