"""The fleet's questions to TVS: each phone asks for itself, over TLS, a bounded number at the same time."""

from __future__ import annotations

import asyncio

from mixedmode.errors import RemoteError
from mixedmode.fleet.faults import FaultPlan
from mixedmode.fleet.phones import FleetOptions
from mixedmode.phone.body.tvs import TvsClient
from mixedmode.phone.mind.trust.asking import TvsRequest
from mixedmode.phone.mind.trust.decisions import TvsAnswer


class TvsQuestions:
    """Asks one TVS server for a phone; a :data:`~mixedmode.phone.body.tvs.TvsClient`.

    Args:
        ask: Asks one server.
        options: How many at once, and how long a silent server is waited for.
        faults: Which servers are silent.

    Attributes:
        asked: How often a server was asked.
    """

    def __init__(self, ask: TvsClient, options: FleetOptions, faults: FaultPlan) -> None:
        self.asked = 0
        self._ask = ask
        self._faults = faults
        self._patience = options.tvs_deadline
        self._gate = asyncio.Semaphore(options.tvs_at_once)

    async def __call__(self, request: TvsRequest) -> TvsAnswer:
        """Return the server's answer.

        Raises:
            RemoteError: It gives none.
        """
        self.asked += 1
        if self._faults.is_silent(request.server.address):
            await asyncio.sleep(self._patience)
            raise RemoteError("the TVS server is silent", code="timeout")
        async with self._gate:
            return await self._ask(request)
