"""Where phones and TFTP nodes of a rescue come from: an inventory, a lab or node of ours, a ``CLUSTER.toml``."""

from __future__ import annotations

import asyncio
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Final

from mixedmode.errors import MixedModeError, RemoteError, UsageError
from mixedmode.pki.files import read_limited

if TYPE_CHECKING:
    from mixedmode.rescue.readiness import PhoneFacts
    from mixedmode.rescue.wire.tls import PhoneAuthorities

TFTP_HTTP: Final = 6970


@dataclass(frozen=True, slots=True)
class Asked:
    """What the options of a command name.

    Attributes:
        inventory: A file of phones.
        directory: A lab's folder.
        config: A node's settings file.
        cluster: A ``CLUSTER.toml``.
        tftp: TFTP nodes, as addresses or URLs; they count in place of the others.
        by_hand: A file of phones that are left to hands.
        offline: Whether the phones' pages are left alone.
        services: Authentication services that the control user's password may be sent to, beside the cluster's nodes.
        phone_ca: A file with the certificates of who issued phones' own.
    """

    inventory: Path | None = None
    directory: Path | None = None
    config: Path | None = None
    cluster: Path | None = None
    tftp: tuple[str, ...] = ()
    by_hand: Path | None = None
    offline: bool = False
    services: tuple[str, ...] = ()
    phone_ca: Path | None = None


@dataclass(frozen=True, slots=True)
class Found:
    """What was found there.

    Attributes:
        phones: In order.
        nodes: Of each TFTP node its name and the URL of its lists.
        cluster: A name, for people.
        directory: The lab's folder; empty for anything else.
    """

    phones: list[PhoneFacts]
    nodes: dict[str, str] = field(default_factory=dict)
    cluster: str = ""
    directory: str = ""


def gather(asked: Asked, login: tuple[str, str] | None = None) -> Found:
    """Return the phones and nodes that are meant, with what the phones' own pages say.

    Raises:
        UsageError: Nothing is named, or a file cannot be read.
        MalformedError: A file is wrong.
    """
    from mixedmode.rescue.inventory import read_phones
    from mixedmode.rescue.looking import Asking, look_at
    from mixedmode.rescue.wire.whom import Services

    named = asked.inventory is not None or asked.cluster is not None
    found = _ours(asked) if not named or asked.directory or asked.config else Found([])
    if asked.cluster is not None:
        found = _by_cluster_file(asked.cluster, found, phones=asked.inventory is None and not found.phones)
    if asked.inventory is not None:
        found = replace(found, phones=read_phones(asked.inventory))
    if not found.phones:
        raise UsageError(
            "no phones are named",
            next_step="give --inventory FILE (mixedmode inventory collect writes one), or --directory LAB",
        )
    nodes = dict(map(_node, asked.tftp)) or found.nodes
    phones = _kept_for_hands(found.phones, asked.by_hand)
    if not asked.offline:
        now = datetime.now(UTC).isoformat(timespec="seconds")
        services = Services.of(found.nodes, asked.services)
        phones = asyncio.run(look_at(phones, Asking(login, services, authorities(asked.phone_ca), now)))
    if asked.cluster is not None and login is not None:
        phones = associated(asked.cluster, login[0], phones)
    return replace(found, phones=phones, nodes=nodes, cluster=found.cluster or str(asked.inventory or ""))


def associated(path: Path, user: str, phones: list[PhoneFacts]) -> list[PhoneFacts]:
    """Return phones with whether a user controls them by AXL of a ``CLUSTER.toml``; as they are if it does not say."""
    from mixedmode.live.cluster_file import read_cluster_file
    from mixedmode.rescue.prepared.axl import reader_of

    try:
        reader = reader_of(read_cluster_file(path))
        if reader is None:
            return phones
        held = {each.lower() for each in reader.devices(user, reader.kind_of(user))}
    except MixedModeError:
        return phones
    return [replace(phone, associated=phone.name.lower() in held) for phone in phones]


def authorities(path: Path | None) -> PhoneAuthorities | None:
    """Return who issued phones' certificates, None if nobody is named."""
    if path is None:
        return None
    from mixedmode.rescue.wire.tls import PhoneAuthorities

    return PhoneAuthorities.of(path)


