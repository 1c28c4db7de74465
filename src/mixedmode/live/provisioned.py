"""What a live cluster is set to do with phones, and what TVS vouches for; each with its source and time."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum

from mixedmode.live.sighting import Sighting


class Feature(StrEnum):
    """What a model can do, as far as rules ask for it."""

    SECURITY_BY_DEFAULT = "security-by-default"
    """It fetches an ITL, and asks TVS."""
    LARGE_KEYS = "large-keys"
    """It uses RSA keys of 3072 and 4096 bits."""


@dataclass(frozen=True, slots=True)
class ModelSeen:
    """A model (Q3).

    Attributes:
        number: ``typemodel.enum``, in decimal.
        name: As CUCM has it, such as ``Cisco 8841``.
        seen: Where from.
    """

    number: str
    name: str
    seen: Sighting


@dataclass(frozen=True, slots=True)
class FeatureSeen:
    """That a kind of phone can do something (Q11).

    Attributes:
        feature: A value of :class:`Feature`.
        model: The model's number; empty if the row has none.
        product: The product's number; empty if the row has none.
        protocol: ``SIP`` or ``SCCP``; empty for any.
        seen: Where from.
    """

    feature: str
    model: str
    product: str
    protocol: str
    seen: Sighting


@dataclass(frozen=True, slots=True)
class DefaultLoadSeen:
    """The firmware of a model, unless a phone has one of its own (``listDeviceDefaults``).

    Attributes:
        model: The model's name.
        protocol: ``SIP`` or ``SCCP``.
        load: The firmware; empty if none is set.
        inactive: The firmware that phones keep beside it.
        seen: Where from.
    """

    model: str
    protocol: str
    load: str
    inactive: str
    seen: Sighting


@dataclass(frozen=True, slots=True)
class GroupSeen:
    """A CallManager group (Q7): where its phones register, and whose TVS they ask, in this order.

    Attributes:
        name: Its name.
        nodes: Names of nodes, the first to be tried first.
        seen: Where from.
    """

    name: str
    nodes: tuple[str, ...]
    seen: Sighting


@dataclass(frozen=True, slots=True)
class PoolSeen:
    """A device pool.

    Attributes:
        name: Its name.
        group: Its CallManager group.
        seen: Where from.
    """

    name: str
    group: str
    seen: Sighting


@dataclass(frozen=True, slots=True)
class ProfileSeen:
    """A security profile of phones (Q8); a text is empty, and a flag None, where the cluster does not say.

    Attributes:
        name: Its name.
        mode: ``Non Secure``, ``Authenticated`` or ``Encrypted``, as CUCM words it.
        transport: Such as ``TLS``.
        authentication: What a phone shows to CAPF: ``By Null String``, ``By Authentication String``, ...
        key_order: Such as ``RSA Only``.
        key_bits: Of an LSC's RSA key.
        ec_key_bits: Of its EC key.
        tftp_encrypted: Whether configurations are encrypted.
        oauth: Whether SIP is authorised by OAuth.
        seen: Where from.
    """

    name: str
    mode: str
    transport: str
    authentication: str
    key_order: str
    key_bits: str
    ec_key_bits: str
    tftp_encrypted: bool | None
    oauth: bool | None
    seen: Sighting


@dataclass(frozen=True, slots=True)
class CounterSeen:
    """What a node counts (3.2).

    Attributes:
        node: The node's name.
        object: Such as ``Cisco CallManager``.
        name: Such as ``EncryptedRegisteredPhones``.
        value: The number.
        seen: Where from.
    """

    node: str
    object: str
    name: str
    value: int
    seen: Sighting


@dataclass(frozen=True, slots=True)
class VouchedSeen:
    """A certificate that TVS vouches for (``listTvsCertificate``, ``getTvsCertificate``).

    Attributes:
        subject: Its subject, as AXL writes it.
        issuer: Its issuer.
        serial: Its serial number, hex.
        roles: Names of the roles that TVS gives to it; empty if it was not asked for them.
        services: Purposes and stores that it stands in; empty if it was not asked for them.
        seen: Where from.
    """

    subject: str
    issuer: str
    serial: str
    roles: tuple[str, ...]
    services: tuple[str, ...]
    seen: Sighting
