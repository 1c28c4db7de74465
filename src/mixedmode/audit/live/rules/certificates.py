"""Rules about certificates: how long they hold, how strong they are, what they are called (C1, C7, C8, C11, C15)."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Final

from mixedmode.audit.live.abilities import uses_large_keys
from mixedmode.audit.live.certificate import CertificateFacts
from mixedmode.audit.live.finding import Finding, Gap, Severity, Step, finding_id
from mixedmode.audit.live.models import Able
from mixedmode.audit.live.remedies import renew
from mixedmode.audit.live.rules.telling import about_phones, number_of
from mixedmode.audit.live.scene import Scene, told
from mixedmode.live.observed import Source
from mixedmode.numbers import whole_number
from mixedmode.trustlist.roles import Role

CRITICAL_DAYS: Final = 14
WARNING_DAYS: Final = 60
INFORMATION_DAYS: Final = 180
SHORTEST_RSA: Final = 2048
CLOCKS_AGREE: Final = 300
"""Seconds that two clocks may differ before a certificate counts as not valid yet."""
_WEAK_HASHES: Final = frozenset({"md5", "sha1"})
_WATCHED: Final = frozenset(
    {"CallManager", "CallManager-ECDSA", "TVS", "ITLRecovery", "CAPF", "tomcat", "tomcat-ECDSA"}
)
_NAMED_AFTER_HOSTS: Final = frozenset({"CallManager", "CallManager-ECDSA", "TVS", "tomcat", "tomcat-ECDSA"})
_LISTED_AS: Final = frozenset({Role.CCM, Role.CCM_TFTP, Role.TFTP})


def in_use(scene: Scene) -> dict[tuple[str, str, str], tuple[CertificateFacts, str]]:
    """Return the certificates that nodes use, each once: by node, purpose and SHA-256, with where it was seen.

    Where nobody shows a certificate of a node's purpose, its record in a list stands for it.
    """
    found: dict[tuple[str, str, str], tuple[CertificateFacts, str]] = {}
    for each in scene.identities:
        found.setdefault((each.node, each.unit, each.facts.sha256), (each.facts, f"{each.how}, {told(each.seen)}"))
    shown = {(node, unit) for node, unit, _ in found}
    for seen, listed in scene.readable():
        for record in listed.records:
            facts = scene.record_facts(record)
            if facts is None:
                continue
            unit = _unit_of(record.role, facts)
            node = scene.node_of(record.dns_name) or scene.node_of(record.ip_address) or record.dns_name or seen.node
            if unit and (node, unit) not in shown:
                place = f"record {record.number} ({record.role_label}) of {seen.name}, {told(seen.seen)}"
                found.setdefault((node, unit, facts.sha256), (facts, place))
    return found


def _unit_of(role: Role | None, facts: CertificateFacts) -> str:
    if facts.is_token:
        return "security token"
    if role is Role.SAST:
        return "ITLRecovery" if facts.is_recovery else ""
    if role in {Role.TVS, Role.CAPF}:
        return "TVS" if role is Role.TVS else "CAPF"
    if role not in _LISTED_AS:
        return ""
    return "CallManager-ECDSA" if facts.key_kind == "EC" else "CallManager"


def expiry(scene: Scene) -> Iterator[Finding | Gap]:
    """C1: an identity certificate has ended, ends soon, or is not valid yet."""
    certificates = in_use(scene)
    for (node, unit, _), (facts, where) in sorted(certificates.items(), key=lambda item: item[1][0].not_after):
        if facts.pasted_sha1:
            yield Gap(f"the dates of the {unit} certificate", node, f"a listing does not show them; {where}")
            continue
        seconds = (facts.not_after - scene.now).total_seconds()
        early = (facts.not_before - scene.now).total_seconds() > CLOCKS_AGREE
        if seconds > INFORMATION_DAYS * 86400 and not early:
            continue
        days = int(abs(seconds) // 86400)
        if early:
            title = f"The {unit} certificate of {node} is not valid before {facts.not_before:%Y-%m-%d %H:%M} UTC."
        elif seconds < 0:
            title = f"The {unit} certificate of {node} ended {_days(days)} ago."
        else:
            title = f"The {unit} certificate of {node} ends in {_days(days)}."
        lesser = unit not in _WATCHED
        severity = _expiry_severity(seconds, early=early)
        if lesser and severity is Severity.CRITICAL:
            severity = Severity.SERIOUS
        steps = (
            (Step("Give the CTL another token with the CTL Client before this one ends", "mixedmode ctl-client"),)
            if facts.is_token
            else renew(unit, node, scene.publisher, mixed=scene.is_mixed)
        )
        said = f"{facts.words}: valid from {facts.not_before:%Y-%m-%d} to {facts.not_after:%Y-%m-%d %H:%M} UTC; {where}"
        yield Finding(
            finding_id("C1", node, unit),
            "C1",
            severity,
            title,
            (said,),
            steps,
            node,
            count=scene.phones_at[node] or scene.phone_count,
        )
    if not certificates:
        yield Gap("certificates in use", "", "no list, certificate store or TLS port was seen")


def _expiry_severity(seconds: float, *, early: bool) -> Severity:
    if early or seconds < CRITICAL_DAYS * 86400:
        return Severity.CRITICAL
    return Severity.MODERATE if seconds < WARNING_DAYS * 86400 else Severity.INFORMATION


def strength(scene: Scene) -> Iterator[Finding | Gap]:
    """C7: RSA keys below 2048 bits, MD5 or SHA-1 under a certificate, LSCs of 512 or 1024 bits."""
    for (node, unit, _), (facts, where) in in_use(scene).items():
        if facts.is_token:
            continue
        if facts.pasted_sha1:
            yield Gap(f"what the {unit} certificate is signed over", node, "a listing does not show it")
        weak = []
        if facts.key_kind == "RSA" and facts.key_bits < SHORTEST_RSA:
            weak.append(f"an RSA key of {facts.key_bits} bits")
        if facts.hash in _WEAK_HASHES:
            weak.append(f"a signature over {facts.hash.upper().replace('SHA1', 'SHA-1')}")
        if weak:
            yield Finding(
                finding_id("C7", node, unit),
                "C7",
                Severity.SERIOUS,
                f"The {unit} certificate of {node} has {' and '.join(weak)}.",
                (f"{facts.words}, {facts.digest}; {where}",),
                renew(unit, node, scene.publisher, mixed=scene.is_mixed),
                node,
                count=scene.phone_count,
            )
    if not any("lsc_key_bits" in phone.values for phone in scene.observation.phones):
        yield Gap("key sizes of LSCs", "", "no source told them")
    weak_phones = [
        (phone, bits[0])
        for phone in scene.observation.phones
        if (bits := phone.values.get("lsc_key_bits")) and (whole_number(bits[0].text) or SHORTEST_RSA) < SHORTEST_RSA
    ]
    if weak_phones:
        step = Step(
            "Set key size 2048 in their security profile and certificate operation Install/Upgrade, then reset them: "
            "each fetches a new LSC from CAPF and registers again"
        )
        said = f"a certificate (LSC), and a security profile that orders an RSA key below {SHORTEST_RSA} bits"
        title = f"{number_of(len(weak_phones))} {said}."
        yield about_phones("C7/LSC", "C7", title, weak_phones, (step,))


def large_keys(scene: Scene) -> Iterator[Finding | Gap]:
    """C8: a CallManager key above 2048 bits while a model cannot use it."""
    large = {
        node: (facts, where)
        for (node, unit, _), (facts, where) in in_use(scene).items()
        if unit == "CallManager" and facts.key_kind == "RSA" and facts.key_bits > SHORTEST_RSA
    }
    if not large:
        return
    by_ability: dict[Able, dict[str, list[str]]] = {each: {} for each in Able}
    for phone in scene.observation.phones:
        if model := phone.newest("model"):
            by_ability[uses_large_keys(scene, phone)].setdefault(model, []).append(phone.name)
    if not any(by_ability.values()):
        yield Gap("models of phones", "", "a CallManager key above 2048 bits needs models that can use it")
        return
    unable, unknown = by_ability[Able.NO], sorted(by_ability[Able.UNKNOWN])
    if unknown:
        yield Gap("3072/4096 RSA key size support", "", f"not known of {', '.join(unknown)}: Phone Feature List tells")
    for node, (facts, where) in large.items():
        if unable:
            yield Finding(
                finding_id("C8", node),
                "C8",
                Severity.SERIOUS,
                f"The CallManager key of {node} has {facts.key_bits} bits, which {_models(unable)} cannot use.",
                (f"{facts.words}; {where}", f"models configured: {_counted(unable)}"),
                (
                    Step("Generate it with key length 2048: OS Administration > Security > Certificate Management"),
                    *renew("CallManager", node, scene.publisher, mixed=scene.is_mixed)[2:],
                ),
                node,
                phones=tuple(sorted(name for names in unable.values() for name in names)),
            )


def names(scene: Scene) -> Iterator[Finding | Gap]:
    """C11: alternative names that miss their node, a node of a multi-server certificate, or name one that is gone."""
    nodes = [node.name for node in scene.nodes]
    told_by_cluster = any(node.seen and node.seen.source is Source.AXL for node in scene.nodes)
    done: set[tuple[str, str, str]] = set()
    for each in scene.identities:
        if each.unit not in _NAMED_AFTER_HOSTS:
            continue
        facts = each.facts
        hosts = facts.hosts or ()
        named = {found for host in hosts if (found := scene.node_of(host)) is not None}
        several = facts.is_multi_server or len(named) > 1
        node = "" if several else each.node
        if (node, each.unit, facts.sha256) in done:
            continue
        done.add((node, each.unit, facts.sha256))
        wrong = [f"it names {host}: wildcards are not supported" for host in (facts.common_name, *hosts) if "*" in host]
        if several:
            missing = sorted(set(nodes) - named)
            wrong += [f"it is a certificate of several nodes, and does not name {name}" for name in missing]
            stale = sorted(host for host in hosts if told_by_cluster and _is_stale(scene, host, facts))
            wrong += [f"it names {host}, which is no node of this cluster" for host in stale]
        elif hosts and each.node not in named:
            wrong.append(f"it does not name {each.node}")
        if wrong:
            yield Finding(
                finding_id("C11", node, each.unit),
                "C11",
                Severity.MODERATE,
                f"The {each.unit} certificate of {node or 'several nodes'} has the wrong names.",
                (*wrong, f"{facts.words}: {', '.join(hosts) or 'no alternative names'}; {each.how}, {told(each.seen)}"),
                renew(each.unit, each.node, scene.publisher, mixed=scene.is_mixed),
                node,
            )


def _is_stale(scene: Scene, host: str, facts: CertificateFacts) -> bool:
    name = host.casefold()
    if scene.node_of(host) is not None or name == facts.common_name.casefold() or "*" in name:
        return False
    # The domain of the cluster stands in certificates of several nodes, too.
    return not any(other.casefold().endswith("." + name) for other in facts.hosts or ())


def trust_stores(scene: Scene) -> Iterator[Finding | Gap]:
    """C15: expired and double certificates in trust stores."""
    if not scene.trust:
        yield Gap("trust stores", "", "neither the certificate interface nor SQL was read")
    ended: dict[tuple[str, str], tuple[CertificateFacts, set[str], str]] = {}
    for (node, store, _source), entries in scene.trust.items():
        count: dict[str, int] = {}
        for seen, facts in entries:
            count[facts.sha256] = count.get(facts.sha256, 0) + 1
            if facts.not_after < scene.now:
                known = ended.setdefault((store, facts.sha256), (facts, set(), told(seen.seen)))
                known[1].add(node or "the database")
        for seen, facts in entries:
            if count.pop(facts.sha256, 1) > 1:
                yield Finding(
                    finding_id("C15", store, "twice", facts.sha256[:16], node),
                    "C15",
                    Severity.MODERATE,
                    f"{facts.common_name or facts.subject} stands in {store} more than once.",
                    (f"{facts.words}; {told(seen.seen)}",),
                    (_delete(scene, store, facts, node),),
                    store,
                )
    for (store, sha256), (facts, where, at) in ended.items():
        yield Finding(
            finding_id("C15", store, "ended", sha256[:16]),
            "C15",
            Severity.MODERATE,
            f"{facts.common_name or facts.subject} in {store} ended on {facts.not_after:%Y-%m-%d}.",
            (f"{facts.words}; on {', '.join(sorted(where))}; {at}",),
            (
                Step("Look first whether phones that were away still need it: TVS vouches with it for what it signed"),
                _delete(scene, store, facts, ""),
            ),
            store,
        )


def _delete(scene: Scene, store: str, facts: CertificateFacts, node: str) -> Step:
    name = "".join(letter for letter in facts.common_name if letter.isalnum() or letter in "-_.") or "NAME"
    text = "from 11.0 on it goes from every node; phones that only it would vouch for can then not be told so"
    return Step(text, f"set cert delete {store} {name}.pem", node or scene.publisher)


def _days(number: int) -> str:
    return f"{number:,} {'day' if number == 1 else 'days'}"


def _models(found: dict[str, list[str]]) -> str:
    return ", ".join(sorted(found))


def _counted(found: dict[str, list[str]]) -> str:
    return ", ".join(f"{len(phones):,} x {name}" for name, phones in sorted(found.items()))
