"""The stage that procedures play on: the administrator's lines, the phones' boots, statements that must hold.

Nothing is faked: commands run through the ``admin:`` interpreter, phones fetch their files over TFTP, ask TVS, and
decide by the same policy as everywhere.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Sequence
from dataclasses import asdict, dataclass, field
from typing import Any

from mixedmode.faces.shell.talk import ScriptedIO
from mixedmode.faces.terminal.console import Colour, Painted
from mixedmode.phone.mind.outcome import BootOutcome
from mixedmode.rehearsal.lab.lab import Lab
from mixedmode.rehearsal.stage_logs import asked_and_answered, last_caching, last_request
from mixedmode.services.tvs.trace import TRACE_FOLDER
from mixedmode.trustlist import TrustList

RESTARTED_SERVICES = ("Cisco Tftp", "Cisco CallManager")


@dataclass(frozen=True, slots=True)
class Check:
    """A statement about the cluster or the phones.

    Attributes:
        what: The statement.
        held: Whether it held.
        detail: What was found, if it did not.
    """

    what: str
    held: bool
    detail: str = ""


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
    checks: list[Check] = field(default_factory=list)
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


class Stage:
    """What a procedure plays on.

    Args:
        lab: A started lab.
        report: Filled as the procedure goes.
        show: Told each line of the transcript.
    """

    def __init__(self, lab: Lab, report: Report, show: Callable[[str], None]) -> None:
        self.lab = lab
        self.report = report
        self._show = show

    def tell(self, line: str = "") -> None:
        """Add a line to the transcript."""
        self.report.transcript.append(line)
        self._show(line)

    def step(self, text: str) -> None:
        """Add a heading to the transcript."""
        self.tell()
        self.tell(f"# {text}")

    def check(self, what: str, held: bool, detail: str = "") -> None:
        """State something; the rehearsal fails if it does not hold."""
        self.report.checks.append(Check(what, held, "" if held else detail))
        if not held:
            self.tell(Painted(f"# DOES NOT HOLD: {what} ({detail})", Colour.RED))

    def _prompt(self, node: str | None, line: str) -> None:
        self.tell(f"# {node or self.lab.cluster.publisher.name}")
        self.tell(f"admin:{line}")

    async def admin(self, line: str, *answers: str, node: str | None = None) -> list[str]:
        """Type a command at the ``admin:`` prompt of a node and return what it printed."""
        io = ScriptedIO(answers)
        self._prompt(node, line)
        outcome = await self.lab.session(node).run(line, io)
        for each in io.lines:
            self.tell(each)
        self.check(f"{line!r} succeeds", outcome.exit_code == 0, str(outcome.error or f"exit code {outcome.exit_code}"))
        return io.lines

    async def attempt(self, line: str, *answers: str, node: str | None = None) -> int:
        """Type a command that may fail; return its exit code."""
        io = ScriptedIO(answers)
        self._prompt(node, line)
        outcome = await self.lab.session(node).run(line, io)
        for each in io.lines:
            self.tell(each)
        if outcome.error is not None:
            self.tell(str(outcome.error))
        return outcome.exit_code

    async def restart_services(self) -> None:
        """Restart TFTP and CallManager on all nodes, as the command line asks."""
        for node in self.lab.nodes:
            for service in RESTARTED_SERVICES:
                await self.admin(f"utils service restart {service}", node=node)

    async def reset_phones(self, *, without: Collection[str] = ()) -> list[BootOutcome]:
        """Reset every phone that is not switched off and return its boot."""
        boots = await self.lab.phones.boot_all(self.lab.phone_server, without=without)
        counts: dict[str, int] = {}
        for boot in boots:
            counts[boot.summary] = counts.get(boot.summary, 0) + 1
        for summary, count in sorted(counts.items()):
            self.tell(f"# {count} phone{'s' if count > 1 else ''}: {summary}")
        return boots

    def published_ctl(self) -> TrustList | None:
        """Return the publisher's CTL."""
        data = self.lab.cluster.show_ctl(self.lab.cluster.publisher.name).data
        return None if data is None else TrustList.parse(data)

    def published_itl(self) -> TrustList | None:
        """Return the publisher's ITL, which its phones fetch."""
        data = self.lab.cluster.show_itl(self.lab.cluster.publisher.name).data
        return None if data is None else TrustList.parse(data)

    def tvs_trace(self, node: str) -> str:
        """Return all that TVS of a node has traced."""
        folder = self.lab.cluster.folder(node).area("activelog") / TRACE_FOLDER
        return "".join(path.read_text() for path in sorted(folder.glob("*.txt")))

    def show_caching(self, node: str) -> None:
        """Show how TVS of a node took the new CTL file into its cache, as the seed does."""
        self._show_log(f"TVS trace of {node}: it takes the CTL file into its cache", self._traced(node, last_caching))

    def show_verification(self, boots: Sequence[BootOutcome], signer: bytes) -> None:
        """Show how one phone had TVS verify the unknown signer: its console log and TVS's trace, as the seed does.

        Args:
            boots: The phones' last boots; the first one that asked TVS is shown.
            signer: The signer's serial number.
        """
        asked = ((boot, *asked_and_answered(boot.log)) for boot in boots)
        boot, question, answer = next((each for each in asked if each[1]), (None, [], []))
        if boot is None:
            return
        who, serial = f"{boot.name} ({boot.model.name})", signer.hex().upper()
        self._show_log(f"Phone console log of {who}: a request to TVS to verify the unknown certificate", question)
        for node in self.lab.nodes:
            request = self._traced(node, lambda lines: last_request(lines, serial))
            if request:
                self._show_log(f"TVS trace of {node}: the request of the phone, which is verified", request)
                break
        self._show_log(f"Phone console log of {who}: the reply of TVS, to trust the certificate", answer)

    def _traced(self, node: str, choose: Callable[[Sequence[str]], list[str]]) -> list[str]:
        return choose(self.tvs_trace(node).splitlines())

    def _show_log(self, heading: str, lines: Sequence[str]) -> None:
        if lines:
            self.step(heading)
            for line in lines:
                self.tell(line)

    def promise(
        self, boots: list[BootOutcome], promised: str, holds: Callable[[BootOutcome], bool], *, remedy: str = ""
    ) -> None:
        """State how each phone ends, and what a person must do about it."""
        for boot in boots:
            self.report.phones.append(Promise(boot, promised, holds(boot), remedy))
