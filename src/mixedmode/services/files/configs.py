"""Configuration files built and signed ahead, or when a phone asks, in front of the files of a node's folder.

Rules:

1. A file in the folder wins over one that could be built.
2. ``SEP<MAC>.cnf.xml``, or that of another device's name, is built for devices that the cluster knows,
   ``XMLDefault.cnf.xml`` always.
3. With ``.sgn`` the file is signed with the node's CallManager key (role CCM+TFTP), with the digest of the
   enterprise parameter "TFTP File Signature Algorithm".
4. A device of security mode "encrypted" whose LSC is known, with an RSA key, gets its configuration encrypted to it:
   ``.enc.sgn`` holds it, ``.sgn`` and the plain name a stub that tells the phone to ask for that.
   A device for which nothing waits at CAPF is told that certificate's MD5, so that it does not go there.
   In a cluster that is not in mixed mode every configuration says "non-secure", whatever the device's profile is.
5. What was built is looked at anew when something in the cluster has changed (:meth:`ConfigStore.forget`), and signed
   anew only if what is signed, or to whom it is encrypted, is not as it was. The bytes of kept files are bounded, and
   the oldest go first. Another key, or another digest, signs only from the next restart of TFTP on, as in CUCM: until
   then the ITL that it serves names the old one.
6. The servers of a device pool, and the cluster's mode, are looked up once a second, not for each of the thousands of
   phones that ask after a power cut.
7. Files may be asked for from several threads; what was built of an older state of the cluster is never kept
   as one of a newer.
8. What devices will ask for is built before they do (:mod:`.ahead`); nothing is turned out for it.
"""

from __future__ import annotations

import hashlib
import re
import secrets
import time
from collections.abc import Callable
from dataclasses import replace
from threading import Condition, Lock
from typing import Final, NamedTuple

from mixedmode.cluster.model.parameters import SIGNATURE_ALGORITHM
from mixedmode.cluster.model.records import Device
from mixedmode.cluster.model.topology import SecurityMode
from mixedmode.cluster.reader import ClusterReader
from mixedmode.pki.certificates.certificates import Certificate
from mixedmode.pki.certificates.profiles import Purpose
from mixedmode.pki.device_names import DEVICE_PATTERN
from mixedmode.pki.signing.digests import DigestAlgorithm
from mixedmode.pki.signing.signer import Signer
from mixedmode.services.files.disk_files import FileData
from mixedmode.services.files.phoneconfig import CapfOrder, ConfigFacts, Server, render_config
from mixedmode.services.files.store import FileStore
from mixedmode.signedfile import sign_file
from mixedmode.signedfile.encrypted import Secrets, encrypt_file
from mixedmode.signedfile.stub import make_stub

_DEFAULT: Final = ("XMLDefault", "XmlDefault")
_NAME = re.compile(rf"({DEVICE_PATTERN}|{'|'.join(_DEFAULT)})\.cnf\.xml(\.sgn|\.enc\.sgn)?")
_KEPT_BYTES: Final = 96 << 20
"""The configurations of a full cluster, twice over."""
_FILE_COST: Final = 400
"""Bytes that a kept file costs beside its content."""
_FACTS_SECONDS: Final = 1.0
_POOLS: Final = 4096

_ENCRYPTED: Final = ".enc.sgn"
_NON_SECURE: Final = 1
_ENCRYPTED_MODE: Final = 3

Locate = Callable[[str], ConfigFacts]
"""The servers that phones of a node's device pool are told of, by device name."""


class _Kept(NamedTuple):
    """A file that was built.

    Attributes:
        data: It.
        mark: Of all that it was made of.
        state: Of the cluster, when that was last looked at.
    """

    data: bytes
    mark: bytes
    state: int


class _Content(NamedTuple):
    """What the files of one device are made of.

    Attributes:
        xml: Its configuration.
        lsc: The certificate to encrypt it to, None if it stays in the clear (rule 4).
    """

    xml: bytes
    lsc: Certificate | None


