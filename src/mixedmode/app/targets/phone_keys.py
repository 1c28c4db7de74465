"""A phone's keys in files: read, and put back as CAPF left them."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

from mixedmode.errors import UsageError
from mixedmode.faces.terminal.unusual import warn_of_open_key

if TYPE_CHECKING:
    from mixedmode.phone.body.capf import Outcome
    from mixedmode.pki.signing.signer import SoftwareSigner


def read_key(path: Path | None, *, missing: bool = False) -> SoftwareSigner | None:
    """Return the key and certificate of a PEM file.

    Args:
        path: The file; None for none.
        missing: Whether the file may be missing: then there is no key yet.

    Raises:
        UsageError: It cannot be read, or the key is behind a token.
    """
    from mixedmode.pki.certificates.load import load_signer
    from mixedmode.pki.signing.signer import SoftwareSigner

    if path is None or (missing and not path.exists()):
        return None
    warn_of_open_key(path)
    signer = load_signer(str(path))
    if not isinstance(signer, SoftwareSigner):
        raise UsageError("the phone needs the key itself", where=str(path))
    return signer


def read_digits(path: Path | None) -> str:
    """Return the digits that somebody types on the phone, empty without a file."""
    from mixedmode.pki.files import read_key_file

    return "" if path is None else read_key_file(path).decode("utf-8", "replace").strip()


def keep(outcome: Outcome, path: Path) -> None:
    """Write the LSC that a phone has now, or remove the file if it has none any more."""
    from mixedmode.pki.certificates.load import private_key_pem
    from mixedmode.pki.files import PRIVATE, write_atomic

    if outcome.did == "installed" and outcome.lsc is not None:
        write_atomic(path, private_key_pem(outcome.lsc.key) + outcome.lsc.certificate.pem(), mode=PRIVATE)
    elif outcome.did == "removed":
        path.unlink(missing_ok=True)
