"""An observation as a file: written by ``inventory collect``, read by ``forecast``, ``audit`` and ``calendar``.

Rules:

1. JSON. The first line has all but the phones; then a phone a line, so that a reader need not hold them all.
2. A phone has the columns of an inventory (docs/specification/forecast.md 1), and under ``values`` all that was seen of
   it, each value as text and sighting, newest first.
3. A sighting that many values share stands once, in ``sightings``, and is named by its number.
4. A list that the file does not have is empty: files of earlier releases have fewer.
5. Devices whose names no inventory takes (CTI ports and their like) stand in ``other_devices``.
"""

from __future__ import annotations

import base64
import json
import re
from collections import Counter
from collections.abc import Callable, Iterator, Mapping
from dataclasses import fields
from datetime import UTC, datetime
from functools import lru_cache
from ipaddress import ip_address
from typing import Any, Final

from mixedmode.errors import MalformedError, MixedModeError
from mixedmode.json_reader import read_json
from mixedmode.live.observed import (
    CertificateSeen,
    FaceSeen,
    FileSeen,
    NodeSeen,
    NotSeen,
    Observation,
    ParameterSeen,
    PhoneSeen,
    ServiceSeen,
    Sighting,
    Source,
    Value,
)
from mixedmode.live.provisioned import (
    CounterSeen,
    DefaultLoadSeen,
    FeatureSeen,
    GroupSeen,
    ModelSeen,
    PoolSeen,
    ProfileSeen,
    VouchedSeen,
)
from mixedmode.pki.device_names import device_name

MARK: Final = "mixedmode_inventory"
"""The first key of the file."""
SCHEMA: Final = 1
PHONES: Final = ',"phones":['
"""Ends the first line."""
LISTS: Final[Mapping[str, type]] = {
    "nodes": NodeSeen,
    "files": FileSeen,
    "certificates": CertificateSeen,
    "faces": FaceSeen,
    "services": ServiceSeen,
    "parameters": ParameterSeen,
    "models": ModelSeen,
    "features": FeatureSeen,
    "default_loads": DefaultLoadSeen,
    "groups": GroupSeen,
    "pools": PoolSeen,
    "profiles": ProfileSeen,
    "vouched": VouchedSeen,
    "counters": CounterSeen,
    "not_seen": NotSeen,
}
_MOST_HOSTS: Final = 64
_HOST: Final = re.compile(r"[A-Za-z0-9_](?:[A-Za-z0-9_.-]{0,252}[A-Za-z0-9_])?")
_BYTES: Final = frozenset({"data", "der"})
_MOMENTS: Final = frozenset({"started"})
_MODES: Final = frozenset({"non-secure", "authenticated", "encrypted"})
_HASH_LENGTHS: Final = frozenset({32, 40, 64})


def write_document(seen: Observation) -> Iterator[str]:
    """Yield an observation's text, in pieces."""
    values = (value for phone in seen.phones for each in phone.values.values() for value in each)
    counted = Counter(value.seen for value in values)
    shared = {sighting: number for number, sighting in enumerate(each for each, n in counted.items() if n > 1)}
    head: dict[str, Any] = {
        MARK: SCHEMA,
        "cluster": seen.cluster,
        "begun": seen.begun.isoformat(),
        "ended": seen.ended.isoformat(),
        "replication_ok": seen.replication_ok,
        **{name: [plain(each) for each in getattr(seen, name)] for name in LISTS},
        "sightings": [plain(each) for each in shared],
        "other_devices": [_phone(each, shared) for each in seen.phones if not _is_listed(each.name)],
    }
    servers = _tvs_servers(seen)
    yield _text(head)[:-1] + PHONES
    between = "\n"
    for phone in seen.phones:
        if _is_listed(phone.name):
            yield between + _text({**columns(phone, servers), **_phone(phone, shared)})
            between = ",\n"
    yield "\n]}\n"


def read_document(text: str) -> Observation:
    """Return the observation of a file's text.

    Raises:
        MalformedError: It is none.
    """
    try:
        document = read_json(text)
        check_schema(document)
        sightings = [_sighting(each) for each in document["sightings"]]
        phones = [*document["other_devices"], *document["phones"]]
        return Observation(
            str(document["cluster"]),
            _moment(document["begun"]),
            _moment(document["ended"]),
            **{name: tuple(value_of(kind, each) for each in document.get(name, ())) for name, kind in LISTS.items()},
            phones=tuple(_phone_of(each, sightings) for each in phones),
            replication_ok=document["replication_ok"],
        )
    except (ValueError, KeyError, TypeError, AttributeError, IndexError, RecursionError) as error:
        raise MalformedError("this is no collected inventory", why=f"{type(error).__name__}: {error}"[:200]) from error


def check_schema(document: Any) -> None:
    """Check that a file is a collected inventory, of a release that is known.

    Raises:
        MalformedError: It is not.
    """
    schema = document.get(MARK) if isinstance(document, dict) else None
    if schema != SCHEMA:
        raise MalformedError(
            f"the collected inventory has schema {schema!r:.20}",
            next_step=f"this release reads schema {SCHEMA}; collect anew, or use the release that wrote it",
        )


