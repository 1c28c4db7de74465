"""A cluster as it was seen from outside at one moment, and the facts that procedures are judged by: PURE.

Rules:

1. What the publisher's disk holds is what its ``show ctl`` prints; what it serves may be older until its TFTP restarts.
   Where nobody could log in, what it serves counts.
2. What was not seen is None, and a statement about it is not judged.
3. Serial numbers are compared without leading zeros: prompts and files write them differently.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any, Final

from mixedmode.errors import MalformedError
from mixedmode.guides.lists import list_facts, token_facts
from mixedmode.guides.live.seeing.listing import Listing
from mixedmode.numbers import whole_number
from mixedmode.pki.certificates.certificates import Certificate
from mixedmode.procedures.checks import Finding
from mixedmode.procedures.facts import Facts, ListFacts, Topic
from mixedmode.trustlist.kinds import CTL_FILE, ITL_FILE
from mixedmode.trustlist.model import TrustList

_NONE: Final = "none"
"""Stands for the checksum of a file that is not there."""


@dataclass(frozen=True, slots=True)
class NodeView:
    """A node.

    Attributes:
        name: Its name.
        publisher: Whether it is the publisher.
        served: The lists that its file service gave, by name; None for a list that it says it has not. A name that is
            missing was not answered.
        no_files: Why its file service did not answer; empty if it did.
        listing: What ``show ctl`` printed there; None if nobody looked.
        no_prompt: Why nobody could log in; empty if somebody did, or did not try.
        tftp: What its prompt says of Cisco Tftp, where its file service did not answer; empty if that is not known.
    """

    name: str
    publisher: bool
    served: Mapping[str, bytes | None] = field(default_factory=dict)
    no_files: str = ""
    listing: Listing | None = None
    no_prompt: str = ""
    tftp: str = ""

    @property
    def has_tftp(self) -> bool:
        """Whether its prompt says that Cisco Tftp is activated."""
        return bool(self.tftp) and "Not Activated" not in self.tftp

    def served_list(self, name: str = CTL_FILE) -> TrustList | None:
        """Return a list that it serves, None if there is none that can be read."""
        data = self.served.get(name)
        try:
            return None if data is None else TrustList.parse(data)
        except MalformedError:
            return None

    @property
    def served_md5(self) -> str | None:
        """Of the CTL file that it serves, ``none`` if it has none, None if that is not known."""
        if CTL_FILE not in self.served:
            return None
        found = self.served_list()
        if found is not None:
            return found.md5
        return _NONE if self.served[CTL_FILE] is None else "torn"

    @property
    def shown_md5(self) -> str | None:
        """Of the CTL file on its disk, ``none`` if it has none, None if that is not known (rule 1)."""
        if self.listing is None:
            return None
        return _NONE if self.listing.none else self.listing.md5

    @property
    def md5(self) -> str | None:
        """Of its CTL file, as far as that is known."""
        return self.shown_md5 or self.served_md5


@dataclass(frozen=True, slots=True)
class Marks:
    """What commands change, small enough to be kept.

    Attributes:
        ctl: MD5 of the publisher's CTL file, ``none`` without one.
        serial: Of the publisher's CallManager certificate.
        mode: ClusterSecurityMode.
        sast: Serial numbers in Phone-SAST-trust, None if nobody looked.
    """

    ctl: str | None = None
    serial: str | None = None
    mode: int | None = None
    sast: tuple[str, ...] | None = None

    def document(self) -> dict[str, Any]:
        """Return it as JSON."""
        sast = None if self.sast is None else list(self.sast)
        return {"ctl": self.ctl, "serial": self.serial, "mode": self.mode, "sast": sast}

    @classmethod
    def of_document(cls, document: Mapping[str, Any]) -> Marks:
        """Return what a document tells."""
        sast = document["sast"]
        return cls(document["ctl"], document["serial"], document["mode"], None if sast is None else tuple(sast))


@dataclass(frozen=True, slots=True)
class Situation:
    """A cluster at one moment.

    Attributes:
        at: When it was looked at.
        nodes: The publisher first.
        mode: ClusterSecurityMode, None if nobody could ask.
        serial: Serial number of the publisher's CallManager certificate, None if nobody could ask.
        recovery: The same of the ITLRecovery certificate; empty if there is none.
        sast: Serial numbers in Phone-SAST-trust, None if nobody asked.
        version: Of the software, as the publisher says it; empty if nobody could ask.
    """

    at: datetime
    nodes: tuple[NodeView, ...]
    mode: int | None = None
    serial: str | None = None
    recovery: str = ""
    sast: tuple[str, ...] | None = None
    version: str = ""

    @property
    def publisher(self) -> NodeView:
        """The publisher."""
        return self.nodes[0]

    @property
    def marks(self) -> Marks:
        """What commands change."""
        return Marks(self.publisher.md5, self.serial, self.mode, self.sast)

    @property
    def signs_with_recovery(self) -> bool:
        """Whether the version signs with ITLRecovery (cucm-admin.md 3: from 12.0 on)."""
        return (whole_number(self.version.split(".", 1)[0]) or 0) >= 12

    def lists(self) -> list[TrustList]:
        """Return every list that is served and can be read."""
        found = (node.served_list(name) for node in self.nodes for name in (CTL_FILE, ITL_FILE))
        return [each for each in found if each is not None]

    def published(self) -> TrustList | None:
        """Return the CTL that phones get, None if there is none that can be read."""
        return next((found for node in self.nodes if (found := node.served_list()) is not None), None)


def facts_of(
    now: Situation, choices: Mapping[str, str], *, said: tuple[str, ...] | None = None, failed: bool | None = None
) -> Facts:
    """Return the facts of a situation.

    Args:
        now: As it was seen.
        choices: What the run knows of tokens.
        said: What the last command printed.
        failed: Whether it was refused.
    """
    looked = set()
    if now.publisher.md5 is not None:
        looked.add(Topic.LISTS)
    if now.mode is not None:
        looked.add(Topic.MODE)
    if now.serial is not None:
        looked.add(Topic.CERTIFICATES)
    return Facts(
        tuple(each.name for each in now.nodes if each.md5 is not None),
        said,
        failed,
        now.mode,
        _ctl(now, choices),
        list_facts(now.publisher.served_list(ITL_FILE)),
        frozenset(each.name for each in now.nodes if each.md5 not in {None, now.publisher.md5}),
        plain_serial(now.serial),
        tokens=token_facts(choices),
        looked=frozenset(looked),
    )


def plain_serial(serial: str | None) -> str | None:
    """Return a serial number as it is compared (rule 3)."""
    if serial is None:
        return None
    return serial.replace(":", "").replace(" ", "").upper().lstrip("0")


def _ctl(now: Situation, choices: Mapping[str, str]) -> ListFacts | None:
    """Return the publisher's CTL: the file if it is served, else what is known of it by its listing (rule 1)."""
    publisher = now.publisher
    served = publisher.served_list()
    if publisher.listing is None or (served is not None and served.md5 == publisher.listing.md5):
        found = list_facts(served)
    else:
        known = {each.sha1.hex(): each.sha256.hex() for each in _certificates(now, choices)}
        found = publisher.listing.facts(known.get)
    if found is None:
        return None
    return ListFacts(
        found.md5, found.sha1, found.length, plain_serial(found.signer_serial), found.signed_by,
        found.certificates, found.callmanagers,
    )  # fmt: skip


