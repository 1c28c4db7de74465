"""The accounts that may log in to a node, in a file of the node's folder that only its owner can read.

Rules:

1. Passwords are kept as salted Argon2id hashes; the file has mode 0600 from its first byte on and is replaced whole. An
   older scrypt hash becomes one at the next login that succeeds.
2. Checking an account that does not exist does the work of a wrong password.
3. Accounts belong to a node and are not in the cluster's tables, so ``run sql`` cannot show their hashes.
"""

from __future__ import annotations

import contextlib
import hashlib
import hmac
import json
import re
import secrets
from collections.abc import Sequence
from dataclasses import asdict, dataclass, replace
from pathlib import Path
from typing import Final

from mixedmode.cluster.engine.principal import LEVELS
from mixedmode.cluster.store.folders import NodeFolder
from mixedmode.errors import MalformedError, UsageError
from mixedmode.json_reader import read_json
from mixedmode.pki.files import PRIVATE, write_atomic

FILE_NAME = "accounts.json"
MIN_PASSWORD = 6
MAX_PASSWORD = 127
NAME: Final = re.compile(r"[A-Za-z][A-Za-z0-9_.-]{0,63}")
"""Of an account."""
_ARGON2: Final = {"memory": 19_456, "iterations": 2, "lanes": 1}
"""KiB, passes and lanes: the least that OWASP advises, for a node checks few at a time beside its phones."""
_HASH_BYTES: Final = 32


@dataclass(frozen=True, slots=True)
class Account:
    """An account.

    Attributes:
        privilege: 0 may look, 1 may change, 4 may also reset and export keys.
        password: ``argon2id$KiB$passes$lanes$salt$hash``, salt and hash in hex; of old, ``scrypt$N$r$p$salt$hash``.
        keys: Public keys that may log in, as OpenSSH writes them.
        id: Random, of the account's life: another account of the same name after it has another one. Empty in files
            of old.
    """

    name: str
    privilege: int
    password: str
    keys: tuple[str, ...] = ()
    id: str = ""


class AccountStore:
    """The accounts of a node.

    Args:
        path: The file, usually ``accounts.json`` in the node's folder.
    """

    def __init__(self, path: Path) -> None:
        self.path = path
        self._nobody = _encoded(secrets.token_bytes(16), secrets.token_bytes(_HASH_BYTES))

    def all(self) -> list[Account]:
        """Return the accounts, by name.

        Raises:
            MalformedError: The file is damaged.
        """
        try:
            document = read_json(self.path.read_text())
            accounts = [Account(**{**entry, "keys": tuple(entry["keys"])}) for entry in document["accounts"]]
        except FileNotFoundError:
            return []
        except (ValueError, KeyError, TypeError, RecursionError) as error:
            raise MalformedError(
                "the file of accounts is damaged",
                where=str(self.path),
                why=str(error),
                next_step="put it back from a backup, or remove it and make the accounts anew",
            ) from error
        return sorted(accounts, key=lambda account: account.name)

    def find(self, name: str) -> Account | None:
        """Return an account, None if there is none."""
        return next((account for account in self.all() if account.name == name), None)

    def put(
        self, name: str, password: str, privilege: int, *, keys: Sequence[str] = (), hashed: str | None = None
    ) -> Account:
        """Make an account, or give an existing one a new password, level and keys.

        Args:
            name: Its name.
            password: Its password.
            privilege: Its level.
            keys: Public keys that may log in.
            hashed: What :func:`hash_password` made of the password, if that was done already.

        Raises:
            UsageError: Name, password or level are not allowed.
        """
        if not NAME.fullmatch(name):
            raise UsageError(f"{name!r} is no account name", next_step="begin with a letter; 64 characters at most")
        if privilege not in LEVELS:
            raise UsageError(f"{privilege} is no privilege level", next_step="one of: 0, 1, 4")
        check_password(password)
        before = self.find(name)
        life = secrets.token_hex(8) if before is None else before.id
        account = Account(name, privilege, hashed or hash_password(password), tuple(keys), life)
        self._save_one(account)
        return account

    def set_password(self, name: str, password: str) -> None:
        """Give an account a new password.

        Raises:
            UsageError: There is no such account, or the password is not allowed.
        """
        account = self._existing(name)
        check_password(password)
        self._save_one(replace(account, password=hash_password(password)))

    def allow_key(self, name: str, public_key: str) -> None:
        """Let a public key (``ssh-ed25519 AAAA...``) log in to an account.

        Raises:
            UsageError: There is no such account, or it is no public key.
        """
        account = self._existing(name)
        words = public_key.split()
        if len(words) < 2:
            raise UsageError("this is no public key", next_step="give the line of a .pub file")
        self._save_one(replace(account, keys=(*account.keys, " ".join(words[:2]))))

    def remove(self, name: str) -> None:
        """Remove an account.

        Raises:
            UsageError: There is no such account, or it is the last of level 4.
        """
        self._existing(name)
        left = [account for account in self.all() if account.name != name]
        if not any(account.privilege == max(LEVELS) for account in left):
            raise UsageError("the last account of level 4 cannot be removed", where=name)
        self._save(left)

    def verify(self, name: str, password: str) -> Account | None:
        """Return the account if the password is its own, after the same work whether it exists or not (rule 2)."""
        account = self.find(name)
        right = password_fits(password, account.password if account else self._nobody)
        if account is None or not right:
            return None
        return account if account.password.startswith("argon2id$") else self._rehashed(account, password)

    def _rehashed(self, account: Account, password: str) -> Account:
        """Return an account with a hash of today (rule 1); a file that cannot be written keeps nobody out."""
        changed = replace(account, password=hash_password(password))
        with contextlib.suppress(OSError):
            # Somebody may have set another password meanwhile.
            if account not in self.all():
                return account
            self._save_one(changed)
        return changed

    def _existing(self, name: str) -> Account:
        account = self.find(name)
        if account is None:
            raise UsageError(f"there is no account {name!r}", next_step="show account lists them")
        return account

    def _save_one(self, account: Account) -> None:
        self._save([*(other for other in self.all() if other.name != account.name), account])

    def _save(self, accounts: Sequence[Account]) -> None:
        document = {"accounts": [asdict(account) for account in sorted(accounts, key=lambda each: each.name)]}
        write_atomic(self.path, json.dumps(document, indent=2).encode(), mode=PRIVATE)


