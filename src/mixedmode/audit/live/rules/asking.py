"""Rules about whom phones ask: the nodes of their CallManager group, and what TVS tells them there (S2, S3)."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Final

from mixedmode.audit.live.certificate import CertificateFacts
from mixedmode.audit.live.finding import Finding, Gap, Severity, Step, finding_id
from mixedmode.audit.live.remedies import RESET_PHONES, TFTP, TVS, restart
from mixedmode.audit.live.scene import ListSeen, Scene, told
from mixedmode.live.observed import CertificateSeen, Source
from mixedmode.live.provisioned import GroupSeen, VouchedSeen
from mixedmode.trustlist.model import TrustList
from mixedmode.trustlist.roles import Role

_VOUCHED: Final = frozenset({"CallManager", "ITLRecovery", "Phone-SAST-trust"})
"""Purposes and stores of what may sign lists: phones ask about that (phone-trust.md 3.4)."""
_SAST: Final = "sast"
_UNNAMED: Final = "role "


def phones_of(scene: Scene, node: str) -> tuple[str, ...]:
    """Return the phones whose CallManager group names a node; none where groups are not known."""
    groups = {group.name for group in scene.observation.groups if node in map(scene.node_of, group.nodes)}
    return tuple(sorted(name for group in groups for name in _in_groups(scene).get(group, ())))


def _in_groups(scene: Scene) -> dict[str, list[str]]:
    known: dict[str, list[str]] | None = scene.__dict__.get("_in_groups")
    if known is None:
        known = scene.__dict__["_in_groups"] = {}
        groups = {pool.name: pool.group for pool in scene.observation.pools}
        for phone in scene.observation.phones:
            group = groups.get(phone.newest("pool") or "")
            if group:
                known.setdefault(group, []).append(phone.name)
    return known


def groups(scene: Scene) -> Iterator[Finding | Gap]:
    """S2: a node of a CallManager group is none whose TVS its phones can believe, or no TVS of a group runs."""
    if not scene.observation.groups:
        yield Gap("CallManager groups", "", "AXL was not read: whose TVS phones ask is not known")
    for group in scene.observation.groups:
        nodes = [node for each in group.nodes if (node := scene.node_of(each)) is not None]
        phones = tuple(sorted(_in_groups(scene).get(group.name, ())))
        yield from _without_record(scene, group, nodes, phones)
        states = [scene.service(node, TVS) for node in nodes]
        if states and len(nodes) == len(group.nodes) and all(each in {"Stopped", "Not Activated"} for each in states):
            yield Finding(
                finding_id("S2", group.name, "TVS"),
                "S2",
                Severity.CRITICAL,
                f"No node of the CallManager group {group.name} runs TVS: its phones can ask nobody.",
                (f"{', '.join(group.nodes)}; {told(group.seen)}",),
                tuple(Step("phones ask again", f"utils service start {TVS}", node) for node in nodes),
                group.name,
                phones=phones,
            )


def _without_record(
    scene: Scene, group: GroupSeen, nodes: list[str], phones: tuple[str, ...]
) -> Iterator[Finding | Gap]:
    for seen, listed in scene.readable("ITL"):
        recorded = _tvs_nodes(scene, listed)
        if not recorded or None in recorded:
            continue  # a blank ITL is another finding (C4), and records of unknown nodes may be anybody's
        listed_nodes = ", ".join(sorted(map(str, recorded)))
        for node in nodes:
            if node in recorded:
                continue
            yield Finding(
                finding_id("S2", group.name, node),
                "S2",
                Severity.SERIOUS,
                f"Phones of the group {group.name} are told to ask the TVS of {node}, which their ITL does not have.",
                (
                    f"group {group.name}: {', '.join(group.nodes)}; {told(group.seen)}",
                    f"{seen.name} of {seen.node} has TVS records of {listed_nodes} alone; {told(seen.seen)}",
                ),
                (restart(TFTP, seen.node), RESET_PHONES),
                node,
                phones=phones,
            )


def _tvs_nodes(scene: Scene, listed: TrustList) -> set[str | None]:
    return {
        scene.node_of(record.dns_name) or scene.node_of(record.ip_address)
        for record in listed.records_with_role(Role.TVS)
    }


class _View:
    """AXL's view of what TVS vouches for, by serial number."""

    def __init__(self, scene: Scene) -> None:
        self._entries: dict[str, list[VouchedSeen]] = {}
        for each in scene.observation.vouched:
            self._entries.setdefault(_bare(each.serial), []).append(each)

    def of(self, facts: CertificateFacts) -> list[VouchedSeen]:
        """Return what it says of a certificate; nothing if it is not in it.

        The serial number of a security token stands there as in trust lists: its bytes reversed.
        """
        found = self._entries.get(_bare(facts.serial), [])
        if not found and facts.is_token:
            return self._entries.get(_bare("".join(reversed(facts.serial.split(":")))), [])
        return found


