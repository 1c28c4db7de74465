"""What CAPF knows of each device: the operation that waits, how the phone proves itself, the LSC that it got.

One JSON file a device, ``SEP001122334455.json``, 0600, replaced whole. Passwords are kept as salted scrypt hashes.

Wrong proofs are counted here: in memory from before they are judged, so that many tries at once are no more than one
after the other, and in the record, so that a restart gives nobody new ones. A proof that holds writes nothing: a whole
site may come at once, and each write waits for the disk. Whoever reads a record to write it again holds the folder's
lock: the service and ``capf set`` are two processes.
"""

from __future__ import annotations

import base64
import contextlib
import fcntl
import hashlib
import hmac
import json
import os
import re
import secrets
from collections import Counter
from collections.abc import Callable, Collection, Iterator
from dataclasses import asdict, dataclass, replace
from pathlib import Path
from threading import Lock
from typing import Final

from mixedmode.errors import MalformedError, UsageError
from mixedmode.json_reader import read_json
from mixedmode.pki.certificates.certificates import Certificate
from mixedmode.pki.files import PRIVATE, write_atomic
from mixedmode.protocols.capf import Curve, KeyWish, Operation

_DEVICE = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]{0,62}")
_LOCK: Final = ".lock"
_PASSWORD = re.compile(r"[0-9]{4,15}")
_RSA: Final = {f"rsa-{bits}": KeyWish(bits) for bits in (1024, 2048, 3072, 4096)}
_EC: Final = {
    "ec-256": KeyWish(None, Curve.P256),
    "ec-384": KeyWish(None, Curve.P384),
    "ec-521": KeyWish(None, Curve.P521),
}
_KEYS: Final[dict[str, tuple[KeyWish, KeyWish | None]]] = {
    **{name: (wish, None) for name, wish in (_RSA | _EC).items()},
    **{f"{ec},{rsa}": (_EC[ec], _RSA[rsa]) for ec in _EC for rsa in _RSA if rsa != "rsa-1024"},
}
"""What is asked for, and what if the phone cannot make that: "EC Preferred, RSA Backup"."""
KEY_NAMES: Final = tuple(_KEYS)
_ROUNDS: Final = 1 << 12
"""scrypt's cost: every phone of a site may come at once, and the password is good for one operation."""


