"""What phone-trust.md lets a phone take, written from its rules alone: a second opinion on every decision about a list.

Nothing of the policy, of the list reader or of the signature check is used here. A list is read by its tags (2 bytes of
length each; header 1 to 15, records with tags 1 to 13), a signature checked with the library's RSA.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from functools import lru_cache

from cryptography import x509
from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import padding, rsa

from mixedmode.phone.mind.models import PhoneModel
from mixedmode.phone.mind.outcome import BootOutcome
from mixedmode.phone.mind.requests import BootFile
from mixedmode.phone.mind.trust.decisions import ListKind
from mixedmode.phone.mind.trust.state import TrustState
from tests.simulation.world.served import Node

_HASHES: dict[int, type[hashes.SHA1 | hashes.SHA256 | hashes.SHA512]] = {
    1: hashes.SHA1,
    2: hashes.SHA256,
    3: hashes.SHA512,
}
_CONTAINERS = frozenset({3, 7, 9})
_SAST, _FILES, _TVS = 0, frozenset({2, 3}), 21


@dataclass(frozen=True)
class Entry:
    """A record: role, issuer, serial, certificate."""

    role: int
    issuer: bytes
    serial: bytes
    certificate: bytes


@dataclass(frozen=True)
class Read:
    """A list: who signed it, over what, and its records."""

    name: bytes
    issuer: bytes
    serial: bytes
    digest: int
    signature: bytes
    signed: bytes
    records: tuple[Entry, ...]
    whole: bool

    @property
    def is_blanked(self) -> bool:
        """Whether its TVS and TFTP records are there, but empty."""
        records = [each for each in self.records if each.role in _FILES | {_TVS}]
        return bool(records) and not any(each.certificate for each in records)


@lru_cache(maxsize=4096)
def read(data: bytes) -> Read | None:
    """Return a list, None if it is none."""
    fields: dict[int, bytes] = {}
    places: dict[int, int] = {}
    pos, end = 0, len(data)
    while pos < min(end, len(data)):
        tag = data[pos]
        if tag == 13:
            pos += 1
            continue
        size = 0 if tag in _CONTAINERS else int.from_bytes(data[pos + 1 : pos + 3])
        value = data[pos + 3 : pos + 3 + size]
        if len(value) < size:
            return None
        fields[tag], places[tag] = value, pos
        pos += 3 + size
        if tag == 2:
            end = int.from_bytes(value)
    if not {1, 2, 5, 6, 12} <= fields.keys():
        return None
    records, whole = _records(data, end)
    start = places[12]
    signed = data[:start] + data[start + 3 + len(fields[12]) :]
    name = fields.get(14, b"").rstrip(b"\0")
    digest = fields.get(8, b"\1")[-1]
    return Read(name, fields[6].rstrip(b"\0"), fields[5], digest, fields[12], signed, records, whole)


def _records(data: bytes, start: int) -> tuple[tuple[Entry, ...], bool]:
    found: list[Entry] = []
    pos = start
    while pos < len(data):
        size = int.from_bytes(data[pos + 3 : pos + 5])
        if data[pos : pos + 1] != b"\1" or size < 5 or pos + size > len(data):
            return tuple(found), False
        values: dict[int, bytes] = {}
        at = pos
        while at < pos + size:
            length = int.from_bytes(data[at + 1 : at + 3])
            values[data[at]] = data[at + 3 : at + 3 + length]
            at += 3 + length
        role = int.from_bytes(values.get(4, b"\xff"))
        found.append(Entry(role, values.get(5, b"").rstrip(b"\0"), values.get(6, b""), values.get(9, b"")))
        pos += size
    return tuple(found), True


@lru_cache(maxsize=1 << 15)
def holds(data: bytes, certificate: bytes) -> bool:
    """Return whether a certificate's key signed a list."""
    found = read(data)
    if found is None or found.digest not in _HASHES:
        return False
    key = x509.load_der_x509_certificate(certificate).public_key()
    if not isinstance(key, rsa.RSAPublicKey):
        return False
    try:
        key.verify(found.signature, found.signed, padding.PKCS1v15(), _HASHES[found.digest]())
    except InvalidSignature:
        return False
    return True


