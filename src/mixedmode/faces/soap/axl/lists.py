"""``list...`` of AXL: rows of one query, filtered, cut and written with the tags that were asked for."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any, Final

from sqlalchemy import func
from sqlalchemy.orm import Session

from mixedmode.cluster.facade import Cluster
from mixedmode.faces.soap.envelope import Node, Tag, write
from mixedmode.faces.soap.errors import AxlError, too_large
from mixedmode.faces.soap.sql.engine import MOST_BYTES, Memory
from mixedmode.numbers import whole_number
from mixedmode.xml_reader import Element

_MOST_NUMBER: Final = 1_000_000_000


@dataclass(frozen=True, slots=True)
class Listing:
    """A ``list`` operation.

    Attributes:
        element: Of each thing found.
        query: Gives the rows, in an order of their own.
        criteria: By the element in ``searchCriteria``, what is compared.
        made: Makes of a row its tags in the schema's order, and of its attribute ``uuid``.
        empty: Criteria that nothing here has a value for: only ``%`` and nothing match.
    """

    element: str
    query: Callable[[], Any]
    criteria: Mapping[str, Any]
    made: Callable[[Cluster, Any], tuple[str, Mapping[str, Node]]]
    empty: frozenset[str] = field(default_factory=frozenset)

    def answer(self, cluster: Cluster, request: Element, memory: Memory) -> str:
        """Return the elements found, as XML.

        Raises:
            AxlError: A criterion is unknown, or there are too many.
        """
        query, none = self._filtered(request)
        if none:
            return ""
        skip, first = _number(request, "skip"), _number(request, "first")
        tags = wanted_tags(request)
        with cluster.database.read() as session, memory.reply() as reply:
            cut = query if first is None else query.limit(first).offset(skip or 0)
            pieces: list[str] = []
            for row in session.execute(cut.execution_options(yield_per=500)):
                uuid, held = self.made(cluster, row)
                told = write(self.element, Tag(only(held, tags), uuid=uuid))
                size = len(told.encode())
                if reply.size + size > MOST_BYTES:
                    raise _too_large(session, query, len(pieces))
                memory.grow(reply, size)
                pieces.append(told)
        return "".join(pieces)

    def _filtered(self, request: Element) -> tuple[Any, bool]:
        query = self.query()
        criteria = request.child("searchCriteria")
        for each in criteria.children if criteria is not None else ():
            if each.name in self.empty:
                if each.text.strip("%"):
                    return query, True
            elif each.name not in self.criteria:
                raise AxlError(f"{each.name} is no search criterion of {request.name}", 5000)
            elif each.text and each.text != "%":
                query = query.where(self.criteria[each.name].like(each.text[:255]))
        return query, False


def _too_large(session: Session, query: Any, fitted: int) -> AxlError:
    total = session.scalar(query.with_only_columns(func.count(), maintain_column_froms=True).order_by(None))
    return too_large(total, fitted)


def _number(request: Element, name: str) -> int | None:
    text = request.value(name)
    if not text:
        return None
    number = whole_number(text)
    if number is None or number > _MOST_NUMBER:
        raise AxlError(f"{name} is no number", 5000)
    return number


def wanted_tags(request: Element) -> frozenset[str] | None:
    """Return the tags that a request wants; None: all there are."""
    tags = request.child("returnedTags")
    return frozenset(each.name for each in tags.children) if tags is not None and tags.children else None


def only(held: Mapping[str, Node], tags: frozenset[str] | None) -> dict[str, Node]:
    """Return the tags that are wanted, of those that there are."""
    return {name: value for name, value in held.items() if tags is None or name in tags}
