"""``lab.json`` as the commands read it that log in to a running lab."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from mixedmode.errors import MalformedError, RemoteError, UsageError
from mixedmode.json_reader import read_json

NAME = "lab.json"
DATABASE = "lab.database"
DEFAULT_DIRECTORY = Path("lab")


def has_database(directory: Path) -> bool:
    """Return whether a folder is a lab's that was made, or begun: its database, or its name, is there."""
    from mixedmode.cluster.store.folders import DATABASE_FILE

    return (directory / DATABASE_FILE).exists() or (directory / DATABASE).exists()


def meant_lab(directory: Path | None, config: Path | None) -> Path | None:
    """Return the folder of the lab that a command line means, None if it is this host's node.

    Raises:
        UsageError: Both are named.
    """
    if directory is not None and config is not None:
        raise UsageError(
            "--directory means a lab and --config this host's node: which one is asked for?",
            next_step="give one of them",
        )
    if directory is None and config is None and (DEFAULT_DIRECTORY / NAME).exists():
        return DEFAULT_DIRECTORY
    return directory


def read_lab(directory: Path, *, missing: str, next_step: str) -> dict[str, Any]:
    """Return what a lab's folder says of its nodes.

    A path in it that is not absolute is one of the lab's folder, wherever this command was started.

    Args:
        directory: The folder.
        missing: What is wrong when there is no lab.
        next_step: What to do then.

    Raises:
        UsageError: There is no lab, or it may not be read.
        MalformedError: Its document cannot be read.
    """
    path = directory / NAME
    try:
        document = read_json(path.read_text())
    except (FileNotFoundError, NotADirectoryError) as error:
        raise UsageError(missing, where=str(path), next_step=next_step) from error
    except OSError as error:
        raise UsageError(
            f"the lab cannot be read: {error.strerror}", where=str(path), next_step="run this as the lab's user"
        ) from error
    except (ValueError, RecursionError) as error:
        raise _malformed(path, f"it is no JSON: {error}") from error
    _check(document, path)
    login = document.get("administrator")
    if isinstance(login, dict):
        login["password_file"] = str(_found(directory, Path(str(login.get("password_file")))))
    return dict(document)


def administrator(directory: Path, document: dict[str, Any]) -> tuple[str, Path]:
    """Return the administrator's name and where the password is.

    Raises:
        MalformedError: The document does not say.
    """
    login = document.get("administrator")
    if not isinstance(login, dict) or not isinstance(login.get("username"), str):
        raise _malformed(directory / NAME, "it names no administrator")
    return login["username"], Path(login["password_file"])


def lab_is_down(directory: Path) -> RemoteError | None:
    """Return the error to raise if no lab runs in a folder, None if one does."""
    from mixedmode.node.status import SOCKET_NAME, answers

    if answers(directory / SOCKET_NAME):
        return None
    return RemoteError(
        "the lab is not running", where=str(directory), next_step=f"start it: mixedmode lab --directory {directory}"
    )


def _found(directory: Path, path: Path) -> Path:
    """Return where a file of the lab is; labs of earlier releases named it from where they were started."""
    if path.is_absolute():
        return path
    inside = (directory / path).absolute()
    return inside if inside.exists() else (directory / path.name).absolute()


def _check(document: Any, path: Path) -> None:
    if not isinstance(document, dict) or not isinstance(document.get("nodes"), list):
        raise _malformed(path, "it names no nodes")
    for number, node in enumerate(document["nodes"], 1):
        texts = isinstance(node, dict) and all(isinstance(node.get(key), str) for key in ("name", "role", "address"))
        if not texts or not isinstance(node.get("ports"), dict):
            raise _malformed(path, f"node {number} lacks its name, role, address or ports")
    if document["nodes"] and all(node["role"] != "publisher" for node in document["nodes"]):
        raise _malformed(path, "no node is the publisher")


def _malformed(path: Path, why: str) -> MalformedError:
    return MalformedError(
        f"{NAME} is not a lab's", where=str(path), why=why, next_step="start the lab again: it writes the file anew"
    )
