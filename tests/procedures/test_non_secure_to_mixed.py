"""Given a non-secure cluster, when the administrator sets mixed mode, then every phone shows the published CTL."""

from __future__ import annotations

import json
import re
from pathlib import Path

import pytest

from tests.procedures.transcripts import check_transcript
from tests.support import run_mixedmode

MISSING_CTL = """
admin:show ctl
Length of CTL file: 0
CTL File not found. Please run CTLClient plugin or run the CLI - utils ctl.. to generate the CTL file.
Error parsing the CTL File.
"""
SET_MIXED_MODE = """
admin:utils ctl set-cluster mixed-mode
This operation sets the cluster to Mixed mode. Do you want to continue? (y/n):y
Moving Cluster to Mixed Mode
Cluster set to Mixed Mode
Please Restart the TFTP and Cisco CallManager services on all nodes in the cluster that run these services
"""


def one_line(text: str) -> str:
    return re.sub(r"\s+", " ", text).strip()


@pytest.fixture(scope="module")
def report() -> dict[str, object]:
    done = run_mixedmode("rehearse", "non-secure-to-mixed", "--phones", "8", "--json", timeout=100)
    assert done.returncode == 0, done.stderr
    document: dict[str, object] = json.loads(done.stdout)
    return document


def test_every_phone_shows_the_checksum_that_show_ctl_prints(report: dict[str, object]) -> None:
    transcript, phones = report["transcript"], report["phones"]
    assert isinstance(transcript, list)
    assert isinstance(phones, list)
    md5 = [line.removesuffix("(MD5)") for line in transcript if line.endswith("(MD5)")]
    sha1 = [line.removesuffix("(SHA1)") for line in transcript if line.endswith("(SHA1)")]
    assert len(phones) == 8
    assert {(phone["ctl_md5"], phone["ctl_sha1"]) for phone in phones} == {(md5[-1], sha1[-1])}
    shown = {phone["model"]: phone["shown_checksum"] for phone in phones}
    assert shown["7975"] == md5[-1]
    assert shown["8861"] == sha1[-1]
    assert all(phone["alarm"] == "CTL_INITIAL_SUCCESS" for phone in phones)


def test_the_transcript_reads_as_the_seed(report: dict[str, object]) -> None:
    transcript = "\n".join(map(str, report["transcript"] if isinstance(report["transcript"], list) else []))
    said = one_line(transcript)
    for passage in (one_line(MISSING_CTL), one_line(SET_MIXED_MODE), "ClusterSecurityMode 0", "ClusterSecurityMode 1"):
        assert passage in said
    assert "This etoken was used to sign the CTL file." in said
    assert "The CTL file was verified successfully." in said
    check_transcript("non-secure-to-mixed", transcript.split("\n"))


def test_an_unknown_procedure_is_named_with_those_there_are() -> None:
    done = run_mixedmode("rehearse", "nonsense")
    assert done.returncode == 2
    assert "non-secure-to-mixed" in done.stderr


def test_a_kept_lab_is_not_overwritten(tmp_path: Path) -> None:
    kept = tmp_path / "kept"
    first = run_mixedmode("rehearse", "non-secure-to-mixed", "--phones", "1", "--nodes", "1", "--directory", kept)
    assert first.returncode == 0
    again = run_mixedmode("rehearse", "non-secure-to-mixed", "--phones", "1", "--directory", kept)
    assert again.returncode == 2
    assert "needs a fresh one" in again.stderr
