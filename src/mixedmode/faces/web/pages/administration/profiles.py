"""Phone Security Profiles by CUCM's names: what a phone's product, protocol and security mode are called together."""

from __future__ import annotations

from typing import Final

MODES: Final = {1: "Non Secure", 2: "Authenticated", 3: "Encrypted"}
"""``deviceSecurityMode``, as the profile's page calls it."""
_WORDS: Final = {1: "Non-Secure", 2: "Authenticated", 3: "Encrypted"}


def profile_name(model: str, protocol: str, mode: int) -> str:
    """Return what a profile is called, such as ``Cisco 7975 - Standard SCCP Non-Secure Profile``."""
    return f"Cisco {model.removeprefix('Cisco ')} - Standard {protocol} {_WORDS.get(mode, str(mode))} Profile"
