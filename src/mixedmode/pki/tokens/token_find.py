"""Where PKCS#11 libraries are: named by a URI or the environment, else at their usual places."""

from __future__ import annotations

import os
from pathlib import Path
from typing import Final

from mixedmode.errors import UsageError

MODULE_VARIABLE: Final = "MIXEDMODE_PKCS11_MODULE"
_FOLDERS = ("/usr/lib", "/usr/lib64", "/usr/lib/x86_64-linux-gnu", "/usr/lib/aarch64-linux-gnu", "/usr/local/lib")
_FILES = (
    "libeToken.so",  # SafeNet Authentication Client: the eTokens themselves
    "libykcs11.so",
    "softhsm/libsofthsm2.so",
    "libsofthsm2.so",
    "opensc-pkcs11.so",
)
KNOWN_MODULES: Final = tuple(f"{folder}/{file}" for file in _FILES for folder in _FOLDERS)
"""Makers' own libraries before general ones."""


def find_module(path: str | None = None, name: str | None = None) -> str:
    """Return the library to use: the given file, that of ``MIXEDMODE_PKCS11_MODULE``, or a well-known one.

    Args:
        path: ``module-path`` of a URI: a file, or a folder of libraries.
        name: ``module-name`` of a URI: the file's name without ``lib`` and ending.

    Raises:
        UsageError: There is none.
    """
    chosen = path or (None if name else os.environ.get(MODULE_VARIABLE))
    if chosen and Path(chosen).is_file():
        return chosen
    if chosen and not Path(chosen).is_dir():
        raise UsageError(
            "there is no such PKCS#11 library", where=chosen, code="pkcs11_module", next_step="name its .so file"
        )
    for found in sorted(map(str, Path(chosen).glob("*.so"))) if chosen else KNOWN_MODULES:
        if (name is None or Path(found).stem.removeprefix("lib") == name.removeprefix("lib")) and Path(found).is_file():
            return found
    raise UsageError(
        f"no PKCS#11 library {name!r} is known here" if name else "no PKCS#11 library is known here",
        code="pkcs11_module",
        next_step=f"name it with module-path= in the URI, or in {MODULE_VARIABLE}",
    )
