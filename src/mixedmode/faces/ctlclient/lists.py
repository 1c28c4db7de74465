"""The lists that the CTL Client signs. Pure: a description of the cluster and tokens in, the file's bytes out.

Rules (figures.md, the two complete listings of such lists):

1. Layout ``ctlclient``: addresses as DNS names, no SIGNATURE field, tokens with an empty name and address 0.0.0.0.
2. The tokens that the present CTL has come first; without such a CTL, the one that was inserted first. Then each
   node's CCM+TFTP, the publisher's CAPF after its own. Then the tokens that are added, in order, and from 11.5 the
   publisher's ITLRecovery and CallManager as SAST.
3. In non-secure mode the CCM+TFTP records hold only name, function and address; each node has one.
4. A multi-server certificate stands once.
"""

from __future__ import annotations

from collections.abc import Sequence

from mixedmode.cluster.model.errors import INSERT_ANOTHER, TOKEN_NOT_IN_CTL
from mixedmode.errors import CheckFailedError, UsageError
from mixedmode.pki.certificates.certificates import Certificate
from mixedmode.pki.signing.digests import DigestAlgorithm
from mixedmode.pki.signing.signer import Signer
from mixedmode.protocols.ctlprovider import Action, Description, Mode
from mixedmode.trustlist import TrustList
from mixedmode.trustlist.build import RecordForm, RecordSpec, build_trust_list
from mixedmode.trustlist.kinds import CTL_FILE
from mixedmode.trustlist.roles import Layout, Role

LEAST_TOKENS = 2
_WHOLE = (Role.SAST, Role.CAPF)
"""Roles whose records keep their certificates in non-secure mode."""


def target_mode(description: Description, action: Action) -> Mode:
    """Return the mode that the cluster has after an action."""
    modes = {Action.MIXED: Mode.MIXED, Action.NON_SECURE: Mode.NON_SECURE, Action.UPDATE: description.mode}
    return modes[action]


def lacks_ctl(description: Description) -> bool:
    """Return whether the cluster is in mixed mode without a CTL file: the client warns then."""
    return description.mode is Mode.MIXED and description.ctl is None


def present_tokens(description: Description) -> list[Certificate]:
    """Return the security tokens of the present CTL, in its order; empty if it has none or there is none.

    Raises:
        MalformedError: The present CTL cannot be read.
    """
    own = {each.der for node in description.nodes for each in node.certificates}
    return [each for each in _anchors(description) if each.der not in own]


def check_token(description: Description, token: Certificate) -> None:
    """Check that a token may sign the next list, as the provider will (the seed's message).

    Raises:
        CheckFailedError: There is a CTL, and the token is not in it.
        MalformedError: The present CTL cannot be read.
    """
    if description.ctl is None or token in _anchors(description):
        return
    raise CheckFailedError(
        TOKEN_NOT_IN_CTL,
        where=token.common_name.strip(),
        next_step=INSERT_ANOTHER,
        code="token-not-in-ctl",
    )


def client_records(description: Description, tokens: Sequence[Certificate], mode: Mode) -> list[RecordSpec]:
    """Return the records of a new list in order.

    Args:
        description: Of the cluster.
        tokens: All that shall stand in it, in the order in which they were added.
        mode: The mode that the list announces.
    """
    before = present_tokens(description)
    first = [token for token in tokens if token in before] or list(tokens[:1])
    added = [token for token in tokens if token not in first]
    servers = _servers(description, mode)
    return [
        *(RecordSpec(Role.SAST, token) for token in first),
        *(spec for spec in servers if spec.role is not Role.SAST),
        *(RecordSpec(Role.SAST, token) for token in added),
        *(spec for spec in servers if spec.role is Role.SAST),
    ]


def client_list(
    description: Description, tokens: Sequence[Certificate], signer: Signer, mode: Mode, timestamp: int | None = None
) -> bytes:
    """Build and sign the cluster's next CTL.

    Args:
        description: Of the cluster, as the provider tells it.
        tokens: All that shall stand in the list, in the order in which they were added.
        signer: One of them.
        mode: The mode that the list announces.
        timestamp: Seconds since 1970; by default the cluster's present time.

    Raises:
        UsageError: There are too few tokens, the signer is none of them, or the list is too large for phones.
        SignerError: The token did not sign.
    """
    if len(set(tokens)) < max(LEAST_TOKENS, len(tokens)):
        raise UsageError(
            f"a CTL needs at least {LEAST_TOKENS} different security tokens",
            next_step="insert another security token and add it",
            code="ctl-tokens",
        )
    if signer.certificate not in tokens:
        raise UsageError("the token that signs is not one of the list's", where=signer.certificate.subject)
    return build_trust_list(
        client_records(description, tokens, mode),
        signer,
        timestamp=description.timestamp() if timestamp is None else timestamp,
        digest=DigestAlgorithm(description.digest),
        filename=CTL_FILE,
        layout=Layout.CTLCLIENT,
    )


def _servers(description: Description, mode: Mode) -> list[RecordSpec]:
    specs: list[RecordSpec] = []
    seen: set[tuple[Role | None, bytes]] = set()
    for node in description.nodes:
        for each in node.certificates:
            role = Role(each.role)
            key = (role if role in _WHOLE else None, each.der)
            if mode is Mode.NON_SECURE and role not in _WHOLE:
                specs.append(RecordSpec(role, ip_address=node.address, form=RecordForm.ADDRESS))
            elif key not in seen:
                specs.append(RecordSpec(role, Certificate(each.der), ip_address=node.address))
            seen.add(key)
    return specs


def _anchors(description: Description) -> list[Certificate]:
    if description.ctl is None:
        return []
    records = TrustList.parse(description.ctl).records
    return [each.certificate for each in records if each.is_sast() and each.certificate is not None]
