"""The whole command tree."""

from __future__ import annotations

from mixedmode.faces.shell.commands import (
    accounts,
    capf,
    certificate_import,
    certificate_requests,
    certificates,
    files,
    recovery,
    services,
    sql,
    system,
    transfer,
    trust,
    versions,
)
from mixedmode.faces.shell.model import Command

COMMANDS: tuple[Command, ...] = (
    *trust.COMMANDS,
    *recovery.COMMANDS,
    *certificates.COMMANDS,
    *certificate_requests.COMMANDS,
    *certificate_import.COMMANDS,
    *capf.COMMANDS,
    *services.COMMANDS,
    *sql.COMMANDS,
    *files.COMMANDS,
    *transfer.COMMANDS,
    *versions.COMMANDS,
    *accounts.COMMANDS,
    *system.COMMANDS,
)
