"""The ``mixedmode`` command: one tree, put together from :mod:`mixedmode.app.commands`.

A command's module is loaded when it is run, or when all commands are looked at: ``app`` is the whole tree.
"""

from __future__ import annotations

import os
from collections.abc import Callable, Iterable, Mapping, Sequence
from copy import copy
from functools import cache
from importlib import import_module
from typing import Annotated, Any, Final

import typer

from mixedmode import __version__

_COMMANDS: Final[dict[str, tuple[str, dict[str, str]]]] = {
    "show": ("files.trustlist:show", {}),
    "verify": ("files.trustlist:verify", {}),
    "diff": ("files.trustlist:diff", {}),
    "extract": ("files.trustlist:extract", {}),
    "explain": ("files.explain:explain", {"epilog": "EPILOG"}),
    "drill": ("files.drill:drill", {"epilog": "EPILOG"}),
    "calendar": ("files.calendar:calendar", {"epilog": "EPILOG"}),
    "build": ("files.build:build", {}),
    "sign-config": ("files.config:sign_config", {}),
    "open-config": ("files.config:open_config", {}),
    "forecast": ("forecasting.command:forecast", {"cls": "OrderedCommand", "epilog": "EPILOG"}),
    "lab": ("cluster.lab:lab", {}),
    "rehearse": ("cluster.lab:rehearse", {"epilog": "REHEARSE_EPILOG"}),
    "phone": ("phones.phone:phone", {}),
    "models": ("files.models:models", {}),
    "audit": ("auditing.audit:audit", {}),
    "watch": ("auditing.watch:watch", {}),
    "cdr": ("phones.cdr:cdr", {}),
    "admin": ("cluster.admin:admin", {"context_settings": "CONTEXT"}),
    "web": ("cluster.web:web", {}),
    "guide": ("cluster.guide:guide", {}),
    "audit-log": ("cluster.audit_log:audit_log", {}),
    "lists": ("cluster.lists:lists", {}),
    "ctl-client": ("cluster.ctl_client:ctl_client", {}),
    "bench": ("bench:bench", {}),
}
"""Where each command stands below :mod:`mixedmode.app.commands`, and which names there say what else of it."""
_GROUPS: Final = {
    "inventory": "forecasting.inventory:app",
    "phones": "cluster.phones:app",
    "rescue": "rescue.command:app",
    "api-token": "cluster.api_token:app",
    "fleet": "phones.fleet:app",
    "node": "cluster.node:app",
    "device": "cluster.device:app",
    "line": "cluster.line:app",
    "token": "cluster.token:app",
    "capf": "phones.capf:app",
    "tftp": "files.tftp:app",
    "tvs": "phones.tvs:app",
}
"""The same of groups of commands."""


def _print_version(wanted: bool) -> None:
    if wanted:
        typer.echo(f"mixedmode {__version__}")
        raise typer.Exit


def root(
    version: Annotated[
        bool,
        typer.Option("--version", callback=_print_version, is_eager=True, help="Print the version and exit."),
    ] = False,
) -> None:
    """The open trust plane for Cisco IP phones: CTL and ITL trust lists, signing, TVS and rehearsal."""


def _tree(names: Iterable[str]) -> typer.Typer:
    """Return the tree with these commands and groups."""
    tree = typer.Typer(
        name="mixedmode",
        no_args_is_help=True,
        pretty_exceptions_enable=False,
        context_settings={"help_option_names": ["-h", "--help"]},
    )
    tree.callback()(root)
    for name in names:
        where, more = _COMMANDS.get(name) or (_GROUPS[name], {})
        folder, _, attribute = where.partition(":")
        module = import_module(f"mixedmode.app.commands.{folder}")
        if name in _GROUPS:
            tree.add_typer(getattr(module, attribute), name=name)
        else:
            settings = {setting: getattr(module, its) for setting, its in more.items()}
            tree.command(name, **settings)(getattr(module, attribute))
    return tree


@cache
def _whole() -> typer.Typer:
    return _tree((*_COMMANDS, *_GROUPS))


def __getattr__(name: str) -> typer.Typer:
    """Return the whole tree as ``app``."""
    if name == "app":
        return _whole()
    raise AttributeError(name)


_HELP = frozenset({"--help", "-h"})
_ABOUT_ALL = frozenset({*_HELP, "--version"})
"""With these first, or with nothing at all, commands are named and not run."""


def tree_for(words: Sequence[str]) -> typer.Typer:
    """Return the tree that a command line needs: with one command if it begins with its name.

    Reading what every command takes costs more processor time than most commands themselves.
    """
    if "_MIXEDMODE_COMPLETE" in os.environ:
        return _completing(os.environ)
    if not words or not _HELP.isdisjoint(words):
        from mixedmode.app.lean_help import load_lean_help

        load_lean_help()
    if not words or words[0] in _ABOUT_ALL:
        return _names_only()
    return _tree(words[:1]) if words[0] in _COMMANDS or words[0] in _GROUPS else _whole()


def _completing(environment: Mapping[str, str]) -> typer.Typer:
    """Return the tree of a line that a shell completes: all names for the first word, else that word's command.

    bash says the words and which of them is completed, other shells the line as far as it is written.
    """
    line = environment.get("COMP_WORDS") or environment.get("_TYPER_COMPLETE_ARGS", "")
    words, said = line.split()[1:], environment.get("COMP_CWORD", "")
    is_first = said == "1" if said else len(words) <= (not line[-1:].isspace())
    if is_first:
        return _names_only()
    return _tree(words[:1]) if words and (words[0] in _COMMANDS or words[0] in _GROUPS) else _whole()


def _names_only() -> typer.Typer:
    """Return the tree with the name of each command and what it is for, but not what it takes."""
    tree = copy(_whole())
    commands, groups = map(copy, tree.registered_commands), map(copy, tree.registered_groups)
    tree.registered_commands, tree.registered_groups = list(commands), list(groups)
    for command in tree.registered_commands:
        command.callback = _only_said(command.callback)
    for group in tree.registered_groups:
        group.typer_instance = copy(group.typer_instance)
        if group.typer_instance is not None:
            group.typer_instance.registered_commands, group.typer_instance.registered_groups = [], []
    return tree


def _only_said(callback: Callable[..., Any] | None) -> Callable[[], None]:
    def nothing() -> None:
        pass

    nothing.__doc__ = callback.__doc__
    return nothing
