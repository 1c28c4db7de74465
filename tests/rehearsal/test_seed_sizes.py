"""The seed's own sizes at the prompt: a lab with keys of 1024 bits, asked by OpenSSH's client."""

from __future__ import annotations

import asyncio
import os
import re
from pathlib import Path

import pytest

from mixedmode.pki.certificates.profiles import KeyKind
from mixedmode.procedures.facts import Token
from mixedmode.procedures.steps import ClientAction, CtlClient, ImportToken
from mixedmode.rehearsal.lab.lab import Lab
from mixedmode.rehearsal.lab.spec import LabSpec
from mixedmode.rehearsal.report import Report
from mixedmode.rehearsal.stage import Stage
from tests.rehearsal.playing import play
from tests.support import run_mixedmode

TOKENLESS, ETOKENS, REGENERATED, NON_SECURE_LENGTH = 4947, 5728, 6113, 3746


class Prompt:
    """The publisher's prompt by ``ssh``."""

    def __init__(self, lab: Lab) -> None:
        self._lab = lab

    async def type(self, *lines: str) -> str:
        """Type lines at the prompt, as a person does, and return what came."""
        folder, node = self._lab.directory, self._lab.publisher
        askpass = folder / "askpass"
        askpass.write_text(f"#!/bin/sh\ncat '{self._lab.password_file.absolute()}'\n")
        askpass.chmod(0o700)
        options = (f"UserKnownHostsFile={folder / 'known_hosts'}", "StrictHostKeyChecking=yes", "LogLevel=ERROR")
        ssh = await asyncio.create_subprocess_exec(
            "ssh", "-F", "none", "-p", str(node.ports["ssh"]),
            *(flag for option in options for flag in ("-o", option)), f"administrator@{node.host}",
            stdin=asyncio.subprocess.PIPE,
            stdout=asyncio.subprocess.PIPE,
            stderr=asyncio.subprocess.STDOUT,
            env={**os.environ, "SSH_ASKPASS": str(askpass), "SSH_ASKPASS_REQUIRE": "force"},
        )  # fmt: skip
        async with asyncio.timeout(60):
            out, _ = await ssh.communicate("\n".join([*lines, "exit", ""]).encode())
        assert ssh.returncode == 0, out.decode()
        return out.decode()


def lengths(shown: str) -> list[int]:
    """The length of the file, then those of its records."""
    total = re.search(r"Length of CTL file: (\d+)", shown)
    assert total, shown
    return [int(total[1]), *(int(each) for each in re.findall(r"^1\s+RECORDLENGTH\s+2\s+(\d+)", shown, re.MULTILINE))]


def field(shown: str, record: int, name: str) -> str:
    """The rest of a record's line."""
    found = re.search(rf"^\d+\s+{name}\s+(.*)$", shown.split("CTL Record #:")[record], re.MULTILINE)
    assert found, shown
    return found[1].split("  ")[0].strip()


@pytest.mark.interop("ssh")
def test_every_length_of_the_seed_appears_at_the_prompt(tmp_path: Path) -> None:
    async def procedure(lab: Lab) -> None:
        prompt, stage = Prompt(lab), Stage(lab, Report("seed"))
        shown = await prompt.type("utils ctl set-cluster mixed-mode", "y", "show ctl")
        assert lengths(shown) == [TOKENLESS, 1156, 1156, 1138, 1161]
        assert "HeaderLength:   336 (BYTES)" in shown
        names = ("DNSNAME", "SUBJECTNAME", "SERIALNUMBER", "PUBLICKEY", "SIGNATURE", "CERTIFICATE")
        assert [field(shown, 1, name).split()[0] for name in names] == ["16", "62", "16", "140", "128", "694"]
        assert [field(shown, number, "CERTIFICATE").split()[0] for number in (2, 3, 4)] == ["694", "680", "696"]

        shown = await prompt.type("set cert regen CallManager", "utils ctl update CTLFile", "y", "show ctl")
        assert lengths(shown) == [REGENERATED, 1675, 1675, 1138, 1161]
        assert [field(shown, 1, name).split()[0] for name in names[2:]] == ["16", "270", "256", "955"]
        assert "This etoken was used to sign the CTL file." in shown

        await prompt.type("set cert regen CallManager 1024", "utils ctl set-cluster non-secure-mode", "y")
        await prompt.type("file delete tftp CTLFile.tlv", "y")
        both = (Token.FIRST, Token.SECOND)
        for token in both:
            await stage.do(ImportToken(token))
        await stage.do(CtlClient(ClientAction.MIXED, both))
        shown = await prompt.type("show ctl")
        assert lengths(shown) == [ETOKENS, 1186, 1022, 1004, 1026, 1186]
        assert "HeaderLength:   304 (BYTES)" in shown
        assert [field(shown, 5, name).split()[0] for name in ("DNSNAME", "SUBJECTNAME", "SERIALNUMBER")] == [
            "1", "56", "10",
        ]  # fmt: skip
        assert [field(shown, number, "CERTIFICATE").split()[0] for number in (1, 2, 3, 4, 5)] == [
            "902", "694", "680", "696", "902",
        ]  # fmt: skip
        assert re.search(rf"DNSNAME\s+13\s+{lab.publisher.host}\b", shown)

        await stage.do(CtlClient(ClientAction.NON_SECURE, (Token.SECOND,)))
        assert lengths(await prompt.type("show ctl")) == [NON_SECURE_LENGTH, 1186, 1186, 33, 1004, 33]

    play(tmp_path / "lab", LabSpec(nodes=2, models=(), key=KeyKind.RSA_1024), procedure)


def test_a_lab_that_is_there_keeps_its_version_and_key_size(tmp_path: Path) -> None:
    base = ("lab", "--directory", tmp_path / "lab", "--once")
    made = run_mixedmode(*base, "--nodes", "1", "--phones", "1", "--version", "11.5(1)SU3", "--key-size", "1024")
    assert made.returncode == 0, made.stderr
    assert "version 11.5.1.13900-1" in made.stderr
    for options, has in (
        (("--version", "14SU3"), "11.5.1.13900-1"),
        (("--key-size", "2048"), "1024"),
    ):
        refused = run_mixedmode(*base, *options)
        assert refused.returncode == 2
        assert f"there is a lab already, and it has {has}" in refused.stderr
    again = run_mixedmode(*base, "--version", "11.5.1.13900-7", "--key-size", "1024")
    assert again.returncode == 0, again.stderr


@pytest.mark.parametrize("options", [("--version", "13"), ("--key-size", "512")])
def test_what_no_lab_can_be_is_refused_with_what_it_can_be(tmp_path: Path, options: tuple[str, str]) -> None:
    done = run_mixedmode("lab", "--directory", tmp_path / "lab", *options, "--once")
    assert done.returncode == 2
    assert "  next: " in done.stderr
    assert not (tmp_path / "lab").exists()
