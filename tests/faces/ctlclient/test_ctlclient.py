"""The CTL Client's wizard before a provider that only listens: what it asks, what it says, and that it can be left."""

from __future__ import annotations

import asyncio
import os
import pty
import shutil
import sys
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path

import pytest

from mixedmode.cluster.engine.principal import Principal
from mixedmode.cluster.facade import Cluster
from mixedmode.cluster.model.topology import ClusterSpec, NodeSpec
from mixedmode.cluster.model.versions import Version
from mixedmode.cluster.operations.ctl import SetMixedMode
from mixedmode.cluster.operations.files import DeleteFile
from mixedmode.control.ctl_description import describe
from mixedmode.errors import MixedModeError, UsageError
from mixedmode.faces.ctlclient.draft import MISSING_CTL, Draft
from mixedmode.faces.ctlclient.wizard import ANOTHER, CancelledError, Token, Wizard
from mixedmode.faces.shell.talk import InputEndedError, ScriptedIO
from mixedmode.faces.terminal.terminal_io import TerminalIO
from mixedmode.pki.tokens.token_errors import TokenAbsentError, TokenLockedError
from mixedmode.pki.tokens.token_files import FileToken, make_file_token
from mixedmode.protocols.ctlprovider import Action, Description, Installed, Progress
from mixedmode.trustlist import TrustList
from tests.faces.sshlab import Screen

PASSWORD = "Cisco123"


@dataclass
class Listening:
    """A provider that keeps what it is given."""

    description: Description
    given: list[bytes] = field(default_factory=list)

    async def describe(self) -> Description:
        return self.description

    async def install(
        self,
        ctl: bytes,
        action: Action,
        *,
        phones_cleared: bool = False,
        told: Callable[[Progress], None] = lambda _progress: None,
    ) -> Installed:
        self.given.append(ctl)
        return Installed(tuple(Progress(node.name, True) for node in self.description.nodes))


@pytest.fixture(scope="module")
def cluster(tmp_path_factory: pytest.TempPathFactory) -> Cluster:
    nodes = (NodeSpec("pub", "127.0.0.1"), NodeSpec("sub", "127.0.0.2"))
    spec = ClusterSpec(version=Version.parse("10.5.1.10000-7"), nodes=nodes)
    return Cluster.create(tmp_path_factory.mktemp("cluster"), spec)


@pytest.fixture
def tokens(tmp_path: Path) -> list[FileToken]:
    return [make_file_token(tmp_path, number, now=datetime.now(UTC)) for number in ("ADN0054f509", "ADN008580ef")]


def play(provider: Listening, inserted: Sequence[Token], *answers: str) -> ScriptedIO:
    io = ScriptedIO(answers)

    async def reader() -> Sequence[Token]:
        return list(inserted)

    asyncio.run(Wizard(io, provider, reader).run())
    return io


CREATE = ("1", "", "add", "add tokens", "", "add", "finish")


def test_two_tokens_sign_a_new_list(cluster: Cluster, tokens: list[FileToken]) -> None:
    provider = Listening(describe(cluster))
    io = play(provider, tokens, *CREATE, PASSWORD, "")
    signed = TrustList.parse(provider.given[0])
    assert signed.verify()
    assert signed.header.signer_name is not None
    assert "SAST-ADN008580ef" in signed.header.signer_name
    assert [line.split()[-1] for line in io.lines if line.startswith(("  pub ", "  sub "))] == ["Good", "Good"]
    assert PASSWORD not in "\n".join(io.lines)
    assert io.unused == []


def test_one_token_is_not_enough(cluster: Cluster, tokens: list[FileToken]) -> None:
    provider = Listening(describe(cluster))
    with pytest.raises(CancelledError, match="nothing was changed"):
        play(provider, tokens[:1], "1", "", "add", "finish", "cancel")
    assert provider.given == []


@pytest.mark.parametrize("leave", [["c"], ["1", "c"], ["1", "", "c"], ["1", "", "add", "c"], [*CREATE, ""]])
def test_every_step_can_be_left(cluster: Cluster, tokens: list[FileToken], leave: list[str]) -> None:
    provider = Listening(describe(cluster))
    with pytest.raises(CancelledError):
        play(provider, tokens, *leave)
    assert provider.given == []


def test_wrong_passwords_are_told_and_the_token_locks(cluster: Cluster, tokens: list[FileToken]) -> None:
    provider = Listening(describe(cluster))
    io = play(provider, tokens, *CREATE, "wrong", PASSWORD, "")
    assert "the password of the Security Token is wrong" in io.lines
    assert len(provider.given) == 1
    with pytest.raises(TokenLockedError, match="locked for good"):
        play(provider, tokens, *CREATE, *["wrong"] * 17)
    assert len(provider.given) == 1


