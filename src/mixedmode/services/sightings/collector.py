"""Collects what services see of phones, until somebody writes it down.

Rules:

1. Noting something costs a look-up and a small object: no file, no database, no other thread is waited for.
2. Facts are gathered by device, so that a storm of phones is one entry for each. Who asks for made-up names gets none
   where the cluster's names are known, and beyond :data:`MOST` devices nothing is taken where they are not.
3. Who asked for a list by a name that is nobody's own, such as ``ITLFile.tlv``, is not known and not noted: phones do
   so only where their own name was not served.
"""

from __future__ import annotations

import hashlib
import re
import socket
import time
from collections.abc import Callable, Hashable, Mapping
from threading import Lock
from typing import Final

from mixedmode.cluster.model.sightings import LOST, NONE, Asked, Delivery, Fetched, Registered, Reported, Seen
from mixedmode.pki.device_names import DEVICE_PATTERN
from mixedmode.services.files.file_names import clean_name

MOST: Final = 1 << 16
_HASHES: Final = 64
_OWN_NAME: Final = re.compile(
    rf"(?:(CTL|ITL)((?i:{DEVICE_PATTERN}))\.tlv|({DEVICE_PATTERN})\.cnf\.xml(?:\.sgn|\.enc\.sgn)?)"
)
_DEVICE: Final = re.compile(DEVICE_PATTERN)


class Sightings:
    """What was seen and is not written yet; may be used from several threads.

    Args:
        clock: Seconds since 1970.

    Attributes:
        known: The names of the cluster's devices; None: not known here.
        refused: Facts that were not taken (rule 2).
    """

    def __init__(self, clock: Callable[[], float] = time.time) -> None:
        self.known: frozenset[str] | None = None
        self.refused = 0
        self._clock = clock
        self._lock = Lock()
        self._seen: dict[str, Seen] = {}
        self._hashes: dict[int, tuple[bytes, str]] = {}

    def __len__(self) -> int:
        return len(self._seen)

    def delivered(self, name: str, data: object, address: Hashable, *, whole: bool = True) -> None:
        """Note that a file was delivered.

        Args:
            name: As it was asked for.
            data: The file: bytes, or something on the disk.
            address: The client's: a host, a (host, port), or a packed ``sockaddr_in``.
            whole: Whether its end was acknowledged.
        """
        found = _OWN_NAME.fullmatch(name)
        if found is None:
            found = _OWN_NAME.fullmatch(clean_name(name) or "") if "/" in name else None
            if found is None:
                return
        kind, device, configured = found.groups()
        if kind is None and not whole:
            return
        digest = self._sha256(data) if kind is not None else ""
        with self._lock:
            seen = self._of(configured or device.upper())
            if seen is None:
                return
            if kind is None:
                seen.fetched = Fetched(self._clock(), host_of(address), found[0])
            else:
                seen.deliver(kind, Delivery(self._clock(), host_of(address), digest, whole))

    def asked(self, device: str, address: str, serial: str, *, known: bool) -> None:
        """Note that a phone asked TVS; ``device`` is such as ``CP-7975-SEP001122334455``."""
        name = device.rpartition("-")[2]
        if _DEVICE.fullmatch(name):
            with self._lock:
                seen = self._of(name)
                if seen is not None:
                    seen.asked = Asked(self._clock(), address, serial[:128], known)

    def registered(self, device: str, address: str, security: str) -> None:
        """Note that a phone registered."""
        with self._lock:
            seen = self._of(device)
            if seen is not None:
                seen.registered = Registered(self._clock(), address, security)

    def reported(self, device: str, ctl: str | None, itl: str | None) -> None:
        """Note what a registered phone says that it holds: SHA-1 in hex, empty for nothing, None if it does not say."""
        said = [None if each is None else each.lower() or NONE for each in (ctl, itl)]
        with self._lock:
            seen = self._of(device)
            if seen is not None:
                seen.report(Reported(self._clock(), *said))

    def take(self, most: int = MOST) -> dict[str, Seen]:
        """Return what is not written yet, of so many devices, and forget it."""
        with self._lock:
            if len(self._seen) <= most:
                found, self._seen = self._seen, {}
            else:
                found = {name: self._seen.pop(name) for name in list(self._seen)[:most]}
            return found

    def add(self, found: Mapping[str, Seen]) -> None:
        """Take in what others have seen, or what could not be written; facts may be older than those that are here."""
        with self._lock:
            for name, earlier in found.items():
                later = self._seen.pop(name, None)
                seen = self._of(name)
                if seen is not None:
                    seen.merge(earlier)
                    if later is not None:
                        seen.merge(later)

    def _of(self, device: str) -> Seen | None:
        seen = self._seen.get(device)
        if seen is not None:
            return seen
        if len(self._seen) >= MOST if self.known is None else device not in self.known:
            self.refused += 1
            return None
        seen = self._seen[device] = Seen()
        return seen

    def _sha256(self, data: object) -> str:
        if not isinstance(data, bytes):
            return LOST
        known = self._hashes.get(id(data))
        if known is None or known[0] is not data:
            if len(self._hashes) >= _HASHES:
                self._hashes.clear()
            # The bytes are held, so that their identity stays theirs.
            known = self._hashes[id(data)] = data, hashlib.sha256(data).hexdigest()
        return known[1]


def host_of(address: Hashable) -> str:
    """Return the host of a client's address, in whichever form a service has it."""
    if isinstance(address, bytes):
        return socket.inet_ntoa(address[4:8])
    return str(address[0]) if isinstance(address, tuple) else str(address)
