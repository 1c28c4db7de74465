"""What the end of each certificate does to phones, how it is renewed, when, and before what.

Phones outside of FIPS mode are believed not to look at the dates of a list's signer (phone-trust.md 2.1); TLS fails at
the end of a server's or phone's certificate. Order and one at a time: phone-trust.md 7, cucm-admin.md 3. Days: 180 and
60 before the end, of LSCs 90 and 30 (live-cluster.md 8.2).
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

from mixedmode.expiry.values import Use


@dataclass(frozen=True, slots=True)
class Meaning:
    """What there is to know of a use.

    Attributes:
        order: Whose turn it is among certificates that are due together; lower first.
        anchor: Whether phones would lose an anchor of trust with it, so that no two go together.
        effect: What the end does to phones.
        steps: How it is renewed.
        opens: Days before the end at which renewing begins.
        closes: Days before the end at which it should be done.
    """

    order: int
    anchor: bool
    effect: str
    steps: str
    opens: int = 180
    closes: int = 60


_WAIT: Final = "reset the phones and wait until every one shows the new hash"
_CTL: Final = "in mixed mode utils ctl update CTLFile"
MEANINGS: Final[dict[Use, Meaning]] = {
    Use.TVS: Meaning(
        1, True,
        "phones' TLS to TVS fails: they can ask about no new signer, HTTPS services of phones stop (Host not found), "
        "and "
        "the next change of a signer locks them out",
        f"set cert regen TVS on one node at a time; restart TVS; restart Tftp; {_WAIT} before the next one",
    ),
    Use.CAPF: Meaning(
        2, False,
        "LSCs that it issued are no longer accepted where dates are checked, and phones get no new ones; 802.1X "
        "fails too",
        f"set cert regen CAPF on the publisher; {_CTL}; restart CAPF, TVS, Tftp and CallManager; {_WAIT}; issue "
        f"every LSC "
        "again; give RADIUS the new certificate",
    ),
    Use.ITLRECOVERY: Meaning(
        3, True,
        "the anchor of recovery: phones in FIPS mode refuse lists that it signs; utils itl reset and utils ctl reset "
        "are of "
        "no use to them",
        f"never with CallManager: set cert regen ITLRecovery; {_CTL}; restart TVS and Tftp; {_WAIT}; then file get "
        f"tftp "
        "ITLRecovery.p12, and a new backup",
    ),
    Use.CALLMANAGER: Meaning(
        4, True,
        "secure phones of its node cannot register (TLS on 2443 and 5061), and files over 6971 stop; it signs "
        "configurations "
        "and, before 12.0, the lists",
        f"last of all, one node at a time: set cert regen CallManager; {_CTL}; restart CallManager, CTIManager and "
        f"Tftp; "
        f"{_WAIT}; a new backup",
    ),
    Use.CALLMANAGER_ECDSA: Meaning(
        4, False,
        "phones that negotiate ECDSA cannot register securely, or take files over 6971",
        f"set cert regen CallManager-ECDSA; {_CTL}; restart CallManager and Tftp; {_WAIT}",
    ),
    Use.TOKEN: Meaning(
        5, True,
        "a list that it signs is refused by phones that look at dates; without a valid token the CTL Client signs no "
        "more, "
        "and phones that know only the tokens follow nobody else",
        "go to tokenless while the token can still sign: upload both tokens' certificates as Phone-SAST-trust, then "
        "utils "
        f"ctl update CTLFile; {_WAIT}. From 14SU3 tokens are not supported",
        365, 120,
    ),
    Use.LSC: Meaning(
        6, False,
        "the phone cannot register in an authenticated or encrypted mode, and cannot show itself to TVS and 802.1X",
        "order a new LSC (Install/Upgrade) while the old one holds, or the phone can prove itself only by its MIC or a "
        "string typed at it",
        90, 30,
    ),
    Use.MIC: Meaning(
        7, False,
        "the phone can prove itself to CAPF no more but by its LSC or a string typed at it; it cannot be renewed",
        "give the phone an LSC before; a MIC is burnt in",
        365, 90,
    ),
    Use.TOMCAT: Meaning(
        8, False,
        "pages, AXL and HTTPS services of phones fail, directory and Extension Mobility among them; no list changes",
        "set cert regen tomcat; restart Cisco Tomcat",
    ),
    Use.TOMCAT_ECDSA: Meaning(
        8, False, "pages and AXL fail where ECDSA is negotiated", "set cert regen tomcat-ECDSA; restart Cisco Tomcat",
    ),
    Use.IPSEC: Meaning(
        9, False, "backups (DRF) between the nodes fail; phones notice nothing",
        "set cert regen ipsec; restart DRF Master and Local",
    ),
    Use.OTHER: Meaning(
        10, False, "what it vouches for is not known", "find out who uses it, and renew or delete it",
    ),
}  # fmt: skip
