"""What ``show ctl`` printed, as far as procedures ask: PURE.

The listing is read by :mod:`mixedmode.trustlist.pasted`. Certificates are known by the hash that is printed of them;
whoever holds the certificates says which they are.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Final

from mixedmode.procedures.facts import ListFacts
from mixedmode.trustlist.pasted.reading import read_listings
from mixedmode.trustlist.pasted.values import ShownList, ShownRecord
from mixedmode.trustlist.roles import Role

_NONE: Final = "CTL File not found"
_SERVERS: Final = (Role.CCM, Role.CCM_TFTP)


@dataclass(frozen=True, slots=True)
class Listing:
    """A listing.

    Attributes:
        shown: What it shows, None if that is no list.
        none: Whether the node says that there is no file.
    """

    shown: ShownList | None
    none: bool

    @property
    def md5(self) -> str | None:
        """Of the file, None if it is not shown."""
        return None if self.shown is None else self.shown.md5

    @property
    def records(self) -> Sequence[ShownRecord]:
        """In order."""
        return () if self.shown is None else tuple(self.shown.records)

    def facts(self, sha256_of: Callable[[str], str | None]) -> ListFacts | None:
        """Return it as the facts of a list, None if there is no file.

        Args:
            sha256_of: Knows certificates by their SHA-1. One that nobody knows gets a name that is no hash.
        """
        shown = self.shown
        if shown is None or shown.md5 is None or shown.sha1 is None:
            return None

        def name(sha1: str) -> str:
            return sha256_of(sha1) or f"sha1:{sha1}"

        named = [(each, name(each.certificate_sha1)) for each in shown.records if each.certificate_sha1]
        signers = [certificate for each, certificate in named if each.signed]
        return ListFacts(
            shown.md5,
            shown.sha1,
            shown.length or 0,
            shown.serial_of_signer(),
            signers[0] if shown.verified and signers else None,
            frozenset(certificate for _, certificate in named),
            sum(each.role in _SERVERS for each, _ in named),
        )


def read_listing(said: Sequence[str]) -> Listing:
    """Read what ``show ctl`` printed; what is no listing has neither checksums nor records."""
    if any(line.strip().startswith(_NONE) for line in said):
        return Listing(None, none=True)
    found = [each for each in read_listings(list(said)) if each.kind == "CTL"]
    return Listing(found[-1] if found else None, none=False)
