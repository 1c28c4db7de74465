"""The procedures with hardware eTokens: both migrations of the seed, the downgrade, and lost tokens."""

from __future__ import annotations

from dataclasses import replace
from typing import Final

from mixedmode.procedures.checks import (
    EVERY_PHONE_HOLDS_PUBLISHED,
    NO_CTL,
    SAME_CTL,
    SIGNED_BY_CALLMANAGER,
    WITHOUT_TOKENS,
    lists_token,
    refused,
    says,
    signed_by,
    vouched,
)
from mixedmode.procedures.common import (
    BACK_TO_MIXED,
    BASICS,
    CLIENT_AGAIN,
    CONNECTED,
    FIRST_START,
    IN_MIXED_MODE,
    IN_STEP,
    MIXED,
    NON_SECURE_AGAIN,
    NON_SECURE_MODE,
    ONE_CTL,
    REPLICATED,
    SEED,
    SUPPORTING,
    TOKENS,
    UPDATE_AGAIN,
    UPDATE_CTL,
    WITH_TOKENS,
    compare,
    restart,
)
from mixedmode.procedures.definition import Precondition, Procedure, Remedy
from mixedmode.procedures.facts import PhoneKind, Token
from mixedmode.procedures.phones import SIGNER_IS_NEW, SIGNER_STAYS, Ending, PhoneRule, Rules
from mixedmode.procedures.steps import (
    ByHand,
    ClientAction,
    CtlClient,
    ImportToken,
    InstallVersion,
    Part,
    Prompt,
    RestartServices,
    Step,
    Undo,
    Where,
    Who,
)

BOTH: Final = (Token.FIRST, Token.SECOND)
SAST_VOUCHED: Final = vouched("CTL", 1)
"""TVS finds an uploaded token in the CTL file's cache, with one role; the database's misses it."""
TOKEN_UNKNOWN: Final = says(
    "token-unknown",
    "the CTL Client says that the token is not in the CTL file",
    "The Security Token you have inserted does not exist in the CTL File",
    "Please remove any Security Tokens already inserted and insert another Security Token. Click Ok when done.",
)
WARNED: Final = says(
    "no-ctl-warning",
    "the CTL Client warns that there is no CTL file",
    "No CTL File exists on the server but the Call Manager Cluster Security Mode is in Secure Mode.",
    "For the system to function, you must create the CTL File and set Call Manager Cluster the Secure Mode.",
)
LISTED_GOOD: Final = says("servers-good", "the CTL Client lists the servers with their result", "Good")
NOTHING_INSTALLED: Final = replace(NO_CTL, text="a token that nobody vouches for is refused")

SIGNER_IN_ITL: Final[Rules] = {
    **SIGNER_IS_NEW,
    PhoneKind.WITH_ITL: PhoneRule(
        Ending.FOLLOWS, "its ITL names the publisher's certificate as one that may sign; else it asks TVS"
    ),
}

_TWO_TOKENS = "Mixed mode by the CTL Client, with two eTokens"
IN_MIXED_MODE_BY_TOKENS: Final = (
    FIRST_START,
    Step(
        "Set the cluster to mixed mode with the CTL Client.",
        CtlClient(ClientAction.MIXED, BOTH),
        (signed_by(Token.SECOND),),
        part=Part.BEFORE,
        heading=_TWO_TOKENS,
    ),
    *restart("", EVERY_PHONE_HOLDS_PUBLISHED, part=Part.BEFORE),
)
MADE_ON_12: Final = Precondition(
    "From 12.0 on, the eTokens have signed the CTL file of the phones on 12.0 or later",
    "Run the CTL Client once more after the upgrade, to update the CTL file, and restart the phones.",
)
BY_TOKENS: Final = Precondition(
    "The CTL file is signed by an eToken", "There is nothing to migrate.", signed_by(Token.SECOND), look="show ctl"
)


def _delete_ctl(heading: str) -> Step:
    return Step(
        "Delete the CTL file on the publisher.",
        Prompt("file delete tftp CTLFile.tlv", ("y",)),
        (NO_CTL,),
        Undo(
            True,
            "by `utils ctl update CTLFile`, on version 10 and later; phones keep the CTL that they hold",
            UPDATE_CTL,
        ),
        heading=heading,
    )


