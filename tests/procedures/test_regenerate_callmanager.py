"""Given mixed mode, when the publisher's CallManager certificate is made anew, then phones follow through TVS.

The phones that cannot ask TVS are left locked out, as the seed says, and the report names them and the remedy.
"""

from __future__ import annotations

import json
import re
from typing import Any

import pytest

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


def test_legacy_phones_are_left_locked_out_and_named_with_the_remedy(report: dict[str, Any]) -> None:
    legacy = [phone for phone in report["phones"] if phone["model"] == "7940"]
    assert len(legacy) == 2
    for phone in legacy:
        assert phone["alarm"] == "TL_FAILED_OLD_CTL"
        assert phone["refused"]
        assert phone["ctl_md5"] != report["ctl"]["md5"]
        assert "locked out" in phone["promised"]
        assert "delete the CTL on the phone" in phone["remedy"]
    assert all(phone["remedy"] is None for phone in report["phones"] if phone["model"] != "7940")


def test_every_statement_held_and_the_transcript_reads_as_the_seed(report: dict[str, Any]) -> None:
    assert report["held"] is True
    checks = {check["what"] for check in report["checks"] if check["held"]}
    assert "TVS of each node has the new CTL file in its cache within a second" in checks
    assert "TVS vouched for the new signer" in checks
    assert "the serial number of the certificate changes" in checks
    said = one_line("\n".join(report["transcript"]))
    assert "admin:set cert regen CallManager Successfully regenerated certificate for CallManager." in said
    assert one_line(UPDATE) in said


def test_people_read_who_is_locked_out_and_what_to_do() -> None:
    done = run_mixedmode("rehearse", "regenerate-callmanager", "--phones", "4", timeout=110)
    assert done.returncode == 0, done.stderr
    assert "locked out, as promised: SEP001122334404 (7940): delete the CTL on the phone" in done.stdout
    assert "regenerate-callmanager: as promised: 4 of 4 phones" in done.stdout
