"""The lists that a procedure's steps would make of those that a cluster serves, signed by stand-ins.

Rules (docs/specification/cucm-admin.md 3, 4):

1. Records stay as they are served, but for those that a step changes: a new CallManager certificate takes the old one's
   place, tokens go or come, servers lose their certificates in non-secure mode.
2. The CallManager certificate of the publisher is the first RSA one that its ITL has for a server.
3. Who signs: the CallManager certificate, where tokens or an old one of it signed before; else whoever signed.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from typing import Final

from mixedmode.cluster.publishing.lists import StandIn
from mixedmode.errors import UsageError
from mixedmode.guides.lists import tokens_in
from mixedmode.guides.live.seeing.situation import Situation
from mixedmode.pki.certificates.certificates import Certificate
from mixedmode.pki.certificates.profiles import KeyKind, Purpose, Subject, generate_key, self_signed
from mixedmode.pki.signing.digests import DigestAlgorithm
from mixedmode.trustlist.build import RecordForm, RecordSpec, build_trust_list
from mixedmode.trustlist.kinds import CTL_FILE, ITL_FILE
from mixedmode.trustlist.model import TrustList
from mixedmode.trustlist.roles import Role

_SERVERS: Final = (Role.CCM_TFTP, Role.TFTP, Role.CCM)
_SUBJECT: Final[Mapping[str, str]] = {
    "CN": "common_name",
    "OU": "organizational_unit",
    "O": "organization",
    "L": "locality",
    "ST": "state",
    "C": "country",
}


@dataclass(frozen=True, slots=True)
class ToBe:
    """The lists at one point of a procedure.

    Attributes:
        ctl: The publisher's, None if there is none.
        itl: The publisher's.
        others: The ITLs of the other nodes.
        own: The CallManager certificate of the publisher.
        now: Time of lists that are made.
    """

    ctl: TrustList | None
    itl: TrustList
    others: tuple[TrustList, ...]
    own: Certificate
    now: datetime

    @classmethod
    def of(cls, seen: Situation) -> ToBe:
        """Return the lists as they are served.

        Raises:
            UsageError: The publisher's ITL was not seen, or names no server.
        """
        itl = seen.publisher.served_list(ITL_FILE)
        if itl is None:
            raise UsageError("the publisher's ITL was not seen", next_step="see that its file service answers")
        others = (each.served_list(ITL_FILE) for each in seen.nodes[1:])
        own = server_of(itl)
        if own is None:
            raise UsageError("the publisher's ITL names no server", next_step="see whether a rollback is prepared")
        return cls(seen.publisher.served_list(), itl, tuple(each for each in others if each), own, seen.at)

    def regenerated(self) -> ToBe:
        """Return the lists after the CallManager certificate was made anew; the CTL waits for its update."""
        new, old = stand_in_of(self.own, self.now), self.own
        signer = _signer(self.itl)
        itl = _built(
            [_with(each, old, new) for each in _specs(self.itl)], new if signer == old else signer, self, ITL_FILE
        )
        return replace(self, itl=itl, own=new)

    def updated(self, old: Certificate | None = None) -> ToBe:
        """Return the lists after ``utils ctl update CTLFile``.

        Args:
            old: The CallManager certificate before, if it was made anew.
        """
        if self.ctl is None:
            return self.mixed()
        tokens = set(tokens_in(self.ctl))
        specs = [_with(each, old or self.own, self.own) for each in _specs(self.ctl) if each.certificate not in tokens]
        signer = _signer(self.ctl)
        if signer is None or signer in tokens or signer == old:
            signer = self.own
        return replace(self, ctl=_built(_with_sast(specs, signer), signer, self, CTL_FILE))

    def mixed(self) -> ToBe:
        """Return the lists after ``utils ctl set-cluster mixed-mode``."""
        if self.ctl is not None and any(each.certificate for each in _specs(self.ctl) if each.role in _SERVERS):
            return self.updated()
        capf = [RecordSpec(Role.CAPF, each.certificate) for each in self.itl.records_with_role(Role.CAPF)[:1]]
        servers = dict.fromkeys((self.own, *filter(None, map(server_of, self.others))))
        specs = [*(RecordSpec(Role.CCM_TFTP, each) for each in servers), *capf]
        signer = _signer(self.itl) or self.own
        return replace(self, ctl=_built(_with_sast(specs, signer), signer, self, CTL_FILE))

    def non_secure(self) -> ToBe:
        """Return the lists after ``utils ctl set-cluster non-secure-mode``."""
        done = self.updated()
        specs = [replace(each, form=RecordForm.ADDRESS) if each.role in _SERVERS else each for each in _specs(done.ctl)]
        return replace(done, ctl=_built(specs, _signer(done.ctl) or self.own, self, CTL_FILE))

    def deleted(self) -> ToBe:
        """Return the lists after the CTL file was deleted."""
        return replace(self, ctl=None)

    def by_tokens(self, inserted: Sequence[Certificate], before: TrustList | None) -> ToBe:
        """Return the lists after the CTL Client has run.

        Args:
            inserted: The tokens in order.
            before: The CTL that phones hold, for its records, where there is none now.
        """
        present = [] if self.ctl is None else tokens_in(self.ctl)
        known = [each for each in inserted if each in present]
        signer = known[0] if known else inserted[-1]
        base = self.ctl or before
        made = self.mixed() if base is None else replace(self, ctl=base)
        specs = [each for each in _specs(made.ctl) if each.role is not Role.SAST]
        tokens = (RecordSpec(Role.SAST, each) for each in dict.fromkeys((*present, *inserted)))
        return replace(self, ctl=_built([*tokens, *specs], signer, self, CTL_FILE))


def server_of(itl: TrustList) -> Certificate | None:
    """Return the RSA certificate that an ITL has for its node (rule 2)."""
    for role in _SERVERS:
        for record in itl.records_with_role(role):
            if record.certificate is not None and record.certificate.key_kind == "RSA":
                return record.certificate
    return None


def stand_in_of(old: Certificate, now: datetime) -> Certificate:
    """Return a certificate that stands in for the next one of the same subject."""
    names = dict(part.partition("=")[::2] for part in old.subject.split(";"))
    fields = {field: names[key] for key, field in _SUBJECT.items() if names.get(key)}
    fields.setdefault("common_name", old.common_name)
    serial = (1 << 100) | (int.from_bytes(old.serial[-8:]) ^ 1)
    key = generate_key(KeyKind.RSA_2048)
    return self_signed(Purpose.CALLMANAGER, subject=Subject(**fields), key=key, now=now, serial=serial)


def roles_of(
    lists: Iterable[TrustList], more: Mapping[Certificate, frozenset[int]]
) -> dict[Certificate, frozenset[int]]:
    """Return what TVS vouches for by some lists: every certificate in the roles that it has there."""
    found = dict(more)
    for each in lists:
        for record in each.records:
            if record.certificate is not None and record.role_code is not None:
                found[record.certificate] = found.get(record.certificate, frozenset()) | {record.role_code}
    return found


def _specs(found: TrustList | None) -> list[RecordSpec]:
    specs = []
    for record in found.records if found is not None else ():
        if record.role is None:
            continue
        form = RecordForm.FULL if record.certificate is not None else RecordForm.ADDRESS
        specs.append(RecordSpec(record.role, record.certificate, record.dns_name, record.ip_address, form))
    return specs


def _with(spec: RecordSpec, old: Certificate, new: Certificate) -> RecordSpec:
    return replace(spec, certificate=new) if spec.certificate == old else spec


def _with_sast(specs: list[RecordSpec], signer: Certificate) -> list[RecordSpec]:
    if any(each.role is Role.SAST and each.certificate == signer for each in specs):
        return specs
    return [RecordSpec(Role.SAST, signer), *specs]


def _signer(found: TrustList | None) -> Certificate | None:
    if found is None:
        return None
    verified = found.verify().signer
    if verified is not None:
        return verified
    header = found.header
    named = found.find_signer(header.signer_issuer, header.signer_serial) if header.signer_serial else ()
    return next((each.certificate for each in named if each.certificate is not None), None)


def _built(specs: Sequence[RecordSpec], signer: Certificate | None, to_be: ToBe, name: str) -> TrustList:
    by = signer or to_be.own
    base = to_be.ctl if name == CTL_FILE else to_be.itl
    digest = (base.header.digest if base is not None else None) or DigestAlgorithm.SHA1
    data = build_trust_list(
        _with_sast(list(specs), by), StandIn(by), timestamp=int(to_be.now.timestamp()), digest=digest, filename=name,
        require_signer_record=False,
    )  # fmt: skip
    return TrustList.parse(data)
