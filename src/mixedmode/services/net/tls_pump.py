"""The compiled way of a TLS server's connections (``_tls.c``), where it was built.

An event loop watches one descriptor for all of them; accepting, handshakes and records cost no line of Python.
"""

from __future__ import annotations

import asyncio
import socket
import ssl
from collections.abc import Sequence
from typing import Final

from mixedmode.pki.certificates.load import private_key_der
from mixedmode.pki.signing.signer import SoftwareSigner

try:
    from mixedmode.services.net import _tls
except ImportError:  # no compiler or no OpenSSL headers when the package was built
    _tls = None  # type: ignore[assignment]

COMPILED: Final = _tls is not None
"""Whether it is there."""


class PumpedKeys:
    """Keys and versions for connections of a pump."""

    def __init__(self, pump: _tls.Pump, keys: _tls.Keys) -> None:
        self._pump, self._keys = pump, keys

    def channel(self, client: int) -> _tls.Channel:
        """Return the channel of a socket that does not block, which is the channel's from now on."""
        return self._pump.take(client, self._keys)


class Pump:
    """Connections of one service on the running event loop, until it is closed."""

    def __init__(self) -> None:
        self._pump = _tls.Pump()
        self._loop = asyncio.get_running_loop()
        self._loop.add_reader(self._pump.fileno(), self._pump.turn)

    def keys(self, context: ssl.SSLContext, signers: Sequence[SoftwareSigner]) -> PumpedKeys:
        """Return what a context says, with the keys that it was given.

        Args:
            context: Of a server that asks for no client certificate.
            signers: The keys with their certificates.
        """
        ciphers = (each["name"] for each in context.get_ciphers() if not each["name"].startswith("TLS_"))
        keys = _tls.Keys(
            [(each.certificate.der, private_key_der(each.key)) for each in signers],
            options=context.options,
            level=context.security_level,
            least=max(context.minimum_version, 0),
            ciphers=":".join(ciphers),
            tickets=context.num_tickets,
        )
        return PumpedKeys(self._pump, keys)

    def close(self) -> None:
        """Close all connections that are left, without a word. Closing twice does no harm."""
        if self._pump.fileno() >= 0:
            self._loop.remove_reader(self._pump.fileno())
            self._pump.close()


def accept(listener: socket.socket) -> tuple[int, str]:
    """Return the descriptor and the address of the next connection, which does not block.

    Raises:
        OSError: There is none, or no room for it.
    """
    return _tls.accept(listener.fileno())
