"""What phones ask most, made in one process: TFTP, HTTP and HTTPS from one store of files, and TVS."""

from __future__ import annotations

import ssl
from collections.abc import Callable
from functools import partial
from typing import Final

from mixedmode.cluster.facade import Cluster
from mixedmode.cluster.model.topology import NodeInfo
from mixedmode.node.units.options import CAPF_FOLDER, NodeOptions
from mixedmode.pki.certificates.certificates import Certificate
from mixedmode.pki.certificates.profiles import Purpose
from mixedmode.services.capf.node import order_of
from mixedmode.services.capf.store import CapfStore
from mixedmode.services.files.ahead import Ahead
from mixedmode.services.files.configs import ConfigStore
from mixedmode.services.files.phoneconfig import ConfigFacts
from mixedmode.services.files.store import FolderStore
from mixedmode.services.http.service import HttpService
from mixedmode.services.net.server_tls import server_context
from mixedmode.services.net.service import Service
from mixedmode.services.sightings.collector import Sightings
from mixedmode.services.tftp.service import TftpService
from mixedmode.services.tvs.node import node_tvs

PHONE_UNITS: Final = ("tftp", "http", "https", "tvs")


class PhoneUnits:
    """Makes these units of one node, each anew when it is started.

    Args:
        cluster: The cluster, as this node sees it.
        info: The node.
        locate: The servers that a phone is told of, by device name.
        options: Ports and TLS.
        shared: Whether several processes share the ports.
        seen: Told what is seen of phones.

    Attributes:
        files: The files of the node's folder.
        configs: The same with the configurations that are built.
        capf_store: What CAPF knows of devices.
    """

    def __init__(
        self,
        cluster: Cluster,
        info: NodeInfo,
        locate: Callable[[str], ConfigFacts],
        options: NodeOptions,
        *,
        shared: bool = False,
        seen: Sightings | None = None,
    ) -> None:
        self._seen = seen
        self._cluster, self._info, self._options, self._shared = cluster, info, options, shared
        self._folder = cluster.folder(info.name)
        self._host = options.host or info.address
        self.files = FolderStore(self._folder.tftp, rules=options.rules)
        self.capf_store = CapfStore(
            cluster.folder(cluster.publisher.name).root / CAPF_FOLDER, cluster.keep_lsc, cluster.revoked_lscs
        )
        self.configs = ConfigStore(
            self.files, cluster, info.name, locate, lsc=self._lsc, capf=partial(order_of, self.capf_store)
        )

    def service(self, unit: str, port: int) -> Service:
        """Return a unit's service, not started yet."""
        match unit:
            case "tftp":
                return self._tftp(port)
            case "http":
                return self._http(port)
            case "https":
                return self._http(port, self._https_context)
        return node_tvs(
            self._cluster,
            self._info,
            self._folder,
            host=self._host,
            port=port,
            floor=self._options.floor,
            reuse_port=self._shared,
            seen=self._seen,
        )

    def _http(self, port: int, tls: Callable[[], ssl.SSLContext] | None = None) -> Service:
        return HttpService(self.configs, host=self._host, port=port, tls=tls, reuse_port=self._shared, seen=self._seen)

    def _tftp(self, port: int) -> Service:
        """Make TFTP; it reads its folder anew."""

        def read() -> None:
            self.files.reload()
            self.configs.reload()

        return TftpService(
            self.configs,
            host=self._host,
            port=port,
            prepare=read,
            ahead=Ahead(self.configs, lambda: self._cluster.devices),
            reuse_port=self._shared,
            seen=self._seen,
        )

    def _https_context(self) -> ssl.SSLContext:
        # Phones come here for the EC certificate of the TFTP role, which there is from version 11 on.
        own = {stored.unit for stored in self._cluster.certificates.list_own(self._info.name)}
        wanted = [Purpose.CALLMANAGER, *({Purpose.CALLMANAGER_ECDSA} & own)]
        signers = [self._cluster.signer(self._info.name, each.value) for each in wanted]
        return server_context(signers, self._options.floor, what="CallManager certificate")

    def _lsc(self, device: str) -> Certificate | None:
        lsc = self._cluster.devices.lsc(device)
        if lsc is not None:
            return Certificate.from_der(lsc)
        # Given by a release that kept it only here.
        found = self.capf_store.find(device)
        kept = None if found is None else found.lsc
        return None if kept is None or kept.sha256 in self._cluster.revoked_lscs(device) else kept
