"""A service behind one TCP door, whose guests are sent home alike."""

from __future__ import annotations

from typing import Any

from mixedmode.services.net.doors import TcpDoor
from mixedmode.services.net.guests import Guests
from mixedmode.services.net.service import Service


class DoorService(Service):
    """What opens one door to guests.

    Attributes:
        guests: Who is there; made by the service, as its door is.
    """

    guests: Guests[Any]
    _door: TcpDoor

    async def _finish(self, timeout: float) -> int:
        """Let nobody in, send away who asks for nothing, and let the others have their answer."""
        self._door.close()
        self.guests.drain()
        return await self.guests.gone(timeout)
