"""Associates phones with their control user, and puts that back: the journal first, then AXL."""

from __future__ import annotations

from collections.abc import Callable, Sequence

from mixedmode.errors import UsageError
from mixedmode.live.sources.axl import AxlFaultError
from mixedmode.rescue.files import EvidenceFile
from mixedmode.rescue.prepared.axl import NO_SUCH, Writer, refuse_too_many
from mixedmode.rescue.prepared.changes import Association, missing, open_changes


def prepare(writer: Writer, journal: EvidenceFile, user: str, phones: Sequence[str]) -> Association | None:
    """Add phones to those that a user controls; None if he controls all of them already.

    Args:
        writer: Of the cluster.
        journal: Where it is written down before.
        user: The control user.
        phones: By name.

    Raises:
        MixedModeError: AXL does not answer, or did not do it.
        OSError: The journal cannot be written; nothing was changed then.
    """
    kind = writer.kind_of(user)
    before = writer.devices(user, kind)
    added = missing(before, phones)
    if not added:
        return None
    refuse_too_many(len(before) + len(added))
    change = Association(len(journal.records) + 1, writer.where, user, kind, before, added)
    journal.write("change", change.document(), durable=True)
    writer.set_devices(user, kind, (*before, *added))
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
            now = writer.devices(change.user, change.kind)
        except AxlFaultError as error:
            if NO_SUCH not in error.fault.text.lower():
                raise
            now = ()  # the user was deleted, and what he controlled with him
        left = change.left(now)
        if len(left) < len(now):
            writer.set_devices(change.user, change.kind, left)
        journal.write("restored", {"change": change.number, "taken": len(now) - len(left)}, durable=True)
        told(change, len(now) - len(left))
    return found
