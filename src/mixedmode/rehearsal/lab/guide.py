"""What a lab prints for people: where everything is, what each phone holds, what to try."""

from __future__ import annotations

import shlex
import shutil
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from mixedmode.faces.terminal.table import table

if TYPE_CHECKING:
    from mixedmode.phone.mind.outcome import BootOutcome
    from mixedmode.rehearsal.lab.lab import Lab


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
        able = [each for each in (lab.cluster.lines_of(boot.name) for boot in boots[:12]) if each]
        if len(able) > 1:
            (caller, *_), (called, *_) = able[0], able[1]
            rows.append(
                (
                    f"{name} phones call {caller.device} {called.number} --directory {lab.directory}",
                    "a call; in mixed mode, after a reset of the phones, it is encrypted",
                )
            )
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
    web = lab.publisher.ports["web"]
    if web is not None:
        place = f"https://{lab.publisher.info.address}:{web}/"
        rows.append((f"{name} web --directory {lab.directory}", f"the administration in a browser, {place}"))
    rows.append((f"{name} rehearse non-secure-to-mixed", "the whole procedure on a lab of its own"))
    return [line for command, what in rows for line in (f"  {command}", f"      {what}")]
