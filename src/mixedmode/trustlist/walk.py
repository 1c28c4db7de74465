"""Walk the TLV bytes of a header or a record once and note where each value lies.

This is the hot path of parsing: plain tuples and dictionaries, no objects for a field. Whatever the walk
accepts is within bounds, so later readers slice without checks. What it refuses (wire-formats.md 8):
lengths past their container, a record length below 5, a header length past the file or inside a field,
bytes after the last record. What it keeps and leaves to :mod:`.problems`: unknown tags, repeated tags,
odd padding, containers whose length does not add up.
"""

from __future__ import annotations

from typing import NamedTuple

from mixedmode.errors import MalformedError
from mixedmode.trustlist.roles import HEADER_CONTAINERS, HEADER_NAMES, MAX_RECORDS, PAD, RECORD_NAMES

Span = tuple[int, int]
"""Where a value lies: first byte, byte after the last."""


class Index(NamedTuple):
    """Where the fields of a header or record stand.

    Attributes:
        offsets: Tag to the offset of its first occurrence; the value begins three bytes later.
        repeated: Offsets of later occurrences of a tag.
        pads: Spans of padding.
    """

    offsets: dict[int, int]
    repeated: list[int]
    pads: list[Span]


class Fields:
    """The fields of a header or a record, in file order; a record is indexed when somebody asks for a field.

    Attributes:
        data: The whole file.
        offset: Where the header or record begins.
        end: The byte after it.
    """

    __slots__ = ("_index", "data", "end", "offset")

    def __init__(self, data: bytes, offset: int, end: int, index: Index | None = None) -> None:
        self.data = data
        self.offset = offset
        self.end = end
        self._index = index

    @property
    def offsets(self) -> dict[int, int]:
        """Tag to the offset of its first occurrence."""
        return (self._index or self._make_index()).offsets

    @property
    def repeated(self) -> list[int]:
        """Offsets of later occurrences of a tag."""
        return (self._index or self._make_index()).repeated

    @property
    def pads(self) -> list[Span]:
        """Spans of padding."""
        return (self._index or self._make_index()).pads

    def _make_index(self) -> Index:
        """Index a record; its walk has checked every bound."""
        data, end = self.data, self.end
        offsets: dict[int, int] = {1: self.offset}
        index = self._index = Index(offsets, [], [])
        pos, last = self.offset + 5, end - 3
        while pos <= last:
            after = pos + 3 + (data[pos + 1] << 8 | data[pos + 2])
            if after > end:
                break
            if offsets.setdefault(data[pos], pos) != pos:
                index.repeated.append(pos)
            pos = after
        if pos < end:
            index.pads.append((pos, end))
        return index

    def span(self, tag: int) -> Span | None:
        """Return where the value of a tag lies, None if the tag is absent."""
        offset = self.offsets.get(tag)
        return None if offset is None else value_span(self.data, offset)

    def value(self, tag: int) -> bytes | None:
        """Return the value of a tag, None if it is absent."""
        offset = (self._index or self._make_index())[0].get(tag)
        if offset is None:
            return None
        data = self.data
        start = offset + 3
        return data[start : start + (data[offset + 1] << 8 | data[offset + 2])]


def value_span(data: bytes, offset: int) -> Span:
    """Return where the value of the TLV at ``offset`` lies."""
    start = offset + 3
    return start, start + (data[offset + 1] << 8 | data[offset + 2])


def malformed(code: str, offset: int, what: str, next_step: str | None = None) -> MalformedError:
    """Make the error for bytes that break the format at ``offset``."""
    return MalformedError(
        what,
        offset=offset,
        code=code,
        next_step=next_step or "fetch the file again in binary (octet) mode, or get it from another node",
    )


def walk_header(data: bytes, containers: frozenset[int] = HEADER_CONTAINERS) -> Fields:
    """Walk the header at the start of ``data``.

    The header ends where HeaderLength (tag 2) says; in a file without one it ends at the next tag 1, which
    begins the first record. Padding may stand at any tag boundary: a 0x0d byte, followed by zeros only if
    0x0d and zeros run to the header's end (sample 62 pads with the TLV ``0d 0000``).

    Args:
        data: The whole file.
        containers: Tags whose children follow inline.

    Raises:
        MalformedError: The header breaks the format.
    """
    size = len(data)
    if data[:3] != b"\x01\x00\x02" or size < 5:
        raise _no_header(data)
    offsets: dict[int, int] = {1: 0}
    repeated: list[int] = []
    pads: list[Span] = []
    limit = size
    has_length = False
    pos = 5
    while pos < limit:
        tag = data[pos]
        offset = pos
        if tag == PAD:
            pos = _end_of_padding(data, offset, limit, has_length)
            pads.append((offset, pos))
            continue
        if tag == 1 and not has_length:
            break
        pos += 3
        if pos > limit:
            raise _field_overrun(tag, offset, pos, limit, size)
        if tag not in containers:
            pos += data[offset + 1] << 8 | data[offset + 2]
            if pos > limit:
                raise _field_overrun(tag, offset, pos, limit, size)
        if offsets.setdefault(tag, offset) != offset:
            repeated.append(offset)
        elif tag == 2:
            limit = _header_length(data, offset + 3, pos, size)
            has_length = True
    return Fields(data, 0, pos, Index(offsets, repeated, pads))