def test_a_token_pulled_before_it_signs_changes_nothing(cluster: Cluster, tokens: list[FileToken]) -> None:
    provider = Listening(describe(cluster))

    @dataclass(frozen=True)
    class Pulled:
        token: FileToken

        @property
        def label(self) -> str:
            return self.token.label

        @property
        def certificate(self):  # type: ignore[no-untyped-def]
            return self.token.certificate

        def open(self, password: str):  # type: ignore[no-untyped-def]
            shutil.rmtree(self.token.folder)
            return self.token.open(password)

    with pytest.raises(TokenAbsentError, match="pulled"):
        play(provider, [tokens[0], Pulled(tokens[1])], *CREATE, PASSWORD)
    assert provider.given == []


def test_no_token_in_the_reader_is_told(cluster: Cluster) -> None:
    provider = Listening(describe(cluster))
    io = ScriptedIO(["1", "", "c"])

    async def nobody() -> Sequence[Token]:
        return []

    with pytest.raises(CancelledError):
        asyncio.run(Wizard(io, provider, nobody).run())
    assert "No Security Token that can be added is inserted." in io.lines


def test_a_tokenless_list_knows_no_token_and_its_loss_is_warned_of(tmp_path: Path, tokens: list[FileToken]) -> None:
    spec = ClusterSpec(version=Version.parse("10.5.1.10000-7"), nodes=(NodeSpec("pub", "127.0.0.1"),))
    cluster = Cluster.create(tmp_path / "cluster", spec)
    cluster.run(SetMixedMode(), Principal("anna", 4))
    io = ScriptedIO(["3", "", "c"])

    async def reader() -> Sequence[Token]:
        return list(tokens)

    with pytest.raises(CancelledError):
        asyncio.run(Wizard(io, Listening(describe(cluster)), reader).run())
    assert all(line in io.lines for line in ANOTHER)
    cluster.run(DeleteFile("pub", "CTLFile.tlv"), Principal("anna", 4))
    warned = ScriptedIO(["", "c"])
    with pytest.raises(CancelledError):
        asyncio.run(Wizard(warned, Listening(describe(cluster)), reader).run())
    assert all(line in warned.lines for line in MISSING_CTL)
    with pytest.raises(UsageError, match="no CTL file"):
        Draft(describe(cluster), Action.NON_SECURE)
    cluster.close()


@pytest.mark.parametrize("count", range(len(CREATE) + 1))
def test_the_end_of_input_is_a_no(cluster: Cluster, tokens: list[FileToken], count: int) -> None:
    provider = Listening(describe(cluster))
    with pytest.raises(InputEndedError):
        play(provider, tokens, *CREATE[:count])
    assert provider.given == []


def test_the_end_of_input_at_done_takes_nothing_back(cluster: Cluster, tokens: list[FileToken]) -> None:
    provider = Listening(describe(cluster))
    play(provider, tokens, *CREATE, PASSWORD)
    assert len(provider.given) == 1


class Forked(Screen):
    """A function of this program on a terminal of its own."""

    def __init__(self, work: Callable[[], None]) -> None:
        self.text = ""
        self._pid, self._terminal = pty.fork()
        if self._pid == 0:  # pragma: no cover - the child
            sys.stdin, sys.stdout, sys.stderr = os.fdopen(0), os.fdopen(1, "w"), os.fdopen(2, "w")
            code = 0
            try:
                work()
            except KeyboardInterrupt:
                code = 130
            except MixedModeError as error:
                sys.stdout.write(f"{error}\n")
                code = error.exit_code
            sys.stdout.flush()
            os._exit(code)


@pytest.mark.parametrize("key", ["\x03", "\x04"])
@pytest.mark.parametrize("count", range(len(CREATE) + 1))
def test_ctrl_c_and_ctrl_d_end_the_wizard_at_once(
    cluster: Cluster, tokens: list[FileToken], count: int, key: str
) -> None:
    provider = Listening(describe(cluster))

    async def reader() -> Sequence[Token]:
        return tokens

    def work() -> None:
        asyncio.run(Wizard(TerminalIO(), provider, reader).run())
        sys.stdout.write("installed\n")

    prompts = (
        "cancels\\): ",
        "Ok ",
        "\\[Add\\]: ",
        "Cancel\\? ",
        "Ok ",
        "\\[Add\\]: ",
        "Cancel\\? ",
        "ADN008580ef *: ",
    )
    screen = Forked(work)
    for prompt, answer in zip(prompts, CREATE[:count], strict=False):
        screen.wait_for(prompt)
        screen.type(f"{answer}\r")
    screen.wait_for(prompts[count])
    screen.type(key)
    assert screen.close() == (130 if key == "\x03" else 2)
    assert "installed" not in screen.text
