"""The values of a switch: who is registered, the legs of calls, what is told and recorded."""

from __future__ import annotations

from dataclasses import asdict, dataclass, field
from enum import Enum, StrEnum
from typing import Any

from mixedmode.protocols.sccp.calls.codes import Protection
from mixedmode.protocols.sccp.calls.layout import Laid
from mixedmode.protocols.sccp.calls.media_keys import KEYS_FROM, MediaKeys
from mixedmode.protocols.sccp.registration.admission import Line, Security, SecurityMode


@dataclass(frozen=True, slots=True)
class CallSettings:
    """How calls are treated.

    Attributes:
        inter_digit: Seconds until a number that could go on is taken to be whole, or given up.
        no_answer: Seconds until a call that nobody answers is forwarded, where it is.
        give_up: Seconds until it ends, where it is not.
        media: Seconds for a phone to open a channel (calls-and-media.md 8.1).
        forwards: How often a call is forwarded.
        legs: How many calls a phone may have.
        at_once: How many numbers a phone may call one after the other; more than any user does.
        per_second: How many more it may call in each second after that.
    """

    inter_digit: float = 15.0
    no_answer: float = 12.0
    give_up: float = 180.0
    media: float = 5.0
    forwards: int = 5
    legs: int = 8
    at_once: int = 200
    per_second: float = 20.0


@dataclass(frozen=True, slots=True)
class Station:
    """A registered phone.

    Attributes:
        device: Its name.
        protocol: The version that was agreed on.
        lines: Its lines, the first one is 1.
        mode: How it is registered.
        security: How it is connected.
        tells_security: Whether a tone tells the user if a call is encrypted ("Play Secure Indication Tone").
        address: Where its connection comes from, empty if that is not known.
    """

    device: str
    protocol: int = 22
    lines: tuple[Line, ...] = ()
    mode: SecurityMode = SecurityMode.NON_SECURE
    security: Security = Security()  # noqa: RUF009 - immutable
    tells_security: bool = False
    address: str = ""

    @property
    def protection(self) -> Protection:
        """What a call with it can be at most: only a connection that encrypts may carry keys, from version 5 on."""
        encrypts = self.security.tls and self.security.encrypts and self.protocol >= KEYS_FROM
        if self.mode is SecurityMode.ENCRYPTED and encrypts:
            return Protection.ENCRYPTED
        if self.mode is not SecurityMode.NON_SECURE and self.security.tls:
            return Protection.AUTHENTICATED
        return Protection.NOT_AUTHENTICATED

    def line(self, number: int) -> Line:
        """Return a line; an empty one if there is none of that number."""
        return self.lines[number - 1] if 0 < number <= len(self.lines) else Line("")

    def line_of(self, directory_number: str) -> int:
        """Return the place of a directory number, 0 if it has none such."""
        found = [place for place, line in enumerate(self.lines, 1) if line.directory_number == directory_number]
        return found[0] if found else 0


class LegState(Enum):
    """How one phone's end of a call stands; those below the blank line have a peer."""

    DIALLING = "dialling"
    FAILED = "failed"

    CALLING = "calling"
    RINGING = "ringing"
    CONNECTED = "connected"
    HELD = "held"


class Outcome(StrEnum):
    """What became of a call."""

    ANSWERED = "answered"
    ABANDONED = "abandoned"
    BUSY = "busy"
    NO_ANSWER = "no answer"
    REJECTED = "rejected"
    UNKNOWN_NUMBER = "unknown number"
    NOT_REGISTERED = "not registered"
    TRANSFERRED = "transferred"
    MEDIA_FAILED = "media failed"
    LOST = "lost"


@dataclass(frozen=True, slots=True)
class Party:
    """Who takes part: device, number and the name that others see."""

    device: str = ""
    number: str = ""
    name: str = ""

    @classmethod
    def at(cls, device: str, line: Line) -> Party:
        """Return who is at a line of a device."""
        return cls(device, line.directory_number, line.name or line.label)


@dataclass(slots=True)
class Talk:
    """What two legs have in common; it becomes the record.

    Attributes:
        number: The call's.
        calling: Who calls.
        called: Who rings, or answered.
        begun: When.
        dialled: The number that was called first.
        redirecting: Who forwarded last; ``original`` first.
        answered: When, None before.
        protection: Its security status, unknown before it is answered.
        encrypted: Whether keys were handed out.
    """

    number: int
    calling: Party
    called: Party
    begun: float
    dialled: str = ""
    original: Party = Party()
    redirecting: Party = Party()
    hops: int = 0
    answered: float | None = None
    protection: Protection = Protection.UNKNOWN
    encrypted: bool = False


