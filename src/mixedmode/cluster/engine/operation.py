"""What an operation is: a frozen value that an administrator asks for, and what it does to a cluster.

Rules:

1. Its fields are all that is asked for. They are the journal's document, the audit log's, a form's and an API's
   (:mod:`.documents`), so none of them is ever a secret: what they hold is kept for good.
2. :meth:`Operation.plan` gives the same steps each time, also half-way through and in another process.
3. A field's name is what journals hold: it stays, as does the title.
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from dataclasses import dataclass
from functools import cache
from typing import TYPE_CHECKING, Annotated, ClassVar, Self, TypeAlias, get_type_hints

from annotated_types import MinLen

from mixedmode.cluster.engine.steps import Step
from mixedmode.cluster.publishing.outlook import Outlook
from mixedmode.cluster.store.state import ClusterState

if TYPE_CHECKING:
    from pydantic import GetJsonSchemaHandler
    from pydantic.json_schema import JsonSchemaValue
    from pydantic_core import CoreSchema


@dataclass(frozen=True, slots=True)
class About:
    """What people and forms are told of a field.

    Attributes:
        help: One line.
        kind: Of value, such as ``node`` or ``pem``: what a form offers or how it asks; the schema's ``format``.
        completed: Nobody gives it: the cluster fills it in before all else (:meth:`Operation.complete`).
    """

    help: str
    kind: str = ""
    completed: bool = False

    def __get_pydantic_json_schema__(self, core: CoreSchema, handler: GetJsonSchemaHandler) -> JsonSchemaValue:
        """Tell a JSON schema the same."""
        schema = {**handler(core), "description": self.help}
        if self.kind:
            schema["format"] = self.kind
        if self.completed:
            schema["readOnly"] = True
        return schema


NodeName: TypeAlias = Annotated[str, MinLen(1), About("The node's host name.", "node")]
Unit: TypeAlias = Annotated[str, MinLen(1), About("What the certificate is for, such as CallManager.", "purpose")]
TrustStore: TypeAlias = Annotated[str, MinLen(1), About("The trust store, such as CallManager-trust.", "trust-store")]
Pem: TypeAlias = Annotated[str, MinLen(1), About("The certificate, as PEM.", "pem")]


@dataclass(frozen=True, slots=True)
class Operation(ABC):
    """An operation; each kind of them is a frozen, slotted dataclass.

    Attributes:
        title: As the administrator knows it, such as ``utils ctl update CTLFile``; one for each kind.
        privilege: Level that an account needs.
        publisher_only: Whether it may be asked for on the publisher only.
    """

    __pydantic_config__: ClassVar[dict[str, object]] = {"extra": "forbid", "strict": True}

    title: ClassVar[str]
    privilege: ClassVar[int] = 1
    publisher_only: ClassVar[bool] = True

    def complete(self, _state: ClusterState) -> Self:
        """Return it with what the cluster's state decides, once and before all else."""
        return self

    def check(self, _state: ClusterState) -> list[str]:
        """Return warnings.

        Raises:
            MixedModeError: It is refused.
        """
        return []

    def foresee(self, before: Outlook) -> Outlook:
        """Return the cluster's lists and certificates after it, from what they are before; by default the same.

        What :meth:`plan` makes and what this makes come from the same functions. Only an operation that was completed
        and passed its checks is asked.

        Raises:
            MixedModeError: It could not be done.
        """
        return before

    @abstractmethod
    def plan(self, state: ClusterState) -> list[Step]:
        """Return the steps (rule 2)."""


@cache
def about(kind: type[Operation], name: str) -> About:
    """Return what is told of a field."""
    marks: tuple[object, ...] = getattr(get_type_hints(kind, include_extras=True)[name], "__metadata__", ())
    return next(mark for mark in marks if isinstance(mark, About))
