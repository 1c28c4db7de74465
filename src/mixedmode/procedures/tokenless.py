"""The procedures without eTokens: into mixed mode and back, a new CallManager certificate, phones that were off."""

from __future__ import annotations

from typing import Final

from mixedmode.procedures.checks import (
    LISTING_SAYS_NONE,
    NO_CTL,
    NO_PHONE_HOLDS_CTL,
    SERIAL_CHANGES,
    SIGNED_BY_CALLMANAGER,
    SIGNER_IS_NEW,
    TVS_CACHES,
    WITHOUT_CALLMANAGERS,
    Check,
    mode_is,
    vouched,
)
from mixedmode.procedures.common import (
    BASICS,
    IN_MIXED_MODE,
    IN_STEP,
    LEFT_OVER,
    MIXED,
    MODE_LOOK,
    NO_OLD_KEY,
    NON_SECURE_AGAIN,
    ONE_CTL,
    RESTART_PHONES,
    SEED,
    SET_NON_SECURE,
    SHOW_CTL,
    SUPPORTING,
    UPDATE_AGAIN,
    UPDATE_CTL,
    compare,
    restart,
    set_mixed_mode,
)
from mixedmode.procedures.definition import Precondition, Procedure, Remedy
from mixedmode.procedures.phones import FIRST_LIST, SIGNER_STAYS
from mixedmode.procedures.phones import SIGNER_IS_NEW as NEW_SIGNER
from mixedmode.procedures.reading import MODE_QUERY
from mixedmode.procedures.steps import Part, Prompt, ResetPhones, Step, SwitchPhones, Undo

VOUCHED: Final = vouched("DB", 2)
"""TVS finds a CallManager certificate in its database's cache, with two roles."""


def _make_anew(heading: str = "", *after: Check) -> Step:
    return Step(
        "Make the CallManager certificate of the publisher anew.",
        Prompt("set cert regen CallManager"),
        after,
        NO_OLD_KEY,
        heading=heading,
    )


def _update(heading: str = "", *after: Check) -> Step:
    return Step(
        "Update the CTL file; TVS takes it into its cache.",
        UPDATE_CTL,
        (*after, TVS_CACHES),
        Undo(False, "a list signed by the old key can no longer be made"),
        heading=heading,
    )


NON_SECURE_TO_MIXED: Final = Procedure(
    "non-secure-to-mixed",
    "From non-secure mode to mixed mode, without eTokens",
    "Mixed mode lets phones encrypt signalling and media. Set from the command line it needs no eTokens: the CTL file"
    " is signed with the CCM+TFTP certificate of the publisher, and no eToken is in it.",
    SEED.format("From Non-Secure Mode to Mixed Mode (Tokenless CTL)"),
    (
        *BASICS,
        SUPPORTING,
        Precondition("The cluster is not in mixed mode", "There is nothing to do.", mode_is(0), look=MODE_QUERY),
        Precondition("There is no CTL file", "It is left over from an earlier mixed mode.", NO_CTL, look="show ctl"),
    ),
    (
        Step(
            "Start the phones.",
            ResetPhones(),
            (NO_PHONE_HOLDS_CTL,),
            part=Part.BEFORE,
            heading="Non-secure: phones hold an ITL only, and there is no CTL",
        ),
        Step("See that there is no CTL file.", SHOW_CTL, (LISTING_SAYS_NONE,)),
        Step("See that the cluster is not in mixed mode.", MODE_LOOK, (mode_is(0),)),
        *set_mixed_mode(Part.STEP),
        compare(SIGNED_BY_CALLMANAGER),
    ),
    FIRST_LIST,
    (LEFT_OVER, UPDATE_AGAIN),
)

MIXED_TO_NON_SECURE: Final = Procedure(
    "mixed-to-non-secure",
    "From mixed mode to non-secure mode",
    "The CTL file stays on servers and phones, but its records of call managers carry no certificate any more: phones"
    " that took it register in the clear.",
    "docs/specification/cucm-admin.md 1.4",
    (*BASICS, MIXED, ONE_CTL, IN_STEP),
    (
        *IN_MIXED_MODE,
        *SET_NON_SECURE,
        *restart("Restart the services, then the phones", WITHOUT_CALLMANAGERS),
        compare(),
    ),
    SIGNER_STAYS,
    (NON_SECURE_AGAIN,),
)

REGENERATE_CALLMANAGER: Final = Procedure(
    "regenerate-callmanager",
    "A new CallManager certificate of the publisher, without eTokens",
    "The certificate of the publisher changes with its host name or domain, or because it is about to expire. The CTL"
    " file is then signed by a certificate that is not in the CTL file which the phones hold: they ask TVS about it."
    " The TVS servers are those of the CallManager group of a phone's device pool.",
    SEED.format("Certificate Regeneration for Tokenless CTL Solution"),
    (*BASICS, SUPPORTING, MIXED, ONE_CTL, IN_STEP),
    (
        *IN_MIXED_MODE,
        _make_anew("Make the CallManager certificate of the publisher anew", SERIAL_CHANGES),
        _update("Update the CTL file; TVS takes it into its cache", SIGNER_IS_NEW),
        *restart("Restart the services, then the phones: they ask TVS about the unknown signer"),
        compare(VOUCHED),
    ),
    NEW_SIGNER,
    (
        UPDATE_AGAIN,
        Remedy(
            "A phone with Security by Default keeps the old CTL file",
            "See that TVS runs on the servers of its CallManager group (`utils service list`), restart the phone, and"
            " look at its console log for the answer of TVS.",
        ),
    ),
)

_AWAY = "The {} new CallManager certificate and CTL file, without them"
PHONES_BEHIND: Final = Procedure(
    "phones-behind",
    "Two new CallManager certificates while phones are off",
    "Phones that are off while the certificate changes twice hold, when they return, a CTL file whose signer is gone"
    " from every list. The ITL names TVS servers that they still trust, so they ask about the newest signer.",
    "docs/specification/phone-trust.md 7",
    (*BASICS, SUPPORTING, MIXED, ONE_CTL, IN_STEP),
    (
        *IN_MIXED_MODE,
        Step("Switch half of the phones off.", SwitchPhones(on=False), heading="Switch {phones} phones off"),
        *(step for change in ("first", "second") for step in (_make_anew(_AWAY.format(change)), _update(), *restart())),
        Step(
            "Switch them on.",
            SwitchPhones(on=True),
            heading="Switch them on: they hold a CTL file whose signer is gone, and ask TVS about the new one",
        ),
        Step(RESTART_PHONES, ResetPhones()),
        compare(VOUCHED),
    ),
    NEW_SIGNER,
    (UPDATE_AGAIN,),
)

TOKENLESS: Final = (NON_SECURE_TO_MIXED, MIXED_TO_NON_SECURE, REGENERATE_CALLMANAGER, PHONES_BEHIND)
