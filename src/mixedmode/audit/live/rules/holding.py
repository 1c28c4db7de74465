"""Rules about which lists phones hold, beside those that are served (C2, C12, P1, P2, P5)."""

from __future__ import annotations

import re
from collections.abc import Iterator
from datetime import datetime, timedelta
from typing import Final

from mixedmode.articles import with_article
from mixedmode.audit.live.abilities import knows_lists
from mixedmode.audit.live.finding import Finding, Gap, Severity, Step, finding_id
from mixedmode.audit.live.models import Able
from mixedmode.audit.live.remedies import AT_THE_PHONE, RESET_PHONES, TFTP, restart
from mixedmode.audit.live.rules.lists import record_unit
from mixedmode.audit.live.rules.telling import SECURE, about_phones, examples, moment, number_of, phones_by
from mixedmode.audit.live.scene import Scene
from mixedmode.live.observed import PhoneSeen, Value
from mixedmode.trustlist.model import TrustList
from mixedmode.trustlist.roles import Role

_HASH: Final = re.compile(r"[0-9a-f]{32}|[0-9a-f]{40}")
_NO_LIST: Final = frozenset({"none", "not installed", "absent"})
_REGISTERED: Final = frozenset({"registered", "partiallyregistered", "partial registered"})
_FAILED_CODES: Final = {
    "5": "TL_FAILED_OLD_CTL: refused, the old CTL stays",
    "6": "TL_FAILED_NO_TL: refused, and it has none",
    "7": "TL_FAILED: refused",
    "8": "TL_FAILED_OLD_ITL: refused, the old ITL stays",
    "9": "TL_FAILED_OLD_TL: refused, the old lists stay",
}
"""Results of the alarm DeviceTLInfo (phone-trust.md 4.2)."""
_AGREE_WITHIN: Final = timedelta(minutes=10)


class Held:
    """The lists of one kind that phones hold, beside those that are served.

    Args:
        scene: The cluster.
        kind: ``CTL`` or ``ITL``.
    """

    def __init__(self, scene: Scene, kind: str) -> None:
        self.kind = kind
        served = scene.served(kind)
        self.unseen = scene.unseen(kind)
        self.unknown: list[tuple[PhoneSeen, Value]] = []
        self.earlier: list[tuple[PhoneSeen, Value, TrustList]] = []
        self.none: list[tuple[PhoneSeen, Value]] = []
        self.current = 0
        self.unsure = 0
        self.said = 0
        read = {seen.node for seen in served.values()}
        server = f"{kind.lower()}_server"
        for phone in scene.observation.phones:
            values = phone.values.get(kind.lower())
            if not values:
                continue
            value = values[0]
            self.said += 1
            if value.text in served:
                self.current += 1
            elif value.text.casefold() in _NO_LIST:
                self.none.append((phone, value))
            elif _HASH.fullmatch(value.text):
                if value.text in scene.archive and not self._may_be_served(scene, scene.archive[value.text]):
                    self.earlier.append((phone, value, scene.archive[value.text]))
                elif self.unseen and scene.node_of(phone.newest(server)) not in read:
                    self.unsure += 1
                else:
                    self.unknown.append((phone, value))
        self.is_proven = bool(self.current or self.earlier)
        self.has_lists = bool(served)

    def _may_be_served(self, scene: Scene, listed: TrustList) -> bool:
        """Return whether a list that was seen before may still be that of a node that showed none this time."""
        servers = listed.records_with_role(Role.CCM, Role.CCM_TFTP, Role.TFTP)
        nodes = {scene.node_of(record.dns_name) or scene.node_of(record.ip_address) for record in servers}
        return bool(nodes & set(self.unseen))


def held_of(scene: Scene, kind: str) -> Held:
    """Return the lists of a kind that phones hold, looked at once."""
    cache: dict[str, Held] = scene.__dict__.setdefault("_held", {})
    if kind not in cache:
        cache[kind] = Held(scene, kind)
    return cache[kind]


