"""The procedures with eTokens: each phone ends as the seed says, wrong orders change nothing."""

from __future__ import annotations

import json
from typing import Any

import pytest

from tests.procedures.transcripts import check_transcript
from tests.support import run_mixedmode


def rehearsed(procedure: str, *options: str) -> dict[str, Any]:
    done = run_mixedmode("rehearse", procedure, "--phones", "8", "--json", *options, timeout=300)
    assert done.returncode == 0, done.stderr
    return dict(json.loads(done.stdout))


def outcome(report: dict[str, Any]) -> tuple[set[str | None], list[str]]:
    """The lists that phones with Security by Default hold, and the phones that need a hand."""
    able = {phone["ctl_md5"] for phone in report["phones"] if not phone["remedy"]}
    return able, [phone["model"] for phone in report["phones"] if phone["remedy"]]


def test_etokens_to_tokenless() -> None:
    report = rehearsed("etokens-to-tokenless")
    assert outcome(report) == ({report["ctl"]["md5"]}, ["7940"])
    assert report["ctl"]["signer"].startswith("CN=cucm-1051-a-pub")
    assert "# Security tokens: SoftHSM2" in report["transcript"]
    check_transcript("etokens-to-tokenless", report["transcript"])


def test_tokenless_to_etokens_with_the_wrong_order_first() -> None:
    report = rehearsed("tokenless-to-etokens")
    transcript = report["transcript"]
    assert outcome(report) == ({report["ctl"]["md5"]}, ["7940"])
    assert report["ctl"]["signer"].startswith('cn="SAST-ADN008580ef')
    for said in (
        "The Security Token you have inserted does not exist in the CTL File",
        "No CTL File exists on the server but the Call Manager Cluster Security Mode is in Secure Mode.",
        "Delete the File CTLFile.tlv?",
        "files: found = 1, deleted = 1",
        "This etoken was used to sign the CTL file.",
        "This etoken was not used to sign the CTL file.",
    ):
        assert any(said in line for line in transcript), said
    assert transcript.count("The CTL file was verified successfully.") >= 1
    trace = next(at for at, line in enumerate(transcript) if line.startswith("# TVS trace of "))
    assert any("tvsHandleQueryCertReq : This is SAST eToken cert" in line for line in transcript[trace:])
    assert any("SECD: setupSocketToTvsProxy: " in line for line in transcript[:trace])
    logs = "\n".join(line for phone in report["phones"] if phone["model"] == "7975" for line in phone["log"])
    assert "tvsReqFlushTvsCertCache: Sent Request to TVS proxy, len: 3708" in logs
    check_transcript("tokenless-to-etokens", transcript)


@pytest.mark.parametrize("procedure", ["downgrade", "lost-tokens"])
def test_legacy_phones_are_named_where_the_signer_is_new(procedure: str) -> None:
    report = rehearsed(procedure)
    assert outcome(report) == ({report["ctl"]["md5"]}, ["7940"])


def test_one_lost_token_locks_nobody_out() -> None:
    report = rehearsed("one-token-lost")
    assert outcome(report) == ({report["ctl"]["md5"]}, [])


def test_the_migration_works_with_five_nodes() -> None:
    report = rehearsed("tokenless-to-etokens", "--nodes", "5")
    assert outcome(report) == ({report["ctl"]["md5"]}, ["7940"])
