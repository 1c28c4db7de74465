"""Nodes, their services, and what a new cluster shall look like."""

from __future__ import annotations

import re
from dataclasses import dataclass, field
from enum import IntEnum, StrEnum
from ipaddress import ip_address
from typing import Final

from mixedmode.cluster.model.versions import Version
from mixedmode.errors import UsageError
from mixedmode.pki.certificates.issuing import Hash
from mixedmode.pki.certificates.profiles import KeyKind, Subject
from mixedmode.pki.device_names import device_name

MAX_NODES = 21
"""Publisher, TFTP and call-processing nodes together (cucm-admin.md 6)."""

_NAME = re.compile(r"(?=.{1,63}$)[A-Za-z0-9]([A-Za-z0-9-]*[A-Za-z0-9])?(\.[A-Za-z0-9]([A-Za-z0-9-]*[A-Za-z0-9])?)*")


class NodeRole(IntEnum):
    """``processnode.tknodeusage``."""

    PUBLISHER = 0
    SUBSCRIBER = 1


class SecurityMode(IntEnum):
    """``ClusterSecurityMode``."""

    NON_SECURE = 0
    MIXED = 1

    @property
    def label(self) -> str:
        """As the CLI writes it."""
        return "Mixed Mode" if self is SecurityMode.MIXED else "Non Secure Mode"


class Service(StrEnum):
    """The services of a node, by the names that ``utils service`` knows."""

    CALLMANAGER = "Cisco CallManager"
    TFTP = "Cisco Tftp"
    CTI_MANAGER = "Cisco CTIManager"
    TVS = "Cisco Trust Verification Service"
    CTL_PROVIDER = "Cisco CTL Provider"
    CAPF = "Cisco Certificate Authority Proxy Function"
    TOMCAT = "Cisco Tomcat"
    DRF_MASTER = "Cisco DRF Master"
    DRF_LOCAL = "Cisco DRF Local"
    CHANGE_NOTIFICATION = "Cisco Certificate Change Notification"


PUBLISHER_SERVICES = tuple(Service)
SUBSCRIBER_SERVICES = tuple(s for s in Service if s not in {Service.CAPF, Service.DRF_MASTER})


@dataclass(frozen=True, slots=True)
class NodeInfo:
    """A node as the database knows it.

    Attributes:
        name: Host name, also the name of its folder and of its certificates.
        role: Publisher or subscriber.
        address: IP address.
        services: Those activated.
    """

    name: str
    role: NodeRole
    address: str
    services: frozenset[Service]

    @property
    def is_publisher(self) -> bool:
        """Whether it is the publisher."""
        return self.role is NodeRole.PUBLISHER


@dataclass(frozen=True, slots=True)
class NodeSpec:
    """A node to be made; the first of a cluster is its publisher.

    Raises:
        UsageError: The name is no host name, or the address none.
    """

    name: str
    address: str
    services: tuple[Service, ...] | None = None

    def __post_init__(self) -> None:
        if not _NAME.fullmatch(self.name):
            raise UsageError(f"{self.name!r} is no host name of up to 63 characters")
        try:
            ip_address(self.address)
        except ValueError as error:
            raise UsageError(f"{self.address!r} is no IP address", where=self.name) from error


DEVICE_LENGTHS: Final = {"model": 32, "description": 255, "device_pool": 128, "authentication_url": 255}
"""Most characters of a device's texts: what the columns of the database hold."""
_URL: Final = re.compile(r"https?://[!-~]+", re.IGNORECASE)


def _check_text(field_name: str, text: str, most: int) -> None:
    """Refuse a text that no database of ours keeps as it is: one too long, or with what is no character.

    Raises:
        UsageError: It is one.
    """
    if len(text) > most:
        step = f"use up to {most} characters"
        raise UsageError(f"{field_name} has {len(text)} characters", where=field_name, next_step=step)
    if any(each == "\0" or "\ud800" <= each <= "\udfff" for each in text):
        raise UsageError(f"{field_name} holds what is no character", where=field_name, next_step="leave it out")


@dataclass(frozen=True, slots=True)
class DeviceSpec:
    """A phone.

    Attributes:
        name: As :mod:`mixedmode.pki.device_names` says; kept as CUCM keeps it.
        model: Such as ``7975``.
        protocol: ``SCCP`` or ``SIP``.
        security_mode: 1 non-secure, 2 authenticated, 3 encrypted.
        web_access: Whether the phone's own pages may be seen; off unless it is set, as since CUCM 8
            (docs/specification/live-cluster.md 4.1).
        authentication_url: Who is asked whether somebody may press the phone's keys from afar; empty: nobody is.
        secure_tone: Whether it is a protected device, "Play Secure Indication Tone": a tone tells who talks whether the
            call is encrypted (docs/specification/calls-and-media.md 7.5).

    Raises:
        UsageError: A field is out of its range.
    """

    name: str
    model: str = "7975"
    description: str = ""
    device_pool: str = "Default"
    protocol: str = "SCCP"
    security_mode: int = 1
    web_access: bool = False
    authentication_url: str = ""
    secure_tone: bool = False

    def __post_init__(self) -> None:
        object.__setattr__(self, "name", device_name(self.name))
        for field_name, most in DEVICE_LENGTHS.items():
            _check_text(field_name, getattr(self, field_name), most)
        if self.authentication_url and _URL.fullmatch(self.authentication_url) is None:
            raise UsageError(
                f"{self.authentication_url!r} is no address of an authentication server",
                where="authentication_url",
                next_step="write http:// or https://, a host and a path",
            )
        if self.protocol not in {"SCCP", "SIP"} or self.security_mode not in {1, 2, 3}:
            raise UsageError(f"protocol {self.protocol}, security mode {self.security_mode}", where=self.name)


@dataclass(frozen=True, slots=True)
class ClusterSpec:
    """What a new cluster shall be.

    Attributes:
        version: Of the software, such as ``10.5.1.10000-7``.
        nodes: The publisher first.
        organization: The attributes of every certificate's subject; its common name is not used.
        rsa_key: Kind of the RSA keys.
        ec_key: Kind of the EC keys.
        signature_hash: Hash under the certificates; None follows the key.
        devices: Phones in the device pool they name (made when it does not exist).
        encryption_licence: Whether mixed mode is licensed from the start.

    Raises:
        UsageError: There is no node, there are too many, or two share a name or an address.
    """

    version: Version
    nodes: tuple[NodeSpec, ...]
    organization: Subject = field(default=Subject("", "TAC", "Cisco", "Krakow", "Malopolska", "PL"))
    rsa_key: KeyKind = KeyKind.RSA_2048
    ec_key: KeyKind = KeyKind.EC_256
    signature_hash: Hash | None = None
    devices: tuple[DeviceSpec, ...] = ()
    encryption_licence: bool = True

    def __post_init__(self) -> None:
        if not 1 <= len(self.nodes) <= MAX_NODES:
            raise UsageError(f"a cluster has 1 to {MAX_NODES} nodes, not {len(self.nodes)}")
        for what, values in (
            ("name", [node.name.lower() for node in self.nodes]),
            ("address", [node.address for node in self.nodes]),
        ):
            if len(set(values)) != len(values):
                raise UsageError(f"two nodes share their {what}", next_step=f"give each node its own {what}")
