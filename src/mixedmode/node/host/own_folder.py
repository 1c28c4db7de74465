"""The folder that a node has for itself alone."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from mixedmode.errors import UsageError

if TYPE_CHECKING:
    from pathlib import Path

_OF_FILE_SYSTEMS: Final = "lost+found"
_ONLY_OWNER: Final = 0o700


def check_own_folder(directory: Path) -> None:
    """Check that a node may have a folder for itself: it is closed to everybody else once the node is made.

    Files may be there, and what nodes left behind; other folders say that somebody else lives there, as in ``/``.

    Args:
        directory: The folder; it need not exist.

    Raises:
        UsageError: It is somebody else's, is no folder, or cannot be looked into.
    """
    try:
        others = sorted(each.name for each in directory.iterdir() if each.is_dir() and not _is_ours(each))
    except FileNotFoundError:
        return
    except OSError as error:
        raise UsageError(
            "a node cannot be made in this folder",
            where=str(directory),
            why=error.strerror,
            next_step="name a new folder with --directory",
        ) from error
    if others:
        raise UsageError(
            "this folder is not a node's own: a node closes its folder to everybody else",
            where=str(directory),
            why=f"there is {others[0]!r} in it",
            next_step="name a new folder with --directory",
        )


def _is_ours(folder: Path) -> bool:
    return folder.name == _OF_FILE_SYSTEMS or (folder / "active").is_symlink()


def close_to_others(directory: Path) -> None:
    """Make a node's folder, if need be, and let nobody but its owner in."""
    directory.mkdir(parents=True, exist_ok=True)
    directory.chmod(_ONLY_OWNER)
