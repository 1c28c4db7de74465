"""Who administers: principals, made of accounts that logged in and of this machine's own users.

Rules:

1. An account has its own level.
2. A user of this machine who may write a node's folder is its owner, whatever a program says: level 4. If an account of
   the node has his name, he has that account's level at the console too, so that nobody does there by habit what he is
   not meant to do.
3. Nobody is called by a name that somebody else typed: the machine says who runs a process.
"""

from __future__ import annotations

import os
import pwd
from typing import Final

from mixedmode.cluster.engine.principal import LEVELS, Principal
from mixedmode.control.accounts import Account, AccountStore
from mixedmode.printable import printable

CONSOLE: Final = "console"
"""The source of who works on this machine."""
LONGEST_NAME: Final = 128
"""Characters of a name that a stranger gives, in the audit log."""


def of_account(account: Account, source: str, node: str) -> Principal:
    """Return the principal of an account that logged in to a node."""
    return Principal(account.name, account.privilege, source, node)


def unproved(user: str, source: str, node: str) -> Principal:
    """Return somebody who only says who he is; he may do nothing."""
    return Principal(user[:LONGEST_NAME], 0, source, node)


def of_user(uid: int, accounts: AccountStore, node: str, *, source: str = CONSOLE) -> Principal:
    """Return the principal of a user of this machine (rule 2).

    Args:
        uid: His number.
        accounts: Of the node.
        node: Its name.
        source: Where he is.

    Raises:
        MalformedError: The file of accounts is damaged.
    """
    name = user_name(uid)
    account = accounts.find(name)
    return Principal(name, max(LEVELS) if account is None else account.privilege, source, node)


def who_runs_this(accounts: AccountStore, node: str) -> Principal:
    """Return the principal of who runs this process; of root it is noted who became root by sudo.

    Raises:
        MalformedError: The file of accounts is damaged.
    """
    uid = os.getuid()
    before = printable(os.environ.get("SUDO_USER", ""))[:64] if uid == 0 else ""
    return of_user(uid, accounts, node, source=f"{CONSOLE}, sudo of {before}" if before else CONSOLE)


def user_name(uid: int) -> str:
    """Return the name of a user of this machine, or his number if he has none."""
    try:
        return pwd.getpwuid(uid).pw_name
    except KeyError:
        return f"uid {uid}"
