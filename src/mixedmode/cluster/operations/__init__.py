"""Every kind of operation there is, by title."""

from __future__ import annotations

from mixedmode.cluster.engine.operation import Operation
from mixedmode.cluster.operations import (
    ctl,
    ctl_back,
    ctl_upload,
    devices,
    files,
    itl,
    lines,
    nodes,
    parameters,
    services,
    versions,
)
from mixedmode.cluster.operations.identity import certificate_import, certificates, csr, lscs, missing_certificates

OPERATIONS: dict[str, type[Operation]] = {
    kind.title: kind
    for kind in (
        ctl.SetMixedMode,
        ctl.SetNonSecureMode,
        ctl.UpdateCtl,
        ctl.ResetCtl,
        ctl_upload.InstallCtl,
        ctl_back.PutBackCtl,
        itl.ResetItl,
        itl.ResetItlRemotely,
        certificates.RegenerateCertificate,
        certificates.ImportTrust,
        certificates.DeleteTrust,
        certificates.BringBackTrust,
        missing_certificates.MakeMissingCertificates,
        csr.RequestCertificate,
        certificate_import.ImportCertificate,
        services.StartService,
        services.StopService,
        services.RestartService,
        parameters.SetParameter,
        versions.Upgrade,
        versions.SwitchVersion,
        files.DeleteFile,
        nodes.JoinNode,
        nodes.RemoveNode,
        devices.AddDevices,
        devices.ChangeDevice,
        devices.RemoveDevice,
        lines.AddLines,
        lines.ChangeLine,
        lines.RemoveLine,
        lscs.RevokeLsc,
    )
}

__all__ = ["OPERATIONS"]
