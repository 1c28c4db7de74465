"""Rules about lists beside what is in use, and beside each other (C3, C4, C5, C6, C10)."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Final

from mixedmode.audit.live.certificate import CertificateFacts
from mixedmode.audit.live.finding import Finding, Gap, Severity, Step, finding_id
from mixedmode.audit.live.remedies import (
    AT_THE_PHONE,
    CAPF,
    RESET_PHONES,
    TFTP,
    TVS,
    restart,
    restarts_after,
    update_ctl,
)
from mixedmode.audit.live.scene import Identity, ListSeen, Scene, is_on, told
from mixedmode.trustlist.model import Record, TrustList
from mixedmode.trustlist.roles import MAX_PHONE_FILE, Role

MOST_CERTIFICATES: Final = 39
"""In one ITL (finding C10 of live-cluster.md 8.3)."""
NEAR_CERTIFICATES: Final = 33
_SERVERS: Final = frozenset({Role.CCM, Role.CCM_TFTP, Role.TFTP})
_ONE_WILL_DO: Final = frozenset({"CAPF", "ITLRecovery"})
"""Of these the publisher's counts, and older versions have one a node."""


def against_live(scene: Scene) -> Iterator[Finding | Gap]:
    """C3: a record is not the certificate that its node uses; a port does not show what the store has."""
    for seen, listed in scene.readable():
        yield from _against_live(scene, seen, listed)
    yield from _faces(scene)


def _against_live(scene: Scene, seen: ListSeen, listed: TrustList) -> Iterator[Finding | Gap]:
    by_owner: dict[tuple[str, str], list[tuple[Record, CertificateFacts]]] = {}
    for record in listed.records:
        facts = scene.record_facts(record)
        unit = "" if facts is None else record_unit(record, facts)
        if facts is not None and unit:
            by_owner.setdefault((owner(scene, record, seen, unit), unit), []).append((record, facts))
    for (node, unit), records in by_owner.items():
        live = _live_of(scene, unit, node)
        if not live:
            yield Gap(f"the {unit} certificate in use", node, f"{seen.name} of {seen.node} cannot be compared with it")
            continue
        held = {facts.sha256 for _, facts in records}
        wrong = [each for each in live if each.facts.sha256 not in held]
        if not wrong or (unit in _ONE_WILL_DO and len(wrong) < len(live)):
            continue
        record, facts = records[0]
        where = "" if seen.kind == "CTL" else seen.node
        yield Finding(
            finding_id("C3", seen.kind, where, node, unit),
            "C3",
            Severity.CRITICAL,
            f"The {seen.kind}{f' of {where}' if where else ''} does not have the {unit} certificate that {node} uses.",
            (
                f"record {record.number} ({record.role_label}): {facts.words}; {told(seen.seen)}",
                *(f"in use: {each.facts.words}; {each.how}, {told(each.seen)}" for each in wrong[:2]),
            ),
            _list_anew(scene, seen, unit, node),
            f"{seen.name} of {seen.node}",
            count=scene.phones_at[node] or scene.phone_count,
        )


def record_unit(record: Record, facts: CertificateFacts) -> str:
    """Return the purpose that a record's certificate has on its node; empty if that cannot be said."""
    if facts.is_token:
        return ""
    if record.role is Role.SAST:
        return "ITLRecovery" if facts.is_recovery else ""
    if record.role in _SERVERS:
        return "CallManager-ECDSA" if facts.key_kind == "EC" else "CallManager"
    return {Role.TVS: "TVS", Role.CAPF: "CAPF"}.get(record.role, "") if record.role is not None else ""


def owner(scene: Scene, record: Record, seen: ListSeen, unit: str) -> str:
    """Return whose certificate a record has: by its name, its address, else the node that has such certificates."""
    name = (record.dns_name or "").removesuffix("-EC")
    found = scene.node_of(name) or scene.node_of(record.ip_address)
    if found is not None:
        return found
    if unit in {"CAPF", "ITLRecovery"} or seen.kind == "CTL":
        return scene.publisher
    return record.dns_name or seen.node


def _live_of(scene: Scene, unit: str, node: str) -> list[Identity]:
    live = scene.live(unit, node)
    if live or unit not in _ONE_WILL_DO:
        return live
    # One for the cluster: the record may name another node than the store does.
    return scene.live(unit)


