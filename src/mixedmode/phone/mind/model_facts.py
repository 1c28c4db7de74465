"""What phones of each model can do: the table of phone-trust.md section 5 as data, with what live-cluster.md corrects.

Rules:

1. Where the source is silent or uncertain, the column's name stands in :attr:`PhoneModel.uncertain` and the
   value is the documented default below; nothing is guessed without saying so. Where it is silent, the name stands
   in :attr:`PhoneModel.unknown` too.
2. Uncertain "Security by Default" counts as no, since a forecast must not promise that a phone can ask TVS,
   unless the source calls it likely.
3. Uncertain HTTP counts as no (TFTP is what every phone knows), uncertain checksums as MD5 for models that
   speak TLS 1.0 and as SHA-1 for later ones, uncertain TLS as 1.0.
4. No list of models with SHA-512 signatures is public: models of the TLS 1.2 generation count as able,
   all others as not, and the column is uncertain for every model but the 7921, which knows SHA-1 only.
5. Device types are those of CUCM (:mod:`.device_types`). A type that the table does not have is a model of which
   nothing else is known.
6. Models that no source shows speaking SCCP, and whose loads are named after SIP, speak SIP only: the 7800 and 8800
   series, 8961, 99xx, DX, Jabber, TelePresence. The same is assumed, and uncertain, of later phones and of room
   systems.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from enum import StrEnum
from typing import Final

from mixedmode.phone.mind.device_types import OTHER_TYPES, PHONE_TYPES


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
        cucm_name: As CUCM spells it, such as ``Cisco 7941G-GE``; empty where CUCM has no such type.
        device_type: CUCM's device type, None if not known.
        is_phone: Whether it is what CUCM keeps as a phone, rather than a gateway, trunk or expansion module.
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
        sip_only: Whether it speaks nothing but SIP (rule 6).
        console: Whose words its console log uses.
        uncertain: Names of the attributes whose value is a default, or a fact that its source calls uncertain.
        unknown: Of these, those that no source says anything about.
    """

    name: str
    cucm_name: str
    device_type: int | None
    is_phone: bool
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
    sip_only: bool
    console: ConsoleStyle
    uncertain: frozenset[str]
    unknown: frozenset[str]

    def __hash__(self) -> int:
        return hash(self.name)  # the others differ where the names do, and these are looked up for each phone

    @property
    def asks_itl(self) -> bool:
        """Whether the phone asks for an ITL when it starts."""
        return self.security_by_default

    @property
    def product(self) -> str:
        """The name in a TVS request: ``CP-7975``."""
        return f"CP-{self.name.replace(' ', '')}"


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
    ("8945", 585, _Y, _N, "1.0", _SHA1, _Y, _Y, _SIP),
    ("8961", 540, _Y, _Q, _Q, _Q, _Y, _Q, _SIP),
    ("9951", 537, _Y, _Q, _Q, _Q, _Y, _Q, _SIP),
    ("9971", 493, _Y, _Q, _Q, _Q, _Y, _Q, _SIP),
    ("7811", 36213, _Y, _Y, "1.2", _SHA1, _Y, _Y, _SIP),
    ("7821", 621, _Y, _Y, "1.2", _SHA1, _Y, _Y, _SIP),
    ("7832", 36247, _Y, _Y, "1.2", _SHA1, _Y, _Y, _SIP),
    ("7841", 622, _Y, _Y, "1.2", _SHA1, _Y, _Y, _SIP),
    ("7861", 623, _Y, _Y, "1.2", _SHA1, _Y, _Y, _SIP),
    ("8811", 36217, _Y, _Y, "1.2", _SHA1, _Y, _Y, _SIP),
    ("8821", 36216, _Y, _Q, _Q, _SHA1, _Y, _Q, _SIP),
    ("8831", 659, _Y, _Q, _Q, _MD5, _Y, _Q, _SIP),
    ("8832", 36258, _Y, _Q, _Q, _Q, _Y, _Q, _SIP),
    ("8841", 683, _Y, _Y, "1.2", _SHA1, _Y, _Y, _SIP),
    ("8845", 36224, _Y, _Y, "1.2", _SHA1, _Y, _Y, _SIP),
    ("8851", 684, _Y, _Y, "1.2", _SHA1, _Y, _Y, _SIP),
    ("8851NR", 36232, _Y, _Y, "1.2", _SHA1, _Y, _Y, _SIP),
    ("8861", 685, _Y, _Y, "1.2", _SHA1, _Y, _Y, _SIP),
    ("8865", 36225, _Y, _Y, "1.2", _SHA1, _Y, _Y, _SIP),
    ("8865NR", 36248, _Y, _Y, "1.2", _SHA1, _Y, _Y, _SIP),
    ("DX650", 647, _Y, _Q, _Q, _SHA1, _Q, _Q, _SIP),
    ("DX70", 36241, _Y, _Q, _Q, _SHA1, _Q, _Q, _SIP),
    ("DX80", 36239, _Y, _Q, _Q, _SHA1, _Q, _Q, _SIP),
    ("JABBER", None, _N, _Q, _Q, _Q, _Q, _Q, _SIP),
    ("TELEPRESENCE", 375, _N, _Q, _Q, _Q, _Q, _Q, _SIP),
)