def account_store(folder: NodeFolder) -> AccountStore:
    """Return the accounts of a node."""
    return AccountStore(folder.root / FILE_NAME)


def check_password(password: str) -> None:
    """Check that a password may be one.

    Raises:
        UsageError: It is too short or too long.
    """
    if not MIN_PASSWORD <= len(password) <= MAX_PASSWORD:
        raise UsageError(f"a password has {MIN_PASSWORD} to {MAX_PASSWORD} characters")


def hash_password(password: str) -> str:
    """Return a salted hash of a password."""
    salt = secrets.token_bytes(16)
    return _encoded(salt, _argon2id(password, salt, **_ARGON2))


def _encoded(salt: bytes, found: bytes) -> str:
    return "$".join(("argon2id", *(str(number) for number in _ARGON2.values()), salt.hex(), found.hex()))


def password_fits(password: str, stored: str) -> bool:
    """Return whether a password has a stored hash; compared in constant time."""
    kind, *numbers, salt, wanted = stored.split("$")
    if kind not in _KINDS or len(password) > MAX_PASSWORD:
        return False
    found = _KINDS[kind](password, bytes.fromhex(salt), *map(int, numbers))
    return hmac.compare_digest(found, bytes.fromhex(wanted))


def _argon2id(password: str, salt: bytes, memory: int, iterations: int, lanes: int) -> bytes:
    # Imported late: most commands check no password.
    from cryptography.hazmat.primitives.kdf.argon2 import Argon2id

    derived = Argon2id(salt=salt, length=_HASH_BYTES, iterations=iterations, lanes=lanes, memory_cost=memory)
    return derived.derive(_bytes(password))


def _scrypt(password: str, salt: bytes, n: int, r: int, p: int) -> bytes:
    return hashlib.scrypt(_bytes(password), salt=salt, n=n, r=r, p=p, maxmem=1 << 26)


def _bytes(password: str) -> bytes:
    return password.encode("utf-8", "surrogateescape")


_KINDS: Final = {"argon2id": _argon2id, "scrypt": _scrypt}
