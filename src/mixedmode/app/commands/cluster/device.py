"""``mixedmode device``: the phones that a cluster knows."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from mixedmode.app import completion
from mixedmode.app.commands.options import AsJson, Config, LabFolder
from mixedmode.errors import MixedModeError
from mixedmode.faces.terminal.console import print_json, print_lines

if TYPE_CHECKING:
    from mixedmode.cluster.model.topology import DeviceSpec

app = typer.Typer(help="The phones that a cluster knows; on the publisher's host.", no_args_is_help=True)

_WHAT = "phones are added"


@app.command()
def add(
    name: Annotated[
        str, typer.Argument(help="SEP and the MAC address, such as SEP001122334455; ATA, CSF, BOT, TCT and TAB too.")
    ],
    model: Annotated[
        str,
        typer.Option(help="Such as 7975 or CP-8861-K9; mixedmode models lists them.", autocompletion=completion.models),
    ] = "7975",
    description: Annotated[str, typer.Option(help="For people.")] = "",
    device_pool: Annotated[str, typer.Option(help="Made if it is not there.")] = "Default",
    protocol: Annotated[str, typer.Option(help="SCCP or SIP; the model's own if left out.")] = "",
    security_mode: Annotated[int, typer.Option(help="1 non-secure, 2 authenticated, 3 encrypted.")] = 1,
    web_access: Annotated[bool, typer.Option(help="Whether the phone's own pages may be seen.")] = False,
    authentication_url: Annotated[str, typer.Option(help="Who says who may press its keys from afar.")] = "",
    secure_tone: Annotated[
        bool, typer.Option(help="Whether a tone tells the user if a call is encrypted (protected device).")
    ] = False,
    directory: LabFolder = None,
    config: Config = None,
) -> None:
    """Add a phone."""
    from mixedmode.app.device_csv import FIELDS, checked

    access, tone = ("Enabled" if each else "Disabled" for each in (web_access, secure_tone))
    values = (name, model, description, device_pool, protocol, str(security_mode), access, authentication_url, tone)
    _add([checked(dict(zip(FIELDS, values, strict=True)))], directory, config)


@app.command("import")
def import_devices(
    file: Annotated[Path, typer.Argument(help="CSV with a header: name, model, and any other field of add.")],
    directory: LabFolder = None,
    config: Config = None,
) -> None:
    """Add phones from a CSV file, all of them or none."""
    from mixedmode.app.device_csv import read_devices
    from mixedmode.pki.files import read_key_file

    rows = read_devices(file, read_key_file(file))
    try:
        _add([row.device for row in rows], directory, config)
    except MixedModeError as error:
        line = next((row.line for row in rows if row.device.name == error.where), None)
        if line is not None:
            error.where = f"{file}:{line}"
            error.what = f"column name: {error.what}"
        raise


def _add(devices: list[DeviceSpec], directory: Path | None, config: Path | None) -> None:
    from mixedmode.app.targets.hands import administered
    from mixedmode.cluster.operations.devices import AddDevices

    with administered(directory, config, what=_WHAT) as hands:
        done = hands.run(AddDevices(tuple(devices)))
    print_lines(done.changes)


@app.command()
def change(
    name: Annotated[str, typer.Argument(help="The device's name.", autocompletion=completion.devices)],
    model: Annotated[str | None, typer.Option(help="Such as 7975 or 8861.", autocompletion=completion.models)] = None,
    description: Annotated[str | None, typer.Option(help="For people.")] = None,
    device_pool: Annotated[str | None, typer.Option(help="Made if it is not there.")] = None,
    protocol: Annotated[str | None, typer.Option(help="SCCP or SIP.")] = None,
    security_mode: Annotated[int | None, typer.Option(help="1 non-secure, 2 authenticated, 3 encrypted.")] = None,
    web_access: Annotated[bool | None, typer.Option(help="Whether the phone's own pages may be seen.")] = None,
    authentication_url: Annotated[
        str | None, typer.Option(help="Who says who may press its keys from afar; empty for nobody.")
    ] = None,
    secure_tone: Annotated[
        bool | None, typer.Option(help="Whether a tone tells the user if a call is encrypted (protected device).")
    ] = None,
    directory: LabFolder = None,
    config: Config = None,
) -> None:
    """Change a phone; what is not given stays."""
    from mixedmode.app.device_csv import checked_protocol
    from mixedmode.app.targets.hands import administered
    from mixedmode.cluster.operations.devices import ChangeDevice, DeviceValues
    from mixedmode.phone.mind.models import get_phone_model
    from mixedmode.pki.device_names import same_device

    if model is not None:
        model = get_phone_model(model).name
    name = same_device(name)
    with administered(directory, config, what=_WHAT) as hands:
        there = hands.cluster.devices.find(name)
        if there is not None and (model is not None or protocol is not None):
            # A phone of another model speaks what that one speaks, unless it is said otherwise.
            protocol = checked_protocol(protocol or "", model or there.model)
        pages = (web_access, authentication_url)
        values = DeviceValues(model, description, device_pool, protocol, security_mode, *pages, secure_tone)
        done = hands.run(ChangeDevice(name, values))
    print_lines(done.changes)
    print_lines(done.warnings)


@app.command()
def remove(
    name: Annotated[str, typer.Argument(help="The device's name.", autocompletion=completion.devices)],
    directory: LabFolder = None,
    config: Config = None,
) -> None:
    """Remove a phone."""
    from mixedmode.app.targets.hands import administered
    from mixedmode.cluster.operations.devices import RemoveDevice
    from mixedmode.pki.device_names import same_device

    with administered(directory, config, what=_WHAT) as hands:
        done = hands.run(RemoveDevice(same_device(name)))
    print_lines(done.changes)


@app.command("list")
def list_devices(
    directory: LabFolder = None,
    config: Config = None,
    json: AsJson = False,
) -> None:
    """List the phones and the hashes of the lists that they reported."""
    from mixedmode.app.targets.hands import looked_at

    with looked_at(directory, config) as hands:
        found = [
            {
                "name": each.name,
                "model": each.model,
                "protocol": each.protocol,
                "description": each.description,
                "device_pool": each.device_pool,
                "security_mode": each.security_mode,
                "web_access": each.web_access,
                "authentication_url": each.authentication_url or None,
                "secure_tone": each.secure_tone,
                "ctl_sha1": each.ctl_hash or None,
                "itl_sha1": each.itl_hash or None,
                "last_seen": each.last_seen.isoformat() if each.last_seen else None,
            }
            for each in hands.cluster.devices
        ]
    if json:
        print_json(found)
        return
    from mixedmode.faces.terminal.table import table

    rows = (
        [str(d["name"]), str(d["model"]), str(d["device_pool"]), str(d["ctl_sha1"] or "-"), str(d["description"])]
        for d in found
    )
    print_lines(table(["device", "model", "device pool", "CTL (SHA-1)", "description"], rows))
