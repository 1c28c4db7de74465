"""The command tree: finding, helping, completing; levels, places and questions."""

from __future__ import annotations

import pytest

from mixedmode.cluster.engine.operation import Operation, about
from mixedmode.cluster.facade import Cluster
from mixedmode.cluster.operations import OPERATIONS
from mixedmode.cluster.operations.identity.certificates import RegenerateCertificate
from mixedmode.cluster.operations.services import RestartService
from mixedmode.cluster.operations.versions import Upgrade
from mixedmode.cluster.publishing.distribution import LocalDistributor
from mixedmode.faces.shell import texts
from mixedmode.faces.shell.session import AdminSession
from mixedmode.faces.shell.table import COMMANDS
from mixedmode.faces.shell.talk import ScriptedIO, write_paged
from tests.faces.conftest import PUBLISHER, ClusterMaker, Terminal


def test_words_are_written_in_full(terminal: Terminal) -> None:
    shown = terminal.type("utils ctl upd CTLFile")
    assert shown[:2] == ["Executed command unsuccessfully", "No valid command entered"]
    assert "write the word in full: utils ctl update" in shown[-1]
    assert terminal.last.exit_code == 2


def test_a_command_that_is_an_operation_asks_for_its_level_and_place() -> None:
    rows = [(command, OPERATIONS[command.name]) for command in COMMANDS if command.name in OPERATIONS]
    assert len(rows) == 13
    for command, kind in rows:
        assert (command.privilege, command.publisher_only) == (kind.privilege, kind.publisher_only), command.name


@pytest.mark.parametrize(
    ("line", "kind", "field"),
    [
        ("utils service restart", RestartService, "service"),
        ("set cert regen", RegenerateCertificate, "unit"),
        ("utils system upgrade initiate", Upgrade, "version"),
    ],
)
def test_help_tells_of_an_argument_what_the_operation_does(
    terminal: Terminal, line: str, kind: type[Operation], field: str
) -> None:
    assert about(kind, field).help in " ".join(" ".join(terminal.type(f"help {line}")).split())


@pytest.mark.parametrize(
    ("line", "hint"),
    [
        ("frobnicate", "type help"),
        ("utils", "go on with: capf, ctl, dbreplication, itl, service, system"),
        ("utils ctl set-cluster", "go on with: mixed-mode, non-secure-mode"),
        ("utils ctl frob", "after 'utils ctl' comes: reset, set-cluster, update"),
        ("show ctl detail", "usage: show ctl"),
        ("file list", "usage: file list"),
        ("file list everywhere *", "usage: file list"),
        ("utils service restart", "usage: utils service restart service"),
        ("utils service restart Tftp", "write its name in full: Cisco Tftp"),
        ("set cert regen Nothing", "one of: CallManager"),
        ("x" * 9000, "longer than"),
    ],
)
def test_what_is_no_command_says_what_to_write(terminal: Terminal, line: str, hint: str) -> None:
    assert hint in "\n".join(terminal.type(line))
    assert terminal.last.exit_code == 2


def test_case_does_not_matter_in_words(terminal: Terminal) -> None:
    assert terminal.type("SHOW CTL")[0] == "Length of CTL file: 0"


@pytest.mark.parametrize("line", ["help", "?", "help utils", "utils ?", "utils ctl ?", "help show ctl", "show ctl ?"])
def test_help_at_any_depth(terminal: Terminal, line: str) -> None:
    assert terminal.type(line)
    assert terminal.last.exit_code == 0


def test_every_command_has_help_of_its_own(terminal: Terminal) -> None:
    for command in COMMANDS:
        shown = terminal.type(f"help {command.name}")
        assert f"usage: {command.usage}" in shown


@pytest.mark.parametrize(
    ("line", "completed"),
    [
        ("sh", "show "),
        ("show c", "show c"),
        ("utils service re", "utils service restart "),
        ("utils service restart cisco tf", "utils service restart Cisco Tftp "),
        ("file list tftp ITL", "file list tftp ITLFile.tlv "),
        ("file list tftp ITLFile.tlv de", "file list tftp ITLFile.tlv detail "),
        ("set cert regen call", "set cert regen CallManager"),
        ("nothing", "nothing"),
    ],
)
def test_completion(terminal: Terminal, line: str, completed: str) -> None:
    assert terminal.session.complete(line)[0] == completed


def test_completion_names_what_is_possible(terminal: Terminal) -> None:
    assert terminal.session.complete("show version ") == ("show version ", ["active", "inactive"])


