"""Configuration files built and signed when a phone asks, in front of the files of a node's folder.

Rules:

1. A file in the folder wins over one that could be built.
2. ``SEP<MAC>.cnf.xml``, or that of another device's name, is built for devices that the cluster knows,
   ``XMLDefault.cnf.xml`` always.
3. With ``.sgn`` the file is signed with the node's CallManager key (role CCM+TFTP), with the digest of the
   enterprise parameter "TFTP File Signature Algorithm".
4. A device of security mode "encrypted" whose LSC is known, with an RSA key, gets its configuration encrypted to it:
   ``.enc.sgn`` holds it, ``.sgn`` and the plain name a stub that tells the phone to ask for that.
   A device for which nothing waits at CAPF is told that certificate's MD5, so that it does not go there.
5. What was built is kept until something in the cluster changes (:meth:`ConfigStore.forget`); the bytes of kept files
   are bounded, and the oldest go first. Another key, or another digest, signs only from the next restart of TFTP on, as
   in CUCM: until then the ITL that it serves names the old one.
6. The servers of a device pool are looked up once a second, not for each of the thousands of phones that ask after a
   power cut.
7. Files may be asked for from several threads; what was built of an older state of the cluster is never kept.
"""

from __future__ import annotations

import re
import secrets
import time
from collections.abc import Callable
from dataclasses import replace
from threading import Lock
from typing import Final

from mixedmode.cluster.model.parameters import SIGNATURE_ALGORITHM
from mixedmode.cluster.model.records import Device
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
from mixedmode.signedfile.encrypted import Secrets, encrypt_config
from mixedmode.signedfile.stub import make_stub

_DEFAULT: Final = ("XMLDefault", "XmlDefault")
_NAME = re.compile(rf"({DEVICE_PATTERN}|{'|'.join(_DEFAULT)})\.cnf\.xml(\.sgn|\.enc\.sgn)?")
_KEPT_BYTES: Final = 96 << 20
"""The configurations of a full cluster, twice over."""
_FILE_COST: Final = 256
"""Bytes that a kept file costs beside its content."""
_FACTS_SECONDS: Final = 1.0
_POOLS: Final = 4096

_ENCRYPTED: Final = ".enc.sgn"
_ENCRYPTED_MODE: Final = 3

Locate = Callable[[str], ConfigFacts]
"""The servers that phones of a node's device pool are told of, by device name."""


class ConfigStore:
    """Builds configuration files on demand.

    Args:
        files: The node's folder.
        reader: The cluster.
        node: The node whose key signs.
        ports: Ports of the node's services, in the facts that every configuration begins with.
        clock: Seconds since 1970, for the timestamp of signatures.
        lsc: Gives a device's LSC, None where it is not known.
        capf: Says what waits for a device at CAPF.
        kept_bytes: Most bytes of built files to keep.
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
        self._kept: dict[str, bytes] = {}
        self._kept_cost = 0
        self._kept_most = kept_bytes
        self._pools: dict[str, tuple[float, ConfigFacts]] = {}
        self._signing: tuple[Signer, DigestAlgorithm] | None = None

    def reload(self) -> None:
        """Forget what was built, and with which key, so that changed keys and parameters take effect."""
        self.forget()
        self._signing = None

    def forget(self) -> None:
        """Forget what was built, so that changed devices, LSCs and servers take effect."""
        with self._lock:
            self._state += 1
            self._kept.clear()
            self._kept_cost = 0
            self._pools.clear()

    def ready(self, name: str) -> bool:
        """Tell whether :meth:`lookup` returns at once, since nothing has to be built."""
        return name in self._kept or _NAME.fullmatch(name) is None or self.files.lookup(name) is not None

    def lookup(self, name: str) -> FileData | None:
        """Return what is served under ``name``."""
        found = self.files.lookup(name)
        if found is not None:
            return found
        kept = self._kept.get(name)
        if kept is not None:
            return kept
        match = _NAME.fullmatch(name)
        if match is None:
            return None
        state = self._state
        built = self._build(name, match[1], match[2] or "")
        return None if built is None else self._keep(name, built, state)

    def _keep(self, name: str, built: bytes, state: int) -> bytes:
        """Keep a file, unless the cluster has changed meanwhile; return the one that is served."""
        with self._lock:
            if state != self._state:
                return built
            if name in self._kept:
                return self._kept[name]
            self._kept[name] = built
            self._kept_cost += len(built) + _FILE_COST
            while self._kept_cost > self._kept_most:
                oldest = next(iter(self._kept))
                self._kept_cost -= len(self._kept.pop(oldest)) + _FILE_COST
        return built

    def _build(self, name: str, device_name: str, suffix: str) -> bytes | None:
        lsc = None
        if device_name not in _DEFAULT:
            device = self._reader.device(device_name)
            if device is None:
                return None
            facts = replace(self._facts(device), protocol=device.protocol, security_mode=device.security_mode)
            lsc = self._lsc_of(device)
            order = self._capf(device_name)
            mark = "" if lsc is None or order.waits else lsc.md5.hex()
            facts = replace(facts, capf_mode=order.mode, certificate_hash=mark)
        else:
            facts = self._locate(device_name)
        content = render_config(facts if lsc is None else replace(facts, encrypted=True))
        if lsc is not None:
            return self._encrypted(content, device_name, lsc, suffix)
        if suffix == _ENCRYPTED:
            return None
        if not suffix:
            return content
        signer, digest = self._signer()
        return sign_file(content, signer, filename=name, digest=digest, timestamp=int(self._clock()))

    def _lsc_of(self, device: Device) -> Certificate | None:
        """Return the certificate to encrypt a device's configuration to, None if it stays in the clear (rule 4)."""
        if device.security_mode != _ENCRYPTED_MODE:
            return None
        lsc = self._lsc(device.name)
        return lsc if lsc is not None and lsc.key_kind == "RSA" else None

    def _encrypted(self, content: bytes, device: str, lsc: Certificate, suffix: str) -> bytes:
        if not suffix:
            return make_stub(content, lsc)
        signer, digest = self._signer()
        made = encrypt_config(
            content,
            signer,
            name=f"{device}.cnf.xml",
            device=lsc,
            secrets=Secrets(secrets.token_bytes(16), secrets.token_bytes(16)),
            digest=digest,
            timestamp=int(self._clock()),
        )
        return made.encrypted if suffix == _ENCRYPTED else made.stub

    def _facts(self, device: Device) -> ConfigFacts:
        now = self._clock()
        known = self._pools.get(device.device_pool)
        if known is not None and 0.0 <= now - known[0] < _FACTS_SECONDS:
            return known[1]
        state = self._state
        facts = self._locate(device.name)
        with self._lock:
            if state != self._state:
                return facts
            if len(self._pools) >= _POOLS:
                self._pools.clear()
            self._pools[device.device_pool] = now, facts
        return facts

    def _signer(self) -> tuple[Signer, DigestAlgorithm]:
        if self._signing is None:
            algorithm = self._reader.parameter(SIGNATURE_ALGORITHM.name)
            digest = DigestAlgorithm.SHA512 if "512" in algorithm else DigestAlgorithm.SHA1
            self._signing = self._reader.signer(self._node, Purpose.CALLMANAGER.value), digest
        return self._signing


__all__ = ["ConfigFacts", "ConfigStore", "Server"]
