"""The models of phones and what each can do: the table of phone-trust.md section 5 as data.

Rules:

1. Where the source is silent or uncertain, the column's name stands in :attr:`PhoneModel.uncertain` and the
   value is the documented default below; nothing is guessed without saying so.
2. Uncertain "Security by Default" counts as no, since a forecast must not promise that a phone can ask TVS,
   unless the source calls it likely.
3. Uncertain HTTP counts as no (TFTP is what every phone knows), uncertain checksums as MD5 for models that
   speak TLS 1.0 and as SHA-1 for later ones, uncertain TLS as 1.0.
4. No list of models with SHA-512 signatures is public: models of the TLS 1.2 generation count as able,
   all others as not, and the column is uncertain for every model.
"""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum
from typing import Final

from mixedmode.errors import UsageError


class ShownHash(StrEnum):
    """The checksum that a phone's security screen shows."""

    MD5 = "MD5"
    SHA1 = "SHA1"


class Signalling(StrEnum):
    """What a phone speaks to its CallManager unless its configuration says otherwise."""

    SCCP = "SCCP"
    SIP = "SIP"


class ConsoleStyle(StrEnum):
    """Which process of the phone writes about trust into the console log."""

    SECD = "SECD"
    """The 7900 series and its relatives, as in the seed."""
    SECUREAPP = "SECUREAPP"
    """The 7800 and 8800 series."""


@dataclass(frozen=True, slots=True)
class PhoneModel:
    """What phones of one model can do.

    Attributes:
        name: The number or name, such as ``7975``.
        device_type: CUCM's device type, None if not known.
        security_by_default: Whether it asks for an ITL and may ask TVS; a legacy model does neither.
        elliptic_curves: Whether it takes EC certificates.
        tls_max: The highest TLS version.
        shown_hash: The checksum on its security screen.
        signed_config: Whether it checks signed configuration files at all.
        encrypted_config: Whether it opens configuration encrypted to its LSC or MIC.
        http_first: Whether it tries HTTP 6970 before TFTP.
        sha512: Whether it checks signatures over SHA-512.
        manual_key_ignores_signature: With SIP and a manually entered key it takes any signature (row 22).
        signalling: What it speaks by default.
        console: Whose words its console log uses.
        uncertain: Names of the attributes whose value is a default, not a fact.
    """

    name: str
    device_type: int | None
    security_by_default: bool
    elliptic_curves: bool
    tls_max: str
    shown_hash: ShownHash
    signed_config: bool
    encrypted_config: bool
    http_first: bool
    sha512: bool
    manual_key_ignores_signature: bool
    signalling: Signalling
    console: ConsoleStyle
    uncertain: frozenset[str]

    @property
    def asks_itl(self) -> bool:
        """Whether the phone asks for an ITL when it starts."""
        return self.security_by_default

    @property
    def product(self) -> str:
        """The name in a TVS request: ``CP-7975``."""
        return f"CP-{self.name}"


_Y, _N, _Q = True, False, None
"""Yes, no, and "the source does not say or is not sure"."""
_Flag = bool | None
_Row = tuple[str, int | None, _Flag, _Flag, str | None, ShownHash | None, _Flag, _Flag, Signalling]
_MD5, _SHA1, _SCCP, _SIP = ShownHash.MD5, ShownHash.SHA1, Signalling.SCCP, Signalling.SIP

