"""Words that a command cannot mean are refused before anything is sent or said to be in order."""

from __future__ import annotations

from pathlib import Path

import pytest
from typer.testing import CliRunner

from mixedmode.app.tree import tree_for
from mixedmode.errors import MixedModeError
from tests.support import run_mixedmode

CALL = ("phone", "--call-manager", "127.0.0.1:1")


def refusal(*words: str) -> MixedModeError:
    error = CliRunner().invoke(tree_for(words), words).exception
    assert isinstance(error, MixedModeError)
    return error


@pytest.mark.parametrize("number", ["20 01", "bob", "\x1b[2J", "1" * 25, "2001\n", "٢٠٠١"])
def test_what_no_keys_of_a_phone_can_dial(number: str) -> None:
    error = refusal(*CALL, "--dial", number)
    assert (error.exit_code, "is no number" in str(error)) == (2, True)


@pytest.mark.parametrize("seconds", ["nan", "inf"])
@pytest.mark.parametrize("option", ["--talk", "--wait"])
def test_seconds_that_never_end(option: str, seconds: str) -> None:
    assert "is no number of seconds" in str(refusal(*CALL, "--dial", "2001", option, seconds))


@pytest.mark.parametrize("seconds", ["nan", "inf"])
@pytest.mark.parametrize(
    "words",
    [
        ("fleet", "boot", ".", "--timeout"), ("fleet", "boot", ".", "--ramp"), ("fleet", "boot", ".", "--delay"),
        ("tvs", "query", "x", "--server", "127.0.0.1:1", "--timeout"), ("tftp", "serve", "--directory", ".", "--drain"),
        ("phones", "call", "SEP001122334401", "4403", "--talk"), ("guide", "lost-tokens", "--canary-seconds"),
    ],
)  # fmt: skip
def test_seconds_that_are_no_number(words: tuple[str, ...], seconds: str) -> None:
    found = CliRunner().invoke(tree_for(words), (*words, seconds))
    assert found.exit_code != 0
    assert isinstance(found.exception, SystemExit) or "no number of seconds" in str(found.exception)


@pytest.mark.parametrize("moment", ["0001-01-01T00:00:00+23:00", "9999-12-31T23:59:59-23:00", "0001-01-01"])
def test_moments_at_the_ends_of_the_calendar(moment: str) -> None:
    sample = Path(__file__).parents[1] / "data/tlvfile/padding-1/CTLFile.tlv"
    done = run_mixedmode("calendar", sample, "--at", moment)
    assert done.returncode in {0, 2}


@pytest.mark.parametrize("text", ["", "this is no evidence, and has no line end"])
def test_a_report_of_no_evidence(tmp_path: Path, text: str) -> None:
    path = tmp_path / "evidence.jsonl"
    path.write_text(text)
    error = refusal("rescue", "report", str(path))
    assert (error.exit_code, "there is no evidence" in str(error)) == (2, True)


@pytest.mark.parametrize(
    "words", [("tftp", "get", "tftp://127.0.0.1:1/\udcff"), ("show", "http://127.0.0.1:1/\udcff", "--json")]
)
def test_bytes_that_are_no_text(words: tuple[str, ...]) -> None:
    done = run_mixedmode(*words)
    assert done.returncode == 2
    assert "no UTF-8 text" in done.stdout + done.stderr
    assert "udcff" in done.stdout + done.stderr


@pytest.mark.parametrize(
    "words",
    [
        ("lists",), ("cdr",), ("calendar",), ("audit-log",), ("phones", "list"), ("phones", "reset", "--all"),
        ("device", "list"), ("inventory", "export", "--output", "x"), ("drill", "--key", "x"),
        ("forecast", "--inventory", "cluster", "--operation", "utils ctl update CTLFile"), ("rescue", "ready"),
    ],
)  # fmt: skip
def test_a_lab_and_a_node_at_once(tmp_path: Path, words: tuple[str, ...]) -> None:
    error = refusal(*words, "--directory", str(tmp_path), "--config", str(tmp_path / "mixedmode.toml"))
    assert (error.exit_code, "which one is asked for" in str(error)) == (2, True)


@pytest.mark.skipif(not Path("/dev/zero").exists(), reason="there is no file without an end")
@pytest.mark.parametrize("option", ["--plan", "--tvs-trust", "--lists"])
def test_a_file_without_an_end_is_not_read_for_ever(option: str) -> None:
    example = Path(__file__).parents[2] / "docs/examples/forecast"
    words = ["forecast", f"--inventory={example}/inventory.csv", f"--publish={example}/publish/CTLFile.tlv"]
    words = [each for each in words if not each.startswith(option)]
    assert run_mixedmode(*words, f"{option}=/dev/zero", timeout=30).returncode in {0, 1, 2}


@pytest.mark.parametrize("port", ["9" * 5000, "0", "65536", "²"])
@pytest.mark.parametrize(
    "words", [("admin", "a@127.0.0.1:{}", "show ctl"), ("fleet", "boot", ".", "--server", "127.0.0.1:{}")]
)
def test_a_port_that_is_none(words: tuple[str, ...], port: str) -> None:
    assert refusal(*(word.format(port) for word in words)).exit_code == 2
