"""What the servers have when a phone starts, and who of TVS answers."""

from __future__ import annotations

from collections.abc import Callable, Collection
from dataclasses import dataclass, field, replace
from enum import Enum
from functools import cache
from typing import TYPE_CHECKING, Final

from mixedmode.errors import MalformedError
from mixedmode.phone.mind.fate.hosts import told_certificates
from mixedmode.phone.mind.trust.decisions import TVS_UNREACHABLE, ListKind, TvsAnswer, TvsQuestion
from mixedmode.phone.mind.trust.lookup import (
    FILE_SIGNERS,
    anchors,
    blanked_hosts,
    tvs_certificates,
    tvs_hosts,
)
from mixedmode.phone.mind.trust.uses import SERVER
from mixedmode.trustlist.header import Header
from mixedmode.trustlist.model import TrustList
from mixedmode.trustlist.roles import Role
from mixedmode.trustlist.walk import walk_header, walk_records

if TYPE_CHECKING:
    from mixedmode.phone.mind.models import PhoneModel
    from mixedmode.phone.mind.trust.state import TrustState
    from mixedmode.pki.certificates.certificates import Certificate

KNOWN_BY_NAME: Final = 0
"""The port of a TVS server of a configuration that nobody has read: lists tell its name alone."""
Ask = Callable[[TvsQuestion], TvsAnswer]
_BOTH: Final = tuple(ListKind)
_CTL: Final = (ListKind.CTL,)


@dataclass(frozen=True, slots=True)
class Keys:
    """Whose keys can sign a cluster's lists, where it is known which keys there are.

    Attributes:
        there: The certificates whose keys are there.
        gone: Those that the cluster had before: what stands as SAST in its older lists and can sign none any more.
    """

    there: frozenset[Certificate]
    gone: frozenset[Certificate] = frozenset()

    def signers(self, offered: TrustList) -> frozenset[bytes]:
        """Return the DER of who could sign a list again; of another cluster's list the keys say nothing."""
        named = anchors([offered])
        there, gone = ({each.der for each in some} for some in (self.there, self.gone))
        return named - gone | there if named & (there | gone) else named


