"""What several procedures share: their first and last steps, preconditions, sources."""

from __future__ import annotations

from typing import Final

from mixedmode.procedures.checks import (
    EVERY_PHONE_HOLDS_CTL,
    EVERY_PHONE_HOLDS_PUBLISHED,
    LISTING_VERIFIED,
    SAME_ON_EVERY_NODE,
    SERVICES_RESTARTED,
    Check,
    mode_is,
)
from mixedmode.procedures.definition import Precondition, Remedy
from mixedmode.procedures.reading import MODE_QUERY
from mixedmode.procedures.steps import Part, Prompt, ResetPhones, RestartServices, Step, Undo

SEED: Final = 'Cisco technote 118893, "{}"'
"""The section's heading goes in."""

RESTART_PHONES: Final = "Restart all phones, here or at Device > Phone > Reset, so that they fetch the CTL file."

MODE_LOOK: Final = Prompt(MODE_QUERY, reads=True)
SHOW_CTL: Final = Prompt("show ctl", reads=True)
UPDATE_CTL: Final = Prompt("utils ctl update CTLFile", ("y",))
NON_SECURE_MODE: Final = Prompt("utils ctl set-cluster non-secure-mode", ("y",))

BACK_TO_NON_SECURE: Final = Undo(
    True, "by the procedure mixed-to-non-secure; phones keep a CTL", procedure="mixed-to-non-secure"
)
BACK_TO_MIXED: Final = Undo(True, "by the procedure non-secure-to-mixed", procedure="non-secure-to-mixed")
NO_OLD_KEY: Final = Undo(False, "the old key is gone; only a restored backup of the publisher has it")
WITH_TOKENS: Final = Undo(
    True, "with the eTokens, by the procedure tokenless-to-etokens", procedure="tokenless-to-etokens"
)

VERSION: Final = Precondition(
    "The cluster runs version 10.0(1) or later",
    "Earlier ones have no `utils ctl`; theirs is the CTL Client.",
    look="show version active",
)
LICENCE: Final = Precondition(
    "From 11.5.1SU3 on there is an Encryption licence, of PLM 11.5.1SU2 or later; from 12.0 on the cluster is"
    " registered with a token that allows export-controlled functionality",
    "Mixed mode, and every update of the CTL file, is refused without it.",
)
CONNECTED: Final = Precondition(
    "Every node reaches every other one",
    "The CTL file goes to all of them over SFTP.",
    look="show network cluster",
)
REPLICATED: Final = Precondition(
    "The database replicates in real time", "Nodes would act by an old state.", look="utils dbreplication runtimestate"
)
MIXED: Final = Precondition(
    "The cluster is in mixed mode", "There is no CTL file to change.", mode_is(1), look=MODE_QUERY
)
ONE_CTL: Final = Precondition(
    "Every node has the same CTL file",
    "A node that was left out would go on serving the old one.",
    SAME_ON_EVERY_NODE,
    look="show ctl",
)
IN_STEP: Final = Precondition(
    "Every phone is on and holds the published CTL file",
    "A phone that is behind may know none of the signers by the time that it returns.",
    EVERY_PHONE_HOLDS_PUBLISHED,
    look="",
)
TOKENS: Final = Precondition(
    "Two eTokens, their passwords and the CTL Client are at hand", "Two tokens are the least that a CTL file names."
)
SUPPORTING: Final = Precondition(
    "The phones support Security by Default",
    "7940, 7960, Jabber and many TelePresence endpoints do not: they cannot ask TVS about a new signer, and keep the"
    " old CTL until somebody deletes it on each of them. `mixedmode models`, or the Unified CM Phone Feature List of"
    " Cisco Unified Reporting, says which do.",
)
BASICS: Final = (VERSION, LICENCE, CONNECTED, REPLICATED)

FIRST_START: Final = Step("Start the phones.", ResetPhones(), part=Part.BEFORE)


LEFT_OVER: Final = Remedy(
    "There is a CTL file though the cluster is not in mixed mode",
    "It once was. Delete the file on every node, with `file delete activelog cm/tftpdata/CTLFile.tlv` at each prompt."
    " Do so only then.",
)


def behind(again: str) -> Remedy:
    """Return what to do if a node did not get the list.

    Args:
        again: What makes the list once more.
    """
    return Remedy(
        "A node has another CTL file than the publisher",
        f"See that SFTP reaches it, then {again}, and restart its services.",
    )


UPDATE_AGAIN: Final = behind("enter `utils ctl update CTLFile` again")
CLIENT_AGAIN: Final = behind("run the CTL Client again, to update the CTL file")
NON_SECURE_AGAIN: Final = behind(f"enter `{NON_SECURE_MODE.line}` again")

SET_NON_SECURE: Final = (
    Step(
        "Set the cluster to non-secure mode.",
        NON_SECURE_MODE,
        undo=BACK_TO_MIXED,
        heading="Set the cluster to non-secure mode",
    ),
    Step("Verify the mode.", MODE_LOOK, (mode_is(0),)),
)
"""From mixed mode to non-secure mode by the command line."""


def set_mixed_mode(part: Part, *after: Check) -> tuple[Step, ...]:
    """Return the steps from non-secure to mixed mode by the command line.

    Args:
        part: What they are to the procedure.
        after: What must hold at their end.
    """
    return (
        Step(
            "Set the cluster to mixed mode.",
            Prompt("utils ctl set-cluster mixed-mode", ("y",)),
            undo=BACK_TO_NON_SECURE,
            part=part,
            heading="Set the cluster to mixed mode",
        ),
        Step(
            "Verify the mode, here or at System > Enterprise Parameters, Cluster Security Mode.",
            MODE_LOOK,
            (mode_is(1),),
            part=part,
        ),
        *restart("Restart the services, then the phones", *after, part=part),
    )


def restart(heading: str = "", *after: Check, part: Part = Part.STEP) -> tuple[Step, ...]:
    """Return the steps that end each change: services, then phones.

    Args:
        heading: Over them in a transcript.
        after: What must hold of the phones then.
        part: What they are to the procedure.
    """
    return (
        Step(
            "Restart TFTP and CallManager on every node that runs them.",
            RestartServices(),
            (SERVICES_RESTARTED,),
            part=part,
            heading=heading,
        ),
        Step(RESTART_PHONES, ResetPhones(), after, part=part),
    )


def compare(*after: Check) -> Step:
    """Return the last step: the phones show the checksum that the publisher prints.

    Args:
        after: What else must hold.
    """
    return Step(
        "Look at the CTL file, and compare its checksum with the one on the phones' security screens: MD5 or SHA-1, by"
        " model.",
        SHOW_CTL,
        (SAME_ON_EVERY_NODE, LISTING_VERIFIED, *after),
        heading="The phones show the checksum that show ctl prints",
    )


IN_MIXED_MODE: Final = (FIRST_START, *set_mixed_mode(Part.BEFORE, EVERY_PHONE_HOLDS_CTL))
"""Brings a fresh cluster into mixed mode."""
