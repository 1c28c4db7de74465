"""The cluster of a node or a lab in a forecast: what is published now, what an operation would publish, whom TVS knows.

Rules:

1. Nothing is written and no key is used: operations are foreseen one after another, and every TFTP is restarted after
   each but a reset of the ITL. What a cluster refuses now is refused here too, of the first operation; later ones meet
   what is not there yet.
2. Phones get the lists of the publisher, or of the first node with TFTP if the publisher has none.
3. TVS vouches for what is in the stores, with the roles that it gives, and for what the stores do not know by the
   functions of the CTL file's records; its servers and the CallManager show the certificates that the nodes have,
   whatever the lists say.
"""

from __future__ import annotations

import json
import shlex
from collections import defaultdict
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING

from mixedmode.errors import MalformedError, MixedModeError, UsageError
from mixedmode.forecast.plan import Published, Step
from mixedmode.forecast.vouching import Vouched
from mixedmode.phone.mind.trust.decisions import ListKind
from mixedmode.trustlist.kinds import CTL_FILE, ITL_FILE
from mixedmode.trustlist.model import TrustList

if TYPE_CHECKING:
    from mixedmode.app.targets.hands import Hands
    from mixedmode.cluster.engine.memory import Json
    from mixedmode.cluster.engine.operation import Operation
    from mixedmode.cluster.publishing.outlook import Outlook
    from mixedmode.pki.certificates.certificates import Certificate
    from mixedmode.trustlist.model import Record

_KINDS = {ListKind.CTL: CTL_FILE, ListKind.ITL: ITL_FILE}


class About:
    """The cluster that a forecast is about.

    Args:
        hands: Open while this is made.

    Attributes:
        refused: Why the cluster refuses an operation that was asked about.
    """

    def __init__(self, directory: Path | None, config: Path | None, hands: Hands) -> None:
        from mixedmode.cluster.publishing import archive
        from mixedmode.cluster.publishing.looking import outlook

        self._place = directory, config
        self._after: dict[tuple[str, ...], Outlook] = {(): outlook(hands.cluster)}
        self._done: tuple[str, ...] = ()
        self.refused: MixedModeError | None = None
        database = hands.cluster.database
        hashes = {each.sha256 for each in archive.history(database)}
        found = (archive.content(database, each) for each in sorted(hashes))
        self.lists = [data for data in (*found, *self._after[()].files.values()) if data is not None]
        self.present = foreseen_step("as it is", self._after[()], None)

    @property
    def prints(self) -> dict[str, str]:
        """What the cluster is now, before any operation, for a later comparison."""
        from mixedmode.app.commands.forecasting.fingerprints import of_cluster

        return of_cluster(self._after[()])

    def operate(self, text: str) -> Step:
        """Return the step that an operation is, after those that were asked for before.

        Raises:
            MixedModeError: There is no such operation, or it would be refused.
        """
        self._done = (*self._done, text)
        try:
            return self.foresee(self._done)[-1]
        except MixedModeError as error:
            self.refused = error
            raise

    def foresee(self, texts: tuple[str, ...]) -> tuple[Step, ...]:
        """Return the steps that operations are, one after another.

        Raises:
            MixedModeError: There is no such operation, or it would be refused.
        """
        befores = [texts[:number] for number in range(len(texts))]
        return tuple(
            replace(foreseen_step(text, self._outlook(texts[: number + 1]), self._outlook(before)), operation=text)
            for number, (text, before) in enumerate(zip(texts, befores, strict=True))
        )

    def _outlook(self, texts: tuple[str, ...]) -> Outlook:
        found = self._after.get(texts)
        if found is None:
            found = self._after[texts] = self._foreseen(texts)
        return found

    def _foreseen(self, texts: tuple[str, ...]) -> Outlook:
        from mixedmode.app.targets.hands import looked_at

        before = self._outlook(texts[:-1])
        title, fields = _read(texts[-1])
        with looked_at(*self._place) as hands:
            operation = hands.control.operation(title, fields)
            if len(texts) == 1:
                after = hands.control.preview(hands.principal, operation).after
            else:
                after = operation.foresee(before)
        return in_force(operation, after)


def whose(directory: Path | None, config: Path | None, *, wanted: bool) -> About | None:
    """Return the cluster that a forecast is about, None if it is about files alone.

    Raises:
        NotFoundError: There is no cluster.
        DatabaseError: The database cannot be used.
    """
    if not wanted:
        return None
    from mixedmode.app.targets.hands import looked_at

    with looked_at(directory, config) as hands:
        return About(directory, config, hands)


def _read(text: str) -> tuple[str, dict[str, Json]]:
    try:
        words = shlex.split(text)
    except ValueError as error:
        raise UsageError(f"{text!r} cannot be read: {error}") from error
    fields: dict[str, Json] = {}
    for word in words:
        key, equals, value = word.partition("=")
        if equals:
            try:
                fields[key] = json.loads(value)
            except ValueError:
                fields[key] = value
    return " ".join(word for word in words if "=" not in word), fields


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
    from mixedmode.cluster.model.topology import SecurityMode
    from mixedmode.cluster.publishing.lists import has_stand_in
    from mixedmode.pki.certificates.profiles import Purpose

    view = after.view
    tftp = view.tftp_nodes
    server = view.publisher if view.publisher in tftp or not tftp else tftp[0]
    lists, withdrawn = [], []
    stand_ins: set[bytes] = set()
    for kind, name in _KINDS.items():
        data = after.files.get((server.name, name))
        if data is not None and (before is None or data != before.files.get((server.name, name))):
            lists.append(Published(kind, TrustList.parse(data)))
            stand_ins |= {data} if has_stand_in(data) else set()
        elif data is None and before is not None and (server.name, name) in before.files:
            withdrawn.append(kind)
    own = view.own.get((view.publisher.name, Purpose.CALLMANAGER.value))
    files = view.own.get((server.name, Purpose.CALLMANAGER.value))
    tvs = (certificate for (_, unit), certificate in view.own.items() if unit == Purpose.TVS.value)
    return Step(
        label,
        tuple(lists),
        withdrawn=tuple(withdrawn),
        vouched=_vouched(after),
        servers=frozenset(certificate.der for certificate in tvs) or None,
        signer=files,
        shown=own if view.mode is SecurityMode.MIXED else None,
        signed_by_stand_in=frozenset(stand_ins),
    )


def _records(ctl: bytes | None) -> tuple[Record, ...]:
    """Return the records of a CTL file; a torn one has none."""
    try:
        return () if ctl is None else TrustList.parse(ctl).records
    except MalformedError:
        return ()


def _vouched(after: Outlook) -> Vouched:
    from mixedmode.cluster.model.trust_roles import ROLES

    roles: dict[Certificate, set[int]] = defaultdict(set)
    own = set(after.view.own.values())
    for (_, unit), certificate in after.view.own.items():
        roles[certificate].update(role.value for role in ROLES.get(unit, ()))
    for store, certificates in after.trust.items():
        for certificate in certificates:
            if certificate not in own or store == "Phone-SAST-trust":
                roles[certificate].update(role.value for role in ROLES.get(store, ()))
    known = {certificate for certificate, found in roles.items() if found}
    ctl = after.files.get((after.view.publisher.name, CTL_FILE))
    for record in _records(ctl):
        if record.certificate is not None and record.role_code is not None and record.certificate not in known:
            roles[record.certificate].add(record.role_code)
    return Vouched(tuple((certificate, frozenset(found)) for certificate, found in roles.items() if found))
