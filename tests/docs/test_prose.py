"""What documents name in passing: commands with their options, and headings of other pages."""

from __future__ import annotations

import re
import shlex
from collections.abc import Iterator
from pathlib import Path

import pytest
import typer.main
from typer.core import TyperGroup

from mixedmode.app.tree import app
from tests.docs.pages import BLOCK, ROOT, commands_of

SPAN = re.compile(r"`(mixedmode [a-z][^`]*)`")
LINK = re.compile(r"\]\((?P<path>[\w./-]*\.md)?#(?P<heading>[^)\s]+)\)")
FENCED = re.compile(r"^ *```.*?^ *```", re.MULTILINE | re.DOTALL)


def documents() -> list[Path]:
    return sorted([*ROOT.glob("*.md"), *ROOT.glob("docs/**/*.md")])


def option_faults(text: str, tree: TyperGroup) -> Iterator[str]:
    """Yield options that the command which a text names does not have."""
    for span in SPAN.findall(text):
        try:
            words = shlex.split(span.replace("\n", " "))[1:]
        except ValueError:
            continue  # a quotation mark without its other half: a form, not a command
        command: object = tree
        while isinstance(command, TyperGroup) and words and words[0] in command.commands:
            command = command.commands[words.pop(0)]
        if not isinstance(command, TyperGroup):
            parameters = getattr(command, "params", [])
            known = {name for each in parameters for name in (*each.opts, *each.secondary_opts)} | {"--help", "-h"}
            given = {word.split("=")[0].rstrip(",.") for word in words if re.match(r"--?[a-z]", word)}
            yield from (f"{span}: no {name}" for name in sorted(given - known))


def slug(heading: str) -> str:
    """Return a heading's anchor as GitHub makes it."""
    return re.sub(r"[^\w\- ]", "", heading.strip().lower()).replace(" ", "-")


def headings(path: Path) -> set[str]:
    return {slug(found) for found in re.findall(r"^#+ (.*)$", FENCED.sub("", path.read_text()), re.MULTILINE)}


def tree() -> TyperGroup:
    found = typer.main.get_command(app)
    assert isinstance(found, TyperGroup)
    return found


def test_options_that_prose_names_exist() -> None:
    known = tree()
    assert [f"{path.name}: {x}" for path in documents() for x in option_faults(path.read_text(), known)] == []


@pytest.mark.parametrize("text", ["`mixedmode lab --colour red`", "`mixedmode token list --pin=1`"])
def test_an_option_that_does_not_exist_is_found(text: str) -> None:
    assert len(list(option_faults(text, tree()))) == 1


def test_headings_that_links_name_exist() -> None:
    broken = []
    for path in documents():
        for match in LINK.finditer(BLOCK.sub("", path.read_text())):
            target = path.parent / match["path"] if match["path"] else path
            if not target.exists() or match["heading"] not in headings(target):
                broken.append(f"{path.relative_to(ROOT)}: {match['path'] or ''}#{match['heading']}")
    assert broken == []


def test_a_page_is_read_as_a_reader_reads_it() -> None:
    page = (
        "# Page\n\n1. First\n\n   ```console\n   $ one --two \\\n       --three   # exit code 3: it refuses\n"
        "   $ ssh me@host\n   admin:show ctl\n   what it prints\n   ```\n\n"
        "```console\n$ for x in 1; do\n    echo $x\n  done\nadmin:show itl\n```\n\n```sql\n$ no command\n```\n"
    )
    found = list(commands_of("page.md", page))
    assert [(x.line, x.words, x.exit_code) for x in found] == [
        (6, "one --two --three", 3),
        (8, "ssh me@host", 0),
        (9, "show ctl", 0),
        (14, "for x in 1; do echo $x done", 0),
        (17, "show itl", 0),
    ]
    assert [(x.admin, x.login) for x in found if x.admin] == [(True, "ssh me@host"), (True, "")]
