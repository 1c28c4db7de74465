"""The web pages of a lab's phones, each on an address of its own."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Callable, Mapping
from functools import partial
from typing import Final

from mixedmode.phone.body.pages.facts import PageFacts
from mixedmode.phone.body.pages.server import CONNECTIONS, PhonePages
from mixedmode.phone.mind.config import PhoneConfig, parse_config
from mixedmode.rehearsal.lab.network import Network
from mixedmode.rehearsal.lab.phones import LabPhone, LabPhones
from mixedmode.services.net.gate import Gate

PREFERRED_PORT: Final = 8080
"""Taken where the lab has its network for itself; any free port otherwise."""
PER_SOURCE: Final = CONNECTIONS // 2
"""Connections to one phone's pages from one source."""
_log = logging.getLogger(__name__)


class LabPages:
    """The web servers of a lab's phones.

    Args:
        phones: Of the lab.
        network: Of the lab.
        tftp: Says where the phones fetch their files now.
    """

    def __init__(self, phones: LabPhones, network: Network, tftp: Callable[[], str]) -> None:
        self._phones, self._network, self._tftp = phones, network, tftp
        self._servers: list[PhonePages] = []
        self._addresses: dict[str, str] = {}

    @property
    def addresses(self) -> Mapping[str, str]:
        """The address of each phone's pages."""
        return self._addresses

    async def start(self) -> None:
        """Listen for every phone; one that gets no address has no pages."""
        for number, name in enumerate(self._phones.names):
            phone = self._phones.find(name)
            if phone is None:
                continue
            host = self._network.phone_address(number)
            facts: Callable[[], PageFacts] = partial(self._facts, phone, host)
            server = PhonePages(facts, phone.erase, door=Gate(CONNECTIONS, PER_SOURCE))
            try:
                where = await server.start(host, PREFERRED_PORT if self._network.claimed else 0)
            except OSError as error:
                _log.warning("%s has no web pages: %s", name, error)
                continue
            self._servers.append(server)
            self._addresses[name] = f"http://{where[0]}:{where[1]}/"

    async def stop(self) -> None:
        """End them."""
        await asyncio.gather(*(server.stop() for server in self._servers))
        self._servers.clear()
        self._addresses.clear()

    def _facts(self, each: LabPhone, host: str) -> PageFacts:
        phone = each.phone
        return PageFacts(
            phone.name,
            phone.model,
            host,
            phone.state.trust,
            _config(each),
            each.status,
            tuple(each.history),
            tuple(each.log),
            self._tftp(),
        )


def _config(each: LabPhone) -> PhoneConfig | None:
    state = each.phone.state
    if state.parsed is not None or state.config is None:
        return state.parsed
    return parse_config(state.config)
