"""The addresses of labs: each lab that runs has a network of its own in 127.0.0.0/8, so that none takes another's port.

Nodes stop listening for a moment when a service restarts. Another lab on the same addresses would find the standard
port free just then, and keep it. So a lab claims its network for as long as it lives: it binds a UDP port that nothing
else uses. The system ends a claim with its process, and network namespaces have their own, as they have addresses.
"""

from __future__ import annotations

import socket
from dataclasses import dataclass
from typing import Final

CLAIM_PORT: Final = 6968
"""UDP, on the address of the network's first node. Nothing is ever sent."""
NETWORKS: Final = 64
"""How many networks are tried: 127.0.0 to 127.0.63."""
SEED_NETWORKS: Final = range(47, 100)
"""Of 127.8: addresses of twelve characters, as the seed's 10.48.47.153; lists of the CTL Client spell them out."""
SEED_FIRST: Final = 153
_PHONES: Final = 100
_A_PART: Final = 250


@dataclass(slots=True)
class Network:
    """Addresses that differ in their last byte.

    Attributes:
        prefix: The first three bytes: ``127.0.0``.
        claim: Holds the network; None if another lab has it or the system has no such address.
        first: The last byte of the first node's address.
    """

    prefix: str
    claim: socket.socket | None
    first: int = 1

    @property
    def claimed(self) -> bool:
        """Whether no other lab is in this network, so that standard ports stay this lab's own."""
        return self.claim is not None

    def address(self, number: int) -> str:
        """Return the address of a node, counted from 1."""
        return f"{self.prefix}.{self.first + number - 1}"

    def phone_address(self, number: int) -> str:
        """Return the address of a phone's own pages, counted from 0: in another part of 127, so that no node has it."""
        second, third = (int(part) for part in self.prefix.split(".")[1:])
        part = _PHONES + third if second == 0 else _PHONES + NETWORKS + third - SEED_NETWORKS[0]
        return f"127.{part}.{number // _A_PART}.{number % _A_PART + 1}"

    def release(self) -> None:
        """Let other labs have the network. Releasing twice does no harm."""
        if self.claim is not None:
            self.claim.close()
            self.claim = None


def claim_any(networks: int = NETWORKS) -> Network:
    """Claim the first network that no other lab has; if there is none it is 127.0.0 without a claim.

    Args:
        networks: How many are tried.
    """
    for number in range(networks):
        prefix = f"127.0.{number}"
        claim = _claim(prefix)
        if claim is not None:
            return Network(prefix, claim)
    return Network("127.0.0", None)


def claim_as_seed() -> Network:
    """Claim a network whose addresses are as long as the seed's; without a claim if other labs have them all."""
    for number in SEED_NETWORKS:
        prefix = f"127.8.{number}"
        if (claim := _claim(prefix)) is not None:
            return Network(prefix, claim, SEED_FIRST)
    return Network(f"127.8.{SEED_NETWORKS[0]}", None, SEED_FIRST)


def claim_of(address: str) -> Network:
    """Claim the network of an address, if no other lab has it."""
    prefix = address.rpartition(".")[0]
    return Network(prefix, _claim(prefix))


def _claim(prefix: str) -> socket.socket | None:
    held = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
    try:
        held.bind((f"{prefix}.1", CLAIM_PORT))
    except OSError:
        held.close()
        return None
    return held
