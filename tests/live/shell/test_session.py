"""Logging in to a prompt over SSH: host keys, passwords, real transcripts, and everything that may go wrong."""

from __future__ import annotations

import asyncio
from pathlib import Path

import asyncssh
import pytest

from mixedmode.errors import CheckFailedError, RemoteError, UsageError
from mixedmode.live.shell.login import SshAccount
from mixedmode.live.shell.prompt import ConnectionLostError, NoPromptError, Patience, UnexpectedPromptError
from mixedmode.live.shell.questions import Question
from mixedmode.live.shell.session import AdminShell
from mixedmode.procedures.reading import shown_list
from tests.live.shell.stub_admin import PASSWORD, Ask, HangUp, Script, Silent, stub, transcript

QUICK = Patience(settle=0.03, quiet=0.15, login=60.0)
CALM = Patience(settle=0.03, quiet=60.0, login=60.0)
IMPATIENT = Patience(settle=0.03, quiet=0.15, login=1.0)
UPDATE = "utils ctl update CTLFile"
ASK = "This operation updates the CTLFile. Do you want to continue? (y/n):"
DONE = "\r\nUpdating CTL file\r\nCTL file Updated\r\nPlease Restart the TFTP and Cisco CallManager services\r\n"


def test_real_transcripts_are_read_whole(tmp_path: Path) -> None:
    async def play() -> None:
        script: Script = {"show ctl": (transcript("118893-e-tokenless-full"),), UPDATE: (Ask(ASK, (DONE,)),)}
        async with stub(tmp_path, script) as node, await AdminShell.open(node.account(), QUICK) as shell:
            shown = shown_list(await shell.run("show ctl"))
            assert (shown.md5, shown.verified) == ("1d97d9089dd558a062cccfcb1dc4c57f", True)
            said = await shell.run(UPDATE, {"update-ctl": "y"})
            assert said[0] == f"{ASK}y"
            assert "CTL file Updated" in said
            assert node.typed == ["show ctl", UPDATE, "y"]

    asyncio.run(play())


def test_what_may_go_wrong_while_a_command_runs(tmp_path: Path) -> None:
    async def play() -> None:
        script: Script = {
            "lost": ("Updating CTL file\r\n", HangUp),
            "silent": ("Updating CTL file\r\n", Silent),
            "odd": (Ask("Format the disk (yes/no)? "),),
            "unanswered": (Ask(ASK, (DONE,)),),
        }
        async with stub(tmp_path, script) as node:
            account = node.account()
            for line, error in (
                ("lost", ConnectionLostError),
                ("silent", NoPromptError),
                ("odd", UnexpectedPromptError),
                ("unanswered", UnexpectedPromptError),
            ):
                node.typed.clear()
                async with await AdminShell.open(account, QUICK) as shell:
                    with pytest.raises(error) as caught:
                        await shell.run(line, seconds=0.4 if line == "silent" else 60.0)
                    assert caught.value.where == account.where
                    assert caught.value.next_step
                    with pytest.raises(ConnectionLostError):
                        await shell.run("show ctl")
                assert node.typed == [line], "nothing is typed after a surprise"

    asyncio.run(play())


def test_somebody_is_asked_about_known_questions_that_were_not_foreseen(tmp_path: Path) -> None:
    async def play() -> None:
        async def decide(question: Question, text: str) -> str | None:
            assert (question.name, ASK in text) == ("update-ctl", True)
            return "n"

        async with stub(tmp_path, {UPDATE: (Ask(ASK),)}) as node, await AdminShell.open(node.account(), QUICK) as shell:
            await shell.run(UPDATE, decide=decide)
            assert node.typed == [UPDATE, "n"]

    asyncio.run(play())


def test_logins_that_do_not_come_about(tmp_path: Path) -> None:
    async def play() -> None:
        async with stub(tmp_path, {}) as node:
            with pytest.raises(UsageError, match="the login was refused") as refused:
                await AdminShell.open(node.account("wrong-secret"), QUICK)
            assert node.logins == 1, "accounts are locked by those who try again"
            assert "wrong-secret" not in refused.value.diagnostics() + repr(node.account("wrong-secret"))
            other = asyncssh.generate_private_key("ssh-ed25519")
            with pytest.raises(CheckFailedError, match="another one than before") as changed:
                await AdminShell.open(node.account(known=other), QUICK)
            assert node.key.get_fingerprint() in str(changed.value.why)
            nobody = SshAccount("127.0.0.1", node.port, "administrator", tmp_path / "none", "x")
            with pytest.raises(CheckFailedError, match="is not known") as unknown:
                await AdminShell.open(nobody, QUICK)
            assert "ssh-keyscan" in str(unknown.value.next_step)
            assert node.logins == 1, "no password goes to a host whose key is not known"
            account = node.account()
        with pytest.raises(RemoteError, match="does not answer"):
            await AdminShell.open(account, QUICK)

    asyncio.run(play())


