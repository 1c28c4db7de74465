"""Associates phones with their control user, and puts that back: the journal first, then AXL."""

from __future__ import annotations

from collections.abc import Callable, Sequence

from mixedmode.errors import UsageError
from mixedmode.live.sources.axl import AxlFaultError
from mixedmode.rescue.files import EvidenceFile
from mixedmode.rescue.prepared.axl import NO_SUCH, PutBackError, Writer, refuse_too_many
from mixedmode.rescue.prepared.changes import Association, missing, open_changes


def prepare(writer: Writer, journal: EvidenceFile, user: str, phones: Sequence[str]) -> Association | None:
    """Add phones to those that a user controls; None if he controls all of them already.

    Args:
        writer: Of the cluster.
        journal: Where it is written down before.
        user: The control user.
        phones: By name.

    Raises:
        MixedModeError: AXL does not answer, nobody says whether its list is whole, or it did not do it.
        OSError: The journal cannot be written; nothing was changed then.
    """
    kind = writer.kind_of(user)
    held = writer.held(user, kind)
    before, added = held.devices, missing(held.devices, phones)
    if not added:
        return None
    refuse_too_many(len(before) + len(added))
    writer.check(held)
    change = Association(len(journal.records) + 1, writer.where, user, kind, before, added)
    journal.write("change", change.document(), durable=True)
    try:
        writer.set_devices(held, (*before, *added))
    except PutBackError:
        journal.write("restored", {"change": change.number, "taken": 0}, durable=True)
        raise
    journal.write("changed", {"change": change.number}, durable=True)
    return change


def restore(
    writer: Writer, journal: EvidenceFile, told: Callable[[Association, int], object] = lambda _change, _count: None
) -> list[Association]:
    """Put back what a journal has and was not put back; return that.

    Args:
        writer: Of the cluster.
        journal: Of the changes.
        told: Is told each change that was put back, and how many phones were taken away.

    Raises:
        UsageError: It is of another cluster.
        MixedModeError: AXL does not answer; what is left is put back by the same command.
    """
    found = open_changes(journal.records, str(journal.path))
    other = next((each for each in found if each.cluster.lower() != writer.where.lower()), None)
    if other is not None:
        raise UsageError(
            f"the journal is of {other.cluster}, and this is {writer.where}",
            where=str(journal.path),
            next_step="name the CLUSTER.toml that it was prepared with",
        )
    for change in found:
        try:
            held = writer.held(change.user, change.kind)
        except AxlFaultError as error:
            if NO_SUCH not in error.fault.text.lower():
                raise
            held = None  # the user was deleted, and what he controlled with him
        now = () if held is None else held.devices
        left = change.left(now)
        if held is not None:
            writer.check(held)  # a list cut short may also hide what is to be taken back
            if len(left) < len(now):
                writer.set_devices(held, left)
        journal.write("restored", {"change": change.number, "taken": len(now) - len(left)}, durable=True)
        told(change, len(now) - len(left))
    return found
