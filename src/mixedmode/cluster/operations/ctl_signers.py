"""Who may sign the cluster's next CTL with a token, and how new must it be? Reads the present list and the journal.

Rules:

1. The signer is in the present CTL. Where the publisher has none (new, or deleted to change the anchor), phones that
   hold the last one must be able to believe the signer: it was in that list, or it is in Phone-SAST-trust so that TVS
   vouches for it. Otherwise the administrator deletes the phones' CTL files by hand, and says so.
2. A list is newer than every list before it, also than one that was deleted since: the journal remembers.
"""

from __future__ import annotations

from dataclasses import dataclass

from sqlalchemy import select
from sqlalchemy.orm import Session

from mixedmode.cluster.authority.token_ctl import CtlRefusedError
from mixedmode.cluster.engine.memory import Memory
from mixedmode.cluster.engine.results import DONE
from mixedmode.cluster.model.errors import INSERT_ANOTHER, TOKEN_NOT_IN_CTL, PreconditionError
from mixedmode.cluster.operations.ctl import ResetCtl, SetMixedMode, SetNonSecureMode, UpdateCtl
from mixedmode.cluster.store.schema import OperationRow
from mixedmode.cluster.store.state import ClusterState
from mixedmode.errors import MalformedError
from mixedmode.pki.certificates.certificates import Certificate
from mixedmode.trustlist import TrustList
from mixedmode.trustlist.kinds import CTL_FILE

INSTALL = "ctl client install"
_TOKENLESS = tuple(kind.title for kind in (SetMixedMode, SetNonSecureMode, UpdateCtl, ResetCtl))
_TRUST_STORE = "Phone-SAST-trust"


class TokenNotInCtlError(CtlRefusedError):
    """The phones' CTL does not know the token that signed (rule 1)."""

    default_code = "token-not-in-ctl"


@dataclass(frozen=True, slots=True)
class History:
    """The lists before.

    Attributes:
        newest: The highest timestamp, 0 if there was no list.
        last_tokens: SHA-256 of the tokens in the last list.
        was_any: Whether phones may hold a list.
    """

    newest: int
    last_tokens: frozenset[str]
    was_any: bool


def history(state: ClusterState) -> History:
    """Return what is known of the cluster's lists up to now (rule 2)."""

    def latest(session: Session, *names: str) -> OperationRow | None:
        query = select(OperationRow).where(OperationRow.name.in_(names), OperationRow.state == DONE)
        return session.scalars(query.order_by(OperationRow.id.desc())).first()

    with state.database.read() as session:
        by_tokens, tokenless = latest(session, INSTALL), latest(session, *_TOKENLESS)
        times = [0, present_timestamp(state)]
        if by_tokens is not None:
            times.append(Memory.of(by_tokens.memory, by_tokens.id).timestamp)
        if tokenless is not None:
            times.append(int(tokenless.started.timestamp()))
        is_last = by_tokens is not None and (tokenless is None or by_tokens.id > tokenless.id)
        tokens = Memory.of(by_tokens.memory, by_tokens.id).tokens if by_tokens is not None and is_last else ()
        return History(max(times), frozenset(tokens), max(times) > 0)


def present_timestamp(state: ClusterState) -> int:
    """Return the timestamp of the publisher's present list, 0 if there is none to read."""
    data = state.folder(state.publisher.name).read(CTL_FILE)
    try:
        return 0 if data is None else TrustList.parse(data).header.timestamp or 0
    except MalformedError:
        return 0


def check_signer(state: ClusterState, signer: Certificate, before: History, *, phones_cleared: bool) -> list[str]:
    """Return warnings if a token may sign the next list (rule 1).

    Raises:
        TokenNotInCtlError: It may not.
        PreconditionError: The present list cannot be read.
    """
    publisher = state.publisher.name
    present = state.folder(publisher).read(CTL_FILE)
    if present is not None:
        if signer in _anchors(present):
            return []
        raise TokenNotInCtlError(
            TOKEN_NOT_IN_CTL,
            where=signer.common_name.strip(),
            why=f"the present {CTL_FILE} of {publisher} has other anchors; to change them, upload the certificates of "
            f"both tokens as {_TRUST_STORE} and delete {CTL_FILE} on the publisher (file delete tftp {CTL_FILE})",
            next_step=INSERT_ANOTHER,
        )
    if not before.was_any or signer.sha256.hex() in before.last_tokens:
        return []
    if any(each.certificate == signer for each in state.certificates.list_trust(_TRUST_STORE)):
        return []
    if phones_cleared or not state.version.has_trust_verification:
        return [f"Delete the CTL file on every phone: none trusts {signer.common_name.strip()} yet."]
    raise TokenNotInCtlError(
        TOKEN_NOT_IN_CTL,
        where=signer.common_name.strip(),
        why="phones hold the last CTL file, which does not know this token, and TVS does not vouch for it either",
        next_step=f"upload the token's certificate as {_TRUST_STORE} first, or delete the CTL file on every phone by "
        "hand and say so",
    )


def _anchors(present: bytes) -> list[Certificate]:
    try:
        records = TrustList.parse(present).records
    except MalformedError as error:
        raise PreconditionError(
            f"the present {CTL_FILE} cannot be read", why=str(error), next_step=f"file delete tftp {CTL_FILE}"
        ) from error
    return [each.certificate for each in records if each.is_sast() and each.certificate is not None]
