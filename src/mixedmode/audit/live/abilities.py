"""What a phone can do: as its own cluster has it (Q11), else as is known of its model.

A row of the cluster's table means a phone by the number of its product or of its model, and its protocol. A phone whose
numbers are not known, or of a cluster whose table is empty, is judged by its model's name.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable, Mapping
from functools import cache
from typing import Final

from mixedmode.audit.live.models import Able, has_large_keys, knows_default_security
from mixedmode.audit.live.scene import Scene
from mixedmode.live.observed import PhoneSeen
from mixedmode.live.provisioned import Feature

_NUMBERS: Final = {"product": "product", "model": "model_number"}
"""Fields of a row, and the values of a phone that they are compared with."""
_BUILT_IN: Final[Mapping[Feature, Callable[[str], Able]]] = {
    Feature.SECURITY_BY_DEFAULT: knows_default_security,
    Feature.LARGE_KEYS: has_large_keys,
}


class Abilities:
    """What the phones of a cluster can do.

    Args:
        scene: The cluster.
    """

    def __init__(self, scene: Scene) -> None:
        rows: dict[str, dict[str, dict[str, set[str]]]] = defaultdict(lambda: {each: {} for each in _NUMBERS})
        for row in scene.observation.features:
            for name in _NUMBERS:
                number = getattr(row, name)
                if number and number != "0":
                    rows[row.feature][name].setdefault(number, set()).add(row.protocol)
        self._rows = rows
        self._known = cache(self._by_numbers)

    def can(self, phone: PhoneSeen, feature: Feature) -> Able:
        """Return whether a phone can do something."""
        numbers = tuple(phone.newest(value) or "" for value in _NUMBERS.values())
        told = self._known(feature, numbers, (phone.newest("protocol") or "").upper())
        return told if told is not Able.UNKNOWN else _BUILT_IN[feature](phone.newest("model") or "")

    def _by_numbers(self, feature: Feature, numbers: tuple[str, ...], protocol: str) -> Able:
        compared = False
        for name, number in zip(_NUMBERS, numbers, strict=True):
            rows = self._rows[feature.value][name] if feature.value in self._rows else {}
            if rows and number and number != "0":
                compared = True
                protocols = rows.get(number, set())
                if "" in protocols or protocol in protocols or (protocols and not protocol):
                    return Able.YES
        return Able.NO if compared else Able.UNKNOWN


def abilities_of(scene: Scene) -> Abilities:
    """Return what the phones of a cluster can do, looked at once."""
    known: Abilities | None = scene.__dict__.get("_abilities")
    if known is None:
        known = scene.__dict__["_abilities"] = Abilities(scene)
    return known


def knows_lists(scene: Scene, phone: PhoneSeen) -> Able:
    """Return whether a phone fetches an ITL and asks TVS."""
    return abilities_of(scene).can(phone, Feature.SECURITY_BY_DEFAULT)


def uses_large_keys(scene: Scene, phone: PhoneSeen) -> Able:
    """Return whether a phone uses RSA keys of 3072 and 4096 bits."""
    return abilities_of(scene).can(phone, Feature.LARGE_KEYS)
