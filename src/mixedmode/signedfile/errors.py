"""Why a signed file is not opened; each is a check that does not hold (exit code 1)."""

from __future__ import annotations

from mixedmode.errors import CheckFailedError


class UnknownSignerError(CheckFailedError):
    """No TFTP or CCM+TFTP record of the trust list is the file's signer."""

    default_code = "unknown_signer"


class BadSignatureError(CheckFailedError):
    """The signature does not hold: the file was changed or damaged after it was signed."""

    default_code = "bad_signature"


class WrongFilenameError(CheckFailedError):
    """The file carries another name than the one asked for: it was meant for another phone or purpose."""

    default_code = "wrong_filename"


class DecryptError(CheckFailedError):
    """An encrypted file did not decrypt. One error for every cause, so that it tells nothing to a prober."""

    default_code = "decrypt"

    def __init__(self) -> None:
        super().__init__(
            "the file cannot be decrypted with this key",
            why="it was encrypted for another phone or another certificate, or was broken before it was signed",
            next_step="use the private key of the phone's current LSC, or its MIC; compare the stub's certHash",
        )
