"""An endpoint: one value says its address, who may use it, what it takes, what it answers, and who answers.

Routes, checks of requests, answers and the OpenAPI document are all made of it, so none of them can say something else.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Coroutine, Iterable, Mapping
from dataclasses import dataclass, field
from functools import cache
from typing import Annotated, Any, Final, Generic, TypeAlias, TypeVar

from pydantic import ConfigDict, Field, TypeAdapter, ValidationError
from pydantic_core import ErrorDetails

from mixedmode.cluster.engine.operation import Operation
from mixedmode.cluster.engine.principal import Principal
from mixedmode.cluster.engine.results import OperationResult
from mixedmode.cluster.facade import Cluster
from mixedmode.control.door import Control
from mixedmode.errors import UsageError
from mixedmode.faces.web.kit.desk import Desk
from mixedmode.numbers import whole_number

T = TypeVar("T")
JSON: Final = "application/json"
BODY_BYTES: Final = 256 << 10
STRICT: Final = ConfigDict(extra="forbid", strict=True)
"""Of bodies: ``__pydantic_config__``."""
LAX: Final = ConfigDict(extra="forbid")
"""Of the values of a query, which are text."""


@dataclass(frozen=True, slots=True)
class Paged:
    """What every list takes."""

    __pydantic_config__ = LAX

    page: Annotated[int, Field(ge=1, le=1_000_000, description="Which page, from 1.")] = 1
    size: Annotated[int, Field(ge=1, le=1000, description="Entries on a page.")] = 100


@dataclass(frozen=True)
class Listing(Generic[T]):
    """A page of a list.

    Attributes:
        items: Its entries.
        total: Entries that the filters let through.
        page: Its number, from 1.
        size: Entries on a page.
    """

    items: list[T]
    total: int
    page: int
    size: int


@dataclass(frozen=True, slots=True)
class Stream:
    """A body that is made while it is sent."""

    pieces: Iterable[bytes]


@dataclass(frozen=True, slots=True)
class Reply:
    """An answer.

    Attributes:
        value: What it says: of the endpoint's type, or bytes or a stream where that is of another media type.
        status: HTTP's number.
        media_type: As negotiated; JSON is made of the value.
        headers: More of them.
        version: What changes whenever the thing changes that it tells; its tag is made of the bytes if it is empty.
    """

    value: Any = None
    status: int = 200
    media_type: str = JSON
    headers: Mapping[str, str] = field(default_factory=dict)
    version: str = ""


@dataclass(frozen=True, slots=True)
class Call:
    """A request, checked; an endpoint has it in a thread, so it may ask the database and run operations.

    Attributes:
        desk: What all faces of the node's web server have.
        principal: Who asks.
        by_token: Whether a token stands for him.
        csrf: What unsafe requests of his session carry; empty for a token.
        path: The address, without its query.
        values: The parts of the path that have names.
        query: Of the endpoint's type.
        body: Of the endpoint's type; of an operation its fields.
        accept: The media type that the answer shall have.
        loop: Of the pages.
        before: Told of the operation before it runs; returns what a dead process made of it already.
    """

    desk: Desk
    principal: Principal
    by_token: bool
    csrf: str
    path: str
    values: Mapping[str, str]
    query: Any
    body: Any
    accept: str
    loop: asyncio.AbstractEventLoop
    before: Callable[[Operation], OperationResult | None] = lambda _operation: None

    @property
    def cluster(self) -> Cluster:
        """The cluster, to be read."""
        return self.desk.cluster

    @property
    def control(self) -> Control:
        """The door."""
        return self.desk.control

    def asked(self, kind: type[T]) -> T:
        """Return the query."""
        if not isinstance(self.query, kind):
            raise TypeError(f"{type(self.query)} is not {kind}")
        return self.query

    def sent(self, kind: type[T]) -> T:
        """Return the body."""
        if not isinstance(self.body, kind):
            raise TypeError(f"{type(self.body)} is not {kind}")
        return self.body

    def number(self, name: str) -> int | None:
        """Return a part of the path that is a number, None if it is none."""
        text = self.values[name]
        return whole_number(text) if len(text) < 10 else None

    def run(self, title: str, fields: Mapping[str, Any]) -> OperationResult:
        """Run an operation of the cluster.

        Raises:
            MixedModeError: It was refused or failed.
        """
        return self.run_operation(self.control.operation(title, fields))

    def run_operation(self, operation: Operation) -> OperationResult:
        """Run an operation; see :meth:`run`."""
        result = self.before(operation) or self.control.run(self.principal, operation)
        self.desk.frame.forget()
        return result

    def wait(self, work: Coroutine[Any, Any, T], seconds: float = 120.0) -> T:
        """Do something on the loop of the pages and wait for it here."""
        return asyncio.run_coroutine_threadsafe(work, self.loop).result(seconds)


Handler: TypeAlias = Callable[[Call], Reply]


@dataclass(frozen=True, slots=True)
class Endpoint:
    """An endpoint.

    Attributes:
        method: Of HTTP.
        path: Below ``/api/v1``; parts with names in braces.
        name: Of the operation, as programs that are made of the description call it.
        summary: One line.
        answer: Answers; called in a thread.
        tag: Of the resource.
        returns: The type of its answer, None if that has no body; a schema where no type says it.
        status: Of an answer that went well.
        media_types: That it can answer with, the first by default.
        level: That one needs; the door says so of operations besides.
        query: The type of its query.
        body: The type of its body; a schema where no type says it, such as an operation's.
        needs_body: Whether there must be one.
        body_bytes: The most bytes of it.
        keyed: Whether it takes an Idempotency-Key; what answers a secret must not.
        cost: Requests that it counts for.
        about: More of it.
        act: What the door calls it, if it is no operation and is a change: for the tests of pages.
    """

    method: str
    path: str
    name: str
    summary: str
    answer: Handler
    tag: str
    returns: Any = None
    status: int = 200
    media_types: tuple[str, ...] = (JSON,)
    level: int = 0
    query: Any = None
    body: Any = None
    needs_body: bool = True
    body_bytes: int = BODY_BYTES
    keyed: bool = False
    cost: float = 1.0
    about: str = ""
    act: str = ""

    @property
    def is_safe(self) -> bool:
        """Whether it changes nothing."""
        return self.method == "GET"

    @property
    def names(self) -> tuple[str, ...]:
        """The parts of its path that have names."""
        return tuple(part[1:-1].partition(":")[0] for part in self.path.split("/") if part.startswith("{"))


@cache
def adapter(kind: Any) -> TypeAdapter[Any]:
    """Return what checks, writes and describes a type."""
    return TypeAdapter(kind)


def read(kind: Any, data: bytes | Mapping[str, Any], what: str) -> Any:
    """Return a body or a query as a value of its type.

    Raises:
        UsageError: It is none; ``where`` names the field.
    """
    try:
        return adapter(kind).validate_json(data) if isinstance(data, bytes) else adapter(kind).validate_python(data)
    except ValidationError as error:
        first: ErrorDetails = error.errors(include_url=False)[0]
        where = ".".join(map(str, first["loc"]))
        raise UsageError(
            f"{what} is not as it must be",
            where=where or None,
            why=first["msg"],
            next_step="see /api/docs for what this takes",
            code="invalid",
        ) from error


def listing(items: Iterable[Any], call: Call) -> Reply:
    """Return the page that is asked for of rows that are in memory."""
    everything, asked = list(items), call.query
    begin = (asked.page - 1) * asked.size
    return paged(everything[begin : begin + asked.size], len(everything), call)


def paged(items: list[Any], total: int, call: Call) -> Reply:
    """Return a page that was read."""
    return Reply(Listing(items, total, call.query.page, call.query.size))
