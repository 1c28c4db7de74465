"""Who may log in to this node, and who did what.

``show account``, ``set account name``, ``set password user``, ``delete account``: passwords are asked for twice and
never shown. ``show audit``: the audit log of the cluster.
"""

from __future__ import annotations

from mixedmode.control.accounts import AccountStore, account_store
from mixedmode.control.acts import DELETE_ACCOUNT, MAKE_ACCOUNT, SET_PASSWORD
from mixedmode.control.audit_log import LAST, OUTCOMES, Wanted, checked_last, line, moment
from mixedmode.errors import UsageError
from mixedmode.faces.shell import texts
from mixedmode.faces.shell.call import Call
from mixedmode.faces.shell.login import Login
from mixedmode.faces.shell.model import Argument, Command, Kind
from mixedmode.faces.shell.talk import write_paged


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
    await call.do(MAKE_ACCOUNT, lambda: store.put(name, password, int(level)), account=name, account_level=int(level))
    await call.say(texts.ACCOUNT_MADE)


async def change_password(call: Call) -> None:
    """Give an account a new password."""
    store, name = _store(call), call.value("name")
    password = await _new_password(call)
    await call.do(SET_PASSWORD, lambda: store.set_password(name, password), account=name)
    await call.say(texts.PASSWORD_CHANGED)


async def delete_account(call: Call) -> None:
    """Remove an account."""
    store, name = _store(call), call.value("name")
    await call.do(DELETE_ACCOUNT, lambda: store.remove(name), account=name)
    await call.say(texts.ACCOUNT_DELETED)


async def _new_password(call: Call) -> str:
    password = await call.ask(texts.ASK_ACCOUNT_PASSWORD, secret=True)
    if password != await call.ask(texts.ASK_ACCOUNT_PASSWORD_AGAIN, secret=True):
        raise UsageError("the passwords differ", next_step="run the command again")
    return password


async def show_audit(call: Call) -> None:
    """Print the latest entries of the audit log that are wanted."""
    now, zone = call.cluster.now(), call.session.zone
    wanted = Wanted(
        since=moment(call.value("since"), now, zone) if call.flag("since") else None,
        user=call.value("user") or None,
        action=call.value("action") or None,
        outcome=call.value("outcome") or None,
        last=checked_last(call.value("last")) if call.flag("last") else LAST,
    )
    control, principal = call.session.control, call.session.principal
    found = await call.blocking(lambda: control.audit_log(principal, wanted))
    await write_paged(call.io, [line(record, zone) for record in found] or texts.NO_ENTRIES.lines())


def _store(call: Call) -> AccountStore:
    return account_store(call.cluster.folder(call.node))


def account_names(session: Login) -> list[str]:
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
    Command(
        ("show", "audit"),
        "Shows who did what in the cluster, the newest last.",
        show_audit,
        (
            Argument(
                "wanted",
                f"How many (last 50, else {LAST}), from when on (since 2h, since 2026-11-26T10:00), of which account, "
                "action (its first word) and outcome.",
                Kind.FLAGS,
                choices=("last", "since", "user", "action", "outcome"),
                follows={
                    "last": ((),),
                    "since": ((),),
                    "user": ((),),
                    "action": ((),),
                    "outcome": (OUTCOMES,),
                },
            ),
        ),
    ),
)
