"""A watch in virtual time: what it says, whom it tells, what it remembers."""

from __future__ import annotations

import json
import re
import signal
import socket
import subprocess
import sys
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta
from itertools import islice
from pathlib import Path
from typing import Any

import pytest
from typer.testing import CliRunner

from mixedmode.app.commands.auditing.watch import address_of, seconds_of
from mixedmode.app.tree import tree_for
from mixedmode.audit.watching.state import MOST_WAITING, State
from mixedmode.audit.watching.watch import Watch
from mixedmode.errors import MalformedError, MixedModeError, RemoteError, UsageError
from mixedmode.live.observed import NotSeen, Observation
from mixedmode.live.wire.clock import Clock
from mixedmode.pki.certificates.profiles import Purpose
from tests.audit.live.world import NOW, PUB, SUB, World, with_file, with_phone
from tests.live.stub import Sent, serving


@dataclass
class Virtual:
    """Time that passes when somebody waits."""

    at: datetime = NOW
    slept: list[float] = field(default_factory=list)

    def now(self) -> datetime:
        return self.at

    def monotonic(self) -> float:
        return self.at.timestamp()

    def sleep(self, seconds: float) -> None:
        self.slept.append(seconds)
        self.at += timedelta(seconds=seconds)


@dataclass
class Ears:
    """A receiver that keeps what it is told, unless it is deaf."""

    name: str = "ears"
    heard: list[Mapping[str, Any]] = field(default_factory=list)
    deaf: bool = False

    def tell(self, message: Mapping[str, Any], clock: Clock) -> None:
        if self.deaf:
            raise RemoteError("nobody listens")
        self.heard.append(message)


@pytest.fixture(scope="module")
def healthy() -> Observation:
    return World().look()


@pytest.fixture(scope="module")
def broken(healthy: Observation) -> Observation:
    return with_file(healthy, SUB, "CTLFile.tlv", None)


@dataclass
class Story:
    """A watch over observations that are given one after another; an error is a look that fails."""

    path: Path
    ears: Ears = field(default_factory=Ears)
    clock: Virtual = field(default_factory=Virtual)
    lines: list[str] = field(default_factory=list)
    text: str = ""

    def run(self, *looks: Observation | MixedModeError, every: float = 900) -> list[list[str]]:
        """Return what each look had the watch say."""
        coming = iter(looks)
        said: list[list[str]] = []

        def look() -> Observation:
            found = next(coming)
            if isinstance(found, MixedModeError):
                raise found
            return found

        def export(text: str) -> None:
            self.text = text

        watch = Watch("c", look, self.path, [self.ears], self.lines.extend, export, self.clock)
        for _ in islice(watch.rounds(every), len(looks)):
            said.append(list(self.lines))
            self.lines.clear()
        return said


@pytest.fixture
def story(tmp_path: Path) -> Story:
    return Story(tmp_path / "state.json")


def test_it_speaks_only_when_something_changes(story: Story, healthy: Observation, broken: Observation) -> None:
    said = story.run(healthy, healthy, broken, broken, healthy, healthy)
    assert [bool(lines) for lines in said] == [False, False, True, False, True, False]
    assert [message["new"][0]["id"] for message in story.ears.heard if message["new"]] == [f"C5/{SUB}"]
    assert [message["gone"][0]["id"] for message in story.ears.heard if message["gone"]] == [f"C5/{SUB}"]
    assert "utils ctl update CTLFile" in story.ears.heard[0]["text"]
    assert story.clock.slept == [900.0] * 5


def test_the_first_look_tells_what_is_there(story: Story, broken: Observation) -> None:
    assert len(story.run(broken)[0]) > 1
    assert story.ears.heard[0]["subject"] == f"cluster: 1 new; worst: serious C5/{SUB}"
    assert not any(story.run(broken, broken))


def test_phones_are_counted_and_told_when_more_are_concerned(story: Story, healthy: Observation) -> None:
    one = with_phone(healthy, 70, itl="ab" * 20)
    two = with_phone(one, 71, itl="ab" * 20)
    said = story.run(one, two, one)
    assert [bool(lines) for lines in said] == [True, True, False]
    assert [len(message["changed"]) for message in story.ears.heard] == [0, 1]
    assert "[2 phones]" in story.ears.heard[1]["text"]
    assert "SEP" not in json.dumps(story.ears.heard)


def test_what_cannot_be_looked_at_stays_known(story: Story, broken: Observation) -> None:
    stopped = replace(broken.services[0], status="Stopped")
    found = replace(broken, services=(stopped, *broken.services[1:]))
    blind = replace(found, services=())
    said = story.run(found, blind, found, blind)
    assert [bool(lines) for lines in said] == [True, False, False, False]


def test_a_node_that_is_away_takes_its_findings_with_it_for_nobody(story: Story, broken: Observation) -> None:
    files = tuple(each for each in broken.files if each.node != SUB)
    away = replace(broken, files=files, not_seen=(NotSeen("CTLFile.tlv", SUB, "no answer"),))
    said = story.run(broken, away, away, broken, away)
    assert [bool(lines) for lines in said] == [True, False, False, False, False]
    assert story.run(with_file(broken, SUB, "CTLFile.tlv", World().ctl()))[0][1].startswith("gone: serious C5/")


def test_a_cluster_that_does_not_answer(story: Story, healthy: Observation) -> None:
    away = RemoteError("no node showed a list", why="no route")
    said = story.run(healthy, away, away, healthy, healthy)
    assert [bool(lines) for lines in said] == [False, True, False, True, False]
    assert [message["reach"] for message in story.ears.heard] == ["unreachable", "reachable"]
    assert "no route" in story.ears.heard[0]["text"]


