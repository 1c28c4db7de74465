"""From facts to findings: what is wrong, why it matters, and a remedy that says what it will do.

Rules:

1. A finding's ``id`` is made of what it is about and nothing else, so that it is the same as long as it holds: pages
   check one again by it, and monitoring can tell a new one from an old one.
2. Worst first: what loses phones now, what is about to, what only waits for a date. Within that, in the facts' order.
3. One cause is one finding. What many nodes share (a restart that waits) is told once, with their names.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from enum import StrEnum
from typing import Final, NamedTuple

from mixedmode.articles import with_article
from mixedmode.audit.facts import CertificateFact, Facts, ListFact, ServiceFact
from mixedmode.cluster.model.topology import Service

SOON_DAYS: Final = 90
URGENT_DAYS: Final = 30
_SHOWN: Final = 3


class Severity(StrEnum):
    """How bad it is, worst first."""

    CRITICAL = "critical"
    """Phones are lost, or are served by nobody."""
    WARNING = "warning"
    """Phones will be lost by what people are likely to do next, or by a date that is near."""
    NOTICE = "notice"
    """It waits for somebody."""


class Kind(StrEnum):
    """What a finding is about; begins its ``id``."""

    LOCKED_OUT = "phones-locked-out"
    STOPPED = "service-stopped"
    CUT_OFF = "operation-cut-off"
    NO_LIST = "list-missing"
    LIST_DIFFERS = "list-differs"
    CTL_OLD = "ctl-older-than-certificates"
    RESTART = "restart-needed"
    FROZEN = "phones-frozen"
    BEHIND = "phones-behind"
    ENDED = "certificate-ended"
    ENDING = "certificate-ends"


_ORDER: Final = {severity: place for place, severity in enumerate(Severity)}


@dataclass(frozen=True, slots=True)
class Finding:
    """Something that is wrong.

    Attributes:
        id: Its stable name (rule 1), such as ``service-stopped/cucm-sub1/Cisco-Tftp``.
        kind: What it is about.
        severity: How bad it is.
        what: One sentence, with a number where there is one.
        cause: Why that is bad, in one sentence.
        remedy: What to do, and what that will do.
        command: The same at the ``admin:`` prompt of :attr:`node`; empty if there is none.
        node: Where; empty for the whole cluster.
        subject: The service, unit or outcome that it is about.
        phones: How many phones it concerns; 0 if that is not known.
    """

    id: str
    kind: Kind
    severity: Severity
    what: str
    cause: str
    remedy: str
    command: str = ""
    node: str = ""
    subject: str = ""
    phones: int = 0


def findings(facts: Facts) -> list[Finding]:
    """Return what is wrong, worst first."""
    found = [finding for look in _LOOKS for finding in look(facts)]
    return sorted(found, key=lambda each: _ORDER[each.severity])


def _stopped(facts: Facts) -> Iterator[Finding]:
    for each in facts.services:
        if each.is_running or each.service not in _NEEDED:
            continue
        cause, gain = _NEEDED[each.service]
        critical = each.service in _SERVES_PHONES and (each.phones > 0 or each.service is Service.TFTP)
        concerned = f" {_phones(each.phones)} {_have(each.phones)} it in their list." if each.phones else ""
        yield Finding(
            _id(Kind.STOPPED, each.node, each.service),
            Kind.STOPPED,
            Severity.CRITICAL if critical else Severity.WARNING,
            f"{each.service} on {each.node} is stopped.",
            f"{cause}{concerned}",
            f"Start it: {gain}",
            f"utils service start {each.service}",
            each.node,
            each.service.value,
            each.phones,
        )


_NEEDED: Final[Mapping[Service, tuple[str, str]]] = {
    Service.TVS: (
        "Phones that do not know a signer cannot ask there, and refuse lists and files that they would have taken.",
        "phones can ask again; nothing else changes.",
    ),
    Service.TFTP: (
        "Phones that start get no list and no configuration from it.",
        "it reads its files anew, and makes its ITL anew if the present one says something else.",
    ),
    Service.CALLMANAGER: ("No phone is registered there.", "phones register again by themselves."),
    Service.CAPF: (
        "No phone gets a certificate (LSC), and none that has to prove itself can renew it.",
        "phones that wait for a certificate get it at their next try.",
    ),
    Service.CTL_PROVIDER: (
        "The CTL Client cannot reach this node, so no CTL can be made with security tokens.",
        "the CTL Client can reach it; phones notice nothing.",
    ),
}
_SERVES_PHONES: Final = frozenset({Service.TVS, Service.TFTP, Service.CALLMANAGER})


def _cut_off(facts: Facts) -> Iterator[Finding]:
    left = facts.cut_off
    if left is not None:
        yield Finding(
            _id(Kind.CUT_OFF, left.operation),
            Kind.CUT_OFF,
            Severity.WARNING,
            f"{left.operation}, asked for by {left.user}, was cut off.",
            "The process that worked on it ended first; lists and database may say different things until it is ended.",
            "The next change, or a restart of the program on the publisher, finishes it or takes it back first.",
            subject=left.operation,
        )


def _lists(facts: Facts) -> Iterator[Finding]:
    for each in facts.lists:
        if each.held == each.published:
            continue
        about = _missing_list(each) if not each.held else _other_list(each)
        waits = f" It waits for the node: {each.waits}." if each.waits else ""
        yield Finding(
            _id(about.kind, each.node, each.kind),
            about.kind,
            about.severity,
            about.what,
            f"{about.cause}{waits}",
            about.remedy,
            about.command,
            each.node,
            each.kind,
        )


class _About(NamedTuple):
    kind: Kind
    severity: Severity
    what: str
    cause: str
    remedy: str
    command: str


def _missing_list(each: ListFact) -> _About:
    """Somebody may have deleted it on purpose: then it stays away until somebody publishes it again."""
    again = "utils ctl update CTLFile" if each.kind == "CTL" else f"utils service restart {Service.TFTP}"
    return _About(
        Kind.NO_LIST,
        Severity.NOTICE if not each.waits else Severity.WARNING,
        f"{each.node} has no {each.kind}, and one is published.",
        "Phones that ask there get none and keep what they hold.",
        f"If nobody deleted it on purpose: {again}. That makes the {each.kind} anew where it says something new.",
        again,
    )


def _other_list(each: ListFact) -> _About:
    file = f"{each.kind}File.tlv"
    if not each.published:
        return _About(
            Kind.LIST_DIFFERS,
            Severity.WARNING,
            f"{each.node} serves {with_article(each.kind)} that nobody published.",
            f"It is {each.held[:8]}: phones that ask there get it, if they trust its signer.",
            "Find out where it is from; deleting it there changes nothing for phones that hold one already.",
            f"file delete tftp {file}",
        )
    return _About(
        Kind.LIST_DIFFERS,
        Severity.WARNING,
        f"{each.node} does not have the published {each.kind}.",
        f"It is {each.held[:8]} there and {each.published[:8]} as published: phones get what their node has.",
        f"Restart Cisco Tftp on {each.node}: before it serves anything it puts the published one in its place.",
        f"utils service restart {Service.TFTP}",
    )


def _ctl(facts: Facts) -> Iterator[Finding]:
    ctl = facts.ctl
    if not ctl.is_wanted or not ctl.missing:
        return
    missing = [f"{purpose} of {node}" for node, purpose in ctl.missing]
    how = "the CTL Client with a token that the phones know" if ctl.by_tokens else "utils ctl update CTLFile"
    yield Finding(
        _id(Kind.CTL_OLD),
        Kind.CTL_OLD,
        Severity.CRITICAL,
        f"The CTL is older than {len(missing)} {'certificate' if len(missing) == 1 else 'certificates'} in use.",
        f"It does not have {_named(missing)}: phones in a secure mode do not trust who shows it.",
        f"Run {how}, then restart Cisco Tftp and Cisco CallManager on every node: a new CTL with the certificates "
        "in use goes to every node, and phones take it when they restart.",
        "" if ctl.by_tokens else "utils ctl update CTLFile",
        subject="CTL",
    )


def _restarts(facts: Facts) -> Iterator[Finding]:
    waiting: dict[Service, list[ServiceFact]] = {}
    for each in facts.services:
        if each.restart_needed is not None and each.is_running:
            waiting.setdefault(each.service, []).append(each)
    for service, where in waiting.items():
        nodes = [each.node for each in where]
        since = min(each.restart_needed for each in where if each.restart_needed is not None)
        yield Finding(
            _id(Kind.RESTART, service),
            Kind.RESTART,
            Severity.WARNING if service in _SERVES_PHONES else Severity.NOTICE,
            f"{service} was not restarted since a certificate, list or parameter changed, on {_named(nodes)}.",
            f"It serves what was before {since:%Y-%m-%d %H:%M} UTC until then.",
            f"Restart it on {_named(nodes)}: {_RESTARTED.get(service, 'it takes what is new.')}",
            f"utils service restart {service}",
            nodes[0] if len(nodes) == 1 else "",
            service.value,
            sum(each.phones for each in where),
        )


_RESTARTED: Final[Mapping[Service, str]] = {
    Service.TFTP: "it serves the new files from then on; phones that ask meanwhile try again.",
    Service.TVS: "it shows its new certificate; phones that ask meanwhile try another node.",
    Service.CALLMANAGER: "it shows its new certificate; its phones register anew, on this node or another.",
    Service.TOMCAT: "these pages show the new certificate; they are away for a few seconds.",
}


def _phones_of(facts: Facts) -> Iterator[Finding]:
    for outcome, kind, severity, word, cause, remedy in _OUTCOMES:
        number = facts.phones.get(outcome, 0)
        if number:
            yield Finding(
                _id(kind),
                kind,
                severity,
                f"{_phones(number)} {_are(number)} {word}.",
                cause,
                remedy,
                subject=outcome,
                phones=number,
            )


_OUTCOMES: Final = (
    (
        "locked-out",
        Kind.LOCKED_OUT,
        Severity.CRITICAL,
        "locked out",
        "They cannot register in their security mode, and take nothing that the cluster publishes now.",
        "Look at them by reason: each has its next step, some from here, some at the phone itself.",
    ),
    (
        "frozen",
        Kind.FROZEN,
        Severity.WARNING,
        "frozen",
        "They work, but take no new list and no signed configuration: the next change of a certificate locks them out.",
        "Look at them by reason before anything else is changed: each has its next step.",
    ),
    (
        "behind",
        Kind.BEHIND,
        Severity.NOTICE,
        "behind",
        "They hold an older list, and would take the newest.",
        "Reset them: they fetch their lists and are back within minutes; calls in progress go on until they end.",
    ),
)


def _certificates(facts: Facts) -> Iterator[Finding]:
    own = {each.sha256 for each in facts.certificates if not each.is_trust}
    told: set[tuple[str, str]] = set()
    for each in sorted(facts.certificates, key=lambda one: one.not_after):
        days = (each.not_after - facts.now).days
        # A node's own certificate is in trust stores too; it is told once, under its own name.
        if days > SOON_DAYS or (each.is_trust and each.sha256 in own) or (each.sha256, each.node) in told:
            continue
        told.add((each.sha256, each.node))
        yield _ending(each, days)


def _ending(each: CertificateFact, days: int) -> Finding:
    ended = days < 0
    whose = f"{each.unit} of {each.node}" if each.node else f"{each.name} in {each.unit}"
    when = f"ended {_days(-days)} ago" if ended else f"ends in {_days(days)}" if days else "ends today"
    severity = Severity.CRITICAL if ended and not each.is_trust else Severity.WARNING
    if each.is_trust or days > URGENT_DAYS:
        severity = Severity.NOTICE
    if each.is_trust:
        cause, command = "Who shows it is not believed after that.", ""
        remedy = f"Delete it from {each.unit} if nobody needs it, or upload the one that follows it."
    else:
        cause = _SHOWN_BY.get(each.unit, "Who checks its dates refuses it after that.")
        remedy = (
            "Renew it with the forecast before: it says which phones follow, and which restarts and CTL belong to it."
        )
        command = f"set cert regen {each.unit}"
    return Finding(
        _id(Kind.ENDED if ended else Kind.ENDING, each.node or each.unit, each.unit if each.node else each.sha256[:16]),
        Kind.ENDED if ended else Kind.ENDING,
        severity,
        f"{whose} {when}.",
        f"{each.not_after:%Y-%m-%d} is its last day. {cause}",
        remedy,
        command,
        each.node,
        each.unit,
    )


_SHOWN_BY: Final[Mapping[str, str]] = {
    "CallManager": "It signs the ITL and configurations, and CallManager shows it to phones in a secure mode.",
    "TVS": "Phones do not believe a TVS whose certificate has ended.",
    "CAPF": "It issued the phones' certificates (LSC).",
    "ITLRecovery": "It is what brings phones back when the CallManager certificate is lost.",
    "tomcat": "Browsers and tools warn of it.",
}

_LOOKS: Final[Sequence[Callable[[Facts], Iterator[Finding]]]] = (
    _phones_of,
    _stopped,
    _ctl,
    _lists,
    _restarts,
    _cut_off,
    _certificates,
)


def _id(kind: Kind, *parts: str) -> str:
    return "/".join([kind.value, *("-".join(str(part).split()) for part in parts)])


def _phones(number: int) -> str:
    return f"{number:,} {'phone' if number == 1 else 'phones'}"


def _are(number: int) -> str:
    return "is" if number == 1 else "are"


def _have(number: int) -> str:
    return "has" if number == 1 else "have"


def _days(number: int) -> str:
    return f"{number:,} {'day' if number == 1 else 'days'}"


def _named(names: Sequence[str]) -> str:
    if len(names) > _SHOWN + 1:
        return f"{', '.join(names[:_SHOWN])} and {len(names) - _SHOWN} more"
    return names[0] if len(names) == 1 else f"{', '.join(names[:-1])} and {names[-1]}"
