"""The whole command tree."""

from __future__ import annotations

from mixedmode.admin.commands import files, services, sql, trust, versions
from mixedmode.admin.shell.model import Command

COMMANDS: tuple[Command, ...] = (
    *trust.COMMANDS,
    *services.COMMANDS,
    *sql.COMMANDS,
    *files.COMMANDS,
    *versions.COMMANDS,
)
