"""CUCM's enumerations, as far as their numbers are known (docs/specification/live-cluster.md 1.6)."""

from __future__ import annotations

from typing import Final

SCCP, SIP = 0, 11
PROTOCOLS: Final = {SCCP: "SCCP", SIP: "SIP", 99: "Protocol Not Specified"}
PHONE_CLASS: Final = 1
SECURITY_MODES: Final = {1: "Non Secure", 2: "Authenticated", 3: "Encrypted"}
PROFILE_NAMES: Final = {1: "Standard {} Non-Secure Profile", 2: "{} Authenticated", 3: "{} Encrypted"}
"""Of the security profile of a kind of phone, behind the model's name."""
NO_CERTIFICATE, UPGRADED = 1, 3
CERTIFICATE_STATUS: Final = {
    NO_CERTIFICATE: "None",
    2: "Operation Pending",
    UPGRADED: "Upgrade Success",
    4: "Delete Success",
    5: "Troubleshoot Success",
    6: "Upgrade Failed",
    7: "Delete Failed",
    8: "Troubleshoot Failed",
}
CERTIFICATE_OPERATIONS: Final = {1: "No Pending Operation", 2: "Install/Upgrade", 3: "Delete", 4: "Troubleshoot"}
AUTHENTICATION_MODES: Final = {
    1: "By Authentication String",
    2: "By Null String",
    3: "By Existing Certificate (precedence to LSC)",
    4: "By Existing Certificate (precedence to MIC)",
}
TRANSPORTS: Final = {1: "TCP", 2: "UDP", 3: "TLS"}
KEY_SIZES: Final = {1: "512", 2: "1024", 3: "2048"}
EC_KEY_SIZES: Final = {1: "256", 2: "384", 3: "521"}
KEY_ORDERS: Final = {1: "RSA Only", 2: "EC Only", 3: "EC Preferred, RSA Backup"}
NODE_USAGES: Final = {0: "Publisher", 1: "Subscriber"}
NODE_ROLES: Final = {1: "CUCM Voice/Video", 2: "CUCM IM and Presence"}
ENTERPRISE_SERVICE: Final = 11
CERTIFICATE_SERVICES: Final = dict(
    enumerate(
        (
            "Phone-trust", "Phone-VPN-trust", "CallManager", "CallManager-trust", "tomcat", "tomcat-trust", "ipsec",
            "ipsec-trust", "CAPF", "CAPF-trust", "TVS", "TVS-trust", "directory-trust", "Phone-SAST-trust",
            "Phone-CTL-trust", "userlicensing-trust", "ITLRecovery", "CallManager-ECDSA", "tomcat-ECDSA",
        ),
        1,
    )
)  # fmt: skip
_TRUST_ROLES: Final = (
    "SAST", "CallManager", "CallManagerTFTP", "TFTP", "CAPF", "SRST", "Firewall", "Application Server",
    "Certificate Authority", "Authentication and Authorization", "Signaling and Call Control", "Provisioning Service",
    "Data Service", "Network Element", "Virtual Private Network", "Serviceability", "Unknown", "CallManager-ECDSA",
)  # fmt: skip
TRUST_ROLES: Final = {**dict(enumerate(_TRUST_ROLES)), 21: "TVS"}
"""The number of TVS is that of the lists."""
PRODUCTS: Final = {
    621: 508, 683: 568, 684: 569, 685: 570, 36224: 36677, 36225: 36678, 36213: 36665, 36217: 36670, 36247: 36700,
    36258: 36711,
}  # fmt: skip
"""By model; of others the number of the product is not known."""
SECURITY_BY_DEFAULT: Final = 1
"""Our own number: clients look it up by the name or the moniker."""
