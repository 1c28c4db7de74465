"""Real PKCS#11 tokens: SoftHSM2 with a configuration of its own for the whole test process."""

from __future__ import annotations

import os
import subprocess
from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path

import pytest

from mixedmode.pki.certificates.certificates import Certificate
from mixedmode.pki.signing.signer import SoftwareSigner
from mixedmode.pki.tokens.pkcs11 import Pkcs11Token
from mixedmode.pki.tokens.token_files import DEFAULT_PASSWORD, make_file_token
from mixedmode.pki.tokens.token_find import KNOWN_MODULES
from mixedmode.pki.tokens.token_import import import_signer

MODULE = next(path for path in KNOWN_MODULES if "softhsm" in path and Path(path).is_file())

OFFICER_PIN = "12345678"


class SoftHsm:
    """A folder of tokens."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.tokens = folder / "tokens"
        self.tokens.mkdir()
        self.conf = folder / "softhsm2.conf"
        self.conf.write_text(f"directories.tokendir = {self.tokens}\nobjectstore.backend = file\nlog.level = ERROR\n")
        os.environ["SOFTHSM2_CONF"] = str(self.conf)

    def make(self, number: str) -> tuple[Pkcs11Token, Certificate]:
        """Initialise a token and put the key and certificate of a lab's token onto it."""
        label = f"SAST-{number}"
        command = ["softhsm2-util", "--init-token", "--free", "--label", label]
        subprocess.run([*command, "--pin", DEFAULT_PASSWORD, "--so-pin", OFFICER_PIN], check=True, capture_output=True)
        made = make_file_token(self.folder / "files", number, now=datetime.now(UTC)).open(DEFAULT_PASSWORD)
        return self.put(label, made), made.certificate

    def put(self, label: str, made: SoftwareSigner) -> Pkcs11Token:
        from cryptography.hazmat.primitives import serialization as form

        der = made.key.private_bytes(form.Encoding.DER, form.PrivateFormat.TraditionalOpenSSL, form.NoEncryption())
        return import_signer(MODULE, label, DEFAULT_PASSWORD, key_der=der, certificate=made.certificate)


@pytest.fixture(scope="session")
def softhsm(tmp_path_factory: pytest.TempPathFactory) -> Iterator[SoftHsm]:
    before = os.environ.get("SOFTHSM2_CONF")
    yield SoftHsm(tmp_path_factory.mktemp("softhsm"))
    if before is None:
        os.environ.pop("SOFTHSM2_CONF", None)
    else:
        os.environ["SOFTHSM2_CONF"] = before
