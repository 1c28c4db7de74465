"""What the pages of one node have in common: the cluster behind its door, the doorman, the frame, the hub of events."""

from __future__ import annotations

import threading
from collections import Counter
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import datetime

from mixedmode.cluster.engine.principal import Principal
from mixedmode.cluster.facade import Cluster
from mixedmode.control.door import Control
from mixedmode.control.logins import LoginGuard
from mixedmode.control.phone_orders import order_phones
from mixedmode.control.phones import PhoneHands
from mixedmode.control.signed_in.api_tokens import ApiTokens
from mixedmode.control.signed_in.saved_filters import SavedFilters
from mixedmode.control.signed_in.web_sessions import Sessions
from mixedmode.faces.ssh.home_services import HomeServices
from mixedmode.faces.ssh.side_loop import SideLoop
from mixedmode.faces.web.kit.cards import CardStore
from mixedmode.faces.web.kit.doorman import Doorman
from mixedmode.faces.web.kit.events import Hub
from mixedmode.faces.web.kit.frame import FrameStore, running_change
from mixedmode.faces.web.metering import Meter
from mixedmode.faces.web.rates import Rates
from mixedmode.faces.web.serviceability.dock import Dock
from mixedmode.faces.web.serviceability.dock_sources import operation_acts, reset_acts
from mixedmode.faces.web.standing.lscs import Lscs
from mixedmode.faces.web.standing.resets import Resets
from mixedmode.faces.web.standing.standing import Standing
from mixedmode.faces.web.vitals import Vitals

_NOTES = 1000


@dataclass(frozen=True, slots=True)
class Absence:
    """What is known of a publisher's database that may be away.

    Attributes:
        since: Returns since when it is away, None if it is there.
        control: The door meanwhile.
        standing: How phones stood when it was there, if that is known: a copy does not have what was seen of them.
    """

    since: Callable[[], datetime | None] = lambda: None
    control: Control | None = None
    standing: Standing | None = None


class Desk:
    """The desk.

    Args:
        cluster: The cluster, as administrators change it.
        node: The node that answers.
        guard: Checks passwords, on the node's own loop.
        sessions: Who is signed in.
        side: The loop of the pages.
        services: The hands on the services of nodes, to be used on that loop; None where there are none.
        phones: The hands on phones, on the node's own loop; None where there are none.
        counts: Counters of the service, by name.
        vitals: What the node tells of itself.
        absence: What is known of the publisher's database; by default that it is there.

    Attributes:
        control: The door: every change passes it.
        away: Returns since when the publisher's database is away, None if it is there.
        doorman: Says who asks.
        frame: What stands around a page.
        cards: What is wrong with the cluster.
        hub: Tells pages what changes.
        standing: How every phone stands.
        lscs: The certificate of every phone.
        resets: Phones that are being reset.
        dock: What takes long.
        meter: Counts requests.
        rates: How often programs may ask.
        filters: Tables as people want to see them again.
    """

    def __init__(
        self,
        cluster: Cluster,
        node: str,
        *,
        guard: LoginGuard,
        sessions: Sessions,
        side: SideLoop,
        phones: PhoneHands | None = None,
        services: HomeServices | None = None,
        counts: Counter[str] | None = None,
        vitals: Vitals | None = None,
        absence: Absence | None = None,
    ) -> None:
        self.cluster, self.node, self.side = cluster, node, side
        self.services = services
        self.counts: Counter[str] = Counter() if counts is None else counts
        absence = absence or Absence()
        self.control = absence.control or Control(cluster)
        self.away = absence.since
        tokens = ApiTokens(cluster, node, guard.accounts)
        self.doorman = Doorman(self.control, node, guard=guard, sessions=sessions, tokens=tokens, side=side)
        self.rates = Rates()
        self.filters = SavedFilters(cluster, node)
        self.standing: Standing = absence.standing or Standing(cluster)
        self.lscs = Lscs(cluster)
        self.resets = Resets(self.control, phones, side, self.standing, self._speaks_sip, self._order)
        self.frame = FrameStore(
            cluster, node, count=self.standing.counts, running=lambda: running_change(cluster, self.control)
        )
        self.cards = CardStore(cluster, self.control, self.frame)
        self.hub = Hub(self)
        self.meter = Meter()
        self.vitals = vitals or Vitals()
        self.dock = Dock(lambda: self.hub.nudge("acts"))
        self.dock.sources = [lambda: operation_acts(self.control), lambda: reset_acts(self.resets)]
        self._notes: dict[str, tuple[str, str]] = {}
        self._lock = threading.Lock()

    def _speaks_sip(self, name: str) -> bool:
        device = self.cluster.devices.find(name)
        return device is not None and device.protocol == "SIP"

    def _order(self, principal: Principal, names: Sequence[str]) -> bool:
        if all(self.cluster.folder(each.name).is_here for each in self.cluster.nodes()):
            return False
        order_phones(self.cluster, self.control, principal, names)
        return True

    def leave_note(self, token: str, kind: str, text: str) -> None:
        """Keep a note for the next page of a session; a restart of the service may lose it."""
        with self._lock:
            while len(self._notes) >= _NOTES:
                del self._notes[next(iter(self._notes))]
            self._notes[token] = (kind, text)

    def take_note(self, token: str) -> tuple[str, str] | None:
        """Return the note that was left for a session, once."""
        with self._lock:
            return self._notes.pop(token, None)
