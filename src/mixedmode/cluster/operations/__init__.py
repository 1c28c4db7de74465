"""Every operation there is, by name."""

from __future__ import annotations

from mixedmode.cluster.engine.steps import Definition
from mixedmode.cluster.operations import ctl, ctl_upload, devices, files, itl, nodes, parameters, services, versions
from mixedmode.cluster.operations.identity import certificate_import, certificates, csr, missing_certificates

DEFINITIONS: dict[str, Definition] = {
    definition.name: definition
    for module in (
        ctl,
        ctl_upload,
        itl,
        certificates,
        missing_certificates,
        csr,
        certificate_import,
        services,
        parameters,
        versions,
        files,
        nodes,
        devices,
    )
    for definition in module.DEFINITIONS
}

__all__ = ["DEFINITIONS"]
