"""What a lab and a rehearsal print for people: where everything is, what each phone holds, what to try."""

from __future__ import annotations

import shlex
import shutil
import sys
from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from mixedmode.faces.terminal.console import Colour, Painted
from mixedmode.printable import printable

if TYPE_CHECKING:
    from mixedmode.phone.mind.outcome import BootOutcome
    from mixedmode.rehearsal.lab.lab import Lab
    from mixedmode.rehearsal.report import Promise, Report


def table(heads: Sequence[str], rows: Iterable[Sequence[str]]) -> list[str]:
    """Return a table with left-justified columns."""
    lines = [list(heads), *([printable(cell) for cell in row] for row in rows)]
    widths = [max(len(line[column]) for line in lines) for column in range(len(heads))]
    lines.insert(1, ["-" * width for width in widths])
    return ["  ".join(cell.ljust(width) for cell, width in zip(line, widths, strict=True)).rstrip() for line in lines]


def guide(lab: Lab, boots: Sequence[BootOutcome]) -> list[str]:
    """Return the table that a started lab prints."""
    document = lab.document()
    ports = [name for name in document["nodes"][0]["ports"] if any(n["ports"][name] for n in document["nodes"])]
    nodes = table(
        ["node", "role", "address", *ports],
        ([n["name"], n["role"], n["address"], *(str(n["ports"][p] or "-") for p in ports)] for n in document["nodes"]),
    )
    mode = lab.cluster.mode.label
    lines = ["", f"The cluster: version {lab.cluster.version.text}, {mode}", "", *nodes, ""]
    if boots:
        lines += ["The phones and the checksum of their CTL (MD5 or SHA-1, as the model shows it)", ""]
        shown = boots[:12]
        lines += table(
            ["phone", "model", "CTL", "status"], ([b.name, b.model.name, b.shown or "none", b.summary] for b in shown)
        )
        if len(boots) > len(shown):
            lines.append(f"... and {len(boots) - len(shown)} more, in {lab.directory / 'phones'}")
        lines.append("")
    return [*lines, "What to try", "", *_suggestions(lab, boots), ""]


def program() -> str:
    """Return how this command is called from here: by name if it is on PATH, else by its path."""
    path = Path(sys.argv[0])
    if path.name != "mixedmode" or shutil.which("mixedmode") is not None:
        return "mixedmode"
    path = path.absolute()
    return str(path.relative_to(Path.cwd())) if path.is_relative_to(Path.cwd()) else str(path)


def ssh_option(known_hosts: Path) -> str:
    """Return ``UserKnownHostsFile=...`` for ssh's ``-o``, quoted for ssh and for a shell."""
    text = str(known_hosts).replace("%", "%%").replace("\\", "\\\\").replace('"', '\\"')
    plain = not any(each.isspace() or each in "'\"\\" for each in text)
    return shlex.quote(f"UserKnownHostsFile={text}" if plain else f'UserKnownHostsFile="{text}"')


def _suggestions(lab: Lab, boots: Sequence[BootOutcome]) -> list[str]:
    from mixedmode.rehearsal.lab.folder import KNOWN_HOSTS

    name = program()
    server = lab.phone_server
    url = f"tftp://{server.host}:{server.tftp_port}"
    rows = [
        (f"{name} show {url}/ITLFile.tlv", "the publisher's ITL, as `show itl` prints it"),
        (f"curl -s {url}/ITLFile.tlv -o ITLFile.tlv", "the same with curl; tftp and atftp work too"),
    ]
    if boots:
        first = boots[0]
        place = f"--server {server.host} --tftp-port {server.tftp_port}"
        phone = f"--name {first.name} --model {first.model.name}"
        rows += [
            (f"{name} phones reset --all --directory {lab.directory}", "every registered phone fetches its files anew"),
            (f"{name} phones list --directory {lab.directory}", "the registered phones"),
            (f"{name} phone {place} {phone} --trace", "the same phone, fresh from its box: watch its console"),
        ]
    ssh = lab.publisher.ports["ssh"]
    if ssh is not None:
        known = ssh_option(lab.directory.absolute() / KNOWN_HOSTS)
        login = f"ssh -o {known} -p {ssh} administrator@{lab.publisher.info.address}"
        rows[:0] = [
            (login, f"the admin: shell; the password is in {lab.password_file}"),
            (f"{name} admin --directory {lab.directory}", "the same, logged in already"),
            (
                "  utils ctl set-cluster mixed-mode",
                "at its prompt; then utils service restart Cisco Tftp, and reset phones",
            ),
        ]
    rows.append((f"{name} rehearse non-secure-to-mixed", "the whole procedure on a lab of its own"))
    return [line for command, what in rows for line in (f"  {command}", f"      {what}")]


def _ended(boot: BootOutcome) -> list[str]:
    return [boot.shown or "none", boot.alarm.name if boot.alarm is not None else "-", boot.summary]


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
        lost = f"locked out, as promised: {', '.join(names[:10])}{more}: {remedy}"
        lines.append(Painted(lost, Colour.YELLOW))
    held = sum(phone.held for phone in report.phones)
    broken = [f"does not hold: {check.what} ({check.detail})" for check in report.checks if not check.held]
    lines += [Painted(line, Colour.RED) for line in broken]
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
