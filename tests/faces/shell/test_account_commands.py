"""Accounts at the prompt: each change is audited, no password is shown."""

from __future__ import annotations

import json

from mixedmode.cluster.facade import Cluster
from mixedmode.control.accounts import account_store
from mixedmode.faces.shell.session import AdminSession
from tests.faces.conftest import PUBLISHER, Terminal


def test_commands(cluster: Cluster) -> None:
    account_store(cluster.folder(PUBLISHER)).put("administrator", "correct horse", 4)
    terminal = Terminal(AdminSession(cluster, PUBLISHER))
    shown = terminal.type("set account name bob", "1", "marmalade", "marmalade")
    assert shown[-1] == "Account successfully created"
    assert "marmalade" not in "\n".join(shown)
    assert "Account = bob, level = 1, public keys = 0" in terminal.type("show account")
    terminal.type("set account name bob")
    assert terminal.last.exit_code == 2
    terminal.type("set password user bob", "new-one", "other")
    assert terminal.last.exit_code == 2
    terminal.type("set password user bob", "new-one", "new-one")
    assert account_store(cluster.folder(PUBLISHER)).verify("bob", "new-one") is not None
    terminal.type("delete account bob")
    assert [record.action for record in cluster.operations.journal.audit()[-3:]] == [
        "set account name",
        "set password user",
        "delete account",
    ]
    assert "new-one" not in json.dumps([dict(r.details) for r in cluster.operations.journal.audit()])
