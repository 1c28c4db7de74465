"""The CTL file that is being put together in the CTL Client. Pure: the wizard and scripts show and fill it.

Rules:

1. While there is a CTL file, the first token inserted must be one of its tokens; nothing else can be added before.
2. The tokens of the present CTL file stay in the list. A token stands once.
3. A new CTL file needs at least two tokens (cucm-admin.md 4).
4. While there is a CTL file, one of its tokens signs, so that phones believe the new one; else the last one added.
"""

from __future__ import annotations

from dataclasses import dataclass

from mixedmode.errors import UsageError
from mixedmode.faces.ctlclient.lists import (
    LEAST_TOKENS,
    check_token,
    client_list,
    client_records,
    present_tokens,
    target_mode,
)
from mixedmode.pki.certificates.certificates import Certificate
from mixedmode.pki.signing.signer import Signer
from mixedmode.protocols.ctlprovider import Action, Description, Mode
from mixedmode.trustlist.roles import Role

MISSING_CTL = (
    "No CTL File exists on the server but the Call Manager Cluster Security Mode is in Secure Mode.",
    "For the system to function, you must create the CTL File and set Call Manager Cluster the Secure Mode.",
)
"""The seed's warning after the login, when :func:`.lists.lacks_ctl` holds."""
ACTIONS = {
    Action.MIXED: "Set Cluster to Mixed Mode",
    Action.NON_SECURE: "Set Cluster to Non-Secure Mode",
    Action.UPDATE: "Update CTL File",
}


@dataclass(frozen=True, slots=True)
class Entry:
    """A line of the list as the client shows it.

    Attributes:
        kind: ``Security Token``, ``CCM+TFTP``, ``CAPF`` ...
        address: Of the server; empty for tokens.
        subject: Of the certificate; empty where the record holds none.
        issuer: Of the certificate.
    """

    kind: str
    address: str
    subject: str
    issuer: str


class Draft:
    """A CTL file in the making.

    Args:
        description: The cluster, as its provider tells.
        action: What the administrator chose.

    Raises:
        UsageError: The version takes no lists from tokens, or there is nothing to update.
    """

    def __init__(self, description: Description, action: Action) -> None:
        if not description.takes_tokens:
            raise UsageError(f"version {description.version} takes no CTL files from security tokens")
        if action is Action.NON_SECURE and description.ctl is None:
            raise UsageError("there is no CTL file to set the cluster to non-secure mode with")
        self.description = description
        self.action = action
        self.tokens = present_tokens(description)
        self._present = tuple(self.tokens)
        self._begun = False

    @property
    def mode(self) -> Mode:
        """The mode that the list announces."""
        return target_mode(self.description, self.action)

    @property
    def lacking(self) -> int:
        """How many tokens are missing still (rule 3)."""
        return max(LEAST_TOKENS - len(self.tokens), 0)

    def check(self, token: Certificate) -> None:
        """Check that a token may be added.

        Raises:
            CheckFailedError: It is the first one, and not in the present CTL file (rule 1; the seed's message).
            UsageError: It is no token's certificate, or in the list already.
        """
        if not self._begun:
            check_token(self.description, token)
        elif token in self.tokens:
            raise UsageError("this Security Token is in the list already", where=token.common_name.strip())

    def add(self, token: Certificate) -> None:
        """Add a token.

        Raises:
            CheckFailedError: See :meth:`check`.
            UsageError: See :meth:`check`.
        """
        self.check(token)
        self._begun = True
        if token not in self.tokens:
            self.tokens.append(token)

    def may_sign(self, token: Certificate) -> bool:
        """Return whether phones that hold the present CTL file believe a token (rule 4)."""
        return not self._present or token in self._present

    def entries(self) -> list[Entry]:
        """Return the list as the client shows it."""
        found = []
        for spec in client_records(self.description, self.tokens, self.mode):
            certificate = spec.certificate
            is_token = spec.role is Role.SAST and certificate in self.tokens
            found.append(
                Entry(
                    "Security Token" if is_token else spec.role.label,
                    "" if is_token else spec.ip_address or "",
                    certificate.subject if certificate else "",
                    certificate.issuer if certificate else "",
                )
            )
        return found

    def sign(self, signer: Signer) -> bytes:
        """Return the signed file.

        Raises:
            UsageError: There are too few tokens, or the file is too large for phones.
            SignerError: The token did not sign.
        """
        return client_list(self.description, self.tokens, signer, self.mode)
