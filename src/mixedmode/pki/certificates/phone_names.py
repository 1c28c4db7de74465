"""How the certificate of a phone names its device (phone-trust.md 2, field-notes.md D4).

Rules:

1. The common name is the device's name, or ``CP-<model>-`` and that. MICs have the second form, LSCs of CUCM too
   (``CN=CP-8861-SEP001122334455``), LSCs of other CAPFs the first one. A model may hold hyphens: ``CP-8845-K9-``.
2. Device names are the same in any case, as CUCM takes them.
3. The form does not tell an LSC from a MIC; who issued it does. CUCM names every CAPF ``CAPF-`` and eight digits.
"""

from __future__ import annotations

import re
from typing import Final

from mixedmode.errors import MalformedError
from mixedmode.pki.certificates.certificates import Certificate
from mixedmode.pki.device_names import DEVICE_PATTERN, WITH_MAC

_MODEL: Final = r"CP-[A-Za-z0-9][A-Za-z0-9+._-]*-"
_DEVICE: Final = re.compile(rf"({_MODEL})?({DEVICE_PATTERN})", re.IGNORECASE)
_PREFIX: Final = re.compile(_MODEL)
_CAPF: Final = "CAPF-"


def names_device(common_name: str, device: str) -> bool:
    """Return whether a common name is that of a device (rules 1 and 2)."""
    name, wanted = common_name.upper(), device.upper()
    if not wanted or not common_name.isascii():
        return False
    return name == wanted or (name.endswith(f"-{wanted}") and _PREFIX.fullmatch(name.removesuffix(wanted)) is not None)


def device_named(common_name: str) -> str | None:
    """Return the device that a common name is of, with its MAC address in upper case, None if it is of none."""
    match = _DEVICE.fullmatch(common_name)
    if match is None:
        return None
    device = match[2]
    return device.upper() if device[:3].upper() in WITH_MAC else device


def is_lsc(certificate: Certificate) -> bool:
    """Return whether a phone's certificate is an LSC rather than a MIC (rule 3)."""
    from mixedmode.pki.certificates.names import attributes_of

    try:
        if not certificate.common_name.upper().startswith("CP-"):
            return True
        issuer = dict(attributes_of(certificate.issuer_name)).get("CN", "")
    except MalformedError:
        return False
    return issuer.startswith(_CAPF)