@pytest.mark.parametrize(
    ("questions", "asked"),
    [
        ((("Password: ",),), ""),
        ((("Password for administrator@pub:",),), ""),
        (((), ("PASSWORD:",)), ""),
        ((("Password: ",), ()), ""),
        ((("Password: ",), ("New password: ", "Retype new password: ")), "New password:  Retype"),
        ((("Password: ",), ("Enter your new password:",)), "Enter your new password:"),
        ((("Password: ",), ("Password: ",)), "Password:"),
        ((("One-time code: ",),), "One-time code:"),
        ((("\x1b[2JPIN" + "x" * 5000,),), "PIN"),
    ],
)
def test_a_login_by_keyboard_interactive_types_the_password_once_and_nothing_else(
    tmp_path: Path, questions: tuple[tuple[str, ...], ...], asked: str
) -> None:
    async def play() -> None:
        async with stub(tmp_path, {"show ctl": ("none\r\n",)}, questions=questions) as node:
            if not asked:
                async with await AdminShell.open(node.account(), QUICK) as shell:
                    assert await shell.run("show ctl") == ("none",)
            else:
                with pytest.raises(UnexpectedPromptError, match="something else than a password") as caught:
                    await AdminShell.open(node.account(), QUICK)
                assert asked in str(caught.value.why)
                assert len(str(caught.value.why)) < 400
                assert str(caught.value.why).isprintable()
            assert node.answers == ([] if asked in {"PIN", "One-time code:"} else [PASSWORD])
        if len(questions) == 1:
            return
        async with stub(tmp_path, {}, questions=questions) as node:
            with pytest.raises((UsageError, UnexpectedPromptError)):
                await AdminShell.open(node.account("wrong-secret"), QUICK)
            assert node.logins <= 1, "accounts are locked by those who try again"

    asyncio.run(play())


def test_a_password_that_has_expired_is_named_and_not_changed(tmp_path: Path) -> None:
    async def play() -> None:
        async with stub(tmp_path, {}, expired="Your password has expired") as node:
            with pytest.raises(UnexpectedPromptError) as caught:
                await AdminShell.open(node.account(), QUICK)
            assert "it asks: Your password has expired" in str(caught.value.why)
            assert node.logins == 1

    asyncio.run(play())


def test_a_banner_of_any_length_and_slow_ends_at_the_prompt(tmp_path: Path) -> None:
    async def play() -> None:
        banner = ("".join(f"Line {number}: who is admin:\r\n" for number in range(3000)), "\x1b[1m  2 vCPU:\r\nadm")
        script: Script = {"show ctl": ("none\r\n",)}
        async with (
            stub(tmp_path, script, banner=banner, prompt="in:") as node,
            await AdminShell.open(node.account(), CALM) as shell,
        ):
            node.prompt = "admin:"
            assert await shell.run("show ctl") == ("none",)

    asyncio.run(play())


@pytest.mark.parametrize(
    ("changes", "error"),
    [
        ({"prompt": "Your password has expired. Enter new password:"}, UnexpectedPromptError),
        ({"prompt": "$ "}, UnexpectedPromptError),
        ({"prompt": "pub2:admin:"}, UnexpectedPromptError),
        ({"prompt": "admin@pub2:"}, UnexpectedPromptError),
        ({"banner": ("Press <enter> to accept the terms:", Silent)}, UnexpectedPromptError),
        ({"banner": (Silent,)}, RemoteError),
        ({"banner": (HangUp,)}, RemoteError),
    ],
)
def test_another_prompt_at_the_login(tmp_path: Path, changes: dict[str, object], error: type[Exception]) -> None:
    async def play() -> None:
        async with stub(tmp_path, {}, **changes) as node:
            with pytest.raises(error):
                await AdminShell.open(node.account(), IMPATIENT if changes == {"banner": (Silent,)} else QUICK)
            assert node.typed == []

    asyncio.run(play())
