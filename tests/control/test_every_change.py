"""Whatever changes the database or a node's disk has an audit entry: around every operation and command."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Iterator
from datetime import UTC, datetime, timedelta
from functools import partial
from pathlib import Path

import pytest

from mixedmode.cluster.facade import Cluster
from mixedmode.cluster.model.lines import LineSpec
from mixedmode.cluster.model.topology import DeviceSpec
from mixedmode.cluster.operations import OPERATIONS
from mixedmode.cluster.operations.ctl_back import PutBackCtl
from mixedmode.cluster.operations.devices import AddDevices, ChangeDevice, DeviceValues, RemoveDevice
from mixedmode.cluster.operations.identity.certificates import BringBackTrust
from mixedmode.cluster.operations.identity.missing_certificates import MakeMissingCertificates
from mixedmode.cluster.operations.itl import ResetItlRemotely
from mixedmode.cluster.operations.lines import AddLines, ChangeLine, LineValues, RemoveLine
from mixedmode.cluster.operations.nodes import RemoveNode
from mixedmode.cluster.operations.parameters import SetParameter
from mixedmode.cluster.operations.services import StartWithNode, Waiting
from mixedmode.cluster.publishing.distribution import LocalDistributor
from mixedmode.control import acts
from mixedmode.control.acts import Act
from mixedmode.control.door import Control
from mixedmode.faces.shell.session import AdminSession
from mixedmode.faces.shell.table import COMMANDS
from mixedmode.faces.shell.talk import ScriptedIO
from mixedmode.trustlist.kinds import ITL_FILE
from tests.cluster.building import PUB, SUB, joining, make
from tests.cluster.tokens import install
from tests.control.changes import Watch, state_of
from tests.openssl_ca import OpenSslAuthority
from tests.support import run_mixedmode

PHONE = "SEP0011223344AA"
ELSEWHERE = {acts.GET_FILES, acts.GET_RECOVERY_KEY, acts.TRUST_HOST, acts.RESET_PHONES, acts.DELETE_LISTS, acts.LOGIN,
             acts.SHOW_AUDIT, acts.SERVICE, acts.CAPF, acts.REPLICATION, acts.GUIDE, acts.MAKE_TOKEN,
             acts.REVOKE_TOKEN, acts.UPDATE_LSC, acts.CALL, acts.SAVE_FILTER, acts.DROP_FILTER,
             acts.RESCUE}  # fmt: skip
"""Acts that change neither, or on other machines; their own tests look at their entries."""
LOOKING = (
    "show ctl",
    "show itl",
    "show audit",
    "show account",
    "show status",
    "show cert list own",
    "history",
    "show network cluster",
    "utils service list",
    "utils dbreplication runtimestate",
    "file list tftp *",
    "run sql select name from device",
    "show version active",
    "show version inactive",
    "utils system upgrade status",
    "utils system upgrade cancel",
    "show csr list own",
    "utils capf lsc list",
    "utils capf lsc expiring 10",
    "utils capf stale-lsc list",
)
Work = Callable[[], object]


class Prompt:
    """The ``admin:`` prompt of the publisher."""

    def __init__(self, cluster: Cluster) -> None:
        self.session = AdminSession(cluster, PUB, "anna", source="192.0.2.7")
        self.ran: set[str] = set()

    def type(self, line: str, *answers: str) -> list[str]:
        io = ScriptedIO(answers)
        outcome = asyncio.run(self.session.run(line, io))
        assert outcome.exit_code == 0, (line, io.lines)
        assert io.unused == [], line
        self.ran |= {command.name for command in COMMANDS if f"{line} ".startswith(f"{command.name} ")}
        return io.lines

    def signed(self, authority: OpenSslAuthority, unit: str) -> list[str]:
        shown = self.type(f"show csr own {unit}")
        begin = shown.index("-----BEGIN CERTIFICATE REQUEST-----")
        return authority.sign("\n".join((*shown[begin:], ""))).splitlines()


@pytest.fixture
def cluster(tmp_path: Path) -> Iterator[Cluster]:
    made = make(tmp_path / "cluster", "12.5.1.13900-152")
    yield made
    made.close()


def test_what_makes_a_cluster_has_entries(cluster: Cluster) -> None:
    entries = [(e.action, e.outcome, e.details.get("node")) for e in cluster.operations.journal.audit()]
    assert entries[0][:2] == ("cluster create", "done")
    assert {node for action, _, node in entries[1:]} == {PUB, SUB}
    assert len(entries) == 3


def test_every_change_has_an_entry(cluster: Cluster, tmp_path: Path) -> None:
    prompt, folder = Prompt(cluster), cluster.folder(PUB)
    authority = OpenSslAuthority.make(tmp_path, "Marmalade Root")
    seen: set[str] = set()

    def watched(what: str, work: Work) -> bool:
        watch = Watch(cluster)
        work()
        assert watch.unexplained() == [], what
        seen.update(entry.action for entry in watch.entries())
        return watch.changed() != []

    def typed(line: str, *answers: str, changes: bool = True) -> None:
        assert watched(line, partial(prompt.type, line, *answers)) is changes, line

    def done(operation: object) -> None:
        assert watched(repr(operation), lambda: cluster.run(operation)), operation  # type: ignore[arg-type]

    pem = authority.pem.splitlines()
    watched("the CTL Client", partial(install, cluster))
    old = cluster.show_ctl(PUB).data
    typed("utils ctl set-cluster mixed-mode", "y")
    typed("utils ctl update CTLFile", "y")
    done(PutBackCtl.of(old or b""))
    typed("utils ctl reset localkey", "y")
    typed("utils ctl set-cluster non-secure-mode", "y")
    typed("utils itl reset localkey")
    done(ResetItlRemotely.signed_by(cluster.signer(PUB, "ITLRecovery"), cluster))

    typed("set cert import trust tomcat-trust", *pem)
    name = next(row for row in prompt.type("show cert list trust") if "Marmalade" in row).partition("/")[2]
    typed(f"set cert delete tomcat-trust {name.partition(':')[0]}")
    moment = datetime.now(UTC) + timedelta(minutes=1)
    watched("nothing comes back from 11.0 on", lambda: cluster.run(BringBackTrust(moment.isoformat())))
    typed("set cert import trust tomcat-trust", *pem)
    typed("set csr gen tomcat")
    typed("set cert import own tomcat", *prompt.signed(authority, "tomcat"))
    typed("set cert regen tomcat")
    waited = tuple(
        Waiting(each.service.value, each.restart_needed.isoformat())
        for each in cluster.services(PUB)
        if each.restart_needed is not None
    )
    done(StartWithNode(PUB, waited))
    watched("nothing is missing", lambda: cluster.run(MakeMissingCertificates(PUB)))

    for verb in ("stop", "start", "restart"):
        typed(f"utils service {verb} Cisco Tftp")
    done(SetParameter("AutoRegistrationEnabled", "True", PUB))
    done(AddDevices((DeviceSpec(PHONE),)))
    done(ChangeDevice(PHONE, DeviceValues(description="lobby")))
    watched("an LSC", lambda: cluster.keep_lsc(PHONE, cluster.own_certificate(PUB, "CAPF")))
    typed(f"utils capf lsc revoke {PHONE}", "y")
    done(AddLines((LineSpec(PHONE, "1001"),)))
    done(ChangeLine("1001", LineValues(name="Alice")))
    done(RemoveLine("1001"))
    done(RemoveDevice(PHONE))
    done(joining(cluster, "sub2", "10.48.47.155"))
    done(RemoveNode("sub2"))

    (folder.area("activelog") / "cm" / "trace").mkdir(parents=True, exist_ok=True)
    (folder.area("activelog") / "cm" / "trace" / "ccm.log").write_text("x")
    (folder.tftp / "Desktops").mkdir()
    (folder.tftp / "Desktops" / "List.xml").write_text("<x/>")
    typed("file delete activelog cm/trace/ccm.log noconfirm")
    typed("file delete dir tftp Desktops", "y")
    typed("file delete tftp CTLFile.tlv noconfirm")
    typed("show tech version")
    typed("set account name bert", "1", "Marmalade-1", "Marmalade-1")
    typed("set password user bert", "Marmalade-2", "Marmalade-2")
    typed("set account name carl", "0", "Marmalade-1", "Marmalade-1")
    from mixedmode.control.accounts import account_store

    account_store(folder).put("anna", "Marmalade-1", 4)
    typed("delete account bert")
    capf = ("capf", "set", PHONE, "install", "--directory", folder.root / "capf")
    assert watched("capf set", lambda: run_mixedmode(*capf).check_returncode())

    typed("utils system upgrade initiate 14.0.1.10000-20", "no", "yes")
    typed("utils system switch-version", "yes")

    for command in LOOKING:
        typed(command, changes=False)

    assert set(OPERATIONS) - seen == set()
    wanted = {act.name for act in vars(acts).values() if isinstance(act, Act) and act not in ELSEWHERE}
    assert wanted - seen == set()
    looking = {"file view", "file dump", "file get", "show cert own", "show cert trust", "show cert list type",
               "show csr list type", "utils itl reset remotekey"}  # fmt: skip
    assert {command.name for command in COMMANDS} - prompt.ran == looking


def test_what_the_program_does_by_itself_has_entries(cluster: Cluster) -> None:
    distributor = cluster.deliveries.distributor
    assert isinstance(distributor, LocalDistributor)
    distributor.down.add(SUB)
    cluster.run(SetParameter("AutoRegistrationEnabled", "True", PUB))
    asyncio.run(AdminSession(cluster, PUB).run("utils itl reset localkey", ScriptedIO([])))
    distributor.down.clear()
    watch = Watch(cluster)
    assert cluster.deliver_pending() == {}
    assert watch.unexplained() == []
    assert [(e.user, e.action, e.details["files"]) for e in watch.entries()] == [
        ("system", "waiting files delivered", [ITL_FILE])
    ]
    cluster.folder(PUB).write(ITL_FILE, None)
    watch = Watch(cluster)
    cluster.publish_missing_itls()
    assert watch.changed() != []
    assert watch.unexplained() == []


def test_a_database_that_is_away_keeps_accounts_and_files_as_they_are(
    cluster: Cluster, monkeypatch: pytest.MonkeyPatch
) -> None:
    from mixedmode.cluster.model.errors import DatabaseError
    from mixedmode.cluster.store.database import Database
    from mixedmode.control.accounts import account_store

    accounts, before = account_store(cluster.folder(PUB)), state_of(cluster)

    def away(_self: Database) -> None:
        raise DatabaseError("the database does not answer")

    with monkeypatch.context() as broken:
        broken.setattr(Database, "write", away)
        with pytest.raises(DatabaseError):
            Control(cluster).do(
                AdminSession(cluster, PUB).principal, acts.MAKE_ACCOUNT, lambda: accounts.put("eve", "Marmalade-1", 4)
            )
    assert state_of(cluster) == before


def test_what_failed_has_an_entry_that_says_so(cluster: Cluster) -> None:
    def fails() -> None:
        raise OSError(28, "No space left on device")

    principal = AdminSession(cluster, PUB).principal
    watch = Watch(cluster)
    with pytest.raises(OSError, match="No space"):
        Control(cluster).do(principal, acts.SHOW_TECH, fails, file="x")
    (entry,) = watch.entries()
    assert (entry.action, entry.outcome, entry.details["file"]) == ("show tech", "failed", "x")
    assert "No space left" in entry.details["error"]
