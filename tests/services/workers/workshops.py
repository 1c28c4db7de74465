"""Workshops for workers; each worker loads this module, so it asks for nothing but what a worker serves with."""

from __future__ import annotations

import asyncio
import logging
import os
from pathlib import Path

from mixedmode.errors import UsageError
from mixedmode.services.files.store import FolderStore
from mixedmode.services.http.service import HttpService
from mixedmode.services.net.service import Service
from mixedmode.services.tftp.service import TftpService
from mixedmode.services.workers.workshop import Workshop

HOST = "127.0.0.1"


class Files(Workshop):
    """Serves a folder; a worker in whose folder there is a file of that name cannot open it."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder

    def open(self) -> None:
        if (self.folder / "closed").exists():
            raise UsageError("the folder is closed", where=str(self.folder), next_step="open it")
        self.store = FolderStore(self.folder)

    def service(self, unit: str, port: int) -> Service:
        if unit == "tftp":
            return TftpService(self.store, host=HOST, port=port, reuse_port=True)
        return HttpService(self.store, host=HOST, port=port, reuse_port=True)

    def refresh(self) -> None:
        logging.getLogger("tests.workers").warning("reads again: %s", os.getpid())
        self.store.reload()

    def close(self) -> None:
        pass


class Halting(Files):
    """HTTP starts in the first worker that is asked, not in the second, and slowly in all others."""

    def service(self, unit: str, port: int) -> Service:
        if unit == "tftp":
            return super().service(unit, port)
        for name in ("first", "second"):
            try:
                (self.folder / name).touch(exist_ok=False)
            except FileExistsError:
                continue
            if name == "second":
                raise UsageError("not here")
            return super().service(unit, port)
        return _SlowHttp(self.folder, self.store, port)


class _SlowHttp(HttpService):
    def __init__(self, folder: Path, store: FolderStore, port: int) -> None:
        super().__init__(store, host=HOST, port=port, reuse_port=True)
        self.folder = folder

    async def start(self) -> None:
        await asyncio.sleep(0.5)
        await super().start()
        (self.folder / "late").touch()
