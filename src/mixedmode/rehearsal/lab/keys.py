"""The keys of a lab's phones: the MIC that its maker gave each of them, and the LSC that it has from CAPF.

Rules:

1. The manufacturing CA is the lab's own, with an EC key, so that a lab starts as fast as without one. Its certificate
   is in ``manufacturing-ca.pem``, for ``mixedmode capf serve --manufacturer`` and others.
2. A MIC is made when a phone first needs it; an LSC is what CAPF gave. Each is a PEM file with its key, for
   ``mixedmode phone --mic`` and ``--lsc`` too.
3. RSA keys take long to make: of each size there are :data:`RSA_KEYS`, which many phones share.
   Nothing that a lab shows depends on whose key is whose; certificates have a name.
"""

from __future__ import annotations

import secrets
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from pathlib import Path
from threading import Lock
from typing import TYPE_CHECKING, Final

from mixedmode.phone.body.renewal import PhoneKeys
from mixedmode.pki.certificates.certificates import Certificate
from mixedmode.pki.certificates.load import load_signer, private_key_pem
from mixedmode.pki.certificates.profiles import (
    MANUFACTURING_SUBJECT,
    KeyKind,
    Purpose,
    Subject,
    generate_key,
    issue,
    self_signed,
)
from mixedmode.pki.files import PRIVATE, write_atomic
from mixedmode.pki.signing.signer import SoftwareSigner
from mixedmode.signedfile.encrypted import decrypt

if TYPE_CHECKING:
    from mixedmode.pki.signing.signer import PrivateKey
    from mixedmode.signedfile import SignedFile

RSA_KEYS: Final = 8
"""Of each size (rule 3)."""
_QUICK: Final = {KeyKind.EC_256, KeyKind.EC_384, KeyKind.EC_521}
CA_FILE: Final = "manufacturing-ca.pem"
_CA_KEY_FILE: Final = "manufacturing-ca.key.pem"
_MADE_BEFORE: Final = timedelta(days=730)
"""Phones are older than the lab."""


class Factory:
    """Where a lab's phones come from, and where their keys are kept; may be asked from several threads.

    Args:
        folder: Of the keys; made when something is first written.
        make_key: Makes keys.
    """

    def __init__(self, folder: Path, make_key: Callable[[KeyKind], PrivateKey] = generate_key) -> None:
        self._folder = folder
        self._make_key = make_key
        self._shared: dict[KeyKind, list[PrivateKey]] = {}
        self._taken = 0
        self._lock = Lock()
        self._authority: SoftwareSigner | None = None

    @property
    def certificate(self) -> Certificate:
        """The manufacturing CA's, which vouches for MICs."""
        return self._signer.certificate

    @property
    def _signer(self) -> SoftwareSigner:
        if self._authority is None:
            path = self._folder / _CA_KEY_FILE
            self._authority = _read(path) or self._found(path)
        return self._authority

    def _found(self, path: Path) -> SoftwareSigner:
        key = self._make_key(KeyKind.EC_256)
        begin = datetime.now(UTC).replace(microsecond=0) - 2 * _MADE_BEFORE
        made = self_signed(
            Purpose.MANUFACTURING_CA, subject=MANUFACTURING_SUBJECT, key=key, now=begin, serial=_serial()
        )
        signer = SoftwareSigner(made, key)
        _write(path, signer)
        write_atomic(self._folder / CA_FILE, made.pem())
        return signer

    def key(self, kind: KeyKind) -> PrivateKey:
        """Return a key for a phone (rule 3)."""
        if kind in _QUICK:
            return self._make_key(kind)
        with self._lock:
            shared = self._shared.setdefault(kind, [])
            if len(shared) < RSA_KEYS:
                shared.append(self._make_key(kind))
                return shared[-1]
            self._taken += 1
            return shared[self._taken % RSA_KEYS]

    def mic(self, name: str, model: str) -> SoftwareSigner:
        """Return a phone's MIC (rule 2)."""
        path = self._folder / f"{name}.mic.pem"
        return _read(path) or self._give(path, name, model)

    def _give(self, path: Path, name: str, model: str) -> SoftwareSigner:
        authority, key = self._signer, self.key(KeyKind.RSA_2048)
        made = issue(
            Purpose.PHONE_MIC,
            subject=Subject(f"CP-{model}-{name}", organization=MANUFACTURING_SUBJECT.organization),
            public_key=key.public_key(),
            authority=authority.certificate,
            authority_key=authority.key,
            now=datetime.now(UTC).replace(microsecond=0) - _MADE_BEFORE,
            serial=_serial(),
        )
        signer = SoftwareSigner(made, key)
        _write(path, signer)
        return signer

    def lsc(self, name: str) -> SoftwareSigner | None:
        """Return a phone's LSC, None without one."""
        return _read(self._folder / f"{name}.lsc.pem")

    def keep_lsc(self, name: str, lsc: SoftwareSigner | None) -> None:
        """Keep what CAPF gave a phone, or that it gave nothing any more."""
        path = self._folder / f"{name}.lsc.pem"
        if lsc is None:
            path.unlink(missing_ok=True)
        else:
            _write(path, lsc)


class KeyRing:
    """The keys of one phone.

    Args:
        factory: Where it comes from.
        name: Its name.
        model: Its model.

    Attributes:
        lsc: What it has from CAPF; None without one.
    """

    def __init__(self, factory: Factory, name: str, model: str) -> None:
        self._factory, self._name, self._model = factory, name, model
        self.lsc = factory.lsc(name)
        self._mic: SoftwareSigner | None = None

    @property
    def mic(self) -> SoftwareSigner:
        """What its maker gave it."""
        if self._mic is None:
            self._mic = self._factory.mic(self._name, self._model)
        return self._mic

    @property
    def all(self) -> PhoneKeys:
        """Both."""
        return PhoneKeys(self.lsc, self.mic)

    def show(self) -> SoftwareSigner:
        """Return the one that it shows to servers."""
        return self.lsc or self.mic

    def take(self, lsc: SoftwareSigner | None) -> None:
        """Keep the LSC that it has now, None for none."""
        self._factory.keep_lsc(self._name, lsc)
        self.lsc = lsc

    def open(self, file: SignedFile) -> bytes:
        """Open a file that is encrypted to this phone.

        Raises:
            DecryptError: It is not.
        """
        return decrypt(file, self.show().key)


def _read(path: Path) -> SoftwareSigner | None:
    if not path.exists():
        return None
    found = load_signer(str(path))
    return found if isinstance(found, SoftwareSigner) else None


def _write(path: Path, signer: SoftwareSigner) -> None:
    path.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
    write_atomic(path, private_key_pem(signer.key) + signer.certificate.pem(), mode=PRIVATE)


def _serial() -> int:
    return secrets.randbits(127) | 1
