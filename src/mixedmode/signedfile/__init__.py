"""Signed and encrypted files: ``.sgn``, ``.enc.sgn`` with its stub, ``.cop.sgn`` (wire-formats.md 2, 3, 8).

PURE: no socket, clock, database or file; keys for encryption, the time and randomness are arguments.

* :mod:`.signed` -- parse, sign, and find who vouches in a trust list.
* :mod:`.encrypted` -- the encrypted layer; :mod:`.stub` -- the small file beside it.
* :mod:`.opening` -- the one safe order: verify, check the name, then decrypt.
"""

from mixedmode.signedfile.encrypted import EncryptedConfig, Secrets, encrypt_config, encrypt_file
from mixedmode.signedfile.errors import BadSignatureError, DecryptError, UnknownSignerError, WrongFilenameError
from mixedmode.signedfile.opening import OpenedFile, open_file
from mixedmode.signedfile.signed import SignedFile, sign_file

__all__ = [
    "BadSignatureError",
    "DecryptError",
    "EncryptedConfig",
    "OpenedFile",
    "Secrets",
    "SignedFile",
    "UnknownSignerError",
    "WrongFilenameError",
    "encrypt_config",
    "encrypt_file",
    "open_file",
    "sign_file",
]
