"""What a phone is told when its end of a call changes: lamps, tones, prompts, soft keys (calls-and-media.md 8).

CallState comes before prompt and keys of the same call; what is told does not depend on the phone's answers.
"""

from __future__ import annotations

from typing import Final

from mixedmode.protocols.sccp.calls import to_phone as t
from mixedmode.protocols.sccp.calls.call_info import NAME_WIDTH, NUMBER_WIDTH, CallInfo, DynamicCallInfo
from mixedmode.protocols.sccp.calls.codes import (
    Button,
    CallKind,
    KeySet,
    Lamp,
    Phrase,
    Protection,
    Ring,
    State,
    Switched,
    Tone,
)
from mixedmode.protocols.sccp.calls.layout import Laid
from mixedmode.protocols.sccp.messages.fields import fitting
from mixedmode.services.callmanager.switch.model import Leg, LegState, Outcome, Party, Station, Talk

_ALL: Final = 0xFFFF
_END_AND_TRANSFER: Final = 0b110
"""Of the keys Hold, EndCall, Transfer."""
HELD_TEXT: Final = "Hold"

_FAILURES: Final = {
    Outcome.BUSY: (State.BUSY, Tone.BUSY, Phrase.BUSY),
    Outcome.REJECTED: (State.BUSY, Tone.BUSY, Phrase.BUSY),
    Outcome.UNKNOWN_NUMBER: (State.INVALID_NUMBER, Tone.REORDER, Phrase.UNKNOWN_NUMBER),
}
_FAILURE: Final = (State.CONGESTION, Tone.REORDER, Phrase.TEMPORARY_FAILURE)


def off_hook(station: Station, leg: Leg, *, speaker: bool) -> list[Laid]:
    """A new call: dial."""
    return [
        _lamp(leg, Lamp.ON),
        *([t.SetSpeakerMode(Switched.ON)] if speaker else []),
        _state(leg, State.OFF_HOOK),
        t.ActivateCallPlane(leg.line),
        _prompt(station, leg, Phrase.ENTER_NUMBER),
        _keys(leg, KeySet.OFF_HOOK),
        t.StartTone(Tone.INSIDE_DIAL, 0, leg.line, leg.call),
    ]


def first_digit(leg: Leg) -> list[Laid]:
    """The dial tone ends."""
    return [_quiet(leg), _keys(leg, KeySet.DIGITS)]


def proceeding(station: Station, leg: Leg) -> list[Laid]:
    """The number is whole."""
    number = fitting(leg.digits, NUMBER_WIDTH)
    return [
        _quiet(leg),
        _keys(leg, KeySet.RING_OUT),
        t.DialedNumber(number, leg.line, leg.call),
        _state(leg, State.PROCEED),
        *call_info(station, leg),
    ]


def ring_out(station: Station, leg: Leg) -> list[Laid]:
    """It rings at the other end."""
    keys = [_keys(leg, KeySet.CONNECTED_TRANSFERABLE, _END_AND_TRANSFER)] if leg.consults is not None else []
    return [
        _state(leg, State.RING_OUT),
        *call_info(station, leg),
        t.StartTone(Tone.ALERTING, 0, leg.line, leg.call),
        _prompt(station, leg, Phrase.RING_OUT),
        *keys,
    ]


def ring_in(station: Station, leg: Leg, *, waiting: bool) -> list[Laid]:
    """It rings here; who is in a call hears a tone."""
    caller = Party() if leg.talk is None else leg.talk.calling
    text = f"{caller.name} ({caller.number})" if caller.name and caller.number else caller.name or caller.number
    sound: Laid = t.SetRinger(Ring.INSIDE, 1, leg.line, leg.call)
    if waiting:
        sound = t.StartTone(Tone.CALL_WAITING, 0, leg.line, leg.call)
    return [
        _state(leg, State.RING_IN),
        *call_info(station, leg),
        _lamp(leg, Lamp.BLINK),
        sound,
        _keys(leg, KeySet.RING_IN),
        _prompt(station, leg, Phrase.FROM, text),
    ]


def answered(station: Station, leg: Leg) -> list[Laid]:
    """The phone that rang is off hook."""
    return [
        t.SetRinger(Ring.OFF, 1, leg.line, leg.call),
        _lamp(leg, Lamp.ON),
        _state(leg, State.OFF_HOOK),
        t.ActivateCallPlane(leg.line),
        *connected(station, leg),
    ]


