"""What goes wrong with tokens, told in the words of the person who holds one.

Rules:

1. No exception of the PKCS#11 library leaves the rooms; :func:`told` turns each into a :class:`SignerError`.
2. A wrong PIN and a locked or absent token are kinds of their own, since callers go on differently after them.
3. No message holds a PIN.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from typing import NamedTuple

from mixedmode.pki.signing.signer import SignerError


class WrongPinError(SignerError):
    """The token did not take the PIN. ``tries_left`` is None where the token does not tell."""

    default_code = "wrong_pin"
    tries_left: int | None = None


class TokenLockedError(SignerError):
    """Too many wrong PINs: the token takes none any more."""

    default_code = "token_locked"


class TokenAbsentError(SignerError):
    """The token is not there, or was pulled."""

    default_code = "token_absent"


class _Told(NamedTuple):
    kind: type[SignerError]
    what: str
    next_step: str


_INSERT = "insert the token, or check the URI with 'mixedmode token list'"
_ABSENT = _Told(TokenAbsentError, "the token was pulled or is not there", _INSERT)
_WRONG = _Told(
    WrongPinError, "the token did not take the PIN", "enter the right PIN; too many wrong ones lock the token"
)
_LOCKED = _Told(TokenLockedError, "the token is locked: too many wrong PINs", "unlock it with its maker's tool")
_BAD_PIN = _Told(WrongPinError, "no PIN of this token can look like that", "check length and characters of the PIN")
_NEW_PIN = _Told(
    SignerError, "the PIN of the token must be changed first", "set a PIN with the tool of the token's maker"
)
_KEY = _Told(SignerError, "the key on the token cannot sign that", "use an RSA key of 1024 to 4096 bits")
_FULL = _Told(SignerError, "the token or this machine has no memory left for that", "delete objects that are not used")
_WRITE = _Told(SignerError, "the token does not let that be written", "check that it is not write-protected")
_BUSY = _Told(SignerError, "the token is busy", "close other programs that use it and try again")

_TOLD = {
    **dict.fromkeys(
        (
            "DeviceRemoved",
            "TokenNotPresent",
            "TokenNotRecognised",
            "SlotIDInvalid",
            "SessionHandleInvalid",
            "SessionClosed",
            "ObjectHandleInvalid",
            "KeyHandleInvalid",
            "NoSuchToken",
        ),
        _ABSENT,
    ),
    "PinIncorrect": _WRONG,
    "PinLocked": _LOCKED,
    "PinInvalid": _BAD_PIN,
    "PinLenRange": _BAD_PIN,
    "PinTooWeak": _BAD_PIN,
    "PinExpired": _NEW_PIN,
    "UserPinNotInitialized": _NEW_PIN,
    "MechanismInvalid": _KEY,
    "MechanismParamInvalid": _KEY,
    "KeySizeRange": _KEY,
    "KeyTypeInconsistent": _KEY,
    "DataLenRange": _KEY,
    "DeviceMemory": _FULL,
    "HostMemory": _FULL,
    "TokenWriteProtected": _WRITE,
    "SessionReadOnly": _WRITE,
    "AttributeReadOnly": _WRITE,
    "OperationActive": _BUSY,
    "SessionCount": _BUSY,
    "AnotherUserAlreadyLoggedIn": _BUSY,
}
_OTHER = _Told(SignerError, "the token failed", "pull and insert it; look at the messages of its library")

PULLED = frozenset(
    {
        *(name for name, told_as in _TOLD.items() if told_as is _ABSENT),
        "PKCS11Error",  # a code without a name of its own, such as CKR_CRYPTOKI_NOT_INITIALIZED
        "DeviceError",
        "FunctionFailed",
        "GeneralError",
        "UserNotLoggedIn",
    }
)
"""What libraries answer after a token was pulled, or pulled and inserted again; a new session settles it."""


def told(error: Exception, where: str) -> SignerError:
    """Return an exception of the PKCS#11 library as an error of ours, by its name.

    Args:
        error: What the library raised.
        where: The token, for the message.
    """
    name = type(error).__name__
    kind, what, next_step = _TOLD.get(name, _OTHER)
    return kind(what, where=where, why=f"{name}: {error}".rstrip(": "), next_step=next_step)


@contextmanager
def telling(where: str) -> Iterator[None]:
    """Turn exceptions of the PKCS#11 library into :class:`SignerError` (rule 1)."""
    from pkcs11.exceptions import PKCS11Error

    try:
        yield
    except PKCS11Error as error:
        raise told(error, where) from error
