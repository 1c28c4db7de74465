"""Given mixed mode, when the publisher's CallManager certificate is made anew, then phones follow through TVS.

The phones that cannot ask TVS are left frozen, as the seed says, and the report names them and the remedy.
"""

from __future__ import annotations

import json
import re
from typing import Any

import pytest

from tests.procedures.transcripts import check_transcript
from tests.support import run_mixedmode

UPDATE = """
admin:utils ctl update CTLFile
This operation updates the CTLFile. Do you want to continue? (y/n):y
Updating CTL file
CTL file Updated
Please Restart the TFTP and Cisco CallManager services on all nodes in the cluster that run these services
"""


def one_line(text: str) -> str:
    return re.sub(r"\s+", " ", text).strip()


@pytest.fixture(scope="module", params=["2", "5"])
def report(request: pytest.FixtureRequest) -> dict[str, Any]:
    done = run_mixedmode(
        "rehearse", "regenerate-callmanager", "--phones", "12", "--nodes", request.param, "--json", timeout=110
    )
    assert done.returncode == 0, done.stderr
    document: dict[str, Any] = json.loads(done.stdout)
    return document


def test_phones_with_security_by_default_follow_through_tvs(report: dict[str, Any]) -> None:
    md5 = [line.removesuffix("(MD5)") for line in report["transcript"] if line.endswith("(MD5)")][-1]
    able = [phone for phone in report["phones"] if phone["model"] != "7940"]
    assert len(able) == 10
    assert {phone["ctl_md5"] for phone in able} == {md5} == {report["ctl"]["md5"]}
    assert {phone["alarm"] for phone in able} == {"TL_SUCCESS"}
    assert not any(phone["refused"] for phone in able)
    assert len({phone["itl_md5"] for phone in able}) == 1
    assert {phone["shown_checksum"] for phone in able if phone["model"] == "7975"} == {md5}
    logs = ["\n".join(phone["log"]) for phone in able if phone["model"] == "7975"]
    assert all("tvsReqFlushTvsCertCache: Sent Request to TVS proxy, len: 3708" in log for log in logs)


def test_legacy_phones_are_left_frozen_and_named_with_the_remedy(report: dict[str, Any]) -> None:
    legacy = [phone for phone in report["phones"] if phone["model"] == "7940"]
    assert len(legacy) == 2
    for phone in legacy:
        assert phone["alarm"] == "TL_FAILED_OLD_CTL"
        assert phone["refused"]
        assert phone["ctl_md5"] != report["ctl"]["md5"]
        assert "frozen" in phone["promised"]
        assert phone["outcome"] == phone["foreseen"] == "frozen"
        assert "delete the CTL on the phone" in phone["remedy"]
    assert all(phone["remedy"] is None for phone in report["phones"] if phone["model"] != "7940")


def test_every_statement_held_and_the_transcript_reads_as_the_seed(report: dict[str, Any]) -> None:
    assert report["held"] is True
    checks = {check["what"] for check in report["checks"] if check["held"]}
    assert "TVS of each node has the new CTL file in its cache" in checks
    assert "TVS vouched for the new signer" in checks
    assert "the serial number of the certificate changes" in checks
    said = one_line("\n".join(report["transcript"]))
    assert "admin:set cert regen CallManager Successfully regenerated certificate for CallManager." in said
    assert one_line(UPDATE) in said
    if "# cucm-1051-a-sub2" not in report["transcript"]:
        check_transcript("regenerate-callmanager", report["transcript"])


def test_people_read_who_is_frozen_and_what_to_do() -> None:
    done = run_mixedmode("rehearse", "regenerate-callmanager", "--phones", "4", timeout=300)
    assert done.returncode == 0, done.stderr
    assert "frozen, as promised: SEP001122334404 (7940): delete the CTL on the phone" in done.stdout
    assert "regenerate-callmanager: as promised: 4 of 4 phones" in done.stdout


def sections(transcript: list[str]) -> list[tuple[str, list[str]]]:
    """The headings of a transcript and the lines below them, in order."""
    found: list[tuple[str, list[str]]] = []
    for line in transcript:
        if line.startswith("# "):
            found.append((line, []))
        elif line and found:
            found[-1][1].append(line)
    return found


def test_the_node_is_named_before_each_line_of_the_administrator(report: dict[str, Any]) -> None:
    transcript = report["transcript"]
    nodes = {transcript[at - 1] for at, line in enumerate(transcript) if line.startswith("admin:")}
    assert "# cucm-1051-a-pub" in nodes
    assert "# cucm-1051-a-sub1" in nodes
    assert all(re.fullmatch(r"# cucm-1051-a-(pub|sub\d)", node) for node in nodes)


def test_the_trace_and_the_console_log_stand_where_the_seed_has_them(report: dict[str, Any]) -> None:
    logs = [
        (head, lines) for head, lines in sections(report["transcript"]) if " log of " in head or " trace of " in head
    ]
    (cached, caching), (_, question), (traced, request), (_, answer) = logs
    assert "CTLFile.tlv has been modified. Recaching CTL Certificate Cache" in caching[0]
    assert cached.startswith("# TVS trace of cucm-1051-a-pub")
    assert [line.split(": ", 1)[1][20:] for line in question[:2]] == [
        "SECD: setupSocketToTvsProxy: Connected to TVS proxy server",
        "SECD: tvsReqFlushTvsCertCache: Sent Request to TVS proxy, len: 3708",
    ]
    assert traced.startswith("# TVS trace of cucm-1051-a-")
    assert request[0].endswith("debug tvsHandleQueryCertReq")
    assert any("Found entry {rolecount : 2}" in line for line in request)
    assert request[-1].endswith("Timer started from tvsHandleNewPhConnection")
    assert answer[-1].endswith("tvsFlushCertCache: Completed TVS Certificate cache flush request")