def _signers(lists: list[Read], offered: Read, roles: frozenset[int]) -> Iterator[bytes]:
    for each in lists:
        for record in each.records:
            is_signer = (record.serial, record.issuer) == (offered.serial, offered.issuer)
            if is_signer and record.role in roles and record.certificate:
                yield record.certificate


def may_take(
    model: PhoneModel, ctl: bytes | None, itl: bytes | None, kind: str, data: bytes, tvs: frozenset[bytes]
) -> bool:
    """Return whether a phone that holds these lists takes a file as its list of a kind.

    Args:
        model: Whether it has Security by Default and knows SHA-512.
        ctl: The CTL that it holds.
        itl: The ITL that it holds.
        kind: ``CTL`` or ``ITL``.
        data: The file, another one than it holds.
        tvs: The certificates that TVS, as far as it can ask, gives role 0.
    """
    offered = read(data)
    if offered is None or not offered.whole or len(data) > 65535 or not offered.name.startswith(kind.encode()):
        return False
    if offered.digest != 1 and not model.sha512:  # row 23
        return False
    held = [found for found in (read(each) for each in (ctl, itl) if each is not None) if found is not None]
    own = [each.certificate for each in offered.records if each.role == _SAST and each.serial == offered.serial]
    whole = not own or any(holds(data, each) for each in own)
    if not held:
        return whole  # rows 1, 2, 16: the first list, if its own signature does not speak against it
    sast = list(_signers(held, offered, frozenset({_SAST})))
    if kind == "ITL" and itl is None and ctl is not None:
        sast += _signers(held, offered, _FILES)  # forecast.md 5.5
    if sast:
        return any(holds(data, each) for each in sast)  # rows 4, 6, 7, 9, 10, 10b, 11, 17
    if not model.security_by_default:
        return False  # row 18
    stored = read(itl) if itl is not None else None
    if stored is not None and stored.is_blanked:
        return kind == "ITL" and ctl is None and whole  # rows 15, 15b, 14, 14b
    return any(holds(data, each) for each in tvs)  # rows 5, 8, 12, 13


def judged(model: PhoneModel, before: TrustState, node: Node, outcome: BootOutcome) -> Iterator[str]:
    """Yield where a phone took what it must refuse, or refused what it takes, at one start.

    Args:
        model: The phone's.
        before: What it held when it started.
        node: What it met.
        outcome: What came of it.
    """
    held = {kind: None if (found := before.held(kind)) is None else found.data for kind in ListKind}
    for file, kind in ((BootFile.CTL, ListKind.CTL), (BootFile.ITL, ListKind.ITL)):
        decision = outcome.decisions.get(file)
        offered = node.files.get(kind.filename)
        if decision is None or offered is None or offered == held[kind]:
            continue
        tvs = _vouching(held[ListKind.ITL], node, offered) if before.tvs_servers else frozenset()
        takes = may_take(model, held[ListKind.CTL], held[ListKind.ITL], kind.value, offered, tvs)
        if takes != decision.accepted:
            rule = "taken" if takes else "refused"
            yield f"{kind}: {decision.outcome} ({decision.reason}), by the rules it is {rule}"
        if decision.accepted:
            held[kind] = offered


def _vouching(itl: bytes | None, node: Node, data: bytes) -> frozenset[bytes]:
    """Return what TVS says of the signer, if the phone can ask: a server whose certificate its ITL has for TVS."""
    stored, offered = (read(itl) if itl is not None else None), read(data)
    if stored is None or offered is None:
        return frozenset()
    named = {each.certificate for each in stored.records if each.role == _TVS and each.certificate}
    for server in node.tvs.values():
        if server.certificate in named:
            return server.vouched(offered.issuer.decode(), offered.serial)
    return frozenset()
