"""No sequence of events of up to four phones breaks a switch, leaks a call, or hands keys to a plain phone."""

from __future__ import annotations

from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, rule

from mixedmode.protocols.sccp.calls import from_phone as f
from mixedmode.protocols.sccp.calls import media as m
from mixedmode.protocols.sccp.calls.codes import Button, Key
from mixedmode.protocols.sccp.calls.layout import Laid
from mixedmode.protocols.sccp.registration.admission import Line
from mixedmode.services.callmanager.switch.model import CallSettings, LegState
from tests.services.callmanager.switch_room import Room, station

DEVICES = ("SEPA", "SEPB", "SEPC", "SEPD")
WHO = st.sampled_from(DEVICES)
NUMBERS = ("11", "12", "13", "14", "15", "1", "9", "12#")
CALLS = st.integers(0, 40)
TARGETS = st.sampled_from(["", "", "", "11", "12", "13", "14", "9"])
MODES = st.integers(1, 3)


class Phones(RuleBasedStateMachine):
    """Four phones whose users press anything."""

    @initialize(
        modes=st.tuples(*[MODES] * 4),
        protocols=st.tuples(*[st.sampled_from([3, 11, 17, 22])] * 4),
        forwards=st.tuples(*[TARGETS] * 6),
        calls=st.tuples(*[st.integers(1, 3)] * 4),
        encrypts=st.tuples(*[st.booleans()] * 4),
        talking=st.booleans(),
    )
    def begin(
        self,
        modes: tuple[int, ...],
        protocols: tuple[int, ...],
        forwards: tuple[str, ...],
        calls: tuple[int, ...],
        encrypts: tuple[bool, ...],
        talking: bool,
    ) -> None:
        self.there = {
            device: station(
                device,
                Line(f"1{at + 1}", "", "Ä" * 19, *(forwards[at : at + 3] if at < 3 else ("", "", "")), calls[at]),  # type: ignore[arg-type,call-arg]
                protocol=protocols[at],
                mode=modes[at],
                encrypts=modes[at] > 1 and encrypts[at],
            )
            for at, device in enumerate(DEVICES)
        }
        self.room = Room(*self.there.values(), more=(Line("15"),), settings=CallSettings(legs=3))
        for caller, number, called in (("SEPA", "12", "SEPB"), ("SEPC", "14", "SEPD")) if talking else ():
            self.room.dial(caller, number)
            if any(leg.device == called and leg.state is LegState.RINGING for leg in self.room.exchange.legs):
                self.room.say(called, f.OffHook())

    def call_of(self, who: str, pick: int) -> int:
        """One of the phone's calls, or any number."""
        mine = [leg.call for leg in self.room.exchange.legs if leg.device == who]
        return mine[pick % len(mine)] if mine and pick % 3 else pick

    @rule(who=WHO, number=st.sampled_from(NUMBERS))
    def dial(self, who: str, number: str) -> None:
        self.room.dial(who, number)

    @rule(who=WHO, pick=CALLS)
    def lift(self, who: str, pick: int) -> None:
        self.room.say(who, f.OffHook(1, self.call_of(who, pick)))

    @rule(who=WHO, pick=CALLS)
    def put_down(self, who: str, pick: int) -> None:
        self.room.say(who, f.OnHook(1, self.call_of(who, pick)))

    @rule(who=WHO, key=st.sampled_from([*Key, 99]), pick=CALLS)
    def press(self, who: str, key: int, pick: int) -> None:
        self.room.say(who, f.SoftKeyEvent(key, 1, self.call_of(who, pick)))

    @rule(who=WHO, key=st.sampled_from([Key.HOLD, Key.RESUME, Key.TRANSFER, Key.TRANSFER, Key.ANSWER, Key.NEW_CALL]))
    def press_what_is_meant(self, who: str, key: int) -> None:
        self.room.say(who, f.SoftKeyEvent(key))

    @rule(who=WHO, button=st.sampled_from([*Button, 99]), line=st.integers(0, 3))
    def push(self, who: str, button: int, line: int) -> None:
        self.room.say(who, f.Stimulus(button, line))

    @rule(who=WHO, number=st.sampled_from((*NUMBERS, "", "x")))
    def call_at_once(self, who: str, number: str) -> None:
        self.room.say(who, f.EnblocCall(number))

    @rule(who=WHO, pick=CALLS, status=st.sampled_from([0, 0, 0, 2]), address=st.sampled_from(["10.0.0.1", "fd00::1"]))
    def listen(self, who: str, pick: int, status: int, address: str) -> None:
        channels = [leg.channel for leg in self.room.exchange.legs if leg.device == who and leg.channel is not None]
        party = channels[0].party if channels else pick
        address = address if self.there[who].protocol >= 17 else "10.0.0.2"
        self.room.say(who, m.OpenReceiveChannelAck(status, address, 4000, party))

    @rule(
        who=WHO,
        message=st.sampled_from(
            [m.MediaTransmissionFailure(), m.StartMediaTransmissionAck(status=1), f.KeypadButton(99)]
        ),
    )
    def say(self, who: str, message: Laid) -> None:
        self.room.say(who, message)

    @rule(seconds=st.sampled_from([0.5, 4, 6, 13, 16, 181]))
    def wait(self, seconds: float) -> None:
        self.room.pass_time(seconds)

    @rule(who=WHO)
    def go(self, who: str) -> None:
        self.room.detach(who)

    @rule(who=WHO)
    def come(self, who: str) -> None:
        self.room.attach(self.there[who])

    def teardown(self) -> None:
        if not hasattr(self, "room"):
            return
        self.room.pass_time(200)
        for device in DEVICES:
            self.room.detach(device)
        assert self.room.exchange.legs == ()
        assert self.room.exchange.next_timer() is None
        begun = [record.number for record in self.room.records]
        assert len(begun) == len(set(begun)), "a call was recorded twice"


TestPhones = Phones.TestCase
TestPhones.settings = settings(max_examples=100, stateful_step_count=40, deadline=None)
