"""The door of a subscriber while the publisher's database is away: for reading; what is to be noted is noted later."""

from __future__ import annotations

import logging
import threading
from typing import Final

from mixedmode.cluster.engine.principal import Principal
from mixedmode.cluster.facade import Cluster
from mixedmode.control.acts import Act
from mixedmode.control.door import Control

_MOST: Final = 1000
_log = logging.getLogger(__name__)


class AwayControl(Control):
    """The door to a subscriber's own copy of the database.

    Args:
        copy: The copy, to be read only.
    """

    def __init__(self, copy: Cluster) -> None:
        super().__init__(copy, is_copy=True)
        self._now = copy.now
        self._lock = threading.Lock()
        self._handing = threading.Lock()
        self._notes: list[tuple[Principal, Act, str, dict[str, object]]] = []
        self._lost = 0

    def note(self, principal: Principal, act: Act, outcome: str, **details: object) -> None:
        """Remember an entry of the audit log, with its moment; strangers cannot fill the memory."""
        noted = {**details, "database_away": True, "moment": self._now().isoformat(timespec="seconds")}
        _log.info("%s %s at %s: %s, while the database is away", act.name, outcome, principal.node, principal.user)
        with self._lock:
            if len(self._notes) < _MOST:
                self._notes.append((principal, act, outcome, noted))
            else:
                self._lost += 1

    def hand_over(self, control: Control) -> None:
        """Enter what was noted meanwhile.

        Args:
            control: The door to the database that is back.

        Raises:
            DatabaseError: It went away again; what is left is entered next time.
        """
        with self._handing:  # a database that comes back twice in a moment gets each entry once
            while True:
                with self._lock:
                    if not self._notes:
                        lost, self._lost = self._lost, 0
                        break
                    principal, act, outcome, details = self._notes[0]
                control.note(principal, act, outcome, **details)
                with self._lock:
                    del self._notes[0]
        if lost:
            _log.warning("%d entries of the audit log are lost: too many while the database was away", lost)
