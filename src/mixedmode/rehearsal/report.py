"""What a rehearsal did and found."""

from __future__ import annotations

from dataclasses import asdict, dataclass, field
from typing import Any

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
    """

    boot: BootOutcome
    promised: str
    held: bool
    remedy: str = ""

    def document(self) -> dict[str, Any]:
        """Return it as JSON."""
        boot, trust = self.boot, self.boot.trust
        return {
            "name": boot.name,
            "model": boot.model.name,
            "promised": self.promised,
            "held": self.held,
            "remedy": self.remedy or None,
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
    """

    procedure: str
    transcript: list[str] = field(default_factory=list)
    checks: list[Finding] = field(default_factory=list)
    phones: list[Promise] = field(default_factory=list)
    ctl: dict[str, Any] | None = None

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
            "checks": [asdict(check) for check in self.checks],
            "phones": [phone.document() for phone in self.phones],
            "transcript": self.transcript,
        }
