"""What people see of a rehearsal: colour where somebody watches, the procedures in help, names at Tab."""

from __future__ import annotations

import io
import re
import sys
from pathlib import Path

import pytest

from mixedmode.faces.terminal.console import Colour, Painted, print_lines
from mixedmode.phone.mind.alarms import ListEvent
from mixedmode.phone.mind.models import MODELS as PHONE_MODELS
from mixedmode.phone.mind.models import get_model
from mixedmode.phone.mind.outcome import BootOutcome
from mixedmode.phone.mind.trust.decisions import ListKind
from mixedmode.phone.mind.trust.state import PhoneState
from mixedmode.procedures.catalogue import PROCEDURES
from mixedmode.procedures.checks import Finding
from mixedmode.rehearsal.evidence import asked_and_answered, last_caching, last_request
from mixedmode.rehearsal.lab.names import MODELS, TOKEN_NUMBERS
from mixedmode.rehearsal.report import Promise, Report, summary
from tests.support import run_mixedmode


class Terminal(io.StringIO):
    def isatty(self) -> bool:
        return True


def report() -> Report:
    def boot(name: str, model: str) -> BootOutcome:
        events = dict.fromkeys(ListKind, ListEvent.SAME)
        return BootOutcome(name, get_model(model), PhoneState(), events, None, (), {}, None, reachable=True)

    phones = [
        Promise(boot("SEP1", "7975"), "follows", held=True),
        Promise(boot("SEP2", "7940"), "is frozen", held=True, remedy="delete the CTL"),
        Promise(boot("SEP3", "8861"), "follows", held=False),
    ]
    checks = [Finding("all is well", held=False, detail="it is not")]
    return Report("regenerate-callmanager", phones=phones, checks=checks)


def printed(monkeypatch: pytest.MonkeyPatch, stream: io.StringIO) -> list[str]:
    monkeypatch.setattr(sys, "stdout", stream)
    print_lines(summary(report()))
    return stream.getvalue().splitlines()


def test_verdicts_and_lost_phones_have_a_colour_on_a_terminal(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("NO_COLOR", raising=False)
    monkeypatch.setenv("TERM", "xterm")
    lines = printed(monkeypatch, Terminal())
    colours = {line: found.group(1) for line in lines if (found := re.match(r"\x1b\[(\d+)m.*\x1b\[0m$", line))}
    told = {re.sub(r"\x1b\[\d+m", "", line).split()[0]: colour for line, colour in colours.items()}
    assert told == {
        "SEP1": Colour.GREEN, "SEP2": Colour.YELLOW, "SEP3": Colour.RED,
        "frozen,": Colour.YELLOW, "does": Colour.RED, "regenerate-callmanager:": Colour.RED,
    }  # fmt: skip


@pytest.mark.parametrize("why", ["no terminal", "NO_COLOR", "TERM"])
def test_else_there_is_none(monkeypatch: pytest.MonkeyPatch, why: str) -> None:
    monkeypatch.setenv("NO_COLOR", "1" if why == "NO_COLOR" else "")
    monkeypatch.setenv("TERM", "dumb" if why == "TERM" else "xterm")
    lines = printed(monkeypatch, io.StringIO() if why == "no terminal" else Terminal())
    assert not any("\x1b" in line for line in lines)
    assert any(line.startswith("regenerate-callmanager: NOT as promised") for line in lines)


def test_a_stranger_brings_no_colour_of_his_own(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("NO_COLOR", raising=False)
    monkeypatch.setattr(sys, "stdout", stream := Terminal())
    print_lines([Painted("\x1b[31mx", Colour.GREEN)])
    assert stream.getvalue() in ("\x1b[32m\\x1b[31mx\x1b[0m\n", "\\x1b[31mx\n")


def test_help_names_what_can_be_rehearsed() -> None:
    said = run_mixedmode("rehearse", "--help").stdout
    for name in (*PROCEDURES, "all", *MODELS, "SEP001122334401", *TOKEN_NUMBERS):
        assert name in said, name


def completed(line: str, *, folder: Path) -> list[str]:
    words = len(line.split(" ")) - 1
    env = {"_MIXEDMODE_COMPLETE": "complete_bash", "COMP_WORDS": line, "COMP_CWORD": str(words)}
    done = run_mixedmode(env={**env, "MIXEDMODE_TOKENS": str(folder / "tokens")})
    return done.stdout.split("\n")[:-1] if done.stdout.endswith("\n") else done.stdout.split("\n")


def test_the_shell_completes_procedures_models_devices_and_tokens(tmp_path: Path) -> None:
    lab = tmp_path / "lab"
    made = run_mixedmode("lab", "--directory", lab, "--nodes", "1", "--phones", "3", "--once")
    assert made.returncode == 0, made.stderr
    pin = tmp_path / "pin"
    pin.write_text("Cisco123\n")
    token = run_mixedmode("token", "init", TOKEN_NUMBERS[0], "--tokens", tmp_path / "tokens", "--pin-file", pin)
    assert token.returncode == 0, token.stderr
    assert completed("mixedmode rehearse ", folder=tmp_path) == [*PROCEDURES, "all"]
    numbers = {name for name in PHONE_MODELS if name.startswith("79") and " " not in name}
    assert set(completed("mixedmode phone --model 79", folder=tmp_path)) == numbers
    device = completed(f"mixedmode device change --directory {lab} SEP", folder=tmp_path)
    assert device == ["SEP001122334401", "SEP001122334402", "SEP001122334403"]
    assert completed("mixedmode token unlock ", folder=tmp_path) == [f"SAST-{TOKEN_NUMBERS[0]}"]


def test_logs_without_a_question_say_nothing() -> None:
    assert asked_and_answered(["1: NOT 10:00:00 TFTP: requesting CTLFile.tlv"]) == ([], [])
    assert last_request(["10:00 |   debug tvsHandleQueryCertReq"], "AB") == []
    assert last_caching([]) == []
