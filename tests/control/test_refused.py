"""Who has not the level is refused, whatever the face, by the engine: it is audited, and nothing has changed."""

from __future__ import annotations

import asyncio
import json
import os
import stat
from collections.abc import Iterator

import pytest

from mixedmode.cluster.engine import refusals
from mixedmode.cluster.engine.principal import Principal
from mixedmode.cluster.operations import OPERATIONS
from mixedmode.cluster.operations.ctl_signers import INSTALL
from mixedmode.cluster.operations.parameters import SetParameter
from mixedmode.control.accounts import account_store
from mixedmode.faces.shell.session import AdminSession
from mixedmode.faces.shell.talk import ScriptedIO
from tests.cluster.building import MIXED as MIXED_MODE
from tests.cluster.building import PUB, make
from tests.control.changes import Watch
from tests.control.entrances import ME, PASSWORD, Entrances
from tests.support import run_mixedmode

MIXED, RESET = "utils ctl set-cluster mixed-mode", "utils itl reset localkey"
AT_THE_PROMPT = [
    MIXED, "utils ctl set-cluster non-secure-mode", "utils ctl update CTLFile", "utils ctl reset localkey", RESET,
    "utils itl reset remotekey h u f", "set cert regen tomcat", "set cert import trust tomcat-trust",
    "set cert import own tomcat", "set cert delete tomcat-trust x", "set csr gen tomcat",
    "utils service stop Cisco Tftp", "utils service start Cisco Tftp", "utils service restart Cisco Tftp",
    "file delete tftp ITLFile.tlv", "utils system upgrade initiate 14", "utils system switch-version",
    "utils system upgrade cancel", "show tech all", "set account name eve", "set password user guest",
    "delete account guest", "run sql select 1", "show audit",
]  # fmt: skip
"""Every command that needs a level, the shell's own as well as operations."""
WITHOUT_LEVELS = {
    f"{MIXED} < y": MIXED,
    "utils ctl update CTLFile < y": "utils ctl update CTLFile",
    "utils ctl set-cluster non-secure-mode < y": "utils ctl set-cluster non-secure-mode",
    "utils ctl reset localkey < y": "utils ctl reset localkey",
    RESET: RESET,
    "set cert regen tomcat": "set cert regen",
    "set csr gen tomcat": "set csr gen",
    "utils service stop Cisco Tftp": "utils service stop",
    "utils service restart Cisco Tftp": "utils service restart",
    "file delete tftp ITLFile.tlv noconfirm": "file delete tftp",
    "file get tftp ITLRecovery.p12": "file get tftp ITLRecovery.p12",
    "utils system upgrade initiate 14.0.1.10000-20": "utils system upgrade",
    "utils system switch-version < yes": "utils system switch-version",
    "show tech version": "show tech",
    "set account name eve < 1,Marmalade-1,Marmalade-1": "set account name",
    "set password user operator < Marmalade-2,Marmalade-2": "set password user",
    "delete account operator": "delete account",
    "show audit": "show audit",
}
HERE = {
    "device add SEP001122334455 LAB": "device add",
    "device change SEP001122330000 --description x LAB": "device change",
    "device remove SEP001122330000 LAB": "device remove",
    "capf set SEP001122330000 install CAPF": "capf set",
    "phones reset --all LAB": "phones reset",
    "phones delete-ctl --all LAB": "phones delete list",
    "node remove cucm-1051-a-sub1 NODE": "node remove",
    "device remove SEP001122330000 NODE": "device remove",
    "audit-log LAB": "show audit",
}
CASES = [
    *(("engine", title, title) for title in OPERATIONS),
    *(("plan", title, title) for title in (MIXED, RESET, "set cert regen")),
    *(("prompt", line, "") for line in AT_THE_PROMPT),
    *(("forgetful", line, action) for line, action in WITHOUT_LEVELS.items()),
    *(("admin", line, line) for line in (MIXED, RESET)),
    ("ctl_client", "login", INSTALL),
    ("join", "describe", "node join"),
    *(("command", line, action) for line, action in HERE.items()),
]


@pytest.fixture(scope="module")
def entrances(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Entrances]:
    folder = tmp_path_factory.mktemp("entrances")
    with pytest.MonkeyPatch.context() as patched:
        patched.setattr(refusals, "ROWS_OF_SOURCE", 1_000)
        cluster = make(folder / "cluster", "12.5.1.13900-152")
        opened = Entrances(cluster, folder)
        yield opened
        opened.close()
        cluster.close()


