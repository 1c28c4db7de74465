"""A cluster's outlook as a step of a plan: what it publishes, whom TVS vouches for, who shows and signs what.

Rules:

1. Phones get the lists of the node whose ITL they hold. All others, and those of a node that has left, get those of the
   publisher, or of the first node with TFTP if the publisher has none.
2. TVS vouches for what is in the stores, with the roles that it gives, also for certificates of nodes that only another
   version has, and for what the stores do not know by the functions of the CTL file's records; its servers and the
   CallManager show the certificates that the nodes have, whatever the lists say. Configurations name the TVS servers of
   the cluster's own ITL, whichever phones are given.
3. Whose keys can sign lists is known: those of the nodes' CallManager and ITLRecovery, not those that they had before
   (forecast.md 5.3).
4. Every TFTP is restarted after an operation but a reset of the ITL.
"""

from __future__ import annotations

from collections import defaultdict
from dataclasses import replace
from functools import lru_cache
from typing import TYPE_CHECKING, Final

from mixedmode.cluster.model.topology import SecurityMode, Service
from mixedmode.cluster.model.trust_roles import ROLES
from mixedmode.cluster.publishing.lists import has_stand_in
from mixedmode.errors import MalformedError
from mixedmode.forecast.plan import Published, Served, Step
from mixedmode.forecast.vouching import Vouched
from mixedmode.phone.mind.fate.offers import Keys
from mixedmode.phone.mind.trust.decisions import ListKind
from mixedmode.phone.mind.trust.lookup import tvs_hosts
from mixedmode.pki.certificates.profiles import Purpose
from mixedmode.trustlist.kinds import CTL_FILE, ITL_FILE
from mixedmode.trustlist.model import TrustList

if TYPE_CHECKING:
    from collections.abc import Iterator

    from mixedmode.cluster.authority.view import TrustView
    from mixedmode.cluster.engine.operation import Operation
    from mixedmode.cluster.publishing.outlook import Outlook
    from mixedmode.pki.certificates.certificates import Certificate
    from mixedmode.trustlist.model import Record

_SIGNING: Final = {Purpose.CALLMANAGER.value, Purpose.ITLRECOVERY.value}
_KINDS: Final = {ListKind.CTL: CTL_FILE, ListKind.ITL: ITL_FILE}
_CODES: Final = {unit: frozenset(role.value for role in roles) for unit, roles in ROLES.items()}
"""The wire codes of the roles that TVS gives, by unit."""
_parsed: Final = lru_cache(maxsize=32)(TrustList.parse)
"""Reads a list; those of a cluster's operations are read for every step and every order of them."""


def in_force(operation: Operation, after: Outlook) -> Outlook:
    """Return what nodes serve once an operation is done: every TFTP restarted, unless that would undo it.

    An ITL that was signed by the other anchor is served until the next restart of TFTP, and phones fetch it before.
    """
    from mixedmode.cluster.operations.itl import ItlReset

    return after if isinstance(operation, ItlReset) else after.starting_every_tftp()


def foreseen_step(label: str, after: Outlook, before: Outlook | None) -> Step:
    """Return the step that leads from one outlook to the next.

    Args:
        label: For people.
        after: The cluster after it.
        before: The cluster before it; None: every list is published.
    """
    view = after.view
    tftp = view.tftp_nodes
    server = view.publisher if view.publisher in tftp or not tftp else tftp[0]
    served = _served(server.name, after, before)
    own = view.own.get((view.publisher.name, Purpose.CALLMANAGER.value))
    tvs = (certificate for (_, unit), certificate in view.own.items() if unit == Purpose.TVS.value)
    return Step(
        label,
        served.lists,
        withdrawn=served.withdrawn,
        vouched=_vouched(after),
        servers=frozenset(certificate.der for certificate in tvs) or None,
        signer=served.signer,
        shown=own if view.mode is SecurityMode.MIXED else None,
        signed_by_stand_in=served.signed_by_stand_in,
        mixed=view.mode is SecurityMode.MIXED,
        keys=_keys(after),
        digest=after.digest.value,
        hosts=_hosts(after.files.get((server.name, ITL_FILE)), view),
        nodes=tuple(_others(server.name, after, before)),
    )


def _served(node: str, after: Outlook, before: Outlook | None) -> Served:
    """Return what a node has and did not have before."""
    lists, withdrawn = [], []
    stand_ins: set[bytes] = set()
    for kind, name in _KINDS.items():
        data = after.files.get((node, name))
        if data is not None and (before is None or data != before.files.get((node, name))):
            lists.append(Published(kind, _parsed(data)))
            stand_ins |= {data} if has_stand_in(data) else set()
        elif data is None and before is not None and (node, name) in before.files:
            withdrawn.append(kind)
    signer = after.view.own.get((node, Purpose.CALLMANAGER.value))
    return Served(node, tuple(lists), tuple(withdrawn), signer, frozenset(stand_ins))


def _others(server: str, after: Outlook, before: Outlook | None) -> Iterator[Served]:
    """Yield what nodes have other than the one whose lists most phones get, and what phones of one get that left."""
    here = [node.name for node in after.view.tftp_nodes if node.name != server]
    for name in here:
        yield _served(name, after, before)
    gone = [node.name for node in before.view.tftp_nodes if node.name not in {*here, server}] if before else []
    for name in gone:
        yield replace(_served(server, after, None), node=name)


def _hosts(itl: bytes | None, view: TrustView) -> frozenset[str] | None:
    """Return the TVS servers that a cluster's configurations name: those of its own ITL, whichever phones are given.

    An ITL that is prepared for a rollback names none; configurations name the nodes all the same.
    """
    try:
        named = frozenset(tvs_hosts(None if itl is None else _parsed(itl)))
    except MalformedError:
        named = frozenset()
    return named or frozenset(node.name.lower() for node in view.nodes if Service.TVS in node.services) or None


def _keys(after: Outlook) -> Keys:
    every = {**after.hidden, **after.view.own}
    there = frozenset(certificate for (_, unit), certificate in every.items() if unit in _SIGNING)
    before = (certificate for (_, unit), some in after.former.items() if unit in _SIGNING for certificate in some)
    return Keys(there, frozenset(before) - there)


def _records(ctl: bytes | None) -> tuple[Record, ...]:
    """Return the records of a CTL file; a torn one has none."""
    try:
        return () if ctl is None else _parsed(ctl).records
    except MalformedError:
        return ()


def _vouched(after: Outlook) -> Vouched:
    roles: dict[Certificate, set[int]] = defaultdict(set)
    every = {**after.hidden, **after.view.own}
    own = set(every.values())
    for (_, unit), certificate in every.items():
        roles[certificate].update(_CODES.get(unit, ()))
    for store, certificates in after.trust.items():
        codes = _CODES.get(store, ())
        for certificate in certificates:
            if certificate not in own or store == "Phone-SAST-trust":
                roles[certificate].update(codes)
    known = {certificate for certificate, found in roles.items() if found}
    ctl = after.files.get((after.view.publisher.name, CTL_FILE))
    for record in _records(ctl):
        named, code = record.certificate, record.role_code
        if named is not None and code is not None and named not in known:
            roles[named].add(code)
    return Vouched(tuple((certificate, frozenset(found)) for certificate, found in roles.items() if found))
