"""TFTP of one folder in worker processes: what ``mixedmode tftp serve --workers`` runs."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from mixedmode.services.files.store import FolderStore
from mixedmode.services.net.service import Service
from mixedmode.services.tftp.service import TftpService
from mixedmode.services.workers.workshop import Workshop


class TftpWorkshop(Workshop):
    """Serves a folder.

    Args:
        folder: The files.
        rules: Where to look for files that are not there by the name that is asked for.
        host: The address to listen on.
    """

    def __init__(self, folder: Path, rules: Sequence[str], host: str) -> None:
        self._folder, self._rules, self._host = folder, tuple(rules), host
        self._store: FolderStore

    def open(self) -> None:
        """Read the folder."""
        self._store = FolderStore(self._folder, rules=self._rules)

    def service(self, unit: str, port: int) -> Service:
        """Return the service, not started yet."""
        return TftpService(self._store, host=self._host, port=port, reuse_port=True)

    def refresh(self) -> None:
        """Read the folder again."""
        self._store.reload()

    def close(self) -> None:
        """Do nothing: files are closed with the service."""
