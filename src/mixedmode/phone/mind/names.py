"""The names of a device and of the files that it asks for (phone-trust.md 1.1 and 1.3)."""

from __future__ import annotations

from typing import Final

from mixedmode.phone.mind.trust.decisions import ListKind
from mixedmode.pki.device_names import device_name

__all__ = ["DEFAULT_CONFIG", "config_names", "device_name", "list_names"]

DEFAULT_CONFIG: Final = "XMLDefault.cnf.xml"


def list_names(device: str, kind: ListKind, *, shared: bool) -> tuple[str, ...]:
    """Return the names of a trust list, in the order to ask.

    Args:
        device: The phone's name.
        kind: Which list.
        shared: Whether to ask for the cluster's file when there is none of the phone's own.
    """
    own = f"{kind}{device}.tlv"
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
