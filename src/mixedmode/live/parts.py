"""What of a live cluster can be looked at; a command line knows it without what looks."""

from __future__ import annotations

from enum import StrEnum
from typing import Final


class Part(StrEnum):
    """What can be looked at."""

    RELEASE = "release"
    FILES = "files"
    FACES = "faces"
    CERTIFICATES = "certificates"
    SERVICES = "services"
    DATABASE = "database"
    PHONES = "phones"
    REGISTRATIONS = "registrations"
    PAGES = "pages"
    TRACES = "traces"
    COUNTERS = "counters"


EVERYTHING: Final = frozenset(Part)
