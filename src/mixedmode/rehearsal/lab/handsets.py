"""The handsets of a lab's phones: each takes what calls come, and calls when it is told to.

Rules:

1. A phone takes every call at once, as if somebody sat beside it, so that there is always somebody to call.
2. What calls are made of is loaded with the first message of a call: most labs have none.
3. A phone that left has no handset; one that registers with another server begins anew.
"""

from __future__ import annotations

import asyncio
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Final

if TYPE_CHECKING:
    from mixedmode.phone.body.calling.telephone import Telephone
    from mixedmode.phone.body.registration import Registration
    from mixedmode.phone.mind.calls.events import PhoneCall
    from mixedmode.protocols.sccp.calls.layout import Laid

ANSWER_SECONDS: Final = 15.0
"""Until a call that was placed is given up; one that nobody answers is forwarded before that."""
MOST_TALK: Final = 60.0
"""Seconds: who asks waits for it."""
_LEAVE_SECONDS: Final = 5.0


@dataclass(frozen=True, slots=True)
class CallReport:
    """How a call of a lab's phone went.

    Attributes:
        name: The phone that called.
        call: As it was last while there was one, None if there was none.
        sound: What came of its media, as JSON, and for people.
    """

    name: str
    call: PhoneCall | None
    sound: tuple[dict[str, Any], str] | None

    def document(self) -> dict[str, Any]:
        """Return it as JSON."""
        call = None if self.call is None else {**self.call.document(), "connected": self.call.was_connected}
        sound, line = self.sound or (None, "")
        return {"name": self.name, "call": call, "media": sound, "media_line": line}


class Handset:
    """The handset of a phone that registers.

    Args:
        name: The phone.
        registration: Keeps it registered; its calls come here.
    """

    def __init__(self, name: str, registration: Registration) -> None:
        self.name = name
        self._registration = registration
        self._telephone: Telephone | None = None
        self._shown: PhoneCall | None = None
        self._placing = asyncio.Lock()
        registration.on_call = self._first

    def _lifted(self) -> Telephone:
        if self._telephone is None:
            from mixedmode.phone.body.calling.rtp import RtpMedia
            from mixedmode.phone.body.calling.telephone import Telephone
            from mixedmode.protocols.rtp.tones import tone_of

            media = RtpMedia(tone_of(self.name))
            self._telephone = Telephone(self._registration, media, answers=True, on_change=self._changed)
        return self._telephone

    def _first(self, message: Laid) -> None:
        """Take the first message of the first call (rule 2); the telephone takes all that follow."""
        self._lifted()
        self._registration.on_call(message)

    def _changed(self, call: PhoneCall) -> None:
        from mixedmode.protocols.sccp.calls.codes import State

        if call.state != State.ON_HOOK:
            self._shown = call

    async def call(self, number: str, talk: float) -> CallReport:
        """Call a number, talk, and hang up; one call at a time.

        Args:
            number: To dial.
            talk: Seconds, unless the other end hangs up before.
        """
        from mixedmode.phone.body.calling.telephone import FAILED

        async with self._placing:
            telephone, self._shown = self._lifted(), None
            before = frozenset(telephone.calls)
            telephone.dial(number)

            def own(calls: dict[int, PhoneCall]) -> list[PhoneCall]:
                return [each for at, each in calls.items() if at not in before]

            await telephone.wait(
                lambda calls: any(each.was_connected or each.state in FAILED for each in own(calls)), ANSWER_SECONDS
            )
            if any(each.was_connected for each in own(telephone.calls)):
                await telephone.wait(lambda calls: not own(calls), talk)
            for each in own(telephone.calls):
                telephone.hang_up(each)
            await telephone.wait(lambda calls: not own(calls), _LEAVE_SECONDS)
            sound = None if self._shown is None else telephone.media.sound(self._shown.call)
            return CallReport(self.name, self._shown, None if sound is None else (sound.document(), sound.line()))

    def hush(self) -> None:
        """Send and hear nothing any more (rule 3)."""
        if self._telephone is not None:
            self._telephone.hush()
