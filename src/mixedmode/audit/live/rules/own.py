"""Rules about lists by themselves and beside each other: no login is needed (L1 to L12; phone-trust.md 7)."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Final

from mixedmode.audit.live.certificate import CertificateFacts
from mixedmode.audit.live.finding import Finding, Gap, Severity, Step, finding_id
from mixedmode.audit.live.remedies import (
    AT_THE_PHONE,
    RESET_PHONES,
    TFTP,
    forecast_of,
    restart,
    restarts_after,
    update_ctl,
)
from mixedmode.audit.live.rules.lists import owner, record_unit
from mixedmode.audit.live.scene import ListSeen, Scene, told
from mixedmode.errors import MixedModeError
from mixedmode.signedfile.signed import SignedFile
from mixedmode.trustlist.model import TrustList
from mixedmode.trustlist.problems import Severity as ProblemSeverity
from mixedmode.trustlist.problems import find_problems
from mixedmode.trustlist.roles import Role

_SERVERS: Final = frozenset({Role.CCM, Role.CCM_TFTP})
_MOST_TOLD: Final = 5
_WEAK_BITS: Final = 2048


def _anew(scene: Scene, seen: ListSeen) -> tuple[Step, ...]:
    first = (update_ctl(scene.publisher),) if seen.kind == "CTL" else ()
    return *first, restart(TFTP, seen.node), RESET_PHONES


def unreadable(scene: Scene) -> Iterator[Finding | Gap]:
    """L1: a list cannot be read."""
    for seen in scene.lists:
        if seen.fault is not None:
            yield Finding(
                finding_id("L1", seen.kind, seen.node),
                "L1",
                Severity.CRITICAL,
                f"The {seen.kind} of {seen.node} cannot be read.",
                (f"{seen.fault}, {len(seen.data):,} bytes; {told(seen.seen)}",),
                _anew(scene, seen),
                f"{seen.name} of {seen.node}",
                count=scene.phones_at[seen.node] or scene.phone_count,
            )


def signature(scene: Scene) -> Iterator[Finding | Gap]:
    """L2: the signature of a list does not hold, or none of its own records is its signer's."""
    for seen, listed in scene.readable():
        verdict = listed.verify()
        if verdict.verified is True:
            continue
        if seen.is_pasted and verdict.verified is None:
            yield Gap(f"the signature of {seen.name}", seen.node, verdict.reason)
            continue
        yield Finding(
            finding_id("L2", seen.kind, seen.node),
            "L2",
            Severity.CRITICAL,
            f"The signature of the {seen.kind} of {seen.node} cannot be relied on: {verdict.reason}.",
            (f"signer {listed.header.signer_name}, SHA-1 {listed.sha1}; {told(seen.seen)}",),
            _anew(scene, seen),
            f"{seen.name} of {seen.node}",
            count=scene.phones_at[seen.node] or scene.phone_count,
        )


def contradictions(scene: Scene) -> Iterator[Finding | Gap]:
    """L3: a list contradicts itself: fields of a record that its certificate does not have, a tag twice, and more."""
    for seen, listed in scene.readable():
        if seen.is_pasted:
            yield Gap(
                f"the fields of {seen.name} beside its certificates", seen.node, "a listing shows no certificates"
            )
            continue
        verdict = listed.verify()
        problems = [
            each
            for each in find_problems(listed, verdict, scene.now)
            if each.severity is ProblemSeverity.ERROR and each.code != verdict.code
        ]
        if problems:
            yield Finding(
                finding_id("L3", seen.kind, seen.node),
                "L3",
                Severity.SERIOUS,
                f"The {seen.kind} of {seen.node} contradicts itself in {len(problems)} "
                f"{'place' if len(problems) == 1 else 'places'}.",
                (
                    *(f"byte {each.offset}: {each.message}" for each in problems[:_MOST_TOLD]),
                    f"SHA-1 {listed.sha1}; {told(seen.seen)}",
                ),
                _anew(scene, seen),
                f"{seen.name} of {seen.node}",
                count=scene.phone_count,
            )