@dataclass(frozen=True, slots=True)
class Offer:
    """What the servers have at a restart.

    Attributes:
        ctl: The CTL, as bytes if it cannot be read; None: none is published.
        itl: The same of the ITL.
        signer: Who signs configurations; None: the first TFTP record of the ITL, or else of the CTL.
        shown: What the CallManager shows; None: the certificate of the first such record of the CTL.
        digest: Wire code of the digest under configurations; None: that of the ITL, or else of the CTL, since one
            parameter of the cluster decides about all files.
        mixed: Whether the cluster is in mixed mode, None if that is not known but by its CTL.
        keys: Whose keys can sign its lists; None: those of the certificates that stand as SAST in them.
        announced: The CTL that was published last, where none is published any more: the cluster is as it says.
        undamaged: The lists of which files are damaged copies, where they are known.
        hosts: The TVS servers that configurations name; None: those that the ITL names.
    """

    ctl: TrustList | bytes | None = None
    itl: TrustList | bytes | None = None
    signer: Certificate | None = None
    shown: Certificate | None = None
    digest: int | None = None
    announced: TrustList | bytes | None = None
    mixed: bool | None = None
    keys: Keys | None = None
    undamaged: tuple[tuple[ListKind, TrustList], ...] = ()
    hosts: frozenset[str] | None = None
    _hash: int = field(default=0, init=False, repr=False, compare=False)

    def __hash__(self) -> int:
        # What becomes of phones is looked up by offer, again and again.
        if not self._hash:
            lists = self.ctl, self.itl, self.announced
            object.__setattr__(self, "_hash", hash((lists, self.signer, self.shown, self.digest, self.mixed)))
        return self._hash

    def publishing(self, kind: ListKind, file: TrustList | bytes) -> Offer:
        """Return the same with a list on the servers; a damaged copy of the one before is known as such.

        What was known before of what such a list says too is known no more: whoever publishes it may know better.
        """
        kept = [pair for pair in self.undamaged if pair[0] is not kind]
        before = self.of(kind)
        whole = self.known(kind) or (before if isinstance(before, TrustList) else None)
        if whole is not None and whole != file and is_copy(file, whole):
            kept.append((kind, whole))
        signer, digest = file_signer(file) or self.signer, list_digest(file) or self.digest
        lists = {kind.value.lower(): file}
        now = replace(self, signer=signer, digest=digest, undamaged=tuple(kept), **lists)  # type: ignore[arg-type]
        if kind is ListKind.ITL:
            return replace(now, hosts=self._hosts_with(file))
        return replace(now, mixed=None) if now.says_mode else now

    def _hosts_with(self, itl: TrustList | bytes) -> frozenset[str] | None:
        """Return the TVS servers that configurations name when this ITL is published, None: those that it names.

        One that names none with a certificate, as while a cluster is prepared for a rollback, is no reason for
        configurations to name others than before, unless its empty records are those of other hosts.
        """
        whole = readable_part(itl) if isinstance(itl, bytes) else itl
        named = frozenset(tvs_hosts(whole))
        if named:
            return None if whole is itl else named
        before, empty = self.config_hosts, blanked_hosts(whole) if whole is not None else frozenset()
        return (empty if empty.isdisjoint(before) else before) or before or None

    def known(self, kind: ListKind) -> TrustList | None:
        """Return the list of which the file of a kind is a damaged copy, None if that is not known."""
        return next((whole for each, whole in self.undamaged if each is kind), None)

    def of(self, kind: ListKind) -> TrustList | bytes | None:
        """Return the list of a kind."""
        return self.ctl if kind is ListKind.CTL else self.itl

    def without(self, kind: ListKind) -> Offer:
        """Return the same with nothing of a kind on the servers."""
        if kind is ListKind.ITL:
            hosts = self.config_hosts or None
            return replace(self, itl=None, signer=self.file_signer, digest=self.file_digest, hosts=hosts)
        return replace(self, ctl=None, announced=self.newest_ctl, signer=self.file_signer, digest=self.file_digest)

    @property
    def newest_ctl(self) -> TrustList | bytes | None:
        """The CTL that was published last, whether it still is or not."""
        return self.ctl if self.ctl is not None else self.announced

    @property
    def file_signer(self) -> Certificate | None:
        """Who signs configurations, None if nobody is known to."""
        return self.signer or file_signer(self.itl) or file_signer(self.ctl)

    @property
    def file_digest(self) -> int | None:
        """Wire code of the digest under configurations, None if it is not known."""
        return self.digest or list_digest(self.itl) or list_digest(self.ctl)

    @property
    def server(self) -> Certificate | None:
        """What the CallManager shows; None if the CTL names none with a certificate: then it speaks no TLS.

        A damaged CTL, which may have lost that record, says nothing about it; nor does a list of the other kind, nor
        one that servers still have of a cluster that was another, or not in mixed mode, where that is known.
        """
        if self.mixed is False:
            return None
        if self.mixed and self.shown is not None:
            return self.shown
        named = first_certificate(self.newest_ctl, SERVER.roles)
        if named is None and not self.says_mode:
            return self.shown
        return named and (self.shown or named)

    @property
    def config_hosts(self) -> frozenset[str]:
        """The TVS servers that configurations name, as far as that is known: that of a cluster those of its ITL."""
        if self.hosts is not None:
            return self.hosts
        return frozenset(tvs_hosts(self.itl)) if isinstance(self.itl, TrustList) else frozenset()

    @property
    def says_mode(self) -> bool:
        """Whether the CTL that was published last is one, and whole, so that it says whether the cluster is mixed."""
        return isinstance(self.newest_ctl, TrustList) and self.newest_ctl.kind == ListKind.CTL.value


@dataclass(frozen=True, slots=True)
class TvsServers:
    """The TVS servers at a restart.

    Attributes:
        answer: What they say.
        up: DER of the certificates of those that answer; None: whichever the phone's ITL names.
        within_reach: The same of those that could be made to answer, and to vouch.
        others: Of those that answer, the ones that say something else, by the DER of what they show.
    """

    answer: Ask = lambda _question: TVS_UNREACHABLE
    up: frozenset[bytes] | None = frozenset()
    within_reach: frozenset[bytes] | None = frozenset()
    others: tuple[tuple[frozenset[bytes], Ask], ...] = ()
    _hash: int = field(default=0, init=False, repr=False, compare=False)

    def __hash__(self) -> int:
        if not self._hash:
            object.__setattr__(self, "_hash", hash((self.answer, self.up, self.within_reach)))
        return self._hash

    def asked_by(self, trust: TrustState) -> Ask:
        """Return TVS as a phone that holds this reaches it."""
        if not asks(trust, self.up):
            return _SILENT.answer
        return next((answer for servers, answer in self.others if asks(trust, servers)), self.answer)

    @property
    def silent(self) -> TvsServers:
        """The same servers, none of which answers."""
        return TvsServers(within_reach=self.within_reach)