def connected(station: Station, leg: Leg) -> list[Laid]:
    """The call is there."""
    return [
        _quiet(leg),
        _state(leg, State.CONNECTED),
        *call_info(station, leg),
        _prompt(station, leg, Phrase.CONNECTED),
        _keys(leg, KeySet.CONNECTED),
        *told_security(station, leg),
    ]


def told_security(station: Station, leg: Leg) -> list[Laid]:
    """A tone tells how well the call is protected, if the phone is to tell (calls-and-media.md 7.5)."""
    protection = Protection.UNKNOWN if leg.talk is None else leg.talk.protection
    tone = Tone.SECURE if protection is Protection.ENCRYPTED else Tone.NOT_SECURE
    return [t.StartTone(tone, 0, leg.line, leg.call)] if station.tells_security else []


def resumed(station: Station, leg: Leg) -> list[Laid]:
    """A held call goes on."""
    again = ring_out(station, leg) if leg.state is LegState.CALLING else connected(station, leg)
    return [_lamp(leg, Lamp.ON), t.ActivateCallPlane(leg.line), *again]


def held(station: Station, leg: Leg) -> list[Laid]:
    """This phone holds the call."""
    return [
        _state(leg, State.HOLD),
        _lamp(leg, Lamp.WINK),
        _prompt(station, leg, HELD_TEXT),
        _keys(leg, KeySet.ON_HOLD),
    ]


def failed(station: Station, leg: Leg, why: Outcome) -> list[Laid]:
    """The call does not come about, or breaks: a tone until the phone is put down."""
    state, tone, phrase = _FAILURES.get(why, _FAILURE)
    return [
        _quiet(leg),
        _state(leg, state),
        *call_info(station, leg),
        t.StartTone(tone, 0, leg.line, leg.call),
        _prompt(station, leg, phrase),
        _keys(leg, KeySet.OFF_HOOK),
    ]


def on_hook(leg: Leg, *, others: bool, active: bool) -> list[Laid]:
    """The call is over.

    Args:
        leg: Whose.
        others: Whether the line has other calls.
        active: Whether the phone has another call that is heard.
    """
    told: list[Laid] = [_quiet(leg), _state(leg, State.ON_HOOK)]
    if not others:
        told.append(_lamp(leg, Lamp.OFF))
    told += [t.ClearPromptStatus(leg.line, leg.call), t.SetRinger(Ring.OFF, 1, leg.line, leg.call)]
    if not active:
        told += [t.SelectSoftKeys(0, 0, KeySet.ON_HOOK), t.SetSpeakerMode(Switched.OFF)]
    return told


def call_info(station: Station, leg: Leg) -> list[Laid]:
    """Who takes part, and the lock: unknown until the call is answered."""
    talk = leg.talk
    if talk is None:
        return []
    kind = CallKind.OUT if leg.outgoing else CallKind.FORWARD if talk.redirecting.number else CallKind.IN
    return [_call_info(station, leg, talk, kind)]


def _call_info(station: Station, leg: Leg, talk: Talk, kind: CallKind) -> Laid:
    form = DynamicCallInfo if station.protocol >= t.DYNAMIC_FROM else CallInfo
    original = talk.original if talk.original.number else talk.called
    return form(
        calling_name=_name(talk.calling),
        calling=_number(talk.calling),
        called_name=_name(talk.called),
        called=_number(talk.called),
        line=leg.line,
        call=leg.call,
        kind=kind,
        original_called_name=_name(original),
        original_called=_number(original),
        redirecting_name=_name(talk.redirecting),
        redirecting=_number(talk.redirecting),
        security=talk.protection,
    )


def _name(party: Party) -> str:
    return fitting(party.name, NAME_WIDTH)


def _number(party: Party) -> str:
    return fitting(party.number, NUMBER_WIDTH)


def _state(leg: Leg, state: State) -> Laid:
    return t.CallState(state, leg.line, leg.call)


def _lamp(leg: Leg, mode: Lamp) -> Laid:
    return t.SetLamp(Button.LINE, leg.line, mode)


def _quiet(leg: Leg) -> Laid:
    return t.StopTone(leg.line, leg.call)


def _keys(leg: Leg, keys: KeySet, mask: int = _ALL) -> Laid:
    return t.SelectSoftKeys(leg.line, leg.call, keys, mask)


def _prompt(station: Station, leg: Leg, phrase: str, text: str = "") -> Laid:
    return t.prompt(station.protocol, phrase + fitting(text, t.PROMPT_WIDTH - len(phrase)), leg.line, leg.call)
