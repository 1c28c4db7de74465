"""The procedures about secure phones: LSCs and encrypted profiles, back into the clear, LSCs that ended, a new CAPF."""

from __future__ import annotations

from typing import Final

from mixedmode.procedures.checks import (
    CAPF_IS_NEW,
    EVERY_CALL_ENCRYPTED,
    EVERY_CALL_IN_THE_CLEAR,
    EVERY_CONFIGURATION_ENCRYPTED,
    EVERY_PHONE_ENCRYPTED,
    EVERY_PHONE_HAS_LSC,
    EVERY_PHONE_HOLDS_CTL,
    EVERY_PHONE_IN_THE_CLEAR,
    EVERY_PHONE_REFUSED,
    WITHOUT_CALLMANAGERS,
    Check,
    mode_is,
)
from mixedmode.procedures.common import (
    BASICS,
    IN_STEP,
    LEFT_OVER,
    MIXED,
    NON_SECURE_AGAIN,
    ONE_CTL,
    SET_NON_SECURE,
    SUPPORTING,
    UPDATE_AGAIN,
    UPDATE_CTL,
    compare,
    restart,
    set_mixed_mode,
)
from mixedmode.procedures.definition import Precondition, Procedure, Remedy
from mixedmode.procedures.phones import FIRST_LIST, SIGNER_STAYS
from mixedmode.procedures.reading import MODE_QUERY
from mixedmode.procedures.steps import (
    CallEachOther,
    GiveNumbers,
    OrderLscs,
    Part,
    Prompt,
    ResetPhones,
    SetProfile,
    Step,
    Undo,
)

CAPF_RUNS: Final = Precondition(
    "CAPF is activated on the publisher, and its port 3804 is reached by every phone",
    "No phone gets an LSC.",
    look="utils service list",
)
MICS_BELIEVED: Final = Precondition(
    "The certificates of the phones' manufacturing CAs are in CAPF-trust",
    "A phone cannot prove itself by its MIC.",
    look="show cert list trust",
)
NEW_LSC: Final = Undo(False, "an LSC is replaced by the next one, or revoked: `mixedmode capf revoke`")
MODE_BACK: Final = Undo(True, "by the mode that the device had; then restart the phone")
NOT_SECURE: Final = Remedy(
    "A phone is told Security Error",
    "The trace of CallManager says what is wrong with its certificate. Give it a non-secure mode, restart it, have it"
    " get an LSC, and give it its mode back.",
)
NO_LSC: Final = Remedy(
    "A phone has no LSC",
    "`mixedmode capf list` says what waits for it and why an order was cancelled; the trace of CAPF what it showed.",
)
_CAPF_SERVICE: Final = "Cisco Certificate Authority Proxy Function"


def order_lscs(part: Part, *after: Check, by_mic: bool = False, days_ago: int = 0) -> tuple[Step, ...]:
    """Return the steps that give every phone an LSC.

    Args:
        part: What they are to the procedure.
        after: What must hold at their end.
        by_mic: Whether phones prove themselves by their MIC.
        days_ago: When that is.
    """
    proof = "its MIC" if by_mic else "the certificate that it has"
    return (
        Step(
            f"Order an LSC for every phone; it proves itself by {proof}.",
            OrderLscs(by_mic, days_ago),
            undo=NEW_LSC,
            part=part,
            heading="Order an LSC for every phone" if part is Part.STEP else "",
        ),
        Step("Restart all phones: each makes a key, and CAPF gives it a certificate.", ResetPhones(), after, part=part),
    )


def encrypt(part: Part, *after: Check) -> tuple[Step, ...]:
    """Return the steps that give every phone an encrypted profile.

    Args:
        part: What they are to the procedure.
        after: What must hold at their end.
    """
    return (
        Step(
            "Give every phone an encrypted security profile.",
            SetProfile(3),
            undo=MODE_BACK,
            part=part,
            heading="Give every phone an encrypted profile" if part is Part.STEP else "",
        ),
        Step(
            "Restart all phones: the profile comes with their signed configuration, encrypted to the LSC.",
            ResetPhones(),
            after,
            part=part,
        ),
    )


def call(what: str, check: Check) -> Step:
    """Return the step in which phones call each other.

    Args:
        what: For people, as an order.
        check: How the call is.
    """
    return Step(what, CallEachOther(), (check,), heading="Two phones call each other")


_NUMBERS: Final = Step("Give the phones numbers.", GiveNumbers(), part=Part.BEFORE)
_START: Final = Step("Start the phones.", ResetPhones(), part=Part.BEFORE)
_INTO_MIXED_MODE: Final = (_NUMBERS, _START, *set_mixed_mode(Part.BEFORE, EVERY_PHONE_HOLDS_CTL))
_SECURED: Final = (
    *_INTO_MIXED_MODE,
    *order_lscs(Part.BEFORE, EVERY_PHONE_HAS_LSC),
    *encrypt(Part.BEFORE, EVERY_PHONE_ENCRYPTED),
)