_SILENT = TvsServers()


class Presence(Enum):
    """What a phone does at a stage."""

    RESTARTS = "restarts"
    STAYS = "stays"
    """It is on, and nobody resets it."""
    OFF = "off"


@dataclass(frozen=True, slots=True)
class Stage:
    """One step of a change, as a phone meets it.

    Attributes:
        offer: All that is published by now.
        tvs: The TVS servers.
        presence: Whether the phone restarts.
    """

    offer: Offer
    tvs: TvsServers
    presence: Presence = Presence.RESTARTS
    _hash: int = field(default=0, init=False, repr=False, compare=False)

    def __hash__(self) -> int:
        if not self._hash:
            object.__setattr__(self, "_hash", hash((self.offer, self.tvs, self.presence)))
        return self._hash


def asked_kinds(model: PhoneModel) -> tuple[ListKind, ...]:
    """Return the lists that phones of a model ask for."""
    return _BOTH if model.asks_itl else _CTL


def holds_all(model: PhoneModel, trust: TrustState, offer: Offer) -> bool:
    """Return whether a phone holds every list that is offered and that it asks for."""
    return all(offer.of(kind) in {None, trust.held(kind)} for kind in asked_kinds(model))


def reaches(trust: TrustState, servers: Collection[bytes] | None) -> bool:
    """Return whether a phone's ITL names one of these TVS servers; None: any will do."""
    named = tvs_certificates(trust.itl)
    return bool(named) if servers is None else any(each in servers for each in named)


def could_ask(trust: TrustState, servers: Collection[bytes] | None) -> bool:
    """Return whether a phone could ask one of these TVS servers, by its ITL and what is told of its configuration."""
    if not reaches(trust, servers):
        return False
    named = told_certificates(trust)
    if named is None:
        return True
    return bool(named) if servers is None else not named.isdisjoint(servers)


def asks(trust: TrustState, servers: Collection[bytes] | None) -> bool:
    """Return whether a phone asks one of these TVS servers: one that its ITL and its configuration name."""
    if not could_ask(trust, servers):
        return False
    known = [each.address for each in trust.tvs_servers if each.port == KNOWN_BY_NAME]
    if servers is None or not known:
        return True
    hosts = tvs_hosts(trust.itl)
    return any(not hosts.get(each, frozenset()).isdisjoint(servers) for each in known)


def file_signer(published: TrustList | bytes | None) -> Certificate | None:
    """Return the certificate of a list's first TFTP record."""
    return first_certificate(published, FILE_SIGNERS)


def list_digest(published: TrustList | bytes | None) -> int | None:
    """Return the wire code of the digest that a list is signed over; None of one whose header cannot be read."""
    whole = readable_part(published) if isinstance(published, bytes) else published
    return None if whole is None else whole.header.digest_code


def first_certificate(published: TrustList | bytes | None, roles: Collection[Role]) -> Certificate | None:
    """Return the certificate of a list's first record that has one and one of the roles."""
    whole = readable_part(published) if isinstance(published, bytes) else published
    records = whole.records_with_role(*roles) if whole is not None else ()
    return next((record.certificate for record in records if record.certificate is not None), None)


def is_copy(file: TrustList | bytes, whole: TrustList) -> bool:
    """Return whether a file is a copy of a list, maybe a damaged one: no two have the same header, with its signature.

    Lists that are yet to be signed have zeros in its place and are nobody's copies.
    """
    data = file if isinstance(file, bytes) else file.data
    return data.startswith(whole.data[: whole.header.length]) and any(whole.header.signature or b"")


@cache
def readable_part(data: bytes) -> TrustList | None:
    """Return as many records of a damaged list as can be read."""
    try:
        fields = walk_header(data)
    except MalformedError:
        return None
    spans = []
    pos = fields.end
    while pos < len(data):
        end = pos + int.from_bytes(data[pos + 3 : pos + 5])
        if end <= pos:
            break  # zeros behind the last record announce records of no length, for ever
        try:
            spans += walk_records(data[:end], pos)
        except MalformedError:
            break
        pos = end
    return TrustList(data, Header(data, fields), spans)
