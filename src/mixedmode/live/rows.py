"""What rows of the database say of phones, by the names of :class:`~mixedmode.live.observed.PhoneSeen`. Pure."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from datetime import UTC, datetime
from typing import Final

from mixedmode.live.sources.pages import key_of
from mixedmode.numbers import whole_number

CONFIGURED: Final = "web_access_configured"
_PROTOCOLS: Final = {"0": "SCCP", "11": "SIP", "99": "none"}
_MODES: Final = {"nonsecure": "non-secure", "authenticated": "authenticated", "encrypted": "encrypted"}
_LONGEST: Final = 255
_WEB_ACCESS: Final = re.compile(r"<\s*webAccess\s*>\s*([0-9]+)\s*<", re.IGNORECASE)
_ACCESS: Final = {"0": "yes", "1": "no"}
_STAMP: Final = re.compile(r"\{?([0-9]{9,10})(?:-.*)?")
"""A stamp that begins with seconds since 1970; of any other form, nothing is taken."""


def row_values(row: Mapping[str, str]) -> dict[str, str]:
    """Return what a row of the database says of a phone, by the names of :class:`PhoneSeen`."""
    found = {}
    for column, text in row.items():
        read = _READ.get(column)
        value = text[:_LONGEST] if read is None else read(text)
        if value and column != "name":
            found[CONFIGURED if column == "settings" else column] = value
    return found


def configured_access(settings: str) -> str:
    """Return ``yes`` or ``no``: what a phone's own settings say of its pages; empty if they do not (Q12)."""
    found = _WEB_ACCESS.search(settings)
    return _ACCESS.get(found[1], "") if found else ""


def _moment(text: str) -> str | None:
    """Return seconds since 1970 as ISO 8601, None for 0 and what is no number."""
    seconds = whole_number(text) or 0
    return datetime.fromtimestamp(seconds, UTC).isoformat() if 0 < seconds < 1 << 34 else None


def _stamp(text: str) -> str | None:
    stamp = _STAMP.fullmatch(text)
    return _moment(stamp[1]) if stamp else None


def _model(text: str) -> str:
    return text.removeprefix("Cisco ").removeprefix("Unified IP Phone ").removeprefix("IP Phone ")[:_LONGEST]


_READ: Final[Mapping[str, Callable[[str], str | None]]] = {
    "protocol": _PROTOCOLS.get,
    "security_mode": lambda text: _MODES.get(key_of(text)),
    "has_certificate": {"1": "yes", "0": "no"}.get,
    "model": _model,
    "config_changed": _stamp,
    "settings": configured_access,
    **dict.fromkeys(("lsc_until", "lsc_issuer_until", "last_seen", "last_active"), _moment),
}
"""How a column's text is read; any other stands for itself."""