SECURE_PHONES: Final = Procedure(
    "secure-phones",
    "Secure phones: mixed mode, LSCs, encrypted profiles, encrypted calls",
    "Mixed mode alone encrypts nothing: a phone needs a certificate of its own and a profile that tells it to use it."
    " The certificate comes first, since a phone whose profile is secure and that has none is refused.",
    "docs/specification/calls-and-media.md 7, phone-trust.md 6, wire-formats.md 5 and 6",
    (
        *BASICS,
        SUPPORTING,
        CAPF_RUNS,
        MICS_BELIEVED,
        Precondition("The cluster is not in mixed mode", "Begin with the LSCs.", mode_is(0), look=MODE_QUERY),
    ),
    (
        _NUMBERS,
        _START,
        *set_mixed_mode(Part.STEP, EVERY_PHONE_HOLDS_CTL, EVERY_PHONE_IN_THE_CLEAR),
        *order_lscs(Part.STEP, EVERY_PHONE_HAS_LSC, EVERY_PHONE_IN_THE_CLEAR),
        *encrypt(Part.STEP, EVERY_CONFIGURATION_ENCRYPTED, EVERY_PHONE_ENCRYPTED),
        call("Call from one phone to another: both show a lock.", EVERY_CALL_ENCRYPTED),
        compare(),
    ),
    FIRST_LIST,
    (LEFT_OVER, UPDATE_AGAIN, NO_LSC, NOT_SECURE),
)

BACK_TO_NON_SECURE: Final = Procedure(
    "back-to-non-secure",
    "Secure phones back into non-secure mode",
    "Phones that took the CTL file without call managers register in the clear, whatever their profile says, and call"
    " in the clear. Their LSCs and profiles stay as they are, for the next time.",
    "docs/specification/cucm-admin.md 1.4, wire-formats.md 6",
    (*BASICS, MIXED, ONE_CTL, IN_STEP),
    (
        *_SECURED,
        *SET_NON_SECURE,
        *restart("Restart the services, then the phones", WITHOUT_CALLMANAGERS, EVERY_PHONE_IN_THE_CLEAR),
        call("Call from one phone to another: neither shows a lock.", EVERY_CALL_IN_THE_CLEAR),
        compare(),
    ),
    SIGNER_STAYS,
    (NON_SECURE_AGAIN,),
)

LSC_EXPIRED: Final = Procedure(
    "lsc-expired",
    "LSCs that have expired",
    "CallManager refuses a phone whose LSC has expired, and CAPF does not take that LSC as a proof. The phone's MIC, or"
    " a string that somebody types on it, is what is left; who reads `mixedmode capf report` in time needs neither.",
    "docs/specification/wire-formats.md 5 and 6, field-notes.md A",
    (*BASICS, MIXED, ONE_CTL, IN_STEP, CAPF_RUNS, MICS_BELIEVED),
    (
        *_INTO_MIXED_MODE,
        *order_lscs(Part.BEFORE, days_ago=400),
        *encrypt(Part.BEFORE, EVERY_PHONE_REFUSED),
        *order_lscs(Part.STEP, EVERY_PHONE_HAS_LSC, EVERY_PHONE_ENCRYPTED, by_mic=True),
        call("Call from one phone to another: both show a lock.", EVERY_CALL_ENCRYPTED),
        compare(),
    ),
    SIGNER_STAYS,
    (NO_LSC, NOT_SECURE),
)

CAPF_REGENERATED: Final = Procedure(
    "capf-regenerated",
    "A new CAPF certificate",
    "CAPF's certificate is in the CTL and ITL, and it is the issuer of every LSC. When it changes, phones must have the"
    " new lists before they go to CAPF again; CallManager knows the new issuer, not the old one, from its restart on.",
    "docs/specification/field-notes.md A4, cucm-admin.md 3",
    (*BASICS, MIXED, ONE_CTL, IN_STEP, CAPF_RUNS, MICS_BELIEVED),
    (
        *_SECURED,
        Step(
            "Make the CAPF certificate anew.",
            Prompt("set cert regen CAPF"),
            (CAPF_IS_NEW,),
            Undo(False, "the old key is gone; only a restored backup of the publisher has it"),
            heading="Make the CAPF certificate anew",
        ),
        Step(
            "Update the CTL file: it names the new CAPF.",
            UPDATE_CTL,
            undo=Undo(True, "by the next update of the CTL file"),
            heading="Update the CTL file: it names the new CAPF",
        ),
        Step("Restart CAPF.", Prompt(f"utils service restart {_CAPF_SERVICE}")),
        *restart(
            "Restart the services, then the phones: nobody vouches for the old LSCs any more", EVERY_PHONE_REFUSED
        ),
        *order_lscs(Part.STEP, EVERY_PHONE_HAS_LSC, EVERY_PHONE_ENCRYPTED, by_mic=True),
        call("Call from one phone to another: both show a lock.", EVERY_CALL_ENCRYPTED),
        compare(),
    ),
    SIGNER_STAYS,
    (UPDATE_AGAIN, NO_LSC, NOT_SECURE),
)

SECURE: Final = (SECURE_PHONES, BACK_TO_NON_SECURE, LSC_EXPIRED, CAPF_REGENERATED)