def _certificates(now: Situation, choices: Mapping[str, str]) -> list[Certificate]:
    records = (record.certificate for each in now.lists() for record in each.records)
    chosen = (Certificate.from_pem(pem.encode()) for name, pem in choices.items() if name.startswith("token:"))
    return [each for each in (*records, *chosen) if each is not None]


def node_findings(now: Situation, known: frozenset[str]) -> list[Finding]:
    """Say of each node whether it answers.

    Args:
        now: As it was seen.
        known: The nodes whose file service answered when the run was planned; empty when it is.
    """
    found = []
    for node in now.nodes:
        if node.no_files and node.name in known:
            found.append(Finding(f"{node.name} serves files", held=False, detail=node.no_files))
        elif node.no_files and node.has_tftp:
            found.append(Finding(f"{node.name} serves files", held=False, detail=f"{node.tftp}; {node.no_files}"))
        elif node.no_files and (node.no_prompt or node.publisher):
            found.append(Finding(f"{node.name} answers", held=False, detail=node.no_prompt or node.no_files))
        elif node.no_files:
            detail = "it must be no TFTP server: phones would go on with what it serves"
            found.append(Finding(f"{node.name} serves files", held=None, detail=detail))
        else:
            found.append(Finding(f"{node.name} answers", held=True))
    return found


def served_findings(now: Situation, *, final: bool) -> list[Finding]:
    """Say of each node that serves files whether it serves the publisher's CTL file, and whether that verifies.

    Args:
        now: As it was seen.
        final: Whether its TFTP was to have restarted; before that it may serve the one before.
    """
    wanted = now.publisher.md5
    found = []
    for node in now.nodes:
        if node.no_files or wanted is None:
            continue
        ctl = node.served_list()
        if wanted == _NONE:
            what, same = f"{node.name} serves no CTL file", node.served_md5 == _NONE
        else:
            sha1 = f", SHA-1 {ctl.sha1[:8]}, signed by {_signer(ctl)}" if ctl and node.served_md5 == wanted else ""
            what, same = f"{node.name} serves the publisher's CTL file{sha1}", node.served_md5 == wanted
        detail = "" if same else "it serves another one" + ("" if final else ", until its TFTP restarts")
        found.append(Finding(what, True if same else (False if final else None), detail))
        if ctl is not None and ctl.verify().verified is False:
            found.append(Finding(f"the CTL file of {node.name} verifies", held=False, detail=f"SHA-1 {ctl.sha1}"))
    return found


def copied_findings(now: Situation) -> list[Finding]:
    """Say of each other node whether it has the publisher's CTL file; one that nobody logged in to may lag behind."""
    found = []
    for node in now.nodes[1:]:
        if node.md5 is not None and now.publisher.md5 is not None:
            same = node.md5 == now.publisher.md5
            held = (None if node.shown_md5 is None else False) if not same else True
            found.append(
                Finding(f"{node.name} has the publisher's CTL file", held, "" if same else "it has another one")
            )
    return found


def _signer(ctl: TrustList) -> str:
    signer = ctl.verify().signer
    return "nobody that it names" if signer is None else signer.common_name.strip()
