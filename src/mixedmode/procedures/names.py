"""The procedures by name, for help and completion, which start with every command: no definition is loaded for them."""

from __future__ import annotations

from typing import Final

SUMMARIES: Final = {
    "non-secure-to-mixed": "no CTL, utils ctl set-cluster mixed-mode, phones install the CTL",
    "mixed-to-non-secure": "the way back: the CTL stays, without a call manager's certificate",
    "regenerate-callmanager": "a new CallManager certificate; phones follow through TVS",
    "phones-behind": "the same twice, while half of the phones are off",
    "etokens-to-tokenless": "a CTL signed by eTokens, then utils ctl update CTLFile",
    "tokenless-to-etokens": "the 23 steps back, after two wrong orders",
    "downgrade": "a switch to a version without utils ctl, and out of it with eTokens",
    "one-token-lost": "the other token signs a list with a new one",
    "lost-tokens": "both tokens are lost; the command line takes their place",
    "secure-phones": "non-secure to mixed, LSCs from CAPF, encrypted profiles, encrypted calls",
    "back-to-non-secure": "the way back: the same phones register and call in the clear",
    "lsc-expired": "phones are refused since their LSCs ended; new ones by their MICs",
    "capf-regenerated": "a new CAPF: nobody vouches for the old LSCs; new ones by their MICs",
}
"""What each plays, in the order of ``mixedmode rehearse all``."""
GUIDED: Final = (
    "non-secure-to-mixed",
    "etokens-to-tokenless",
    "tokenless-to-etokens",
    "regenerate-callmanager",
    "mixed-to-non-secure",
    "one-token-lost",
    "lost-tokens",
)
"""Those that people are guided through on a live cluster; the others are for rehearsals."""
ALL: Final = {"all": "every one, each on a lab of its own"}
DEFAULT_PHONES: Final = 8
"""How many phones a rehearsal has."""
