"""What phones write into their console log about trust.

SECD is the 7900 series' (seed; 7942), SECUREAPP the 7800 and 8800 series' (phone-trust.md 3.7, live-cluster.md
4.6), the ``sec...`` names an 8941's (field-notes.md C). The flush lines go to the phone's own TVS proxy; they are no
question and no answer of a server (phone-trust.md 3.6).
"""

from __future__ import annotations

from typing import Final

from mixedmode.explain import remedies
from mixedmode.explain.rules import Rule, Table, pattern
from mixedmode.explain.values import Grade

_OK, _NOTE, _WARNING, _REFUSED = Grade.OK, Grade.NOTE, Grade.WARNING, Grade.REFUSED

PHONE_CONSOLE: Final = "phone console"

CONSOLE: Final = Table(
    PHONE_CONSOLE,
    (
        Rule("list-refused", _REFUSED, "tl file verification failed", "a trust list was refused: {0}",
             pattern(r"(?<![A-Z])TL file verification failed:?\s*(.*)"), "its signer is in no list that the phone "
                  "holds, and TVS "
             "did not vouch for it, or its signature does not hold; the old list stays in force", remedies.VOUCH),
        Rule("list-unreadable", _REFUSED, "tl parse to table", "the trust list could not be read: {0}",
             pattern(r"TL parse to table:\s*(?!\w*SUCCESS)(\S+)"), "the file is damaged or too large; the old one "
                  "stays",
             remedies.LIST_AGAIN),
        Rule("list-read", _OK, "tl parse to table", "the trust list was read into the phone's table",
             pattern(r"TL parse to table:\s*\w*SUCCESS")),
        Rule("list-accepted", _OK, "tl file verified successfully", "a trust list was accepted",
             pattern(r"(?<![A-Z])TL file verified")),
        Rule("list-stored", _OK, "tl file updated", "the new trust list is stored", pattern(r"(?<![A-Z])TL file "
             r"updated")),
        Rule("first-use", _OK, "leap of faith", "the first trust list was taken without a check: the phone held none"),
        Rule("signature-holds", _OK, "hashes match", "a signature holds"),
        Rule("signature-fails", _REFUSED, "hashes do not match", "a signature does not hold",
             pattern(r"hashes do(?: not|n't) match"), "the file was changed after it was signed, or another key of the "
             "same name signed it", remedies.LIST_AGAIN),
        Rule("flush-asked", _NOTE, "tvsreqflushtvscertcache", "the phone asks its own TVS proxy to forget what TVS "
             "said "
             "before: a trust list is being changed"),
        Rule("flush-came", _NOTE, "cache flush request received", "the phone's TVS proxy was asked to forget its "
             "answers"),
        Rule("flush-done", _OK, "tvsflushcertcache", "the phone has emptied its TVS cache: a trust list was changed",
             pattern(r"tvsFlushCertCache\W*Complete")),
        Rule("proxy-failed", _WARNING, "setupsockettotvsproxy", "the phone could not reach its own TVS proxy",
             pattern(r"setupSocketToTvsProxy\W{0,4}(?!Connected).{0,120}(?:fail|error|unable|cannot|refused)"),
             "a fault inside of the phone", "restart the phone"),
        Rule("proxy", _NOTE, "setupsockettotvsproxy", "the phone spoke to its own TVS proxy: TVS may be asked"),
        Rule("proxy", _NOTE, "clptvsinit", "the phone's TVS proxy took a message of the phone"),
        Rule("proxy", _NOTE, "processtvsclntreq", "the phone's TVS proxy read a message of the phone"),
        Rule("tvs-asked", _NOTE, "processing tvs query certificate request", "the phone asks TVS about a signer that "
             "it "
             "does not know"),
        Rule("tvs-asked", _NOTE, "successfully sent the tvs request", "the phone sent its question to a TVS ({0} "
             "bytes)",
             pattern(r"bytes written\s*:\s*(\d+)")),
        Rule("tvs-asked", _NOTE, "tvsquery:", "the phone asks TVS about serial {0} of {1}",
             pattern(r"tvsQuery: serial ([0-9A-Fa-f:]*), issuer ([^;]*(?:;[A-Za-z]+=[^;]*)*)")),
        Rule("tvs-failed", _WARNING, "failed to send the tvs request", "the phone could not send its question to a TVS",
             None, "no TVS answers, or none whose certificate its ITL holds", remedies.ASK_TVS),
        Rule("tvs-not-used", _WARNING, "tvs not used", "the phone did not use TVS: {0}", pattern(r"(.{0,80}TVS not "
             r"used)"),
             "the server's certificate is no TVS record of the ITL that the phone holds", remedies.ASK_TVS),
        Rule("tvs-not-used", _WARNING, "tvs not in trust list", "the phone did not use TVS: its certificate is not "
             "in the "
             "phone's ITL", None, "all TVS certificates were made again, or the ITL is blank", remedies.ASK_TVS),
        Rule("tvs-cached", _OK, "added cert to tvs cache", "TVS vouched for the certificate; the answer is kept for "
             "{0}",
             pattern(r"expires in ([\w. ]+)")),
        Rule("tvs-vouched", _OK, ": certificate found, roles", "TVS vouched for the certificate with roles {0}",
             pattern(r"certificate found, roles ([\d, ]*\d)")),
        Rule("tvs-unknown", _WARNING, "the certificate is not known", "TVS does not know the signer",
             pattern(r"TVS(?: cache)?: the certificate is not known"), "its certificate is in no trust store of the "
             "cluster that TVS looks into", remedies.UPLOAD_SAST),
        Rule("tvs-silent", _WARNING, "no server could be asked", "no TVS could be asked", pattern(r"TVS(?: cache)?: "
             r"no ser"),
             "no server answers, or none whose certificate is a TVS record of the phone's ITL", remedies.ASK_TVS),
        Rule("tvs-role", _NOTE, "role is =", "the server that the phone connected to has role {0}",
             pattern(r"Role is = *(\d+)")),
        Rule("header-pad", _NOTE, "start of pad", "normal: the header of the list ends in a pad"),
        Rule("header-version", _NOTE, "knows only upto", "normal: the list's version is newer than the phone knows; "
             "it is "
             "read all the same", pattern(r"hdr ver \d")),
        Rule("header-skip", _NOTE, "trail bytes", "normal: bytes behind the header's known part are skipped"),
        Rule("header-skip", _NOTE, "early exit from parser loop", "normal: the parser ends behind the header's known "
             "part"),
        Rule("config-refused", _REFUSED, "authenticated fail", "the configuration was refused: {0}",
             pattern(r"(invalid file .{0,80}authenticated fail.{0,40})"), "it was signed by a key that the phone's "
                  "ITL does "
             "not name: the phone holds a wrong ITL", remedies.VOUCH_FILE),
        Rule("config-refused", _REFUSED, "file rejected", "a file was refused: {0}",
             pattern(r"File rejected\W+<?(.*)"), "who signed it stands in no list of the phone as TFTP server, or it "
                  "is not "
             "signed", remedies.VOUCH_FILE),
        Rule("unsigned", _NOTE, "assume tftp nonsecure", "the phone takes files without a signature: {0}",
             pattern(r"lookupCTL:\s*\**\s*(.*?),? assume")),
        Rule("unsigned-taken", _NOTE, "non secure file approved", "an unsigned file was taken"),
        Rule("signed-taken", _OK, "authenticated file approved", "a signed file was taken; from now on .sgn is asked "
             "for"),
        Rule("signed-taken", _OK, "signed file approved", "a signed file was taken"),
        Rule("firmware-refused", _REFUSED, "auth fail", "a file's signature was refused",
             pattern(r"(?<!file )\bAuth(?:entication)? ?Fail(?:ed)?\b"), "of firmware: the phone's "
             "present one is too old to know the key that signs the new one", remedies.FIRMWARE),
        Rule("transfer-done", _OK, "xxtp complete", "a file came", pattern(r"status = 100\b")),
        Rule("transfer-failed", _NOTE, "xxtp complete", "a file did not come: status {0}", pattern(r"status = (\d+)"),
             "the file is not on this server, or the transfer broke off"),
        Rule("limit", _NOTE, "downdload will be limited", "normal: the phone takes files of at most 2048 KB"),
        Rule("not-found", _NOTE, "(1+1)file not found", "the server has no such file (TFTP error 1)"),
        Rule("http-ok", _NOTE, "ghttp-hdr->http/", "the server answered {0} over HTTP",
             pattern(r"GHTTP-hdr->HTTP/\S+ (\d{3})")),
        Rule("first-use", _NOTE, "secprocesstrustfile", "the phone reads a first trust list",),
        Rule("boot", _NOTE, "secgettrustlistfiles", "the phone asks for its trust lists"),
        Rule("boot", _NOTE, "secinitsecurity", "the phone's security starts"),
        Rule("wiped", _WARNING, "remove /nvdata/securedata", "the phone wiped its own lists: its flash was damaged",
             pattern(r"CRC Error"), "it takes the next lists unchecked, as after a reset by hand"),
        Rule("802.1x", _WARNING, "ssl_error_want_read", "802.1X failed", None, "RADIUS still has the CAPF "
             "certificate from "
             "before it was made again", remedies.LEARN_802_1X),
        Rule("alarm-waits", _NOTE, "requesting alarm to be sent", "the phone will report its lists when it registers"),
        Rule("alarm-waits", _NOTE, "storealarm", "the phone's report on its lists waits for the next registration"),
        Rule("lsc-used", _NOTE, "type=lsc", "the phone shows its LSC"),
        Rule("lsc-used", _NOTE, "type=mic", "the phone shows its MIC"),
        Rule("plain-transfer", _NOTE, "sec=0", "a file is asked for over a plain connection", pattern(r"\bsec=0\b")),
        Rule("asked", _NOTE, "tftp: requesting ", "the phone asks for {0}", pattern(r"requesting (\S+)")),
        Rule("came", _OK, " received by ", "{0} came", pattern(r"(\S+) received by \S+, \d+ bytes")),
        Rule("list-kept", _NOTE, "tl: ", "the phone's {0}: {1}", pattern(r"\bSEC(?:D|UREAPP): ([CI]TL): (.+)")),
    ),
)  # fmt: skip
