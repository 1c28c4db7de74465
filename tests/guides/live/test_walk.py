"""Guided runs on a cluster from outside, over its SSH: from start to end, cut off at each step, and what may fail."""

from __future__ import annotations

import asyncio
import json
import re
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from mixedmode.cluster.operations.ctl import SetMixedMode, SetNonSecureMode
from mixedmode.cluster.operations.files import DeleteFile
from mixedmode.control.door import Control
from mixedmode.errors import CheckFailedError, MixedModeError, RemoteError, UsageError
from mixedmode.faces.shell.talk import ScriptedIO
from mixedmode.guides.live.kept import RunFile
from mixedmode.guides.live.seeing.looking import Looker
from mixedmode.guides.live.sessions import Sessions
from mixedmode.guides.live.transcript import Transcript
from mixedmode.guides.live.walk import LiveWalk
from mixedmode.guides.observer import published
from mixedmode.live.shell.login import SshAccount
from mixedmode.live.shell.prompt import ConnectionLostError, Patience
from mixedmode.phone.mind.trust.decisions import ListKind
from mixedmode.procedures.facts import Token
from mixedmode.procedures.guided.run import RunState, StepState
from mixedmode.procedures.reading import MODE_QUERY
from mixedmode.procedures.steps import CtlClient, ImportToken, Prompt, ResetPhones, RestartServices
from mixedmode.trustlist.kinds import CTL_FILE
from mixedmode.trustlist.listing import render_listing
from tests.guides.live.conftest import LabFromOutside, _now
from tests.live.shell.stub_admin import Ask, HangUp, Part, Script, stub
from tests.support import run_mixedmode

Answer = str | Callable[[], str]


class KilledError(BaseException):
    """The process is gone."""


class Cut(Sessions):
    """Prompts that are cut off at the first command that is typed."""

    when = "before"

    async def run(self, node: str, line: str, *arguments: Any, **more: Any) -> Any:
        if self.when == "before":
            more["typing"]()
            raise ConnectionLostError(f"the connection was lost while {line!r} ran", where=node, next_step="go on")
        await super().run(node, line, *arguments, **more)
        raise KilledError


class CutAfter(Cut):
    when = "after"


class OnlyPublisher(Sessions):
    """Prompts of a cluster whose subscriber does not answer."""

    async def _shell(self, node: str) -> Any:
        if node.endswith("sub1"):
            raise RemoteError("the node's SSH does not answer", where=node)
        return await super()._shell(node)


def in_mixed_mode(outside: LabFromOutside) -> None:
    """Have the cluster in mixed mode, phones in step, and no run."""
    lab = outside.lab
    if lab.cluster.mode.value == 0:
        Control(lab.cluster).run(lab.principal, SetMixedMode())
        outside.wait(_restart(outside))
    as_new(outside)


def without_a_ctl(outside: LabFromOutside) -> None:
    """Have the cluster in non-secure mode, without a CTL file, and no run."""
    lab, cluster = outside.lab, outside.lab.cluster
    if cluster.mode.value == 1:
        Control(cluster).run(lab.principal, SetNonSecureMode())
    for node in cluster.nodes():
        if cluster.show_ctl(node.name).data is not None:
            Control(cluster).run(lab.principal, DeleteFile(node.name, CTL_FILE))
    outside.wait(_restart(outside))
    as_new(outside)


def as_new(outside: LabFromOutside) -> None:
    """Have phones take what is served as their first lists, and no run."""
    for name in outside.lab.phones.names:
        for kind in ListKind:
            outside._phone(name).erase(kind)
    outside.restart_phones()
    outside.file.unlink(missing_ok=True)


async def _restart(outside: LabFromOutside) -> None:
    from mixedmode.cluster.model.topology import Service

    lab = outside.lab
    for node in lab.cluster.nodes():
        for service in (Service.TFTP, Service.CALLMANAGER):
            async for _ in lab.control.restart(node.name, service, lab.principal):
                pass


def phones_restarted(outside: LabFromOutside) -> Callable[[], str]:
    def do() -> str:
        outside.restart_phones()
        outside.collect()
        return "h"

    return do


def client_run(outside: LabFromOutside, act: CtlClient) -> Callable[[], str]:
    def do() -> str:
        said = outside.wait(outside.hands.run(act))
        if act.finish:
            assert [line.split()[-1] for line in said if line.strip().startswith("cucm-")] == ["Good", "Good"], said
        return "h"

    return do


def token_file(outside: LabFromOutside, token: Token) -> str:
    path = outside.folder / f"{token.name}.pem"
    path.write_text("\n".join(outside.hands.pem(token)) + "\n")
    return str(path)


