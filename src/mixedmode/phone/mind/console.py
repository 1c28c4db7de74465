"""What a phone writes into its console log about trust, in the wording of the models' own processes.

SECD is the 7900 series' (seed; ``lookupCTL`` and ``Non secure file approved`` from a 7942), SECUREAPP the
8800 series' (phone-trust.md 3.7). The flush lines stand around a TVS question as the seed shows them: they
are messages to the phone's own TVS proxy, always 3708 bytes long, not the question itself (3.6).
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from typing import TYPE_CHECKING, Final

from mixedmode.phone.mind.models import ConsoleStyle
from mixedmode.phone.mind.trust.decisions import (
    Decision,
    ListKind,
    Outcome,
    Reason,
    TvsAnswer,
    TvsOutcome,
    TvsQuestion,
    Voucher,
)
from mixedmode.pki.certificates.names import serial_text

if TYPE_CHECKING:
    from mixedmode.phone.mind.config import TvsServer
    from mixedmode.phone.mind.models import PhoneModel

_PROXY_LENGTH: Final = 3708


@dataclass(frozen=True, slots=True)
class Note:
    """One line, not yet numbered and timed: level NOT, WRN or ERR, the process, its words."""

    level: str
    process: str
    text: str

    def line(self, number: int, moment: datetime) -> str:
        """Return the line as the console shows it: ``8074: NOT 23:00:22.335499 SECD: ...``."""
        return f"{number}: {self.level} {moment:%H:%M:%S.%f} {self.process}: {self.text}"


class Console:
    """Collects the notes of one phone.

    Args:
        model: Decides about the wording.
    """

    __slots__ = ("_asked_tvs", "_checks_files", "_modern", "_notes", "_process")

    def __init__(self, model: PhoneModel) -> None:
        self._modern = model.console is ConsoleStyle.SECUREAPP
        self._process = model.console.value
        self._checks_files = model.signed_config
        self._notes: list[Note] = []
        self._asked_tvs = False

    def take(self) -> list[Note]:
        """Return the notes since the last call."""
        notes, self._notes = self._notes, []
        return notes

    def _add(self, text: str, level: str = "NOT", process: str | None = None) -> None:
        self._notes.append(Note(level, process or self._process, text))

    def asked(self, name: str) -> None:
        """A file is asked for."""
        self._add(f"requesting {name}", process="TFTP")

    def received(self, name: str, size: int, transport: str) -> None:
        """A file came."""
        self._add(f"{name} received by {transport}, {size} bytes", process="TFTP")

    def not_found(self, name: str) -> None:
        """The server has no such file."""
        self._add(f"File Not Found <{name}>", "WRN", "TFTP")

    def failed(self, name: str, why: str) -> None:
        """A file did not come."""
        self._add(f"{name}: {why}", "ERR", "TFTP")

    def unsigned_files(self, *, holds_ctl: bool) -> None:
        """The phone will take files without a signature: no list names a TFTP server, or the model checks none."""
        why = "** no CTL"
        if holds_ctl:
            why = "no TFTP certificate in the CTL" if self._checks_files else "this model checks no signed files"
        self._add(f"lookupCTL: {why}, assume TFTP NONSECURE")

    def question(self, question: TvsQuestion, servers: tuple[TvsServer, ...]) -> None:
        """TVS is about to be asked."""
        if self._modern:
            self._add("process request - processing TVS Query Certificate request", process="SECUREAPP-TVS")
        else:
            self._flush_request()
        self._asked_tvs = True
        where = ", ".join(f"{server.address}:{server.port}" for server in servers)
        self._add(f"tvsQuery: serial {serial_text(question.serial)}, issuer {question.issuer}; servers {where}")

    def answer(self, answer: TvsAnswer, *, cached: bool) -> None:
        """TVS answered, or the cache did."""
        source = "TVS cache" if cached else "TVS"
        if answer.outcome is TvsOutcome.KNOWN:
            roles = ", ".join(map(str, sorted(answer.roles)))
            self._add(f"{source}: certificate found, roles {roles}, {answer.ttl} s to live")
            if not cached and answer.ttl:
                self._add(f"added cert to TVS cache - expires in {answer.ttl / 3600:g} hours")
        elif answer.outcome is TvsOutcome.UNKNOWN:
            self._add(f"{source}: the certificate is not known", "WRN")
        else:
            self._add(f"{source}: no server could be asked", "ERR")

    def list_decision(self, kind: ListKind, name: str, decision: Decision) -> None:
        """A trust list was judged."""
        asked, self._asked_tvs = self._asked_tvs, False
        if decision.outcome is Outcome.ACCEPT:
            if decision.voucher is Voucher.FIRST_USE:
                self._add("Using leap of faith to accept TL file")
            if self._modern:
                self._add("Hashes match... authentication successful")
                self._add(f"updateFromFile: TL parse to table: {kind}_SUCCESS")
            self._add(f"TL file verified successfully: {name}: {decision.text}")
            self._add(f"TL file updated: /{kind.filename}")
            if not self._modern:
                if not asked:
                    self._flush_request()
                self._flush_reply()
        elif decision.outcome is Outcome.REJECT:
            self._add(f"TL file verification failed: {name}: {decision.text}", "ERR")
        elif decision.reason is not Reason.NOT_ASKED:
            self._add(f"{kind}: {decision.text}")

    def config_decision(self, name: str, decision: Decision) -> None:
        """A configuration file was judged."""
        if decision.outcome is Outcome.REJECT:
            self._add(f"File rejected -- <{name}>: {decision.text}", "ERR")
        elif decision.reason in {Reason.NON_SECURE, Reason.ROLLBACK}:
            self._add(f"Non secure file approved -- <{name}>")
        elif decision.outcome is Outcome.ACCEPT:
            self._add(f"Signed file approved -- <{name}>: {decision.text}")

    def remark(self, text: str) -> None:
        """Anything else worth a line."""
        self._add(text, "WRN")

    def _flush_request(self) -> None:
        self._add("setupSocketToTvsProxy: Connected to TVS proxy server")
        self._add(f"tvsReqFlushTvsCertCache: Sent Request to TVS proxy, len: {_PROXY_LENGTH}")

    def _flush_reply(self) -> None:
        self._add("clpTvsInit: Client message received on TVS proxy socket")
        self._add(f"processTvsClntReq: Success reading the client TVS request, len : {_PROXY_LENGTH}")
        self._add("processTvsClntReq: TVS Certificate cache flush request received")
        self._add("tvsFlushCertCache: Completed TVS Certificate cache flush request")
