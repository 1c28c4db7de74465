"""Status messages of phones, as their menus and pages show them (phone-trust.md 4.1, live-cluster.md 4.5).

``[8:52:30am 10/01/19] ITL installed`` on 7800 and 8800, ``1:33:26a TFTP Error : ...`` on 7900 and IP Communicator.
"""

from __future__ import annotations

from typing import Final

from mixedmode.explain import remedies
from mixedmode.explain.rules import Rule, Table, pattern
from mixedmode.explain.values import Grade

_OK, _NOTE, _WARNING, _REFUSED = Grade.OK, Grade.NOTE, Grade.WARNING, Grade.REFUSED
_KEPT: Final = (
    "the signer of the new list is in no list that the phone holds, and TVS did not vouch for it; or the network or "
    "the "
    "server failed. The old list stays in force, and the phone takes no changes that the new one signs"
)
_OPTIONAL: Final = (
    r"AppDialRules|defaultheadsetconfig|dialplan|ringlist|distinctive|featurepolicy|g3-tones|mk-\w{1,32}\.jar"
    r"|SK[0-9a-f-]{8}"
)
HARMLESS: Final = (
    (r"CTL[^>\s]{0,32}\.tlv", "the cluster is not in mixed mode, or has no CTL: harmless"),
    (r"ITL[^>\s]{0,32}\.tlv", "the phone keeps the ITL it has, if it has one: harmless where phones have no ITL"),
    (_OPTIONAL, "the cluster has no such file: harmless"),
    (r"\.cnf\.xml", "the device is not configured, or the phone asks under another name"),
)  # fmt: skip
"""What is missing, and what that means (field-notes.md B4)."""
STATUS_MESSAGES: Final = "status messages"


def _missing(name: str, meaning: str) -> Rule:
    harmless = "harmless" in meaning
    return Rule(
        "not-found", _NOTE if harmless else _WARNING, "file not found", "the server has no {0}",
        pattern(rf"File Not Found[^<\n]{{0,12}}<?\s*(?:<\s*)?([^>\s]{{0,96}}(?:{name})[^>\s]{{0,96}})"), meaning,
        "" if harmless else remedies.CHECK_SERVER,
    )  # fmt: skip


