"""The CAPF of a cluster's publisher, put together: its key, its devices, who vouches for MICs, where refusals stand."""

from __future__ import annotations

import contextlib
from collections.abc import Callable, Iterable

from mixedmode.cluster.model.topology import NodeInfo
from mixedmode.cluster.reader import ClusterReader
from mixedmode.errors import MixedModeError
from mixedmode.pki.certificates.certificates import Certificate
from mixedmode.pki.certificates.profiles import Purpose
from mixedmode.protocols.capf import Operation
from mixedmode.services.callmanager.tls import CAPF_TRUST
from mixedmode.services.capf.notes import CapfNote, CapfOutcome
from mixedmode.services.capf.service import CapfService, log_note
from mixedmode.services.capf.store import CapfStore
from mixedmode.services.files.phoneconfig import CapfOrder
from mixedmode.services.net.server_tls import TlsFloor

_AUDITED = {CapfOutcome.REFUSED, CapfOutcome.CANCELLED}
"""What was given or taken away stands in the audit log already, written with the device."""
_CHANGES = {CapfOutcome.INSTALLED, CapfOutcome.FETCHED, CapfOutcome.DELETED}
_IDLE, _PASSWORD, _NOTHING, _CERTIFICATE, _MIC = 0, 1, 2, 3, 4


def node_capf(
    reader: ClusterReader,
    node: NodeInfo,
    store: CapfStore,
    *,
    host: str | None = None,
    port: int = 3804,
    floor: TlsFloor = TlsFloor.TLS_1_2,
    issuers: Iterable[Certificate] = (),
    audit: Callable[[CapfNote], None] = lambda _note: None,
    changed: Callable[[], None] = lambda: None,
) -> CapfService:
    """Return the CAPF service of a node, not started yet.

    Args:
        reader: The cluster.
        node: The node.
        store: The devices.
        host: The address to listen on; None is the node's own.
        port: TCP port; 0 chooses a free one.
        floor: The oldest TLS; 1.0 where phones of the 7900 series enrol.
        issuers: Who vouches for MICs besides ``CAPF-trust``.
        audit: Writes into the audit log; what it raises is left to the log.
        changed: Told from threads that a device has another LSC, before the phone knows that it is done.
    """

    def told(note: CapfNote) -> None:
        log_note(note)
        if note.outcome in _CHANGES:
            changed()
        if note.outcome in _AUDITED:
            # If it cannot be written now, the log has it.
            with contextlib.suppress(MixedModeError):
                audit(note)

    def believed() -> list[Certificate]:
        return [*(each.certificate for each in reader.trust_certificates(CAPF_TRUST)), *issuers]

    return CapfService(
        store,
        lambda: reader.signer(node.name, Purpose.CAPF.value),
        host=host or node.address,
        port=port,
        floor=floor,
        issuers=believed,
        told=told,
    )


def order_of(store: CapfStore, device: str) -> CapfOrder:
    """Return what a device's configuration says of CAPF: how it proves itself, and whether an operation waits.

    Of a device for which nothing waits it says "none", so that not every phone comes at every start to hear that. A
    fetch asks for the certificate, since CAPF takes none whose key was not proved.
    """
    try:
        found = store.find(device)
    except MixedModeError:
        found = None
    if found is None or found.operation is Operation.NONE:
        return CapfOrder(_IDLE, waits=False)
    if found.by_certificate or found.operation is Operation.FETCH:
        return CapfOrder(_MIC if found.mic_first else _CERTIFICATE, waits=True)
    return CapfOrder(_PASSWORD if found.password else _NOTHING, waits=True)
