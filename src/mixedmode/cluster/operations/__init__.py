"""Every kind of operation there is, by title."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from functools import cached_property
from typing import Final

from mixedmode.cluster.engine.operation import Operation


class _Kinds(Mapping[str, type[Operation]]):
    """Loads their modules when somebody asks for one by its title: a node that starts does not."""

    def __getitem__(self, title: str) -> type[Operation]:
        return self._by_title[title]

    def __iter__(self) -> Iterator[str]:
        return iter(self._by_title)

    def __len__(self) -> int:
        return len(self._by_title)

    @cached_property
    def _by_title(self) -> dict[str, type[Operation]]:
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
        from mixedmode.cluster.operations.identity import (
            certificate_import,
            certificates,
            csr,
            lscs,
            missing_certificates,
        )

        kinds: tuple[type[Operation], ...] = (
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
            services.StartWithNode,
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
        return {kind.title: kind for kind in kinds}


OPERATIONS: Final = _Kinds()

__all__ = ["OPERATIONS"]
