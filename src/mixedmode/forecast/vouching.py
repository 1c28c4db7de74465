"""What TVS vouches for, and what an upload into a trust store adds to it (phone-trust.md 3.4)."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from enum import StrEnum
from typing import Final

from mixedmode.errors import MalformedError
from mixedmode.phone.mind.trust.decisions import TVS_UNKNOWN, TvsAnswer, TvsOutcome, TvsQuestion
from mixedmode.pki.certificates.certificates import Certificate
from mixedmode.pki.certificates.names import serial_matches
from mixedmode.trustlist.roles import Role

EVERY_ROLE: Final = frozenset(role.value for role in Role)


class Store(StrEnum):
    """A trust store that an upload may go into."""

    PHONE_SAST = "Phone-SAST-trust"
    CALLMANAGER = "CallManager-trust"

    @property
    def roles(self) -> frozenset[int]:
        """The roles that TVS gives to a foreign certificate in it, as wire codes."""
        return frozenset({Role.SAST.value if self is Store.PHONE_SAST else Role.TFTP.value})


@dataclass(frozen=True, slots=True)
class Upload:
    """A certificate goes into a trust store.

    Attributes:
        certificate: Which.
        store: Where.
    """

    certificate: Certificate
    store: Store = Store.PHONE_SAST


@dataclass(frozen=True, slots=True)
class Vouched:
    """What TVS vouches for; it is asked like a function, so that servers are the same that say the same.

    Attributes:
        roles: Wire codes of the roles that it gives, by certificate.
    """

    roles: tuple[tuple[Certificate, frozenset[int]], ...] = ()
    _hash: int = field(default=0, init=False, repr=False, compare=False)

    def __hash__(self) -> int:
        if not self._hash:
            object.__setattr__(self, "_hash", hash(self.roles))
        return self._hash

    def __call__(self, question: TvsQuestion) -> TvsAnswer:
        """Answer as TVS would that holds these certificates."""
        for certificate, roles in self.roles:
            if _is_meant(certificate, question):
                return TvsAnswer(TvsOutcome.KNOWN, certificate, roles)
        return TVS_UNKNOWN

    def after(self, uploads: Sequence[Upload]) -> Vouched:
        """Return the same after certificates went into trust stores."""
        if not uploads:
            return self
        roles = dict(self.roles)
        for each in uploads:
            roles[each.certificate] = roles.get(each.certificate, frozenset()) | each.store.roles
        return Vouched(tuple(roles.items()))


def _is_meant(certificate: Certificate, question: TvsQuestion) -> bool:
    try:
        return serial_matches(question.serial, certificate.serial) and certificate.has_issuer(question.issuer)
    except MalformedError:
        return False
