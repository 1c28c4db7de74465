"""What the cluster is set to do with phones (1.7, 1.8): models and what they can do, groups, profiles, firmware.

Rules:

1. A feature is known by its moniker or name, whatever its number; several may be meant, then each counts (Q11).
2. Of a phone's own settings the web access is kept and nothing else: passwords stand there too. 0 is enabled, 1 is
   disabled; none is that of a common profile, which is not known here (Q12).
3. The tables of settings are read in pages (:mod:`.of_phones`). Where a release does not have them, the procedure is
   asked, of :data:`MOST_ALONE` phones at most: it takes a request each.
"""

from __future__ import annotations

import re
from collections import defaultdict
from collections.abc import Iterable, Iterator
from typing import Final

from mixedmode.live.observed import PhoneSeen, Value
from mixedmode.live.provisioned import (
    DefaultLoadSeen,
    Feature,
    FeatureSeen,
    GroupSeen,
    ModelSeen,
    PoolSeen,
    ProfileSeen,
)
from mixedmode.live.rows import CONFIGURED, configured_access
from mixedmode.live.sources import catalogue
from mixedmode.live.sources.axl import Axl, AxlFaultError, Row
from mixedmode.live.sources.database import Database
from mixedmode.live.sources.seeing import Seen
from mixedmode.numbers import whole_number

MOST_ALONE: Final = 20
_LONGEST: Final = 255
_MOST_MEANT: Final = 4
"""Features that one name may mean."""
_FEATURES: Final = {
    Feature.SECURITY_BY_DEFAULT: re.compile(r"security[\W_]*by[\W_]*default|(?<![a-z])sbd(?![a-z])", re.IGNORECASE),
    Feature.LARGE_KEYS: re.compile(r"(3072|4096).*rsa|rsa.*(3072|4096)", re.IGNORECASE),
}
_PROTOCOLS: Final = {"0": "SCCP", "11": "SIP", "99": "", "": ""}
_FLAGS: Final = {"t": True, "true": True, "1": True, "f": False, "false": False, "0": False}
_DEFAULTS: Final = (
    "<searchCriteria><Model>%</Model></searchCriteria>"
    "<returnedTags><Model/><Protocol/><LoadInformation/><InactiveLoadInformation/></returnedTags>"
)


def look_at_provisioning(database: Database, axl: Axl, seen: Seen) -> None:
    """Add models, groups, pools, profiles, what models can do, and their firmware."""
    for row in database.rows(catalogue.MODELS, seen):
        if whole_number(row.get("number", "")) is not None and row.get("name"):
            seen.models.append(ModelSeen(row["number"], row["name"][:_LONGEST], database.sighting()))
    _groups(database, seen)
    for row in database.rows(catalogue.POOLS, seen):
        if row.get("name"):
            seen.pools.append(PoolSeen(row["name"], row.get("cmgroup", ""), database.sighting()))
    for row in database.rows(catalogue.PROFILES, seen):
        if row.get("name"):
            seen.profiles.append(_profile(row, database))
    _features(database, seen)
    _default_loads(database, axl, seen)


def _groups(database: Database, seen: Seen) -> None:
    members: dict[str, list[tuple[int, str]]] = defaultdict(list)
    for row in database.rows(catalogue.GROUPS, seen):
        if row.get("cmgroup") and row.get("node"):
            members[row["cmgroup"]].append((_number(row.get("priority", "")), row["node"]))
    for name, nodes in sorted(members.items()):
        seen.groups.append(GroupSeen(name, tuple(node for _, node in sorted(nodes)), database.sighting()))


def _profile(row: Row, database: Database) -> ProfileSeen:
    def text(column: str) -> str:
        return row.get(column, "")[:_LONGEST]

    return ProfileSeen(
        text("name"),
        text("mode"),
        text("transport"),
        text("auth"),
        text("keyorder"),
        text("keysize"),
        text("eckeysize"),
        _FLAGS.get(text("tftpencrypted").lower()),
        _FLAGS.get(text("oauth").lower()),
        database.sighting(),
    )


def _features(database: Database, seen: Seen) -> None:
    rows = database.rows(catalogue.FEATURES, seen)
    for feature, pattern in _FEATURES.items():
        numbers = [
            row["number"]
            for row in rows
            if whole_number(row.get("number", "")) is not None
            and pattern.search(f"{row.get('name', '')} {row.get('moniker', '')}")
        ]
        for number in numbers[:_MOST_MEANT]:
            supported = database.rows(catalogue.support_of(int(number)), seen)
            seen.features += _supporting(feature, supported, database)


def _supporting(feature: Feature, rows: Iterable[Row], database: Database) -> Iterator[FeatureSeen]:
    sighting = database.sighting()
    for row in rows:
        model, product = row.get("model", ""), row.get("product", "")
        protocol = _PROTOCOLS.get(row.get("protocol", ""))
        if (model or product) and protocol is not None:
            yield FeatureSeen(feature.value, model, product, protocol, sighting)


def _default_loads(database: Database, axl: Axl, seen: Seen) -> None:
    try:
        found = axl.call("listDeviceDefaults", _DEFAULTS)
    except AxlFaultError as error:
        seen.missing("default firmware of models", "", error)
        return
    for each in found.children:
        told = {tag.name.lower(): tag.text[:_LONGEST] for tag in each.children}
        if told.get("model"):
            load, inactive = told.get("loadinformation", ""), told.get("inactiveloadinformation", "")
            seen.default_loads.append(
                DefaultLoadSeen(told["model"], told.get("protocol", ""), load, inactive, database.sighting())
            )


def web_access_alone(database: Database, axl: Axl, names: Iterable[str], seen: Seen) -> Iterator[PhoneSeen]:
    """Yield what is set for the web access of some phones, each by a request of its own (rule 3)."""
    wanted = list(names)[:MOST_ALONE]
    for row in database.rows(catalogue.keys_of(wanted), seen) if wanted else ():
        try:
            rows = axl.select(catalogue.read_settings(row.get("pkid", "")))
        except AxlFaultError as error:
            seen.missing("configured web access", "", error)
            return
        text = "".join(cell for each in rows for cell in each.values())
        if access := configured_access(text):
            yield PhoneSeen(row.get("name", ""), {CONFIGURED: (Value(access, database.sighting()),)})


def _number(text: str) -> int:
    found = whole_number(text)
    return found if found is not None and found < 1 << 16 else 99