def missing_itl(scene: Scene) -> Iterator[Finding | Gap]:
    """L4: a node that serves files has no ITL."""
    for (node, name), file in scene.files.items():
        if name != "ITLFile.tlv" or file.data is not None:
            continue
        if scene.version is not None and not scene.version.has_trust_verification:
            continue
        serves = scene.service(node, TFTP) == "Started" or any(
            other == node and each.data is not None for (other, _), each in scene.files.items()
        )
        if not serves:
            yield Gap("whether it is a TFTP server", node, "it says that it has no ITLFile.tlv")
            continue
        yield Finding(
            finding_id("L4", node),
            "L4",
            Severity.CRITICAL,
            f"{node} serves files, but no ITL.",
            (f"ITLFile.tlv: the node says that there is none; {told(file.seen)}",),
            (restart(TFTP, node), RESET_PHONES),
            node,
            count=scene.phones_at[node] or scene.phone_count,
        )


def mode_and_ctl(scene: Scene) -> Iterator[Finding | Gap]:
    """L5: the cluster's mode and its CTL contradict each other."""
    mixed, found = scene.is_mixed, scene.parameter("clustersecuritymode")
    if mixed is None or found is None:
        yield Gap("ClusterSecurityMode", "", "AXL was not read")
        return
    ctls = list(scene.readable("CTL"))
    full = [(s, c) for s, c in ctls if any(r.role in _SERVERS and r.certificate_der for r in c.records)]
    where = f"ClusterSecurityMode {found[0]}; {told(found[1])}"
    if mixed and not full and (ctls or not scene.unseen("CTL")):
        what = "says that it is not" if ctls else "is not there"
        yield Finding(
            "L5/mixed",
            "L5",
            Severity.CRITICAL,
            f"The cluster is in mixed mode, and its CTL {what}.",
            (where, *(f"{s.name} of {s.node}: no CallManager certificate; {told(s.seen)}" for s, _ in ctls[:1])),
            (update_ctl(scene.publisher), restart(TFTP, scene.publisher), RESET_PHONES),
            "CTLFile.tlv",
            count=scene.phone_count,
        )
    if not mixed and full:
        seen = full[0][0]
        yield Finding(
            "L5/non-secure",
            "L5",
            Severity.SERIOUS,
            "The cluster is not in mixed mode, and serves a CTL with CallManager certificates all the same.",
            (where, f"{seen.name} of {seen.node}, {told(seen.seen)}"),
            (
                Step(
                    "the CTL says from then on what the cluster does",
                    "utils ctl set-cluster non-secure-mode",
                    scene.publisher,
                ),
                restart(TFTP, scene.publisher),
                RESET_PHONES,
            ),
            "CTLFile.tlv",
            count=scene.phone_count,
        )


def recovery(scene: Scene) -> Iterator[Finding | Gap]:
    """L6: an ITL has no ITLRecovery, so that nothing brings phones back; L7: that key is weaker than the others."""
    for seen, listed in scene.readable("ITL"):
        anchors = [facts for record in listed.records_with_role(Role.SAST) if (facts := scene.record_facts(record))]
        back = [facts for facts in anchors if facts.is_recovery]
        version = scene.versions.get(seen.node) or scene.version
        if not back and version is None:
            yield Gap("the version", seen.node, "its ITL has no ITLRecovery, which there is from 10.0 on")
        elif not back and version is not None and version.has_itl_recovery:
            yield Finding(
                finding_id("L6", seen.node),
                "L6",
                Severity.SERIOUS,
                f"The ITL of {seen.node} has no ITLRecovery: once its CallManager certificate is lost, nothing brings "
                "phones back.",
                (f"anchors: {'; '.join(facts.words for facts in anchors) or 'none'}; {told(seen.seen)}",),
                (
                    forecast_of(f"set cert regen node={scene.publisher} unit=ITLRecovery"),
                    Step("makes the recovery certificate", "set cert regen ITLRecovery", scene.publisher),
                    restart(TFTP, seen.node),
                    RESET_PHONES,
                ),
                seen.node,
                count=scene.phone_count,
            )


