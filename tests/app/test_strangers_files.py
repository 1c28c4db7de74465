"""Files that are not what they were named for: no traceback, no error that fills a disk, and they stay as they are."""

from __future__ import annotations

import json
import os
import signal
import stat
import subprocess
import sys
from pathlib import Path

import pytest

from mixedmode.app.commands.forecasting.phones_out import written
from mixedmode.errors import MixedModeError, UsageError
from mixedmode.json_reader import read_json
from mixedmode.live.cluster_file import read_cluster_file
from mixedmode.node.host.settings import load_settings
from mixedmode.pki.files import written_whole
from mixedmode.printable import LONGEST_SHOWN, shortened
from mixedmode.rescue.files import evidence_file
from mixedmode.toml_reader import read_toml
from tests.support import run_mixedmode


@pytest.mark.parametrize("data", [b"x=" + b"9" * 5000, b"x=" + b"[" * 20_000, b"x = [1,\n", b"\xff\xfe\x00", b"x=1e"])
def test_what_is_no_toml(tmp_path: Path, data: bytes) -> None:
    with pytest.raises(ValueError, match=r".+") as found:
        read_toml(data)
    assert "set_int_max_str_digits" not in str(found.value)
    path = tmp_path / "mixedmode.toml"
    path.write_bytes(data)
    for read in (load_settings, read_cluster_file):
        with pytest.raises(MixedModeError) as error:
            read(path)
        assert (error.value.exit_code, error.value.where) == (2, str(path))


def test_settings_without_an_end(tmp_path: Path) -> None:
    path = tmp_path / "mixedmode.toml"
    with path.open("wb") as file:
        file.truncate(1 << 40)
    with pytest.raises(UsageError, match="more than"):
        load_settings(path)


def test_an_error_about_a_line_of_megabytes() -> None:
    error = UsageError("A" * 10_000_000, where="B" * 10_000, why="C" * 10_000, next_step="D" * 10_000)
    assert len(error.diagnostics()) < 5 * LONGEST_SHOWN
    assert len(json.dumps(error.as_document())) < 5 * LONGEST_SHOWN
    assert "(10,000,000 characters)" in error.as_document()["message"]
    assert shortened("x" * LONGEST_SHOWN) == "x" * LONGEST_SHOWN


def test_a_pipe_is_written_to_and_not_replaced(tmp_path: Path) -> None:
    pipe = tmp_path / "pipe.csv"
    os.mkfifo(pipe)
    reader = os.open(pipe, os.O_RDWR)
    try:
        with written_whole(pipe) as file:
            file.write("name\n")
        with written(pipe) as rows:
            assert rows is not None
        assert os.read(reader, 5) == b"name\n"
    finally:
        os.close(reader)
    assert stat.S_ISFIFO(pipe.stat().st_mode)
    assert [each.name for each in tmp_path.iterdir()] == ["pipe.csv"]


def test_what_is_written_whole_appears_at_its_end_or_not_at_all(tmp_path: Path) -> None:
    path = tmp_path / "out.csv"
    path.write_text("old")
    with pytest.raises(FileNotFoundError, match=r"nowhere\.csv"), written_whole(path):
        Path("nowhere.csv").read_text()
    assert path.read_text() == "old"
    with written_whole(path) as file:
        file.write("new")
        assert path.read_text() == "old"
    assert (path.read_text(), [each.name for each in tmp_path.iterdir()]) == ("new", ["out.csv"])
    with pytest.raises(FileNotFoundError) as nowhere, written_whole(tmp_path / "no" / "out.csv"):
        pass
    assert nowhere.value.filename == str(tmp_path / "no" / "out.csv")


def test_a_signal_that_ends_the_program_waits_for_the_file(tmp_path: Path) -> None:
    code = f"""
import os, signal, sys
from pathlib import Path
from mixedmode.pki import files
sync = os.fsync
def stopped(handle):
    os.kill(os.getpid(), signal.SIGTERM)
    sync(handle)
os.fsync = stopped
files.write_atomic(Path({str(tmp_path / "out.json")!r}), b"new")
"""
    done = subprocess.run([sys.executable, "-c", code], check=False)
    assert done.returncode == -signal.SIGTERM
    assert [(each.name, each.read_bytes()) for each in tmp_path.iterdir()] == [("out.json", b"new")]


@pytest.mark.parametrize("data", ["[" * 100_000, '{"a":' * 100_000, "9" * 5000, "{", ""])
def test_what_is_no_json(data: str) -> None:
    with pytest.raises(ValueError, match=r".+") as found:
        read_json(data)
    assert "set_int_max_str_digits" not in str(found.value)


def test_links_that_go_round_in_a_circle(tmp_path: Path) -> None:
    (tmp_path / "loop").symlink_to("loop")
    done = run_mixedmode("capf", "set", "SEP001122334401", "install", "--directory", tmp_path / "loop")
    assert (done.returncode, "error: " in done.stderr) == (2, True), done.stderr


def test_a_token_with_an_empty_password_is_not_half_made(tmp_path: Path) -> None:
    (tmp_path / "pin").write_text("\n")
    words = ("token", "init", "ADN0054f509", "--tokens", tmp_path / "tokens", "--pin-file", tmp_path / "pin")
    assert run_mixedmode(*words).returncode == 2
    (tmp_path / "pin").write_text("secret\n")
    assert run_mixedmode(*words).returncode == 0


@pytest.mark.parametrize("data", [b"\0" * 5000, b"name,model", b"[" * 9000, b'{"n":2,"time":"2026', b'{"n":1,"ev'])
def test_a_file_that_is_no_evidence_is_left_as_it_is(tmp_path: Path, data: bytes) -> None:
    path = tmp_path / "phones.csv"
    path.write_bytes(data)
    with pytest.raises(MixedModeError, match="no evidence"), evidence_file(path):
        pass
    assert path.read_bytes() == data


@pytest.mark.parametrize(
    "words", [("cdr", "--last", "x"), ("cdr", "--nothing"), ("rescue", "report"), ("ctl-client", "--port", "-1")]
)
def test_a_usage_error_is_a_document_too(words: tuple[str, ...]) -> None:
    done = run_mixedmode(*words, "--json")
    assert (done.returncode, json.loads(done.stdout)["error"]["code"]) == (2, "usage")


def test_what_can_be_guided_is_listed_as_json_for_a_live_cluster_too(tmp_path: Path) -> None:
    done = run_mixedmode("guide", "--list", "--json", "--cluster", tmp_path / "CLUSTER.toml")
    assert json.loads(done.stdout)["procedures"]


def test_host_keys_without_an_end(tmp_path: Path) -> None:
    known = tmp_path / "known_hosts"
    with known.open("wb") as file:
        file.truncate(1 << 40)
    (tmp_path / "password").write_text("secret\n")
    words = ("admin", "a@127.0.0.1:1", "show ctl", "--password-file", tmp_path / "password", "--known-hosts", known)
    done = run_mixedmode(*words)
    assert (done.returncode, "more than" in done.stderr) == (2, True), done.stderr


@pytest.mark.parametrize("columns", ["9" * 11, "9" * 5000, "0", "-1", "wide"])
def test_a_terminal_of_an_odd_width(columns: str) -> None:
    done = run_mixedmode("cdr", "--help", env={"COLUMNS": columns})
    assert (done.returncode, "--last" in done.stdout) == (0, True)
