"""The options that several commands of a rescue have."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

Inventory = Annotated[Path | None, typer.Option(help="Phones: CSV, JSON or NDJSON, as inventory collect writes it.")]
Directory = Annotated[Path | None, typer.Option(help="A lab's folder; ./lab if there is one and nothing is named.")]
ClusterFile = Annotated[
    Path | None, typer.Option("--cluster", help="CLUSTER.toml: its TFTP nodes, and its phones by AXL and RIS.")
]
Tftp = Annotated[
    list[str] | None, typer.Option(help="A TFTP node, by address or http://ADDRESS:6970/; repeated.", metavar="NODE")
]
ByHand = Annotated[Path | None, typer.Option(help="Phones that are left to hands: a name a line, and why.")]
Offline = Annotated[bool, typer.Option("--offline", help="Leave the phones' pages alone.")]
User = Annotated[str | None, typer.Option("--control-user", help="Who may press the phones' keys.")]
PasswordFile = Annotated[
    Path | None, typer.Option("--control-password-file", help="His password, alone in a file; else it is asked for.")
]
AuthenticationHost = Annotated[
    list[str] | None,
    typer.Option(
        metavar="HOST[:PORT]",
        help="An authentication service of phones beside the cluster's nodes, which the password may be sent to.",
    ),
]
PhoneCa = Annotated[
    Path | None,
    typer.Option(help="Certificates, PEM, of who issued the phones' own: for phones that speak HTTPS only."),
]
Confirmed = Annotated[Path, typer.Option(help="The file of walks: which sequences people confirmed.")]
Person = Annotated[str | None, typer.Option(help="Who is responsible; for the evidence.")]
WriteUser = Annotated[
    str | None, typer.Option("--write-user", help="Who may write by AXL (Standard AXL API Access), on a CUCM.")
]
WritePasswordFile = Annotated[
    Path | None, typer.Option("--write-password-file", help="His password, alone in a file; else it is asked for.")
]
Screens = Annotated[
    Path | None,
    typer.Option(
        "--screenshots", metavar="DIR", help="Keep pictures of screens there, 30 days: they show names and numbers."
    ),
]
Ticket = Annotated[str | None, typer.Option(help="The change that this belongs to; for the evidence.")]