def held_itl(scene: Scene) -> Iterator[Finding | Gap]:
    """C12: a phone's ITL is none that is served, is said not to match, or is not there though the model has one."""
    held = held_of(scene, "ITL")
    if not held.said and not any("itl_file_status" in phone.values for phone in scene.observation.phones):
        yield Gap("the lists that phones hold", "", "no ITL File Status, alarm or phone page was read")
    yield from _foreign(scene, held, "C12")
    without = [(phone, value) for phone, value in held.none if knows_lists(scene, phone) is Able.YES]
    if without and held.has_lists:
        yield about_phones(
            "C12/none",
            "C12",
            f"{number_of(len(without))} no ITL, though their models fetch one.",
            without,
            (restart(TFTP, scene.publisher), RESET_PHONES),
        )
    told_so: dict[str, list[tuple[PhoneSeen, Value]]] = {}
    known = {phone.name for phone, _ in (*held.unknown, *without)} | {phone.name for phone, _, _ in held.earlier}
    for phone in scene.observation.phones:
        values = phone.values.get("itl_file_status")
        if not values or phone.name in known:
            continue
        word = values[0].text.strip().casefold()
        able = knows_lists(scene, phone)
        if word == "mismatch" or (word == "not installed" and able is Able.YES):
            told_so.setdefault(word, []).append((phone, values[0]))
    for word, phones in told_so.items():
        yield about_phones(
            finding_id("C12", word),
            "C12",
            f'{number_of(len(phones))} ITL File Status "{phones[0][1].text}".',
            phones,
            (RESET_PHONES, AT_THE_PHONE),
        )


def held_ctl(scene: Scene) -> Iterator[Finding | Gap]:
    """P2: a phone's CTL is none that is served."""
    held = held_of(scene, "CTL")
    if not held.said:
        yield Gap("the CTLs that phones hold", "", "no alarm or phone page was read")
    yield from _foreign(scene, held, "P2")
    secure = [
        (phone, value) for phone, value in held.none if (phone.newest("security_mode") or "").casefold() in SECURE
    ]
    if secure and held.has_lists:
        yield about_phones(
            "P2/none",
            "P2",
            f"{number_of(len(secure))} no CTL, though their profile is a secure one.",
            secure,
            (restart(TFTP, scene.publisher), RESET_PHONES),
        )


def _foreign(scene: Scene, held: Held, rule: str) -> Iterator[Finding | Gap]:
    kind = held.kind
    if held.unsure:
        nodes = ", ".join(held.unseen)
        yield Gap(f"{kind}File.tlv", nodes, f"{held.unsure:,} phones may hold it")
    if held.earlier:
        yield about_phones(
            finding_id(rule, "earlier"),
            rule,
            f"{number_of(len(held.earlier))} an earlier {kind} of this cluster.",
            [(phone, value) for phone, value, _ in held.earlier],
            (RESET_PHONES, AT_THE_PHONE),
        )
    if not held.unknown:
        return
    if not held.is_proven:
        # No recording pairs a hash with its file: it has to match once before it may accuse anybody (10).
        why = f"none of {len(held.unknown):,} phones shows the hash of a list that is served: hash method unconfirmed"
        yield Gap(f"whether phones hold the {kind} that is served", "", why)
        return
    yield about_phones(
        finding_id(rule, "unknown"),
        rule,
        f"{number_of(len(held.unknown))} {with_article(kind)} that this cluster does not serve.",
        held.unknown,
        (RESET_PHONES, Step("Who stays behind after that refuses the list"), AT_THE_PHONE),
    )


def no_common_anchor(scene: Scene) -> Iterator[Finding | Gap]:
    """C2: ITLRecovery, CallManager and TVS are all newer than the list that a phone holds."""
    anchors = _anchors(scene)
    if not anchors:
        yield Gap("the anchors in use", "", "no ITL was read")
        return
    verdicts: dict[str, bool] = {}
    lost: list[tuple[PhoneSeen, Value]] = []
    for phone, value, listed in held_of(scene, "ITL").earlier:
        if listed.sha1 not in verdicts:
            verdicts[listed.sha1] = not anchors & _trusted_by(scene, listed)
        if verdicts[listed.sha1]:
            lost.append((phone, value))
    if lost:
        yield _anchorless(scene, lost, "C2/list", "the list that they hold has none of the anchors in use")
    youngest = _all_made_since(scene)
    known = {phone.name for phone, _ in lost}
    away = [] if youngest is None else [each for each in _away(scene, youngest) if each[0].name not in known]
    if away:
        said = f"last seen before {youngest:%Y-%m-%d %H:%M} UTC, when all three anchors were made anew or had been"
        yield _anchorless(scene, away, "C2/away", said)


