"""Servers as configurations name them, found in the records of lists; and what an inventory tells of a configuration.

Rules:

1. Hosts are compared by name, of which one may lack its domain, or by address. A record tells its names by its DNS
   name and its certificate's common name, its address by a field that may be empty.
2. A phone asks a TVS server only if its configuration names the server and its ITL what that shows (phone-trust.md
   2.1). Where an inventory tells the former, a phone whose ITL names none of these hosts asks nobody.
3. What cannot be compared tells nothing: addresses with records that have none.
"""

from __future__ import annotations

from functools import lru_cache
from typing import TYPE_CHECKING, Final

from mixedmode.phone.mind.config import TvsServer
from mixedmode.trustlist.roles import Role

if TYPE_CHECKING:
    from mixedmode.phone.mind.trust.state import TrustState
    from mixedmode.trustlist.model import Record, TrustList

_TOLD: Final = -1
"""The port of a TVS server of which an inventory tells that the configuration names it."""
_NO_ADDRESS: Final = frozenset({None, "0.0.0.0", "::"})  # noqa: S104 - what records say that have none
_LISTS: Final = 512


def same_host(one: str, two: str) -> bool:
    """Return whether two names are those of one host (rule 1)."""
    short, long = sorted((one.lower(), two.lower()), key=len)
    return bool(short) and (short == long or ("." not in short and long.startswith(f"{short}.")))


def is_address(host: str) -> bool:
    """Return whether a host is named by its address."""
    return ":" in host or host.replace(".", "").isdigit()


def names_host(record: Record, host: str) -> bool | None:
    """Return whether a record is that of a host, None if that cannot be compared (rules 1 and 3)."""
    certificate = record.certificate
    known = [each for each in (record.dns_name, certificate and certificate.common_name) if each]
    if is_address(host):
        known = [each for each in known if is_address(each)]
        known += [] if record.ip_address in _NO_ADDRESS or record.ip_address is None else [record.ip_address]
        return host in known if known else None
    known = [each for each in known if not is_address(each)]
    return any(same_host(each, host) for each in known) if known else None


def told(servers: tuple[str, ...] | None) -> tuple[TvsServer, ...]:
    """Return the TVS servers of a phone's state, as an inventory tells them; none if it does not.

    Args:
        servers: The hosts that the configuration names, maybe none; None: nobody tells.
    """
    if servers is None:
        return ()
    return tuple(TvsServer(each, _TOLD) for each in servers or ("",))


def is_told(trust: TrustState) -> bool:
    """Return whether an inventory tells which TVS servers a phone's configuration names."""
    return bool(trust.tvs_servers) and trust.tvs_servers[0].port == _TOLD


def told_certificates(trust: TrustState) -> frozenset[bytes] | None:
    """Return the DER of what the TVS servers show that are told and that the ITL names; None if that is not known."""
    if trust.itl is None or not is_told(trust):
        return None
    return _named(trust.itl, tuple(each.address for each in trust.tvs_servers))


@lru_cache(maxsize=_LISTS)
def _named(itl: TrustList, hosts: tuple[str, ...]) -> frozenset[bytes] | None:
    records = [each for each in itl.records_with_role(Role.TVS) if each.certificate_der is not None]
    if not any(hosts):
        return frozenset()
    said = [(each.certificate_der, names_host(each, host)) for each in records for host in hosts]
    found = frozenset(der for der, names in said if names and der is not None)
    return found if found or any(names is False for _, names in said) else None
