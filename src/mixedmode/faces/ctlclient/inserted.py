"""The security tokens that are inserted on this host: behind a PKCS#11 library, and files in a folder."""

from __future__ import annotations

import os
from pathlib import Path
from typing import TYPE_CHECKING, Final

if TYPE_CHECKING:
    from mixedmode.faces.ctlclient.wizard import Token

FOLDER_VARIABLE: Final = "MIXEDMODE_TOKENS"


def token_folder(given: Path | None, lab: Path | None = None) -> Path:
    """Return the folder of file tokens: the one given, that of the environment, the lab's, else ``./tokens``."""
    if given is not None:
        return given
    if named := os.environ.get(FOLDER_VARIABLE):
        return Path(named)
    return (lab / "tokens") if lab is not None else Path("tokens")


def inserted_tokens(folder: Path, module: str | None = None) -> list[Token]:
    """Return the tokens that can be used now.

    Args:
        folder: Of file tokens.
        module: A PKCS#11 library; its tokens come first.

    Raises:
        SignerError: The library fails.
    """
    from mixedmode.pki.tokens.token_files import file_tokens

    found: list[Token] = []
    if module is not None:
        from mixedmode.pki.tokens.pkcs11 import library_tokens

        found += library_tokens(module)
    return [*found, *file_tokens(folder)]