_LIKELY = {"7941", "7941GE", "7961", "7961GE"}
"""Models whose Security by Default the source calls likely."""
_UNSURE_ANYWAY = {
    **{name: {"tls_max", "http_first", "elliptic_curves"} for name in ("7811", "7832", "7841", "7861")},
    "7821": {"tls_max", "elliptic_curves"},
    "DX70": {"device_type"},
    "DX80": {"device_type"},
}
"""Values that a source gives and calls uncertain all the same, or that two sources differ about."""
_MANUAL_KEY = {"7942", "7962"}
_UNSIGNED = {"7940", "7960"}
"""Models that know no signed configuration: their manual key neither needs nor checks a signature."""
_SHA1_ONLY = {"7921"}
_SCCP_TOO = {"8941", "8945"}
"""Models with SIP as their default that are seen with SCCP (calls-and-media.md)."""
_JABBER = {503, 562, 575, 652}
"""Types of Jabber: no Security by Default, as the seed says."""
_SCCP_SEEN = {6, 12, 302, 20000, 30002, 30007, 30008, 30016}
"""Types without a row that are seen in SCCP's Register (wire-formats.md 6)."""
_SIP_ASSUMED = re.compile(
    r"Cisco (98|8875|8832NR|88[145]1NS|ATA 1(87|9)|3905|TelePresence|Webex|Room|Board|DX|8[46]0|Unified Client|Jabber|"
    r"Dual Mode|E20)|.*\bSIP\b"
)
_LATER: Final = {36042: "DX80-36042", 36043: "DX70-36043"}
"""Types whose name in CUCM stands for a later type here."""


def known_models() -> list[PhoneModel]:
    """Return the models of the table, then those of which only the type is known."""
    rows = [_model(row) for row in _ROWS]
    there = {model.device_type for model in rows}
    types = {**PHONE_TYPES, **OTHER_TYPES}
    return rows + [_type_only(number, name) for number, name in types.items() if number not in there]


def _model(row: _Row) -> PhoneModel:
    name, device_type, sbd, curves, tls, shown, encrypted, http, signalling = row
    values = {
        "device_type": device_type,
        "security_by_default": sbd,
        "elliptic_curves": curves,
        "tls_max": tls,
        "shown_hash": shown,
        "encrypted_config": encrypted,
        "http_first": http,
    }
    unknown = {attribute for attribute, value in values.items() if value is None}
    if name not in _SHA1_ONLY:
        unknown.add("sha512")
    modern = tls == "1.2" or name in {"8821", "8832"}
    return PhoneModel(
        name=name,
        cucm_name="" if device_type is None else PHONE_TYPES[device_type],
        device_type=device_type,
        is_phone=True,
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
        sip_only=signalling is Signalling.SIP and name not in _SCCP_TOO,
        console=ConsoleStyle.SECUREAPP if modern else ConsoleStyle.SECD,
        uncertain=frozenset(unknown | _UNSURE_ANYWAY.get(name, set())),
        unknown=frozenset(unknown),
    )


def _type_only(number: int, name: str) -> PhoneModel:
    sip = _SIP_ASSUMED.match(name) is not None
    uncertain = {
        "elliptic_curves",
        "tls_max",
        "shown_hash",
        "signed_config",
        "encrypted_config",
        "http_first",
        "sha512",
    }
    if number not in _JABBER:
        uncertain.add("security_by_default")
    if number in _LATER:
        uncertain.add("device_type")
    unknown = uncertain - {"device_type"}
    if number not in _SCCP_SEEN:
        uncertain.add("signalling")
        unknown |= set() if sip else {"signalling"}
    return PhoneModel(
        name=_LATER.get(number, name.removeprefix("Cisco ")),
        cucm_name=name,
        device_type=number,
        is_phone=number in PHONE_TYPES,
        security_by_default=False,
        elliptic_curves=False,
        tls_max="1.0",
        shown_hash=ShownHash.MD5,
        signed_config=True,
        encrypted_config=False,
        http_first=False,
        sha512=False,
        manual_key_ignores_signature=False,
        signalling=Signalling.SIP if sip else Signalling.SCCP,
        sip_only=sip,
        console=ConsoleStyle.SECD,
        uncertain=frozenset(uncertain),
        unknown=frozenset(unknown),
    )
