"""The security tokens of a lab: real PKCS#11 tokens of SoftHSM2 where it is installed, else files.

Inserting and pulling is what a person does: only tokens that are ``inserted`` are seen by the CTL Client.
"""

from __future__ import annotations

import os
import shutil
import subprocess
from datetime import UTC, datetime
from pathlib import Path
from typing import Final

from mixedmode.errors import UsageError
from mixedmode.faces.ctlclient.wizard import Token
from mixedmode.pki.tokens.token_files import DEFAULT_PASSWORD, make_file_token

_SOFTHSM: Final = tuple(
    Path(place)
    for place in (
        "/usr/lib/softhsm/libsofthsm2.so",
        "/usr/lib/x86_64-linux-gnu/softhsm/libsofthsm2.so",
        "/usr/lib/aarch64-linux-gnu/softhsm/libsofthsm2.so",
    )
)
_SECONDS: Final = 20.0


class LabTokens:
    """Tokens in a folder of the lab.

    Args:
        folder: Made when the first token is.

    Attributes:
        inserted: The tokens in the reader, in the order in which they were inserted.
    """

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self._module = next((path for path in _SOFTHSM if path.is_file()), None)
        if shutil.which("softhsm2-util") is None:
            self._module = None
        self.inserted: list[Token] = []

    @property
    def kind(self) -> str:
        """What the tokens are, for people."""
        return "SoftHSM2" if self._module else "PKCS#12 files"

    def make(self, number: str) -> Token:
        """Make a token of a number such as ``ADN008580ef``, with the password that every new token has.

        Raises:
            UsageError: There is such a token.
            SignerError: The token did not take its key.
        """
        made = make_file_token(self._folder / "files", number, now=datetime.now(UTC))
        if self._module is None:
            return made
        from cryptography.hazmat.primitives import serialization as form

        from mixedmode.pki.tokens.token_import import import_signer

        signer = made.open(DEFAULT_PASSWORD)
        self._initialise(made.label)
        der = signer.key.private_bytes(form.Encoding.DER, form.PrivateFormat.TraditionalOpenSSL, form.NoEncryption())
        token = import_signer(
            str(self._module), made.label, DEFAULT_PASSWORD, key_der=der, certificate=signer.certificate
        )
        shutil.rmtree(made.folder)
        return token

    def insert(self, *tokens: Token) -> None:
        """Have these tokens, and no others, in the reader."""
        self.inserted = list(tokens)

    async def read(self) -> list[Token]:
        """Return what is in the reader."""
        return list(self.inserted)

    def _initialise(self, label: str) -> None:
        place = self._folder / "softhsm"
        (place / "tokens").mkdir(parents=True, exist_ok=True)
        conf = place / "softhsm2.conf"
        conf.write_text(f"directories.tokendir = {(place / 'tokens').absolute()}\nlog.level = ERROR\n")
        os.environ["SOFTHSM2_CONF"] = str(conf.absolute())
        words = ["softhsm2-util", "--init-token", "--free", "--label", label, "--so-pin", "12345678"]
        done = subprocess.run(
            [*words, "--pin", DEFAULT_PASSWORD], capture_output=True, text=True, check=False, timeout=_SECONDS
        )
        if done.returncode != 0:
            raise UsageError("SoftHSM2 made no token", where=label, why=done.stderr.strip() or done.stdout.strip())