def played(outside: LabFromOutside, name: str, at: int) -> list[Answer]:
    """Return what a person answers at a step."""
    step = outside.book(name).steps[at]
    match step.act:
        case Prompt() | RestartServices():
            return ["y"]
        case ImportToken():
            return ["y", token_file(outside, step.act.token)]
        case ResetPhones():
            return [phones_restarted(outside), "", "c"]
        case CtlClient():
            return [client_run(outside, step.act)]
    return ["h"]


def cut_off_at_each_step(outside: LabFromOutside, name: str, begin: str = "y") -> str:
    """Go through a procedure: each question by another visit, and each command that changes something cut off twice."""
    outside.collect()
    said: list[str] = []
    ended, text = outside.walk(name, [begin], inventory=True)
    assert ended is None
    said.append(text)
    for at, step in enumerate(outside.book(name).steps):
        assert outside.kept().run.current == at
        answers = played(outside, name, at)
        if isinstance(step.act, Prompt | ImportToken) and not getattr(step.act, "reads", False):
            said += cut_twice(outside, name, at, answers)
        else:
            ended, text = outside.walk(name, answers, inventory=True, who=f"person {at}")
            said.append(text)
        record = outside.kept().run.steps[at]
        assert record.state is StepState.DONE, (
            f"{[str(each) for each in record.findings if each.held is False]}\n{said[-1]}"
        )
    assert outside.kept().run.state is RunState.ENDED
    return "\n".join(said)


def cut_twice(outside: LabFromOutside, name: str, at: int, answers: list[Answer]) -> list[str]:
    ended, first = outside.walk(name, answers, sessions=outside.sessions(Cut), inventory=True)
    assert ended is None
    assert outside.kept().typed, "it may have gone out"
    assert "was typed, and its end was not seen" in first
    assert "Its effect is not there" in first
    with pytest.raises(KilledError):
        outside.walk(name, ["", "t"], sessions=outside.sessions(CutAfter), inventory=True)
    assert outside.kept().run.steps[at].state is StepState.DOING
    ended, last = outside.walk(name, [], inventory=True)
    assert "Its effect is there: it was done." in last
    return [first, last]


def test_non_secure_to_mixed_from_start_to_end(outside: LabFromOutside) -> None:
    without_a_ctl(outside)
    outside.collect()
    ended, text = outside.walk(
        "non-secure-to-mixed",
        ["y", "y", "y", "y", "y", "h", "y", phones_restarted(outside), "", "y"],
        inventory=True,
    )
    assert ended, text
    assert "Forecast: follows 3" in text
    assert "serves the publisher's CTL file: NO" in text, "services were not restarted by hand"
    assert "3 of 3 phones hold the published CTL file" in text
    assert outside.lab.cluster.mode.value == 1
    log = outside.log.read_text()
    assert outside.log.stat().st_mode & 0o777 == 0o600
    assert outside.file.stat().st_mode & 0o777 == 0o600
    assert re.search(
        r"^\d{4}-\d\d-\d\dT[\d:]{8}Z \[cucm-1051-a-pub\] admin:utils ctl set-cluster mixed-mode$", log, re.MULTILINE
    )
    password = outside.lab.password_file.read_text().strip()
    assert password not in log + outside.file.read_text() + text


def test_regenerate_callmanager_cut_off_at_each_step(outside: LabFromOutside) -> None:
    in_mixed_mode(outside)
    said = cut_off_at_each_step(outside, "regenerate-callmanager", "LOCKOUT")
    assert "the publisher has another CallManager certificate: yes" in said
    assert "the CTL file is signed with the new certificate: yes" in said
    assert "cucm-1051-a-sub1 serves the publisher's CTL file" in said
    assert "2 of 3" in said
    assert re.search(r"behind: SEP\w+ \(7940\), holds CTL .*; delete the CTL on the phone by hand", said)


def test_tokenless_to_etokens_and_back_cut_off_at_each_step(outside: LabFromOutside) -> None:
    in_mixed_mode(outside)
    legacy = next(name for name in outside.lab.phones.names if outside._phone(name).model.name == "7940")
    outside._phone(legacy).erase(ListKind.CTL)
    outside.restart_phones()
    said = cut_off_at_each_step(outside, "tokenless-to-etokens", "LOCKOUT")
    assert "the certificate of the first eToken is in Phone-SAST-trust: yes" in said
    assert re.search(r"the CTL file is signed by SAST-\w+: yes", said)
    assert "the publisher has a CTL file of the CTL Client: yes" in said
    outside.file.unlink()
    outside._phone(legacy).erase(ListKind.CTL)
    outside.restart_phones()
    said = cut_off_at_each_step(outside, "etokens-to-tokenless", "LOCKOUT")
    assert "the certificates of the eTokens are removed from the CTL file: yes" in said


