"""ServerRes: the servers that a phone may go to (calls-and-media.md 5); its length tells its two forms apart."""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar, Final

from mixedmode.protocols.sccp.errors import MalformedSccpError
from mixedmode.protocols.sccp.messages.fields import Fields, Message, address, number, text

SERVERS: Final = 5
"""How many it holds."""
SERVER_NAME_WIDTH: Final = 48
_NO_ADDRESS: Final = "0.0.0.0"  # noqa: S104 - an empty slot, nothing is bound
_LONG: Final = SERVERS * (SERVER_NAME_WIDTH + 4 + 20)


@dataclass(frozen=True, slots=True)
class ServerEntry:
    """A server: its name, its port, its IPv4 address."""

    name: str = ""
    port: int = 0
    address: str = _NO_ADDRESS


@dataclass(frozen=True, slots=True)
class ServerRes(Message):
    """009E: up to five servers, in order.

    Attributes:
        servers: Those.
        long: Whether addresses stand in 20 bytes, their kind before them, as from protocol 17 on.
    """

    ID: ClassVar[int] = 0x009E
    servers: tuple[ServerEntry, ...] = ()
    long: bool = False

    def body(self) -> bytes:
        """Return 280 or 360 bytes."""
        if len(self.servers) > SERVERS:
            raise MalformedSccpError(f"{len(self.servers)} servers are too many; the limit is {SERVERS}")
        slots = (*self.servers, *(ServerEntry(),) * (SERVERS - len(self.servers)))
        names = b"".join(text(each.name, SERVER_NAME_WIDTH) for each in slots)
        addresses = [address(each.address) for each in slots]
        if self.long:
            addresses = [number(0) + each.ljust(16, b"\0") for each in addresses]
        return names + b"".join(number(each.port) for each in slots) + b"".join(addresses)

    @classmethod
    def parse(cls, fields: Fields) -> ServerRes:
        """Read it; its length tells the forms apart. IPv6 addresses are left out."""
        long = fields.left >= _LONG
        names = [fields.text(SERVER_NAME_WIDTH, "server name") for _ in range(SERVERS)]
        ports = [fields.number("port") for _ in range(SERVERS)]
        addresses = [_long_address(fields) if long else fields.address("address") for _ in range(SERVERS)]
        slots = [ServerEntry(*each) for each in zip(names, ports, addresses, strict=True)]
        while slots and slots[-1] == ServerEntry():
            slots.pop()
        return cls(tuple(slots), long)


def _long_address(fields: Fields) -> str:
    kind, value = fields.number("address kind"), fields.raw(16, "address")
    return ".".join(map(str, value[:4])) if kind == 0 else _NO_ADDRESS
