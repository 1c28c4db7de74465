"""What a server says to a registered phone's questions: pure answers, chosen by the agreed protocol version.

Rules (calls-and-media.md 5):

1. There are no speed dials, features, services and subscriptions here: a phone is told so in the form of its
   protocol version, since it may ask again and again for what nobody answers.
2. The version question is answered with the firmware that the phone runs, if that fits: a server without a wish must
   not make a phone load another one, and a name that is cut would.
3. Soft keys are those of chapter 6, all sixteen sets.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Final

from mixedmode.protocols.sccp.messages import answers as a
from mixedmode.protocols.sccp.messages import questions as q
from mixedmode.protocols.sccp.messages import setup as s
from mixedmode.protocols.sccp.messages import templates as t
from mixedmode.protocols.sccp.messages.codec import HIGHEST_PROTOCOL
from mixedmode.protocols.sccp.messages.fields import Message, fitting
from mixedmode.protocols.sccp.messages.register import Register
from mixedmode.protocols.sccp.messages.server_list import SERVERS, ServerEntry, ServerRes
from mixedmode.protocols.sccp.registration.admission import Line

_BETWEEN_LAYOUTS: Final = 21
_NO_ROUTE: Final = 1
_SET_SLOTS: Final = 16
_FIRST_NUMBER: Final = 300
_EVENTS: Final = {
    event: place
    for place, event in enumerate(
        # Redial, NewCall, Hold, Transfer, BackSpace, EndCall, Resume, Answer: event, and its place in the template.
        (1, 2, 3, 4, 8, 9, 10, 11),
        1,
    )
}
_SETS: Final = {
    0: (1, 2),  # on hook
    1: (3, 9, 4),  # connected
    2: (10, 2),  # on hold
    3: (11, 9),  # ring in
    4: (1, 9),  # off hook
    5: (3, 9, 4),  # connected, transferable
    6: (8, 9),  # after the first digit
    7: (3, 9),  # connected, conference
    8: (9,),  # ring out
    9: (1, 9),  # off hook with features
    10: (2,),  # in use hint
}


@dataclass(frozen=True, slots=True)
class Known:
    """What a server knows of a registered phone.

    Attributes:
        register: What it said of itself.
        protocol: The version that was agreed on.
        lines: Its lines.
        server: The server's name.
    """

    register: Register
    protocol: int
    lines: tuple[Line, ...] = ()
    server: str = ""

    @property
    def dynamic(self) -> bool:
        """Whether texts end with a NUL."""
        return self.protocol >= a.DYNAMIC_FROM


def agreed(offered: int, highest: int = HIGHEST_PROTOCOL) -> int:
    """Return the version to speak with a phone; sources differ on the layouts of 21, so that becomes 20."""
    version = min(offered, highest, HIGHEST_PROTOCOL)
    return version - 1 if version == _BETWEEN_LAYOUTS else version


def answer(message: Message, known: Known, clock: datetime) -> Message | None:
    """Return the answer to a question, None if it is none.

    Args:
        message: What the phone sent.
        known: The phone.
        clock: The time of day.
    """
    if isinstance(message, s.TimeDateReq):
        return s.DefineTimeDate.of(clock)
    answers = _ANSWERS.get(type(message))
    return None if answers is None else answers(message, known)


def servers(entries: tuple[ServerEntry, ...], known: Known) -> ServerRes:
    """Return the answer to the question for servers, of which as many are named as it holds."""
    return ServerRes(entries[:SERVERS], known.dynamic)


def _buttons(_: Message, known: Known) -> Message:
    return t.ButtonTemplateRes.of(tuple(t.Button(number, t.BUTTON_LINE) for number in range(1, len(known.lines) + 1)))


def _template(_: Message, _known: Known) -> Message:
    return t.SoftKeyTemplateRes.of(tuple(t.SoftKey(f"\udc80{chr(event)}", event) for event in _EVENTS))


def _sets(_: Message, _known: Known) -> Message:
    return t.SoftKeySetRes(0, len(_SETS), len(_SETS), tuple(map(_soft_keys, range(_SET_SLOTS))))


def _line(asked: s.LineStatReq, known: Known) -> Message:
    line = _line_of(asked.line, known)
    number, name = fitting(line.directory_number, 24), fitting(line.name or line.directory_number, 40)
    kind = s.DynamicLineStat if known.dynamic else s.LineStat
    return kind(asked.line, number, name, fitting(line.label or line.directory_number, 40))


def _line_of(number: int, known: Known) -> Line:
    return known.lines[number - 1] if 0 < number <= len(known.lines) else Line("")


def _forward(asked: q.ForwardStatReq, known: Known) -> Message:
    line = _line_of(asked.index, known)
    targets = (line.forward_all, line.forward_busy, line.forward_no_answer)
    return a.ForwardStat.of(asked.index, targets, known.protocol)


def _speed_dial(asked: q.SpeedDialStatReq, known: Known) -> Message:
    return (a.DynamicSpeedDialStat if known.dynamic else a.SpeedDialStat)(asked.index)


def _feature(asked: q.FeatureStatReq, known: Known) -> Message:
    return (a.DynamicFeatureStat if known.dynamic else a.FeatureStat)(asked.index)


def _service(asked: q.ServiceUrlStatReq, known: Known) -> Message:
    return (a.DynamicServiceUrlStat if known.dynamic else a.ServiceUrlStat)(asked.index)


def _config(_: Message, known: Known) -> Message:
    kind = a.DynamicConfigStat if known.dynamic else a.ConfigStat
    register = known.register
    return kind(register.device, register.instance, "", fitting(known.server, 40), len(known.lines))


def _version(_: Message, known: Known) -> Message:
    load = known.register.load
    return a.VersionRes(load if load == fitting(load, a.VERSION_WIDTH + 1) else "")


def _subscription(asked: q.SubscriptionStatReq, _known: Known) -> Message:
    return a.SubscriptionStat(asked.transaction, asked.feature, asked.timer, _NO_ROUTE)


def _soft_keys(index: int) -> t.SoftKeySet:
    places = bytes(_EVENTS[event] for event in _SETS.get(index, ())).ljust(16, b"\0")
    return t.SoftKeySet(places, tuple(_FIRST_NUMBER + place if place else 0 for place in places))


_ANSWERS: Final[dict[type[Message], Callable[[Any, Known], Message]]] = {
    t.ButtonTemplateReq: _buttons,
    t.SoftKeyTemplateReq: _template,
    t.SoftKeySetReq: _sets,
    s.LineStatReq: _line,
    q.ForwardStatReq: _forward,
    q.SpeedDialStatReq: _speed_dial,
    q.FeatureStatReq: _feature,
    q.ServiceUrlStatReq: _service,
    q.ConfigStatReq: _config,
    q.VersionReq: _version,
    q.SubscriptionStatReq: _subscription,
}
