"""A word to systemd (sd_notify(3)): that the node is ready, that it is stopping, that it lives."""

from __future__ import annotations

import os
import socket
from collections.abc import Mapping


def notify(state: str, environment: Mapping[str, str] = os.environ) -> bool:
    """Send a state such as ``READY=1``; does nothing where systemd does not run us.

    Returns:
        Whether it was sent.
    """
    place = environment.get("NOTIFY_SOCKET", "")
    if not place or place[0] not in "/@":
        return False
    address = "\0" + place[1:] if place[0] == "@" else place
    with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM | socket.SOCK_CLOEXEC) as sock:
        try:
            sock.connect(address)
            sock.sendall(state.encode())
        except OSError:
            return False
    return True
