"""``mixedmode models``: what phones of each model can do, and what of it no source says."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated, Any

import typer

from mixedmode.app import completion
from mixedmode.app.commands.options import AsJson
from mixedmode.faces.terminal.console import print_json, print_lines, say

if TYPE_CHECKING:
    from mixedmode.phone.mind.models import PhoneModel

_UNSURE = "?"


def models(
    names: Annotated[
        list[str] | None,
        typer.Argument(
            help="Only these: 8845, CP-8845-K9, 'Cisco 8845', or a device type.",
            metavar="[NAME]...",
            autocompletion=completion.models,
        ),
    ] = None,
    everything: Annotated[
        bool, typer.Option("--all", help="Device types too that are no phones: gateways, trunks, expansion modules.")
    ] = False,
    json: AsJson = False,
) -> None:
    """List the phone models: Security by Default, hash shown, protocol, digests, what is unsure."""
    from mixedmode.phone.mind.models import MODELS, get_model

    if names:
        chosen = [get_model(name) for name in names]
    else:
        chosen = [model for model in MODELS.values() if model.is_phone or everything]
    if json:
        print_json([document(model) for model in chosen])
        return
    from mixedmode.faces.terminal.table import table

    head = ["model", "type", "Security by Default", "hash shown", "protocol", "digests", "TLS", "HTTP first", "unsure"]
    print_lines(table(head, (_row(model) for model in chosen)))
    say(f"{_UNSURE}: no source says, or one is not sure; the word before it is what simulated phones do")


def document(model: PhoneModel) -> dict[str, Any]:
    """Return a model as JSON: what no source says is null, and named in ``unsure`` like what is uncertain."""

    def known(attribute: str, value: Any) -> Any:
        return None if attribute in model.unknown else value

    return {
        "name": model.name,
        "cucm_name": model.cucm_name or None,
        "device_type": model.device_type,
        "phone": model.is_phone,
        "security_by_default": known("security_by_default", model.security_by_default),
        "hash_shown": known("shown_hash", model.shown_hash.value),
        "protocol": known("signalling", model.signalling.value),
        "sip_only": known("signalling", model.sip_only),
        "digests": {
            "SHA1": known("signed_config", model.signed_config),
            "SHA512": known("sha512", model.sha512),
        },
        "tls_max": known("tls_max", model.tls_max),
        "elliptic_curves": known("elliptic_curves", model.elliptic_curves),
        "encrypted_config": known("encrypted_config", model.encrypted_config),
        "http_first": known("http_first", model.http_first),
        "unsure": _unsure(model),
    }


_WORDS = {"shown_hash": "hash_shown", "signalling": "protocol", "sha512": "digests", "signed_config": "digests"}
"""Names of fields that differ in JSON."""


def _unsure(model: PhoneModel) -> list[str]:
    return sorted({_WORDS.get(each, each) for each in model.uncertain})


def _row(model: PhoneModel) -> list[str]:
    def cell(attribute: str, value: bool | str) -> str:
        text = ("yes" if value else "no") if isinstance(value, bool) else value
        return text + (_UNSURE if attribute in model.uncertain else "")

    protocol = cell("signalling", model.signalling.value + (" only" if model.sip_only else ""))
    digests = ["SHA-1" + (_UNSURE if "signed_config" in model.unknown else "")] if model.signed_config else []
    if digests and (model.sha512 or "sha512" in model.unknown):
        digests.append(f"SHA-512{_UNSURE if 'sha512' in model.uncertain else ''}")
    return [
        model.name,
        "-" if model.device_type is None else cell("device_type", str(model.device_type)),
        cell("security_by_default", model.security_by_default),
        cell("shown_hash", model.shown_hash.value),
        protocol,
        ", ".join(digests) or "none",
        cell("tls_max", model.tls_max),
        cell("http_first", model.http_first),
        ", ".join(_unsure(model)) or "-",
    ]
