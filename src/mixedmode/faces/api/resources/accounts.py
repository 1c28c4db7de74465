"""The accounts of this node."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Annotated, Final

from pydantic import Field

from mixedmode.cluster.model.errors import NotFoundError
from mixedmode.control.accounts import MAX_PASSWORD, MIN_PASSWORD, NAME, Account, AccountStore, account_store
from mixedmode.control.acts import DELETE_ACCOUNT, MAKE_ACCOUNT, SET_PASSWORD
from mixedmode.errors import UsageError
from mixedmode.faces.api.endpoint import STRICT, Call, Endpoint, Reply

_TAG: Final = "accounts"
_LEVEL: Final = 4
_Secret = Annotated[
    str,
    Field(min_length=MIN_PASSWORD, max_length=MAX_PASSWORD, description="Kept as an Argon2id hash, and shown nowhere."),
]


@dataclass(frozen=True, slots=True)
class Person:
    """An account.

    Attributes:
        level: Of privilege.
        keys: How many public keys may log in to it.
    """

    name: str
    level: int
    keys: int


@dataclass(frozen=True, slots=True)
class NewAccount:
    """A new account."""

    __pydantic_config__ = STRICT

    name: Annotated[str, Field(pattern=f"^{NAME.pattern}$", description="Begins with a letter.")]
    level: Annotated[int, Field(ge=0, le=1, description="0 may look, 1 may change.")]
    password: _Secret


@dataclass(frozen=True, slots=True)
class NewPassword:
    """A new password."""

    __pydantic_config__ = STRICT

    password: _Secret


def _store(call: Call) -> AccountStore:
    return account_store(call.cluster.folder(call.desk.node))


def _existing(call: Call) -> str:
    name = call.values["name"]
    if _store(call).find(name) is None:
        raise NotFoundError(f"there is no account {name!r}", next_step="list the accounts")
    return name


def _person(account: Account) -> Person:
    return Person(account.name, account.privilege, len(account.keys))


def _accounts(call: Call) -> Reply:
    return Reply([_person(each) for each in _store(call).all()])


def _make(call: Call) -> Reply:
    sent, store = call.sent(NewAccount), _store(call)
    if store.find(sent.name) is not None:
        raise UsageError(f"there is an account {sent.name!r}", next_step="give it a new password instead")
    made = call.control.do(
        call.principal,
        MAKE_ACCOUNT,
        lambda: store.put(sent.name, sent.password, sent.level),
        account=sent.name,
        account_level=sent.level,
    )
    return Reply(_person(made))


def _password(call: Call) -> Reply:
    name, store, password = _existing(call), _store(call), call.sent(NewPassword).password
    call.control.do(call.principal, SET_PASSWORD, lambda: store.set_password(name, password), account=name)
    return Reply()


def _delete(call: Call) -> Reply:
    name, store = _existing(call), _store(call)
    call.control.do(call.principal, DELETE_ACCOUNT, lambda: store.remove(name), account=name)
    return Reply()


ENDPOINTS: Final = (
    Endpoint(
        "GET",
        "/accounts",
        "listAccounts",
        "List the accounts of this node.",
        _accounts,
        _TAG,
        list[Person],
        level=_LEVEL,
    ),
    Endpoint(
        "POST",
        "/accounts",
        "makeAccount",
        "Make an account of level 0 or 1.",
        _make,
        _TAG,
        Person,
        status=201,
        level=_LEVEL,
        body=NewAccount,
        cost=20,
        act=MAKE_ACCOUNT.name,
    ),
    Endpoint(
        "PUT",
        "/accounts/{name}/password",
        "setPassword",
        "Give an account a new password; its sessions end.",
        _password,
        _TAG,
        status=204,
        level=_LEVEL,
        body=NewPassword,
        cost=20,
        act=SET_PASSWORD.name,
    ),
    Endpoint(
        "DELETE",
        "/accounts/{name}",
        "deleteAccount",
        "Remove an account, and what its tokens are worth.",
        _delete,
        _TAG,
        status=204,
        level=_LEVEL,
        act=DELETE_ACCOUNT.name,
    ),
)
