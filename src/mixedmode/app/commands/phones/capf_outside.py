"""``mixedmode capf request`` and ``import``: LSCs that an authority outside signs, for keys that phones have already.

A phone makes its key when CAPF gives it an LSC. Its public key goes to the authority; what that signs is given to the
phone in place of the LSC, which proves it (docs/decisions/0078).
"""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from mixedmode.app.targets.capf_folder import RecordsFolder, capf_folder
from mixedmode.errors import UsageError
from mixedmode.faces.terminal.console import print_lines, say

if TYPE_CHECKING:
    from mixedmode.app.targets.hands import Hands
    from mixedmode.pki.certificates.certificates import Certificate


def request(
    devices: Annotated[list[str], typer.Argument(metavar="DEVICE...", help="Phones that have an LSC.")],
    directory: RecordsFolder = None,
    output: Annotated[Path, typer.Option(help="The folder for NAME.pub.pem of each.")] = Path(),
) -> None:
    """Write the public keys of phones, for an authority outside that shall sign their LSCs."""
    from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat

    from mixedmode.pki.files import write_atomic
    from mixedmode.services.capf.store import CapfStore

    store, found = CapfStore(capf_folder(directory)), []
    for name in devices:
        device = store.find(name)
        if device is None or device.lsc is None:
            raise UsageError(f"{name} has no LSC", next_step=f"mixedmode capf set {name} install: it makes its key")
        found.append((device.name, device.lsc))
    if not output.is_dir():
        raise UsageError("there is no such folder", where=str(output), next_step="make it first")
    for name, lsc in found:
        key = lsc.public_key.public_bytes(Encoding.PEM, PublicFormat.SubjectPublicKeyInfo)
        write_atomic(output / f"{name}.pub.pem", key)
        print_lines([f"{output / name}.pub.pem: {lsc.key_description} of {name}; have it certified as CN={name}"])


def bring(
    files: Annotated[list[Path], typer.Argument(metavar="FILE...", help="Certificates that the authority signed.")],
    directory: RecordsFolder = None,
) -> None:
    """Have phones take certificates that an authority outside signed, when they come next; all of them or none."""
    from mixedmode.app.targets.hands import of_folder
    from mixedmode.control.acts import ORDER_CAPF
    from mixedmode.pki.certificates.load import load_certificate
    from mixedmode.services.capf.store import CapfStore

    folder = capf_folder(directory)
    store = CapfStore(folder)
    with of_folder(folder) as hands:
        ready = [(_device(path, load_certificate(path), hands), load_certificate(path)) for path in files]
        if len({name for name, _ in ready}) != len(ready):
            raise UsageError("two certificates are of one device", next_step="give one for each device")
        for name, certificate in ready:
            store.check_ready(name, certificate)
        for name, certificate in ready:
            if hands is None:
                store.give(name, certificate)
            else:
                hands.do(
                    ORDER_CAPF,
                    lambda name=name, certificate=certificate: store.give(name, certificate),  # type: ignore[misc]
                    device=name,
                    operation="install",
                )
            print_lines([f"{name}: takes the certificate of {certificate.issuer} when it comes"])
    if hands is None:
        say("note: CAPF and CallManager must believe that authority: capf serve --manufacturer")


def _device(path: Path, certificate: Certificate, hands: Hands | None) -> str:
    """Return whose certificate it is, if the phone could show it."""
    from datetime import UTC, datetime

    from mixedmode.pki.certificates.phone_names import device_named
    from mixedmode.services.callmanager.tls import CAPF_TRUST

    name = device_named(certificate.common_name)
    if name is None or name != certificate.common_name:
        raise UsageError(
            f"the certificate is of {certificate.common_name!r}, which is no device",
            where=str(path),
            next_step="have it signed for the device's name alone, such as CN=SEP001122334455",
        )
    if not certificate.not_before <= datetime.now(UTC) < certificate.not_after:
        raise UsageError("the certificate is not valid now", where=str(path), next_step="have it signed anew")
    if hands is not None:
        trusted = [each.certificate for each in hands.cluster.trust_certificates(CAPF_TRUST)]
        if not any(certificate.is_issued_by(each) for each in trusted):
            raise UsageError(
                f"nobody of {CAPF_TRUST} issued the certificate: CallManager would refuse the phone",
                where=str(path),
                next_step=f"set cert import trust {CAPF_TRUST}, with the certificate of {certificate.issuer};"
                " then restart CallManager and CAPF",
            )
    return name
