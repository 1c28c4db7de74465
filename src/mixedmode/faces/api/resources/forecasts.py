"""Forecasts of a plan: operations of the cluster and lists, one after the other; and the plan that loses nobody."""

from __future__ import annotations

import base64
import binascii
import hashlib
import io
import json
import shlex
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field, fields, replace
from datetime import UTC, datetime
from typing import Annotated, Any, Final

from pydantic import Field

from mixedmode.cluster.engine.operation import Operation
from mixedmode.cluster.publishing import archive
from mixedmode.cluster.publishing.looking import outlook
from mixedmode.cluster.publishing.outlook import Outlook
from mixedmode.control.acts import Act
from mixedmode.errors import UsageError
from mixedmode.faces.api.endpoint import STRICT, Call, Endpoint, Reply
from mixedmode.faces.api.foreseeing import counted, seat
from mixedmode.faces.api.resources.operations import kinds
from mixedmode.forecast.cluster.outlooks import foreseen_step, in_force
from mixedmode.forecast.document import document, proposal_document
from mixedmode.forecast.evaluation import Forecaster
from mixedmode.forecast.plan import NOBODY, Off, Plan, Published, Step, Tvs
from mixedmode.forecast.proposal import proposed
from mixedmode.forecast.vouching import Store, Upload
from mixedmode.inventory.cells import Cells
from mixedmode.inventory.cluster import ClusterInventory
from mixedmode.inventory.kinds import PhoneKind
from mixedmode.inventory.library import Library
from mixedmode.inventory.reading import Inventory
from mixedmode.phone.mind.trust.decisions import ListKind
from mixedmode.phone.mind.trust.policy import read_list
from mixedmode.phone.mind.trust.settings import PolicySettings
from mixedmode.pki.certificates.certificates import Certificate
from mixedmode.trustlist.model import TrustList

_MOST_STEPS: Final = 50
_GZIP: Final = "\x1f\x8b"
_SETTINGS: Final = tuple(each.name for each in fields(PolicySettings))


@dataclass(frozen=True, slots=True)
class OperationStep:
    """An operation of the cluster."""

    __pydantic_config__ = STRICT

    name: Annotated[str, Field(min_length=1, max_length=64, description="As GET /operations names it.")]
    fields: Annotated[dict[str, Any], Field(description="As its schema says.")]


@dataclass(frozen=True, slots=True)
class UploadStep:
    """A certificate that goes into a trust store before the step."""

    __pydantic_config__ = STRICT

    store: Annotated[str, Field(pattern=f"^({'|'.join(Store)})$", description=f"{' or '.join(Store)}.")]
    pem: Annotated[str, Field(min_length=1, max_length=100_000, description="The certificate, as PEM.")]


@dataclass(frozen=True, slots=True)
class PlanStep:
    """A step: an operation, or lists that are put on the servers, or only phones that restart."""

    __pydantic_config__ = STRICT

    operation: Annotated[OperationStep | None, Field(description="An operation of this cluster.")] = None
    publish: Annotated[
        list[Annotated[str, Field(min_length=6, max_length=200_000)]],
        Field(max_length=2, description="Lists: the hash of one that was published, or a file in base64."),
    ] = field(default_factory=list)
    upload: Annotated[list[UploadStep], Field(max_length=20, description="TVS vouches for these from then on.")] = (
        field(default_factory=list)
    )
    off: Annotated[
        str, Field(max_length=20_000, description="Phones that are off during it: names with commas, or 30%.")
    ] = ""
    tvs: Annotated[str | None, Field(pattern="^(up|old|down)$", description="How TVS answers in it.")] = None
    reset: Annotated[bool, Field(description="Whether phones restart.")] = True


