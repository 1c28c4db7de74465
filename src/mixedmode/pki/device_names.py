"""The names of devices, as CUCM takes them.

Rules:

1. A phone's name is a prefix and its MAC address, in upper case: ``SEP`` of phones and room systems, ``ATA`` of
   analogue adapters, ``VGC`` of virtual phones. People paste addresses as switches print them: colons, hyphens, dots,
   blanks and lower case make no difference, and an address alone is that of a phone.
2. A client's name is a prefix and up to twelve letters, digits, dots, hyphens and underscores: ``CSF`` (desktop),
   ``BOT`` (Android), ``TCT`` (iPhone), ``TAB`` (tablet). It is kept in upper case, as provisioning tools write it.
3. Names of one device in different cases are one name.
"""

from __future__ import annotations

import re
from typing import Final

from mixedmode.errors import UsageError

WITH_MAC: Final = ("SEP", "ATA", "VGC")
WITH_USER: Final = ("CSF", "BOT", "TCT", "TAB")
DEVICE_PATTERN: Final = rf"(?:{'|'.join(WITH_MAC)})[0-9A-F]{{12}}|(?:{'|'.join(WITH_USER)})[A-Z0-9._-]{{1,12}}"
"""A device's name, in upper case."""
_DEVICE: Final = re.compile(DEVICE_PATTERN)
_MAC: Final = re.compile(r"[0-9A-F]{12}")
_SEPARATORS: Final = re.compile(r"[-:.\s]")


def device_name(text: str) -> str:
    """Return a device's name as CUCM keeps it (rules 1 and 2).

    Raises:
        UsageError: It is no such name.
    """
    name = text.strip()
    bare = _SEPARATORS.sub("", name)
    if bare.isascii():  # capitals of other letters may be ASCII: a dotless i has an I for one
        name, bare = name.upper(), bare.upper()
    if _MAC.fullmatch(bare):
        return f"{WITH_MAC[0]}{bare}"
    for each in (name, bare) if name.startswith(WITH_USER) else (bare,):
        if each.isascii() and _DEVICE.fullmatch(each):
            return each
    raise UsageError(
        f"{text!r} is no device name",
        code="device",
        next_step="write SEP (or ATA) and the MAC address, such as SEP001122334455, or CSF, BOT, TCT or TAB and up to "
        "12 letters and digits",
    )


def same_device(text: str) -> str:
    """Return the name to look for: as CUCM keeps it, or as it is if it is no device's name."""
    try:
        return device_name(text)
    except UsageError:
        return text