def test_levels(cluster: Cluster) -> None:
    guest = Terminal(AdminSession(cluster, PUBLISHER, "guest", privilege=0))
    guest.type("show ctl")
    assert guest.last.exit_code == 0
    refused = guest.type("utils ctl update CTLFile")
    assert "this command needs privilege level 1, and account guest has level 0" in refused[1]
    operator = Terminal(AdminSession(cluster, PUBLISHER, "operator", privilege=1))
    assert "needs privilege level 4" in operator.type("utils itl reset localkey")[1]
    assert "utils itl reset localkey" not in "\n".join(operator.type("help utils"))
    assert operator.session.complete("utils i")[0] == "utils i"


@pytest.mark.parametrize(
    "line",
    [
        "utils ctl set-cluster mixed-mode",
        "utils ctl set-cluster non-secure-mode",
        "utils ctl update CTLFile",
        "utils ctl reset localkey",
        "utils itl reset localkey",
        "utils system switch-version",
    ],
)
def test_the_publisher_s_commands_are_refused_elsewhere(on_subscriber: Terminal, cluster: Cluster, line: str) -> None:
    shown = on_subscriber.type(line)
    assert shown[1:] == [
        f"cucm-1051-a-sub1: {line} can be run on the publisher only",
        f"  next: log in to {PUBLISHER} and run it there",
    ]
    assert cluster.mode == 0


@pytest.mark.parametrize("answer", ["n", "no", "", "maybe", "yy"])
def test_anything_but_yes_changes_nothing(terminal: Terminal, cluster: Cluster, answer: str) -> None:
    shown = terminal.type("utils ctl set-cluster mixed-mode", answer)
    assert shown[-1] == "Command cancelled"
    assert terminal.last.exit_code == 1
    assert cluster.mode == 0
    assert cluster.show_ctl(PUBLISHER).data is None


def test_before_version_10_there_is_no_utils_ctl(make_cluster: ClusterMaker) -> None:
    old = Terminal(AdminSession(make_cluster("9.1.2.10000-28"), PUBLISHER))
    assert "No valid command entered" in old.type("utils ctl set-cluster mixed-mode")
    assert "utils ctl" not in "\n".join(old.type("help utils"))


def test_a_refusal_says_what_to_do(terminal: Terminal, cluster: Cluster) -> None:
    distributor = cluster.deliveries.distributor
    assert isinstance(distributor, LocalDistributor)
    distributor.down.add("cucm-1051-a-sub1")
    shown = terminal.type("utils ctl set-cluster mixed-mode", "y")
    assert shown[1:3] == ["Moving Cluster to Mixed Mode", "Executed command unsuccessfully"]
    assert "nodes that take no files: cucm-1051-a-sub1" in shown[3]
    assert terminal.last.exit_code == 1
    assert cluster.mode == 0


def test_history_and_leaving(terminal: Terminal) -> None:
    terminal.type("show version active")
    assert [line.split(maxsplit=1)[1] for line in terminal.type("history")] == ["show version active", "history"]
    terminal.type("exit")
    assert terminal.last.ended


def test_operations_are_audited_under_the_account(cluster: Cluster) -> None:
    session = AdminSession(cluster, PUBLISHER, "alice", source="192.0.2.7")
    Terminal(session).type("utils ctl set-cluster mixed-mode", "y")
    record = cluster.operations.journal.audit()[-1]
    assert (record.user, record.source, record.outcome) == ("alice", "192.0.2.7", "done")


def test_texts_that_nobody_has_seen_are_marked() -> None:
    assert "CANCELLED" in texts.unconfirmed()
    assert "ASK_MIXED" not in texts.unconfirmed()


class Reader(ScriptedIO):
    @property
    def page_height(self) -> int | None:
        return 6


@pytest.mark.parametrize(
    ("answers", "pages"),
    [
        (["q"], ["1 - 4"]),
        (["n", "n", "n"], ["1 - 4", "5 - 8", "9 - 10"]),
        (["e", "b", "q"], ["1 - 4", "9 - 10", "1 - 4"]),
        (["", "p", "q"], ["1 - 4", "5 - 8", "1 - 4"]),
        ([], ["1 - 4"]),
    ],
)
def test_pages(answers: list[str], pages: list[str]) -> None:
    import asyncio

    reader = Reader(answers)
    asyncio.run(write_paged(reader, [str(number) for number in range(1, 11)]))
    assert [line.split("lines ")[1].split(" of")[0] for line in reader.lines if "options:" in line] == pages
