"""What a request to RIS selects (docs/specification/live-cluster.md 2.1)."""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import Final

from mixedmode.errors import UsageError
from mixedmode.numbers import whole_number
from mixedmode.xml_reader import Element

MOST_DEVICES: Final = 1000
"""Names that are looked at, and devices that are returned; what is beyond is cut and not told."""
ANY_MODEL: Final = 255
_CHOICES: Final = {
    "DeviceClass": (
        "Any", "Phone", "Gateway", "H323", "Cti", "VoiceMail", "MediaResources", "HuntList", "SIPTrunk", "Unknown",
    ),
    "Status": ("Any", "Registered", "UnRegistered", "Rejected", "PartiallyRegistered", "Unknown"),
    "SelectBy": ("Name", "IPV4Address", "IPV6Address", "DirNumber", "Description", "SIPStatus"),
    "Protocol": ("Any", "SCCP", "SIP", "Unknown"),
    "DownloadStatus": ("Any", "Upgrading", "Successful", "Failed", "Unknown"),
}  # fmt: skip


@dataclass(frozen=True, slots=True)
class Criteria:
    """What is selected.

    Attributes:
        most: Devices to return.
        choices: The criteria that are one of a few words.
        model: A device type, or :data:`ANY_MODEL`.
        node: Only of this one; empty for all.
        items: What is looked for.
        state: ``StateInfo`` as it came.
    """

    most: int
    choices: dict[str, str]
    model: int
    node: str
    items: tuple[str, ...]
    state: str

    @property
    def select_by(self) -> str:
        """What the items are."""
        return self.choices["SelectBy"]

    @classmethod
    def of(cls, operation: Element) -> Criteria:
        """Read an operation.

        Raises:
            UsageError: A word is none of those that there are, or a number is none.
        """
        found = operation.child("CmSelectionCriteria")
        if found is None:
            raise UsageError("CmSelectionCriteria is missing")
        choices = {name: _choice(found, name, words) for name, words in _CHOICES.items()}
        most = _number(found, "MaxReturnedDevices", MOST_DEVICES)
        items = found.child("SelectItems")
        names: list[str] = []
        for item in items.children if items is not None else ():
            # Tools put several names into one item, with commas between them.
            names += [each.strip() for each in item.value("Item").split(",") if each.strip()]
        state = operation.value("StateInfo")
        return cls(
            min(most or MOST_DEVICES, MOST_DEVICES),
            choices,
            _number(found, "Model", ANY_MODEL),
            found.value("NodeName"),
            tuple(names[:MOST_DEVICES]),
            state,
        )


def _choice(found: Element, name: str, words: tuple[str, ...]) -> str:
    text = found.value(name)
    if not text:
        return words[0]
    for word in words:
        if word.lower() == text.lower():
            return word
    raise UsageError(f"{name} is {text[:40]!r}, which is none of {', '.join(words)}")


def _number(found: Element, name: str, default: int) -> int:
    text = found.value(name)
    if not text:
        return default
    number = whole_number(text)
    if number is None or len(text) > 9:
        raise UsageError(f"{name} is {text[:40]!r}, which is no number")
    return number


def pattern_of(item: str) -> re.Pattern[str]:
    """Return what matches an item with wildcards."""
    return re.compile(".*".join(re.escape(part) for part in re.split(r"\*+", item)), re.IGNORECASE | re.DOTALL)
