"""Rules about nodes: database, clock, services, what they show to anybody (C16 to C19, S1)."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import timedelta
from typing import Final

from mixedmode.audit.live.finding import Finding, Gap, Severity, Step, finding_id
from mixedmode.audit.live.remedies import CALLMANAGER, CAPF, RESET_PHONES, TFTP, TVS, restart
from mixedmode.audit.live.rules.asking import phones_of
from mixedmode.audit.live.scene import Scene, told
from mixedmode.errors import MalformedError
from mixedmode.signedfile.signed import SignedFile

MOST_OFFSET: Final = 300.0
"""Seconds."""
_SYNCHRONISED: Final = (
    "CallManager",
    "CallManager-trust",
    "tomcat",
    "tomcat-trust",
    "directory-trust",
    "Phone-SAST-trust",
)
"""What Change Notification keeps the same in database and file system (live-cluster.md 3.7)."""
_SOON: Final = timedelta(seconds=2)
"""Start times are told to the second, or as how long ago."""
_DATABASE: Final = frozenset({"axl"})
_FILE_SYSTEM: Final = frozenset({"certificate-rest", "ssh"})
_PREPARES: Final = {TFTP: ("CallManager", "TVS", "CAPF", "ITLRecovery"), TVS: ("TVS",)}
_BY_GROUP: Final = frozenset({TVS, CALLMANAGER})
"""Phones ask these of the nodes of their CallManager group."""
_NEEDED: Final = {
    TFTP: (Severity.CRITICAL, "Phones that start get no list and no configuration from it."),
    TVS: (
        Severity.CRITICAL,
        "Phones that do not know a signer cannot ask there, and refuse what they would have taken.",
    ),
    CALLMANAGER: (Severity.CRITICAL, "No phone is registered there."),
    CAPF: (Severity.SERIOUS, "No phone gets a certificate (LSC), and none renews it."),
}


def replication(scene: Scene) -> Iterator[Finding | Gap]:
    """C16: database and file system have different certificates, or the database is not replicated."""
    if scene.observation.replication_ok is None:
        yield Gap("database replication", "", "every reading of certificates rests on it")
    elif not scene.observation.replication_ok:
        yield Finding(
            "C16/replication",
            "C16",
            Severity.SERIOUS,
            "The database is not replicated: what one node says of certificates is not what another has.",
            (f"the cluster says that its replication is not in order; {scene.now:%Y-%m-%d %H:%M:%S} UTC",),
            (
                Step(
                    "shows which node is behind; phones notice nothing",
                    "utils dbreplication runtimestate",
                    scene.publisher,
                ),
                Step("mends it; phones notice nothing", "utils dbreplication repair all", scene.publisher),
            ),
            count=scene.phone_count,
        )
    yield from _identities_differ(scene)
    yield from _stores_differ(scene)


def _identities_differ(scene: Scene) -> Iterator[Finding | Gap]:
    stored = [each for each in scene.identities if not each.how.startswith("port")]
    for each in stored:
        if each.seen.source not in _FILE_SYSTEM or each.unit not in _SYNCHRONISED:
            continue
        same = [
            one for one in stored if (one.node, one.unit) == (each.node, each.unit) and one.seen.source in _DATABASE
        ]
        if same and all(one.facts.sha256 != each.facts.sha256 for one in same):
            yield Finding(
                finding_id("C16", each.node, each.unit),
                "C16",
                Severity.SERIOUS,
                f"The {each.unit} certificate of {each.node} is another in the database than on the node.",
                (
                    f"database: {same[0].facts.words}; {told(same[0].seen)}",
                    f"node: {each.facts.words}; {told(each.seen)}",
                ),
                _notify(each.node),
                each.node,
                count=scene.phone_count,
            )


def _stores_differ(scene: Scene) -> Iterator[Finding | Gap]:
    database: dict[str, dict[str, str]] = {}
    for (_, store, source), entries in scene.trust.items():
        if source in _DATABASE:
            database.setdefault(store, {}).update({facts.sha256: facts.words for _, facts in entries})
    for (node, store, source), entries in scene.trust.items():
        if source not in _FILE_SYSTEM or store not in database or store not in _SYNCHRONISED:
            continue
        here = {facts.sha256: facts.words for _, facts in entries}
        lacks = [words for sha, words in database[store].items() if sha not in here]
        more = [words for sha, words in here.items() if sha not in database[store]]
        if lacks or more:
            yield Finding(
                finding_id("C16", node, store),
                "C16",
                Severity.SERIOUS,
                f"{store} of {node} is not what the database has.",
                (
                    *(f"in the database alone: {words}" for words in lacks[:5]),
                    *(f"on the node alone: {words}" for words in more[:5]),
                    told(entries[0][0].seen),
                ),
                _notify(node),
                node,
                count=scene.phone_count,
            )


def _notify(node: str) -> tuple[Step, ...]:
    return (
        Step("Wait for half an hour: Change Notification brings nodes to what the database has every 30 minutes"),
        Step(
            "has it done at once; phones notice nothing",
            "utils service restart Cisco Certificate Change Notification",
            node,
        ),
    )


def clock(scene: Scene) -> Iterator[Finding | Gap]:
    """C17: a node's clock is over 5 minutes from ours."""
    for node in scene.nodes:
        if node.clock_offset is None:
            yield Gap("the clock", node.name, "no HTTPS answer told the time")
        elif abs(node.clock_offset) > MOST_OFFSET:
            ahead = "ahead" if node.clock_offset > 0 else "behind"
            yield Finding(
                finding_id("C17", node.name),
                "C17",
                Severity.MODERATE,
                f"The clock of {node.name} is {timedelta(seconds=round(abs(node.clock_offset)))} {ahead} of ours.",
                (f"{node.clock_offset:+.0f} seconds; {told(node.seen)}",),
                (
                    Step("shows which time servers it follows; phones notice nothing", "utils ntp status", node.name),
                    Step("follows them anew; phones notice nothing", "utils ntp restart", node.name),
                ),
                node.name,
                count=scene.phones_at[node.name] or scene.phone_count,
            )


