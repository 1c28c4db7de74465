"""Every command that a text names is a command: error texts, remedies, what a lab suggests, and the documents."""

from __future__ import annotations

import ast
import re
from collections.abc import Iterator
from pathlib import Path

import pytest
import typer.main
from typer.core import TyperGroup

from mixedmode.app.tree import app

ROOT = Path(__file__).parents[2]
NAMED = re.compile(r"(?<![/.])\bmixedmode ([a-z][a-z-]*)(?: ([a-z][a-z-]*))?")
PROSE = {"import", "cluster"}
"""What stands behind the program's name in a sentence."""


def texts() -> Iterator[tuple[str, str]]:
    for path in (ROOT / "src").rglob("*.py"):
        for node in ast.walk(ast.parse(path.read_text())):
            if isinstance(node, ast.Constant) and isinstance(node.value, str):
                yield path.name, node.value
    for path in [ROOT / "README.md", *(ROOT / "docs").rglob("*.md")]:
        if "specification" not in path.parts:  # it names what is to come, too
            yield path.name, path.read_text()


def test_every_command_that_a_text_names_exists() -> None:
    tree = typer.main.get_command(app)
    assert isinstance(tree, TyperGroup)
    missing = []
    seen = 0
    for place, text in texts():
        for match in NAMED.finditer(text):
            first, second = match.groups()
            seen += 1
            found = tree.commands.get(first)
            inside = not isinstance(found, TyperGroup) or second is None or second.rstrip("-") in _begun(found)
            if first not in PROSE and (found is None or not inside):
                missing.append(f"{place}: {match.group()}")
    assert seen > 50
    assert missing == []


def _begun(group: TyperGroup) -> set[str]:
    """Return the commands of a group, and what texts write that put the rest together."""
    return set(group.commands) | {name.split("-")[0] for name in group.commands}


@pytest.mark.parametrize("command", ["show", "log", "reset", "delete-ctl", "delete-itl"])
def test_phones_has_what_the_contract_names(command: str) -> None:
    tree = typer.main.get_command(app)
    assert isinstance(tree, TyperGroup)
    phones = tree.commands["phones"]
    assert isinstance(phones, TyperGroup)
    assert command in phones.commands
