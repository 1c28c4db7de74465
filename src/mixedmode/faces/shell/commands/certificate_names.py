"""How certificates, trust stores and what is pasted are named at the prompt."""

from __future__ import annotations

from mixedmode.cluster.model.records import TRUST_SUFFIX
from mixedmode.cluster.operations.identity.certificates import RegenerateCertificate
from mixedmode.cluster.store.certificates import OWN_UNITS, TRUST_STORES
from mixedmode.errors import UsageError
from mixedmode.faces.shell.call import Call
from mixedmode.faces.shell.login import Login
from mixedmode.faces.shell.model import Argument, BadCommandError
from mixedmode.faces.shell.talk import InputEndedError

PASTE_LIMIT = 64 << 10
"""Characters of a certificate that is pasted."""
_BEGIN = "-----BEGIN CERTIFICATE-----"
_END = "-----END CERTIFICATE-----"


def own_unit(text: str) -> str:
    """Return the own certificate that a text names: ``CallManager``, or ``CallManager/CallManager.pem``.

    Raises:
        BadCommandError: There is none of that name.
    """
    for unit in OWN_UNITS:
        if text.lower() in {unit.lower(), f"{unit.lower()}/{unit.lower()}.pem"}:
            return unit
    raise BadCommandError(f"there is no certificate {text!r}", next_step=f"one of: {', '.join(OWN_UNITS)}")


def trust_store(text: str) -> str:
    """Return a trust store; ``CallManager`` means ``CallManager-trust`` here, as in the field.

    Raises:
        BadCommandError: There is none of that name.
    """
    for store in TRUST_STORES:
        if text.lower() in {store.lower(), store.lower().removesuffix(TRUST_SUFFIX)}:
            return store
    raise BadCommandError(f"there is no trust store {text!r}", next_step=f"one of: {', '.join(TRUST_STORES)}")


def same_name(stored: str, asked: str) -> bool:
    """Return whether a text names a stored file, with or without its ending."""
    return asked.lower() in {stored.lower(), stored.lower().removesuffix(".pem")}


async def pasted(call: Call) -> str:
    """Return a pasted certificate; it ends at its last line, or at an empty one that nobody typed.

    Raises:
        UsageError: Nothing was pasted, no certificate, or too much.
    """
    lines: list[str] = []
    size = 0
    while not lines or lines[-1] != _END:
        try:
            line = (await call.io.ask("")).strip()
        except InputEndedError as error:
            raise UsageError(
                "the input ended before a certificate was pasted", next_step=f"paste PEM text that ends with {_END}"
            ) from error
        if not line and (not lines or call.io.page_height is None):
            raise UsageError("no certificate was pasted", next_step=f"paste PEM text that ends with {_END}")
        lines.append(line)
        size += len(line) + 1
        if size > PASTE_LIMIT:
            raise UsageError(f"more than {PASTE_LIMIT} characters were pasted")
    if _BEGIN not in lines:
        raise UsageError("no certificate was pasted", next_step=f"paste PEM text that begins with {_BEGIN}")
    return "\n".join((*lines, ""))


def own_units(_session: Login) -> tuple[str, ...]:
    """Return the names of own certificates."""
    return OWN_UNITS


def stores(_session: Login) -> tuple[str, ...]:
    """Return the names of the trust stores."""
    return TRUST_STORES


def units_and_stores(_session: Login) -> tuple[str, ...]:
    """Return the names of own certificates and of the trust stores."""
    return (*OWN_UNITS, *TRUST_STORES)


OWN = Argument.of(RegenerateCertificate, "unit", "name", candidates=own_units)
KIND = Argument("kind", "The node's own certificates, or the trust stores.", choices=("own", "trust"))
