"""How a person erases a phone's lists, by model (phone-trust.md 4.4, field-notes.md A6)."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Final

if TYPE_CHECKING:
    from mixedmode.phone.mind.models import PhoneModel

_WAYS: Final[tuple[tuple[str, str, str], ...]] = (
    (
        r"89[46]\d|99\d\d",
        "8900 and 9900 series",
        "Settings > Administrator Settings > Reset Settings > Security Settings",
    ),
    (
        r"(78|88)\d\d(NR|NS)?",
        "7800 and 8800 series",
        "Applications > Admin Settings > Reset Settings > Security Settings",
    ),
    (
        r"79\d\d.*|69\d\d",
        "7900 and 6900 series",
        "Settings > Security Configuration > Trust List, **# to unlock, Erase softkey (no ** after it: that restarts)",
    ),
)
_FACTORY: Final = "reset it to factory settings (many models: hold # at power-on, then 123456789*0#)"


def erase_by_hand(model: PhoneModel | None) -> str:
    """Return what to do at a phone of a model."""
    name = model.name if model is not None else ""
    for pattern, _, keys in _WAYS:
        if re.fullmatch(pattern, name):
            what = "CTL" if model is not None and not model.security_by_default else "CTL and ITL"
            return f"by hand at the phone: erase its {what}: {keys}; then restart it"
    return f"by hand at the phone: erase its lists in its security settings, or {_FACTORY}"


def ways_by_hand() -> str:
    """Return what to do at any phone, series by series."""
    return "; ".join(f"{series}: {keys}" for _, series, keys in _WAYS)
