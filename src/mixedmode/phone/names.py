"""The names of a device and of the files that it asks for (phone-trust.md 1.1 and 1.3)."""

from __future__ import annotations

import re
from typing import Final

from mixedmode.errors import UsageError
from mixedmode.phone.decisions import ListKind

_DEVICE = re.compile(r"SEP[0-9A-F]{12}")
DEFAULT_CONFIG: Final = "XMLDefault.cnf.xml"


def device_name(text: str) -> str:
    """Return a phone's name: ``SEP`` and its MAC address, in upper case; colons and dashes are dropped.

    Raises:
        UsageError: It is no such name.
    """
    name = text.strip().upper().replace(":", "").replace("-", "")
    if not name.startswith("SEP"):
        name = f"SEP{name}"
    if not _DEVICE.fullmatch(name):
        raise UsageError(
            f"{text!r} is no phone's name", code="device", next_step="write SEP and the MAC address: SEP001122334455"
        )
    return name


def list_names(device: str, kind: ListKind, *, shared: bool) -> tuple[str, ...]:
    """Return the names of a trust list, in the order to ask.

    Args:
        device: The phone's name.
        kind: Which list.
        shared: Whether to ask for the cluster's file when there is none of the phone's own.
    """
    own = f"{kind.value}{device}.tlv"
    return (own, kind.filename) if shared else (own,)


def config_names(device: str, *, signed: bool, encrypted: bool, default: bool) -> tuple[str, ...]:
    """Return the names of the configuration, in the order to ask.

    Args:
        device: The phone's name.
        signed: Whether a trust list makes the phone ask for signed files.
        encrypted: Whether the last configuration told it to ask for an encrypted one.
        default: Whether to fall back on the default file.
    """
    plain = f"{device}.cnf.xml"
    names = [f"{plain}.enc.sgn"] if signed and encrypted else []
    names += [f"{plain}.sgn", plain] if signed else [plain]
    if default:
        names += [f"{DEFAULT_CONFIG}.sgn", DEFAULT_CONFIG] if signed else [DEFAULT_CONFIG]
    return tuple(names)
