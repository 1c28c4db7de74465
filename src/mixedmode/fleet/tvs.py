"""The fleet's questions to TVS: each phone asks for itself, over TLS, a bounded number at the same time."""

from __future__ import annotations

import asyncio

from mixedmode.errors import RemoteError
from mixedmode.fleet.faults import FaultPlan
from mixedmode.fleet.phones import FleetOptions, FleetPhone
from mixedmode.phone.body.client import TvsClient, TvsRequest
from mixedmode.phone.mind.requests import AskTvs
from mixedmode.phone.mind.trust.decisions import TVS_UNREACHABLE, TvsAnswer
from mixedmode.phone.mind.trust.state import PhoneState
from mixedmode.trustlist.roles import Role


class TvsQuestions:
    """Asks TVS for phones.

    Args:
        ask: Asks one server; None: none is reachable.
        options: How many at once, and how long a silent server is waited for.
        faults: Which servers are silent.

    Attributes:
        asked: How often a server was asked.
    """

    def __init__(self, ask: TvsClient | None, options: FleetOptions, faults: FaultPlan) -> None:
        self.asked = 0
        self._ask = ask
        self._faults = faults
        self._patience = options.tvs_deadline
        self._gate = asyncio.Semaphore(options.tvs_at_once)

    async def answer(self, phone: FleetPhone, state: PhoneState, request: AskTvs) -> TvsAnswer:
        """Return the answer of the first server that gives one.

        Args:
            phone: Who asks.
            state: What it holds now.
            request: The question and the servers, in order.
        """
        ask = self._ask
        if ask is None:
            return TVS_UNREACHABLE
        itl = state.trust.itl
        records = itl.records_with_role(Role.TVS) if itl is not None else ()
        trusted = tuple(record.certificate_der for record in records if record.certificate_der is not None)
        device = f"{phone.model.product}-{phone.name}"
        for server in request.servers:
            self.asked += 1
            if self._faults.is_silent(server.address):
                await asyncio.sleep(self._patience)
                continue
            asked = TvsRequest(server, request.question, device, phone.model.tls_max, trusted)
            try:
                async with self._gate:
                    return await ask(asked)
            except RemoteError:
                continue
        return TVS_UNREACHABLE
