"""The seed's procedures, played on a fresh lab: the administrator's lines, the phones' boots, and what must hold.

A procedure is a function over a :class:`Stage`. It types commands as an administrator does, resets phones, and
states what must hold after each step; a statement that does not hold fails the rehearsal and is named in its report.
Nothing is faked: commands run through the ``admin:`` interpreter, phones fetch their files over TFTP and decide by
the same policy as everywhere.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from dataclasses import asdict, dataclass, field
from typing import Any

from mixedmode.admin.shell.talk import ScriptedIO
from mixedmode.app.lab import Lab
from mixedmode.app.lab_phones import PhoneBoot
from mixedmode.errors import CheckFailedError
from mixedmode.trustlist import Role, TrustList

SECURITY_MODE_QUERY = "run sql select paramname,paramvalue from processconfig where paramname='ClusterSecurityMode'"
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
class PhoneOutcome:
    """How a phone ended.

    Attributes:
        name: Device name.
        model: Its model.
        promised: What the procedure promises for this phone.
        held: Whether it ended so.
        boot: Its last boot.
    """

    name: str
    model: str
    promised: str
    held: bool
    boot: PhoneBoot


@dataclass(slots=True)
class Report:
    """What a rehearsal did and found.

    Attributes:
        procedure: Its name.
        transcript: What the administrator typed and saw.
        checks: Statements in order.
        phones: How each phone ended.
        ctl: Length and checksums of the published CTL, None if there is none.
    """

    procedure: str
    transcript: list[str] = field(default_factory=list)
    checks: list[Check] = field(default_factory=list)
    phones: list[PhoneOutcome] = field(default_factory=list)
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
            "phones": [
                {
                    "name": phone.name,
                    "model": phone.model,
                    "promised": phone.promised,
                    "held": phone.held,
                    **phone.boot.document(),
                }
                for phone in self.phones
            ],
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
            self.tell(f"# DOES NOT HOLD: {what} ({detail})")

    async def admin(self, line: str, *answers: str, node: str | None = None) -> list[str]:
        """Type a command at the ``admin:`` prompt of a node and return what it printed."""
        io = ScriptedIO(answers)
        self.tell(f"admin:{line}")
        outcome = await self.lab.session(node).run(line, io)
        for each in io.lines:
            self.tell(each)
        self.check(f"{line!r} succeeds", outcome.exit_code == 0, str(outcome.error or f"exit code {outcome.exit_code}"))
        return io.lines

    async def restart_services(self) -> None:
        """Restart TFTP and CallManager on all nodes, as the command line asks."""
        for node in self.lab.nodes:
            for service in RESTARTED_SERVICES:
                await self.admin(f"utils service restart {service}", node=node)

    async def reset_phones(self) -> list[PhoneBoot]:
        """Reset every phone and return its boot."""
        boots = await self.lab.phones.boot_all(self.lab.phone_server)
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

    def promise(self, boots: list[PhoneBoot], promised: str, holds: Callable[[PhoneBoot], bool]) -> None:
        """State how each phone ends."""
        for boot in boots:
            self.report.phones.append(PhoneOutcome(boot.name, boot.model, promised, holds(boot), boot))


async def set_mixed_mode(stage: Stage) -> list[PhoneBoot]:
    """Bring a non-secure cluster and its phones into mixed mode, as every procedure begins; return the boots."""
    stage.step("Set the cluster to mixed mode")
    await stage.admin("utils ctl set-cluster mixed-mode", "y")
    await _check_mode(stage, "1")
    stage.step("Restart the services, then the phones")
    await stage.restart_services()
    return await stage.reset_phones()


async def _check_mode(stage: Stage, value: str) -> None:
    shown = await stage.admin(SECURITY_MODE_QUERY)
    said = any(line.split() == ["ClusterSecurityMode", value] for line in shown)
    stage.check(f"ClusterSecurityMode is {value}", said)


async def non_secure_to_mixed(stage: Stage) -> None:
    """Play the seed's first procedure: no CTL, mixed mode set, phones reset, checksums compared."""
    stage.step("Non-secure: phones hold an ITL only, and there is no CTL")
    boots = await stage.reset_phones()
    stage.check("no phone holds a CTL", all(boot.ctl_md5 is None for boot in boots))
    shown = await stage.admin("show ctl")
    stage.check("show ctl says that there is no CTL", any("CTL File not found" in line for line in shown))
    await _check_mode(stage, "0")
    boots = await set_mixed_mode(stage)
    await _promise_published_ctl(stage, boots)


async def mixed_to_non_secure(stage: Stage) -> None:
    """Play the way back: the CTL stays, without a call manager's certificate, and phones follow it."""
    await stage.reset_phones()
    boots = await set_mixed_mode(stage)
    stage.check("every phone is in mixed mode", all(boot.ctl_md5 is not None for boot in boots))
    stage.step("Set the cluster to non-secure mode")
    await stage.admin("utils ctl set-cluster non-secure-mode", "y")
    await _check_mode(stage, "0")
    stage.step("Restart the services, then the phones")
    await stage.restart_services()
    boots = await stage.reset_phones()
    published = stage.published_ctl()
    emptied = published is not None and all(
        record.certificate_der is None for record in published.records_with_role(Role.CCM, Role.CCM_TFTP)
    )
    stage.check("the CTL names no call manager's certificate", emptied)
    await _promise_published_ctl(stage, boots)


async def _promise_published_ctl(stage: Stage, boots: list[PhoneBoot]) -> None:
    stage.step("The phones show the checksum that show ctl prints")
    shown = await stage.admin("show ctl")
    for node in stage.lab.nodes:
        stage.check(f"{node} has the same CTL", not stage.lab.cluster.show_ctl(node).differs)
    md5 = next((line.removesuffix("(MD5)") for line in shown if line.endswith("(MD5)")), None)
    sha1 = next((line.removesuffix("(SHA1)") for line in shown if line.endswith("(SHA1)")), None)
    stage.check("show ctl verified the file", any("verified successfully" in line for line in shown))
    stage.promise(
        boots,
        "holds the published CTL and shows its checksum",
        lambda boot: md5 is not None and (boot.ctl_md5, boot.ctl_sha1) == (md5, sha1) and not boot.refused,
    )


PROCEDURES: dict[str, Callable[[Stage], Awaitable[None]]] = {
    "non-secure-to-mixed": non_secure_to_mixed,
    "mixed-to-non-secure": mixed_to_non_secure,
}


async def rehearse(name: str, lab: Lab, show: Callable[[str], None] = lambda _line: None) -> Report:
    """Play a procedure on a lab.

    Args:
        name: Of :data:`PROCEDURES`.
        lab: Not started yet; it is stopped at the end.
        show: Told each line of the transcript as it comes.
    """
    report = Report(name)
    stage = Stage(lab, report, show)
    await lab.start()
    try:
        await PROCEDURES[name](stage)
        ctl = stage.published_ctl()
        if ctl is not None:
            report.ctl = {"length": ctl.length, "md5": ctl.md5, "sha1": ctl.sha1, "signer": ctl.header.signer_name}
    except CheckFailedError as error:
        stage.check(f"{name} runs to its end", held=False, detail=str(error))
    finally:
        await lab.stop()
    return report