class ConfigStore:
    """Builds configuration files.

    Args:
        files: The node's folder.
        reader: The cluster.
        node: The node whose key signs.
        locate: Gives the facts that every configuration begins with.
        clock: Seconds since 1970, for the timestamp of signatures.
        kept_bytes: Most bytes of built files to keep.
        lsc: Gives a device's LSC, None where it is not known.
        capf: Says what waits for a device at CAPF.

    Attributes:
        signed: How many signatures were made.
    """

    def __init__(
        self,
        files: FileStore,
        reader: ClusterReader,
        node: str,
        locate: Locate,
        *,
        clock: Callable[[], float] = time.time,
        kept_bytes: int = _KEPT_BYTES,
        lsc: Callable[[str], Certificate | None] = lambda _device: None,
        capf: Callable[[str], CapfOrder] = lambda _device: CapfOrder(),
    ) -> None:
        self.files = files
        self._reader = reader
        self._node = node
        self._locate = locate
        self._clock = clock
        self._lsc = lsc
        self._capf = capf
        self._lock = Lock()
        self._state = 0
        self._changed = Condition(self._lock)
        self._kept: dict[str, _Kept] = {}
        self._ready = 0
        self._kept_cost = 0
        self._kept_most = kept_bytes
        self._pools: dict[str, tuple[float, tuple[ConfigFacts, bool]]] = {}
        self._signing: tuple[Signer, DigestAlgorithm] | None = None
        self._reloads = 0
        self.signed = 0

    @property
    def state(self) -> int:
        """A number that grows when the cluster has changed."""
        return self._state

    @property
    def ready_count(self) -> int:
        """How many files are built of what the cluster is now."""
        return self._ready

    def reload(self) -> None:
        """Look anew at what was built, and with which key, so that changed keys and parameters take effect."""
        with self._lock:
            self._signing = None
            self._reloads += 1
            self._forget()

    def forget(self) -> None:
        """Look anew at what was built, so that changed devices, LSCs and servers take effect."""
        with self._lock:
            self._forget()

    def wait_for_change(self, state: int, ended: Callable[[], bool]) -> None:
        """Wait until the cluster is in another state than ``state``, or until :meth:`wake` after ``ended``."""
        with self._lock:
            self._changed.wait_for(lambda: self._state != state or ended())

    def wake(self) -> None:
        """Have who waits for a change look whether he shall end."""
        with self._lock:
            self._changed.notify_all()

    def _forget(self) -> None:
        self._state += 1
        self._ready = 0
        self._pools.clear()
        self._changed.notify_all()

    def ready(self, name: str) -> bool:
        """Tell whether :meth:`lookup` returns at once, since nothing has to be built."""
        return self._fresh(name) is not None or _NAME.fullmatch(name) is None or self.files.lookup(name) is not None

    def lookup(self, name: str) -> FileData | None:
        """Return what is served under ``name``."""
        found = self.files.lookup(name)
        if found is not None:
            return found
        fresh = self._fresh(name)
        if fresh is not None:
            return fresh
        match = _NAME.fullmatch(name)
        if match is None:
            return None
        state = self._state
        device = None if match[1] in _DEFAULT else self._reader.device(match[1])
        if device is None and match[1] not in _DEFAULT:
            return None
        built = self._build(name, match[2] or "", self._content(match[1], device))
        return None if built is None else self._keep(name, built, state)

    def make_ready(self, device: Device, state: int) -> bool:
        """Build and sign what a device will ask for, as far as it is not ready.

        Args:
            device: The device, as it was read after ``state`` was.
            state: The cluster's; nothing is done if it is another one by now.

        Returns:
            Whether there is room for more.
        """
        content = None
        for suffix in (".sgn", _ENCRYPTED) if device.security_mode == _ENCRYPTED_MODE else (".sgn",):
            name = f"{device.name}.cnf.xml{suffix}"
            if state != self._state or self._fresh(name) is not None or self.files.lookup(name) is not None:
                continue
            content = content or self._content(device.name, device)
            built = self._build(name, suffix, content)
            if built is None:
                continue
            if name not in self._kept and self._kept_cost + len(built[0]) + _FILE_COST > self._kept_most:
                return False
            self._keep(name, built, state)
        return True

    def drop_older(self, state: int) -> None:
        """Drop what was not looked at since the cluster is in ``state``: files of devices that are gone."""
        with self._lock:
            for name in [name for name, kept in self._kept.items() if kept.state < state]:
                self._kept_cost -= len(self._kept.pop(name).data) + _FILE_COST

    def _fresh(self, name: str) -> bytes | None:
        kept = self._kept.get(name)
        return kept.data if kept is not None and kept.state == self._state else None

    def _keep(self, name: str, built: tuple[bytes, bytes], state: int) -> bytes:
        """Keep a file, unless the cluster has changed meanwhile; return the one that is served."""
        data, mark = built
        with self._lock:
            if state != self._state:
                return data
            before = self._kept.pop(name, None)
            if before is not None:
                if before.state == state:
                    self._kept[name] = before
                    return before.data
                self._kept_cost -= len(before.data) + _FILE_COST
            self._kept[name] = _Kept(data, mark, state)
            self._ready += 1
            self._kept_cost += len(data) + _FILE_COST
            while self._kept_cost > self._kept_most:
                gone = self._kept.pop(next(iter(self._kept)))
                self._ready -= gone.state == state
                self._kept_cost -= len(gone.data) + _FILE_COST
        return data

    def _content(self, device_name: str, device: Device | None) -> _Content:
        """Return what all files of a device are made of; of the default ones without a device."""
        lsc = None
        if device is not None:
            facts, mixed = self._facts(device)
            facts = replace(
                facts,
                protocol=device.protocol,
                security_mode=device.security_mode if mixed else _NON_SECURE,
                web_access=device.web_access,
                authentication_url=device.authentication_url,
            )
            lsc = self._lsc_of(device)
            order = self._capf(device_name)
            certificate = "" if lsc is None or order.waits else lsc.md5.hex()
            facts = replace(facts, capf_mode=order.mode, certificate_hash=certificate)
        else:
            facts = self._locate(device_name)
        return _Content(render_config(facts if lsc is None else replace(facts, encrypted=True)), lsc)

    def _build(self, name: str, suffix: str, content: _Content) -> tuple[bytes, bytes] | None:
        """Return a file and its mark: the kept one, if all that it was made of is as it was."""
        xml, lsc = content
        if lsc is None and suffix == _ENCRYPTED:
            return None
        signing = self._signer() if suffix else None
        mark = _mark(xml, lsc, signing)
        kept = self._kept.get(name)
        if kept is not None and kept.mark == mark:
            return kept.data, mark
        readable = xml if lsc is None else make_stub(xml, lsc)
        if signing is None:
            return readable, mark
        self.signed += 1
        signer, digest = signing
        timestamp = int(self._clock())
        if lsc is None or suffix != _ENCRYPTED:
            return sign_file(readable, signer, filename=name, digest=digest, timestamp=timestamp), mark
        fresh = Secrets(secrets.token_bytes(16), secrets.token_bytes(16))
        data = encrypt_file(xml, signer, filename=name, device=lsc, secrets=fresh, digest=digest, timestamp=timestamp)
        return data, mark

    def _lsc_of(self, device: Device) -> Certificate | None:
        """Return the certificate to encrypt a device's configuration to, None if it stays in the clear (rule 4)."""
        if device.security_mode != _ENCRYPTED_MODE:
            return None
        lsc = self._lsc(device.name)
        return lsc if lsc is not None and lsc.key_kind == "RSA" else None

    def _facts(self, device: Device) -> tuple[ConfigFacts, bool]:
        """Return the servers of a device's pool, and whether the cluster is in mixed mode (rule 6)."""
        now = self._clock()
        known = self._pools.get(device.device_pool)
        if known is not None and 0.0 <= now - known[0] < _FACTS_SECONDS:
            return known[1]
        state = self._state
        found = self._locate(device.name), self._reader.mode is SecurityMode.MIXED
        with self._lock:
            if state != self._state:
                return found
            if len(self._pools) >= _POOLS:
                self._pools.clear()
            self._pools[device.device_pool] = now, found
        return found

    def _signer(self) -> tuple[Signer, DigestAlgorithm]:
        reloads, signing = self._reloads, self._signing
        if signing is None:
            algorithm = self._reader.parameter(SIGNATURE_ALGORITHM.name)
            digest = DigestAlgorithm.SHA512 if "512" in algorithm else DigestAlgorithm.SHA1
            signing = self._reader.signer(self._node, Purpose.CALLMANAGER.value), digest
            with self._lock:
                if reloads == self._reloads:
                    self._signing = signing
        return signing


def _mark(content: bytes, lsc: Certificate | None, signing: tuple[Signer, DigestAlgorithm] | None) -> bytes:
    """Return a hash of all that a file is made of, but for the time and what is random."""
    parts = (content, lsc.der if lsc else b"", signing[0].certificate.der if signing else b"")
    text = signing[1].name if signing else ""
    return hashlib.blake2b(
        b"".join(len(part).to_bytes(4) + part for part in parts) + text.encode(), digest_size=16
    ).digest()


__all__ = ["ConfigFacts", "ConfigStore", "Server"]