def vouching(scene: Scene) -> Iterator[Finding | Gap]:
    """S3: TVS does not vouch for what lists are signed with or made of, or AXL says other roles than its tables."""
    observed = scene.observation
    if not observed.vouched:
        yield Gap("what TVS vouches for", "", "AXL's list of it was not read")
        return
    view = _View(scene)
    kept = [
        (each, facts)
        for each in observed.certificates
        if each.unit in _VOUCHED and each.seen.source is Source.AXL and (facts := scene.facts(each.der)) is not None
    ]
    if not any(view.of(facts) for _, facts in kept):
        yield Gap("what TVS vouches for", "", "AXL lists none of the certificates of its own tables: view unconfirmed")
        return
    missing: dict[str, None] = {}
    for each, facts in kept:
        if not view.of(facts) and facts.sha256 not in missing:
            missing[facts.sha256] = None
            yield _not_vouched(scene, facts, f"{each.unit} of {each.node or 'the cluster'}", told(each.seen))
    for seen, listed in scene.readable():
        signer = _signer(scene, listed)
        if signer is None or signer.is_token or signer.sha256 in missing:
            continue
        roles = {role.casefold() for each in view.of(signer) for role in each.roles}
        if not view.of(signer):
            missing[signer.sha256] = None
            yield _not_vouched(scene, signer, f"it signs {seen.name} of {seen.node}", told(seen.seen))
        elif roles and _SAST not in roles:
            missing[signer.sha256] = None
            yield _not_as_signer(scene, signer, seen, roles)
    yield from _roles_differ(view, kept)


def _signer(scene: Scene, listed: TrustList) -> CertificateFacts | None:
    record = listed.verify().record
    return None if record is None else scene.record_facts(record)


def _not_vouched(scene: Scene, facts: CertificateFacts, what: str, where: str) -> Finding:
    return Finding(
        finding_id("S3", facts.sha256[:16]),
        "S3",
        Severity.MODERATE,
        f"TVS does not vouch for {facts.common_name or facts.subject}.",
        (f"{facts.words}: {what}; {where}", f"it is not among what AXL says TVS vouches for; {_at(scene)}"),
        _have_it_vouched(scene),
        count=scene.phone_count,
    )


def _not_as_signer(scene: Scene, facts: CertificateFacts, seen: ListSeen, roles: set[str]) -> Finding:
    return Finding(
        finding_id("S3", facts.sha256[:16]),
        "S3",
        Severity.MODERATE,
        f"TVS vouches for {facts.common_name or facts.subject}, but not as a signer of lists.",
        (
            f"{facts.words}: it signs {seen.name} of {seen.node}; {told(seen.seen)}",
            f"roles that TVS gives to it: {', '.join(sorted(roles))}; {_at(scene)}",
        ),
        _have_it_vouched(scene),
        count=scene.phone_count,
    )


def _roles_differ(view: _View, kept: list[tuple[CertificateSeen, CertificateFacts]]) -> Iterator[Finding]:
    by_certificate: dict[str, tuple[CertificateFacts, set[str], str]] = {}
    for each, facts in kept:
        entry = by_certificate.setdefault(facts.sha256, (facts, set(), told(each.seen)))
        entry[1].update(role.casefold() for role in each.roles)
    for sha256, (facts, tables, where) in by_certificate.items():
        entries = [each for each in view.of(facts) if each.roles]
        said = {role.casefold() for each in entries for role in each.roles}
        if not entries or not tables or any(role.startswith(_UNNAMED) for role in tables) or said == tables:
            continue
        yield Finding(
            finding_id("S3", "roles", sha256[:16]),
            "S3",
            Severity.INFORMATION,
            f"AXL says other roles of {facts.common_name or facts.subject} than the tables of certificates.",
            (
                f"tables: {', '.join(sorted(tables))}; {where}",
                f"getTvsCertificate: {', '.join(sorted(said))}; {told(entries[0].seen)}",
            ),
            (Step("Rely on neither before a change: ask the TVS of each node itself"),),
        )


def _at(scene: Scene) -> str:
    return told(scene.observation.vouched[0].seen)


def _have_it_vouched(scene: Scene) -> tuple[Step, ...]:
    return (
        Step("Put it into Phone-SAST-trust if phones that were away shall believe it: OS Administration > Security"),
        *(restart(TVS, node.name) for node in scene.nodes),
    )


def _bare(serial: str) -> str:
    return "".join(each for each in serial if each.isalnum()).casefold().removeprefix("0x").lstrip("0")
