"""The names that phones ask for: what stands for what, and what is refused.

Rules (wire-formats.md 7):

1. A name is below the root however it is written: ``/x``, ``./x`` and ``d/../x`` are ``x``, ``d//x`` is ``d/x``. Phones
   with an empty locale ask for ``/g3-tones.xml``.
2. A name that leaves the root is refused, and so is one that no phone can mean: with a backslash or a control
   character, or longer than 255 characters.
3. ``CTLSEP<MAC>.tlv`` and ``ITLSEP<MAC>.tlv`` stand for ``CTLFile.tlv`` and ``ITLFile.tlv`` when there is no file of
   that very name (phone-trust.md 1.1); likewise for devices of other names.
"""

from __future__ import annotations

import re
from typing import Final

from mixedmode.pki.device_names import DEVICE_PATTERN

NAME_LIMIT: Final = 255
DIRECTORY_LIMIT: Final = 2
_PLAIN = re.compile(r"(?!\.)[A-Za-z0-9_.@+-]{1,255}")
_DEVICE_LIST = re.compile(rf"(CTL|ITL)(?i:{DEVICE_PATTERN})\.tlv")
_HERE: Final = ("", ".")


def is_safe_name(name: str) -> bool:
    """Tell whether ``name`` is the one true name of a file: flat, or with up to two directories."""
    return name.count("/") <= DIRECTORY_LIMIT and is_possible(name)


def is_possible(name: str) -> bool:
    """Tell the same, but for a name with any number of directories."""
    return (
        len(name) <= NAME_LIMIT
        and name.isprintable()
        and "\\" not in name
        and all(part not in ("", ".", "..") for part in name.split("/"))
    )


def clean_name(asked: str) -> str | None:
    """Return the one true name of what is asked for, ``None`` if it is refused (rules 1 and 2).

    There need not be such a file: what comes back for a folder ends with a slash, which no file's name does.
    """
    if _PLAIN.fullmatch(asked):
        return asked
    if len(asked) > NAME_LIMIT or "\\" in asked or not asked.isprintable():
        return None
    steps = asked.split("/")
    parts: list[str] = []
    for step in steps:
        if step == "..":
            if not parts:
                return None
            parts.pop()
        elif step not in _HERE:
            parts.append(step)
    folder = "/" if parts and (steps[-1] in _HERE or steps[-1] == "..") else ""
    return "/".join(parts) + folder


def shared_list_name(name: str) -> str | None:
    """Return ``CTLFile.tlv`` or ``ITLFile.tlv``, if ``name`` is a phone's own name for that list."""
    match = _DEVICE_LIST.fullmatch(name)
    return f"{match[1]}File.tlv" if match else None
