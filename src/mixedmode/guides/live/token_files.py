"""The certificates of security tokens, as files that a person names."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

from mixedmode.guides.lists import choices_of, chosen_certificate
from mixedmode.pki.certificates.load import load_certificate
from mixedmode.procedures.facts import Token
from mixedmode.procedures.steps import Act, CtlClient, ImportToken


def missing_tokens(act: Act, choices: Mapping[str, str]) -> list[Token]:
    """Return the tokens of an act whose certificates are not known yet."""
    tokens = act.tokens if isinstance(act, CtlClient) else (act.token,) if isinstance(act, ImportToken) else ()
    return [token for token in tokens if chosen_certificate(choices, token) is None]


def token_choice(token: Token, path: str) -> dict[str, str]:
    """Return what a run keeps of a token, by the file of its certificate.

    Raises:
        MixedModeError: It cannot be read, or is no certificate.
    """
    return choices_of({token: load_certificate(Path(path).expanduser())})
