"""What can be seen of a cluster and its phones at one moment, typed, whoever looked: a lab, a node, a CUCM over SSH.

Rules:

1. What was not looked at, or cannot be seen from where one stands, is None; a statement about it is then not judged.
2. Serial numbers are upper-case hex without colons, checksums lower-case hex.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import StrEnum


class Topic(StrEnum):
    """What an observer is asked to look at."""

    MODE = "mode"
    LISTS = "lists"
    CERTIFICATES = "certificates"
    SERVICES = "services"
    PHONES = "phones"
    TVS = "tvs"
    REGISTRATIONS = "registrations"
    CALLS = "calls"


class Token(StrEnum):
    """The security tokens of a procedure by what they are to it."""

    FIRST = "the first eToken"
    SECOND = "the second eToken"
    NEW = "a new eToken"


class PhoneKind(StrEnum):
    """What decides how a phone follows a new list."""

    WITH_ITL = "Security by Default, holding an ITL"
    WITHOUT_ITL = "Security by Default, holding no ITL"
    LEGACY = "without Security by Default"

    @property
    def asks_tvs(self) -> bool:
        """Whether it can ask TVS: an ITL names the servers."""
        return self is PhoneKind.WITH_ITL


@dataclass(frozen=True, slots=True)
class ListFacts:
    """A trust list.

    Attributes:
        md5: Checksum of the file.
        sha1: The same as SHA-1.
        length: In bytes.
        signer_serial: Serial number of the signer that the header names, None if it names none.
        signed_by: SHA-256 of the record's certificate by which the signature holds, None if it does not.
        certificates: SHA-256 of each certificate in a record.
        callmanagers: How many records of call managers carry a certificate.
    """

    md5: str
    sha1: str
    length: int
    signer_serial: str | None
    signed_by: str | None
    certificates: frozenset[str]
    callmanagers: int


@dataclass(frozen=True, slots=True)
class ShownList:
    """What ``show ctl`` printed.

    Attributes:
        md5: None if there is no file.
        sha1: The same as SHA-1.
        verified: Whether it says that the signature holds.
    """

    md5: str | None
    sha1: str | None
    verified: bool


@dataclass(frozen=True, slots=True)
class TokenFacts:
    """A security token.

    Attributes:
        label: Its name on the reader, such as ``SAST-ADN008580ef``.
        certificate: SHA-256 of its certificate.
    """

    label: str
    certificate: str


@dataclass(frozen=True, slots=True)
class TvsFacts:
    """What TVS of a node traced.

    Attributes:
        cached: Serial numbers that it took from the CTL file into its cache.
        answers: Serial number, cache (``DB`` or ``CTL``) and number of roles of each certificate that it found for a
            phone.
    """

    cached: frozenset[str]
    answers: frozenset[tuple[str, str, int]]


@dataclass(frozen=True, slots=True)
class PhoneFacts:
    """A phone after its last start.

    Attributes:
        name: Device name.
        model: Its model.
        security_by_default: Whether it asks for an ITL and may ask TVS.
        ctl_md5: Checksum of the CTL that it holds, None without one.
        ctl_sha1: The same as SHA-1.
        itl_md5: Checksum of the ITL that it holds, None without one.
        refused: Whether it refused a file.
        keeps_old: Whether it refused a list for its signer and keeps an older one.
        alarm: Name of its trust list alarm.
    """

    name: str
    model: str
    security_by_default: bool
    ctl_md5: str | None
    ctl_sha1: str | None
    itl_md5: str | None
    refused: bool = False
    keeps_old: bool = False
    alarm: str | None = None

    @property
    def kind(self) -> PhoneKind:
        """What decides how it follows a new list."""
        if not self.security_by_default:
            return PhoneKind.LEGACY
        return PhoneKind.WITHOUT_ITL if self.itl_md5 is None else PhoneKind.WITH_ITL


@dataclass(frozen=True, slots=True)
class StationFacts:
    """A phone that can register, as its CallManager and the phone itself have it.

    Attributes:
        name: Device name.
        security: ``non-secure``, ``authenticated`` or ``encrypted``; empty if it is not registered.
        certificate: ``LSC`` or ``MIC``, by which it is registered; None without TLS.
        has_lsc: Whether the phone holds an LSC of the present CAPF that is valid now.
        encrypted_configuration: Whether its configuration came encrypted to it.
        told: What it was told when it was refused; empty if it was not.
    """

    name: str
    security: str = ""
    certificate: str | None = None
    has_lsc: bool = False
    encrypted_configuration: bool = False
    told: str = ""


@dataclass(frozen=True, slots=True)
class CallFacts:
    """A call between two phones.

    Attributes:
        caller: Device name.
        called: Device name.
        connected: Whether it was answered.
        icons: What the two phones showed: ``lock``, ``shield`` or nothing.
        media: How sound went between them, sent and received at each end: ``SRTP``, ``RTP`` or ``none``.
        heard: Whether each recognised the tone of the other.
    """

    caller: str
    called: str
    connected: bool = False
    icons: tuple[str, ...] = ()
    media: frozenset[str] = frozenset()
    heard: bool = False

    @property
    def words(self) -> str:
        """How it went, for people."""
        if not self.connected:
            return "not answered"
        shown = ", ".join(sorted({icon or "no icon" for icon in self.icons}))
        return f"{', '.join(sorted(self.media))}, {shown}{'' if self.heard else ', nothing heard'}"


@dataclass(frozen=True, slots=True)
class Facts:
    """What was seen; see the module's rules.

    Attributes:
        nodes: The nodes that serve files, the publisher first.
        said: What the last act printed; None if a person did it, and only that person saw it.
        failed: Whether the last act was refused.
        mode: ClusterSecurityMode.
        ctl: The publisher's CTL; None with :data:`Topic.LISTS` looked at means that there is none.
        itl: The publisher's ITL.
        differing: Nodes whose CTL is not the publisher's.
        looked: The topics that were looked at.
        callmanager_serial: Serial number of the publisher's CallManager certificate.
        capf_serial: Serial number of the publisher's CAPF certificate.
        awaiting_restart: Nodes and services that run with what was before the last change.
        phones: Each phone after its last start.
        tvs: By node.
        stations: Each phone that can register.
        calls: Those of the last act.
        tokens: Those that were made or inserted so far.
    """

    nodes: tuple[str, ...] = ()
    said: tuple[str, ...] | None = None
    failed: bool | None = None
    mode: int | None = None
    ctl: ListFacts | None = None
    itl: ListFacts | None = None
    differing: frozenset[str] | None = None
    callmanager_serial: str | None = None
    capf_serial: str | None = None
    awaiting_restart: frozenset[tuple[str, str]] | None = None
    phones: tuple[PhoneFacts, ...] | None = None
    tvs: Mapping[str, TvsFacts] | None = None
    stations: tuple[StationFacts, ...] | None = None
    calls: tuple[CallFacts, ...] | None = None
    tokens: Mapping[Token, TokenFacts] = field(default_factory=dict)
    looked: frozenset[Topic] = frozenset()