def _list_anew(scene: Scene, seen: ListSeen, unit: str, node: str) -> tuple[Step, ...]:
    if seen.kind == "CTL":
        return update_ctl(scene.publisher), *restarts_after(unit, node), RESET_PHONES
    return restart(TFTP, seen.node), RESET_PHONES


def _faces(scene: Scene) -> Iterator[Finding | Gap]:
    stored = [each for each in scene.identities if not each.how.startswith("port")]
    for shown in scene.identities:
        if not shown.how.startswith("port"):
            continue
        same = [each for each in stored if (each.node, each.unit) == (shown.node, shown.unit)]
        if not same:
            yield Gap(
                f"the {shown.unit} certificate of the store", shown.node, f"{shown.how} cannot be compared with it"
            )
            continue
        if any(each.facts.sha256 == shown.facts.sha256 for each in same):
            continue
        service = {"TVS": TVS, "CAPF": CAPF}.get(shown.unit)
        steps = (restart(service, shown.node),) if service else restarts_after(shown.unit, shown.node)
        yield Finding(
            finding_id("C3", "shown", shown.node, shown.how),
            "C3",
            Severity.CRITICAL,
            f"{shown.node} shows another {shown.unit} certificate on {shown.how} than its store has.",
            (
                f"shown: {shown.facts.words}; {told(shown.seen)}",
                f"stored: {same[0].facts.words}; {told(same[0].seen)}",
            ),
            steps,
            shown.node,
            count=scene.phones_at[shown.node] or scene.phone_count,
        )


def rollback(scene: Scene) -> Iterator[Finding | Gap]:
    """C4: the rollback parameter is True, or a served ITL has no TVS or TFTP record that holds a certificate."""
    found = scene.parameter("rollback")
    if found is None:
        yield Gap("Prepare Cluster for Rollback to pre-8.0", "", "the enterprise parameters were not read")
    elif is_on(found[0]):
        yield Finding(
            "C4/parameter",
            "C4",
            Severity.CRITICAL,
            "Prepare Cluster for Rollback to pre-8.0 is True.",
            (f"value {found[0]}; {told(found[1])}",),
            _end_rollback(scene, [node.name for node in scene.nodes]),
            count=scene.phone_count,
        )
    itls = list(scene.readable("ITL"))
    for seen, listed in itls:
        full = {record.role for record in listed.records if record.certificate_der or record.certificate_hash}
        missing = [word for word, roles in (("TVS", {Role.TVS}), ("TFTP", _SERVERS)) if not full & roles]
        if missing:
            yield Finding(
                finding_id("C4", seen.node),
                "C4",
                Severity.CRITICAL,
                f"The ITL of {seen.node} has no {' and no '.join(missing)} certificate.",
                (f"{len(listed.records)} records, SHA-1 {listed.sha1}; {told(seen.seen)}",),
                _end_rollback(scene, [seen.node]),
                seen.node,
                count=scene.phone_count,
            )
    if not itls:
        yield Gap("ITLFile.tlv", "", "no node's ITL was read")


def _end_rollback(scene: Scene, nodes: list[str]) -> tuple[Step, ...]:
    return (
        Step(
            "Set Prepare Cluster for Rollback to pre-8.0 to False (System > Enterprise Parameters): phones that hold "
            "the blank ITL take the next one, whoever signed it"
        ),
        *(step for node in nodes for step in (restart(TVS, node), restart(TFTP, node))),
        RESET_PHONES,
    )


def ctl_of_nodes(scene: Scene) -> Iterator[Finding | Gap]:
    """C5: nodes serve different CTLs; from 12.0 on it is signed by the CallManager certificate."""
    ctls = [seen for seen in scene.lists if seen.kind == "CTL"]
    reference = next((seen for seen in ctls if seen.node == scene.publisher), ctls[0] if ctls else None)
    if reference is not None:
        yield from _different(scene, reference, ctls)
    done: set[str] = set()
    for seen, listed in scene.readable("CTL"):
        if listed.sha1 in done:
            continue
        done.add(listed.sha1)
        if scene.version is None:
            yield Gap("the version", "", "who has to sign the CTL depends on it")
            continue
        name = listed.header.signer_name or ""
        by_recovery, by_token = "ITLRECOVERY_" in name.upper(), _is_token(name)
        if scene.version.release >= (12, 0) and not by_recovery and not by_token:
            yield Finding(
                finding_id("C5", "signer"),
                "C5",
                Severity.SERIOUS,
                "The CTL is not signed by ITLRecovery, as it is from 12.0 on.",
                (f"signer {name}, version {scene.version}; {seen.name} of {seen.node}, {told(seen.seen)}",),
                (update_ctl(scene.publisher), restart(TFTP, scene.publisher), RESET_PHONES),
                "CTLFile.tlv",
                count=scene.phone_count,
            )
            break


