"""Keys that are pressed from afar, and the menus that they walk through to what erases lists; pure.

The sequences are those that public tools use (docs/specification/rescue.md 2): nobody has tried them here on a phone.
Where what stands is data (:mod:`.layouts`).

Rules:

1. A key that means nothing where the phone is changes nothing, and the answer says Success all the same. So does one
   that comes while the screen is drawn.
2. 79xx: Settings, 4, 5, then 1 (CTL) or 2 (ITL), ``**#`` opens or closes the padlock, the fourth softkey turns to the
   softkeys on which the second is Erase; with five softkeys the fifth is Erase at once. It acts without a question.
   ``**#**`` restarts the phone.
3. 78xx, 88xx and their like: the tile of Admin settings, Reset settings, a row, and the softkey that confirms. What
   stands beside "Security" acts too.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

from mixedmode.numbers import whole_number
from mixedmode.phone.body.pages.layouts import Access, Layout, Reset, layout_of
from mixedmode.phone.mind.models import PhoneModel
from mixedmode.phone.mind.trust.decisions import ListKind

Deed = ListKind | Reset
"""What a key did: a list erased, or another reset confirmed."""
_HOME: Final = ("home",)
_LISTS: Final = {"KeyPad1": ListKind.CTL, "KeyPad2": ListKind.ITL}
_INITS: Final = frozenset({"Services", "Settings", "Applications", "Messages", "Directories"})
_SIGNS: Final = {"KeyPadStar": "*", "KeyPadPound": "#"}
_BOTH: Final = (ListKind.CTL, ListKind.ITL)
_SCREENS: Final = {
    "home": "",
    "applications": "Applications",
    "settings": "Settings",
    "security": "Security Configuration",
    "trust": "Trust List",
    "tiles": "Applications: Admin settings",
    "password": "Password",
    "admin": "Admin settings: Reset settings",
    "resets": "Reset settings",
}


@dataclass(slots=True)
class Menus:
    """Where a phone's screen is.

    Args:
        model: Of the phone.
        layout: Its menus; None takes those of the model.
    """

    model: PhoneModel
    layout: Layout | None = None
    _place: tuple[str, ...] = _HOME
    _typed: str = ""
    _unlocked: bool = False
    _last: float = float("-inf")
    _count: int = 0

    def __post_init__(self) -> None:
        self.layout = self.layout or layout_of(self.model.name)

    def press(self, uri: str, now: float = 0.0) -> tuple[Deed, ...]:
        """Press a key, ``Key:Settings``; return what it did.

        Args:
            uri: The key.
            now: Seconds on any clock.
        """
        layout = self.layout
        if layout is None:
            return ()
        self._count += 1
        since, self._last = now - self._last, now
        if layout.idle and since > layout.idle:
            self._go(*_HOME)
        if 0 <= since < layout.redraw or (layout.loses and self._count % layout.loses == 0):
            return ()
        kind, _, key = uri.partition(":")
        if uri == "Key:NavBack" or (kind == "Init" and key in _INITS):
            self._go(*_HOME)
        elif kind == "Key":
            return self._padlocked(layout, key) if layout.padlock else self._tiled(layout, key)
        return ()

    @property
    def screen(self) -> str:
        """The words on top of the screen; empty at home."""
        place, *more = self._place
        if place in {"list", "more"}:
            return f"{more[0]} File ({'unlocked' if self._unlocked else 'locked'}){' Erase' if self._erase() else ''}"
        return f"{more[0]}: Reset Cancel" if place == "confirm" else _SCREENS[place]

    def _go(self, *place: str) -> None:
        self._place, self._typed, self._unlocked = place, "", False

    def _opens(self, layout: Layout, key: str, first: str) -> bool:
        if key != layout.opens:
            return False
        shut = layout.access is Access.DISABLED
        self._go(*((first,) if self._place == _HOME and not shut else _HOME))
        return True

    def _padlocked(self, layout: Layout, key: str) -> tuple[Deed, ...]:
        place = self._place
        if self._opens(layout, key, "applications" if layout.through else "settings"):
            return ()
        if place == ("applications",) and key == f"KeyPad{layout.through}":
            self._go("settings")
        elif place == ("settings",) and key == "KeyPad4" and layout.access is Access.ENABLED:
            self._go("security")
        elif place == ("security",) and key == "KeyPad5":
            self._go("trust")
        elif place == ("trust",) and key in _LISTS:
            self._go("list", _LISTS[key].value)
        elif place == ("password",):
            self._asked(layout, key, "trust")
        elif place[0] in {"list", "more"}:
            return self._on_list(layout, key)
        return ()

    def _erase(self) -> str:
        """Return the softkey that is Erase now, empty if none is."""
        layout = self.layout
        if layout is None or not self._unlocked:
            return ""
        if layout.five_softkeys:
            return "Soft5"
        return "Soft2" if self._place[0] == "more" else ""

    def _on_list(self, layout: Layout, key: str) -> tuple[Deed, ...]:
        self._typed = (self._typed + _SIGNS.get(key, " "))[-5:]
        if self._typed == "**#**":
            self._go(*_HOME)
            return (Reset.DEVICE,)
        if self._typed.endswith("**#"):
            if layout.password:
                self._go("password")
            else:
                self._unlocked = not self._unlocked
        elif key == "Soft4" and not layout.five_softkeys:
            self._place = ("more" if self._place[0] == "list" else "list", self._place[1])
        elif key == self._erase():
            kind = ListKind(self._place[1])
            self._go("trust")
            return (kind,)
        return ()

    def _tiled(self, layout: Layout, key: str) -> tuple[Deed, ...]:
        place = self._place
        if self._opens(layout, key, "tiles"):
            return ()
        if (place, key) == (("tiles",), f"KeyPad{layout.tile}"):
            if layout.access is Access.ENABLED:
                self._go("password" if layout.password else "admin")
        elif place == ("password",):
            self._asked(layout, key, "admin")
        elif (place, key) == (("admin",), f"KeyPad{layout.row}"):
            self._go("resets")
        elif place == ("resets",):
            number = whole_number(key.removeprefix("KeyPad")) or 0
            if 0 < number <= len(layout.resets):
                self._go("confirm", layout.resets[number - 1])
        elif place[0] == "confirm":
            row = Reset(place[1])
            self._go(*(_HOME if key == layout.confirm else ("resets",)))
            if key == layout.confirm:
                return _BOTH if row is Reset.SECURITY else (row,)
        return ()

    def _asked(self, layout: Layout, key: str, behind: str) -> None:
        """Take a key of the password; a softkey ends it."""
        digit = key.removeprefix("KeyPad")
        if whole_number(digit) is not None:
            self._typed += digit
        else:
            self._go(*((behind,) if self._typed == layout.password else _HOME))