def _node(text: str) -> tuple[str, str]:
    host = f"[{text}]" if text.count(":") > 1 and "]" not in text else text
    url = text if "://" in text else f"http://{host}:{TFTP_HTTP}/"
    if not url.startswith("http://"):
        raise UsageError(f"{text!r} is no TFTP node", next_step="give its address, or http://ADDRESS:6970/")
    return text, url


def _by_cluster_file(path: Path, found: Found, *, phones: bool) -> Found:
    """Return the TFTP nodes of a ``CLUSTER.toml``, and its phones by AXL and RIS where no file has them."""
    from mixedmode.live.cluster_file import read_cluster_file

    cluster = read_cluster_file(path)
    nodes = {node.name: f"http://{node.address}:{node.ports['http']}/" for node in cluster.nodes}
    found = replace(found, nodes=nodes, cluster=cluster.publisher.name)
    if not phones:
        return found
    from mixedmode.live.looking import observe
    from mixedmode.live.parts import Part
    from mixedmode.rescue.inventory import observed_phones

    seen = observe(cluster, (Part.DATABASE, Part.PHONES, Part.REGISTRATIONS, Part.TRACES))
    if not seen.phones:
        missing = "; ".join(dict.fromkeys(f"{each.what} {each.where}: {each.why}" for each in seen.not_seen[:3]))
        raise RemoteError(
            "the cluster names no phone", where=str(path), why=missing, next_step="give it [axl], or --inventory FILE"
        )
    return replace(found, phones=observed_phones(seen, cluster.phones.port if cluster.phones is not None else 0))


def _kept_for_hands(phones: list[PhoneFacts], path: Path | None) -> list[PhoneFacts]:
    if path is None:
        return phones
    try:
        lines = read_limited(path, 64 << 20)[0].decode().splitlines()
    except UnicodeDecodeError as error:
        raise UsageError(f"the list of phones for hands cannot be read: {error}", where=str(path)) from error
    said = dict(line.strip().partition(" ")[::2] for line in lines if line.strip() and not line.startswith("#"))
    reasons = {name.upper(): why.strip() or "left to hands by the operator" for name, why in said.items()}
    unknown = sorted(set(reasons) - {phone.name for phone in phones})
    if unknown:
        raise UsageError(f"{unknown[0]} is no phone of the inventory", where=str(path))
    return [replace(phone, by_hand=reasons.get(phone.name, phone.by_hand)) for phone in phones]


def _ours(asked: Asked) -> Found:
    """Return the phones of a lab, or of a node of ours, from its own database."""
    from mixedmode.rehearsal.lab.document import meant_lab, read_lab

    lab = meant_lab(asked.directory, asked.config)
    if lab is None and asked.config is None:
        return Found([])
    if lab is None:
        phones, nodes, name = _database(asked, {})
        return Found(phones, nodes, name)
    step = f"start it: mixedmode lab --directory {lab}"
    document = read_lab(lab, missing="there is no lab", next_step=step)
    pages = {str(each.get("name")): str(each.get("web") or "") for each in document.get("phones", [])}
    phones, _, name = _database(asked, pages)
    nodes = {
        str(node["name"]): f"http://{node['address']}:{node['ports']['http']}/"
        for node in document["nodes"]
        if node["ports"].get("http")
    }
    return Found(phones, nodes, name, str(lab.absolute()))


def _database(asked: Asked, pages: dict[str, str]) -> tuple[list[PhoneFacts], dict[str, str], str]:
    from mixedmode.app.targets.hands import looked_at
    from mixedmode.inventory.cluster import ClusterInventory
    from mixedmode.inventory.library import Library
    from mixedmode.rescue.inventory import phone_of

    phones: list[PhoneFacts] = []
    with looked_at(asked.directory, asked.config) as hands:
        name = hands.cluster.publisher.name
        nodes = {node.name: f"http://{node.address}:{TFTP_HTTP}/" for node in hands.cluster.nodes()}
        for entry in ClusterInventory(hands.cluster, Library()).entries():
            cells = entry.cells()
            web = pages.get(entry.device.name) if pages else cells["address"]
            said = {"menu": "", **{key: value for key, value in cells.items() if key != "address"}, "web": web or ""}
            try:
                phones.append(phone_of(said, entry.device.name))
            except MixedModeError:
                continue  # what is no phone, such as a gateway
    return phones, nodes, name
