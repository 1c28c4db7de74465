"""A registered phone that calls and is called."""

from __future__ import annotations

import asyncio
from collections.abc import Callable

from mixedmode.phone.body.calling.media import Media, NoChannelError, NoMedia
from mixedmode.phone.body.registration import Registration
from mixedmode.phone.body.waiting import until
from mixedmode.phone.mind.calls.client import CallClient
from mixedmode.phone.mind.calls.events import (
    CallEvent,
    Changed,
    Count,
    Listen,
    PhoneCall,
    Send,
    StopListening,
    StopSending,
)
from mixedmode.protocols.sccp.calls.codes import Key, State
from mixedmode.protocols.sccp.calls.layout import Laid

FAILED = frozenset({State.BUSY, State.CONGESTION, State.INVALID_NUMBER})
"""States of a call that does not come about."""


class Telephone:
    """Calls of one phone.

    Args:
        registration: Keeps it registered; calls end when that does.
        media: What plays and records sound.
        answers: Whether it takes every call at once.
        on_change: Told each change of a call.

    Attributes:
        calls: The calls, by number.
        registration: Keeps the phone registered.
        registrations: How often a server has registered it.
    """

    def __init__(
        self,
        registration: Registration,
        media: Media | None = None,
        *,
        answers: bool = False,
        on_change: Callable[[PhoneCall], None] = lambda _call: None,
    ) -> None:
        self.media: Media = media or NoMedia()
        self.registration, self._answers, self._on_change = registration, answers, on_change
        self._client = CallClient(registration.protocol)
        self._changed = asyncio.Event()
        self._open: set[int] = set()
        self.registrations = 0
        registration.on_call = self._received
        registration.on_protocol = self._registered

    @property
    def calls(self) -> dict[int, PhoneCall]:
        """The calls, by number."""
        return self._client.calls

    def dial(self, number: str) -> None:
        """Call a number."""
        self._client.dial(number)
        self._say()

    def answer(self, call: PhoneCall) -> None:
        """Take a call."""
        self._client.answer(call)
        self._say()

    def hang_up(self, call: PhoneCall) -> None:
        """End a call; without a server that would end it, the phone does so itself."""
        self._client.hang_up(call)
        if self.registration.registered:
            self._say()
        else:
            self._end(self.registration.protocol)

    def press(self, key: Key, call: PhoneCall | None = None) -> None:
        """Press a soft key."""
        self._client.press(key, call)
        self._say()

    def digits(self, number: str, call: PhoneCall) -> None:
        """Press digits."""
        self._client.digits(number, call)
        self._say()

    async def wait(self, holds: Callable[[dict[int, PhoneCall]], bool], timeout: float) -> bool:
        """Wait until something holds of the calls; return whether it came in ``timeout`` seconds."""
        return await until(self._changed, lambda: holds(self.calls), timeout)

    def hush(self) -> None:
        """Send and hear nothing any more, since the phone is switched off."""
        for party in list(self._open):
            self._closed(party)

    def _registered(self, protocol: int) -> None:
        """Begin anew: a server that was left has ended the calls."""
        self.registrations += 1
        self._end(protocol)

    def _end(self, protocol: int) -> None:
        self.hush()
        for call in self.calls.values():
            self._on_change(PhoneCall(call.call, call.line, State.ON_HOOK))
        self._client = CallClient(protocol)
        self._changed.set()

    def _received(self, message: Laid) -> None:
        for event in self._client.receive(message):
            self._happened(event)
        self._say()

    def _happened(self, event: CallEvent) -> None:
        client, media = self._client, self.media
        match event:
            case Listen():
                self._open.add(event.party)
                try:
                    client.listens(event, *media.listen(event, self.registration.address))
                except NoChannelError as error:
                    client.listens_not(event, error.status)
            case Send():
                self._open.add(event.party)
                try:
                    media.send(event)
                except NoChannelError:
                    client.sends_not(event)
            case StopSending(party=party):
                media.stop(party)
            case StopListening(party=party):
                self._closed(party)
            case Count():
                client.counted(event, media.counted(event))
            case Changed(call=call):
                if call.state == State.RING_IN and self._answers:
                    client.answer(call)
                self._changed.set()
                self._on_change(call)

    def _closed(self, party: int) -> None:
        self._open.discard(party)
        self.media.stop(party)
        self.media.close(party)

    def _say(self) -> None:
        self.registration.say(self._client.says())