@dataclass(frozen=True, slots=True)
class CapfDevice:
    """A device.

    Attributes:
        name: Such as ``SEP001122334455``.
        operation: What waits for it.
        key: The key that it shall make, of :data:`KEY_NAMES`: one, or one preferred and one as backup.
        password: ``salt$hash`` in hex; empty where it needs none.
        by_certificate: Whether it proves itself with the certificate that it has.
        mic_first: Whether it shows its MIC though it has an LSC, as one must whose LSC proves it no more.
        certificate: Its LSC as base64 of the DER; empty without one.
        wrong_proofs: Since the operation was ordered.
        note: What became of the last operation, for people; empty if nothing has to be said.
        ready: A certificate that an authority outside made for the key of its LSC, as base64 of the DER: the phone is
            to take that one, and makes no key.
    """

    name: str
    operation: Operation = Operation.NONE
    key: str = "rsa-2048"
    password: str = ""
    by_certificate: bool = False
    certificate: str = ""
    wrong_proofs: int = 0
    note: str = ""
    mic_first: bool = False
    ready: str = ""

    @property
    def needs_proof(self) -> bool:
        """Whether not everybody who knows its name gets its operation."""
        return bool(self.password) or self.by_certificate

    def is_same_order(self, other: CapfDevice) -> bool:
        """Return whether the same operation waits, ordered once."""
        return self._order == other._order

    @property
    def _order(self) -> tuple[object, ...]:
        return self.operation, self.key, self.password, self.by_certificate, self.mic_first, self.ready

    @property
    def wish(self) -> KeyWish:
        """The key as the protocol asks for it."""
        return _KEYS[self.key][0]

    @property
    def backup(self) -> KeyWish | None:
        """The key for a phone that cannot make that one, None if there is no choice."""
        return _KEYS[self.key][1]

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
        revoked: Returns the SHA-256 of a device's certificates that prove nobody any more.

    Attributes:
        folder: The folder.
        revoked: The same.
    """

    def __init__(
        self,
        folder: Path,
        changed: Callable[[str, Certificate | None], None] = lambda _device, _lsc: None,
        revoked: Callable[[str], Collection[bytes]] = lambda _device: (),
    ) -> None:
        self.folder = folder
        self._changed = changed
        self.revoked = revoked
        self._judged_now: Counter[str] = Counter()
        self._counting = Lock()

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
            document = read_json(path.read_text())
            found = CapfDevice(**{**document, "operation": Operation(document["operation"])})
        except FileNotFoundError:
            return None
        except (OSError, ValueError, TypeError, KeyError) as error:
            why = error.strerror if isinstance(error, OSError) else str(error)
            raise MalformedError("the CAPF record cannot be read", where=str(path), why=why) from error
        if found.key not in _KEYS:
            raise MalformedError(f"the CAPF record wants a key {found.key!r}", where=str(path))
        return found

    def put(self, device: CapfDevice) -> CapfDevice:
        """Write a device.

        Raises:
            UsageError: Its name is none.
        """
        if not _DEVICE.fullmatch(device.name) or device.name.upper().startswith("CP-"):
            # An LSC of that common name would prove the device after the prefix.
            raise UsageError(f"{device.name!r} is no device name", next_step="use SEP and twelve upper hex digits")
        self.folder.mkdir(parents=True, exist_ok=True, mode=0o700)
        data = json.dumps(asdict(device), indent=2).encode() + b"\n"
        write_atomic(self.folder / f"{device.name}.json", data, mode=PRIVATE)
        return device

    def order(
        self,
        name: str,
        operation: Operation,
        *,
        key: str,
        password: str | None,
        by_certificate: bool,
        mic_first: bool = False,
    ) -> CapfDevice:
        """Note what shall be done with a device's LSC.

        Args:
            name: Of the device.
            operation: What.
            key: Of :data:`KEY_NAMES`.
            password: 4 to 15 digits that the user types on the phone; None asks for none.
            by_certificate: The phone proves itself with its present certificate: its LSC, without one its MIC.
            mic_first: That is its MIC, whether it has an LSC or not; only with ``by_certificate``.

        Raises:
            UsageError: A value is out of its range.
        """
        if key not in _KEYS:
            raise UsageError(f"there is no key {key!r}", next_step=f"one of: {', '.join(KEY_NAMES)}")
        if password is not None and not _PASSWORD.fullmatch(password):
            raise UsageError("a CAPF password has 4 to 15 digits", next_step="choose digits that a phone can type")
        stored = "" if password is None else _hashed(password)
        with self._alone():
            device = self.find(name) or CapfDevice(name)
            return self.put(
                replace(
                    device,
                    operation=operation,
                    key=key,
                    password=stored,
                    by_certificate=by_certificate,
                    mic_first=mic_first and by_certificate,
                    wrong_proofs=0,
                    note="",
                    ready="",
                )
            )

    def check_ready(self, name: str, certificate: Certificate) -> CapfDevice:
        """Return the device that may take a certificate.

        Raises:
            UsageError: There is no such device, or it is for another key than that of its LSC.
        """
        device = self.find(name)
        if device is None or device.lsc is None:
            raise UsageError(f"{name} has no LSC", next_step="have CAPF give it one first: it makes its key")
        if device.lsc.public_key_field != certificate.public_key_field:
            step = f"have the key of `mixedmode capf request {name}` signed"
            raise UsageError(f"the certificate is not for the key that {name} has", next_step=step)
        return device

    def give(self, name: str, certificate: Certificate) -> CapfDevice:
        """Have a device take a certificate that an authority outside made for the key of its LSC, which it proves.

        Raises:
            UsageError: There is no such device, or that is not its key.
        """
        with self._alone():
            device = self.check_ready(name, certificate)
            ready = base64.b64encode(certificate.der).decode()
            return self.put(
                replace(
                    device,
                    operation=Operation.INSTALL,
                    password="",
                    by_certificate=True,
                    mic_first=False,
                    wrong_proofs=0,
                    note="",
                    ready=ready,
                )
            )

    def begin_proof(self, name: str, most: int) -> CapfDevice | None:
        """Count a proof as wrong before it is judged; return the device, None if too many are counted already.

        Whoever got the device says what came of it, to :meth:`judged`.
        """
        with self._counting:
            device = self.find(name)
            if device is None:
                return None
            wrong = device.wrong_proofs + self._judged_now[name]
            if device.operation is not Operation.NONE and wrong >= most:
                return None
            self._judged_now[name] += 1
            return replace(device, wrong_proofs=wrong + 1)

    def judged(self, order: CapfDevice, *, held: bool | None) -> None:
        """Keep what came of a proof that was counted.

        Args:
            order: The device as it was counted.
            held: Whether the proof was right: then the wrong ones before it are forgotten. None: it was not judged.
        """
        try:
            with self._alone():
                device = self.find(order.name)
                if device is not None and device.is_same_order(order):
                    wrong = {True: 0, False: device.wrong_proofs + 1, None: device.wrong_proofs}[held]
                    if wrong != device.wrong_proofs:
                        self.put(replace(device, wrong_proofs=wrong))
        finally:
            with self._counting:
                self._judged_now[order.name] -= 1
                if not self._judged_now[order.name]:
                    del self._judged_now[order.name]

    def cancel(self, order: CapfDevice, note: str) -> bool:
        """Cancel a device's operation, unless another one was ordered meanwhile; return whether it was."""
        with self._alone():
            device = self.find(order.name)
            if device is None or device.operation is Operation.NONE or not device.is_same_order(order):
                return False
            self.put(replace(device, operation=Operation.NONE, password="", note=note, ready=""))
            return True

    def done(self, order: CapfDevice, certificate: bytes | None) -> bool:
        """Note that an operation is done: nothing waits, and this is the device's LSC now.

        Args:
            order: The device as it was when the phone was told what to do.
            certificate: DER of the LSC, None without one.

        Returns:
            Whether that operation was still waiting; if not, nothing is changed.
        """
        with self._alone():
            device = self.find(order.name)
            if device is None or not device.is_same_order(order):
                return False
            self._changed(order.name, Certificate.from_der(certificate) if certificate else None)
            held = base64.b64encode(certificate).decode() if certificate else ""
            self.put(
                replace(
                    device, operation=Operation.NONE, password="", certificate=held, wrong_proofs=0, note="", ready=""
                )
            )
            return True

    def mark(self) -> int:
        """Return a number that changes when a record does; 0 without any."""
        try:
            return self.folder.stat().st_mtime_ns
        except OSError:
            return 0

    @contextlib.contextmanager
    def _alone(self) -> Iterator[None]:
        """Hold the folder's lock, against other threads and processes."""
        self.folder.mkdir(parents=True, exist_ok=True, mode=0o700)
        file = os.open(self.folder / _LOCK, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, PRIVATE)
        try:
            fcntl.flock(file, fcntl.LOCK_EX)
            yield
        finally:
            os.close(file)


def _hashed(password: str) -> str:
    salt = secrets.token_bytes(16)
    return f"{salt.hex()}${_scrypt(password.encode(), salt).hex()}"


def _scrypt(password: bytes, salt: bytes) -> bytes:
    return hashlib.scrypt(password[:64], salt=salt, n=_ROUNDS, r=8, p=1, maxmem=1 << 26)
