"""What CAPF knows of each device: the operation that waits, how the phone proves itself, the LSC that it got.

One JSON file a device, ``SEP001122334455.json``, 0600, replaced whole. Passwords are kept as salted scrypt hashes.
"""

from __future__ import annotations

import base64
import hashlib
import hmac
import json
import re
import secrets
from collections.abc import Callable, Iterator
from dataclasses import asdict, dataclass, replace
from pathlib import Path
from typing import Final

from mixedmode.errors import MalformedError, UsageError
from mixedmode.pki.certificates import Certificate
from mixedmode.pki.files import PRIVATE, write_atomic
from mixedmode.protocols.capf import Curve, KeyWish, Operation

_DEVICE = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]{0,62}")
_PASSWORD = re.compile(r"[0-9]{4,15}")
_KEYS: Final = {
    **{f"rsa-{bits}": KeyWish(bits) for bits in (1024, 2048, 3072, 4096)},
    "ec-256": KeyWish(None, Curve.P256),
    "ec-384": KeyWish(None, Curve.P384),
    "ec-521": KeyWish(None, Curve.P521),
}
KEY_NAMES: Final = tuple(_KEYS)
_ROUNDS: Final = 1 << 12
"""scrypt's cost: every phone of a site may come at once, and the password is good for one operation."""


@dataclass(frozen=True, slots=True)
class CapfDevice:
    """A device.

    Attributes:
        name: Such as ``SEP001122334455``.
        operation: What waits for it.
        key: The key that it shall make, of :data:`KEY_NAMES`.
        password: ``salt$hash`` in hex; empty where it needs none.
        by_certificate: Whether it proves itself with the certificate that it has.
        certificate: Its LSC as base64 of the DER; empty without one.
    """

    name: str
    operation: Operation = Operation.NONE
    key: str = "rsa-2048"
    password: str = ""
    by_certificate: bool = False
    certificate: str = ""

    @property
    def wish(self) -> KeyWish:
        """The key as the protocol asks for it."""
        return _KEYS[self.key]

    @property
    def lsc(self) -> Certificate | None:
        """Its LSC."""
        return Certificate.from_der(base64.b64decode(self.certificate)) if self.certificate else None

    def fits(self, password: bytes) -> bool:
        """Return whether a password is right; compared in constant time."""
        if not self.password:
            return True
        salt, wanted = self.password.split("$")
        return hmac.compare_digest(_scrypt(password, bytes.fromhex(salt)), bytes.fromhex(wanted))


class CapfStore:
    """The devices of a CAPF, in a folder.

    Args:
        folder: Made when something is first written.
        changed: Told the LSC that a device holds now, None for none, before that is noted here; may fail, and then the
            operation waits until the phone comes again.
    """

    def __init__(
        self, folder: Path, changed: Callable[[str, Certificate | None], None] = lambda _device, _lsc: None
    ) -> None:
        self.folder = folder
        self._changed = changed

    def __iter__(self) -> Iterator[CapfDevice]:
        for path in sorted(self.folder.glob("*.json")):
            found = self.find(path.stem)
            if found is not None:
                yield found

    def find(self, name: str) -> CapfDevice | None:
        """Return a device, None if it is not known.

        Raises:
            MalformedError: Its file cannot be read.
        """
        if not _DEVICE.fullmatch(name):
            return None
        path = self.folder / f"{name}.json"
        try:
            document = json.loads(path.read_text())
            found = CapfDevice(**{**document, "operation": Operation(document["operation"])})
        except FileNotFoundError:
            return None
        except (OSError, ValueError, TypeError, KeyError) as error:
            raise MalformedError("the CAPF record cannot be read", where=str(path), why=str(error)) from error
        if found.key not in _KEYS:
            raise MalformedError(f"the CAPF record wants a key {found.key!r}", where=str(path))
        return found

    def put(self, device: CapfDevice) -> CapfDevice:
        """Write a device.

        Raises:
            UsageError: Its name is none.
        """
        if not _DEVICE.fullmatch(device.name):
            raise UsageError(f"{device.name!r} is no device name", next_step="use SEP and twelve upper hex digits")
        self.folder.mkdir(parents=True, exist_ok=True, mode=0o700)
        data = json.dumps(asdict(device), indent=2).encode() + b"\n"
        write_atomic(self.folder / f"{device.name}.json", data, mode=PRIVATE)
        return device

    def order(
        self, name: str, operation: Operation, *, key: str, password: str | None, by_certificate: bool
    ) -> CapfDevice:
        """Note what shall be done with a device's LSC.

        Args:
            name: Of the device.
            operation: What.
            key: Of :data:`KEY_NAMES`.
            password: 4 to 15 digits that the user types on the phone; None asks for none.
            by_certificate: The phone proves itself with its present certificate.

        Raises:
            UsageError: A value is out of its range.
        """
        if key not in _KEYS:
            raise UsageError(f"there is no key {key!r}", next_step=f"one of: {', '.join(KEY_NAMES)}")
        if password is not None and not _PASSWORD.fullmatch(password):
            raise UsageError("a CAPF password has 4 to 15 digits", next_step="choose digits that a phone can type")
        device = self.find(name) or CapfDevice(name)
        stored = "" if password is None else _hashed(password)
        return self.put(replace(device, operation=operation, key=key, password=stored, by_certificate=by_certificate))

    def done(self, name: str, certificate: bytes | None) -> None:
        """Note that an operation is done: nothing waits, and this is the device's LSC now."""
        device = self.find(name)
        if device is not None:
            self._changed(name, Certificate.from_der(certificate) if certificate else None)
            held = base64.b64encode(certificate).decode() if certificate else ""
            self.put(replace(device, operation=Operation.NONE, password="", certificate=held))


def _hashed(password: str) -> str:
    salt = secrets.token_bytes(16)
    return f"{salt.hex()}${_scrypt(password.encode(), salt).hex()}"


def _scrypt(password: bytes, salt: bytes) -> bytes:
    return hashlib.scrypt(password[:64], salt=salt, n=_ROUNDS, r=8, p=1, maxmem=1 << 26)
