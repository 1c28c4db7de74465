"""What phone-trust.md lets a phone take, written from its rules alone: a second opinion on every decision about a list.

Nothing of the policy, of the list reader or of the signature check is used here. A list is read by its tags (2 bytes of
length each; header 1 to 15, records with tags 1 to 13), a signature checked with the library's RSA.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime
from functools import lru_cache
from typing import TYPE_CHECKING

from cryptography import x509
from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import padding, rsa

from mixedmode.phone.mind.models import PhoneModel
from mixedmode.phone.mind.outcome import BootOutcome
from mixedmode.phone.mind.requests import BootFile
from mixedmode.phone.mind.trust.decisions import ListKind
from mixedmode.phone.mind.trust.state import PhoneState

if TYPE_CHECKING:
    from tests.simulation.world.served import Node

_HASHES: dict[int, type[hashes.SHA1 | hashes.SHA256 | hashes.SHA512]] = {
    1: hashes.SHA1,
    2: hashes.SHA256,
    3: hashes.SHA512,
}
_CONTAINERS = frozenset({3, 7, 9})
_SAST, _FILES, _CAPF, _TVS = 0, frozenset({2, 3}), 4, 21


@dataclass(frozen=True)
class Entry:
    """A record: role, issuer, serial, certificate."""

    role: int
    subject: bytes
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
        found.append(
            Entry(
                role,
                values.get(3, b"").rstrip(b"\0"),
                values.get(5, b"").rstrip(b"\0"),
                values.get(6, b""),
                values.get(9, b""),
            )
        )
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
    return _may_take(model.security_by_default, model.sha512, ctl, itl, kind, data, tvs)


@lru_cache(maxsize=1 << 14)
def _may_take(
    by_default: bool,
    sha512: bool,
    ctl: bytes | None,
    itl: bytes | None,
    kind: str,
    data: bytes,
    tvs: frozenset[bytes],
) -> bool:
    offered = read(data)
    if offered is None or not offered.whole or len(data) > 65535 or not offered.name.startswith(kind.encode()):
        return False
    if offered.digest != 1 and not sha512:  # row 23
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
    if not by_default:
        return False  # row 18
    stored = read(itl) if itl is not None else None
    if stored is not None and stored.is_blanked:
        return kind == "ITL" and ctl is None and whole  # rows 15, 15b, 14, 14b
    return any(holds(data, each) for each in tvs)  # rows 5, 8, 12, 13


def names_capf(trust_list: Read, subject: str) -> bool:
    """Return whether a list names a CAPF."""
    wanted = set(subject.replace(",", ";").split(";"))
    records = (each.subject.decode() for each in trust_list.records if each.role == _CAPF)
    return any(set(each.replace(",", ";").split(";")) == wanted for each in records)


def judged(model: PhoneModel, before: PhoneState, node: Node, outcome: BootOutcome, when: datetime) -> Iterator[str]:
    """Yield where a phone took what it must refuse, or refused what it takes, at one start.

    Args:
        model: The phone's.
        before: As it was when it started.
        node: What it met.
        outcome: What came of it.
        when: The time.
    """
    held = _lists(before)
    for file, kind in ((BootFile.CTL, ListKind.CTL), (BootFile.ITL, ListKind.ITL)):
        decision = outcome.decisions.get(file)
        offered = node.files.get(kind.filename)
        if decision is None or offered is None or offered == held[kind]:
            continue
        takes = _takes(model, before, held, kind, node, when)
        if takes != decision.accepted:
            rule = "taken" if takes else "refused"
            yield f"{kind}: {decision.outcome} ({decision.reason}), by the rules it is {rule}"
        if decision.accepted:
            held[kind] = offered


def judged_change(
    model: PhoneModel, before: PhoneState, after: PhoneState, node: Node, when: datetime
) -> Iterator[str]:
    """Yield what a phone holds after a start that broke off, and must not; it says nothing of what it decided."""
    held, now = _lists(before), _lists(after)
    for kind in (ListKind.CTL, ListKind.ITL):
        if now[kind] != held[kind]:
            if now[kind] != node.files.get(kind.filename):
                yield f"{kind}: it holds one that nobody offered"
            elif not _takes(model, before, held, kind, node, when):
                yield f"{kind}: it holds the one that was offered, by the rules it is refused"
            held[kind] = now[kind]


def _lists(state: PhoneState) -> dict[ListKind, bytes | None]:
    return {kind: None if (found := state.trust.held(kind)) is None else found.data for kind in ListKind}


def _takes(
    model: PhoneModel,
    before: PhoneState,
    held: dict[ListKind, bytes | None],
    kind: ListKind,
    node: Node,
    when: datetime,
) -> bool:
    offered = node.files[kind.filename]
    hosts = [each.address for each in before.trust.tvs_servers]
    tvs = _vouching(held[ListKind.ITL], node, offered, hosts) if hosts else frozenset()
    if held == _lists(before):  # a changed list makes a phone forget what TVS said
        tvs = _said_before(before, offered, when) or tvs
    return may_take(model, held[ListKind.CTL], held[ListKind.ITL], kind.value, offered, tvs)


def _said_before(state: PhoneState, data: bytes, when: datetime) -> frozenset[bytes]:
    """Return what TVS said of the signer within the time for which it holds, if it said that it knows it."""
    offered = read(data)
    for each in state.tvs_cache:
        asked = (each.question.serial, (each.question.issuer or "").encode())
        if offered is not None and asked == (offered.serial, offered.issuer) and when < each.expires:
            certificate = each.answer.certificate
            return frozenset([certificate.der]) if certificate is not None and 0 in each.answer.roles else frozenset()
    return frozenset()


def _vouching(itl: bytes | None, node: Node, data: bytes, hosts: Sequence[str]) -> frozenset[bytes]:
    """Return what TVS says of the signer, if the phone can ask.

    That is a server that its configuration names, and whose certificate its ITL has for TVS.
    """
    stored, offered = (read(itl) if itl is not None else None), read(data)
    if stored is None or offered is None:
        return frozenset()
    named = {each.certificate for each in stored.records if each.role == _TVS and each.certificate}
    if node.old_tvs is not None:
        return node.old_tvs.vouched(offered.issuer.decode(), offered.serial) if named else frozenset()
    for server in (node.tvs[host] for host in hosts if host in node.tvs):
        if server.certificate in named:
            return server.vouched(offered.issuer.decode(), offered.serial)
    return frozenset()