def _upload(heading: str = "") -> tuple[Step, ...]:
    undo = Undo(True, "delete the certificate from Phone-SAST-trust")
    where = "with `mixedmode token export`, or SafeNet Authentication Client: Advanced View, User certificates, Export"
    return (
        Step(
            f"Export the certificates of both eTokens, {where}. The default password is Cisco123.",
            ByHand(Who.AT_THE_CLIENT, Where.CLIENT_PC),
            heading=heading,
        ),
        *(
            Step(
                f"Upload the certificate of {token}, here or at Security > Certificate Management > Upload Certificate,"
                " purpose Phone-SAST-trust.",
                ImportToken(token),
                undo=undo,
            )
            for token in BOTH
        ),
    )


ETOKENS_TO_TOKENLESS: Final = Procedure(
    "etokens-to-tokenless",
    "From hardware eTokens to a CTL file without them",
    "Mixed mode was set with the CTL Client, and phones hold a CTL file that one of the eTokens signed. Afterwards the"
    " CCM+TFTP certificate of the publisher signs it, and the certificates of all eTokens are gone from it.",
    SEED.format("From Hardware eTokens to Tokenless Solution"),
    (*BASICS, SUPPORTING, MIXED, ONE_CTL, IN_STEP, BY_TOKENS, MADE_ON_12),
    (
        *IN_MIXED_MODE_BY_TOKENS,
        Step(
            "Update the CTL file: the publisher signs it now.",
            UPDATE_CTL,
            (WITHOUT_TOKENS,),
            WITH_TOKENS,
            heading="Update the CTL file: it is signed by the server now",
        ),
        *restart(),
        compare(SIGNED_BY_CALLMANAGER),
    ),
    SIGNER_IN_ITL,
    (
        Remedy(
            "The CCM+TFTP certificate of the publisher is not the signer",
            "Go back to the eTokens by the procedure tokenless-to-etokens, and repeat this one.",
        ),
        UPDATE_AGAIN,
    ),
)

TOKENLESS_TO_ETOKENS: Final = Procedure(
    "tokenless-to-etokens",
    "From a CTL file without eTokens back to hardware eTokens",
    "A CTL file that was made from the command line names no eToken, so the CTL Client refuses every eToken. This"
    " matters most after a downgrade to a version without `utils ctl`. In this order the phones follow by TVS, and"
    " nobody has to delete the CTL on each of them.",
    SEED.format("From Tokenless Solution to Hardware eTokens"),
    (TOKENS, CONNECTED, REPLICATED, SUPPORTING, MIXED, ONE_CTL, IN_STEP),
    (
        *IN_MIXED_MODE,
        Step(
            "Run the CTL Client while the CTL file is there.",
            CtlClient(ClientAction.UPDATE, BOTH, finish=False),
            (TOKEN_UNKNOWN, SAME_CTL),
            part=Part.MISTAKE,
            heading="The wrong order: the CTL Client while the tokenless CTL file is there",
        ),
        _delete_ctl("Steps 1 to 2: delete the CTL file on the publisher"),
        Step(
            "Run the CTL Client before the certificates are uploaded.",
            CtlClient(ClientAction.UPDATE, BOTH),
            (WARNED, NOTHING_INSTALLED),
            part=Part.MISTAKE,
            heading="The wrong order again: the CTL Client before the upload",
        ),
        *_upload("Steps 3 to 10: export both certificates and upload them as Phone-SAST-trust"),
        Step(
            "Run the CTL Client: the publisher's address, an administrator's login, OK to the warning that there is no"
            " CTL file.",
            CtlClient(ClientAction.UPDATE, BOTH),
            (WARNED, LISTED_GOOD, signed_by(Token.SECOND)),
            Undo(True, "by the procedure etokens-to-tokenless", procedure="etokens-to-tokenless"),
            heading="Steps 11 to 19: run the CTL Client",
        ),
        *restart("Steps 20 to 23: restart the services and the phones, look at the CTL file"),
        compare(SAST_VOUCHED),
    ),
    SIGNER_IS_NEW,
    (
        Remedy(
            "The CTL Client says that the Security Token does not exist in the CTL File",
            "The CTL file on the publisher was not deleted, or the token's certificate is not in Phone-SAST-trust:"
            " begin again at the first step.",
        ),
        CLIENT_AGAIN,
    ),
)

