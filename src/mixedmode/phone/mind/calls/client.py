"""The phone's calls as a machine: messages of a server come in, events and what the phone says come out.

Rules (calls-and-media.md 8):

1. The order of a server's messages differs: what is said of a call is noted whenever it comes.
2. A channel is known by its party; some servers leave out conference and call when they close it.
3. A number is dialled once the server says that the phone is off hook, digit by digit.
4. What the phone says is a value too: nothing is sent from here.
"""

from __future__ import annotations

from dataclasses import replace
from typing import Any, Final

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
from mixedmode.protocols.sccp.calls import from_phone as f
from mixedmode.protocols.sccp.calls import media as m
from mixedmode.protocols.sccp.calls import to_phone as t
from mixedmode.protocols.sccp.calls.call_info import CallInfo
from mixedmode.protocols.sccp.calls.codes import DIGITS, Key, MediaStatus, State
from mixedmode.protocols.sccp.calls.layout import NOWHERE, Laid
from mixedmode.protocols.sccp.calls.statistics import ConnectionStatisticsReq, ConnectionStatisticsRes
from mixedmode.protocols.sccp.messages.fields import shown

_CONFIRMS_FROM: Final = 17
"""The protocol version from which phones confirm that they send; old ones never do."""
MOST_CALLS: Final = 24
"""More calls than that are not noted: a phone shows no more."""


class CallClient:
    """The calls of a registered phone.

    Args:
        protocol: The version that was agreed on.

    Attributes:
        calls: By number, the oldest first.
        prompt: What the screen says.
    """

    def __init__(self, protocol: int) -> None:
        self.calls: dict[int, PhoneCall] = {}
        self.prompt = ""
        self._protocol = protocol
        self._said: list[Laid] = []
        self._to_dial = ""
        self._taken = 0
        self._channels: dict[int, tuple[int, bool]] = {}

    def says(self) -> list[Laid]:
        """Return what the phone says since the last call."""
        said, self._said = self._said, []
        return said

    # What the server says.

    def receive(self, message: Laid) -> list[CallEvent]:
        """Take a message of the server."""
        match message:
            case t.CallState(state=state, line=line, call=call):
                return self._state(state, line, call)
            case CallInfo():
                return self._info(message)
            case t.DisplayPromptStatus(text=text):
                self.prompt = shown(text)
            case t.ClearPromptStatus():
                self.prompt = ""
            case ConnectionStatisticsReq(number=number, call=call, mode=mode):
                return [Count(number, call, mode)]
            case _:
                return self._media(message)
        return []

    def _media(self, message: Laid) -> list[CallEvent]:
        match message:
            case m.OpenReceiveChannel():
                self._channels[message.party] = (message.call, message.keys.encrypts)
                return [
                    Listen(message.party, message.call, message.payload, message.milliseconds, message.keys),
                ]
            case m.StartMediaTransmission():
                return self._start(message)
            case m.StopMediaTransmission(party=party):
                return [StopSending(party)]
            case m.CloseReceiveChannel(party=party):
                self._channels.pop(party, None)
                return [StopListening(party)]
        return []

    def _start(self, message: m.StartMediaTransmission) -> list[CallEvent]:
        party, keys = message.party, message.keys
        _, hears = self._channels.get(party, (0, False))
        if self._protocol >= _CONFIRMS_FROM:
            where = (message.address, message.port)
            self._said.append(m.StartMediaTransmissionAck(message.conference, party, message.call, *where))
        send = Send(
            party,
            message.call,
            message.address,
            message.port,
            message.payload,
            message.milliseconds,
            keys,
            message.precedence,
            message.telephone_event,
        )
        return [send, *self._changed(message.call, encrypted=hears and keys.encrypts)]

    def _state(self, state: int, line: int, call: int) -> list[CallEvent]:
        if state == State.ON_HOOK:
            over = self.calls.pop(call, None)
            self._channels = {party: each for party, each in self._channels.items() if each[0] != call}
            return [] if over is None else [Changed(replace(over, state=State.ON_HOOK))]
        if call not in self.calls and len(self.calls) >= MOST_CALLS:
            return []
        if state == State.OFF_HOOK and call not in self.calls and self._came_too_late():
            self._said.append(f.OnHook(line, call))
            return []
        self.calls.setdefault(call, PhoneCall(call, line))
        if state == State.OFF_HOOK and self._to_dial:
            digits, self._to_dial = self._to_dial, ""
            self._said += [f.KeypadButton(DIGITS.index(digit), line, call) for digit in digits]
        connected = self.calls[call].was_connected or state == State.CONNECTED
        if call == self._taken and connected:
            self._taken = 0
        return self._changed(call, line=line, state=state, was_connected=connected)

    def _came_too_late(self) -> bool:
        """Tell whether the handset was lifted for a call that had ended by then: now there is a dial tone instead."""
        taken, self._taken = self._taken, 0
        return bool(taken) and taken not in self.calls and not self._to_dial

    def _info(self, info: CallInfo) -> list[CallEvent]:
        return self._changed(
            info.call,
            calling=shown(info.calling),
            calling_name=shown(info.calling_name),
            called=shown(info.called),
            called_name=shown(info.called_name),
            security=info.security,
        )

    def _changed(self, call: int, **values: Any) -> list[CallEvent]:
        before = self.calls.get(call)
        if before is None:
            return []
        after = self.calls[call] = replace(before, **values)
        return [Changed(after)] if after != before else []

    # What the user does.

    def dial(self, number: str, line: int = 0) -> None:
        """Lift the handset and dial; what is no digit is left out."""
        self._to_dial = "".join(digit for digit in number if digit in DIGITS)
        self._said.append(f.OffHook(line, 0))

    def answer(self, call: PhoneCall) -> None:
        """Lift the handset, or take a second call."""
        self._taken = call.call
        others = any(each.call != call.call and each.state != State.RING_IN for each in self.calls.values())
        self._said.append(
            f.SoftKeyEvent(Key.ANSWER, call.line, call.call) if others else f.OffHook(call.line, call.call)
        )

    def hang_up(self, call: PhoneCall) -> None:
        """Put the handset down."""
        self._said.append(f.OnHook(call.line, call.call))

    def press(self, key: Key, call: PhoneCall | None = None) -> None:
        """Press a soft key."""
        self._said.append(f.SoftKeyEvent(key, *((1, 0) if call is None else (call.line, call.call))))

    def digits(self, number: str, call: PhoneCall) -> None:
        """Press digits."""
        keys = [DIGITS.index(digit) for digit in number if digit in DIGITS]
        self._said += [f.KeypadButton(key, call.line, call.call) for key in keys]

    # What plays and records sound says.

    def listens(self, asked: Listen, address: str, port: int) -> None:
        """The phone listens."""
        self._said.append(m.OpenReceiveChannelAck(MediaStatus.OK, address, port, asked.party, asked.call))

    def listens_not(self, asked: Listen, status: int = MediaStatus.NO_CHANNEL) -> None:
        """It does not."""
        self._said.append(m.OpenReceiveChannelAck(status, NOWHERE, 0, asked.party, asked.call))

    def sends_not(self, told: Send) -> None:
        """It cannot send."""
        self._said.append(m.MediaTransmissionFailure(told.call, told.party, told.address, told.port, told.call))

    def counted(self, asked: Count, counted: ConnectionStatisticsRes | None = None) -> None:
        """Say what was counted."""
        found = counted or ConnectionStatisticsRes(asked.number, asked.call)
        self._said.append(replace(found, number=asked.number, call=asked.call, mode=min(asked.mode, 0xFF)))
