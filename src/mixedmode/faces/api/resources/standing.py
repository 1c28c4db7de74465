"""How phones stand: in step, behind, frozen or locked out, and why; resetting them, and ordering their certificates."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Annotated, Final

from pydantic import Field
from sqlalchemy import select

from mixedmode.cluster.model.errors import NotFoundError
from mixedmode.control.acts import ORDER_CAPF, RESET_PHONES
from mixedmode.errors import UsageError
from mixedmode.faces.api.endpoint import STRICT, Call, Endpoint, Reply
from mixedmode.faces.web.standing.rows import PHONES
from mixedmode.protocols.capf import Operation
from mixedmode.services.capf.store import KEY_NAMES, CapfStore

_TAG: Final = "phones"
_PROOFS: Final = ("string", "null", "certificate", "mic")


@dataclass(frozen=True, slots=True)
class Standing:
    """How a phone stands, as its own rules have it if it restarted now.

    Attributes:
        outcome: `follows`, `follows-by-tvs`, `behind`, `frozen`, `locked-out` or `unknown`.
        reason: Why, in a sentence.
        next_step: What to do; null if nothing.
        ctl: What it holds: the SHA-256 of a published list, `none`, or what it said; null: not known.
        itl: The same of its ITL.
        seen: When anything was heard of it last.
        registered: When it registered last.
        address: From where.
        moment: When this was concluded.
    """

    name: str
    outcome: str
    reason: str
    next_step: str | None
    ctl: str | None
    itl: str | None
    seen: datetime | None
    registered: datetime | None
    address: str | None
    moment: datetime | None


@dataclass(frozen=True, slots=True)
class NewReset:
    """Phones that shall be reset."""

    __pydantic_config__ = STRICT

    names: Annotated[
        list[Annotated[str, Field(min_length=1, max_length=128)]],
        Field(min_length=1, max_length=2000, description="Their device names."),
    ]


@dataclass(frozen=True, slots=True)
class Reset:
    """A reset of phones; it is forgotten when the service ends.

    Attributes:
        told: Phones that were told.
        unreached: Those that could not be reached.
        back: Those that have registered again.
        ended: Whether all were told.
        error: Why it ended early.
    """

    number: int
    user: str
    phones: int
    told: list[str]
    unreached: list[str]
    back: list[str]
    ended: bool
    error: str | None


@dataclass(frozen=True, slots=True)
class Order:
    """What CAPF shall do with a phone that asks next."""

    __pydantic_config__ = STRICT

    operation: Annotated[
        str, Field(pattern=f"^({'|'.join(each.value for each in Operation)})$", description="What waits for it.")
    ]
    proof: Annotated[str, Field(pattern=f"^({'|'.join(_PROOFS)})$", description="How it proves itself.")] = "null"
    string: Annotated[
        str | None, Field(pattern="^[0-9]{4,15}$", description="The authentication string; kept as a hash, good once.")
    ] = None
    key: Annotated[str, Field(pattern=f"^({'|'.join(KEY_NAMES)})$", description="The key that it makes.")] = "rsa-2048"


def _standing(call: Call) -> Reply:
    name, standing = call.cluster.devices.get(call.values["name"]).name, call.desk.standing
    standing.fresh(1.0)
    with standing.read() as session:
        row = session.execute(select(PHONES).where(PHONES.c.name == name)).first()
    if row is None:
        raise NotFoundError(f"nothing is concluded of {name} yet", next_step="ask again in a few seconds")
    state = standing.state(row.state)
    found = Standing(
        name,
        state.outcome.value,
        state.reason,
        state.next_step or None,
        row.ctl or None,
        row.itl or None,
        _moment(row.seen),
        _moment(row.registered),
        row.address or None,
        standing.moment,
    )
    return Reply(found)


def _moment(seconds: float) -> datetime | None:
    return datetime.fromtimestamp(seconds, UTC) if seconds else None


def _reset(call: Call) -> Reply:
    names = [call.cluster.devices.get(name).name for name in dict.fromkeys(call.sent(NewReset).names)]
    made = call.desk.resets.start(call.principal, names, call.loop)
    return _told(call, made.number)


def _told(call: Call, number: int) -> Reply:
    resets = call.desk.resets
    found = resets.find(number)
    if found is None:
        raise NotFoundError(f"there is no reset {number}", next_step="resets are forgotten when the service ends")
    back = sorted(resets.back(found))
    told, unreached = sorted(found.told), sorted(found.unreached)
    value = Reset(number, found.user, len(found.names), told, unreached, back, found.ended, found.error or None)
    return Reply(value, headers={"location": f"/api/v1/resets/{number}"})


def _one_reset(call: Call) -> Reply:
    number = call.number("number")
    if number is None:
        raise NotFoundError(f"there is no reset {call.values['number'][:20]!r}")
    return _told(call, number)


def _order(call: Call) -> Reply:
    device, sent = call.cluster.devices.get(call.values["name"]).name, call.sent(Order)
    folder = call.cluster.folder(call.cluster.publisher.name)
    if not folder.is_here:
        raise UsageError("CAPF runs on the publisher", next_step="ask the publisher")
    if (sent.proof == "string") is not bool(sent.string) and sent.operation != Operation.NONE.value:
        raise UsageError("the authentication string goes with proof string", where="string")
    store = CapfStore(folder.root / "capf")

    def order() -> None:
        store.order(
            device,
            Operation(sent.operation),
            key=sent.key,
            password=sent.string,
            by_certificate=sent.proof in {"certificate", "mic"},
            mic_first=sent.proof == "mic",
        )

    call.control.do(call.principal, ORDER_CAPF, order, device=device, operation=sent.operation)
    return Reply()


ENDPOINTS: Final = (
    Endpoint(
        "GET", "/phones/{name}/standing", "getStanding", "Say how a phone stands, and why.", _standing, _TAG, Standing
    ),
    Endpoint(
        "PUT",
        "/phones/{name}/capf",
        "orderCertificate",
        "Order what CAPF does with a phone that asks next.",
        _order,
        _TAG,
        status=204,
        level=ORDER_CAPF.level,
        body=Order,
        act=ORDER_CAPF.name,
    ),
    Endpoint(
        "POST",
        "/resets",
        "resetPhones",
        "Reset phones; it goes on by itself.",
        _reset,
        _TAG,
        Reset,
        status=202,
        level=RESET_PHONES.level,
        body=NewReset,
        keyed=True,
        cost=5,
        act=RESET_PHONES.name,
    ),
    Endpoint("GET", "/resets/{number}", "getReset", "Show how far a reset is.", _one_reset, _TAG, Reset),
)
