"""What a command line loads: the help of all names each command in the words of the whole tree."""

from __future__ import annotations

import re
import subprocess
import sys
from collections.abc import Iterator
from functools import cache
from typing import Any

import pytest
from typer.main import get_command
from typer.testing import CliRunner

from mixedmode.app.tree import app, tree_for


@pytest.mark.parametrize("words", [["--help"], ["-h"], ["--version"], []])
def test_what_is_said_about_all_commands_is_what_the_whole_tree_says(words: list[str]) -> None:
    whole, quick = (CliRunner().invoke(tree, words) for tree in (app, tree_for(words)))
    assert (quick.exit_code, quick.output) == (whole.exit_code, whole.output)


def test_a_commands_own_help_and_a_slip_of_the_pen_are_as_ever() -> None:
    for words in (["lab", "--help"], ["phones", "--help"], ["shwo"]):
        whole, quick = (CliRunner().invoke(tree, words) for tree in (app, tree_for(words)))
        assert (quick.exit_code, quick.output) == (whole.exit_code, whole.output)


_LINES = (
    "", "sh", "phones", "--", "-h", "nonsense", "show -", "capf ", "capf re", "capf report --", "lab --da",
    "rehearse lsc", "rehearse --phones 4 ", "--version ", "models --json x",
)  # fmt: skip


@cache
def _whole_command() -> Any:
    return get_command(app)


@pytest.mark.parametrize("shell", ["bash", "zsh", "fish"])
def test_a_word_is_completed_as_by_the_whole_tree(
    shell: str, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    whole = _whole_command()
    monkeypatch.setenv("_MIXEDMODE_COMPLETE", f"complete_{shell}")
    monkeypatch.setenv("_TYPER_COMPLETE_FISH_ACTION", "get-args")

    def completed(command: Any) -> str:
        with pytest.raises(SystemExit):
            command.main([], prog_name="mixedmode")
        return capsys.readouterr().out

    found = {}
    for line in _LINES:
        words = ["mixedmode", *line.split(" ")]
        if shell == "bash":
            monkeypatch.setenv("COMP_WORDS", "\n".join(words))
            monkeypatch.setenv("COMP_CWORD", str(len(words) - 1))
        else:
            monkeypatch.setenv("_TYPER_COMPLETE_ARGS", f"mixedmode {line}")
        found[line] = completed(get_command(tree_for([])))
        assert found[line] == completed(whole), line
    assert "show" in found["sh"]
    assert "report" in found["capf re"]


def test_helps_are_printed_without_what_none_of_them_uses() -> None:
    code = "import sys; sys.argv = ['mixedmode', '--help']; from mixedmode.app.tree import tree_for"
    code += "\ntry: tree_for(['--help'])()\nexcept SystemExit: pass"
    code += "\nprint(*sys.modules, file=sys.stderr)\nimport rich.markdown; rich.markdown.Markdown('*a*')"
    run = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    loaded = set(run.stderr.split())
    assert "Usage" in run.stdout
    assert "rich.table" in loaded
    assert not loaded & {"markdown_it", "pygments", "attr", "rich.traceback"}


def helps(command: Any, path: str) -> Iterator[tuple[str, str]]:
    """Yield what the help of a command, its options and the commands below it says."""
    for text in (command.help, command.epilog, *(getattr(each, "help", None) for each in command.params)):
        yield path, text or ""
    for name, below in getattr(command, "commands", {}).items():
        yield from helps(below, f"{path} {name}")


def test_no_word_of_a_help_is_swallowed_as_markup() -> None:
    tag = re.compile(r"(?<!\\)\[[a-z#/@][^\[]*?\]")
    swallowed = [(path, tag.findall(text)) for path, text in helps(get_command(app), "mixedmode") if tag.search(text)]
    assert not swallowed


def loaded_by(module: str) -> set[str]:
    """Return what a fresh interpreter has loaded after a module."""
    code = f"import sys, {module}; print(*sys.modules)"
    return set(subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True).stdout.split())


def test_reading_commands_load_no_client_of_http_and_no_help() -> None:
    loaded = loaded_by("mixedmode.app.tree, mixedmode.signedfile.describing, mixedmode.trustlist.listing")
    assert "mixedmode.trustlist.listing" in loaded
    assert not loaded & {"urllib.request", "http.client", "rich", "asyncio", "sqlalchemy", "cryptography.x509"}


def test_a_forecast_of_a_csv_and_of_lists_loads_no_reader_of_anything_else() -> None:
    parts = ("change", "evaluating", "phones_in", "phones_out", "screen")
    loaded = loaded_by(", ".join(f"mixedmode.app.commands.forecasting.{each}" for each in parts))
    assert "mixedmode.forecast.evaluation" in loaded
    assert not loaded & {
        "cryptography.x509",
        "cryptography.hazmat.primitives.serialization",
        "gzip",
        "mixedmode.live.observed",
        "mixedmode.trustlist.pasted.reading",
        "tomllib",
    }


def test_a_lab_is_made_of_nothing_that_it_does_not_need_to_start() -> None:
    loaded = loaded_by("mixedmode.rehearsal.lab.lab, mixedmode.rehearsal.rehearse, mixedmode.rehearsal.lab.guide")
    assert "sqlalchemy" in loaded
    assert not loaded & {
        "alembic",
        "pydantic",
        "pydantic_settings",
        "prometheus_client",
        "rich",
        "structlog",
        "tomlkit",
        "uvicorn",
        "starlette",
        "jinja2",
    }
    assert not loaded & {"urllib.request", "http.client", "mixedmode.cluster.query.query_postgres"}


def test_a_node_opens_its_pages_without_what_makes_them() -> None:
    loaded = loaded_by("mixedmode.faces.web.service, mixedmode.faces.web.connections, mixedmode.faces.web.kit.desk")
    assert "uvicorn" in loaded
    assert not loaded & {"starlette", "jinja2", "pydantic", "mixedmode.faces.web.app", "mixedmode.faces.web.pages"}
