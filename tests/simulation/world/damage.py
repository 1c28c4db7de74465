"""What goes wrong with a list on a server."""

from __future__ import annotations

from collections.abc import Callable, Mapping

from mixedmode.trustlist.kinds import CTL_FILE, ITL_FILE


def damaged(name: str, how: str, files: Mapping[str, bytes], before: Callable[[], Mapping[str, bytes]]) -> bytes:
    """Return what a server has in the place of a list.

    Args:
        name: Of the file.
        how: One of :data:`.schedule.DAMAGES`.
        files: The lists as they should be.
        before: Returns those of the step before.
    """
    data = files[name]
    match how:
        case "stuck":  # the node kept what it had
            return before().get(name, data)
        case "tail":  # it was written over a longer one
            return data + (before().get(name, b"")[len(data) :] or data[-99:])
        case "cut":
            return data[: len(data) * 2 // 3]
        case "flipped":
            return data[:-9] + bytes([data[-9] ^ 1]) + data[-8:]
        case "other-kind":
            return files[ITL_FILE if name == CTL_FILE else CTL_FILE] if len(files) > 1 else data[:99]
        case "large":
            return data + bytes(70_000)
        case _:
            return b""
