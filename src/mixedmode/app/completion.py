"""What a shell offers at Tab: procedures, models, devices, phones, tokens. It never fails: it has nothing to offer.

Names may be a stranger's, and a shell puts them on its command line: only plain ones are offered.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable
from pathlib import Path
from typing import Any, Final, ParamSpec

import typer

from mixedmode.procedures.names import ALL, GUIDED, SUMMARIES

_PLAIN: Final = re.compile(r"[A-Za-z0-9._-]{1,128}")
_P = ParamSpec("_P")


def procedures(incomplete: str) -> list[tuple[str, str]]:
    """Offer the procedures of ``rehearse``, each with what it plays."""
    every = {**SUMMARIES, **ALL}
    return [(name, what) for name, what in every.items() if name.startswith(incomplete)]


def guided(incomplete: str) -> list[tuple[str, str]]:
    """Offer the procedures of ``guide``."""
    return [(name, SUMMARIES[name]) for name in GUIDED if name.startswith(incomplete)]


def models(incomplete: str) -> list[str]:
    """Offer the phone models."""
    from mixedmode.phone.mind.models import MODELS

    return _offered((name for name, model in MODELS.items() if model.is_phone), incomplete)


def phones(ctx: typer.Context, incomplete: str) -> list[str]:
    """Offer the phones of a lab, or those that are registered with this host's node."""
    return _offered(_none_if_it_fails(_phones)(ctx.params), incomplete)


def devices(ctx: typer.Context, incomplete: str) -> list[str]:
    """Offer the devices of a lab's or a node's cluster."""
    return _offered(_none_if_it_fails(_devices)(ctx.params), incomplete)


def tokens(ctx: typer.Context, incomplete: str) -> list[str]:
    """Offer the tokens that a command would see."""
    return _offered(_none_if_it_fails(_tokens)(ctx.params), incomplete)


def tvs_ways(incomplete: str) -> list[str]:
    """Offer the ways in which TVS answers in a forecast."""
    return _offered(("up", "old", "down"), incomplete)


def titles(incomplete: str) -> list[str]:
    """Offer the titles of a cluster's operations."""
    return _none_if_it_fails(_titles)(incomplete)


def _titles(incomplete: str) -> list[str]:
    from mixedmode.cluster.operations import OPERATIONS

    return sorted(title for title in OPERATIONS if title.startswith(incomplete))


def policy_settings(incomplete: str) -> list[str]:
    """Offer the settings of the phones' policy, with a value each."""
    from dataclasses import fields

    from mixedmode.phone.mind.trust.settings import PolicySettings

    every = (f"{each.name}={value}" for each in fields(PolicySettings) for value in ("true", "false"))
    return sorted(each for each in every if each.startswith(incomplete))


def _offered(names: Iterable[str], incomplete: str) -> list[str]:
    begun = incomplete.lower()
    return sorted(name for name in set(names) if name.lower().startswith(begun) and _PLAIN.fullmatch(name))


def _none_if_it_fails(find: Callable[_P, list[str]]) -> Callable[_P, list[str]]:
    def found(*args: _P.args, **kwargs: _P.kwargs) -> list[str]:
        from mixedmode.errors import MixedModeError

        try:
            return find(*args, **kwargs)
        except (MixedModeError, OSError, ValueError, KeyError, TypeError):
            return []

    return found


def _place(params: dict[str, Any]) -> tuple[Path | None, Path | None]:
    """Return the lab's folder and the node's settings file that a half-typed command means."""
    from mixedmode.rehearsal.lab.document import meant_lab

    directory, config = params.get("directory"), params.get("config")
    return meant_lab(directory and Path(directory), config and Path(config)), config and Path(config)


def _phones(params: dict[str, Any]) -> list[str]:
    from mixedmode.node.status import SOCKET_NAME, ask_status
    from mixedmode.rehearsal.lab.document import read_lab

    directory, config = _place(params)
    if directory is not None:
        found = read_lab(directory, missing="", next_step="")["phones"]
    else:
        from mixedmode.node.host.settings import load_settings

        found = ask_status(load_settings(config).node.directory / SOCKET_NAME, {"ask": "phones"})["phones"]
    return [str(phone["name"]) for phone in found]


def _devices(params: dict[str, Any]) -> list[str]:
    from mixedmode.app.targets.hands import looked_at

    with looked_at(*_place(params)) as hands:
        return [each.name for each in hands.cluster.devices]


def _tokens(params: dict[str, Any]) -> list[str]:
    from mixedmode.faces.ctlclient.inserted import inserted_tokens, token_folder

    given = params.get("folder") or params.get("tokens")
    directory, _ = _place(params)
    return [
        each.label for each in inserted_tokens(token_folder(given and Path(given), directory), params.get("module"))
    ]
