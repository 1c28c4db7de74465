"""The steps of a procedure: what is done, by whom, where, what must hold after it, and whether it can be taken back."""

from __future__ import annotations

from dataclasses import dataclass
from enum import Enum, StrEnum
from typing import ClassVar, Final

from mixedmode.procedures.checks import Check
from mixedmode.procedures.facts import Token


class Who(StrEnum):
    """Who does something."""

    ADMINISTRATOR = "an administrator"
    AT_THE_CLIENT = "an administrator who holds the eTokens"
    AT_THE_PHONES = "somebody at the phones"


class Where(StrEnum):
    """Where something is done."""

    PUBLISHER = "at the publisher's prompt"
    EVERY_NODE = "at the prompt of every node"
    CTL_CLIENT = "with the CTL Client"
    CLIENT_PC = "on the PC with the CTL Client"
    PHONES = "at the phones"
    FROM_AFAR = "from afar"
    FOR_EACH_PHONE = "on the publisher's host, for each phone"


@dataclass(frozen=True, slots=True)
class Prompt:
    """A command at the ``admin:`` prompt.

    Attributes:
        line: What is typed.
        answers: To its questions, in order.
        reads: Whether it only looks.
    """

    who: ClassVar[Who] = Who.ADMINISTRATOR
    by_hand: ClassVar[bool] = False
    line: str
    answers: tuple[str, ...] = ()
    reads: bool = False

    @property
    def where(self) -> Where:
        """Where it is typed."""
        return Where.PUBLISHER

    @property
    def lines(self) -> tuple[str, ...]:
        """What a person types or chooses."""
        return (f"admin:{self.line}",)


@dataclass(frozen=True, slots=True)
class RestartServices:
    """Restart services on every node that runs them.

    Attributes:
        services: By their names at the prompt.
    """

    who: ClassVar[Who] = Who.ADMINISTRATOR
    where: ClassVar[Where] = Where.EVERY_NODE
    by_hand: ClassVar[bool] = False
    services: tuple[str, ...] = ("Cisco Tftp", "Cisco CallManager")

    @property
    def lines(self) -> tuple[str, ...]:
        """What a person types or chooses."""
        return tuple(f"admin:utils service restart {service}" for service in self.services)


@dataclass(frozen=True, slots=True)
class ResetPhones:
    """Have every phone that is on fetch its files anew."""

    who: ClassVar[Who] = Who.ADMINISTRATOR
    where: ClassVar[Where] = Where.FROM_AFAR
    by_hand: ClassVar[bool] = False

    @property
    def lines(self) -> tuple[str, ...]:
        """What a person types or chooses."""
        return ("mixedmode phones reset --all",)


@dataclass(frozen=True, slots=True)
class SwitchPhones:
    """Switch half of the phones off, or those that are off on again.

    Attributes:
        on: Which of both.
    """

    who: ClassVar[Who] = Who.AT_THE_PHONES
    where: ClassVar[Where] = Where.PHONES
    by_hand: ClassVar[bool] = True
    lines: ClassVar[tuple[str, ...]] = ()
    on: bool


class ClientAction(StrEnum):
    """The choices of the CTL Client, by their texts."""

    MIXED = "Set Cluster to Mixed Mode"
    NON_SECURE = "Set Cluster to Non-Secure Mode"
    UPDATE = "Update CTL File"


@dataclass(frozen=True, slots=True)
class CtlClient:
    """A run of the CTL Client.

    Attributes:
        action: Its choice.
        tokens: Inserted one after the other.
        finish: Whether it goes to its end; else it is cancelled at the first token.
    """

    who: ClassVar[Who] = Who.AT_THE_CLIENT
    where: ClassVar[Where] = Where.CTL_CLIENT
    by_hand: ClassVar[bool] = True
    action: ClientAction
    tokens: tuple[Token, ...]
    finish: bool = True

    @property
    def lines(self) -> tuple[str, ...]:
        """What a person types or chooses."""
        first, *others = self.tokens
        more = [line for token in others for line in ("Add Tokens", f"insert {token}, OK", "Add")]
        end = ["Add", *more, "Finish", "the password of the eToken"] if self.finish else ["Cancel"]
        return ("mixedmode ctl-client PUBLISHER", self.action, f"insert {first}, OK", *end)


@dataclass(frozen=True, slots=True)
class ImportToken:
    """Upload a token's certificate as Phone-SAST-trust, so that TVS vouches for it.

    Attributes:
        token: Whose certificate is pasted.
    """

    who: ClassVar[Who] = Who.ADMINISTRATOR
    where: ClassVar[Where] = Where.PUBLISHER
    by_hand: ClassVar[bool] = False
    line: ClassVar[str] = "set cert import trust Phone-SAST-trust"
    token: Token

    @property
    def lines(self) -> tuple[str, ...]:
        """What a person types or chooses."""
        return (f"admin:{self.line}", f"(the certificate of {self.token}, pasted)")


