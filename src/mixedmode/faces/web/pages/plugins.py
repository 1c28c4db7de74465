"""Find and List Plugins: what stands in for the CTL Client plugin, and how it is run against this cluster."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final
from urllib.parse import quote

from mixedmode import __version__
from mixedmode.cluster.model.records import ServiceState
from mixedmode.cluster.model.topology import Service
from mixedmode.errors import MixedModeError
from mixedmode.faces.web.kit.answers import Answer, Csv, View
from mixedmode.faces.web.kit.asking import Ask
from mixedmode.faces.web.kit.navigation import GUIDES
from mixedmode.faces.web.kit.page import Page
from mixedmode.faces.web.kit.tables import Column, Filter, Table
from mixedmode.pki.certificates.purposes import Purpose

PATH: Final = "/plugins/"
_PORT: Final = 2444


@dataclass(frozen=True, slots=True)
class Plugin:
    """A plugin of CUCM, and what stands in for it."""

    name: str
    version: str
    text: str
    path: str
    link: str


_PLUGINS: Final = (
    Plugin(
        "Cisco CTL Client",
        f"mixedmode {__version__}",
        "mixedmode ctl-client: a wizard at a terminal, with hardware tokens or file tokens; for scripts with --action.",
        f"{PATH}#ctl-client",
        "How to run it",
    ),
    Plugin(
        "Cisco CTL Client, guided",
        "in the browser",
        "The procedures with tokens as guided runs: plan and forecast first, each step verified, safe to close.",
        "/guides/procedures",
        "Procedures",
    ),
)
_TABLE: Final = Table(
    "plugins",
    (
        Column("name", "Plugin Name", value=lambda row: row.name),
        Column("version", "What stands in for it", value=lambda row: row.version),
        Column("text", "Description", value=lambda row: row.text, sorts=False),
    ),
    (Filter("name", "Name has", test=lambda row, wanted: wanted.lower() in row.name.lower()),),
)


@dataclass(frozen=True, slots=True)
class Provider:
    """A node's CTL Provider, as the client needs it.

    Attributes:
        runs: Whether it is activated and started.
        fingerprint: SHA-256 of the certificate that it shows; empty if that is not known.
        certificate: Where that certificate can be had.
    """

    node: str
    address: str
    runs: bool
    fingerprint: str
    certificate: str


def plugins(ask: Ask) -> Answer:
    """Show the plugins, and how the CTL Client is run."""
    if ask.wants_csv:
        return Csv("plugins", _TABLE.header, _TABLE.csv_of_rows(_PLUGINS, ask.query))
    cluster = ask.cluster
    states = {(state.node, state.service): state for state in cluster.services()}
    providers = [_provider(ask, node.name, node.address, states) for node in cluster.nodes()]
    publisher = cluster.publisher
    endpoint = cluster.endpoints().get(publisher.name)
    port = _PORT if endpoint is None else endpoint.ports.get("ctl_provider", _PORT)
    capf = states.get((publisher.name, Service.CAPF))
    return View(
        "plugins/plugins.html",
        {
            "sheet": _TABLE.of_rows(_PLUGINS, PATH, ask.query),
            "providers": providers,
            "silent": [each.node for each in providers if not each.runs],
            "capf_runs": capf is not None and capf.started is not None,
            "publisher": publisher,
            "port": "" if port == _PORT else f" --port {port}",
            "accepts_tokens": cluster.version.accepts_tokens,
            "version": cluster.version.text,
            "release": __version__,
        },
    )


def _provider(ask: Ask, node: str, address: str, states: dict[tuple[str, Service], ServiceState]) -> Provider:
    state = states.get((node, Service.CTL_PROVIDER))
    try:
        shown = ask.cluster.own_certificate(node, Purpose.CALLMANAGER.value).sha256.hex(":").upper()
    except MixedModeError:
        shown = ""
    path = f"/cmplatform/certificates/own/{quote(node, safe='')}/{Purpose.CALLMANAGER.value}"
    return Provider(node, address, state is not None and state.activated and state.started is not None, shown, path)


PAGES: Final = (Page(PATH, "Find and List Plugins", plugins, crumbs=(GUIDES,)),)