def test_what_nobody_took_waits_and_comes_in_order(story: Story, healthy: Observation, broken: Observation) -> None:
    story.ears.deaf = True
    story.run(healthy, broken, healthy)
    assert 'mixedmode_watch_undelivered{cluster="c"} 2' in story.text
    story.ears.deaf = False
    story.run(healthy)
    assert [bool(message["new"]) for message in story.ears.heard] == [True, False]
    assert 'mixedmode_watch_undelivered{cluster="c"} 0' in story.text


def test_too_many_messages_do_not_fill_the_disk() -> None:
    state = State()
    for number in range(MOST_WAITING + 30):
        state.wait_for("x", {"number": number})
    queue = state.waiting["x"]
    assert len(queue) == MOST_WAITING
    assert queue[0]["number"] == 30
    assert sum(each.get("lost_before", 0) for each in queue) <= 30


def test_lists_of_old_are_remembered(story: Story, healthy: Observation) -> None:
    world = World()
    for node in (PUB, SUB):
        for purpose in (Purpose.TVS, Purpose.CALLMANAGER):
            world.renew(node, purpose, lists=True, store=True)
    world.renew(PUB, Purpose.ITLRECOVERY, lists=True, store=True)
    old = {phone.newest("itl") for phone in healthy.phones}
    renewed = world.look()
    behind = with_phone(renewed, 77, itl=str(min(filter(None, old))))
    story.run(healthy, behind)
    assert "C2/list" in {each["id"] for each in story.ears.heard[-1]["new"]}


def test_the_state_is_private_and_a_broken_one_is_not_written_over(story: Story, healthy: Observation) -> None:
    story.run(healthy)
    assert story.path.stat().st_mode & 0o077 == 0
    for text in ("{", "[]", '{"kind": "x"}', '{"kind": "mixedmode-watch-state", "document": 3}'):
        story.path.write_text(text)
        with pytest.raises(MixedModeError) as raised:
            story.run(healthy)
        assert isinstance(raised.value, MalformedError | UsageError)
        assert raised.value.where == str(story.path)
        assert story.path.read_text() == text


def test_metrics(story: Story, broken: Observation) -> None:
    story.run(broken)
    assert 'mixedmode_audit_up{cluster="c"} 1' in story.text
    assert 'mixedmode_audit_findings{cluster="c",severity="serious"} 1' in story.text
    assert f'mixedmode_audit_finding{{cluster="c",id="C5/{SUB}",rule="C5",severity="serious"}} 1' in story.text
    sample = re.compile(r'[a-z_]+\{([a-z_]+="([^"\\\n]|\\.)*",?)*\} -?[0-9.e+]+')
    assert all(line.startswith("# ") or sample.fullmatch(line) for line in story.text.splitlines())
    story.run(RemoteError("gone"))
    assert 'mixedmode_audit_up{cluster="c"} 0' in story.text


def test_words() -> None:
    assert [seconds_of(text) for text in ("30s", "15m", "2h", "1d", "90")] == [30, 900, 7200, 86400, 90]
    for text in ("", "1s", "m", "-5m", "9999999d", "1.5h", "\u0665\u0665m"):
        with pytest.raises(UsageError):
            seconds_of(text)
    assert [address_of(text) for text in (":9", "[::1]:9", "0.0.0.0:0")] == [
        ("127.0.0.1", 9), ("::1", 9), ("0.0.0.0", 0),
    ]  # fmt: skip
    for text in ("", "9", "a:b", "a:70000"):
        with pytest.raises(UsageError):
            address_of(text)


def cluster_file(folder: Path, address: str, port: int) -> Path:
    path = folder / "cluster.toml"
    path.write_text(f'[[node]]\nname = "pub"\naddress = "{address}"\nports = {{ http = {port}, tftp = 9, web = 9 }}\n')
    return path


def test_once(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("mixedmode.live.looking.BETWEEN", 0.0)
    files = {"/ITLFile.tlv": World().itl(PUB)[:-3]}
    metrics = tmp_path / "m.prom"

    def answer(sent: Sent) -> tuple[int, Mapping[str, str], bytes]:
        return (200, {}, files[sent.target]) if sent.target in files else (404, {}, b"")

    with serving(answer) as stub:
        words = ["watch", "--cluster", str(cluster_file(tmp_path, "127.0.0.1", stub.port)), "--once"]
        run: Callable[..., Any] = lambda *more: CliRunner().invoke(tree_for(words), [*words, *more])  # noqa: E731
        first = run("--metrics", str(metrics), "--fail-on", "critical")
        assert first.exit_code == 1
        assert "new: critical L1/ITL/pub" in first.stdout
        again = run()
        assert (again.exit_code, again.stdout) == (0, "")
    assert 'id="L1/ITL/pub"' in metrics.read_text()
    assert (tmp_path / "mixedmode-watch.json").exists()
    monkeypatch.setattr("mixedmode.live.sources.files.read_tftp", deaf)
    gone = run()
    assert isinstance(gone.exception, RemoteError)
    assert "cannot be looked at" in gone.stdout


def deaf(*_: object) -> bytes:
    raise RemoteError("no answer", code="timeout")


def test_an_interrupt_ends_it_at_once(tmp_path: Path) -> None:
    with socket.create_server(("127.0.0.1", 0)) as silent:  # takes connections and says nothing
        path = cluster_file(tmp_path, "127.0.0.1", silent.getsockname()[1])
        words = [sys.executable, "-c", "from mixedmode.app.main import main; main()", "watch", "--cluster", str(path)]
        process = subprocess.Popen(words, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)
        assert process.stderr is not None
        assert "watching pub" in process.stderr.readline()
        held = silent.accept()
        assert held
        process.send_signal(signal.SIGINT)
        _, said = process.communicate(timeout=110)
        assert process.returncode in {-signal.SIGINT, 130}
        assert "Traceback" not in said
