"""Every command of cucm-admin.md section 1 that touches this system: there, guarded, explained, completed."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace
from pathlib import Path

import pytest

from mixedmode.cluster.facade import Cluster
from mixedmode.faces.shell.call import Call
from mixedmode.faces.shell.model import Command, Kind
from mixedmode.faces.shell.session import AdminSession
from mixedmode.faces.shell.table import COMMANDS
from tests.faces.conftest import PUBLISHER, SUBSCRIBER, Terminal


@dataclass(frozen=True)
class Row:
    """A command as the reference tells it; the level of a row without a source is this system's own choice."""

    section: str
    path: str
    privilege: int
    publisher_only: bool = False
    arguments: str = ""

    @property
    def line(self) -> str:
        return f"{self.path} {self.arguments}".strip()


ROWS = (
    Row("1.1", "show ctl", 0),
    Row("1.3", "show itl", 0),
    Row("1.4", "utils ctl set-cluster mixed-mode", 1, True),
    Row("1.4", "utils ctl set-cluster non-secure-mode", 1, True),
    Row("1.4", "utils ctl update CTLFile", 1, True),
    Row("1.4", "utils ctl reset localkey", 4, True),
    Row("1.5", "utils itl reset localkey", 4, True),
    Row("1.5", "utils itl reset remotekey", 4, True, "192.0.2.1 backup ITLRecovery.p12"),
    Row("1.6", "file delete", 1, arguments="activelog cm/trace/x.log detail noconfirm"),
    Row("1.6", "file delete", 1, arguments="inactivelog cm/trace/x.log"),
    Row("1.6", "file delete", 1, arguments="install x.log"),
    Row("1.6", "file delete", 1, arguments="tftp CTLFile.tlv noconfirm detail"),
    Row("1.6", "file delete dir", 1, arguments="tftp Desktops detail"),
    Row("1.6", "file list", 0, arguments="activelog cm/trace/* page detail reverse date"),
    Row("1.6", "file list", 0, arguments="inactivelog * size"),
    Row("1.6", "file list", 0, arguments="install *"),
    Row("1.6", "file list", 0, arguments="tftp *"),
    Row("1.6", "file get", 0, arguments="activelog cm/* reltime days 2 match ccm recurs compress"),
    Row("1.6", "file get", 0, arguments="inactivelog cm/* abstime 09:00:03/15/15 10:00:03/15/15"),
    Row("1.6", "file get", 0, arguments="install *"),
    Row("1.6", "file get", 0, arguments="tftp ITLRecovery.p12"),
    Row("1.6", "file dump", 0, arguments="tftp ITLFile.tlv hex"),
    Row("1.6", "file view", 0, arguments="activelog cm/trace/x.log"),
    Row("1.7", "run sql", 1, arguments="select paramname,paramvalue from processconfig"),
    Row("1.8", "utils service list", 0),
    Row("1.8", "utils service start", 1, arguments="Cisco CallManager"),
    Row("1.8", "utils service stop", 1, arguments="Cisco Tftp"),
    Row("1.8", "utils service restart", 1, arguments="Cisco Trust Verification Service"),
    Row("1.9", "show cert own", 1, arguments="CallManager"),
    Row("1.9", "show cert trust", 1, arguments="CallManager-trust"),
    Row("1.9", "show cert list", 1, arguments="own"),
    Row("1.9", "show cert list", 1, arguments="trust"),
    Row("1.9", "show cert list type", 1, arguments="own"),
    Row("1.9", "show cert list type", 1, arguments="trust"),
    Row("1.9", "show csr own", 1, arguments="tomcat"),
    Row("1.9", "show csr list", 1, arguments="own"),
    Row("1.9", "show csr list type", 1, arguments="own"),
    Row("1.9", "set cert regen", 1, arguments="ITLRecovery"),
    Row("1.9", "set cert import", 1, arguments="own tomcat"),
    Row("1.9", "set cert import", 1, arguments="own tomcat tomcat-trust/ca.pem"),
    Row("1.9", "set cert import", 1, arguments="trust tomcat"),
    Row("1.9", "set cert delete", 1, arguments="CallManager-trust old.pem"),
    Row("1.9", "set csr gen", 1, arguments="tomcat"),
    Row("1.10", "utils dbreplication runtimestate", 0),
    Row("1.10", "show version active", 0),
    Row("1.10", "show version inactive", 0),
    Row("1.10", "show status", 0),
    Row("1.10", "show network cluster", 0),
    Row("1.10", "show tech", 1, arguments="all"),
    Row("", "show audit", 1, arguments="last 5 since 2h user anna action utils outcome done"),
    Row("", "utils capf lsc list", 0, arguments="SEP001122334401"),
    Row("", "utils capf lsc expiring", 0, arguments="90"),
    Row("", "utils capf lsc revoke", 1, True, "SEP001122334401"),
    Row("", "utils capf stale-lsc list", 0),
    Row("1.10", "utils system switch-version", 1, True),
    Row("1.10", "utils system upgrade initiate", 1, True, "12.5.1.10000-22"),
    Row("1.10", "utils system upgrade status", 1),
    Row("1.10", "utils system upgrade cancel", 1, True),
)
LEVELS = (0, 1, 4)


