"""PKCS#11 libraries in this process: loading them, calling them, what they tell about tokens.

Rules:

1. A library is loaded once for the process (python-pkcs11 allows one of each); initialising it anew ends all
   sessions, and is how it sees what was inserted or pulled since. SoftHSM2 then gives the old numbers to new sessions,
   perhaps on other tokens, so a session that is not in :data:`sessions` must not be used, nor closed.
2. Libraries are called in one thread that does nothing else: SoftHSM2 and others leave errors in OpenSSL's queue of
   the thread, where the next TLS connection of that thread would stumble over them. Nobody is asked for a PIN in
   that thread: a prompt would hold up all tokens, and could not be left with Ctrl-C.
3. SoftHSM2 reads its configuration when it is initialised; a token remembers the one that it was found with.
"""

from __future__ import annotations

import os
import threading
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from functools import wraps
from typing import Any, Final, ParamSpec, TypeVar

from mixedmode.pki.signing.signer import SignerError
from mixedmode.pki.tokens.pkcs11_uri import Pkcs11Uri
from mixedmode.pki.tokens.token_errors import WrongPinError, told

SOFTHSM_VARIABLE: Final = "SOFTHSM2_CONF"
_THREAD: Final = "mixedmode-pkcs11"
_thread = ThreadPoolExecutor(1, thread_name_prefix=_THREAD)

P = ParamSpec("P")
T = TypeVar("T")

sessions: Final[dict[tuple[str, str, str], Any]] = {}
"""The session that is logged in, by library, label and serial number of the token; a login belongs to the process."""


def in_library_thread(call: Callable[P, T]) -> Callable[P, T]:
    """Run a function in the thread of the libraries (rule 2)."""

    @wraps(call)
    def run(*args: P.args, **kwargs: P.kwargs) -> T:
        if threading.current_thread().name.startswith(_THREAD):
            return call(*args, **kwargs)
        return _thread.submit(call, *args, **kwargs).result()

    return run


def load_library(path: str, *, softhsm_conf: str | None = None, anew: bool = False) -> Any:
    """Return a library (rule 1).

    Args:
        path: Its file.
        softhsm_conf: The configuration for SoftHSM2 (rule 3); by default what the environment names.
        anew: Initialise it again, so that it sees what was inserted since.

    Raises:
        SignerError: It cannot be loaded.
    """
    import pkcs11

    if softhsm_conf and os.environ.get(SOFTHSM_VARIABLE) != softhsm_conf:
        os.environ[SOFTHSM_VARIABLE] = softhsm_conf
        anew = True
    try:
        path.encode()
        library = pkcs11.lib(path)
        if anew:
            for place in [place for place in sessions if place[0] == path]:
                del sessions[place]
            library.reinitialize()
    except (pkcs11.exceptions.PKCS11Error, RuntimeError, OSError, SystemError, UnicodeError) as error:
        raise SignerError(
            "the PKCS#11 library cannot be used",
            where=path,
            why="its name is no UTF-8 text" if isinstance(error, UnicodeError) else str(error) or type(error).__name__,
            next_step=f"check its path and configuration (SoftHSM2: the file that {SOFTHSM_VARIABLE} names)",
            code="pkcs11_module",
        ) from error
    return library


def slots_with_token(library: Any, where: str) -> Iterator[tuple[Any, Any]]:
    """Yield each slot with the token in it; slots whose token cannot be read are passed over.

    Raises:
        SignerError: The library fails as a whole.
    """
    from pkcs11.exceptions import PKCS11Error

    try:
        slots = library.get_slots(token_present=True)
    except PKCS11Error as error:
        raise told(error, where) from error
    for slot in slots:
        try:
            token = slot.get_token()
        except PKCS11Error:
            continue
        yield slot, token


def fits(uri: Pkcs11Uri, library: Any, slot: Any, token: Any) -> bool:
    """Return whether a URI can mean the token in a slot of a library."""
    version = ".".join(map(str, library.library_version))
    wanted = (
        (uri.library_manufacturer, library.manufacturer_id),
        (uri.library_description, library.library_description),
        (uri.library_version, version if "." in (uri.library_version or "") else version.partition(".")[0]),
        (uri.slot_manufacturer, slot.manufacturer_id),
    )
    return all(asked is None or asked.rstrip() == text_of(told_by) for asked, told_by in wanted) and uri.fits_token(
        label=text_of(token.label),
        manufacturer=text_of(token.manufacturer_id),
        model=text_of(token.model),
        serial=text_of(token.serial),
        slot_id=slot.slot_id,
        slot_description=text_of(slot.slot_description),
    )


def text_of(value: str | bytes) -> str:
    """Return a text of a library without its padding."""
    return (value.decode("utf-8", "replace") if isinstance(value, bytes) else value).rstrip("\0 ")


def login_refused(error: Exception, token: Any, where: str) -> SignerError:
    """Return what a login raised as an error of ours, with what the token says about the tries that are left."""
    from pkcs11 import TokenFlag
    from pkcs11.exceptions import PKCS11Error

    refusal = told(error, where)
    if not isinstance(refusal, WrongPinError):
        return refusal
    try:
        flags = token.slot.get_token().flags
    except PKCS11Error:
        return refusal
    if flags & TokenFlag.USER_PIN_LOCKED:
        refusal.tries_left, refusal.why = 0, "that was the last try: the token is locked now"
    elif flags & TokenFlag.USER_PIN_FINAL_TRY:
        refusal.tries_left, refusal.why = 1, "one try is left: another wrong PIN locks the token"
    elif flags & TokenFlag.USER_PIN_COUNT_LOW:
        refusal.why = "a wrong PIN was counted; the token does not tell how many tries are left"
    return refusal
