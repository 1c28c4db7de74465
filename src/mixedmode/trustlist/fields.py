"""The fields of a header or a record: where each lies, and its value.

Values are sought when somebody asks for them, by ``_spans.c`` where it was compiled, else in an index that is made
then. The walk (:mod:`.walk`) has checked every bound before.
"""

from __future__ import annotations

from collections.abc import Sequence
from struct import Struct

try:
    import mixedmode.trustlist._spans as built
except ImportError:  # no compiler, or no Linux, where the package was built
    built = None  # type: ignore[assignment]

compiled = built
"""The compiled walk, None if there is none."""
Span = tuple[int, int]
"""Where a value lies: first byte, byte after the last."""
Index = tuple[dict[int, int], Sequence[int], Sequence[Span]]
"""Tag to the offset of its first occurrence; offsets of later occurrences; padding."""

_NO_CONTAINERS = b""
field_at = Struct(">BH").unpack_from
number_at = Struct(">H").unpack_from
"""Read a tag with its length, or a length, in one call; two subscripts, a shift and an or take longer."""


class Fields:
    """The fields of a header or a record, in file order; they are indexed when somebody asks where one lies.

    Attributes:
        data: The whole file.
        offset: Where the header or record begins.
        end: The byte after it.
    """

    __slots__ = ("_containers", "_index", "data", "end", "offset")

    def __init__(
        self, data: bytes, offset: int, end: int, containers: bytes = _NO_CONTAINERS, index: Index | None = None
    ) -> None:
        self.data = data
        self.offset = offset
        self.end = end
        self._containers = containers
        self._index = index

    @property
    def offsets(self) -> dict[int, int]:
        """Tag to the offset of its first occurrence; the value begins three bytes later."""
        return (self._index or self._make_index())[0]

    @property
    def repeated(self) -> Sequence[int]:
        """Offsets of later occurrences of a tag."""
        return (self._index or self._make_index())[1]

    @property
    def pads(self) -> Sequence[Span]:
        """Spans of padding."""
        return (self._index or self._make_index())[2]

    def _make_index(self) -> Index:
        """Index a header that is written in the usual way, or a record; its walk has checked every bound."""
        data, end, containers = self.data, self.end, self._containers
        offsets: dict[int, int] = {}
        repeated: list[int] = []
        pos, last = self.offset, end - 3
        while pos <= last:
            tag, size = field_at(data, pos)
            after = pos + 3 if tag in containers else pos + 3 + size
            if after > end:
                break
            if tag in offsets:
                repeated.append(pos)
            else:
                offsets[tag] = pos
            pos = after
        index = self._index = offsets, repeated, ((pos, end),) if pos < end else ()
        return index

    def span(self, tag: int) -> Span | None:
        """Return where the value of a tag lies, None if the tag is absent."""
        offset = self.offsets.get(tag)
        return None if offset is None else value_span(self.data, offset)

    def value(self, tag: int) -> bytes | None:
        """Return the value of a tag, None if it is absent."""
        index = self._index
        if index is None:
            if compiled is not None:
                return compiled.value(self.data, self.offset, self.end, self._containers, tag)
            index = self._make_index()
        offset = index[0].get(tag)
        if offset is None:
            return None
        data = self.data
        start = offset + 3
        return data[start : start + number_at(data, offset + 1)[0]]

    def values(self, tags: bytes) -> Sequence[bytes | None]:
        """Return the values of some tags, in their order; None for one that is absent."""
        if self._index is None and compiled is not None:
            return compiled.values(self.data, self.offset, self.end, self._containers, tags)
        return [self.value(tag) for tag in tags]

    def without(self, tag: int) -> bytes | None:
        """Return the file without a tag's first field, None if it is absent."""
        data = self.data
        if self._index is None and compiled is not None:
            return compiled.without(data, self.offset, self.end, self._containers, tag)
        offset = self.offsets.get(tag)
        return None if offset is None else data[:offset] + data[value_span(data, offset)[1] :]


def value_span(data: bytes, offset: int) -> Span:
    """Return where the value of the TLV at ``offset`` lies."""
    start = offset + 3
    return start, start + number_at(data, offset + 1)[0]
