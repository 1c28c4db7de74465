"""The change: steps in order, what TVS says in each, and which phones are off.

Rules (forecast.md 1, 5.1, 5.2, 5.9):

1. What a step publishes stays published until another step publishes the same kind, or takes it from the servers.
2. ``up``: the TVS servers are those that the ITL names which was published last, before the first those that the first
   will name, with none in the plan those of the ITL that the phone holds. ``old``: always the latter. ``down``: none
   answers, but those of ``up`` could be made to.
3. Configurations are signed by the first TFTP record of the list that was published last, or of the last one before it
   that has such a record.
"""

from __future__ import annotations

import itertools
import zlib
from collections.abc import Callable
from dataclasses import dataclass, field, replace
from enum import StrEnum
from functools import cached_property, lru_cache
from operator import attrgetter
from typing import Any, Final

from mixedmode.errors import UsageError
from mixedmode.forecast.vouching import Upload, Vouched
from mixedmode.numbers import decimal_number
from mixedmode.phone.mind.fate.offers import Keys, Offer, Presence, Stage, TvsServers
from mixedmode.phone.mind.trust.decisions import ListKind
from mixedmode.phone.mind.trust.lookup import FILE_SIGNERS, tvs_certificates
from mixedmode.pki.certificates.certificates import Certificate
from mixedmode.trustlist.model import TrustList


class Tvs(StrEnum):
    """Which TVS servers answer (rule 2)."""

    UP = "up"
    OLD = "old"
    DOWN = "down"


@dataclass(frozen=True, slots=True)
class Off:
    """Which phones are off.

    Attributes:
        names: These.
        percent: So many of a hundred, chosen by a sum over their names: the same ones each time.
    """

    names: frozenset[str] = frozenset()
    percent: float = 0

    def __bool__(self) -> bool:
        return bool(self.names) or self.percent > 0

    def __contains__(self, name: str) -> bool:
        if name in self.names:
            return True
        return self.percent > 0 and zlib.crc32(name.encode("utf-8", "replace")) % 10_000 < self.percent * 100

    @classmethod
    def parse(cls, text: str) -> Off:
        """Return what ``SEP001122334455,SEP...`` or ``30%`` says.

        Raises:
            UsageError: It is neither.
        """
        from mixedmode.pki.device_names import same_device

        words = [word.strip() for word in text.split(",") if word.strip()]
        shares = [word for word in words if word.endswith("%")]
        counted = [decimal_number(word[:-1]) for word in shares]
        percent = sum(each for each in counted if each is not None)
        if not words or None in counted or percent > 100:
            raise UsageError(f"{text!r} names no phones", next_step="write names with commas between them, or 30%")
        return cls(frozenset(same_device(word) for word in words if word not in shares), percent)


NOBODY: Final = Off()
_KNOWN: Final = ("signer", "shown", "keys", "mixed", "digest", "hosts")
"""What a step may say of servers, beside the lists, that holds until another step says otherwise."""
_said: Final = attrgetter(*_KNOWN)
_OFFERS: Final = 256
"""After so many steps it is remembered what there is: a proposal tries many plans that begin alike."""


@dataclass(frozen=True, slots=True)
class Published:
    """A list that is on the servers from a step on.

    Attributes:
        kind: As what phones are given it.
        file: The list, as bytes if it cannot be read.
        source: Where it was read from; empty if an operation makes it.
    """

    kind: ListKind
    file: TrustList | bytes
    source: str = ""


@dataclass(frozen=True, slots=True)
class Served:
    """What phones meet in a step that get their files from another node than most.

    Attributes:
        node: Its name.
        lists: What it has from then on, and did not have before.
        withdrawn: The kinds of which it has nothing from then on.
        signer: Who signs configurations there.
        signed_by_stand_in: Those of its lists that are yet to be signed.
    """

    node: str
    lists: tuple[Published, ...] = ()
    withdrawn: tuple[ListKind, ...] = ()
    signer: Certificate | None = None
    signed_by_stand_in: frozenset[bytes] = frozenset()


