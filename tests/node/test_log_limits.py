"""A service that is made to complain does not fill the log."""

from __future__ import annotations

import io
import json
import logging
import sys
from collections.abc import Iterator

import pytest
import structlog

from mixedmode.node.host.log_limits import LogLimits, Share
from mixedmode.node.host.logs import set_up_logs, set_up_plain_logs


class Clock:
    seconds = 0.0

    def __call__(self) -> float:
        return self.seconds


def record(text: object, name: str = "service", *values: object) -> logging.LogRecord:
    return logging.LogRecord(name, logging.WARNING, "file", 1, text, values, None)


def test_one_kind_has_its_share_and_says_what_was_left_out() -> None:
    clock = Clock()
    limits = LogLimits(Share(5, 6), Share(100, 60), clock)
    passed = [limits.filter(record("%s broke the protocol", "service", number)) for number in range(50)]
    assert passed == [True] * 5 + [False] * 45
    assert limits.filter(record("another matter"))
    clock.seconds = 10
    later = record("%s broke the protocol", "service", 51)
    assert limits.filter(later)
    assert later.__dict__["left_out"] == 45
    assert not limits.filter(record("%s broke the protocol", "service", 52))


def test_a_text_that_is_never_the_same_is_bounded_by_its_logger() -> None:
    limits = LogLimits(Share(5, 6), Share(100, 60), Clock())
    passed = sum(limits.filter(record(f"from 192.0.2.{number}")) for number in range(5000))
    assert passed <= 105
    assert len(limits._buckets) <= 1000
    assert limits.filter(record("fine", "other"))


def test_a_labs_warnings_are_plain_printable_and_bounded(monkeypatch: pytest.MonkeyPatch) -> None:
    shown = io.StringIO()
    monkeypatch.setattr(sys, "stderr", shown)
    root = logging.getLogger()
    monkeypatch.setattr(root, "handlers", root.handlers[:])
    set_up_plain_logs()
    for number in range(500):
        logging.getLogger("uvicorn.error").warning("Invalid request\n\x1b[2J%s", number)
    try:
        int("odd")
    except ValueError:
        logging.getLogger("service").exception("it failed")
    lines = shown.getvalue().splitlines()
    assert lines[0] == r"Invalid request\n\x1b[2J0"
    assert len([line for line in lines if line.startswith("Invalid")]) <= 60
    assert lines[-1].startswith("  ValueError: invalid literal")


@pytest.fixture
def log(monkeypatch: pytest.MonkeyPatch) -> Iterator[io.StringIO]:
    shown = io.StringIO()
    monkeypatch.setattr(sys, "stderr", shown)
    root = logging.getLogger()
    before = root.handlers[:], root.level
    set_up_logs(level="info", as_json=True)
    yield shown
    root.handlers[:], root.level = before
    structlog.reset_defaults()


def test_the_node_s_log_is_bounded(log: io.StringIO) -> None:
    plain, structured = (
        logging.getLogger("mixedmode.services.capf.service"),
        structlog.get_logger("mixedmode.node.test"),
    )
    for number in range(300):
        plain.warning("CAPF of %s from %s failed", f"SEP{number:012X}", "192.0.2.1")
        structured.warning("unit", unit="tftp", problem=str(number))
    lines = [json.loads(line) for line in log.getvalue().splitlines()]
    assert sum("CAPF of" in line["event"] for line in lines) == 50
    assert sum(line["event"] == "unit" for line in lines) == 50
