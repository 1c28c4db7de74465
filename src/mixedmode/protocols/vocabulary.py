"""The words that every protocol machine knows, whichever protocol and whichever side it speaks for.

A machine holds what one side of a conversation knows of it. It reads no socket and no clock: bytes and the time come
in, bytes and events go out. What runs over a stream of bytes is a :class:`Connection` (TVS, CAPF, SCCP, CTL Provider),
what runs over datagrams is a :class:`DatagramEnd` (TFTP). Events, and what may be sent, are each protocol's own values.

Rules of both:

1. The time is in seconds, of any clock that does not jump.
2. ``next_timer`` is the moment at which the machine wants to be called though nothing came; None: it waits for nothing.
   How long a stranger may keep a connection without a word is not the protocol's matter but the door's.

Rules of a connection:

3. ``receive`` is called with what came and then with no bytes, until it returns nothing: what was whole before a
   fault, or had to wait for an answer, is handed out one call after the other. ``None``: the other side has closed.
4. After ``send`` and at ``next_timer`` it is called with no bytes. A moment that has passed already means that there is
   more to read, left for the next turn so that nobody else has to wait.
5. Whatever the other side does wrong is a :class:`~mixedmode.errors.RemoteProtocolError` out of ``receive``, and
   nothing else is; it comes once, after the events of what was right before it. The machine is closed then; a protocol
   that has a last word for it leaves that in ``bytes_to_send``.
6. What the owner does wrong is a :class:`~mixedmode.errors.LocalProtocolError` out of ``send``: it is not the time for
   that, or it does not fit into a message. Nothing is sent then, and nothing has changed.
7. A closed machine takes nothing, awaits nothing and has no timer; what it still had to say comes out.

Rules of an end of datagrams:

8. The sender of a datagram proves nothing. So a bad one is answered or dropped and never an error, and the answer goes
   back to where the datagram came from: ``receive`` returns it, and nothing is kept to be asked for.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any, Protocol, TypeAlias, TypeVar

Event = TypeVar("Event")
Said_contra = TypeVar("Said_contra", contravariant=True)

Packets: TypeAlias = tuple[bytes, ...]
Reply: TypeAlias = bytes | Packets | None
"""What answers a datagram: nothing, one packet or several; the one packet is no tuple, since most answers are one."""


class Connection(Protocol[Event, Said_contra]):
    """One side of a conversation over a stream of bytes."""

    @property
    def closed(self) -> bool:
        """Whether the conversation is over for this side."""

    def receive(self, data: bytes | None, now: float) -> list[Event]:
        """Take bytes, none if only time has passed, None if the other side closed; return what has happened.

        Raises:
            RemoteProtocolError: The other side broke the protocol (rule 5).
        """

    def send(self, said: Said_contra, now: float) -> None:
        """Say something, or answer an event.

        Raises:
            LocalProtocolError: It is not the time for it, or it does not fit (rule 6).
        """

    def bytes_to_send(self) -> bytes:
        """Return what is to be written since the last call, to be written in one piece."""

    def next_timer(self) -> float | None:
        """Return when :meth:`receive` wants to be called with no bytes, None if it need not be."""


class DatagramEnd(Protocol):
    """One side of conversations over datagrams; addresses are its owner's values."""

    def receive(self, data: bytes, address: Any, now: float) -> Reply:
        """Take a datagram; return what to send back to ``address``."""

    def expire(self, now: float) -> Iterable[tuple[Packets, Any]]:
        """Return packets and addresses of everything whose time has come."""

    def next_timer(self) -> float | None:
        """Return when :meth:`expire` wants to be called, None if it need not be."""