@dataclass(frozen=True, slots=True)
class Step:
    """One step of a change.

    Attributes:
        label: For people.
        lists: What it publishes, in order.
        off: Who is off during it, and comes back after it.
        tvs: How TVS answers, if otherwise than in the whole plan.
        reset: Whether phones are restarted.
        uploads: What is uploaded before it, so that TVS vouches for it from then on.
        operation: The operation that it is; empty if it is none.
        signed_by: Who signs its lists in place of those who did; None: they are as they were read.
        vouched: What TVS vouches for from here on, if that is known.
        servers: DER of the certificates that the TVS servers show from here on, if that is known.
        signer: Who signs configurations from here on, if that is known.
        shown: What the CallManager shows from here on, if that is known.
        signed_by_stand_in: Those of its lists that are yet to be signed: whoever they name as signer signed them.
        withdrawn: The kinds of which nothing is on the servers from here on.
        mixed: Whether the cluster is in mixed mode from here on, if that is known but by its CTL.
        keys: Whose keys can sign its lists from here on, if that is known.
        digest: Wire code of the digest under configurations from here on, if that is known but by the lists.
        hosts: The TVS servers that configurations name from here on, if that is known but by the ITL.
        elsewhere: TVS servers of another cluster that answer as well in this step, by the DER of what they show.
        nodes: What other nodes have than the one whose lists these are.
    """

    label: str
    lists: tuple[Published, ...] = ()
    off: Off = NOBODY
    tvs: Tvs | None = None
    reset: bool = True
    uploads: tuple[Upload, ...] = ()
    operation: str = ""
    signed_by: Certificate | None = None
    vouched: Vouched | None = None
    servers: frozenset[bytes] | None = None
    signer: Certificate | None = None
    shown: Certificate | None = None
    signed_by_stand_in: frozenset[bytes] = frozenset()
    withdrawn: tuple[ListKind, ...] = ()
    mixed: bool | None = None
    keys: Keys | None = None
    digest: int | None = None
    hosts: frozenset[str] | None = None
    elsewhere: tuple[tuple[frozenset[bytes], Vouched], ...] = ()
    nodes: tuple[Served, ...] = ()

    def at(self, node: str) -> Step:
        """Return the step as phones of a node meet it; lists that were read from files are the same on all nodes."""
        served = next((each for each in self.nodes if each.node == node), None)
        if served is None:
            return replace(self, nodes=())
        return replace(
            self,
            nodes=(),
            lists=(*served.lists, *(each for each in self.lists if each.source)),
            withdrawn=served.withdrawn,
            signer=served.signer,
            signed_by_stand_in=self.signed_by_stand_in | served.signed_by_stand_in,
        )


@lru_cache(maxsize=_OFFERS)
def _offer_after(
    offer: Offer, withdrawn: tuple[ListKind, ...], lists: tuple[Published, ...], said: tuple[object, ...]
) -> Offer:
    """Return what there is after a step."""
    for kind in withdrawn:
        offer = offer.without(kind)
    for each in lists:
        offer = offer.publishing(each.kind, each.file)
    known: dict[str, Any] = {name: value for name, value in zip(_KNOWN, said, strict=True) if value is not None}
    return replace(offer, **known) if known else offer


Foresee = Callable[[tuple[str, ...]], tuple[Step, ...]]
"""Foresees operations one after another.

Raises:
    MixedModeError: One of them would be refused.
"""


