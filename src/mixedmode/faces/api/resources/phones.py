"""Phones: found, shown, added, changed, removed; their lines."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Annotated, Any, Final

from pydantic import Field
from sqlalchemy import Select, func, select

from mixedmode.cluster.model.lines import LineSpec
from mixedmode.cluster.operations.devices import AddDevices, ChangeDevice, RemoveDevice
from mixedmode.cluster.store.schema import DevicePool, DeviceRow
from mixedmode.faces.api.endpoint import (
    JSON,
    LAX,
    STRICT,
    Call,
    Endpoint,
    Listing,
    Paged,
    Reply,
    Stream,
    listing,
    paged,
)
from mixedmode.faces.api.shared import CSV, Done, done
from mixedmode.faces.web.kit.answers import Csv
from mixedmode.faces.web.kit.tables import contains, equals

_TAG: Final = "phones"
_LINES: Final = "lines"
_ROW: Final = select(
    DeviceRow.name,
    DeviceRow.model,
    DeviceRow.protocol,
    DeviceRow.description,
    DevicePool.name.label("device_pool"),
    DeviceRow.securitymode,
    DeviceRow.ctlhash,
    DeviceRow.itlhash,
    DeviceRow.lastseen,
).join(DevicePool)
_FILTERS: Final = {
    "name": contains(DeviceRow.name),
    "description": contains(DeviceRow.description),
    "model": equals(DeviceRow.model),
    "device_pool": equals(DevicePool.name),
    "protocol": equals(DeviceRow.protocol),
    "security_mode": equals(DeviceRow.securitymode),
    "ctl": equals(DeviceRow.ctlhash),
    "itl": equals(DeviceRow.itlhash),
}
_ORDERS: Final[Mapping[str, Any]] = {
    "name": DeviceRow.name,
    "model": DeviceRow.model,
    "device_pool": DevicePool.name,
    "last_seen": DeviceRow.lastseen,
}


@dataclass(frozen=True, slots=True)
class Phone:
    """A phone, as administrators made it.

    Attributes:
        security_mode: 1 non-secure, 2 authenticated, 3 encrypted.
    """

    name: str
    model: str
    protocol: str
    description: str
    device_pool: str
    security_mode: int


@dataclass(frozen=True, slots=True)
class Whole(Phone):
    """A phone, with all that is set of it.

    Attributes:
        web_access: Whether its own pages may be seen.
        authentication_url: Who says who may press its keys from afar; empty: nobody is asked.
        secure_tone: Whether a tone tells the user if a call is encrypted.
    """

    web_access: bool
    authentication_url: str
    secure_tone: bool


@dataclass(frozen=True, slots=True)
class Found(Phone):
    """A phone in a list.

    Attributes:
        ctl: SHA-1 of the CTL that it reported last; null if it did not.
        itl: The same of its ITL.
        last_seen: When it reported last.
    """

    ctl: str | None
    itl: str | None
    last_seen: datetime | None


@dataclass(frozen=True, slots=True)
class Wanted(Paged):
    """Which phones."""

    __pydantic_config__ = LAX

    name: Annotated[str | None, Field(max_length=128, description="With this in the name, in any case.")] = None
    description: Annotated[str | None, Field(max_length=128, description="With this in the description.")] = None
    model: Annotated[str | None, Field(max_length=32, description="Of this model, such as 7975.")] = None
    device_pool: Annotated[str | None, Field(max_length=128, description="Of this device pool.")] = None
    protocol: Annotated[str | None, Field(pattern="^(SCCP|SIP)$", description="SCCP or SIP.")] = None
    security_mode: Annotated[int | None, Field(ge=1, le=3, description="1, 2 or 3.")] = None
    ctl: Annotated[str | None, Field(max_length=40, description="Reported a CTL of this SHA-1 last.")] = None
    itl: Annotated[str | None, Field(max_length=40, description="The same of the ITL.")] = None
    sort: Annotated[
        str,
        Field(pattern=f"^-?({'|'.join(_ORDERS)})$", description=f"{', '.join(_ORDERS)}; with - the other way round."),
    ] = "name"


@dataclass(frozen=True, slots=True)
class NewPhone:
    """A phone that is added."""

    __pydantic_config__ = STRICT

    name: Annotated[str, Field(min_length=1, max_length=128, description="SEP and the MAC address.")]
    model: Annotated[str, Field(min_length=1, max_length=32, description="Such as 7975.")] = "7975"
    protocol: Annotated[str, Field(pattern="^(SCCP|SIP)$", description="SCCP or SIP.")] = "SCCP"
    description: Annotated[str, Field(max_length=255, description="For people.")] = ""
    device_pool: Annotated[str, Field(min_length=1, max_length=128, description="Made if it is not there.")] = "Default"
    security_mode: Annotated[int, Field(ge=1, le=3, description="1, 2 or 3.")] = 1
    web_access: Annotated[bool, Field(description="Whether its own pages may be seen.")] = False
    authentication_url: Annotated[str, Field(max_length=255, description="Who says who may press its keys.")] = ""
    secure_tone: Annotated[bool, Field(description="Whether a tone tells the user if a call is encrypted.")] = False


@dataclass(frozen=True, slots=True)
class NewPhones:
    """Phones that are added, all of them or none."""

    __pydantic_config__ = STRICT

    phones: Annotated[list[NewPhone], Field(min_length=1, max_length=5000)]


@dataclass(frozen=True, slots=True)
class Changes:
    """What changes of a phone; what is not given stays."""

    __pydantic_config__ = STRICT

    model: Annotated[str | None, Field(min_length=1, max_length=32)] = None
    protocol: Annotated[str | None, Field(pattern="^(SCCP|SIP)$")] = None
    description: Annotated[str | None, Field(max_length=255)] = None
    device_pool: Annotated[str | None, Field(min_length=1, max_length=128)] = None
    security_mode: Annotated[int | None, Field(ge=1, le=3)] = None
    web_access: bool | None = None
    authentication_url: Annotated[str | None, Field(max_length=255)] = None
    secure_tone: bool | None = None


@dataclass(frozen=True, slots=True)
class Line:
    """A line.

    Attributes:
        device: The phone.
        number: Its directory number.
        position: Its button, from 1.
        name: What others see of who calls.
        label: What the phone shows beside the button.
        forward_all: Where all calls go; empty for nowhere, as the next two.
        forward_busy: Where those go that find it busy.
        forward_no_answer: Where those go that nobody answers.
        calls: How many it has until it is busy.
    """

    device: str
    number: str
    position: int
    name: str
    label: str
    forward_all: str
    forward_busy: str
    forward_no_answer: str
    calls: int


def _narrowed(asked: Wanted) -> Select[*tuple[Any, ...]]:
    query: Select[*tuple[Any, ...]] = _ROW
    for key, clause in _FILTERS.items():
        value = getattr(asked, key)
        if value is not None:
            query = query.where(clause(value))
    return query


def _phones(call: Call) -> Reply:
    asked = call.asked(Wanted)
    query = _narrowed(asked)
    order = _ORDERS[asked.sort.removeprefix("-")]
    ordered = query.order_by(order.desc() if asked.sort.startswith("-") else order.asc(), DeviceRow.id)
    if call.accept == CSV:
        header = list(Found.__dataclass_fields__)
        return Reply(Stream(Csv("phones", header, _rows(call, ordered)).pieces()), media_type=CSV)
    with call.cluster.database.read() as session:
        total = session.scalar(select(func.count()).select_from(query.subquery())) or 0
        rows = session.execute(ordered.offset((asked.page - 1) * asked.size).limit(asked.size))
        return paged([_found(*row) for row in rows], total, call)


def _rows(call: Call, query: Select[*tuple[Any, ...]]) -> Iterator[tuple[object, ...]]:
    with call.cluster.database.read() as session:
        for row in session.execute(query.execution_options(yield_per=500)):
            *plain, seen = row
            yield (*plain, "" if seen is None else seen.isoformat())


def _found(*row: Any) -> Found:
    name, model, protocol, description, pool, mode, ctl, itl, seen = row
    return Found(name, model, protocol, description, pool, mode, ctl or None, itl or None, seen)


def _one(call: Call) -> Reply:
    found = call.cluster.devices.get(call.values["name"])
    return Reply(
        Whole(
            found.name,
            found.model,
            found.protocol,
            found.description,
            found.device_pool,
            found.security_mode,
            found.web_access,
            found.authentication_url,
            found.secure_tone,
        )
    )


def _add(call: Call) -> Reply:
    devices = [
        {name: getattr(each, name) for name in NewPhone.__dataclass_fields__} for each in call.sent(NewPhones).phones
    ]
    return done(call.run(AddDevices.title, {"devices": devices}))


def _change(call: Call) -> Reply:
    sent = call.sent(Changes)
    values = {name: getattr(sent, name) for name in Changes.__dataclass_fields__}
    return done(call.run(ChangeDevice.title, {"name": call.values["name"], "values": values}))


def _remove(call: Call) -> Reply:
    return done(call.run(RemoveDevice.title, {"name": call.values["name"]}))


def _line(each: LineSpec) -> Line:
    return Line(*(getattr(each, name) for name in Line.__dataclass_fields__))


def _lines(call: Call) -> Reply:
    return listing((_line(each) for each in call.cluster.all_lines()), call)


def _lines_of(call: Call) -> Reply:
    device = call.cluster.devices.get(call.values["name"]).name
    return Reply([_line(each) for each in call.cluster.lines_of(device)])


ENDPOINTS: Final = (
    Endpoint(
        "GET",
        "/phones",
        "listPhones",
        "List phones, or have all that the filters let through as CSV.",
        _phones,
        _TAG,
        Listing[Found],
        media_types=(JSON, CSV),
        query=Wanted,
    ),
    Endpoint(
        "POST",
        "/phones",
        "addPhones",
        "Add phones, all of them or none.",
        _add,
        _TAG,
        Done,
        level=AddDevices.privilege,
        body=NewPhones,
        body_bytes=4 << 20,
        keyed=True,
    ),
    Endpoint("GET", "/phones/{name}", "getPhone", "Show a phone.", _one, _TAG, Whole),
    Endpoint(
        "PATCH",
        "/phones/{name}",
        "changePhone",
        "Change a phone; what is not given stays.",
        _change,
        _TAG,
        Done,
        level=ChangeDevice.privilege,
        body=Changes,
        keyed=True,
    ),
    Endpoint(
        "DELETE",
        "/phones/{name}",
        "removePhone",
        "Remove a phone.",
        _remove,
        _TAG,
        Done,
        level=RemoveDevice.privilege,
        keyed=True,
    ),
    Endpoint("GET", "/phones/{name}/lines", "listLinesOfPhone", "List a phone's lines.", _lines_of, _LINES, list[Line]),
    Endpoint("GET", "/lines", "listLines", "List the lines.", _lines, _LINES, Listing[Line], query=Paged),
)
