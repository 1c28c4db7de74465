"""explain and diff of pasted listings, as a user runs them."""

from __future__ import annotations

import gzip
import json
from pathlib import Path

import pytest
from typer.testing import CliRunner, Result

from mixedmode.app.tree import app
from mixedmode.errors import MixedModeError
from tests.explain.reading import DATA, LOGS, TRANSCRIPTS

SEED = DATA / "tlv" / "50-seed-tokenless-4947.tlv"
FULL = TRANSCRIPTS / "118893-e-tokenless-full.txt"


def run(*words: str | Path, stdin: bytes = b"") -> Result:
    return CliRunner().invoke(app, [str(word) for word in words], input=stdin)


def refused(*words: str | Path) -> MixedModeError:
    """Return the error that a command ends with."""
    error = run(*words).exception
    assert isinstance(error, MixedModeError), error
    return error


def test_a_log_without_a_refusal_ends_with_0_and_one_with_1() -> None:
    assert run("explain", FULL).exit_code == 0
    found = run("explain", "--json", FULL, LOGS / "alarm-split.txt")
    assert found.exit_code == 1
    document = json.loads(found.stdout)
    assert [file["refused"] for file in document["files"]] == [False, True]


def test_standard_input_and_gzip(tmp_path: Path) -> None:
    packed = tmp_path / "log.gz"
    packed.write_bytes(gzip.compress(b"Trust List update failed\n", mtime=0))
    assert run("explain", packed).exit_code == 1
    assert "took its first ITL" in run("explain", "-", stdin=b"ITL installed\n").stdout


@pytest.mark.parametrize(
    "content", [b"\x01\x00\x02\x01\x02", b"\x1f\x8bdamaged", gzip.compress(b"x" * 999, mtime=0)[:-9], bytes(99), None]
)
def test_what_cannot_be_read_ends_with_2(tmp_path: Path, content: bytes | None) -> None:
    log = tmp_path / "log"
    if content is not None:
        log.write_bytes(content)
    error = refused("explain", log)
    assert (error.exit_code, error.where) == (2, str(log))
    assert error.next_step or error.why
    assert refused("explain", tmp_path).exit_code == 2


def test_a_listing_goes_to_json_and_into_diff(tmp_path: Path) -> None:
    out = tmp_path / "list.json"
    assert run("explain", FULL, "--listing-out", out).exit_code == 0
    assert json.loads(out.read_text())["records"][3]["dns_name"] == "cucm-1051-a-sub1"
    assert run("diff", out, FULL).exit_code == 0
    same = run("show", SEED)
    pasted = tmp_path / "mail.txt"
    pasted.write_bytes("\r\n".join(f"> {line}" for line in same.stdout.splitlines()).encode("utf-16"))
    found = run("diff", "--json", SEED, pasted)
    assert found.exit_code == 0, found.stdout
    assert "timestamp" in json.loads(found.stdout)["not_shown"]
    assert run("diff", SEED, TRANSCRIPTS / "118893-h-after-regen-2048.txt").exit_code == 1


def test_audit_and_forecast_take_what_explain_wrote(tmp_path: Path) -> None:
    out, phones = tmp_path / "list.json", tmp_path / "phones.csv"
    assert run("explain", FULL, "--listing-out", out).exit_code == 0
    held = json.loads(out.read_text())["md5"]
    audited = json.loads(run("audit", "--json", out).stdout)
    assert {each["rule"] for each in audited["findings"]} == {"C7"}, "keys of 1024 bits"
    assert run("audit", "-", "--fail-on", "critical", stdin=FULL.read_bytes()).exit_code == 0
    again = tmp_path / "audit.json"
    again.write_text(json.dumps(audited))
    assert run("audit", out, FULL, "--baseline", again, "--fail-on", "none").exit_code == 0
    phones.write_text(f"name,model,ctl,itl\nSEP00005E005301,7975,{held},none\n")
    for published in (out, FULL):
        found = run("forecast", "--json", "--inventory", phones, "--lists", out, "--publish", published)
        assert json.loads(found.stdout)["outcomes"]["follows"] == 1, found.stdout
    half = TRANSCRIPTS / "118893-h-after-regen-2048.txt"
    assert refused("audit", half).code == "half-listing"
    assert refused("forecast", "--inventory", phones, "--publish", half).code == "half-listing"
    assert refused("audit", out, "127.0.0.1").exit_code == 2
    assert "there is no file" in str(refused("audit", tmp_path / "none.json"))


def test_no_listing_and_no_list_are_said(tmp_path: Path) -> None:
    log = tmp_path / "log"
    log.write_text("ITL installed\n")
    assert refused("explain", log, "--listing-out", tmp_path / "x.json").code == "no-listing"
    assert refused("diff", log, SEED).exit_code == 2