@dataclass(frozen=True, slots=True)
class InstallVersion:
    """Install another version of the cluster's software beside the active one.

    Attributes:
        version: As it is written in full.
    """

    who: ClassVar[Who] = Who.ADMINISTRATOR
    where: ClassVar[Where] = Where.PUBLISHER
    by_hand: ClassVar[bool] = True
    version: str

    @property
    def lines(self) -> tuple[str, ...]:
        """What a person types or chooses."""
        return ("admin:utils system upgrade initiate",)


@dataclass(frozen=True, slots=True)
class GiveNumbers:
    """Give every phone that can register a line with a number of its own."""

    who: ClassVar[Who] = Who.ADMINISTRATOR
    where: ClassVar[Where] = Where.FOR_EACH_PHONE
    by_hand: ClassVar[bool] = False
    lines: ClassVar[tuple[str, ...]] = ("mixedmode line add NAME NUMBER",)


@dataclass(frozen=True, slots=True)
class SetProfile:
    """Give every phone a security mode.

    Attributes:
        mode: 1 non-secure, 2 authenticated, 3 encrypted.
    """

    who: ClassVar[Who] = Who.ADMINISTRATOR
    where: ClassVar[Where] = Where.FOR_EACH_PHONE
    by_hand: ClassVar[bool] = False
    mode: int

    @property
    def lines(self) -> tuple[str, ...]:
        """What a person types or chooses."""
        return (f"mixedmode device change NAME --security-mode {self.mode}",)


@dataclass(frozen=True, slots=True)
class OrderLscs:
    """Have every phone get an LSC from CAPF when it next starts.

    Attributes:
        by_mic: Whether a phone proves itself by its MIC, though it may have an LSC.
        days_ago: When that is; more than 0 where a procedure begins with LSCs that were given long ago.
    """

    who: ClassVar[Who] = Who.ADMINISTRATOR
    where: ClassVar[Where] = Where.FOR_EACH_PHONE
    by_hand: ClassVar[bool] = False
    by_mic: bool = False
    days_ago: int = 0

    @property
    def lines(self) -> tuple[str, ...]:
        """What a person types or chooses."""
        return (f"mixedmode capf set NAME install {'--by-mic' if self.by_mic else '--by-certificate'}",)


@dataclass(frozen=True, slots=True)
class CallEachOther:
    """Have one phone call another, say something, and hang up."""

    who: ClassVar[Who] = Who.AT_THE_PHONES
    where: ClassVar[Where] = Where.PHONES
    by_hand: ClassVar[bool] = True
    lines: ClassVar[tuple[str, ...]] = ()


@dataclass(frozen=True, slots=True)
class ByHand:
    """What only a person can do; its step says what.

    Attributes:
        who: Does it.
        where: It is done.
        lines: What is typed or chosen there.
    """

    by_hand: ClassVar[bool] = True
    who: Who
    where: Where
    lines: tuple[str, ...] = ()


OfPhones = ResetPhones | SwitchPhones | GiveNumbers | SetProfile | OrderLscs | CallEachOther
Act = Prompt | RestartServices | OfPhones | CtlClient | ImportToken | InstallVersion | ByHand


@dataclass(frozen=True, slots=True)
class Undo:
    """Whether a step can be taken back.

    Attributes:
        possible: None if there is nothing to take back.
        how: By what; or why it is not possible.
        act: Takes it back at once; None if it takes more than that.
        procedure: Leads back, if there is one: its name.
    """

    possible: bool | None
    how: str = ""
    act: Prompt | None = None
    procedure: str = ""


NOTHING_TO_UNDO: Final = Undo(None)


class Part(Enum):
    """What a step is to its procedure."""

    BEFORE = "brings a fresh cluster to where the procedure begins; a live one is there already"
    STEP = "is the procedure"
    MISTAKE = "a mistake that people make, and what comes of it; rehearsed only"


@dataclass(frozen=True, slots=True)
class Step:
    """One thing to do.

    Attributes:
        what: For people, as an order.
        act: What is done.
        after: What must hold then.
        undo: Whether it can be taken back.
        part: What it is to the procedure.
        heading: Over it in a transcript; ``{phones}`` is how many phones are switched off.
    """

    what: str
    act: Act
    after: tuple[Check, ...] = ()
    undo: Undo = NOTHING_TO_UNDO
    part: Part = Part.STEP
    heading: str = ""
