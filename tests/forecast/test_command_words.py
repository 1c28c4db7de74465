"""``mixedmode forecast`` and words, plans and places that cannot be meant so: exit code 2, and nothing is written."""

from __future__ import annotations

import os
import shutil
from pathlib import Path

import pytest

from mixedmode.app.commands.forecasting.asked import Asked, check_outputs
from mixedmode.app.commands.forecasting.change import Changes
from mixedmode.app.commands.forecasting.evaluating import evaluate, no_operation
from mixedmode.app.commands.forecasting.phones_out import written
from mixedmode.errors import MixedModeError, UsageError
from tests.docs.pages import ROOT
from tests.support import run_mixedmode

EXAMPLE = ROOT / "docs" / "examples" / "forecast"
CTL = "publish/CTLFile.tlv"
WORDS = ("--inventory", "inventory.csv", "--lists", "lists", "--publish", CTL)


@pytest.fixture
def site(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """The example in a folder of its own."""
    folder = tmp_path / "site"
    shutil.copytree(EXAMPLE, folder)
    monkeypatch.chdir(folder)
    return folder


@pytest.mark.parametrize(
    ("table", "what"),
    [
        ("operation = 0", "operation: 0 is no text"),
        ("operation = false", "operation: False is no text"),
        ("operation = ['set cert regen']", "is no text"),
        ("operation = ' '", "operation: it names none"),
        ("reset = 2020-01-01", "reset: .* is neither true nor false"),
        ("reset = []", "is neither true nor false"),
        ("reset = 0.0", "is neither true nor false"),
        ("reset = 2", "is neither true nor false"),
        ("publish = ''", "publish: '' names no list"),
        ("publish = [' , ']", "names no list"),
        ("signed_by = 3", "signed_by: 3 is no text"),
        ("signed_by = 'a.pem'\npublish = ''", "names no list"),
        ("signed_by = ''", "no certificate is named"),
        ("upload = 'CallManager-trust'", "no certificate is named"),
        ("off = '1_0%'", "names no phones"),
        ("off = '\u0663%'", "names no phones"),
        (f"off = {'9' * 5000}", "this is no TOML"),
    ],
)
def test_a_plan_with_a_value_that_cannot_be_meant(tmp_path: Path, table: str, what: str) -> None:
    path = tmp_path / "plan.toml"
    path.write_text(f"[[step]]\n{table}\n")
    with pytest.raises(MixedModeError, match=what) as error:
        Changes(no_operation).from_file(path)
    assert error.value.exit_code == 2
    assert str(path) in str(error.value)


def test_a_plan_signs_nothing_that_it_does_not_publish(site: Path) -> None:
    (site / "plan.toml").write_text(f"[[step]]\nsigned_by = '{next((site / 'tvs').glob('*.pem'))}'\n")
    with pytest.raises(UsageError, match="the step publishes no list"):
        Changes(no_operation).from_file(site / "plan.toml")


@pytest.mark.parametrize(
    ("text", "what"),
    [
        ("", "it says nothing"),
        (" ; ", "it says nothing"),
        ("tvs:up;tvs:up", "tvs is there twice"),
        ("PUBLISH:x", "'PUBLISH:x' says nothing that is known"),
        ("publish:", "'' names no list"),
        ("operation:", "it names none"),
    ],
)
def test_a_step_that_says_nothing(text: str, what: str) -> None:
    with pytest.raises(UsageError, match=what):
        Changes(no_operation).from_options([("step", text)])


def test_standard_input_is_read_once() -> None:
    for step in (("publish", "-"), ("step", "publish:-")):
        with pytest.raises(UsageError, match="standard input is the inventory: it is read once"):
            evaluate(Asked("-", (step,)), Path())


def test_nothing_that_is_read_is_written_over(site: Path) -> None:
    os.link(site / "inventory.csv", site / "hard.csv")
    (site / "soft.csv").symlink_to("inventory.csv")
    (site / "plan.toml").write_text("[[step]]\n")
    list_ = next((site / "lists").iterdir())
    steps = (("publish", f"{CTL},publish/ITLFile.tlv"), ("step", "off:3%; publish: publish/CTLFile.tlv"))
    asked = Asked("inventory.csv", steps, plan="plan.toml", lists=("lists",))
    before = {each: each.read_bytes() for each in site.rglob("*") if each.is_file()}
    for name in ("inventory.csv", "./inventory.csv", "hard.csv", "soft.csv", "plan.toml", CTL, "publish/ITLFile.tlv"):
        for option in ("--phones-out", "--html", "--save"):
            with pytest.raises(UsageError, match=f"{option} would write over"):
                check_outputs(asked, {option: Path(name)})
    with pytest.raises(UsageError, match="--save would write over what --lists reads"):
        check_outputs(asked, {"--save": list_})
    with pytest.raises(UsageError, match="--html and --save are one file"):
        check_outputs(asked, {"--html": Path("new"), "--save": site / "new", "--phones-out": None})
    with pytest.raises(UsageError, match="--phones-out: - is no file"):
        check_outputs(asked, {"--phones-out": Path("-")})
    (site / "lists" / "old.html").write_text("of a run before")
    check_outputs(asked, {"--html": Path("lists/old.html"), "--phones-out": Path("lists")})
    check_outputs(asked, {"--html": Path("/dev/null"), "--save": Path("/dev/null"), "--phones-out": Path("lists/new")})
    done = run_mixedmode("forecast", *WORDS, "--phones-out", "soft.csv")
    assert (done.returncode, done.stdout) == (2, "")
    assert {each: each.read_bytes() for each in before} == before


def test_a_pipe_is_written_to_and_not_replaced(tmp_path: Path) -> None:
    pipe = tmp_path / "pipe.csv"
    os.mkfifo(pipe)
    reader = os.open(pipe, os.O_RDONLY | os.O_NONBLOCK)
    try:
        with written(pipe) as rows:
            assert rows is not None
        assert pipe.is_fifo()
    finally:
        os.close(reader)
    assert list(tmp_path.iterdir()) == [pipe]


@pytest.mark.parametrize("name", ["folder", "no/such/folder.csv", f"{'a' * 300}.csv"])
def test_where_nothing_can_be_written_the_error_names_the_place_that_was_given(tmp_path: Path, name: str) -> None:
    (tmp_path / "folder").mkdir()
    with pytest.raises(OSError) as error, written(tmp_path / name):  # noqa: PT011 - which one differs
        pass
    assert error.value.filename == str(tmp_path / name)
    assert [each.name for each in tmp_path.iterdir()] == ["folder"]


def test_who_is_off_and_not_there_is_named(site: Path) -> None:
    done = run_mixedmode("forecast", *WORDS, "--off", "SEP00112233B000,SEPFFFFFFFFFFFF,30")
    assert done.returncode in {0, 1}
    assert "off, and no phone of the inventory: 30, SEPFFFFFFFFFFFF" in done.stderr


def test_a_kept_forecast_is_asked_alone(site: Path) -> None:
    done = run_mixedmode("forecast", "--check", "kept.json", "--html", "report.html")
    assert done.returncode == 2
    assert "leave --html out" in done.stderr
