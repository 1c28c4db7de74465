"""The security tokens that are plugged into this host, and the certificates that stand in for those that are not known.

PKCS#11 tokens are those of the library that ``MIXEDMODE_PKCS11_MODULE`` names in the environment of the process; file
tokens, for labs, are in the folder ``tokens`` of the cluster, or where ``MIXEDMODE_TOKENS`` says.
"""

from __future__ import annotations

import os
from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import TYPE_CHECKING

from mixedmode.errors import UsageError
from mixedmode.faces.ctlclient.inserted import inserted_tokens, token_folder
from mixedmode.guides.lists import chosen_certificate, tokens_in
from mixedmode.pki.certificates.certificates import Certificate
from mixedmode.pki.tokens.token_find import MODULE_VARIABLE
from mixedmode.procedures.facts import Token
from mixedmode.trustlist.model import TrustList

if TYPE_CHECKING:
    from mixedmode.cluster.facade import Cluster
    from mixedmode.faces.ctlclient.wizard import Token as Plugged


def plugged_tokens(cluster: Cluster) -> list[Plugged]:
    """Return the tokens that can be used on this host now.

    Raises:
        SignerError: The PKCS#11 library fails.
    """
    return inserted_tokens(token_folder(None, cluster.directory), os.environ.get(MODULE_VARIABLE) or None)


def tokens_labelled(tokens: Sequence[Plugged], labels: Sequence[str]) -> list[Plugged]:
    """Return tokens by their labels, in this order.

    Raises:
        UsageError: One of them is not plugged in.
    """
    by_label: dict[str, Plugged] = {}
    for each in tokens:
        by_label.setdefault(each.label, each)
    for label in labels:
        if label not in by_label:
            raise UsageError(f"the token {label!r} is not plugged in", next_step="insert it, and look again")
    return [by_label[label] for label in labels]


class StandIns:
    """Certificates for tokens that a run does not know yet: those of the CTL file, then made ones.

    Args:
        choices: What the run knows.
        ctl: The publisher's CTL file.
        now: For those that are made.
    """

    def __init__(self, choices: Mapping[str, str], ctl: TrustList | None, now: datetime) -> None:
        self._known: dict[Token, Certificate] = {}
        for token in Token:
            found = chosen_certificate(choices, token)
            if found is not None:
                self._known[token] = found
        self._spare = [each for each in tokens_in(ctl) if each not in self._known.values()]
        self._now = now

    def certificate(self, token: Token) -> Certificate:
        """Return a token's certificate, or one that stands in for it."""
        if token not in self._known:
            spare = token is not Token.NEW and self._spare
            self._known[token] = self._spare.pop(0) if spare else self._made(token)
        return self._known[token]

    def _made(self, token: Token) -> Certificate:
        from mixedmode.pki.certificates.profiles import KeyKind, Purpose, generate_key, self_signed, token_subject

        number = list(Token).index(token)
        subject, key = token_subject(f"ADN{number:08x}"), generate_key(KeyKind.RSA_2048)
        return self_signed(Purpose.TOKEN, subject=subject, key=key, now=self._now, serial=1 << 64 | number)
