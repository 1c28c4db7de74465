"""Given phones that were off for two new CallManager certificates, when they return, then TVS brings them home."""

from __future__ import annotations

import json

from tests.support import run_mixedmode


def test_phones_behind_by_two_lists_follow_and_legacy_ones_are_named() -> None:
    done = run_mixedmode("rehearse", "phones-behind", "--phones", "8", "--json", timeout=300)
    assert done.returncode == 0, done.stderr
    report = json.loads(done.stdout)
    able = [phone for phone in report["phones"] if phone["model"] != "7940"]
    assert {phone["ctl_md5"] for phone in able} == {report["ctl"]["md5"]}
    returned = [phone for phone in able if "Trust List updated" in phone["messages"]]
    assert [phone["name"][-2:] for phone in returned] == ["01", "02", "03"]
    unable = [phone for phone in report["phones"] if phone["model"] == "7940"]
    assert all(phone["refused"] and "by hand" in phone["remedy"] for phone in unable)
    assert len(unable) == 1