DOWNGRADE: Final = Procedure(
    "downgrade",
    "A switch back to a version without utils ctl",
    "The CTL file comes along byte for byte, and names no eToken. Before version 10 the CTL Client is the only means.",
    SEED.format("From Tokenless Solution to Hardware eTokens"),
    (TOKENS, CONNECTED, REPLICATED, SUPPORTING, MIXED, ONE_CTL, IN_STEP),
    (
        *IN_MIXED_MODE,
        Step(
            "Have the earlier version on the inactive partition.",
            InstallVersion("9.1.2.10000-28"),
            heading="Switch back to a version before 10: the CTL file comes along byte for byte",
        ),
        Step(
            "Switch versions.", Prompt("utils system switch-version", ("yes",)), undo=Undo(True, "by the same command")
        ),
        Step("Restart TFTP and CallManager on every node that runs them.", RestartServices(), (SAME_CTL,)),
        Step(
            "Update the CTL file from the command line.",
            UPDATE_CTL,
            (refused("utils ctl is no command of this version"),),
            part=Part.MISTAKE,
            heading="There is no utils ctl",
        ),
        Step(
            "Run the CTL Client while the CTL file is there.",
            CtlClient(ClientAction.UPDATE, BOTH, finish=False),
            (TOKEN_UNKNOWN,),
            part=Part.MISTAKE,
        ),
        replace(
            _delete_ctl("Delete the CTL file, upload the tokens' certificates, sign with the tokens"),
            undo=Undo(False, "until the CTL Client has made another"),
        ),
        *_upload(),
        Step(
            "Run the CTL Client.",
            CtlClient(ClientAction.UPDATE, BOTH),
            (signed_by(Token.SECOND),),
            Undo(True, "run the CTL Client again"),
        ),
        *restart(),
        compare(),
    ),
    SIGNER_IS_NEW,
    (CLIENT_AGAIN,),
)

ONE_TOKEN_LOST: Final = Procedure(
    "one-token-lost",
    "One of two eTokens is lost",
    "The other eToken is in the CTL file that the phones hold, so every phone takes a list that it signs.",
    "docs/specification/cucm-admin.md 4",
    (TOKENS, CONNECTED, REPLICATED, MIXED, ONE_CTL, IN_STEP),
    (
        *IN_MIXED_MODE_BY_TOKENS,
        Step(
            "Run the CTL Client with the eToken that is left, and add a new one.",
            CtlClient(ClientAction.UPDATE, (Token.FIRST, Token.NEW)),
            (lists_token(Token.NEW), signed_by(Token.FIRST)),
            Undo(True, "run the CTL Client again"),
            heading="The second token is lost; a new one joins, and the first one signs",
        ),
        *restart(),
        compare(),
    ),
    SIGNER_STAYS,
    (CLIENT_AGAIN,),
)

LOST_TOKENS: Final = Procedure(
    "lost-tokens",
    "All eTokens are lost",
    "The CTL Client has nothing to sign with. From version 10 on the command line takes its place.",
    "docs/specification/cucm-admin.md 4",
    (*BASICS, SUPPORTING, MIXED, ONE_CTL, IN_STEP, BY_TOKENS),
    (
        *IN_MIXED_MODE_BY_TOKENS,
        Step(
            "Run the CTL Client with another eToken.",
            CtlClient(ClientAction.UPDATE, (Token.NEW,), finish=False),
            (TOKEN_UNKNOWN, SAME_CTL),
            part=Part.MISTAKE,
            heading="Both tokens are lost: the CTL Client has nothing to sign with",
        ),
        Step(
            "Set the cluster to non-secure mode.",
            NON_SECURE_MODE,
            (SIGNED_BY_CALLMANAGER,),
            BACK_TO_MIXED,
            heading="From version 10 on: utils ctl set-cluster non-secure-mode",
        ),
        *restart(),
        compare(),
    ),
    SIGNER_IN_ITL,
    (NON_SECURE_AGAIN,),
)

ETOKENS: Final = (ETOKENS_TO_TOKENLESS, TOKENLESS_TO_ETOKENS, DOWNGRADE, ONE_TOKEN_LOST, LOST_TOKENS)
