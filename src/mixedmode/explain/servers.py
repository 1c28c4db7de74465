"""What servers write: CAPF, CallManager, TFTP, and the lines of TVS that stand for themselves.

The questions and answers of TVS, which take many lines,
     are :mod:`.tvs`; alarms are :mod:`.alarms`. The wording of TFTP is
that of live-cluster.md 5.2 and phone-trust.md 1.1, that of CAPF and CallManager our own.
"""

from __future__ import annotations

from typing import Final

from mixedmode.explain import remedies
from mixedmode.explain.rules import Rule, Table, pattern
from mixedmode.explain.values import Grade

_OK, _NOTE, _WARNING, _REFUSED = Grade.OK, Grade.NOTE, Grade.WARNING, Grade.REFUSED
TVS_TRACE: Final = "TVS trace"
_CAPF, _CCM, _TFTP = "CAPF trace", "CallManager trace", "TFTP trace"

SERVERS: Final = Table(
    "trace",
    (
        Rule("ctl-changed", _NOTE, "ctlfile.tlv has been", "TVS saw a new CTL file and reads it again",
             pattern(r"localCTLCacheMonitor|has been\s+modified"), source=TVS_TRACE),
        Rule("ctl-changed", _NOTE, "localctlcachemonitor", "TVS looks whether the CTL file changed", source=TVS_TRACE),
        Rule("ctl-cached", _NOTE, "updatelocalctlcache", "TVS reads the certificates of the CTL "
             "file", source=TVS_TRACE),
        Rule("tvs-knows", _NOTE, "unique key used for caching", "TVS now knows serial {0} of {1} from the CTL "
             "file", pattern(
            r"Unique Key used for "
            r"Caching\s*::\s*((?:[0-9A-F]{2}){4,40}?)\s*(?=CN\s*=|cn=|OU=|O=)(.*?)(?:,\s*length\b|$)"),
            source=TVS_TRACE),
        Rule("tvs-knows", _NOTE, "unique key used for caching", "TVS takes a certificate of the CTL file into its "
             "cache",
             source=TVS_TRACE),
        Rule("tvs-request", _NOTE, "tvs_msg_query_cert_req", "a phone asks TVS about a signer", source=TVS_TRACE),
        Rule("tvs-request", _NOTE, "tvs_msg_verify_cert_req", "a client asks TVS about a "
             "certificate", source=TVS_TRACE),
        Rule("tvs-request", _NOTE, "protocol discriminator", "a message of the TVS protocol", source=TVS_TRACE),
        Rule("tvs-malformed", _WARNING, "error:tvs_state", "TVS could not read what a client sent",
             None, "no phone speaks so: a scanner, or a connection that broke", source=TVS_TRACE),
        Rule("tvs-state", _NOTE, "tvs_state_", "TVS waits for a request", source=TVS_TRACE),
        Rule("tvs-issuer", _NOTE, "tvsgetissuernamefromx509", "TVS looks for issuer {0}",
             pattern(r"issuerName\s*:\s*(.*?)(?:\s{1,4}and Length.*)?$"), source=TVS_TRACE),
        Rule("tvs-issuer", _NOTE, "tvsgetissuernamefromx509", "TVS reads an issuer", source=TVS_TRACE),
        Rule("tvs-serial", _NOTE, "tvsgetserialnumberfromx509", "TVS looks for serial {0}",
             pattern(r"serialNumber\s*:\s*([0-9A-Fa-f:]+)"), source=TVS_TRACE),
        Rule("tvs-serial", _NOTE, "tvsgetserialnumberfromx509", "TVS reads a serial number", source=TVS_TRACE),
        Rule("capf-refused", _REFUSED, "session ", "CAPF refused a phone: {0}",
             pattern(r"session \d+: refused: (.*)"), "", remedies.CAPF, _CAPF),
        Rule("capf-refused", _REFUSED, " refused", "CAPF refused {0}{1}",
             pattern(r"((?:SEP|ATA|VGC|CSF|BOT|TCT|TAB)\S+|a client) from \S+ "
                  r"refused(:.*|$)"), "", remedies.CAPF, _CAPF),
        Rule("capf-done", _OK, "has a new lsc", "{0} has a new LSC", pattern(r"(\S+) from \S+ has a new "
             r"LSC"), source=_CAPF),
        Rule("capf-done", _OK, "showed its lsc", "{0} showed its LSC", pattern(r"(\S+) from \S+ showed its LSC"),
             source=_CAPF),
        Rule("capf-done", _NOTE, "has no lsc any more", "{0} has no LSC any more", pattern(r"(\S+) from \S+ has no "
             r"LSC"),
             "it registers securely no longer, unless by its MIC", source=_CAPF),
        Rule("capf-unknown", _WARNING, "is not known here", "CAPF does not know {0}", pattern(r"(\S+) from \S+ is "
             r"not known"),
             "the device does not exist in the cluster", remedies.CAPF, _CAPF),
        Rule("capf-broke", _WARNING, " broke off", "{0} broke off its session with CAPF", pattern(r"(\S+) from \S+ "
             r"broke off"),
             source=_CAPF),
        Rule("capf-cancelled", _WARNING, "operation cancelled", "the operation of {0} was cancelled",
             pattern(r"(\S+) from \S+ operation cancelled"), source=_CAPF),
        Rule("capf-wait", _WARNING, "after wrong proofs it has to wait", "CAPF makes a phone wait after wrong "
             "strings or "
             "certificates", None, "somebody guesses, or the authentication string is wrong", remedies.CAPF, _CAPF),
        Rule("capf-message", _NOTE, " session ", "CAPF and a phone speak: {0}", pattern(r"\S+ session \d+ [<>] (.*)"),
             source=_CAPF),
        Rule("capf-message", _NOTE, " session ", "CAPF: {0}", pattern(r"\S+ session \d+: (.*)"), source=_CAPF),
        Rule("tls-failed", _WARNING, "the tls handshake failed", "a TLS handshake failed: {0}",
             pattern(r"handshake failed: (.*)"), "the certificate is not vouched for, or the phone's TLS is too old",
             remedies.CERTIFICATE),
        Rule("certificate-refused", _REFUSED, "its certificate is refused", "the CallManager refused a phone's "
             "certificate: "
             "{0}", pattern(r"its certificate is refused: (.*)"), "the issuer of its LSC is no CAPF that the "
             "CallManager "
             "trusts", remedies.CERTIFICATE, _CCM),
        Rule("registered", _OK, " registered", "{0} registered, {1}",
             pattern(r"((?:SEP|ATA|VGC|CSF|BOT|TCT|TAB)\S+) registered(?:,| from \S+,) ([a-z-]+)"), source=_CCM),
        Rule("reports", _NOTE, " reports its ", "{0} reports its {1}: {2}",
             pattern(r"(\S+) reports its ([CI]TL): (\S+)"), source=_CCM),
        Rule("lost", _NOTE, "lost its connection", "{0} lost its connection", pattern(r"(\S+) lost its connection"),
             source=_CCM),
        Rule("delivered", _NOTE, " delivered to ", "TFTP gave {0} to {1}", pattern(r"(\S+) delivered to "
             r"([0-9A-Fa-f.:]+)"),
             source=_TFTP),
        Rule("unit", _WARNING, "]", "{0} of the node {1}: {2}",
             pattern(r"\|   error ([\w .-]{1,64})\[(\w+)\](?: on port \d+)?: (.*)"), source="Service Manager trace"),
        Rule("unit", _NOTE, "[", "{0} of the node is {1}", pattern(r"\|   debug ([\w .-]{1,64})\[(\w+)\]"),
             source="Service Manager trace"),
        Rule("itl-same", _NOTE, "itl hash not changed", "TFTP made no new ITL: its hash is the same", source=_TFTP),
        Rule("itl-new", _NOTE, "itl hash changed", "TFTP made a new ITL", source=_TFTP),
        Rule("tftp-maps", _NOTE, "handlectl", "TFTP was asked for a phone's own name of a list", source=_TFTP),
        Rule("tftp-503", _NOTE, "http/1.1 503", "the node is searching other clusters for a file: phones go on by TFTP",
             source=_TFTP),
    ),
)  # fmt: skip