async def only_say(call: Call) -> None:
    """Stand in for what a command does: these tests are about whether it may."""
    await call.write(f"would run {call.parsed.command.name}")


TAME = tuple(replace(command, handler=only_say, confirm=None) for command in COMMANDS)


@pytest.fixture(scope="module")
def shared(templates: Callable[[str], Path]) -> Iterator[Cluster]:
    """One cluster for all: nothing is run."""
    cluster = Cluster.open(templates("10.5.2.10000-5"))
    yield cluster
    cluster.close()


def at(cluster: Cluster, node: str, privilege: int) -> Terminal:
    return Terminal(AdminSession(cluster, node, privilege=privilege, commands=TAME))


@pytest.mark.parametrize("row", ROWS, ids=lambda row: row.line)
def test_command(shared: Cluster, row: Row) -> None:
    would = [f"would run {row.path}"]
    for level in LEVELS:
        shown = at(shared, PUBLISHER, level).type(row.line)
        if level >= row.privilege:
            assert shown == would
        else:
            assert f"needs privilege level {row.privilege}" in shown[1]
            assert row.path not in "\n".join(at(shared, PUBLISHER, level).type(f"help {row.path.split()[0]}"))

    elsewhere = at(shared, SUBSCRIBER, row.privilege).type(row.line)
    if row.publisher_only:
        assert elsewhere[1] == f"{SUBSCRIBER}: {row.path} can be run on the publisher only"
        assert PUBLISHER in elsewhere[2]
    else:
        assert elsewhere == would

    terminal = at(shared, PUBLISHER, row.privilege)
    for asked in (f"help {row.path}", f"{row.path} ?"):
        explained = terminal.type(asked)
        assert explained[0] == f"{row.path} help:"
        assert explained[1].endswith(".")
        assert explained[3].startswith(f"usage: {row.path}")

    words = row.path.split()
    for number, word in enumerate(words):
        stem = " ".join((*words[:number], ""))
        for length in range(1, len(word) + 1):
            completed, options = terminal.session.complete(stem + word[:length])
            assert word in options or completed.startswith(stem + word), (stem, word[:length])


@pytest.mark.parametrize("command", COMMANDS, ids=lambda command: command.name)
def test_arguments_are_explained_and_completed(shared: Cluster, command: Command) -> None:
    session = at(shared, PUBLISHER, 4).session
    given = command.name
    for argument in command.arguments:
        assert argument.help or argument.kind is Kind.FLAGS, argument.name
        for choice in argument.choices:
            completed, options = session.complete(f"{given} {choice[:-1]}")
            assert choice in options or completed == f"{given} {choice} ", (given, choice)
        if argument.candidates is not None:
            assert argument.candidates(session) is not None
        given += f" {argument.choices[0] if argument.choices else 'x'}"


def test_every_command_has_its_level_by_the_reference() -> None:
    told = {row.path: (row.privilege, row.publisher_only) for row in ROWS}
    own = {command.name: (command.privilege, command.publisher_only) for command in COMMANDS}
    assert {path: own.get(path) for path in told} == told


@pytest.mark.parametrize("command", COMMANDS, ids=lambda command: command.name)
def test_the_manual_has_it(command: Command) -> None:
    manual = (Path(__file__).parents[3] / "docs" / "reference" / "admin-prompt.md").read_text()
    usage = command.usage.replace("|", "\\|")
    assert f"| `{usage}` | {command.privilege} |" in manual