def plain(value: Any) -> Any:
    """Return a value of :mod:`mixedmode.live.observed` as JSON has it."""
    if value is None or isinstance(value, (bool, int, float, str)):
        return value
    if isinstance(value, Sighting):
        return _plain_sighting(value)
    if isinstance(value, bytes):
        return base64.b64encode(value).decode()
    if isinstance(value, datetime):
        return value.isoformat()
    if isinstance(value, (list, tuple)):
        return [plain(each) for each in value]
    return {each.name: plain(getattr(value, each.name)) for each in fields(value)}


@lru_cache(4096)
def _plain_sighting(sighting: Sighting) -> dict[str, str]:
    """Return a sighting as JSON has it; many values share one, so it is made once, and never changed."""
    return {"source": str(sighting.source), "at": sighting.at.isoformat(), "where": sighting.where}


def value_of(kind: type, document: Mapping[str, Any]) -> Any:
    """Return a value of a kind from what :func:`plain` made of it.

    Raises:
        ValueError, TypeError, KeyError: It is none.
    """
    return kind(**{each.name: _field(each.name, document[each.name]) for each in fields(kind) if each.name in document})


def _tvs_servers(seen: Observation) -> dict[str, str]:
    """Return the TVS servers by device pool, as the configurations of its phones name them: those of its group."""
    addresses = {node.name: node.address for node in seen.nodes}
    groups = {
        group.name: " ".join(dict.fromkeys(each for name in group.nodes for each in (name, addresses.get(name, name))))
        for group in seen.groups
    }
    return {pool.name: groups[pool.group] for pool in seen.pools if groups.get(pool.group)}


def columns(phone: PhoneSeen, tvs_servers: Mapping[str, str] | None = None) -> dict[str, str]:
    """Return a phone's cells by the columns of an inventory; what is not known is left out.

    Args:
        phone: The phone.
        tvs_servers: By device pool; a phone that is registered has a configuration of this cluster, which names them.
    """
    found = {"name": phone.name}
    for column, name, fits in _COLUMNS:
        text = phone.newest(name)
        if text and fits(text):
            found[column] = text
    status = phone.values.get("status")
    if status and status[0].text.lower() == "registered":
        found["registered"] = status[0].seen.at.isoformat()
        named = (tvs_servers or {}).get(phone.newest("pool") or "", "")
        if named and _are_hosts(named):
            found["tvs_servers"] = named
    return found


def phone_plain(phone: PhoneSeen) -> dict[str, Any]:
    """Return a phone as JSON, each value with its sighting."""
    return _phone(phone, {})


def phone_of(document: Mapping[str, Any]) -> PhoneSeen:
    """Return a phone from what :func:`phone_plain` made of it."""
    return _phone_of(document, [])


def _is_list(text: str) -> bool:
    return text == "none" or (len(text) in _HASH_LENGTHS and all(each in "0123456789abcdef" for each in text))


def _are_hosts(text: str) -> bool:
    words = text.split()
    return len(words) <= _MOST_HOSTS and all(map(_is_host, words))


def _is_host(word: str) -> bool:
    """Return whether a word is a host to who reads inventories: a strange one must not make a bad row."""
    if ":" in word or not word.strip("0123456789."):
        try:
            ip_address(word)
        except ValueError:
            return False
        return True
    return _HOST.fullmatch(word) is not None


def _any(_text: str) -> bool:
    return True


_COLUMNS: Final[tuple[tuple[str, str, Callable[[str], bool]], ...]] = (
    ("model", "model", lambda text: len(text) <= 64 and any(map(str.isalnum, text))),
    ("ctl", "ctl", _is_list),
    ("itl", "itl", _is_list),
    ("device_pool", "pool", _any),
    ("security_mode", "security_mode", _MODES.__contains__),
    ("lsc_issuer", "lsc_issuer", _any),
    ("last_seen", "last_seen", _any),
)


def _is_listed(name: str) -> bool:
    try:
        return device_name(name) == name
    except MixedModeError:
        return False


def _phone(phone: PhoneSeen, shared: Mapping[Sighting, int]) -> dict[str, Any]:
    def sighting(seen: Sighting) -> Any:
        return shared[seen] if seen in shared else plain(seen)

    return {
        "name": phone.name,
        "values": {
            name: [[value.text, sighting(value.seen)] for value in values] for name, values in phone.values.items()
        },
    }


def _phone_of(document: Mapping[str, Any], sightings: list[Sighting]) -> PhoneSeen:
    values = {
        str(name): tuple(
            Value(str(text), sightings[seen] if isinstance(seen, int) else _sighting(seen)) for text, seen in listed
        )
        for name, listed in document["values"].items()
    }
    return PhoneSeen(str(document["name"]), values)


def _field(name: str, value: Any) -> Any:
    if name == "seen":
        return None if value is None else _sighting(value)
    if name in _BYTES:
        return None if value is None else base64.b64decode(value, validate=True)
    if name in _MOMENTS:
        return None if value is None else _moment(value)
    if name == "chain":
        return tuple(base64.b64decode(each, validate=True) for each in value)
    if isinstance(value, list):
        return tuple(str(each) for each in value)
    return value


def _sighting(document: Mapping[str, Any]) -> Sighting:
    return Sighting(Source(document["source"]), _moment(document["at"]), str(document["where"]))


def _moment(text: str) -> datetime:
    found = datetime.fromisoformat(text)
    return found if found.tzinfo is not None else found.replace(tzinfo=UTC)


def _text(value: Any) -> str:
    return json.dumps(value, ensure_ascii=False, separators=(",", ":"))