def other_ports(outside: LabFromOutside, **ports: int) -> Any:
    """Return the cluster with other ports of its subscriber: nothing listens there."""
    cluster = outside.cluster
    publisher, other = cluster.nodes
    return replace(cluster, nodes=(publisher, replace(other, ports={**other.ports, **ports})))


def test_a_node_that_is_down_keeps_a_run_from_beginning_and_a_command_from_being_typed(outside: LabFromOutside) -> None:
    in_mixed_mode(outside)
    down = other_ports(outside, http=1, tftp=1)
    with pytest.raises(CheckFailedError, match="cucm-1051-a-sub1") as refused:
        outside.walk("mixed-to-non-secure", ["y"], cluster=down)
    assert "Cisco Tftp[STARTED]" in str(refused.value.why)
    with pytest.raises(CheckFailedError, match="not so: cucm-1051-a-sub1 answers"):
        outside.walk("mixed-to-non-secure", ["y"], cluster=down, sessions=outside.sessions(OnlyPublisher))
    assert not outside.file.exists()
    assert outside.walk("mixed-to-non-secure", ["y"])[0] is None
    md5 = outside.lab.cluster.show_ctl(outside.publisher).data
    _, text = outside.walk("mixed-to-non-secure", ["y"], cluster=down)
    assert "Not typed: a node would be left behind." in text
    assert outside.lab.cluster.show_ctl(outside.publisher).data == md5
    assert outside.kept().run.current == 0
    outside.file.unlink()


def test_a_wrong_password_is_tried_once_and_types_nothing(outside: LabFromOutside) -> None:
    in_mixed_mode(outside)
    with pytest.raises(UsageError, match="the login was refused") as refused:
        outside.walk("mixed-to-non-secure", ["y"], sessions=outside.sessions(password="not this"))
    assert "not this" not in refused.value.diagnostics() + outside.log.read_text()
    assert not outside.file.exists()


def test_leaving_and_leaving_out_and_runs_of_others(outside: LabFromOutside) -> None:
    in_mixed_mode(outside)
    assert outside.walk("mixed-to-non-secure", ["n"])[0] is False
    assert outside.kept().run.state is RunState.DROPPED
    ended, text = outside.walk("mixed-to-non-secure", ["y", "what?", "s", "q"])
    assert (ended, "Answer with one of the letters." in text) == (False, True)
    assert len(list(outside.folder.glob("cluster.guide-*.json"))) >= 1, "the one that was dropped is put aside"
    assert outside.kept().run.steps[0].state is StepState.LEFT_OUT
    outside.file.write_text(outside.file.read_text().replace("cucm-1051-a-pub", "another-pub"))
    with pytest.raises(UsageError, match="about the publisher another-pub"):
        outside.walk("mixed-to-non-secure", [])
    outside.file.write_text("{}")
    with pytest.raises(MixedModeError, match="cannot be read"):
        outside.walk("mixed-to-non-secure", [])
    outside.file.unlink()


def test_the_command_dry_and_begun_and_asked_and_stopped(outside: LabFromOutside) -> None:
    in_mixed_mode(outside)
    place = ["--cluster", str(outside.lab.directory / "cluster.toml"), "--state", str(outside.file)]
    words = ["guide", "regenerate-callmanager", *place]
    outside.collect()
    dry = run_mixedmode(*words, "--dry-run", "--inventory", str(outside.inventory))
    assert dry.returncode == 0, dry.stderr
    assert "typed at cucm-1051-a-pub, after a yes: set cert regen CallManager" in dry.stdout
    assert "Forecast: follows-by-tvs 2, locked-out 1" in dry.stdout or "frozen 1" in dry.stdout
    assert not outside.file.exists()
    begun = run_mixedmode(*words, stdin=b"y\n")
    assert begun.returncode == 1
    assert "the input ended before the run did: it stays as it is" in begun.stderr
    shown = run_mixedmode("guide", *place, "--status", "--json")
    assert json.loads(shown.stdout)["current"] == 1
    other = run_mixedmode("guide", "mixed-to-non-secure", *place, stdin=b"y\n")
    assert (other.returncode, "the run of regenerate-callmanager is open" in other.stderr) == (1, True)
    # A step that a process had begun which has ended keeps nobody from stopping.
    outside.book("regenerate-callmanager").start(0)
    assert run_mixedmode("guide", *place, "--stop").returncode == 0
    left = json.loads(run_mixedmode("guide", *place, "--status", "--json").stdout)
    assert "its end was not seen, and the run was stopped" in json.dumps(left)
    assert run_mixedmode(*words, "--run", "1").returncode == 2
    outside.file.unlink()