@dataclass(frozen=True, slots=True)
class Question:
    """What a forecast is asked."""

    __pydantic_config__ = STRICT

    steps: Annotated[list[PlanStep], Field(min_length=1, max_length=_MOST_STEPS, description="One after the other.")]
    inventory: Annotated[
        str | None,
        Field(
            max_length=30_000_000,
            description="The phones, as CSV, JSON or NDJSON; null: what the cluster itself knows. Lists are hashes.",
        ),
    ] = None
    skip_bad_rows: Annotated[bool, Field(description="Count bad rows and go on.")] = False
    tvs: Annotated[str, Field(pattern="^(up|old|down)$", description="How TVS answers.")] = "up"
    policy: Annotated[dict[str, bool], Field(description=f"Answers to open questions: {', '.join(_SETTINGS)}.")] = (
        field(default_factory=dict)
    )
    both_ways: Annotated[bool, Field(description="Show what depends on each setting.")] = False
    propose: Annotated[bool, Field(description="Search for a plan that loses nobody who can be saved.")] = False


@dataclass(frozen=True, slots=True)
class Forecast:
    """What phones would do.

    Attributes:
        phones: How many there are.
        outcomes: How many have which one at the end.
        steps: The numbers after each step.
        groups: Phones of which the same becomes, with why and what would help.
        switches: Settings that nobody knows, and how many phones depend on each.
        bad_rows: Rows of the inventory that were left out.
        proposal: The plan that was found, with its text for `mixedmode forecast --plan`; null if none was asked for.
    """

    phones: int
    outcomes: dict[str, int]
    steps: list[dict[str, Any]]
    groups: list[dict[str, Any]]
    switches: list[dict[str, Any]]
    bad_rows: int
    proposal: dict[str, Any] | None


class _Steps:
    """Makes the steps of a plan, each operation foreseen after those before it, in any order that a proposal tries."""

    def __init__(self, call: Call) -> None:
        self._call = call
        self.before: Outlook = outlook(call.cluster)
        self._after: dict[tuple[str, ...], Outlook] = {(): self.before}
        self._asked: dict[str, Operation] = {}
        self._done: tuple[str, ...] = ()
        self.lists: list[bytes] = []

    def step(self, asked: PlanStep, number: int) -> Step:
        """Return a step as it was asked for."""
        made = self._operated(asked.operation) if asked.operation is not None else Step(f"step {number}")
        off = Off.parse(asked.off) if asked.off.strip() else NOBODY
        lists = tuple(self._published(text) for text in asked.publish)
        return replace(
            made,
            lists=(*made.lists, *lists),
            off=off,
            tvs=None if asked.tvs is None else Tvs(asked.tvs),
            reset=asked.reset,
            uploads=tuple(Upload(Certificate.from_pem(each.pem.encode()), Store(each.store)) for each in asked.upload),
        )

    def foresee(self, texts: tuple[str, ...]) -> tuple[Step, ...]:
        """Return the steps that operations are, one after another.

        Raises:
            MixedModeError: One of them would be refused, or was not asked for.
        """
        befores = [texts[:number] for number in range(len(texts))]
        return tuple(
            replace(foreseen_step(text, self._outlook((*before, text)), self._outlook(before)), operation=text)
            for text, before in zip(texts, befores, strict=True)
        )

    def _operated(self, asked: OperationStep) -> Step:
        kind = kinds().get(asked.name)
        if kind is None:
            raise UsageError(
                f"there is no operation {asked.name!r}", where="operation", next_step="GET /api/v1/operations"
            )
        operation, text = self._call.control.operation(kind.title, asked.fields), _text(kind.title, asked.fields)
        self._call.control.allow(self._call.principal, Act(operation.title, operation.privilege))
        self._asked[text] = operation
        self._done = (*self._done, text)
        return self.foresee(self._done)[-1]

    def _outlook(self, texts: tuple[str, ...]) -> Outlook:
        if texts not in self._after:
            operation = self._asked.get(texts[-1])
            if operation is None:
                raise UsageError(f"{texts[-1]} was not asked about")
            before = self._outlook(texts[:-1])
            control, principal = self._call.control, self._call.principal
            first = len(texts) == 1
            after = control.preview(principal, operation).after if first else operation.foresee(before)
            self._after[texts] = in_force(operation, after)
        return self._after[texts]

    def _published(self, text: str) -> Published:
        data = self._bytes(text)
        self.lists.append(data)
        found = read_list(data)
        if not isinstance(found, TrustList):
            raise UsageError("this is no list that phones can read", where="publish")
        return Published(ListKind(found.kind), found, hashlib.sha256(data).hexdigest())

    def _bytes(self, text: str) -> bytes:
        plain = text.strip().replace(":", "").replace(" ", "")
        if len(plain) <= 64 and all(letter in "0123456789abcdefABCDEF" for letter in plain):
            return archive.find(self._call.cluster.database, plain).data
        try:
            return base64.b64decode(text, validate=True)
        except (binascii.Error, ValueError) as error:
            raise UsageError("this is neither a hash nor base64", where="publish", code="invalid") from error


