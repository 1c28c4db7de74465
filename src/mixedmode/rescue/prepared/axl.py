"""A CUCM as a rescue writes to it: the devices of its control user, and the reset of a phone.

Rules:

1. ``associatedDevices`` replaces the whole list (docs/specification/rescue.md 1.4): it is read, counted by another way
   (:mod:`.counted`), merged, written, and read again. If a device is missing then, the old list is put back at once.
2. Nothing is sent that is not on the list of :mod:`.allowed`, and only to a node that was recognised.
3. One request at a time.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final, NoReturn

from mixedmode.errors import CheckFailedError, MixedModeError, RemoteError, UsageError
from mixedmode.live.allowed.requests import HttpRequest, Place, check_request
from mixedmode.live.cluster_file import ClusterFile
from mixedmode.live.logins import ask_nobody, credentials, trust_for
from mixedmode.live.sources.axl import Axl, AxlFaultError
from mixedmode.live.sources.seeing import Seen
from mixedmode.live.sources.uds import look_at_release
from mixedmode.live.wire.clock import SYSTEM, Clock
from mixedmode.live.wire.https import Credentials, Web
from mixedmode.live.wire.soap import text_element
from mixedmode.live.wire.tls import Trust
from mixedmode.rescue.prepared.allowed import WRITES
from mixedmode.rescue.prepared.changes import Kind, missing
from mixedmode.rescue.prepared.counted import Held, check_count, counted, statement

NO_SUCH: Final = "not found"
"""What a fault says of a user that is not there."""
MOST_DEVICES: Final = 15_000
"""Devices of one user: a request is at most a megabyte."""
_NAMED: Final = 10
_TAGS: Final = "<returnedTags><userid/><associatedDevices><device/></associatedDevices></returnedTags>"
_OPERATIONS: Final = {Kind.APPLICATION: ("AppUser", "appUser"), Kind.END: ("User", "user")}


class WritingWeb(Web):
    """A connection that may send :data:`.WRITES` beside what reads."""

    def _check(self, request: HttpRequest) -> None:
        check_request(request, WRITES)


class PutBackError(CheckFailedError):
    """A CUCM did not take a list whole, and has the old one again."""


class Writer:
    """Writes to a CUCM by AXL.

    Args:
        axl: Of the publisher.
        where: The publisher, for messages.
    """

    def __init__(self, axl: Axl, where: str) -> None:
        self._axl, self.where = axl, where

    def kind_of(self, user: str) -> Kind:
        """Return what a user is.

        Raises:
            RemoteError: AXL knows no such user, or does not answer.
        """
        why: list[str] = []
        for kind in Kind:
            try:
                self.devices(user, kind)
            except AxlFaultError as error:
                why.append(f"{kind}: {error.fault.text or 'a fault'}")
                continue
            return kind
        is_absent = all(NO_SUCH in each.lower() for each in why)
        raise RemoteError(
            f"AXL knows no user {user}" if is_absent else f"AXL does not tell what {user} controls",
            where=self.where,
            why="; ".join(why),
            next_step="make the control user first"
            if is_absent
            else "give --write-user the role Standard AXL API Access",
        )

    def devices(self, user: str, kind: Kind) -> tuple[str, ...]:
        """Return which devices a user controls.

        Raises:
            RemoteError: AXL does not answer, or not about this user.
        """
        return self.held(user, kind).devices

    def held(self, user: str, kind: Kind) -> Held:
        """Return what AXL lists of a user.

        Raises:
            RemoteError: AXL does not answer, or not about this user.
        """
        operation, element = _OPERATIONS[kind]
        found = self._axl.call(f"get{operation}", text_element("userid", user) + _TAGS).child(element)
        if found is None or found.value("userid").lower() != user.lower():
            raise RemoteError(f"AXL's answer is not about {user}", where=self.where)
        listed = found.child("associatedDevices")
        devices = tuple(each.text for each in listed.all("device") if each.text) if listed is not None else ()
        return Held(user, kind, devices, found.attribute("uuid"))

    def check(self, held: Held) -> None:
        """Check that a list is whole, by the number that the database has.

        Raises:
            RemoteError: That could not be asked.
            CheckFailedError: It is not.
        """
        try:
            count = counted(held, self._axl.select(statement(held)))
        except MixedModeError as error:
            raise RemoteError(
                f"nobody says whether AXL's list of {len(held.devices):,} devices of {held.user} is whole; "
                "nothing was written",
                where=self.where,
                why=f"executeSQLQuery does not count them: {error.what}",
                next_step="have --write-user allowed to send executeSQLQuery (role Standard AXL API Access), or change "
                "the user's Controlled Devices in Cisco Unified CM Administration",
            ) from error
        check_count(held, count, self.where)

    def set_devices(self, held: Held, devices: Sequence[str]) -> None:
        """Have a user control these devices and no other, and see that he does.

        Args:
            held: What he controls; it was checked.
            devices: What he is to control.

        Raises:
            UsageError: They are too many.
            RemoteError: AXL does not answer.
            PutBackError: It did not take all of them; he controls again what he did.
            CheckFailedError: He controls others behind it.
        """
        refuse_too_many(len(devices))
        now = self._replaced(held, devices)
        lost = missing(now, devices)
        if lost:
            self._put_back(held, devices, now, lost)
        count = len({each.lower() for each in now})
        if count != len({each.lower() for each in devices}):
            raise CheckFailedError(
                f"{held.user} controls {count:,} devices, and {len(devices):,} were written",
                where=self.where,
                why="somebody else writes it too, or AXL did not take all of them",
                next_step="mixedmode rescue restore puts back what was added",
            )

    def _replaced(self, held: Held, devices: Sequence[str]) -> tuple[str, ...]:
        listed = "".join(text_element("device", each) for each in devices)
        inner = f"{text_element('userid', held.user)}<associatedDevices>{listed}</associatedDevices>"
        self._axl.call(f"update{_OPERATIONS[held.kind][0]}", inner)
        return self.devices(held.user, held.kind)

    def _put_back(self, held: Held, devices: Sequence[str], now: Sequence[str], lost: Sequence[str]) -> NoReturn:
        """Write the old list and what others added meanwhile, and say how that ended."""
        what = (
            f"{held.user} controlled {len(held.devices):,} devices, {len(devices):,} were written, "
            f"and {len(lost):,} of those are missing ({_some(lost)})"
        )
        others = missing((*held.devices, *devices), now)
        try:
            gone = missing(self._replaced(held, (*held.devices, *others)), held.devices)
            why = f"AXL does not list {len(gone):,} of them: {_some(gone)}" if gone else ""
        except MixedModeError as error:
            why = error.what
        if why:
            raise CheckFailedError(
                f"{what}; the old list could not be put back",
                where=self.where,
                why=why,
                next_step="add what is missing to the user's Controlled Devices in Cisco Unified CM Administration: "
                "the journal has the names as before and added",
            )
        raise PutBackError(
            f"{what}; the old list was put back",
            where=self.where,
            why="AXL did not take all of them, or somebody else writes it too",
            next_step="run it again when nobody else changes the user, or change his Controlled Devices in "
            "Cisco Unified CM Administration",
        )

    def reset(self, phone: str) -> bool:
        """Have a phone reset; return whether AXL took it."""
        try:
            self._axl.call("resetPhone", text_element("name", phone))
        except MixedModeError:
            return False
        return True


def _some(devices: Sequence[str]) -> str:
    return ", ".join(devices[:_NAMED]) + (" ..." if len(devices) > _NAMED else "")


def reader_of(cluster: ClusterFile, clock: Clock = SYSTEM) -> Writer | None:
    """Return what asks the publisher by the login of ``[axl]``, and cannot write; None if that is not named."""
    trust, login = trust_for(cluster, "axl", "web"), credentials(cluster.axl, ask_nobody)
    if trust is None or not isinstance(login, Credentials):
        return None
    node = cluster.publisher
    web = Web(Place.CLUSTER, node.address, node.ports["web"], trust=trust, names=(node.name,), login=login)
    return Writer(Axl(web, _release(cluster, trust, clock), clock), node.name)


def _release(cluster: ClusterFile, trust: Trust, clock: Clock) -> str:
    seen = Seen()
    look_at_release(cluster.publisher, seen, clock, trust)
    return next((each.version for each in seen.nodes if each.version), "")


def refuse_too_many(count: int) -> None:
    """Refuse more devices than one request has room for.

    Raises:
        UsageError: They are too many.
    """
    if count > MOST_DEVICES:
        raise UsageError(f"{count:,} devices are too many for one user", next_step=f"name {MOST_DEVICES:,} at most")


def writer_of(cluster: ClusterFile, login: tuple[str, str], clock: Clock = SYSTEM) -> Writer:
    """Return what writes to the publisher of a cluster.

    Args:
        cluster: Its ``CLUSTER.toml``.
        login: An account that may write by AXL, and its password.
        clock: Waits.

    Raises:
        UsageError: ``CLUSTER.toml`` does not say how the publisher is recognised.
    """
    trust = trust_for(cluster, "axl", "web")
    if trust is None:
        raise UsageError(
            "nothing says how the publisher is recognised, and a password is to be sent there",
            where=str(cluster.path),
            next_step="name its certificate, or who issued it, as cacert in [axl]",
        )
    node = cluster.publisher
    web = WritingWeb(
        Place.CLUSTER, node.address, node.ports["web"], trust=trust, names=(node.name,), login=Credentials(*login)
    )
    return Writer(Axl(web, _release(cluster, trust, clock), clock), node.name)
