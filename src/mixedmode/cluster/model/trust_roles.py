"""What TVS vouches for: the roles of the certificates in the database; and where a node's own go by themselves.

An own CallManager certificate has the roles SAST and CCM+TFTP; a foreign one in CallManager-trust has TFTP; what is
in Phone-SAST-trust may sign trust lists (phone-trust.md 3.4).
"""

from __future__ import annotations

from collections.abc import Iterable

from mixedmode.cluster.model.records import StoredCertificate
from mixedmode.pki.certificates.profiles import Purpose
from mixedmode.trustlist.roles import Role

ROLES: dict[str, tuple[Role, ...]] = {
    "CallManager": (Role.SAST, Role.CCM_TFTP),
    "CallManager-ECDSA": (Role.CCM_TFTP,),
    "ITLRecovery": (Role.SAST,),
    "TVS": (Role.TVS,),
    "CAPF": (Role.CAPF,),
    "tomcat": (Role.APP_SERVER,),
    "tomcat-ECDSA": (Role.APP_SERVER,),
    "Phone-SAST-trust": (Role.SAST,),
    "CallManager-trust": (Role.TFTP,),
    "CAPF-trust": (Role.CAPF,),
    "tomcat-trust": (Role.APP_SERVER,),
    "TVS-trust": (Role.TVS,),
}
"""By own purpose or trust store; one that is not here vouches for nothing."""

TRUSTED_BY: dict[Purpose, tuple[str, ...]] = {
    Purpose.CALLMANAGER: ("CallManager-trust",),
    Purpose.CALLMANAGER_ECDSA: ("CallManager-trust",),
    Purpose.CAPF: ("CallManager-trust", "CAPF-trust"),
    Purpose.TOMCAT: ("tomcat-trust",),
    Purpose.TOMCAT_ECDSA: ("tomcat-trust",),
    Purpose.IPSEC: ("ipsec-trust",),
}
"""The trust stores into which a node's own certificate goes by itself."""


def roles_of(found: Iterable[StoredCertificate]) -> tuple[Role, ...]:
    """Return the roles of one certificate that may be in several stores, ascending.

    The copies that the cluster itself keeps of its own certificates in trust stores add nothing.
    """
    stored = list(found)
    own = {entry.certificate for entry in stored if not entry.is_trust}
    roles: set[Role] = set()
    for entry in stored:
        if entry.is_trust and entry.certificate in own and entry.unit != "Phone-SAST-trust":
            continue
        roles.update(ROLES.get(entry.unit, ()))
    return tuple(sorted(roles))
