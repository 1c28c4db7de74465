"""What differs between two trust lists: header fields, and records added, removed or changed.

Records are paired by what a phone trusts them for: role, then the node they speak for (DNS name, or the
subject where there is none). So a regenerated certificate shows as a change of its record, not as one
record gone and another come.

A description that is no list's own bytes (a pasted listing) names what it does not show: that is never a difference,
and a record that it lacks is neither added nor removed if it may have been left out.
"""

from __future__ import annotations

from collections import defaultdict
from dataclasses import dataclass, replace
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
    not_shown: tuple[str, ...] = ()
    """Fields that were not compared, because one side does not show them; ``records`` if records may be missing."""

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
    found = diff_descriptions(describe(old, _NOT_ASKED, ()), describe(new, _NOT_ASKED, ()))
    return replace(found, identical=old.data == new.data)


def diff_descriptions(a: dict[str, Any], b: dict[str, Any]) -> Difference:
    """Compare two descriptions in the form of ``show --json``, either of which may be a listing's.

    Args:
        a: The old one; ``not_shown`` and ``record_not_shown`` name what it does not show.
        b: The new one.
    """
    hidden = {*a.get("not_shown", ()), *b.get("not_shown", ())}
    pasted = "listing" in {a.get("source"), b.get("source")}
    header = [*_changes(a, b, tuple(key for key in _HEADER_KEYS if key not in hidden), pasted=pasted)]
    if "md5" in hidden and "sha1" not in hidden:
        header += _changes(a, b, ("sha1",))
    if "signer" not in hidden:
        header[:0] = [
            FieldChange(f"signer {change.field}", change.old, change.new)
            for change in _changes(a["signer"], b["signer"], ("name", "issuer", "serial"), pasted=pasted)
        ]
    unseen = {*a.get("record_not_shown", ()), *b.get("record_not_shown", ())}
    keys = tuple(key for key in _RECORD_KEYS if key not in unseen)
    if "certificate_sha256" in unseen:
        keys += ("certificate_sha1",)
    # A record that the shortened side lacks may only have been left out.
    left_out = ("records" in a.get("not_shown", ()), "records" in b.get("not_shown", ()))
    records, pairs = _record_changes(a["records"], b["records"], keys, pasted=pasted, left_out=left_out)
    numbers = [new_number for _old, new_number in sorted(pairs)]
    same_order = numbers == sorted(numbers)
    return Difference(
        tuple(header),
        tuple(records),
        same_order=same_order,
        identical=not header and not records and same_order,
        not_shown=tuple(sorted(hidden | unseen)),
    )


def _changes(a: dict[str, Any], b: dict[str, Any], keys: tuple[str, ...], *, pasted: bool = False) -> list[FieldChange]:
    return [
        FieldChange(key, a.get(key), b.get(key)) for key in keys if not _same(a.get(key), b.get(key), pasted=pasted)
    ]


def _same(one: Any, other: Any, *, pasted: bool) -> bool:
    """Return whether two values are one; of a pasted text a run of blanks counts as one."""
    if one == other:
        return True
    if pasted and not one and not other:
        return True
    return pasted and isinstance(one, str) and isinstance(other, str) and one.split() == other.split()


def _key(record: dict[str, Any]) -> tuple[str, str]:
    return str(record["role"]), record["dns_name"] or record["subject"] or ""


def _pairing(record: dict[str, Any]) -> tuple[str, str]:
    """Return what records are paired by: documents make one blank of a run."""
    role, name = _key(record)
    return role, " ".join(name.split())


def _record_changes(
    a: list[dict[str, Any]],
    b: list[dict[str, Any]],
    keys: tuple[str, ...],
    *,
    pasted: bool,
    left_out: tuple[bool, bool],
) -> tuple[list[RecordChange], list[tuple[int, int]]]:
    waiting: dict[tuple[str, str], list[dict[str, Any]]] = defaultdict(list)
    for record in a:
        waiting[_pairing(record)].append(record)
    changes: list[RecordChange] = []
    pairs: list[tuple[int, int]] = []
    unmatched: list[dict[str, Any]] = []
    certificate = "certificate_sha256" if "certificate_sha256" in keys else "certificate_sha1"
    for record in b:
        candidates = waiting[_pairing(record)]
        if not candidates:
            unmatched.append(record)
            continue
        same = [c for c in candidates if c[certificate] == record[certificate]]
        partner = same[0] if same else candidates[0]
        candidates.remove(partner)
        pairs.append((partner["number"], record["number"]))
        fields = tuple(_changes(partner, record, keys, pasted=pasted))
        if pasted:
            # Only below SAST records a listing says whether they signed.
            fields = tuple(
                each for each in fields if not (each.field == "signed_this_file" and None in {each.old, each.new})
            )
        if fields:
            changes.append(RecordChange(Change.CHANGED, *_key(record), partner["number"], record["number"], fields))
    if not left_out[0]:
        changes += [RecordChange(Change.ADDED, *_key(record), None, record["number"]) for record in unmatched]
    for candidates in waiting.values() if not left_out[1] else ():
        changes += [RecordChange(Change.REMOVED, *_key(record), record["number"], None) for record in candidates]
    return sorted(changes, key=lambda c: (c.new_number or c.old_number or 0, c.change)), pairs


def difference_document(difference: Difference) -> dict[str, Any]:
    """Return a difference as JSON."""
    return {
        "identical": difference.identical,
        "same_record_order": difference.same_order,
        "not_shown": list(difference.not_shown),
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
