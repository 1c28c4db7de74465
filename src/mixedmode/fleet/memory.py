"""What a fleet holds, kept in one file: many phones hold few different lists, so each is written once.

``{"format": "mixedmode-fleet/1", "lists": {SHA-256: base64}, "servers": [[[address, port, priority], ...], ...],
"phones": {name: [model, CTL's SHA-256 or null, ITL's or null, index into servers]}}``

Only what trust decisions look at is kept; the configuration itself and cached answers of TVS are not. Whatever is
wrong with a file is a :class:`FleetMemoryError` that names it.
"""

from __future__ import annotations

import base64
import json
from collections.abc import Iterable
from pathlib import Path
from typing import Any, Final

from mixedmode.errors import MalformedError, MixedModeError, RemoteError
from mixedmode.fleet.phones import FleetPhone, fitting
from mixedmode.json_reader import read_json
from mixedmode.phone.mind.config import TvsServer
from mixedmode.phone.mind.models import get_model
from mixedmode.phone.mind.names import device_name
from mixedmode.phone.mind.trust.state import PhoneState, TrustState
from mixedmode.pki.files import PRIVATE, write_atomic
from mixedmode.trustlist.model import TrustList

FORMAT: Final = "mixedmode-fleet/1"
MAX_BYTES: Final = 256 << 20


class FleetMemoryError(MalformedError):
    """A file that is damaged, or holds no fleet."""

    default_code = "fleet-memory"


def save_fleet(path: Path, phones: Iterable[FleetPhone]) -> None:
    """Write what phones hold.

    Raises:
        RemoteError: The file cannot be written; the old one is untouched.
    """
    lists: dict[str, str] = {}
    servers: dict[tuple[TvsServer, ...], int] = {}
    held: dict[str, list[Any]] = {}

    def noted(trust_list: TrustList | None) -> str | None:
        if trust_list is None:
            return None
        if trust_list.sha256 not in lists:
            lists[trust_list.sha256] = base64.b64encode(trust_list.data).decode()
        return trust_list.sha256

    for phone in phones:
        trust = phone.state.trust
        group = servers.setdefault(trust.tvs_servers, len(servers))
        held[phone.name] = [phone.model.name, noted(trust.ctl), noted(trust.itl), group]
    groups = [[[each.address, each.port, each.priority] for each in group] for group in servers]
    document = {"format": FORMAT, "lists": lists, "servers": groups, "phones": held}
    try:
        write_atomic(path, json.dumps(document).encode(), mode=PRIVATE)
    except OSError as error:
        raise RemoteError(f"the fleet's file cannot be written: {error.strerror}", where=str(path)) from error


def load_fleet(path: Path) -> list[FleetPhone]:
    """Return the phones of a file, with what they hold.

    Raises:
        FleetMemoryError: It is damaged, holds no fleet, or cannot be read.
    """
    try:
        with path.open("rb") as file:
            data = file.read(MAX_BYTES + 1)
    except OSError as error:
        raise FleetMemoryError(f"the fleet's file cannot be read: {error.strerror}", where=str(path)) from error
    try:
        return _phones(data)
    except (AttributeError, KeyError, IndexError, TypeError, ValueError, RecursionError, MixedModeError) as error:
        raise FleetMemoryError(
            "this file holds no fleet, or is damaged",
            where=str(path),
            why=str(error),
            next_step="make one with `mixedmode fleet boot ... --save FILE`",
        ) from error


def _phones(data: bytes) -> list[FleetPhone]:
    document = read_json(data) if len(data) <= MAX_BYTES else None
    if not isinstance(document, dict) or document.get("format") != FORMAT:
        raise ValueError(f"it does not say that it is {FORMAT}")
    lists = {name: TrustList.parse(base64.b64decode(text, validate=True)) for name, text in document["lists"].items()}
    groups = [tuple(_server(*each) for each in group) for group in document["servers"]]
    phones = []
    for name, (model_name, ctl, itl, group) in document["phones"].items():
        model = get_model(model_name)
        trust = TrustState(None if ctl is None else lists[ctl], None if itl is None else lists[itl], groups[group])
        phones.append(FleetPhone(device_name(name), model, fitting(PhoneState(trust), model)))
    return phones


def _server(address: Any, port: Any, priority: Any) -> TvsServer:
    if not (isinstance(address, str) and type(port) is int and type(priority) is int and 0 < port < 65536):
        raise TypeError("a TVS server is address, port and priority")
    return TvsServer(address, port, priority)