def weak_recovery(scene: Scene) -> Iterator[Finding | Gap]:
    """L7: ITLRecovery has a shorter key than what it would stand in for (field-notes.md A8)."""
    told_of: set[str] = set()
    for seen, listed in scene.readable():
        facts = [
            found for record in listed.records if (found := scene.record_facts(record)) and found.key_kind == "RSA"
        ]
        others = [each.key_bits for each in facts if not each.is_recovery and not each.is_token]
        for each in facts:
            if each.is_recovery and others and each.key_bits < max(others) and each.sha256 not in told_of:
                told_of.add(each.sha256)
                yield Finding(
                    finding_id("L7", each.common_name),
                    "L7",
                    Severity.SERIOUS,
                    f"ITLRecovery has {each.key_bits} bits, others up to {max(others)}: utils itl reset fails when it "
                    "is needed (CSCwf85275, CSCuy43181).",
                    (f"{each.words}; {seen.name} of {seen.node}, {told(seen.seen)}",),
                    (
                        forecast_of(f"set cert regen node={scene.publisher} unit=ITLRecovery"),
                        Step(
                            "while the CallManager certificate is still an anchor",
                            "set cert regen ITLRecovery",
                            scene.publisher,
                        ),
                        restart(TFTP, scene.publisher),
                        *((update_ctl(scene.publisher),) if scene.is_mixed is not False else ()),
                        RESET_PHONES,
                    ),
                    seen.node,
                    count=scene.phone_count,
                )


def between_lists(scene: Scene) -> Iterator[Finding | Gap]:
    """L8: CTL and ITL, or two ITLs, have different certificates for one purpose of one node (A3, A4).

    Where a certificate in use was seen, C3 says it.
    """
    held: dict[tuple[str, str], dict[str, list[tuple[ListSeen, CertificateFacts]]]] = {}
    for seen, listed in scene.readable():
        for record in listed.records:
            facts = scene.record_facts(record)
            unit = "" if facts is None else record_unit(record, facts)
            if facts is None or not unit:
                continue
            node = owner(scene, record, seen, unit)
            if unit == "ITLRecovery" and not _one_recovery(scene):
                node = facts.common_name
            held.setdefault((node, unit), {}).setdefault(facts.sha256, []).append((seen, facts))
    for (node, unit), by_hash in held.items():
        places = {sha: {(seen.kind, seen.node) for seen, _ in found} for sha, found in by_hash.items()}
        if len(by_hash) < 2 or scene.live(unit, node) or _together(places):
            continue
        critical = unit.startswith("CallManager") or unit == "CAPF"
        evidence = tuple(
            f"{found[0][1].words}: {', '.join(sorted({f'{seen.name} of {seen.node}' for seen, _ in found}))}, "
            f"{told(found[0][0].seen)}"
            for found in by_hash.values()
        )
        yield Finding(
            finding_id("L8", node, unit),
            "L8",
            Severity.CRITICAL if critical else Severity.SERIOUS,
            f"Lists have different {unit} certificates of {node}.",
            evidence,
            (update_ctl(scene.publisher), *restarts_after(unit, scene.node_of(node) or scene.publisher), RESET_PHONES),
            scene.node_of(node) or "",
            count=scene.phone_count,
        )


def _one_recovery(scene: Scene) -> bool:
    return scene.version is not None and scene.version.single_itl_recovery


def _together(places: dict[str, set[tuple[str, str]]]) -> bool:
    """Return whether every list has all of them, as lists have that keep what was before."""
    return len({frozenset(each) for each in places.values()}) == 1