@dataclass(slots=True)
class Channel:
    """One leg's media.

    Attributes:
        party: What the phone's answer is found by.
        hears: What the other end encrypts with.
        speaks: What this one does.
        due: Until when the phone must have answered, None once it has.
        sending: Whether it was told where to send.
    """

    party: int
    hears: MediaKeys
    speaks: MediaKeys
    due: float | None
    sending: bool = False


@dataclass(slots=True)
class Leg:
    """One phone's end of a call.

    Attributes:
        call: Its number, which the phone knows it by.
        device: The phone.
        line: On which line.
        state: How it stands.
        peer: The other end's number, None while there is none.
        digits: What was dialled so far.
        due: When its state is given up.
        consults: The held leg that it may be joined to (transfer).
        talk: What it has in common with the other end.
        outgoing: Whether it called.
        channel: Its media, while both ends are connected.
    """

    call: int
    device: str
    line: int
    state: LegState
    peer: int | None = None
    digits: str = ""
    due: float | None = None
    consults: int | None = None
    talk: Talk | None = None
    outgoing: bool = True
    channel: Channel | None = None


@dataclass(frozen=True, slots=True)
class Tell:
    """A phone is to be told something."""

    device: str
    message: Laid


@dataclass(frozen=True, slots=True)
class Asked:
    """A phone was asked what it counted.

    Attributes:
        call: Its leg's number.
        talk: The call's.
        by_caller: Whether it called.
        due: Until when it may answer.
    """

    call: int
    talk: int
    by_caller: bool
    due: float


@dataclass(frozen=True, slots=True)
class Counts:
    """What a phone says that it counted in a call; all of it is the phone's word.

    Attributes:
        packets_sent: Packets.
        octets_sent: Bytes of sound.
        packets_received: Packets.
        octets_received: Bytes of sound.
        packets_lost: Packets.
        jitter: Milliseconds.
        latency: Milliseconds.
        quality: ``MLQK=4.5000;...``; empty from most phones.
    """

    packets_sent: int = 0
    octets_sent: int = 0
    packets_received: int = 0
    octets_received: int = 0
    packets_lost: int = 0
    jitter: int = 0
    latency: int = 0
    quality: str = ""


@dataclass(frozen=True, slots=True)
class Counted:
    """A phone said what it counted in a call that has ended.

    Attributes:
        number: The call's.
        counts: What.
        by_caller: Whether it called.
    """

    number: int
    counts: Counts
    by_caller: bool


@dataclass(frozen=True, slots=True)
class Record:
    """A call that has ended; times are the switch's own.

    Attributes:
        number: The call's.
        calling: Who called.
        called: Who rang last, or answered.
        dialled: The number that was called first.
        begun: When the number was whole.
        answered: When, None if nobody did.
        ended: When.
        outcome: What became of it.
        protection: Its security status.
        encrypted: Whether media were encrypted.
        counted: What the calling phone counted, and the called one; None before they say it, or if they do not.
    """

    number: int
    calling: Party
    called: Party
    dialled: str
    begun: float
    answered: float | None
    ended: float
    outcome: Outcome
    protection: Protection = Protection.UNKNOWN
    encrypted: bool = False
    counted: tuple[Counts | None, Counts | None] = (None, None)

    @property
    def seconds(self) -> float:
        """How long it was talked."""
        return 0.0 if self.answered is None else self.ended - self.answered

    def document(self) -> dict[str, Any]:
        """Return it as JSON, but for the moments."""
        return {
            "call": self.number,
            "calling": self.calling.number,
            "calling_device": self.calling.device,
            "dialled": self.dialled,
            "called": self.called.number,
            "called_device": self.called.device,
            "outcome": self.outcome.value,
            "seconds": round(self.seconds, 3),
            "security": self.protection.name.lower().replace("_", "-"),
            "media": "none" if self.answered is None else "SRTP" if self.encrypted else "RTP",
            "counted": {
                side: None if each is None else asdict(each)
                for side, each in zip(("calling", "called"), self.counted, strict=True)
            },
        }


@dataclass(frozen=True, slots=True)
class NoKeys:
    """An encrypted phone talks in the clear, since the other one cannot be given keys.

    Attributes:
        number: The call's.
        device: The phone that gets none.
        mode: How it is registered.
    """

    number: int
    device: str
    mode: SecurityMode


@dataclass(frozen=True, slots=True)
class Elsewhere:
    """A phone named another address for its media than that which it is connected from.

    Attributes:
        device: The phone.
        named: What it named.
        address: Where its media go.
    """

    device: str
    named: str
    address: str


@dataclass(frozen=True, slots=True)
class TooMany:
    """A phone calls more numbers than it may; told once until it may again."""

    device: str


Effect = Tell | Record | NoKeys | Counted | Elsewhere | TooMany


@dataclass(slots=True)
class Effects:
    """What came of one event, in order."""

    found: list[Effect] = field(default_factory=list)

    def take(self) -> list[Effect]:
        """Return them and begin anew."""
        found, self.found = self.found, []
        return found
