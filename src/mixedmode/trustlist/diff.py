"""What differs between two trust lists: header fields, and records added, removed or changed.

Records are paired by what a phone trusts them for: role, then the node they speak for (DNS name, or the
subject where there is none). So a regenerated certificate shows as a change of its record, not as one
record gone and another come.
"""

from __future__ import annotations

from collections import defaultdict
from dataclasses import dataclass
from enum import StrEnum
from typing import TYPE_CHECKING, Any

from mixedmode.trustlist.document import describe
from mixedmode.trustlist.verify import Verification

if TYPE_CHECKING:
    from mixedmode.trustlist.model import TrustList


class Change(StrEnum):
    """What happened to a record or field from A to B."""

    ADDED = "added"
    REMOVED = "removed"
    CHANGED = "changed"


@dataclass(frozen=True, slots=True)
class FieldChange:
    """A field whose value differs; None means absent."""

    field: str
    old: Any
    new: Any


@dataclass(frozen=True, slots=True)
class RecordChange:
    """A record that came, went or changed.

    Attributes:
        change: What happened.
        role: The record's role.
        name: Its DNS name, or its subject.
        old_number: Position in A, None if it is not there.
        new_number: Position in B, None if it is not there.
        fields: What changed in it.
    """

    change: Change
    role: str
    name: str
    old_number: int | None
    new_number: int | None
    fields: tuple[FieldChange, ...] = ()


@dataclass(frozen=True, slots=True)
class Difference:
    """All that differs from A to B; false when nothing does."""

    header: tuple[FieldChange, ...]
    records: tuple[RecordChange, ...]
    same_order: bool
    identical: bool

    def __bool__(self) -> bool:
        return not self.identical


_HEADER_KEYS = (
    "kind", "version", "header_length", "signer_version", "digest", "signature_length", "filename", "timestamp",
    "length", "md5",
)  # fmt: skip
_RECORD_KEYS = (
    "subject", "issuer", "serial", "dns_name", "ip_address", "key", "certificate_sha256", "certificate_hash",
    "not_before", "not_after", "signed_this_file", "length",
)  # fmt: skip
_NOT_ASKED = Verification(None, None, "not_asked", "")


def diff_trust_lists(old: TrustList, new: TrustList) -> Difference:
    """Compare two lists field by field and record by record."""
    a, b = describe(old, _NOT_ASKED, ()), describe(new, _NOT_ASKED, ())
    header = [*_changes(a, b, _HEADER_KEYS)]
    header[:0] = [
        FieldChange(f"signer {change.field}", change.old, change.new)
        for change in _changes(a["signer"], b["signer"], ("name", "issuer", "serial"))
    ]
    records, pairs = _record_changes(a["records"], b["records"])
    numbers = [new_number for _old, new_number in sorted(pairs)]
    return Difference(
        tuple(header), tuple(records), same_order=numbers == sorted(numbers), identical=old.data == new.data
    )


def _changes(a: dict[str, Any], b: dict[str, Any], keys: tuple[str, ...]) -> list[FieldChange]:
    return [FieldChange(key, a[key], b[key]) for key in keys if a[key] != b[key]]


def _key(record: dict[str, Any]) -> tuple[str, str]:
    return str(record["role"]), record["dns_name"] or record["subject"] or ""


def _record_changes(
    a: list[dict[str, Any]], b: list[dict[str, Any]]
) -> tuple[list[RecordChange], list[tuple[int, int]]]:
    waiting: dict[tuple[str, str], list[dict[str, Any]]] = defaultdict(list)
    for record in a:
        waiting[_key(record)].append(record)
    changes: list[RecordChange] = []
    pairs: list[tuple[int, int]] = []
    unmatched: list[dict[str, Any]] = []
    for record in b:
        candidates = waiting[_key(record)]
        if not candidates:
            unmatched.append(record)
            continue
        same = [c for c in candidates if c["certificate_sha256"] == record["certificate_sha256"]]
        partner = same[0] if same else candidates[0]
        candidates.remove(partner)
        pairs.append((partner["number"], record["number"]))
        fields = tuple(_changes(partner, record, _RECORD_KEYS))
        if fields:
            changes.append(RecordChange(Change.CHANGED, *_key(record), partner["number"], record["number"], fields))
    changes += [RecordChange(Change.ADDED, *_key(record), None, record["number"]) for record in unmatched]
    for candidates in waiting.values():
        changes += [RecordChange(Change.REMOVED, *_key(record), record["number"], None) for record in candidates]
    return sorted(changes, key=lambda c: (c.new_number or c.old_number or 0, c.change)), pairs


def difference_document(difference: Difference) -> dict[str, Any]:
    """Return a difference as JSON."""
    return {
        "identical": difference.identical,
        "same_record_order": difference.same_order,
        "header": [{"field": c.field, "old": c.old, "new": c.new} for c in difference.header],
        "records": [
            {
                "change": c.change.value,
                "role": c.role,
                "name": c.name,
                "old_number": c.old_number,
                "new_number": c.new_number,
                "fields": [{"field": f.field, "old": f.old, "new": f.new} for f in c.fields],
            }
            for c in difference.records
        ],
    }
