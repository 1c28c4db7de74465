"""Walk the TLV bytes of a header or a record once and note where each value lies.

This is the hot path of parsing: plain tuples and dictionaries, no objects for a field. Whatever the walk
accepts is within bounds, so later readers slice without checks. What it refuses (wire-formats.md 8):
lengths past their container, a record length below 5, a header length past the file or inside a field,
bytes after the last record. What it keeps and leaves to :mod:`.problems`: unknown tags, repeated tags,
odd padding, containers whose length does not add up.

Where ``_spans.c`` was compiled, it walks what is written in the usual way. It answers None for anything else, which
the functions here then read, or refuse: the rules are theirs, with or without it.
"""

from __future__ import annotations

from mixedmode.errors import MalformedError
from mixedmode.trustlist.fields import Fields, Index, Span, compiled, number_at, value_span
from mixedmode.trustlist.roles import HEADER_CONTAINERS, HEADER_NAMES, MAX_RECORDS, PAD, RECORD_NAMES

_BEGIN = b"\x01\x00\x02"
"""Tag 1 of two bytes: the version that begins a file, the length that begins a record."""
_TURNS = frozenset({1, PAD})
"""Tags that may not begin a field of the header."""
_CONTAINERS = bytes(HEADER_CONTAINERS)


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
    if compiled is not None and containers is HEADER_CONTAINERS:
        end = compiled.header(data, _CONTAINERS)
        if end is not None:
            return Fields(data, 0, end, _CONTAINERS)
    index, end = _index_header(data, containers)
    return Fields(data, 0, end, index=index)


def _index_header(data: bytes, containers: frozenset[int]) -> tuple[Index, int]:
    """Return a header's index, and where it ends; see :func:`walk_header`."""
    size = len(data)
    if data[:3] != _BEGIN or size < 5:
        raise _no_header(data)
    offsets: dict[int, int] = {1: 0}
    repeated: list[int] = []
    pads: list[Span] = []
    limit = size
    has_length = False
    pos = 5
    while pos < limit:
        tag = data[pos]
        if tag in _TURNS:
            if tag == PAD:
                after = _end_of_padding(data, pos, limit, has_length)
                pads.append((pos, after))
                pos = after
                continue
            if not has_length:
                break
        after = pos + 3
        if tag not in containers and after <= limit:
            after += number_at(data, pos + 1)[0]
        if after > limit:
            raise _field_overrun(tag, pos, after, limit, size)
        if tag in offsets:
            repeated.append(pos)
        else:
            offsets[tag] = pos
            if tag == 2:
                limit = _header_length(data, pos + 3, after, size)
                has_length = True
        pos = after
    return (offsets, repeated, pads), pos


def walk_records(data: bytes, pos: int) -> list[Span]:
    """Check all records from ``pos`` to the end of the file, and return where each one lies.

    Raises:
        MalformedError: A record breaks the format or bytes are left over after the last one.
    """
    if compiled is not None:
        found = compiled.records(data, pos, MAX_RECORDS)
        if found is not None:
            return found
    size = len(data)
    records: list[Span] = []
    while pos < size:
        if data[pos : pos + 3] != _BEGIN or pos + 5 > size:
            raise _no_record_here(data, pos, len(records))
        end = pos + number_at(data, pos + 3)[0]
        if end < pos + 5 or end > size or len(records) == MAX_RECORDS:
            raise _bad_record(pos, end, size, len(records) + 1)
        length, last = pos + 6, end - 2
        while length <= last:
            length += 3 + number_at(data, length)[0]
        if length != end + 1:
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
