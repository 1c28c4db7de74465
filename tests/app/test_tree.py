"""What a command line loads: the help of all names each command in the words of the whole tree."""

from __future__ import annotations

import subprocess
import sys

import pytest
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


def loaded_by(module: str) -> set[str]:
    """Return what a fresh interpreter has loaded after a module."""
    code = f"import sys, {module}; print(*sys.modules)"
    return set(subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True).stdout.split())


def test_reading_commands_load_no_client_of_http_and_no_help() -> None:
    loaded = loaded_by("mixedmode.app.tree, mixedmode.signedfile.describing, mixedmode.trustlist.listing")
    assert "mixedmode.trustlist.listing" in loaded
    assert not loaded & {"urllib.request", "http.client", "rich", "asyncio", "sqlalchemy", "cryptography.x509"}


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
