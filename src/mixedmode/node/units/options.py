"""Which units a node has, on which ports, and how they run."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Final

from mixedmode.cluster.model.topology import Service
from mixedmode.pki.certificates.certificates import Certificate
from mixedmode.services.files.flat_names import DEFAULT_MAP
from mixedmode.services.net.server_tls import TlsFloor

UNITS: Final[Mapping[Service, tuple[str, ...]]] = {
    Service.TFTP: ("tftp", "http", "https"),
    Service.TVS: ("tvs",),
    Service.CTL_PROVIDER: ("ctl_provider",),
    Service.CAPF: ("capf",),
    Service.CALLMANAGER: ("sccp",),
    Service.CHANGE_NOTIFICATION: ("change_notification",),
    Service.TOMCAT: ("web",),
}
"""The units of each service of the cluster, in the order in which they start."""
BASE_UNITS: Final = ("ssh", "sftp")
"""Units that run on every node and are nobody's service."""
STANDARD_PORTS: Final[Mapping[str, int]] = {
    "tftp": 69,
    "http": 6970,
    "https": 6971,
    "tvs": 2445,
    "ssh": 22,
    "sftp": 2022,
    "sccp": 2000,
    "sccp_tls": 2443,
    "capf": 3804,
    "ctl_provider": 2444,
    "web": 8443,
}
"""Where phones and administrators look for them (wire-formats.md 7, cucm-admin.md 2)."""
PUBLISHER_KEYS: Final = "publisher_keys"
"""In a node's folder: the public keys that may push files to it."""
PUBLISHER_KEY: Final = "publisher_ed25519_key"
"""In the publisher's folder of keys: with this it pushes files."""
CAPF_FOLDER: Final = "capf"
"""In the folder of the node that runs CAPF: what it knows of each device."""


@dataclass(frozen=True, slots=True)
class NodeOptions:
    """How a node's services run.

    Attributes:
        ports: Wanted, by unit; what is left out has its standard port.
        elsewhere: Whether a free port will do when one is taken, as in a lab.
        floor: The oldest TLS for phones.
        host: The address to listen on; None is the node's own.
        remote: Whether the publisher is on another host, so that nobody else switches this node's partitions.
        rules: Where to look for files that are not there by the name that is asked for.
        probes: Networks that may ask the pages for metrics and health without a sign-in, beside loopback.
        manufacturers: Who vouches for the MICs of phones, beside what ``CAPF-trust`` holds.
        workers: Processes that share what phones ask most: TFTP, HTTP, HTTPS and TVS; 1 is this process alone.
    """

    ports: Mapping[str, int] = field(default_factory=dict)
    elsewhere: bool = False
    floor: TlsFloor = TlsFloor.TLS_1_2
    host: str | None = None
    remote: bool = False
    rules: Sequence[str] = DEFAULT_MAP
    workers: int = 1
    probes: Sequence[str] = ()
    manufacturers: Sequence[Certificate] = ()

    def port(self, unit: str) -> int:
        """Return the port wanted for a unit."""
        return self.ports.get(unit, STANDARD_PORTS.get(unit, 0))
