"""An account, logged in to a node: what commands know of who runs them."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections import deque
from datetime import UTC, datetime, tzinfo

from mixedmode.cluster.engine.principal import Principal
from mixedmode.cluster.facade import Cluster
from mixedmode.control.door import Control
from mixedmode.control.services import OperationServices, ServiceControl
from mixedmode.faces.shell.talk import AdminIO

HISTORY_LIMIT = 200


class Login(ABC):
    """An account on a node.

    Args:
        cluster: The cluster.
        node: The node that the account is logged in to.
        user: The account.
        privilege: Its level: 0, 1 or 4.
        source: Address it came from, or ``console``.
        services: The port to the services; by default the one that notes in the database what they shall do.
        zone: Time zone of printed dates; by default the machine's.
        warns: Whether commands say before they ask who would be lost (:mod:`.foresight`).

    Attributes:
        control: The door that all that changes something passes.
        history: Lines that were run, oldest first.
    """

    def __init__(
        self,
        cluster: Cluster,
        node: str,
        user: str,
        *,
        privilege: int,
        source: str,
        services: ServiceControl | None,
        zone: tzinfo | None,
        warns: bool = True,
    ) -> None:
        self.cluster = cluster
        self.node = cluster.node(node).name
        self.user = user
        self.privilege = privilege
        self.source = source
        self.services: ServiceControl = services or OperationServices(cluster)
        self.control = Control(cluster)
        self.history: deque[str] = deque(maxlen=HISTORY_LIMIT)
        self.warns = warns
        self._zone = zone

    @property
    def principal(self) -> Principal:
        """The account, as the audit log names it."""
        return Principal(self.user, self.privilege, self.source, self.node)

    @property
    def zone(self) -> tzinfo | None:
        """Time zone of dates that are printed or typed; None for the machine's."""
        return self._zone

    def date(self, moment: datetime | float, *, padded: bool = True) -> str:
        """Return a moment as the system prints it, such as ``Fri Mar 06 19:45:13 CET 2015``.

        Args:
            moment: UTC, or seconds since 1970.
            padded: Write the day with a zero, as ``show ctl`` does, not with a blank.
        """
        return self.local(moment).strftime(f"%a %b {'%d' if padded else '%e'} %H:%M:%S %Z %Y")

    def local(self, moment: datetime | float) -> datetime:
        """Return a moment in the session's time zone."""
        if not isinstance(moment, datetime):
            moment = datetime.fromtimestamp(moment, UTC)
        return moment.astimezone(self._zone)

    @abstractmethod
    async def run_aside(self, line: str, io: AdminIO) -> None:
        """Run a line in the name of the same account, without a trace in the history."""
