"""Commands that ask on the terminal: Ctrl-C ends them at once, the end of input is a no, the terminal stays whole."""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Sequence
from datetime import UTC, datetime
from pathlib import Path

import pytest
from cryptography.hazmat.primitives.asymmetric import rsa
from cryptography.hazmat.primitives.serialization import BestAvailableEncryption, Encoding, PrivateFormat

from mixedmode.pki.certificates.profiles import KeyKind
from mixedmode.pki.tokens.token_files import make_file_token
from tests.faces.sshlab import Screen
from tests.pki.material import signer
from tests.support import MIXEDMODE

ENVIRONMENT = {**os.environ, "NO_COLOR": "1", "COLUMNS": "200"}


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A signer whose key needs a password."""
    place = tmp_path_factory.mktemp("asking")
    key = rsa.generate_private_key(65537, 2048)
    pem = key.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, BestAvailableEncryption(b"secret"))
    certificate = signer(KeyKind.RSA_2048).certificate.pem()
    (place / "signer.pem").write_bytes(pem + certificate)
    make_file_token(place / "tokens", "ADN0054f509", now=datetime.now(UTC))
    (place / "signer.pem").chmod(0o600)
    return place


COMMANDS: dict[str, tuple[Sequence[str], str]] = {
    "admin": (("admin", "127.0.0.1:1", "show", "itl"), "Password of administrator@127.0.0.1:1"),
    "build": (
        ("build", "out.tlv", "--signer", "signer.pem", "--record", "CCM+TFTP=signer.pem"),
        "Password of signer.pem: ",
    ),
    "token": (("token", "export", "ADN0054f509", "out.tlv", "--tokens", "tokens"), "Password of the Security Token"),
}
"""Of each command that asks by itself: how it is called, and its first question. The wizard is below."""


@pytest.mark.parametrize("name", COMMANDS)
def test_a_question_on_a_terminal(folder: Path, name: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(folder)
    words, prompt = COMMANDS[name]
    command = [str(MIXEDMODE), *words]
    screen = Screen(command, ENVIRONMENT)
    screen.wait_for(prompt)
    screen.type("\x03")
    assert screen.close() == 130
    assert "Traceback" not in screen.text

    screen = Screen(command, ENVIRONMENT)
    screen.wait_for(prompt)
    screen.type("\x04")
    assert screen.close() == 2
    assert "Traceback" not in screen.text
    assert "error" in screen.text
    assert not (folder / "out.tlv").exists()


@pytest.mark.parametrize("name", COMMANDS)
def test_nobody_to_ask(folder: Path, name: str) -> None:
    words, _ = COMMANDS[name]
    done = subprocess.run(
        [MIXEDMODE, *words],
        stdin=subprocess.DEVNULL,
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
        cwd=folder,
        env=ENVIRONMENT,
    )
    assert "Traceback" not in done.stderr
    # Without a password admin tries the user's keys, and nobody listens there.
    assert done.returncode == (3 if name == "admin" else 2)


ASKER = """
import asyncio, sys
from mixedmode.pki.ask import ask_line, ask_yes, EndOfInputError
async def main():
    print("ready", flush=True)
    try:
        print(repr(ask_line("? ", secret=sys.argv[1] == "secret")))
    except EndOfInputError:
        print("end")
    print(ask_yes("yes? "))
try:
    asyncio.run(main())
except KeyboardInterrupt:
    print("broken")
"""


@pytest.mark.parametrize("kind", ["secret", "shown"])
@pytest.mark.parametrize(
    ("typed", "said"),
    [
        ("\x03", "broken"),
        ("half\x03", "broken"),
        ("\x04\x04", "end\r\n.*False"),
        ("word\ry\r", "'word'\r\n.*True"),
        ("word\r\x04", "'word'\r\n.*False"),
        ("word\rmaybe\r", "'word'\r\n.*False"),
    ],
)
def test_a_line(kind: str, typed: str, said: str) -> None:
    screen = Screen([sys.executable, "-c", ASKER, kind], ENVIRONMENT)
    screen.wait_for(r"ready\r\n\? ")
    for each in typed:
        screen.type(each)
    shown = screen.wait_for(f"(?s){said}")
    assert ("word" in shown.partition("'word'")[0]) is (kind == "shown" and typed.startswith("word"))
    screen.close()


def test_a_password_that_is_broken_off_leaves_the_terminal_as_it_was() -> None:
    program = (
        "import subprocess, sys, termios\n"
        "try: child.wait()\n"
        "except KeyboardInterrupt: child.wait()\n"
        "print('echo', bool(termios.tcgetattr(0)[3] & termios.ECHO))"
    ).replace("\ntry", f"\nchild = subprocess.Popen([sys.executable, '-c', {ASKER!r}, 'secret'])\ntry", 1)
    screen = Screen([sys.executable, "-c", program], ENVIRONMENT)
    screen.wait_for(r"\? ")
    screen.type("half\x03")
    assert "half" not in screen.wait_for("broken")
    screen.wait_for("echo True")
    screen.close()


@pytest.mark.parametrize(
    ("sent", "said"),
    [
        (b"", "end\nFalse"),
        (b"\n", "''\nFalse"),
        (b"word\nyes", "'word'\nTrue"),
        (b"\xff\xfe\n\xff\n", "'\N{REPLACEMENT CHARACTER}\N{REPLACEMENT CHARACTER}'\nFalse"),
        (b"word\n" + b"yes" + b" " * 100_000, "'word'\nFalse"),
    ],
)
def test_a_line_through_a_pipe(sent: bytes, said: str) -> None:
    command = [sys.executable, "-c", ASKER, "shown"]
    done = subprocess.run(command, input=sent, capture_output=True, timeout=30, check=False)
    assert done.stdout.decode() == f"ready\n{said}\n"