def signed_files(scene: Scene) -> Iterator[Finding | Gap]:
    """L9: a signed file that a node serves is not signed by a TFTP record of the lists that it serves (A9, A13)."""
    lists: dict[str, list[TrustList]] = {}
    for seen, listed in scene.readable():
        lists.setdefault(seen.node, []).append(listed)
    for (node, name), file in scene.files.items():
        if file.data is None or not name.endswith(".sgn") or node not in lists:
            continue
        why = _unvouched(file.data, lists[node])
        if why:
            yield Finding(
                finding_id("L9", node, name),
                "L9",
                Severity.CRITICAL,
                f"{name} of {node} is not vouched for by the lists of {node}.",
                (f"{why}; {told(file.seen)}",),
                (restart(TFTP, node), RESET_PHONES, AT_THE_PHONE),
                node,
                count=scene.phones_at[node] or scene.phone_count,
            )


def _unvouched(data: bytes, lists: list[TrustList]) -> str:
    why = ""
    try:
        signed = SignedFile.parse(data)
    except MixedModeError as error:
        return f"it cannot be read: {error}"
    for listed in lists:
        try:
            signed.verify(listed)
        except MixedModeError as error:
            why = f"signer {signed.header.signer_name}: {error}"
        else:
            return ""
    return why


def tokens(scene: Scene) -> Iterator[Finding | Gap]:
    """L10: a CTL that tokens sign has one of them alone: once that is lost or locked, nobody signs the next."""
    for seen, listed in scene.readable("CTL"):
        found = {
            facts.sha256: facts
            for record in listed.records_with_role(Role.SAST)
            if (facts := scene.record_facts(record)) and facts.is_token
        }
        if len(found) == 1:
            yield Finding(
                "L10/CTL",
                "L10",
                Severity.SERIOUS,
                "The CTL has one security token alone: if it is lost or locked, no phone takes the next CTL.",
                (f"{next(iter(found.values())).words}; {seen.name} of {seen.node}, {told(seen.seen)}",),
                (Step("adds a second token; phones take the CTL with it when they restart", "mixedmode ctl-client"),),
                "CTLFile.tlv",
                count=scene.phone_count,
            )
            return


def tvs_in_ctl(scene: Scene) -> Iterator[Finding | Gap]:
    """L11: a CTL has a TVS record, which none that CUCM makes has (field-notes.md D7)."""
    for seen, listed in scene.readable("CTL"):
        if listed.records_with_role(Role.TVS):
            yield Finding(
                "L11/CTL",
                "L11",
                Severity.MODERATE,
                "The CTL has a TVS record, which no CTL of CUCM has: something else made it.",
                (f"SHA-1 {listed.sha1}; {seen.name} of {seen.node}, {told(seen.seen)}",),
                (update_ctl(scene.publisher), restart(TFTP, scene.publisher), RESET_PHONES),
                "CTLFile.tlv",
            )
            return


def not_of_its_node(scene: Scene) -> Iterator[Finding | Gap]:
    """L12: a node serves another node's ITL, or one that has no record of itself."""
    for seen, listed in scene.readable("ITL"):
        named = {
            node
            for record in listed.records
            if record.role in _SERVERS | {Role.TFTP}
            and (node := scene.node_of(record.dns_name) or scene.node_of(record.ip_address))
        }
        if named and seen.node not in named and not _is_multi(scene, listed):
            yield Finding(
                finding_id("L12", seen.node),
                "L12",
                Severity.SERIOUS,
                f"{seen.node} serves an ITL that is not its own: it names {', '.join(sorted(named))}.",
                (f"SHA-1 {listed.sha1}; {told(seen.seen)}",),
                (restart(TFTP, seen.node), RESET_PHONES),
                seen.node,
                count=scene.phones_at[seen.node] or scene.phone_count,
            )


def _is_multi(scene: Scene, listed: TrustList) -> bool:
    records = listed.records_with_role(Role.CCM, Role.CCM_TFTP, Role.TFTP)
    found = [facts for record in records if (facts := scene.record_facts(record))]
    return any(
        each.is_multi_server or len({scene.node_of(host) for host in each.hosts or ()} - {None}) > 1 for each in found
    )
