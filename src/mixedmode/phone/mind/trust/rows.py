"""Which row of phone-trust.md 2.2 a decision about a trust list is, by what the phone holds and who signed."""

from __future__ import annotations

from typing import TYPE_CHECKING

from mixedmode.phone.mind.trust.decisions import ListKind, Row, Voucher
from mixedmode.phone.mind.trust.lookup import same_signer

if TYPE_CHECKING:
    from mixedmode.phone.mind.trust.state import TrustState
    from mixedmode.trustlist.header import Header

WRONG_KIND_ROW = "18b"
ROLLBACK_ROW = 15
FIRST_CTL_ROW = 5

_UNKNOWN: dict[tuple[bool, ListKind], tuple[Row, Row]] = {
    (False, ListKind.CTL): (FIRST_CTL_ROW, "15b"),
    (False, ListKind.ITL): (8, ROLLBACK_ROW),
    (True, ListKind.CTL): (12, 14),
    (True, ListKind.ITL): (13, "14b"),
}
"""By whether a CTL is held and what is offered: the row for an unknown signer, without and with a blanked ITL."""


def first_row(kind: ListKind, *, legacy: bool) -> Row:
    """Return the row of a list that comes to a phone without any."""
    return 16 if legacy else 1 if kind is ListKind.CTL else 2


def known_row(state: TrustState, kind: ListKind, source: Voucher, header: Header, *, legacy: bool) -> Row:
    """Return the row of a list whose signer stands in a stored list."""
    if legacy:
        return 17
    if state.ctl is None:
        if kind is ListKind.CTL:
            return 4
        return 6 if state.itl is not None and same_signer(state.itl.header, header) else 7
    by_itl = source is Voucher.ITL
    if kind is ListKind.CTL:
        return 11 if by_itl else 9
    return "10b" if by_itl else 10


def unknown_row(state: TrustState, kind: ListKind, *, blanked: bool, legacy: bool) -> Row:
    """Return the row of a list whose signer no stored list names; ``blanked``: so is the stored ITL."""
    return 18 if legacy else _UNKNOWN[state.ctl is not None, kind][blanked]
