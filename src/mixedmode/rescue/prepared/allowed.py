"""What a rescue may send to AXL beside what reads: three operations, each with nothing in it but what is meant; pure.

Rules:

1. Of a user the list of his devices is written, and nothing else of him: no password, no group.
2. A phone is reset by its name, one a request.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Final

from mixedmode.live.allowed.refusal import refused
from mixedmode.live.allowed.requests import Check
from mixedmode.xml_reader import Element

_PHONE: Final = re.compile(r"SEP[0-9A-F]{12}")
_NAME: Final = re.compile(r"[^\x00-\x1f\x7f]{1,128}")
"""Of a user or a device; what others associated has names of their own."""


def _check_user(operation: Element, shown: str) -> None:
    if [each.name for each in operation.children] != ["userid", "associatedDevices"]:
        raise refused(shown, "of a user only the devices are written")
    user, devices = operation.children
    if user.children or not _NAME.fullmatch(user.text):
        raise refused(shown, "one user is named")
    for each in devices.children:
        if each.name != "device" or each.children or not _NAME.fullmatch(each.text):
            raise refused(shown, "of a user only the names of devices are written")


def _check_phone(operation: Element, shown: str) -> None:
    names = [each.text for each in operation.children if each.name == "name" and not each.children]
    if len(operation.children) != 1 or len(names) != 1 or not _PHONE.fullmatch(names[0]):
        raise refused(shown, "one phone is reset, by its name")


WRITES: Final[Mapping[str, Check]] = {
    "updateAppUser": _check_user,
    "updateUser": _check_user,
    "resetPhone": _check_phone,
}
