"""A calendar as a text file for Prometheus' node exporter."""

from __future__ import annotations

from collections.abc import Callable
from datetime import UTC, date, datetime, time
from typing import Final

from mixedmode.expiry.values import Calendar, Planned

_ESCAPES: Final = str.maketrans({"\\": "\\\\", '"': '\\"', "\n": "\\n"})
_SERIES: Final[tuple[tuple[str, str, Callable[[Planned], float]], ...]] = (
    ("mixedmode_certificate_not_after_seconds", "When a certificate ends, seconds since 1970.",
     lambda each: each.dated.not_after.timestamp()),
    ("mixedmode_certificate_renew_opens_seconds", "When the window to renew a certificate opens, seconds since 1970.",
     lambda each: _seconds(each.opens)),
    ("mixedmode_certificate_renew_closes_seconds", "The last day to renew a certificate, seconds since 1970.",
     lambda each: _seconds(each.closes)),
    ("mixedmode_certificate_phones", "Phones whose own certificate it is.", lambda each: len(each.dated.phones)),
)  # fmt: skip


def metrics(calendar: Calendar) -> bytes:
    """Return a calendar as a text file."""
    lines = []
    for name, words, value in _SERIES:
        lines += [f"# HELP {name} {words}", f"# TYPE {name} gauge"]
        lines += [f"{name}{{{_labels(each)}}} {value(each):.0f}" for each in calendar.entries]
    name = "mixedmode_calendar_made_seconds"
    lines += [f"# HELP {name} When this file was made, seconds since 1970.", f"# TYPE {name} gauge",
              f"{name} {calendar.now.timestamp():.0f}"]  # fmt: skip
    return "".join(f"{line}\n" for line in lines).encode("utf-8", "replace")


def _labels(each: Planned) -> str:
    dated = each.dated
    labels = {
        "use": dated.use.value,
        "name": dated.name,
        "serial": dated.serial,
        "sha256": dated.key[:16],
        "signs": "+".join(dated.signs),
    }
    return ",".join(f'{name}="{_escaped(value)}"' for name, value in labels.items())


def _escaped(text: str) -> str:
    kept = "".join(each if each.isprintable() or each == "\n" else " " for each in text)
    return kept.translate(_ESCAPES)


def _seconds(day: date) -> float:
    return datetime.combine(day, time(), UTC).timestamp()
