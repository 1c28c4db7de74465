"""Where the menus of a model have what erases lists, and what stands beside it; data (docs/specification/rescue.md 2).

The positions are those that public tools press and guides draw; firmware and configuration move them, so each is a
field that a simulated phone may have otherwise.
"""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum
from typing import Final


class Access(StrEnum):
    """What the settings menu shows (``settingsAccess``)."""

    ENABLED = "enabled"
    RESTRICTED = "restricted"
    DISABLED = "disabled"


class Reset(StrEnum):
    """A row of the list of resets; each acts when it is confirmed."""

    ALL = "All"
    DEVICE = "Reset device"
    NETWORK = "Network"
    SERVICE = "Service mode"
    SECURITY = "Security"


FOUR_RESETS: Final = (Reset.ALL, Reset.NETWORK, Reset.SERVICE, Reset.SECURITY)
FIVE_RESETS: Final = (Reset.ALL, Reset.DEVICE, Reset.NETWORK, Reset.SERVICE, Reset.SECURITY)
_THREE_RESETS: Final = (Reset.ALL, Reset.NETWORK, Reset.SECURITY)


@dataclass(frozen=True, slots=True)
class Layout:
    """The menus of one phone.

    Attributes:
        opens: The key that opens the first list.
        padlock: Whether lists are erased one by one behind a padlock, as on 79xx.
        through: The digit in the first list that leads to Settings; empty where the key opens it at once.
        five_softkeys: Whether Erase is the fifth softkey rather than behind "more".
        tile: The digit of Admin settings: 6 where Bluetooth stands before it.
        row: The digit of Reset settings in there: 5 behind "Aux port".
        resets: The rows of that list.
        confirm: The softkey that does it; every other one goes back.
        access: What the settings menu shows.
        password: Of the menu, digits; empty if there is none.
        redraw: Seconds after a key in which the next one is lost.
        idle: Seconds without a key after which the phone goes home; 0 is never.
        loses: One key in so many is lost; 0 is none.
    """

    opens: str = "Applications"
    padlock: bool = False
    through: str = ""
    five_softkeys: bool = False
    tile: int = 5
    row: int = 4
    resets: tuple[Reset, ...] = FOUR_RESETS
    confirm: str = "Soft3"
    access: Access = Access.ENABLED
    password: str = ""
    redraw: float = 0.0
    idle: float = 0.0
    loses: int = 0


_JAVA: Final = Layout(opens="Settings", padlock=True)
_SMALL_JAVA: Final = Layout(padlock=True, through="3")
_WIDE_JAVA: Final = Layout(opens="Settings", padlock=True, five_softkeys=True)
_LAYOUTS: Final[dict[str, Layout]] = {
    **dict.fromkeys(("7906", "7911"), _SMALL_JAVA),
    **dict.fromkeys(("7941", "7941GE", "7942", "7945", "7961", "7961GE", "7962", "7965"), _JAVA),
    **dict.fromkeys(("7970", "7971", "7975"), _WIDE_JAVA),
    **dict.fromkeys(("7811", "7821", "7841", "7861"), Layout(confirm="Soft2")),
    **dict.fromkeys(("8811", "8841"), Layout()),
    **dict.fromkeys(("8845", "8851", "8851NR", "8861", "8865", "8865NR"), Layout(tile=6)),
    **dict.fromkeys(("8941", "8945"), Layout(opens="Settings", tile=4, resets=_THREE_RESETS)),
    **dict.fromkeys(("8961", "9951", "9971"), Layout(tile=4)),
}


def layout_of(model: str) -> Layout | None:
    """Return the menus that phones of a model have, None if keys from afar do not get into them."""
    return _LAYOUTS.get(model)