def walk_records(data: bytes, pos: int) -> list[Span]:
    """Check all records from ``pos`` to the end of the file, and return where each one lies.

    Raises:
        MalformedError: A record breaks the format or bytes are left over after the last one.
    """
    size = len(data)
    records: list[Span] = []
    while pos < size:
        if data[pos] != 1 or data[pos + 1 : pos + 3] != b"\x00\x02" or pos + 5 > size:
            raise _no_record_here(data, pos, len(records))
        end = pos + (data[pos + 3] << 8 | data[pos + 4])
        if end < pos + 5 or end > size or len(records) == MAX_RECORDS:
            raise _bad_record(pos, end, size, len(records) + 1)
        field, last = pos + 5, end - 3
        while field <= last:
            field += 3 + (data[field + 1] << 8 | data[field + 2])
        if field != end:
            _check_odd_record(data, pos, end)
        records.append((pos, end))
        pos = end
    return records


def _bad_record(pos: int, end: int, size: int, number: int) -> MalformedError:
    said = f"record {number} at byte {pos} says it is {end - pos} bytes long"
    if end < pos + 5:
        return malformed("record_length", pos + 3, f"{said}; a record has at least 5")
    if end > size:
        return malformed("truncated", size, f"{said}, but the file ends {end - size} bytes before that")
    return malformed(
        "too_many_records", pos, f"more than {MAX_RECORDS} records", "check that this is a CTL or ITL file"
    )


def _check_odd_record(data: bytes, offset: int, limit: int) -> None:
    """Accept a record that ends in padding; name the field that breaks the format in any other."""
    pos = offset + 5
    while pos < limit:
        end = _end_of_field(data, pos, limit)
        if end > limit:
            if data[pos] == PAD and not data[pos:limit].strip(b"\x0d\x00"):
                return
            name = RECORD_NAMES.get(data[pos], f"tag {data[pos]}")
            said = f"{name} says it ends at byte {end}, but the record at byte {offset} ends at byte {limit}"
            raise malformed("length_overrun", pos, said)
        pos = end


def _end_of_field(data: bytes, pos: int, limit: int) -> int:
    """Return the byte after the TLV at ``pos``; past ``limit`` if not even its length fits."""
    return value_span(data, pos)[1] if pos + 3 <= limit else pos + 3


def _no_header(data: bytes) -> MalformedError:
    if data and b"\x01\x00\x02\x01\x02".startswith(data):
        return malformed("truncated", len(data), f"the file ends after {len(data)} bytes, inside its version field")
    what = "the file does not begin with a version field (01 0002), so it is no trust list or signed file"
    return malformed(
        "not_a_trust_list",
        0,
        what if data else "the file is empty",
        "check the file name; an error page or a configuration file may have been saved instead",
    )


def _end_of_padding(data: bytes, pos: int, limit: int, has_length: bool) -> int:
    end = pos + 1
    while end < limit and data[end] == PAD:
        end += 1
    if end < limit and data[end] == 0:
        rest = end
        while rest < limit and data[rest] in {0, PAD}:
            rest += 1
        if rest == limit or (not has_length and data[rest] == 1):
            return rest
    return end


def _header_length(data: bytes, start: int, end: int, size: int) -> int:
    if end - start != 2:
        raise malformed("header_length", start, f"the header length field has {end - start} bytes instead of 2")
    value = data[start] << 8 | data[start + 1]
    if value > size:
        raise malformed(
            "header_length", start, f"the header says it is {value} bytes long, but the file has only {size}"
        )
    if value < end:
        raise malformed("header_length", start, f"the header says it is {value} bytes long, less than the {end} read")
    return value


def _field_overrun(tag: int, pos: int, end: int, limit: int, size: int) -> MalformedError:
    name = HEADER_NAMES.get(tag, f"header tag {tag}")
    if limit == size:
        return malformed("truncated", size, f"{name} at byte {pos} runs to byte {end}, but the file ends at {size}")
    return malformed(
        "header_length",
        pos,
        f"{name} runs to byte {end}, past the header's end at byte {limit}: its length or the header length is wrong",
    )


def _no_record_here(data: bytes, pos: int, count: int) -> MalformedError:
    left = len(data) - pos
    if left < 5 and data[pos] == 1:
        return malformed("truncated", len(data), f"the file ends inside the length of record {count + 1} at byte {pos}")
    if count == 0:
        return malformed("header_length", pos, "no record begins where the header ends: the header length is wrong")
    return malformed("trailing_bytes", pos, f"{left} bytes follow record {count} and do not begin a record (01 0002)")