def test_an_odd_prompt_and_a_prompt_that_never_comes_stop_a_run_until_somebody_has_looked(
    outside: LabFromOutside, tmp_path: Path
) -> None:
    """The publisher's prompt is a script's here; everything else is the lab's."""
    in_mixed_mode(outside)
    ctl = published(outside.lab.cluster)
    assert ctl is not None
    listing = "".join(f"{line}\r\n" for line in render_listing(ctl, ctl.verify(), "Fri Mar 06 19:45:13 CET 2015"))
    mode = "paramname           paramvalue\r\n=================== ==========\r\nClusterSecurityMode 1\r\n"
    certificate = outside.lab.cluster.own_certificate(outside.publisher, "CallManager")
    common: Script = {
        "show ctl": (listing,),
        "show version active": ("Active Master Version: 10.5.1.10000-7\r\n",),
        MODE_QUERY: (mode,),
        "show cert own CallManager/CallManager.pem": (f"  Serial Number: {certificate.serial.hex().upper()}\r\n",),
    }
    line = "utils ctl set-cluster non-secure-mode"

    async def play(part: Part) -> tuple[list[str], list[str]]:
        async with stub(tmp_path, {**common, line: (part,)}) as node:
            account = node.account()

            def login(name: str) -> SshAccount:
                return account if name == outside.publisher else outside.account(name)

            quick = Patience(settle=0.03, quiet=0.2, login=60.0)
            prompts = Sessions(login, Transcript(None, _now), quick)
            io = ScriptedIO(["y", "y", "q"])
            looker = Looker(outside.cluster, prompts, _now)
            await LiveWalk(io, outside.book("mixed-to-non-secure"), looker, prompts).run()
            await prompts.close()
            return io.lines, node.typed

    for part, wrong in (
        (Ask("Format every disk (yes/no)? "), "the node asks something that is not known here: nothing was typed"),
        (HangUp, f"the connection was lost while '{line}' ran"),
    ):
        outside.file.unlink(missing_ok=True)
        lines, typed = asyncio.run(play(part))
        said = "\n".join(lines)
        assert wrong in said
        assert "Its effect is not there; the node may still be at it." in said
        assert typed.count(line) == 1
        assert "yes" not in typed
        assert outside.kept().run.steps[0].state is StepState.DOING
    outside.file.unlink()


def test_a_step_that_one_command_takes_back_is_taken_back(outside: LabFromOutside) -> None:
    in_mixed_mode(outside)
    name = "tokenless-to-etokens"
    assert outside.walk(name, ["y", "y"])[0] is None
    assert outside.lab.cluster.show_ctl(outside.publisher).data is None
    _, text = outside.walk(name, ["b", "n", "b", "y"])
    assert "Type utils ctl update CTLFile at cucm-1051-a-pub? (y/n): y" in text
    assert outside.lab.cluster.show_ctl(outside.publisher).data is not None
    assert outside.kept().run.current == 0
    outside.file.unlink()


def test_only_one_process_goes_on_with_a_run_and_anybody_looks(outside: LabFromOutside) -> None:
    in_mixed_mode(outside)
    outside.walk("mixed-to-non-secure", ["y"])
    place = ["guide", "--cluster", str(outside.lab.directory / "cluster.toml"), "--state", str(outside.file)]
    with RunFile(outside.file).held():
        refused = run_mixedmode(*place, "--stop")
        assert (refused.returncode, "another process goes on" in refused.stderr) == (1, True)
        assert "of 5 steps are over" in run_mixedmode(*place, "--status").stdout
    outside.file.unlink()


def test_mixed_to_non_secure_from_start_to_end(outside: LabFromOutside) -> None:
    in_mixed_mode(outside)
    outside.collect()
    answers: list[Answer] = ["y", "y", "y", "y", phones_restarted(outside), "", "y"]
    ended, text = outside.walk("mixed-to-non-secure", answers, inventory=True)
    assert ended, text
    assert "the cluster is in non-secure mode: yes" in text
    assert "the CTL names no call manager's certificate: yes" in text
    assert outside.lab.cluster.mode.value == 0
    outside.file.unlink()
