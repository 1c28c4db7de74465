"""Security tokens on the pages of guided runs: those plugged into this host, and certificates that come as files."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

from mixedmode.errors import MixedModeError, UsageError
from mixedmode.faces.web.kit.asking import Ask
from mixedmode.guides.hands import Inserted
from mixedmode.guides.kept import Opened
from mixedmode.guides.plugged import plugged_tokens, tokens_labelled
from mixedmode.pki.certificates.certificates import Certificate
from mixedmode.procedures.facts import Token
from mixedmode.procedures.steps import CtlClient, ImportToken

if TYPE_CHECKING:
    from mixedmode.cluster.facade import Cluster

_FILE_BYTES: Final = 32 << 10


@dataclass(frozen=True, slots=True)
class ShownToken:
    """A token that is plugged in.

    Attributes:
        label: Its name on the reader.
        subject: Of its certificate.
    """

    label: str
    subject: str


def shown_tokens(cluster: Cluster) -> list[ShownToken]:
    """Return the tokens that are plugged into this host; none if the library fails."""
    try:
        return [ShownToken(each.label, each.certificate.subject) for each in plugged_tokens(cluster)]
    except MixedModeError:
        return []


def certificates_of(ask: Ask) -> dict[Token, Certificate]:
    """Return the certificates of tokens that a form brings: as files, or of tokens that are plugged in.

    Raises:
        UsageError: A file is no certificate, holds a private key, or a token is not plugged in.
    """
    found: dict[Token, Certificate] = {}
    for token in Token:
        upload, label = ask.files.get(f"certificate-{token.name}"), ask.form.get(f"label-{token.name}", "")
        if upload is not None and upload.data:
            found[token] = _certificate(upload.data)
        elif label:
            found[token] = tokens_labelled(plugged_tokens(ask.cluster), [label])[0].certificate
    return found


def _certificate(data: bytes) -> Certificate:
    if len(data) > _FILE_BYTES:
        raise UsageError("this file is too long for a certificate", next_step="export the certificate alone")
    if b"PRIVATE KEY" in data:
        raise UsageError(
            "this file holds a private key; nothing was kept", next_step="export the certificate alone, as .cer or .pem"
        )
    return Certificate.from_pem(data) if b"-----BEGIN" in data else Certificate.from_der(data)


def inserted_of(ask: Ask, opened: Opened, at: int) -> Inserted | None:
    """Return the tokens of this host that a form names for a step of the CTL Client, None if it names none.

    Raises:
        UsageError: One is not plugged in, or the password is missing.
    """
    if not 0 <= at < len(opened.steps):
        return None
    act = opened.steps[at].act
    if isinstance(act, ImportToken) or not isinstance(act, CtlClient) or ask.form.get("elsewhere") == "yes":
        return None
    labels = [ask.form.get(f"label-{token.name}", "") for token in act.tokens]
    if not all(labels):
        raise UsageError("a token is not chosen", next_step="insert it and choose it, or sign on another PC")
    if len(set(labels)) != len(labels):
        raise UsageError("the same token is chosen twice", next_step="choose two different ones")
    password = ask.form.get("password", "")
    if not password:
        raise UsageError("the token's password is missing", where="password", next_step="type it")
    return Inserted(tuple(tokens_labelled(plugged_tokens(ask.cluster), labels)), password)