STATUS: Final = Table(
    STATUS_MESSAGES,
    (
        Rule("list-refused", _REFUSED, "trust list update failed", "the phone refused a new trust list",
             None, _KEPT, remedies.VOUCH),
        Rule("list-refused", _REFUSED, "trust list verification failed", "the phone refused a new trust list",
             None, _KEPT, remedies.VOUCH),
        Rule("list-refused", _REFUSED, "ctl update failed", "the phone refused the CTL", None, "the file on the "
             "server is "
             "bad, or its signer is not known to the phone", f"{remedies.LIST_AGAIN}; or {remedies.VOUCH}"),
        Rule("list-refused", _REFUSED, "itl update failed", "the phone refused the ITL", None, _KEPT, remedies.VOUCH),
        Rule("config-refused", _REFUSED, "error verifying config info", "the phone refused its configuration", None,
             "who signed it is not known to the phone", remedies.VOUCH_FILE),
        Rule("config-refused", _REFUSED, "config file auth failed", "the phone refused its configuration", None,
             "who signed it is not known to the phone", remedies.VOUCH_FILE),
        Rule("config-refused", _REFUSED, "file auth", "the phone refused a file", pattern(r"file auth(?:entication)? "
             r"fail"),
             "who signed it is not known to the phone", remedies.VOUCH_FILE),
        Rule("ctl-refused", _REFUSED, "cannot authenticate ctl", "the phone refused the CTL",
             None, _KEPT, remedies.VOUCH),
        Rule("ctl-refused", _REFUSED, "device authentication error", "the phone could not authenticate: its CTL does "
             "not "
             "vouch for the server, or was refused", None, _KEPT, remedies.VOUCH),
        Rule("itl-file-status", _WARNING, "itl file status", "CUCM says that a phone holds another ITL than is served",
             pattern(r"ITL File Status\s*[:=|]?\s*Mismatch"), _KEPT, remedies.VOUCH),
        Rule("itl-file-status", _NOTE, "itl file status", "CUCM says of a phone's ITL: {0}",
             pattern(r"ITL File Status\s*[:=|]?\s*(Match|Not Installed|Unknown)\b"), "Unknown: it is not registered"),
        Rule("key-too-small", _REFUSED, "not fips compliant", "the phone does not register: a certificate's key is too "
             "small for FIPS", None, "phones in FIPS mode take RSA keys of 2048 bits or more", remedies.KEY_SIZE),
        Rule("registration-rejected", _REFUSED, "registration rejected", "the CallManager rejected the phone",
             pattern(r"\bregistration rejected"), "its security mode, certificate or name is not what the CallManager "
             "expects", remedies.CERTIFICATE),
        Rule("registering", _WARNING, "phone is registering", "the phone is registering; if this never ends it is "
             "locked "
             "out", None, "a secure phone whose CTL or LSC does not match the CallManager (CAPF or CallManager was "
             "made "
             "again without a new CTL)", remedies.UPDATE_CTL),
        Rule("list-installed", _OK, "ctl and itl installed", "the phone took its first CTL and its first ITL"),
        Rule("list-installed", _OK, "ctl installed", "the phone took its first CTL", pattern(r"(?<!no )CTL installed")),
        Rule("list-installed", _OK, "itl installed", "the phone took its first ITL", pattern(r"(?<!no )ITL installed")),
        Rule("list-updated", _OK, "trust list updated", "the phone took a newer trust list"),
        Rule("list-asked", _NOTE, "updating trust list", "the phone looks for a newer trust list"),
        Rule("no-list", _NOTE, "no trust list installed", "the phone holds no CTL and no ITL", None, "the server has "
             "none: "
             "harmless with a PBX that signs nothing; else the file is missing or empty. The next list is taken "
             "unchecked"),
        Rule("no-list", _NOTE, "no ctl installed", "the phone holds no CTL", None, "the cluster is not in mixed "
             "mode, or "
             "the CTL was deleted on the phone"),
        Rule("lists-erased", _NOTE, "erasing ctl and itl", "the phone's lists are being deleted, by hand or from afar",
             None, "the next lists are taken unchecked"),
        Rule("lists-erased", _NOTE, "erasing ", "the phone's lists are being deleted",
             pattern(r"erasing (?:the )?(?:CTL|ITL|trust)"), "the next lists are taken unchecked"),
        Rule("host-not-found", _WARNING, "host not found", "a service of the phone cannot be reached securely",
             pattern(r"\bhost not found"), "its HTTPS certificate is not vouched for by TVS, or the name is not "
                  "known: the "
             "same cause as a refused list", remedies.ASK_TVS),
        Rule("no-list", _NOTE, "tl file not found", "the node has no {0}", pattern(r"^\s*([CI]TL) File not found"),
             "a cluster that is not in mixed mode has no CTL; in mixed mode it must have one"),
        *(_missing(name, meaning) for name, meaning in HARMLESS),
        Rule("not-found", _WARNING, "file not found", "the server has no {0}", pattern(
            r"File Not Found[^<\n]{0,12}<\s*([^>\s]{1,120})"), "the file is missing on this "
            "server", remedies.CHECK_SERVER),
        Rule("not-found", _NOTE, "file not found", "a file is missing on the server", pattern(r"\bfile not found"),
             "which one the line does not say; field-notes.md B4 lists those that are harmless"),
        Rule("config-not-fetched", _WARNING, "tftp error", "the phone did not get {0}",
             pattern(r"TFTP Error\s*:?\s*<?\s*(\S{1,96}?\.(?:tlv|xml|sgn|loads|jar)\S{0,32})"), "the server did not "
                  "answer, or "
             "refused the file. A phone that holds lists asks for signed files only", remedies.CHECK_SERVER),
        Rule("tftp-error", _WARNING, "tftp error", "a file transfer failed", pattern(r"\bTFTP Error"), "the server "
             "did not "
             "answer, or has no such file", remedies.CHECK_SERVER),
        Rule("tftp-error", _WARNING, "tftp timeout", "a file transfer timed out", pattern(r"\bTFTP Timeout"),
             "the server did not answer", remedies.CHECK_SERVER),
    ),
)  # fmt: skip