def _forecast(call: Call) -> Reply:
    asked = call.sent(Question)
    with seat():
        return Reply(_made(call, asked))


def _made(call: Call, asked: Question) -> Forecast:
    making = _Steps(call)
    steps = tuple(making.step(each, number) for number, each in enumerate(asked.steps, 1))
    plan = Plan(steps, Tvs(asked.tvs), present=foreseen_step("as it is", making.before, None), foresee=making.foresee)
    forecaster = Forecaster(
        plan,
        _settings(asked.policy),
        answered=frozenset(asked.policy),
        both_ways=asked.both_ways,
        now=datetime.now(UTC),
    )
    library = Library()
    for data in (*making.before.files.values(), *making.lists):
        library.add(data)
    bad: list[int] = []
    cells = counted(forecaster, _phones(call, asked, library, bad))
    proposal = proposal_document(proposed(forecaster, cells)) if asked.propose else None
    return Forecast(**document(plan, cells), bad_rows=sum(bad), proposal=proposal)


def _phones(call: Call, asked: Question, library: Library, bad: list[int]) -> Iterator[tuple[str, PhoneKind]]:
    if asked.inventory is None:
        for name, kind, _ in ClusterInventory(call.cluster, library).rows():
            yield name, kind
        return
    if asked.inventory.startswith(_GZIP):
        raise UsageError("the inventory is compressed", where="inventory", next_step="send it as text")
    for data in archive.contents(call.cluster.database):
        library.add(data)
    found = Inventory("the inventory", Cells(library, None), skip_bad=asked.skip_bad_rows)
    try:
        for name, kind, _ in found.rows(io.BytesIO(asked.inventory.encode("utf-8", "surrogateescape"))):
            yield name, kind
    except UnicodeEncodeError as error:
        raise UsageError("the inventory is no text", where="inventory") from error
    bad.append(found.bad)


def _text(title: str, given: Mapping[str, Any]) -> str:
    """Return an operation as ``mixedmode forecast --operation`` takes it."""
    words = (f"{key}={value if isinstance(value, str) else json.dumps(value)}" for key, value in given.items())
    return " ".join((title, *map(shlex.quote, words)))


def _settings(given: Mapping[str, bool]) -> PolicySettings:
    unknown = next((name for name in given if name not in _SETTINGS), None)
    if unknown is not None:
        raise UsageError(
            f"{unknown!r} is no setting of the policy", where="policy", next_step=f"there are {', '.join(_SETTINGS)}"
        )
    return PolicySettings(**given)


ENDPOINTS: Final = (
    Endpoint(
        "POST",
        "/forecasts",
        "makeForecast",
        "Say what every phone would do after a plan, and find the one that loses nobody.",
        _forecast,
        "forecasts",
        Forecast,
        body=Question,
        body_bytes=32 << 20,
        cost=50,
        about="Changes nothing. Operations in it need their own levels.",
    ),
)