# Name, device type, Security by Default, EC, TLS, checksum, encrypted config, HTTP first, signalling.
_ROWS: Final[tuple[_Row, ...]] = (
    ("7940", 8, _N, _N, _Q, _Q, _N, _N, _SCCP),
    ("7960", 7, _N, _N, _Q, _Q, _N, _N, _SCCP),
    ("7906", 369, _Y, _Q, "1.0", _Q, _Y, _Q, _SCCP),
    ("7911", 307, _Y, _Q, "1.0", _Q, _Y, _Q, _SCCP),
    ("7921", 365, _N, _N, "1.0", _Q, _N, _N, _SCCP),
    ("7925", 484, _Q, _N, "1.0", _Q, _Y, _N, _SCCP),
    ("7926", 577, _Q, _N, "1.0", _Q, _Y, _N, _SCCP),
    ("7931", 348, _Q, _N, "1.0", _Q, _Y, _Q, _SCCP),
    ("7941", 115, _Q, _N, "1.0", _Q, _Y, _Q, _SCCP),
    ("7941GE", 309, _Q, _N, "1.0", _Q, _Y, _Q, _SCCP),
    ("7961", 30018, _Q, _N, "1.0", _Q, _Y, _Q, _SCCP),
    ("7961GE", 308, _Q, _N, "1.0", _Q, _Y, _Q, _SCCP),
    ("7942", 434, _Y, _N, "1.0", _Q, _Y, _N, _SCCP),
    ("7962", 404, _Y, _N, "1.0", _Q, _Y, _N, _SCCP),
    ("7945", 435, _Y, _N, "1.0", _Q, _Y, _Q, _SCCP),
    ("7965", 436, _Y, _N, "1.0", _Q, _Y, _Q, _SCCP),
    ("7975", 437, _Y, _N, "1.0", _MD5, _Y, _Q, _SCCP),
    ("7970", 30006, _Q, _N, "1.0", _Q, _Q, _N, _SCCP),
    ("7971", 119, _Q, _N, "1.0", _Q, _Q, _N, _SCCP),
    ("7935", 9, _Q, _N, _Q, _Q, _Q, _N, _SCCP),
    ("7936", 30019, _Q, _N, _Q, _Q, _Q, _N, _SCCP),
    ("7937", 431, _Q, _N, _Q, _Q, _Q, _N, _SCCP),
    ("6901", 547, _N, _N, _Q, _Q, _Y, _Q, _SCCP),
    ("6911", 548, _N, _N, _Q, _Q, _Y, _Q, _SCCP),
    ("6921", 495, _Q, _N, _Q, _Q, _Y, _Q, _SCCP),
    ("6941", 496, _Q, _N, _Q, _Q, _Y, _Q, _SCCP),
    ("6945", 564, _Q, _N, _Q, _Q, _Y, _Q, _SCCP),
    ("6961", 497, _Q, _N, _Q, _Q, _Y, _Q, _SCCP),
    ("8941", 586, _Y, _N, "1.0", _Q, _Y, _Y, _SIP),
    ("8945", 585, _Y, _N, "1.0", _Q, _Y, _Y, _SIP),
    ("8961", 540, _Y, _Q, _Q, _Q, _Y, _Q, _SIP),
    ("9951", 537, _Y, _Q, _Q, _Q, _Y, _Q, _SIP),
    ("9971", 493, _Y, _Q, _Q, _Q, _Y, _Q, _SIP),
    ("7811", 36213, _Y, _Y, "1.2", _Q, _Y, _Y, _SIP),
    ("7821", 621, _Y, _Y, "1.2", _Q, _Y, _Y, _SIP),
    ("7832", None, _Y, _Y, "1.2", _Q, _Y, _Y, _SIP),
    ("7841", 622, _Y, _Y, "1.2", _Q, _Y, _Y, _SIP),
    ("7861", 623, _Y, _Y, "1.2", _Q, _Y, _Y, _SIP),
    ("8811", 36217, _Y, _Y, "1.2", _SHA1, _Y, _Y, _SIP),
    ("8821", 36216, _Y, _Q, _Q, _Q, _Y, _Q, _SIP),
    ("8831", 659, _Y, _Q, _Q, _MD5, _Y, _Q, _SIP),
    ("8832", None, _Y, _Q, _Q, _Q, _Y, _Q, _SIP),
    ("8841", 683, _Y, _Y, "1.2", _SHA1, _Y, _Y, _SIP),
    ("8845", 36224, _Y, _Y, "1.2", _SHA1, _Y, _Y, _SIP),
    ("8851", 684, _Y, _Y, "1.2", _SHA1, _Y, _Y, _SIP),
    ("8861", 685, _Y, _Y, "1.2", _SHA1, _Y, _Y, _SIP),
    ("8865", 36225, _Y, _Y, "1.2", _SHA1, _Y, _Y, _SIP),
    ("DX650", None, _Y, _Q, _Q, _Q, _Q, _Q, _SIP),
    ("DX70", None, _Y, _Q, _Q, _Q, _Q, _Q, _SIP),
    ("DX80", None, _Y, _Q, _Q, _Q, _Q, _Q, _SIP),
    ("JABBER", None, _N, _Q, _Q, _Q, _Q, _Q, _SIP),
    ("TELEPRESENCE", None, _N, _Q, _Q, _Q, _Q, _Q, _SIP),
)

