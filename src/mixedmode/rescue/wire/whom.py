"""Whom the control user's password may be sent to beside a phone: authentication services that somebody named; pure.

A phone's page says which service its phone asks, and a page may lie. So what it names is only compared:

1. Known are the cluster's own nodes, on the ports of CUCM's service (docs/specification/rescue.md 1.4), and what the
   engineer named, as ``HOST`` or ``HOST:PORT``. A host is compared as it is written; no name is looked up for that.
2. A node that is called by its name is reached at the address that the engineer gave for it.
3. A phone that would ask anybody else gets no login either: it would send it on, in clear.
4. An https service is checked by the phone itself, which sends nothing to one that it does not trust. We ask none.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from ipaddress import ip_address
from typing import Final
from urllib.parse import urlsplit

from mixedmode.errors import UsageError

PORTS: Final = (8080, 80)
"""Where CUCM has its service."""
_URL: Final = re.compile(r"http://[\x21\x23-\x3b\x3d\x3f-\x5b\x5d\x5f\x61-\x7a\x7e]{1,1000}", re.IGNORECASE)
_PLACE: Final = re.compile(r"(\[[0-9A-Fa-f:.]+\]|[A-Za-z0-9._-]{1,253})(?::([0-9]{1,5}))?")
_SHOWN: Final = 80


@dataclass(frozen=True, slots=True)
class Service:
    """An authentication service.

    Attributes:
        url: Of the host that is asked, ``http://address:port/``.
        target: Path and query that the phone's page names.
    """

    url: str
    target: str


@dataclass(frozen=True, slots=True)
class Services:
    """Authentication services that are known.

    Attributes:
        hosts: Of each its ports, and the address to reach it at, by host as :func:`plain` writes it.
    """

    hosts: Mapping[str, Mapping[int, str]] = field(default_factory=dict)

    @classmethod
    def of(cls, nodes: Mapping[str, str], named: Iterable[str] = ()) -> Services:
        """Return those of a cluster and of an engineer (rule 1).

        Args:
            nodes: Of each node its name and a URL at its address.
            named: Each as ``HOST`` or ``HOST:PORT``.

        Raises:
            UsageError: One is no host.
        """
        found: dict[str, dict[int, str]] = {}
        for name, url in nodes.items():
            address = urlsplit(url).hostname or ""
            for host in filter(None, (address, name)):
                found.setdefault(plain(host), {}).update(dict.fromkeys(PORTS, address))
        for text in named:
            match = _PLACE.fullmatch(text)
            if match is None or not 0 < int(match[2] or 1) < 1 << 16:
                raise UsageError(
                    f"{text[:_SHOWN]!r} is no host of an authentication service",
                    next_step="write HOST or HOST:PORT, as the phones' pages name it",
                )
            host = match[1].strip("[]")
            ports = (int(match[2]),) if match[2] else PORTS
            known = found.setdefault(plain(host), {})
            for port in ports:
                known.setdefault(port, host)
        return cls(found)

    def find(self, url: str) -> Service | str:
        """Return the service that a phone's page names, or why nobody is asked.

        Args:
            url: As the page, or the inventory, has it.
        """
        shown = "".join(each for each in url if each.isprintable())[:_SHOWN]
        try:
            parts = urlsplit(url)
            host, port = parts.hostname or "", parts.port or 80
        except ValueError:
            host, port, parts = "", 0, urlsplit("")
        if not _URL.fullmatch(url) or "@" in parts.netloc:
            return f"{shown!r} is no address that can be asked"
        place = f"{f'[{host}]' if ':' in host else host}:{port}"
        if not _PLACE.fullmatch(place):
            return f"{shown!r} is no address that can be asked"
        address = self.hosts.get(plain(host), {}).get(port)
        if address is None:
            return (
                f"it names {place} as its authentication service, which nobody allowed: --authentication-host {place}"
            )
        target = f"{parts.path or '/'}?{parts.query}" if parts.query else parts.path or "/"
        return Service(f"http://{f'[{address}]' if ':' in address else address}:{port}/", target)

    def stranger(self, url: str | None) -> str:
        """Return why a phone that names a service gets no login (rules 3 and 4); empty if it may have it."""
        if not url or url.lower().startswith("https://"):
            return ""
        found = self.find(url)
        return found if isinstance(found, str) else ""


def plain(host: str) -> str:
    """Return a host as it is compared: an address in its one form, a name without capitals and a last dot."""
    try:
        return str(ip_address(host))
    except ValueError:
        return host.lower().removesuffix(".")
