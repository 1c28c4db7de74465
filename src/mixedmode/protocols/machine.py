"""What the machines of all stream protocols share: how events, errors and bytes leave them (:mod:`.vocabulary`)."""

from __future__ import annotations

from abc import ABC, abstractmethod
from typing import Generic, TypeVar

from mixedmode.errors import LocalProtocolError, MalformedError, RemoteProtocolError

Event = TypeVar("Event")
Said = TypeVar("Said")


class Machine(ABC, Generic[Event, Said]):
    """A :class:`~mixedmode.protocols.vocabulary.Connection`, but for what is one protocol's own."""

    def __init__(self) -> None:
        self._events: list[Event] = []
        self._outgoing = bytearray()
        self._broken: RemoteProtocolError | None = None

    @property
    @abstractmethod
    def closed(self) -> bool:
        """Whether the conversation is over for this side."""

    def receive(self, data: bytes | None, now: float) -> list[Event]:
        """Take bytes, none if only time has passed, None if the other side closed; return what has happened.

        Raises:
            RemoteProtocolError: The other side broke the protocol; the machine is closed.
        """
        if not self.closed:
            try:
                if data is None:
                    self._end(now)
                else:
                    self._read(data, now)
            except RemoteProtocolError as error:
                self._broken = error
            except MalformedError as error:
                self._broken = self._blame(error)
                self._broken.__cause__ = error
            if self._broken is not None:
                self._break_off()
        events, self._events = self._events, []
        if self._broken is not None and not events:
            broken, self._broken = self._broken, None
            raise broken
        return events

    @abstractmethod
    def send(self, said: Said, now: float) -> None:
        """Say something, or answer an event.

        Raises:
            LocalProtocolError: It is not the time for it, or it does not fit.
        """

    def bytes_to_send(self) -> bytes:
        """Return what is to be written since the last call, to be written in one piece."""
        data = bytes(self._outgoing)
        self._outgoing.clear()
        return data

    def next_timer(self) -> float | None:
        """Return when :meth:`receive` wants to be called with no bytes: never, where the protocol has no clock."""
        return None

    @abstractmethod
    def _read(self, data: bytes, now: float) -> None:
        """Take bytes, and the time; add to the events, and raise what the other side did wrong."""

    @abstractmethod
    def _end(self, now: float) -> None:
        """Take that the other side closed: be closed, or raise that it must not have."""

    @abstractmethod
    def _break_off(self) -> None:
        """Be closed, since the other side broke the protocol, with a last word if there is one."""

    def _blame(self, error: MalformedError) -> RemoteProtocolError:
        """Return the other side's fault, from bytes that cannot be read."""
        return RemoteProtocolError(
            error.what, offset=error.offset, why=error.why, next_step=error.next_step, code=error.code
        )


def does_not_fit(error: MalformedError) -> LocalProtocolError:
    """Return this side's fault, from a value that cannot be written."""
    return LocalProtocolError(error.what, why=error.why, next_step=error.next_step, code=error.code)