_LIKELY = {"7941", "7941GE", "7961", "7961GE"}
"""Models whose Security by Default the source calls likely."""
_RECALLED_TYPES = {
    *("8961", "9951", "9971", "7811", "7821", "7841", "7861", "8811", "8821", "8831"),
    *("8841", "8845", "8851", "8861", "8865"),
}
"""Models whose device type is from memory (marked r in the table)."""
_UNSURE_ANYWAY = {
    **{name: {"tls_max", "http_first", "elliptic_curves"} for name in ("7811", "7821", "7832", "7841", "7861")},
}
"""Values that the table gives and calls uncertain all the same."""
_MANUAL_KEY = {"7942", "7962"}
_UNSIGNED = {"7940", "7960"}
"""Models that know no signed configuration: their manual key neither needs nor checks a signature."""


def _model(row: _Row) -> PhoneModel:
    name, device_type, sbd, curves, tls, shown, encrypted, http, signalling = row
    unsure = {"sha512", *_UNSURE_ANYWAY.get(name, ())}
    if name in _RECALLED_TYPES or device_type is None:
        unsure.add("device_type")
    values = {
        "security_by_default": sbd,
        "elliptic_curves": curves,
        "tls_max": tls,
        "shown_hash": shown,
        "encrypted_config": encrypted,
        "http_first": http,
    }
    unsure |= {attribute for attribute, value in values.items() if value is None}
    modern = tls == "1.2" or name in {"8821", "8832"}
    return PhoneModel(
        name=name,
        device_type=device_type,
        security_by_default=name in _LIKELY if sbd is None else sbd,
        elliptic_curves=bool(curves),
        tls_max=tls or "1.0",
        shown_hash=shown or (ShownHash.SHA1 if modern else ShownHash.MD5),
        signed_config=name not in _UNSIGNED,
        encrypted_config=bool(encrypted),
        http_first=bool(http),
        sha512=modern,
        manual_key_ignores_signature=name in _MANUAL_KEY,
        signalling=signalling,
        console=ConsoleStyle.SECUREAPP if modern else ConsoleStyle.SECD,
        uncertain=frozenset(unsure),
    )


MODELS: Final[dict[str, PhoneModel]] = {row[0]: _model(row) for row in _ROWS}
"""Every known model by name."""
_PREFIXES = ("CISCO ", "CP-", "CP")
_SUFFIXES = ("NR", "G")


def get_model(name: str) -> PhoneModel:
    """Return the model of a name such as ``7975``, ``CP-7975``, ``7975G``, ``Cisco 8845`` or ``8845NR``.

    Raises:
        UsageError: There is no such model; the next step names the nearest ones.
    """
    wanted = name.strip().upper()
    for prefix in _PREFIXES:
        wanted = wanted.removeprefix(prefix)
    found = MODELS.get(wanted)
    for suffix in _SUFFIXES:
        if found is None and wanted.endswith(suffix):
            found = MODELS.get(wanted.removesuffix(suffix).rstrip("-"))
    if found is not None:
        return found
    from difflib import get_close_matches

    near = get_close_matches(wanted, MODELS, n=4, cutoff=0.5) or sorted(MODELS)
    raise UsageError(
        f"{name!r} is no known phone model", code="model", next_step=f"use one of these: {', '.join(near)}"
    )
