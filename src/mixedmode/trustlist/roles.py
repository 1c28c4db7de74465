"""The fixed vocabulary of a trust list: tags, roles, modulus codes.

Tables only. Numbers and names are those of wire-formats.md sections 1.1 to 1.3; the spelling mistakes in
the header names are CUCM's own and are part of its listing.
"""

from __future__ import annotations

from enum import Enum, IntEnum

PAD = 13
"""Header padding: one bare byte 0x0d, without a length (wire-formats.md 1.2)."""


class HeaderTag(IntEnum):
    """Tags of the header, shared by trust lists (1.2), signed (1.0) and encrypted (2.0) files."""

    VERSION = 1
    HEADER_LENGTH = 2
    SIGNER_ID = 3
    SIGNER_NAME = 4
    SERIAL_NUMBER = 5
    CA_NAME = 6
    SIGNATURE_INFO = 7
    DIGEST_ALGORITHM = 8
    SIGNATURE_ALGORITHM_INFO = 9
    SIGNATURE_ALGORITHM = 10
    SIGNATURE_MODULUS = 11
    SIGNATURE = 12
    PADDING = 13
    FILENAME = 14
    TIMESTAMP = 15
    SIGNER_VERSION = 28


HEADER_CONTAINERS = frozenset({3, 7, 9})
"""SIGNER_ID, SIGNATURE_INFO, SIGNATURE_ALGORITHM_INFO: tags whose children follow inline.

Read tag and length, then carry on with the children."""

HEADER_NAMES: dict[int, str] = {
    3: "SIGNERID",
    4: "SIGNERNAME",
    5: "SERIALNUMBER",
    6: "CANAME",
    7: "SIGNATUREINFO",
    8: "DIGESTALGORTITHM",
    9: "SIGNATUREALGOINFO",
    10: "SIGNATUREALGORTITHM",
    11: "SIGNATUREMODULUS",
    12: "SIGNATURE",
    14: "FILENAME",
    15: "TIMESTAMP",
    28: "SIGNERVERSION",
}
"""What ``show ctl`` prints for a header tag; 1, 2 and 13 are never printed, 28 is ours."""


class RecordTag(IntEnum):
    """Tags of a record."""

    RECORD_LENGTH = 1
    DNS_NAME = 2
    SUBJECT_NAME = 3
    FUNCTION = 4
    ISSUER_NAME = 5
    SERIAL_NUMBER = 6
    PUBLIC_KEY = 7
    SIGNATURE = 8
    CERTIFICATE = 9
    IP_ADDRESS = 10
    CERTIFICATE_HASH = 11
    HASH_ALGORITHM = 12


RECORD_NAMES: dict[int, str] = {
    1: "RECORDLENGTH",
    2: "DNSNAME",
    3: "SUBJECTNAME",
    4: "FUNCTION",
    5: "ISSUERNAME",
    6: "SERIALNUMBER",
    7: "PUBLICKEY",
    8: "SIGNATURE",
    9: "CERTIFICATE",
    10: "IPADDRESS",
    11: "CERTHASH",
    12: "HASHALGORITHM",
}
"""What ``show ctl`` prints for a record tag; 11 and 12 are ours (no CUCM listing shows them)."""


class Role(IntEnum):
    """What a record's certificate is trusted for (CUCM: FUNCTION)."""

    SAST = 0
    CCM = 1
    CCM_TFTP = 2
    TFTP = 3
    CAPF = 4
    APP_SERVER = 7
    TVS = 21

    @property
    def label(self) -> str:
        """The short name used on command lines and in JSON."""
        return _ROLE_LABELS[self]

    @property
    def function_text(self) -> str:
        """The text of the FUNCTION row of ``show ctl``."""
        return "System Administrator Security Token" if self is Role.SAST else self.label

    @classmethod
    def from_label(cls, label: str) -> Role:
        """Return the role of a label such as ``CCM+TFTP``, in any case.

        Raises:
            KeyError: If no role has that label.
        """
        return _ROLES_BY_LABEL[label.upper().replace("_", "-")]


_ROLE_LABELS = {
    Role.SAST: "SAST",
    Role.CCM: "CCM",
    Role.CCM_TFTP: "CCM+TFTP",
    Role.TFTP: "TFTP",
    Role.CAPF: "CAPF",
    Role.APP_SERVER: "APP-SERVER",
    Role.TVS: "TVS",
}
_ROLES_BY_LABEL = {label: role for role, label in _ROLE_LABELS.items()}
ROLES_BY_CODE: dict[int, Role] = {role.value: role for role in Role}


class Layout(Enum):
    """The three ways that writers lay out the same fields (wire-formats.md 1.1, 1.3, 1.4)."""

    CUCM = "cucm"
    """The admin CLI, tokenless: host names, SIGNATURE fields, tags ascending."""
    CTLCLIENT = "ctlclient"
    """The CTL Client: IP addresses as DNS names, no SIGNATURE fields, token names and serials verbatim."""
    TLVFILE = "tlvfile"
    """usecallmanager's tlvfile: CA name before the serial, no DNS names or addresses, signer version."""


MODULUS_CODES: dict[int, int] = {512: 0, 1024: 1, 2048: 2, 4096: 3}
"""RSA key bits to the SIGNATUREMODULUS code. 3072 has none, so such a key cannot sign."""

MODULUS_BYTES = (64, 128, 256, 512)
"""SIGNATUREMODULUS code to signature length in bytes."""

MAX_PHONE_FILE = 65535
"""Bytes; a phone does not load a larger trust list (phone-trust.md 2.3)."""

MAX_FILE = 1 << 20
"""Bytes; the reader refuses a larger file (wire-formats.md 1.7)."""

MAX_RECORDS = 256
"""The reader refuses a list of more records (wire-formats.md 1.7)."""
