"""Licences: may this cluster go into mixed mode? See cucm-admin.md 5.

Rules:

1. Before 11.5(1)SU3 nobody is asked.
2. From 11.5(1)SU3 the licence manager, itself 11.5(1)SU2 or later, must have granted the Encryption licence.
3. From 12.0 the cluster must be registered with a token that allows export-controlled functions; CTL updates
   need it too.
"""

from __future__ import annotations

from datetime import datetime
from enum import StrEnum
from typing import Protocol

from mixedmode.cluster.model.errors import LicenceRefusedError
from mixedmode.cluster.model.versions import Version
from mixedmode.cluster.store.database import Database
from mixedmode.cluster.store.schema import LicenceRow


class Licence(StrEnum):
    """What can be granted."""

    ENCRYPTION = "Encryption"
    EXPORT_CONTROLLED = "Export-controlled functionality"


class LicenceService(Protocol):
    """Says whether a licence is granted; a licence manager or a smart account may stand behind it."""

    def granted(self, licence: Licence) -> bool:
        """Return whether it is."""


class DatabaseLicences:
    """Licences as noted in the cluster's database."""

    def __init__(self, database: Database) -> None:
        self._database = database

    def granted(self, licence: Licence) -> bool:
        """Return whether it is granted; a licence that nobody noted is not."""
        with self._database.read() as session:
            row = session.get(LicenceRow, licence.value)
            return row is not None and row.granted

    def note(self, licence: Licence, *, granted: bool, source: str, now: datetime) -> None:
        """Note an answer of the licence manager."""
        with self._database.write() as session:
            session.merge(LicenceRow(name=licence.value, granted=granted, source=source, changed=now))


def needed_licence(version: Version, *, update: bool = False) -> Licence | None:
    """Return the licence that going into mixed mode (or updating the CTL) needs on a version."""
    if version.needs_export_controlled_registration:
        return Licence.EXPORT_CONTROLLED
    return Licence.ENCRYPTION if version.needs_encryption_licence and not update else None


def check_licence(version: Version, licences: LicenceService, *, update: bool = False) -> None:
    """Hold the rules of this module.

    Raises:
        LicenceRefusedError: The licence that the version needs is not granted.
    """
    needed = needed_licence(version, update=update)
    if needed is None or licences.granted(needed):
        return
    if needed is Licence.ENCRYPTION:
        raise LicenceRefusedError(
            "the Encryption licence is not available, so mixed mode cannot be enabled",
            where=f"version {version}",
            why="from 11.5(1)SU3 on mixed mode needs an Encryption licence",
            next_step="install the licence in a Prime License Manager of 11.5(1)SU2 or later, synchronise, try again",
        )
    raise LicenceRefusedError(
        "the cluster is not registered for export-controlled functionality",
        where=f"version {version}",
        why="from 12.0 on mixed mode and CTL updates need it",
        next_step='register with a token that was made with "Allow export-controlled functionality", then try again',
    )
