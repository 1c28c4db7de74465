"""What a lab shall be; known before what a lab is made of is loaded, so that its keys can be made meanwhile."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from mixedmode.cluster.model.versions import Version
from mixedmode.pki.certificates.key_stock import KeyStock
from mixedmode.pki.certificates.purposes import PROFILES, KeyKind
from mixedmode.rehearsal.lab.names import models_of, phone_name, phone_number

if TYPE_CHECKING:
    from collections.abc import Sequence

    from mixedmode.cluster.model.lines import LineSpec
    from mixedmode.cluster.model.topology import ClusterSpec, DeviceSpec
    from mixedmode.rehearsal.lab.network import Network

DEFAULT_VERSION = "10.5.1.10000-7"
"""The seed's version: CallManager signs the CTL, no ITLRecovery record."""
DEFAULT_NODES = 2
DEFAULT_PHONES = 4


@dataclass(frozen=True, slots=True)
class LabSpec:
    """What a lab shall be; None leaves it to the lab, which has what it has, or gets the usual.

    Attributes:
        nodes: How many, the publisher among them.
        models: The model of each phone.
        version: Of the cluster's software.
        database_url: SQLAlchemy URL; None is SQLite in the lab's folder.
        key: Kind of the RSA keys. With 1024 bits, as the seed had them, addresses are as long as the seed's too, so
            that every list has the seed's length.
        security_mode: Of the phones' profile, 1 to 3; it counts in mixed mode.
        numbered: Whether each phone of a new lab that registers has a directory number.
    """

    nodes: int | None = None
    models: tuple[str, ...] | None = None
    version: str | None = None
    database_url: str | None = None
    key: KeyKind | None = None
    security_mode: int | None = None
    numbered: bool = False

    def claim(self) -> Network:
        """Claim the network of a new lab."""
        from mixedmode.rehearsal.lab.network import claim_any, claim_as_seed

        return claim_as_seed() if self.key is KeyKind.RSA_1024 else claim_any()

    def cluster_spec(self, network: Network) -> ClusterSpec:
        """Return the cluster to make, with addresses of a network."""
        from mixedmode.cluster.model.topology import ClusterSpec, DeviceSpec, NodeSpec
        from mixedmode.phone.mind.models import get_model

        nodes = DEFAULT_NODES if self.nodes is None else self.nodes
        models = models_of(DEFAULT_PHONES) if self.models is None else self.models
        names = ["cucm-1051-a-pub", *(f"cucm-1051-a-sub{number}" for number in range(1, nodes))]
        return ClusterSpec(
            version=self._version,
            rsa_key=self._rsa_key,
            nodes=tuple(NodeSpec(name, network.address(number)) for number, name in enumerate(names, 1)),
            devices=tuple(
                DeviceSpec(
                    phone_name(number),
                    model,
                    f"Lab phone {number}",
                    protocol=get_model(model).signalling.value,
                    security_mode=1 if self.security_mode is None else self.security_mode,
                    web_access=True,
                )
                for number, model in enumerate(models, 1)
            ),
        )

    def lines(self, devices: Sequence[DeviceSpec]) -> tuple[LineSpec, ...]:
        """Return the lines of a new lab's phones."""
        from mixedmode.cluster.model.lines import LineSpec

        return tuple(
            LineSpec(device.name, phone_number(number), name=device.description)
            for number, device in enumerate(devices, 1)
            if self.numbered and device.protocol == "SCCP"
        )

    def keys_ahead(self, *, needed: bool = True) -> KeyStock:
        """Begin to make the RSA keys of a new lab's nodes; none if the lab is there."""
        nodes = DEFAULT_NODES if self.nodes is None else self.nodes
        purposes = (each for at in range(nodes) for each in self._version.own_purposes(publisher=at == 0))
        return KeyStock(self._rsa_key, sum(needed and PROFILES[each].key_kind == "RSA" for each in purposes))

    @property
    def _version(self) -> Version:
        return Version.known(self.version or DEFAULT_VERSION)

    @property
    def _rsa_key(self) -> KeyKind:
        return self.key or KeyKind.RSA_2048
