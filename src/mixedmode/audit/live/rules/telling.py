"""How rules about phones tell what they found: how many, of which models, what was seen; names only in the finding."""

from __future__ import annotations

from collections.abc import Callable
from datetime import UTC, datetime
from typing import Final

from mixedmode.audit.live.finding import Finding, Severity, Step
from mixedmode.audit.live.scene import Scene
from mixedmode.live.observed import PhoneSeen, Value
from mixedmode.numbers import whole_number

SECURE: Final = frozenset({"encrypted", "authenticated", "2", "3"})
"""Device security modes that need a certificate."""
_EXAMPLES: Final = 3
Seen = list[tuple[PhoneSeen, Value]]
"""Phones, each with what was seen of it."""


def moment(text: str) -> datetime | None:
    """Return the time of seconds since 1970 or of ISO 8601; None for 0, nothing, and what is neither."""
    try:
        seconds = whole_number(text.strip())
        if seconds is not None:
            return datetime.fromtimestamp(seconds, UTC) if seconds else None
        at = datetime.fromisoformat(text.strip())
    except (ValueError, OverflowError, OSError):
        return None
    return at if at.tzinfo else at.replace(tzinfo=UTC)


def phones_by(scene: Scene, name: str, wanted: Callable[[str], bool]) -> list[tuple[str, Seen]]:
    """Return the phones by the newest value of a name, in its order; those alone whose value is wanted."""
    found: dict[str, Seen] = {}
    for phone in scene.observation.phones:
        values = phone.values.get(name)
        if values and wanted(values[0].text):
            found.setdefault(values[0].text, []).append((phone, values[0]))
    return sorted(found.items())


def about_phones(
    name: str,
    rule: str,
    title: str,
    phones: Seen,
    steps: tuple[Step, ...],
    severity: Severity = Severity.SERIOUS,
) -> Finding:
    """Return a finding about phones, with what was seen of them."""
    return Finding(
        name,
        rule,
        severity,
        title,
        examples(phones),
        steps,
        phones=tuple(phone.name for phone, _ in phones),
    )


def examples(phones: list[tuple[PhoneSeen, Value]]) -> tuple[str, ...]:
    """Return what was seen of some phones, without their names: reports name them only on request."""
    models: dict[str, int] = {}
    for phone, _ in phones:
        model = phone.newest("model") or "no known model"
        models[model] = models.get(model, 0) + 1
    seen: dict[tuple[str, str], Value] = {}
    for _, value in phones:
        if len(seen) < _EXAMPLES:
            seen.setdefault((value.text, value.seen.source.value), value)
    counted = ", ".join(f"{count:,} x {model}" for model, count in sorted(models.items()))
    return (
        f"models: {counted}",
        *(
            f"{value.text or 'empty'}: {value.seen.source}, {value.seen.at:%Y-%m-%d %H:%M:%S} UTC"
            for value in seen.values()
        ),
    )


def number_of(count: int, one: str = "has", many: str = "have") -> str:
    """Return ``3 phones have``."""
    return f"{count:,} {f'phone {one}' if count == 1 else f'phones {many}'}"