@pytest.mark.parametrize(("face", "asked", "action"), CASES, ids=[f"{face}: {asked}" for face, asked, _ in CASES])
def test_who_has_not_the_level_is_refused_and_audited(entrances: Entrances, face: str, asked: str, action: str) -> None:
    watch = Watch(entrances.cluster)
    said = getattr(entrances, face)(asked)
    assert "needs privilege level" in said
    assert watch.changed() == []
    entries = watch.entries()
    refused = [entry for entry in entries if entry.outcome == "refused"]
    # At the prompt the line begins with the command's name.
    assert {entry.action == action if action else asked.startswith(entry.action) for entry in refused} == {True}
    assert not [entry for entry in entries if entry.outcome != "refused" and entry.action != "login"]
    (who,) = {(entry.user, entry.details["level"]) for entry in refused}
    assert who in {("guest", 0), ("operator", 1), ("operator", 3), (ME, 0)}


def test_the_socket_of_a_node_believes_the_kernel_and_nobody_else(entrances: Entrances) -> None:
    assert stat.S_IMODE((entrances.cluster.directory / "node.sock").stat().st_mode) == 0o600
    done = run_mixedmode(
        "phones", "reset", "--all", "--directory", entrances.cluster.directory, env={"SUDO_USER": "administrator"}
    )
    assert done.returncode == 2
    last = entrances.cluster.operations.journal.audit()[-1]
    assert (last.user, last.source) == (ME, "console")


@pytest.mark.skipif(os.getuid() != 0, reason="sudo makes root")
def test_who_became_root_by_sudo_is_named(entrances: Entrances) -> None:
    run_mixedmode(
        "device", "remove", "SEP001122330000", "--directory", entrances.cluster.directory, env={"SUDO_USER": "anna"}
    )
    assert entrances.cluster.operations.journal.audit()[-1].source == "console, sudo of anna"


def test_the_audit_log_is_filtered_at_the_prompt_and_on_the_command_line(entrances: Entrances) -> None:
    cluster, where = entrances.cluster, ("--directory", entrances.cluster.directory)
    assert "needs privilege level" in entrances.engine(MIXED)
    cluster.run(SetParameter("AutoRegistrationEnabled", "True", PUB), Principal("anna", 4, "192.0.2.7", PUB))
    cluster.run(SetParameter("AutoRegistrationEnabled", "False", PUB), Principal("Bert\x1b[1m", 4, "192.0.2.8", PUB))
    cluster.run(MIXED_MODE, Principal("anna", 4, "192.0.2.7", PUB))
    account_store(cluster.folder(PUB)).put(ME, PASSWORD, 1)
    try:
        listed = run_mixedmode("audit-log", *where, "--user", "ANNA", "--since", "1h")
        found = json.loads(run_mixedmode("audit-log", *where, "--json", "--action", "set param", "--last", "2").stdout)
        refused = json.loads(
            run_mixedmode("audit-log", *where, "--json", "--outcome", "refused", "--last", "500").stdout
        )
        assert run_mixedmode("audit-log", *where, "--since", "2100-01-01").stdout == ""
        assert run_mixedmode("audit-log", *where, "--since", "soon").returncode == 2
        no_text = run_mixedmode("audit-log", *where, "--user", "\udcff\x1b[31m")
    finally:
        account_store(cluster.folder(PUB)).put(ME, PASSWORD, 0)
    assert no_text.returncode == 2
    assert no_text.stderr == (
        "error: '\\udcff\\x1b[31m' is no text\n"
        "  why:  'utf-8' codec can't encode character '\\udcff' in position 0: surrogates not allowed\n"
        "  next: write it in UTF-8\n"
    )
    assert [row.split("  ")[1:4] for row in listed.stdout.splitlines()] == [
        ["anna@192.0.2.7", action, outcome] for action in ("set parameter", MIXED) for outcome in ("STARTED", "DONE")
    ]
    assert all(row.endswith(f"  on {PUB}") for row in listed.stdout.splitlines())
    assert "ClusterSecurityMode 0 -> 1" in listed.stdout
    assert [(each["user"], each["outcome"], each["level"], each["node"]) for each in found] == [
        ("Bert\x1b[1m", "started", 4, PUB),
        ("Bert\x1b[1m", "done", 4, PUB),
    ]
    assert found[1]["details"]["changes"]
    assert {each["outcome"] for each in refused} == {"refused"}
    session = AdminSession(cluster, PUB, "anna", privilege=1)

    def shown(line: str) -> list[str]:
        io = ScriptedIO([])
        assert asyncio.run(session.run(line, io)).exit_code == (2 if "soon" in line else 0)
        return io.lines

    assert len(shown("show audit last 3")) == 3
    assert "Bert\\x1b[1m@192.0.2.8" in shown("show audit user bert\x1b[1m last 1")[0]
    assert shown("show audit user nobody outcome done since 1h") == ["There is no such entry in the audit log."]
    assert len(shown("show audit action set outcome done")) == 2
    assert "'soon' is no moment" in "\n".join(shown("show audit since soon"))