def not_restarted(scene: Scene) -> Iterator[Finding | Gap]:
    """C18: TVS or TFTP runs since before a certificate was changed; from 14 on they need no restart."""
    known = False
    for each in scene.observation.services:
        units = _PREPARES.get(each.name)
        if units is None or each.started is None or each.status != "Started":
            continue
        known = True
        node = scene.node_of(each.node) or each.node
        version = scene.versions.get(node) or scene.version
        if version is None:
            yield Gap("the version", node, f"before 14 {each.name} needs a restart after a certificate is changed")
            continue
        if version.release >= (14,):
            continue
        newer = [
            identity
            for identity in scene.identities
            if identity.unit in units
            and identity.node in {node, scene.publisher if identity.unit in {"CAPF", "ITLRecovery"} else node}
            and not identity.how.startswith("port")
            and identity.facts.not_before > each.started + _SOON
        ]
        if newer:
            newest = max(newer, key=lambda identity: identity.facts.not_before)
            yield Finding(
                finding_id("C18", node, each.name),
                "C18",
                Severity.SERIOUS,
                f"{each.name} on {node} was not restarted since the {newest.unit} certificate was made.",
                (
                    f"started {each.started:%Y-%m-%d %H:%M:%S} UTC; {told(each.seen)}",
                    f"{newest.facts.words}, made {newest.facts.not_before:%Y-%m-%d %H:%M:%S} UTC; {told(newest.seen)}",
                ),
                (restart(each.name, node), RESET_PHONES),
                node,
                count=scene.phones_at[node] or scene.phone_count,
            )
    if not known and (scene.version is None or scene.version.release < (14,)):
        yield Gap("when services were started", "", "Control Center was not read")


def exposure(scene: Scene) -> Iterator[Finding | Gap]:
    """C19: anybody can read which phones there are, and their configurations."""
    for (node, name), file in scene.files.items():
        if name != "ConfigFileCacheList.txt" or not file.data:
            continue
        plain = sorted(
            other for (at, other), each in scene.files.items() if at == node and _is_plain_phone(other, each.data)
        )
        entries = sum(1 for line in file.data.splitlines() if line.strip())
        yield Finding(
            finding_id("C19", node),
            "C19",
            Severity.INFORMATION,
            f"{node} tells anybody which phones there are{', and how they are configured' if plain else ''}.",
            (
                f"{name}: {entries:,} lines; {told(file.seen)}",
                *(f"{len(plain)} configurations were read without a login" for _ in plain[:1]),
                *_unencrypted(scene),
            ),
            (
                Step("Use security profiles with TFTP Encrypted Config; phones fetch encrypted files after a reset"),
                Step("Let only phones' networks reach ports 69 and 6970 of TFTP nodes; phones notice nothing"),
            ),
            node,
        )


def _unencrypted(scene: Scene) -> Iterator[str]:
    """Yield how many phones have a profile that leaves their configuration readable, if profiles were read."""
    profiles = {each.name: each for each in scene.observation.profiles if each.tftp_encrypted is False}
    names = [phone.newest("security_profile") or "" for phone in scene.observation.phones]
    count = sum(name in profiles for name in names)
    if count:
        at = next(profiles[name].seen for name in names if name in profiles)
        yield f"{count:,} phones have profiles without TFTP Encrypted Config; {told(at)}"


def _is_plain_phone(name: str, data: bytes | None) -> bool:
    if not data or not name.startswith("SEP") or ".cnf.xml" not in name:
        return False
    if not name.endswith(".sgn"):
        return True
    try:
        return not SignedFile.parse(data).is_encrypted
    except MalformedError:
        return False


def stopped(scene: Scene) -> Iterator[Finding | Gap]:
    """S1: a service that phones need is activated and does not run."""
    if not scene.observation.services:
        yield Gap("services", "", "Control Center was not read")
    for each in scene.observation.services:
        if each.name not in _NEEDED or each.status.casefold() != "stopped":
            continue
        severity, effect = _NEEDED[each.name]
        node = scene.node_of(each.node) or each.node
        yield Finding(
            finding_id("S1", node, each.name),
            "S1",
            severity,
            f"{each.name} on {node} is stopped.",
            (f"status {each.status}; {told(each.seen)}",),
            (Step("phones notice nothing but that it answers again", f"utils service start {each.name}", node),),
            node,
            phones=phones_of(scene, node) if each.name in _BY_GROUP else (),
            count=scene.phones_at[node] or scene.phone_count,
            effect=effect,
        )
