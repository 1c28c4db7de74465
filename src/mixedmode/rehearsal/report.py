"""What a rehearsal did and found, as a document and for people."""

from __future__ import annotations

from dataclasses import asdict, dataclass, field
from typing import Any

from mixedmode.faces.terminal.console import Colour, Painted
from mixedmode.faces.terminal.table import table
from mixedmode.phone.mind.fate.prospect import Fate
from mixedmode.phone.mind.outcome import BootOutcome
from mixedmode.procedures.checks import Finding


@dataclass(frozen=True, slots=True)
class Promise:
    """What a procedure promises for a phone.

    Attributes:
        boot: How its last boot ended.
        promised: How it should.
        held: Whether it did.
        remedy: What a person must do about it; empty if the phone needs nothing.
        outcome: What became of it, in one of the six words of forecasts.
        foreseen: The same as it was foreseen; None if nothing was.
        note: Which server of its group takes it, if not the first one; else empty.
    """

    boot: BootOutcome
    promised: str
    held: bool
    remedy: str = ""
    outcome: Fate = Fate.UNKNOWN
    foreseen: Fate | None = None
    note: str = ""

    def document(self) -> dict[str, Any]:
        """Return it as JSON."""
        boot, trust = self.boot, self.boot.trust
        return {
            "name": boot.name,
            "model": boot.model.name,
            "promised": self.promised,
            "held": self.held,
            "remedy": self.remedy or None,
            "outcome": self.outcome.value,
            "foreseen": self.foreseen and self.foreseen.value,
            "note": self.note or None,
            "ctl_md5": trust.ctl and trust.ctl.md5,
            "ctl_sha1": trust.ctl and trust.ctl.sha1,
            "itl_md5": trust.itl and trust.itl.md5,
            "shown_checksum": boot.shown,
            "alarm": boot.alarm and boot.alarm.name,
            "refused": boot.refused,
            "reachable": boot.reachable,
            "messages": list(boot.messages),
            "log": list(boot.log),
        }


@dataclass(slots=True)
class Report:
    """What a rehearsal did and found.

    Attributes:
        procedure: Its name.
        transcript: What the administrator typed and saw.
        checks: Statements in order.
        phones: What was promised for each phone.
        ctl: Length and checksums of the published CTL, None if there is none.
        forecast: How many phones were foreseen to have which outcome; None if nothing was.
    """

    procedure: str
    transcript: list[str] = field(default_factory=list)
    checks: list[Finding] = field(default_factory=list)
    phones: list[Promise] = field(default_factory=list)
    ctl: dict[str, Any] | None = None
    forecast: dict[Fate, int] | None = None

    @property
    def held(self) -> bool:
        """Whether all was as the procedure promises."""
        return all(check.held for check in self.checks) and all(phone.held for phone in self.phones)

    def document(self) -> dict[str, Any]:
        """Return the report as JSON."""
        return {
            "procedure": self.procedure,
            "held": self.held,
            "ctl": self.ctl,
            "forecast": self.forecast and {fate.value: count for fate, count in self.forecast.items()},
            "outcomes": {fate.value: sum(phone.outcome is fate for phone in self.phones) for fate in Fate},
            "checks": [asdict(check) for check in self.checks],
            "phones": [phone.document() for phone in self.phones],
            "transcript": self.transcript,
        }


def _ended(boot: BootOutcome) -> list[str]:
    return [boot.shown or "none", boot.alarm.name if boot.alarm is not None else "-", boot.summary]


def _untrue(report: Report) -> list[str]:
    return [f"does not hold: {check.what} ({check.detail})" for check in report.checks if not check.held]


def broken(report: Report) -> list[str]:
    """Return what did not hold, a line for each statement and phone."""
    phones = (phone for phone in report.phones if not phone.held)
    return [
        *_untrue(report),
        *(f"not as promised: {each.boot.name} ({each.boot.model.name}): {each.promised}" for each in phones),
    ]


def summary(report: Report) -> list[str]:
    """Return the end of a rehearsal: each phone's outcome, what did not hold, the verdict."""
    lines = [""]
    shown = report.phones if len(report.phones) <= 40 else [p for p in report.phones if not p.held][:40]
    if shown:
        rows = table(
            ["phone", "model", "ended as promised", "CTL on its screen", "alarm", "status"],
            ([p.boot.name, p.boot.model.name, "yes" if p.held else "NO", *_ended(p.boot)] for p in shown),
        )
        lines += rows[:2]
        lines += [Painted(row, _colour(p)) for row, p in zip(rows[2:], shown, strict=True)]
        lines.append("")
    remedies: dict[str, list[str]] = {}
    for phone in report.phones:
        if phone.remedy:
            remedies.setdefault(phone.remedy, []).append(f"{phone.boot.name} ({phone.boot.model.name})")
    for remedy, names in remedies.items():
        more = f" and {len(names) - 10} more" if len(names) > 10 else ""
        lost = f"frozen, as promised: {', '.join(names[:10])}{more}: {remedy}"
        lines.append(Painted(lost, Colour.YELLOW))
    held = sum(phone.held for phone in report.phones)
    lines += [Painted(line, Colour.RED) for line in _untrue(report)]
    checks = sum(check.held is True for check in report.checks)
    verdict = (
        f"{report.procedure}: {'as promised' if report.held else 'NOT as promised'}: "
        f"{held} of {len(report.phones)} phones, {checks} of {len(report.checks)} checks"
    )
    return [*lines, Painted(verdict, Colour.GREEN if report.held else Colour.RED)]


def _colour(phone: Promise) -> Colour:
    """Return the colour of a phone: lost ones stand out, also where the procedure said that they would be."""
    if not phone.held:
        return Colour.RED
    return Colour.YELLOW if phone.remedy else Colour.GREEN
