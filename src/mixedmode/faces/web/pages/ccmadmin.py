"""Cisco Unified CM Administration: enterprise parameters, profiles, device pools, groups, phones as devices."""

from __future__ import annotations

from typing import Final

from mixedmode.faces.web.kit.navigation import CCMADMIN
from mixedmode.faces.web.kit.page import Page
from mixedmode.faces.web.pages.administration import device, lscs, parameters, pools

_SYSTEM: Final = (CCMADMIN, "System")
_DEVICE: Final = (CCMADMIN, "Device")

PAGES: Final = (
    Page(parameters.PATH, "Enterprise Parameters", parameters.enterprise_parameters, crumbs=_SYSTEM, posts=True),
    Page(pools.POOLS, "Device Pool", pools.device_pools, crumbs=_SYSTEM),
    Page(pools.GROUPS, "Cisco Unified CM Group", pools.groups, crumbs=_SYSTEM),
    Page(pools.PROFILES, "Phone Security Profile", pools.profiles, crumbs=(*_SYSTEM, "Security")),
    Page(device.ADD, "Add a New Phone", device.add, crumbs=_DEVICE, menu=device.PHONES, posts=True),
    Page(
        device.DEVICE,
        "Phone Configuration",
        device.device,
        crumbs=_DEVICE,
        menu=device.PHONES,
        posts=True,
        sample=f"{device.ADD}/SEP001122334401",
    ),
    Page(device.LINE, "Directory Number Configuration", device.line, crumbs=_DEVICE, menu=device.PHONES, posts=True),
    Page(device.REMOVE, "Delete a phone", device.remove, crumbs=_DEVICE, menu=device.PHONES, posts=True),
    Page(lscs.REVOKE, "Revoke LSCs", lscs.revoke, crumbs=_DEVICE, menu=device.PHONES, posts=True),
)
