"""Keys that are pressed from afar, and the menus that they walk through to what erases lists; pure.

The sequences are those that public tools use (docs/specification/rescue.md 2): nobody has tried them here on a phone.

Rules:

1. A key that means nothing where the phone is changes nothing, and the answer says Success all the same.
2. 79xx: Settings, 4, 5, then 1 (CTL) or 2 (ITL), ``**#`` opens or closes the padlock, the fourth softkey turns to the
   softkeys on which the second is Erase; with five softkeys the fifth is Erase at once. It acts without a question.
3. 78xx and 88xx: Applications, 5 (6 with Bluetooth), 4, 4, and the softkey that confirms: both lists are erased. What
   stands beside "Security" in that menu is not done by this phone: it takes the key and stays where it is.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

from mixedmode.phone.mind.models import PhoneModel
from mixedmode.phone.mind.trust.decisions import ListKind

_HOME: Final = ("home",)
_FIVE_SOFTKEYS: Final = frozenset({"7970", "7971", "7975"})
_BLUETOOTH: Final = frozenset({"8851", "8861", "8845", "8865"})
_LISTS: Final = {"KeyPad1": ListKind.CTL, "KeyPad2": ListKind.ITL}
_RESETS: Final = {"88": "Soft3", "78": "Soft2"}


@dataclass(slots=True)
class Menus:
    """Where a phone's screen is.

    Args:
        model: Of the phone.
    """

    model: PhoneModel
    _place: tuple[str, ...] = _HOME
    _typed: str = ""
    _unlocked: bool = False

    def press(self, uri: str) -> tuple[ListKind, ...]:
        """Press a key, ``Key:Settings``; return the lists that it erases."""
        kind, _, key = uri.partition(":")
        if kind == "Init" and key in {"Services", "Settings", "Applications", "Messages", "Directories"}:
            self._go(*_HOME)
        elif kind == "Key":
            return self._java(key) if self.model.name.startswith("79") else self._modern(key)
        return ()

    def _go(self, *place: str) -> None:
        self._place, self._typed, self._unlocked = place, "", False

    def _java(self, key: str) -> tuple[ListKind, ...]:
        place = self._place
        if key == "Settings":
            self._go(*(("settings",) if place == _HOME else _HOME))
        elif place == ("settings",) and key == "KeyPad4":
            self._go("security")
        elif place == ("security",) and key == "KeyPad5":
            self._go("trust")
        elif place == ("trust",) and key in _LISTS:
            self._go("list", _LISTS[key].value)
        elif place[0] in {"list", "more"}:
            return self._on_list(key)
        return ()

    def _on_list(self, key: str) -> tuple[ListKind, ...]:
        self._typed = (self._typed + {"KeyPadStar": "*", "KeyPadPound": "#"}.get(key, " "))[-3:]
        if self._typed == "**#":
            self._unlocked = not self._unlocked
        erase = "Soft5" if self.model.name in _FIVE_SOFTKEYS else "Soft2"
        if key == "Soft4" and erase == "Soft2":
            self._place = ("more" if self._place[0] == "list" else "list", self._place[1])
        elif key == erase and self._unlocked and (erase == "Soft5" or self._place[0] == "more"):
            kind = ListKind(self._place[1])
            self._go("trust")
            return (kind,)
        return ()

    def _modern(self, key: str) -> tuple[ListKind, ...]:
        place, confirm = self._place, _RESETS.get(self.model.name[:2])
        if confirm is None:
            return ()
        tile = "KeyPad6" if self.model.name in _BLUETOOTH else "KeyPad5"
        if key == "Applications":
            self._go(*(("tiles",) if place == _HOME else _HOME))
        elif (place, key) == (("tiles",), tile):
            self._go("admin")
        elif (place, key) == (("admin",), "KeyPad4"):
            self._go("resets")
        elif (place, key) == (("resets",), "KeyPad4"):
            self._go("confirm")
        elif (place, key) == (("confirm",), confirm):
            self._go(*_HOME)
            return (ListKind.CTL, ListKind.ITL)
        elif place == ("confirm",):
            self._go("resets")
        return ()
