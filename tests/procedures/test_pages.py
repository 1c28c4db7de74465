"""The how-to pages of the seed's procedures are what their definitions and rehearsals give."""

from __future__ import annotations

import re

import pytest

from mixedmode.procedures.catalogue import PAGES
from mixedmode.procedures.definition import Procedure
from mixedmode.procedures.page import WRITTEN, page
from mixedmode.procedures.transcript import normalised
from tests.procedures.transcripts import HOW_TO, kept
from tests.support import what_make_does

EACH = pytest.mark.parametrize("procedure", PAGES, ids=lambda each: each.name)


@EACH
def test_a_page_is_what_its_definition_gives(procedure: Procedure) -> None:
    written = (HOW_TO / f"{procedure.name}.md").read_text()
    assert written == page(procedure, kept(procedure.name)), "make docs writes it anew"


@EACH
def test_it_reads_as_a_page(procedure: Procedure) -> None:
    text = page(procedure, [])
    assert text.count("\n# ") + text.startswith("# ") == 1
    assert not re.search(r"\n{3}|\{\w+\}|None", text)
    assert text.count("```") % 2 == 0
    for step in procedure.own_steps():
        for line in step.act.lines:
            assert line in text
    for remedy in procedure.remedies:
        assert re.sub(r"\s+", " ", f"{remedy.sign}. {remedy.do}") in re.sub(r"\s+", " ", text)


@EACH
def test_a_kept_transcript_has_nothing_left_that_varies(procedure: Procedure) -> None:
    lines = kept(procedure.name)
    assert normalised(lines) == lines
    assert not re.search(r"\d\d:\d\d:\d\d|[0-9a-f]{32}|([0-9A-F]{2}:){9}|127\.0\.[1-9]", "\n".join(lines))


def test_equal_values_have_one_name() -> None:
    serial, other = "6B1D357B6841740B078FEE4A1813D5D6", "70CAF64E090751B9DF22F49F754FC5BB"
    colons = ":".join(re.findall("..", serial))
    lines = [
        f"6       SERIALNUMBER    16      {colons}",
        f"17:21:51.832 |   debug tvsHandleQueryCertReq : Serial Number is: {serial}",
        f"... Unique Key used for Caching :: {other}CN=cucm-1051-a-pub;OU=TAC",
        f"{'0c' * 16}(MD5)",
        "2       DNSNAME         11      127.0.13.1",
        "  CCM+TFTP        127.0.13.1       CN=cucm-1051-a-pub",
        "servers 127.0.13.1:40123, 127.0.13.2:2445",
    ]
    assert normalised(lines) == [
        "6       SERIALNUMBER    16      <serial 1>",
        "hh:mm:ss.mmm |   debug tvsHandleQueryCertReq : Serial Number is: <serial 1>",
        "... Unique Key used for Caching :: <serial 2>CN=cucm-1051-a-pub;OU=TAC",
        "<MD5 1>(MD5)",
        "2       DNSNAME         nn      127.0.0.1",
        "  CCM+TFTP        127.0.0.1        CN=cucm-1051-a-pub",
        "servers 127.0.0.1:port, 127.0.0.2:port",
    ]


def test_one_target_writes_them() -> None:
    assert what_make_does("docs")[-1] == ".venv/bin/python scripts/how-to"


def test_every_page_is_named_for_a_procedure_with_a_transcript() -> None:
    assert {path.stem for path in HOW_TO.glob("*.md") if WRITTEN in path.read_text()} == {each.name for each in PAGES}
    assert all(len(kept(each.name)) > 100 for each in PAGES)
