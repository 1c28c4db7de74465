"""Every operation there is, by name."""

from __future__ import annotations

from mixedmode.cluster.operations import (
    certificate_import,
    certificates,
    csr,
    ctl,
    ctl_upload,
    devices,
    files,
    itl,
    missing_certificates,
    nodes,
    parameters,
    services,
    versions,
)
from mixedmode.cluster.steps import Definition

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
