"""Opening a signed file in the one safe order.

1. Parse. 2. Find the signer in the trust list and verify the signature. 3. Check the name, if one was asked for.
4. Only then decrypt. Nothing of the content leaves before all of that holds.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from mixedmode.errors import UsageError
from mixedmode.signedfile.encrypted import decrypt
from mixedmode.signedfile.signed import SignedFile

if TYPE_CHECKING:
    from mixedmode.pki.signing.signer import PrivateKey
    from mixedmode.trustlist.model import Record, TrustList


@dataclass(frozen=True, slots=True)
class OpenedFile:
    """A file that passed every check.

    Attributes:
        content: The content, decrypted if it was encrypted.
        file: The signed file.
        record: The record of the trust list that vouches for it.
    """

    content: bytes = field(repr=False)
    file: SignedFile
    record: Record


def open_file(
    data: bytes, trust_list: TrustList, *, filename: str | None = None, key: PrivateKey | None = None
) -> OpenedFile:
    """Return the content of a signed file if everything about it holds.

    Args:
        data: The file.
        trust_list: Whose TFTP and CCM+TFTP records may vouch; the caller trusts it.
        filename: The name that was asked for, None if nobody asked by name.
        key: The phone's private key, for an encrypted file.

    Raises:
        MalformedError: The file, or the signer's certificate in the list, breaks its format.
        UnknownSignerError: No record of the list is the signer's.
        BadSignatureError: The signature does not hold.
        WrongFilenameError: It was signed under another name.
        UsageError: It is encrypted and no key was given.
        DecryptError: It does not decrypt.
    """
    file = SignedFile.parse(data)
    record = file.verify(trust_list)
    if filename is not None:
        file.check_filename(filename)
    if not file.is_encrypted:
        return OpenedFile(file.payload, file, record)
    if key is None:
        raise UsageError(
            "the file is encrypted and needs the phone's private key",
            code="key_needed",
            next_step="give the private key of the phone's LSC or MIC, such as with --key",
        )
    return OpenedFile(decrypt(file, key), file, record)
