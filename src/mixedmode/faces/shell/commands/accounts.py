"""``show account``, ``set account name``, ``set password user`` and ``delete account``: who may log in to this node.

Changes are audited; passwords are asked for twice and never shown.
"""

from __future__ import annotations

from collections.abc import Callable

from mixedmode.control.accounts import AccountStore, account_store
from mixedmode.errors import UsageError
from mixedmode.faces.shell import texts
from mixedmode.faces.shell.call import Call
from mixedmode.faces.shell.model import Argument, Command
from mixedmode.faces.shell.session import AdminSession


async def show_accounts(call: Call) -> None:
    """Print the accounts of this node."""
    for account in await call.blocking(_store(call).all):
        await call.say(texts.ACCOUNT_ROW, name=account.name, level=account.privilege, keys=len(account.keys))


async def make_account(call: Call) -> None:
    """Make an account of level 0 or 1."""
    store, name = _store(call), call.value("name")
    if await call.blocking(lambda: store.find(name)) is not None:
        raise UsageError(f"there is an account {name!r}", next_step="set password user gives it a new password")
    level = await call.ask(texts.ASK_LEVEL)
    if level not in {"0", "1"}:
        raise UsageError(f"{level!r} is no privilege level", next_step="one of: 0, 1")
    password = await _new_password(call)
    await _change(call, "set account name", lambda: store.put(name, password, int(level)), level=int(level))
    await call.say(texts.ACCOUNT_MADE)


async def change_password(call: Call) -> None:
    """Give an account a new password."""
    store, name = _store(call), call.value("name")
    password = await _new_password(call)
    await _change(call, "set password user", lambda: store.set_password(name, password))
    await call.say(texts.PASSWORD_CHANGED)


async def delete_account(call: Call) -> None:
    """Remove an account."""
    store, name = _store(call), call.value("name")
    await _change(call, "delete account", lambda: store.remove(name))
    await call.say(texts.ACCOUNT_DELETED)


async def _new_password(call: Call) -> str:
    password = await call.ask(texts.ASK_ACCOUNT_PASSWORD, secret=True)
    if password != await call.ask(texts.ASK_ACCOUNT_PASSWORD_AGAIN, secret=True):
        raise UsageError("the passwords differ", next_step="run the command again")
    return password


async def _change(call: Call, action: str, change: Callable[[], object], **details: object) -> None:
    """Change accounts and note it, as one piece of work: a session that ends between the two must not hide it."""
    journal, actor = call.cluster.operations.journal, call.session.actor
    record = {"node": call.node, "account": call.value("name"), **details}

    def both() -> None:
        change()
        journal.note(actor, action, "done", record)

    await call.blocking(both)


def _store(call: Call) -> AccountStore:
    return account_store(call.cluster.folder(call.node))


def account_names(session: AdminSession) -> list[str]:
    """Return the names that completion offers."""
    return [account.name for account in account_store(session.cluster.folder(session.node)).all()]


_NAME = (Argument("name", "An account of this node.", candidates=account_names),)

COMMANDS = (
    Command(("show", "account"), "Shows the accounts of this node.", show_accounts, privilege=4),
    Command(
        ("set", "account", "name"),
        "Makes an account of this node.",
        make_account,
        (Argument("name", "The new account."),),
        privilege=4,
    ),
    Command(("set", "password", "user"), "Gives an account a new password.", change_password, _NAME, privilege=4),
    Command(("delete", "account"), "Removes an account of this node.", delete_account, _NAME, privilege=4),
)
