"""Loads asyncssh without what a node has no use for; who loads asyncssh before has it whole.

That is: keys on PKCS#11 tokens that log somebody in, and the key exchange of liboqs, for which asyncssh would run a
compiler in search of the library.
"""

from __future__ import annotations

import ctypes.util
import sys
from collections.abc import Iterator
from contextlib import contextmanager


@contextmanager
def _without_tokens_and_liboqs() -> Iterator[None]:
    find, blocked = ctypes.util.find_library, "pkcs11" not in sys.modules
    if blocked:
        sys.modules["pkcs11"] = None  # type: ignore[assignment]  # as importlib has it: such an import fails
    ctypes.util.find_library = lambda name: None if name in {"oqs", "liboqs"} else find(name)
    try:
        yield
    finally:
        ctypes.util.find_library = find
        if blocked:
            del sys.modules["pkcs11"]


with _without_tokens_and_liboqs():
    import asyncssh as _asyncssh  # noqa: F401 - loaded, not used