@dataclass(frozen=True)
class Plan:
    """A change.

    Attributes:
        steps: In order, at least one.
        tvs: How TVS answers.
        vouched: What TVS vouches for.
        present: What is on the servers already, and who they are, if that is known.
        foresee: Foresees the operations of the cluster that it is about; None if it is about files alone.
    """

    steps: tuple[Step, ...]
    tvs: Tvs = Tvs.UP
    vouched: Vouched = field(default_factory=Vouched)
    present: Step | None = None
    foresee: Foresee | None = field(default=None, compare=False)

    def __post_init__(self) -> None:
        if not self.steps:
            raise UsageError("there is no change to forecast", next_step="name one: --publish CTLFile.tlv")

    def node_of(self, itl: object) -> str:
        """Return the node from which a phone gets its files that holds an ITL: the one that its server record names.

        Returns:
            Its name; empty if it is the one whose lists the steps have, or is not known.
        """
        nodes = (self.present or self.steps[0]).nodes
        if not nodes or not isinstance(itl, TrustList):
            return ""
        named = {each.dns_name.lower() for each in itl.records_with_role(*FILE_SIGNERS) if each.dns_name}
        return next((each.node for each in nodes if {each.node.lower()} == named), "")

    def at(self, node: str) -> Plan:
        """Return the plan as phones of a node meet it."""
        steps = tuple(each.at(node) for each in self.steps)
        return replace(self, steps=steps, present=self.present and self.present.at(node))

    def absences(self, name: str) -> tuple[bool, ...]:
        """Return in which steps a phone is off."""
        return tuple(name in step.off for step in self.steps)

    @property
    def someone_is_off(self) -> bool:
        """Whether any step has phones that are off."""
        return any(step.off for step in self.steps)

    def stages(self, absences: tuple[bool, ...] = ()) -> tuple[Stage, ...]:
        """Return what a phone meets that is off in these steps."""
        if True not in absences:
            return self._met
        off = itertools.chain(absences, itertools.repeat(False))
        return tuple(
            Stage(each.offer, each.tvs, Presence.OFF) if is_off else each
            for each, is_off in zip(self._met, off, strict=False)
        )

    @cached_property
    def _met(self) -> tuple[Stage, ...]:
        """What a phone meets that is never off."""
        found = []
        offer, vouched, named = Offer(), self.vouched, self._first_servers()
        before = (self.present,) if self.present is not None else ()
        uploads: tuple[Upload, ...] = ()
        for number, step in enumerate((*before, *self.steps), -len(before)):
            offer = _offer_after(offer, step.withdrawn, step.lists, _said(step))
            for each in step.lists:
                if each.kind is ListKind.ITL and isinstance(each.file, TrustList):
                    named = frozenset(tvs_certificates(each.file))
            named = step.servers or named
            uploads += step.uploads
            vouched = (step.vouched or vouched).after(uploads) if step.vouched or step.uploads else vouched
            if number >= 0:
                tvs = self._servers(step.tvs or self.tvs, named, vouched, step.elsewhere)
                presence = Presence.RESTARTS if step.reset else Presence.STAYS
                found.append(Stage(offer, tvs, presence))
        return tuple(found)

    @property
    def unsigned(self) -> frozenset[bytes]:
        """The lists that are yet to be signed."""
        return frozenset(data for step in self.steps for data in step.signed_by_stand_in)

    def certificates(self) -> list[Certificate]:
        """Return every certificate of every list that is published."""
        lists = [each.file for step in self.steps for each in step.lists if isinstance(each.file, TrustList)]
        every = (record.certificate for each in lists for record in each.records)
        return list(dict.fromkeys(each for each in every if each is not None))

    def _first_servers(self) -> frozenset[bytes] | None:
        for step in self.steps:
            for each in step.lists:
                if each.kind is ListKind.ITL and isinstance(each.file, TrustList):
                    return frozenset(tvs_certificates(each.file))
        return None

    @staticmethod
    def _servers(
        tvs: Tvs,
        named: frozenset[bytes] | None,
        vouched: Vouched,
        elsewhere: tuple[tuple[frozenset[bytes], Vouched], ...],
    ) -> TvsServers:
        if named is not None:
            named = named.union(*(servers for servers, _ in elsewhere))
        if tvs is Tvs.DOWN:
            return TvsServers(within_reach=named)
        if tvs is Tvs.OLD:
            return TvsServers(vouched, None, None)
        return TvsServers(vouched, named, named, elsewhere)