def _away(scene: Scene, since: datetime) -> Iterator[tuple[PhoneSeen, Value]]:
    """Yield the phones that were not seen since a time, and are not known to hold a list that is served."""
    served = scene.served("ITL")
    for phone in scene.observation.phones:
        values = phone.values.get("last_seen")
        at = moment(values[0].text) if values else None
        if values is None or at is None or at >= since or (phone.newest("itl") or "") in served:
            continue
        if (phone.newest("status") or "").casefold() in _REGISTERED:
            continue
        if knows_lists(scene, phone) is not Able.NO:
            yield phone, values[0]


def _anchorless(scene: Scene, phones: list[tuple[PhoneSeen, Value]], name: str, said: str) -> Finding:
    return Finding(
        name,
        "C2",
        Severity.CRITICAL,
        f"{number_of(len(phones))} no anchor in common with this cluster any more.",
        (said, *examples(phones)),
        (
            Step(
                "If a backup from before has the old certificates: its ITLRecovery key brings them back",
                "utils itl reset remotekey",
                scene.publisher,
            ),
            AT_THE_PHONE,
        ),
        phones=tuple(phone.name for phone, _ in phones),
    )


def _anchors(scene: Scene) -> set[str]:
    """Return the certificates by which a phone can follow: signers of what is served, TVS in use, as SHA-256."""
    found: set[str] = set()
    for _, listed in scene.readable("ITL"):
        verdict = listed.verify()
        facts = scene.facts(verdict.record.certificate_der) if verdict.record else None
        if facts is not None:
            found.add(facts.sha256)
        for record in listed.records:
            facts = scene.record_facts(record)
            if facts is not None and record.role in {Role.TVS, Role.SAST}:
                found.add(facts.sha256)
    return found | {each.facts.sha256 for each in scene.identities if each.unit in {"TVS", "ITLRecovery"}}


def _trusted_by(scene: Scene, listed: TrustList) -> set[str]:
    return {
        facts.sha256
        for record in listed.records
        if record.role in {Role.SAST, Role.TVS} and (facts := scene.record_facts(record))
    }


def _all_made_since(scene: Scene) -> datetime | None:
    """Return when the oldest of ITLRecovery, CallManager and TVS was made; None if one of them is not known."""
    made: dict[str, datetime] = {}
    for each in scene.identities:
        if each.unit in {"ITLRecovery", "CallManager", "TVS"}:
            made[each.unit] = min(each.facts.not_before, made.get(each.unit, each.facts.not_before))
    if len(made) < 3:
        for _, listed in scene.readable("ITL"):
            for record in listed.records:
                facts = scene.record_facts(record)
                unit = record_unit(record, facts) if facts else ""
                if facts and unit in {"ITLRecovery", "CallManager", "TVS"}:
                    made[unit] = min(facts.not_before, made.get(unit, facts.not_before))
    return min(made.values()) if len(made) == 3 else None


def refused(scene: Scene) -> Iterator[Finding | Gap]:
    """P1: phones report that they refused the last list."""
    if not any("tl_status" in phone.values for phone in scene.observation.phones):
        yield Gap("the results of list updates", "", "no alarm was read")
    for code, phones in phones_by(scene, "tl_status", _FAILED_CODES.__contains__):
        yield about_phones(
            finding_id("P1", code),
            "P1",
            f"{number_of(len(phones), 'reports', 'report')} result {code}, {_FAILED_CODES[code]}.",
            phones,
            (Step("Find out why: the phone's status messages and log, through", "mixedmode explain"), AT_THE_PHONE),
        )


def sources_differ(scene: Scene) -> Iterator[Finding | Gap]:
    """P5: two sources say different lists of one phone at nearly the same time."""
    found = []
    for phone in scene.observation.phones:
        for name in ("itl", "ctl"):
            values = phone.values.get(name)
            if (
                values
                and len(values) > 1
                and any(
                    each.text != values[0].text
                    and len(each.text) == len(values[0].text)
                    and each.seen.source is not values[0].seen.source
                    and abs(values[0].seen.at - each.seen.at) <= _AGREE_WITHIN
                    for each in values[1:]
                )
            ):
                found.append((phone, values[0]))
                break
    if found:
        yield about_phones(
            "P5/sources",
            "P5",
            f"Of {len(found):,} {'phone' if len(found) == 1 else 'phones'} two sources say different lists.",
            found,
            (Step("Look at the phone itself; the newest counts until then"),),
            Severity.INFORMATION,
        )
