"""The stage that procedures play on: a lab's prompt, services, phones and tokens, and the transcript of what they do.

Nothing is faked: commands run through the ``admin:`` interpreter, the CTL Client is the real one, phones fetch their
files over TFTP, ask TVS, and decide by the same policy as everywhere.
"""

from __future__ import annotations

from collections.abc import Callable

from mixedmode.cluster.operations.versions import Upgrade
from mixedmode.faces.shell.talk import ScriptedIO
from mixedmode.faces.terminal.console import Colour, Painted
from mixedmode.phone.mind.fate.observed import Standing
from mixedmode.phone.mind.outcome import BootOutcome
from mixedmode.procedures.checks import Finding
from mixedmode.procedures.steps import (
    Act,
    CallEachOther,
    CtlClient,
    GiveNumbers,
    ImportToken,
    InstallVersion,
    OrderLscs,
    Prompt,
    ResetPhones,
    RestartServices,
    SetProfile,
    SwitchPhones,
)
from mixedmode.rehearsal.hands import TokenHands
from mixedmode.rehearsal.lab.lab import Lab
from mixedmode.rehearsal.report import Report
from mixedmode.rehearsal.stations import OfStations, Stations
from mixedmode.services.traces.catalogue import TVS
from mixedmode.trustlist import TrustList


class Stage:
    """What a procedure plays on.

    Args:
        lab: A started lab.
        report: Filled as the procedure goes.
        show: Told each line of the transcript.

    Attributes:
        hands: Who holds the security tokens.
        boots: The last boot of each phone, by its name.
        since: Every boot of each phone since the procedure began.
        away: The phones that are switched off.
        said: What the last act printed.
        failed: Whether the last act was refused.
        stations: The phones that register.
        registers: Whether they do: where a procedure asks how they are registered.
    """

    def __init__(self, lab: Lab, report: Report, show: Callable[[str], None] = lambda _line: None) -> None:
        self.lab = lab
        self.report = report
        self._show = show
        self.hands = TokenHands(lab, self.tell)
        self.boots: dict[str, BootOutcome] = {}
        self.since: dict[str, list[BootOutcome]] = {}
        self.away: frozenset[str] = frozenset()
        self.said: tuple[str, ...] = ()
        self.failed = False
        self.stations = Stations(lab)
        self.registers = False

    def tell(self, line: str = "") -> None:
        """Add a line to the transcript."""
        self.report.transcript.append(line)
        self._show(line)

    def head(self, text: str) -> None:
        """Add a heading to the transcript."""
        self.tell()
        self.tell(f"# {text}")

    def note(self, finding: Finding) -> None:
        """Add a finding to the report; the rehearsal fails if it does not hold, or could not be seen."""
        if finding.held:
            self.report.checks.append(finding)
            return
        detail = "it could not be seen" if finding.held is None else finding.detail
        self.report.checks.append(Finding(finding.what, held=False, detail=detail))
        self.tell(Painted(f"# DOES NOT HOLD: {finding.what} ({detail})", Colour.RED))

    async def do(self, act: Act, *, refused: bool = False) -> None:
        """Do what a step says.

        Args:
            act: What.
            refused: Whether it must be refused; else a refusal fails the rehearsal.
        """
        self.said, self.failed = (), False
        match act:
            case Prompt():
                await self._type(act.line, act.answers, refused=refused)
            case RestartServices():
                await self._restart_services(act)
            case ImportToken():
                await self._type(act.line, self.hands.pem(act.token))
            case CtlClient():
                self.said = tuple(await self.hands.run(act))
            case ResetPhones():
                await self._reset_phones()
            case SwitchPhones():
                self.away = frozenset() if act.on else self.half
            case InstallVersion():
                self.lab.cluster.run(Upgrade(act.version), self.lab.principal)
            case GiveNumbers() | SetProfile() | OrderLscs() | CallEachOther():
                await self._at_stations(act)
            # What is left is done by hand, and a lab's tokens are at hand already.

    async def _at_stations(self, act: OfStations) -> None:
        for line in act.lines:
            self.tell(f"$ {line}")
        for line in await self.stations.do(act):
            self.tell(f"# {line}")

    async def _restart_services(self, act: RestartServices) -> None:
        for node in self.lab.nodes:
            for service in act.services:
                await self._type(f"utils service restart {service}", node=node)

    async def _type(
        self, line: str, answers: tuple[str, ...] = (), *, node: str | None = None, refused: bool = False
    ) -> None:
        io = ScriptedIO(answers)
        self.tell(f"# {node or self.lab.cluster.publisher.name}")
        self.tell(f"admin:{line}")
        outcome = await self.lab.session(node).run(line, io)
        for each in io.lines:
            self.tell(each)
        self.said, self.failed = tuple(io.lines), outcome.exit_code != 0
        if refused:
            if outcome.error is not None:
                self.tell(str(outcome.error))
            return
        why = str(outcome.error or f"exit code {outcome.exit_code}") if self.failed else ""
        self.note(Finding(f"{line!r} succeeds", not self.failed, why))

    async def _reset_phones(self) -> None:
        """Reset every phone that is not switched off."""
        if self.registers:
            boots = await self.stations.reset()
        else:
            boots = await self.lab.phones.boot_all(self.lab.phone_server, without=self.away)
        self.boots |= {boot.name: boot for boot in boots}
        for boot in boots:
            self.since.setdefault(boot.name, []).append(boot)
        counts: dict[str, int] = {}
        for boot in boots:
            counts[boot.summary] = counts.get(boot.summary, 0) + 1
        for summary, count in sorted(counts.items()):
            self.tell(f"# {count} phone{'s' if count > 1 else ''}: {summary}")

    @property
    def standings(self) -> dict[str, Standing]:
        """How the phones that register stand with their CallManagers, by their names."""
        every = ((name, self.lab.phones.find(name)) for name in self.lab.phones.names)
        return {name: phone.standing for name, phone in every if phone is not None}

    @property
    def half(self) -> frozenset[str]:
        """The phones that a procedure switches off."""
        names = self.lab.phones.names
        return frozenset(names[: len(names) // 2])

    def published_ctl(self) -> TrustList | None:
        """Return the publisher's CTL."""
        data = self.lab.cluster.show_ctl(self.lab.cluster.publisher.name).data
        return None if data is None else TrustList.parse(data)

    def published_itl(self) -> TrustList | None:
        """Return the publisher's ITL, which its phones fetch."""
        data = self.lab.cluster.show_itl(self.lab.cluster.publisher.name).data
        return None if data is None else TrustList.parse(data)

    def tvs_trace(self, node: str) -> list[str]:
        """Return all that TVS of a node has traced."""
        folder = self.lab.cluster.folder(node).area("activelog") / TVS.folder
        return "".join(path.read_text() for path in sorted(folder.glob("*.txt"))).splitlines()