def _different(scene: Scene, reference: ListSeen, ctls: list[ListSeen]) -> Iterator[Finding]:
    served = {seen.node: _sha1(seen) for seen in ctls}
    same = {seen.node for seen in ctls if seen.is_same(reference)}
    for (node, name), file in scene.files.items():
        if name != "CTLFile.tlv" or node in same:
            continue
        if file.data is None and _no_tftp(scene, node):
            continue
        what = "no CTL, though there is one" if file.data is None else f"another CTL than {reference.node}"
        yield Finding(
            finding_id("C5", node),
            "C5",
            Severity.SERIOUS,
            f"{node} serves {what}.",
            (
                f"{node}: {served.get(node, 'none')}; {told(file.seen)}",
                f"{reference.node}: {_sha1(reference)}; {told(reference.seen)}",
            ),
            (update_ctl(scene.publisher), restart(TFTP, node), RESET_PHONES),
            node,
            count=scene.phones_at[node] or scene.phone_count,
        )


def _sha1(seen: ListSeen) -> str:
    return f"SHA-1 {seen.parsed.sha1}" if seen.parsed else "unreadable"


def _no_tftp(scene: Scene, node: str) -> bool:
    """Return whether a node is no TFTP server: it serves no ITL either."""
    itl = scene.files.get((node, "ITLFile.tlv"))
    return itl is not None and itl.data is None


def _is_token(name: str) -> bool:
    return name.casefold().replace('"', "").startswith("cn=sast-")


def token_signed(scene: Scene) -> Iterator[Finding | Gap]:
    """C6: a token signed the CTL, and the version takes no tokens."""
    for seen, listed in scene.readable("CTL"):
        name = listed.header.signer_name or ""
        if not _is_token(name):
            continue
        if scene.version is None or (scene.version.text.count(".") < 3 and scene.version.release[:3] == (14, 0, 1)):
            yield Gap("the version with its build", "", "from 14SU3 on no token signs a CTL")
            return
        if not scene.version.accepts_tokens:
            yield Finding(
                "C6/CTL",
                "C6",
                Severity.SERIOUS,
                f"A security token signed the CTL, and version {scene.version} takes none.",
                (f"signer {name}; {seen.name} of {seen.node}, {told(seen.seen)}",),
                (
                    Step("Forecast it first: who holds this CTL takes the new one only if TVS vouches for its signer"),
                    Step(
                        "the CTL is signed by ITLRecovery from then on",
                        "utils ctl set-cluster mixed-mode",
                        scene.publisher,
                    ),
                    restart(TFTP, scene.publisher),
                    RESET_PHONES,
                    AT_THE_PHONE,
                ),
                "CTLFile.tlv",
                count=scene.phone_count,
            )
        return


def size(scene: Scene) -> Iterator[Finding | Gap]:
    """C10: over 39 certificates in one ITL, or over 64 KB; and, a little below that, that it is near."""
    for seen, listed in scene.readable():
        certificates = sum(1 for record in listed.records if record.certificate_der)
        over = certificates > MOST_CERTIFICATES or listed.length > MAX_PHONE_FILE
        if not over and certificates < NEAR_CERTIFICATES:
            continue
        where = "" if seen.kind == "CTL" else seen.node
        yield Finding(
            finding_id("C10", seen.kind, where),
            "C10",
            Severity.SERIOUS if over else Severity.MODERATE,
            f"The {seen.kind} of {seen.node} has {certificates} certificates and {listed.length:,} bytes; "
            f"{'phones do not load it' if over else f'phones load no more than {MOST_CERTIFICATES} and 64 KB'}.",
            (f"SHA-1 {listed.sha1}; {told(seen.seen)}",),
            (
                Step(
                    "Use one multi-server certificate for CallManager and for tomcat, so that it stands once in a list"
                ),
                Step("Take the certificates of nodes that are gone out of CallManager-trust and TVS-trust"),
                restart(TFTP, seen.node),
                RESET_PHONES,
            ),
            f"{seen.name} of {seen.node}",
            count=scene.phone_count,
        )
