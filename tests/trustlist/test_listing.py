"""The listing follows Cisco's printed ``show ctl`` line for line."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from mixedmode.printable import printable
from mixedmode.trustlist import TrustList
from mixedmode.trustlist.listing import missing_file_listing, render_listing
from tests.support import DATA
from tests.trustlist.samples import ETOKENS, NON_SECURE, TOKENLESS

TRANSCRIPTS = DATA / "transcripts"


def listing(data: bytes) -> list[str]:
    trust_list = TrustList.parse(data)
    return render_listing(trust_list, trust_list.verify(), "Fri Mar 06 21:56:07 CET 2015")


def transcript_lines(name: str) -> list[str]:
    """Return a transcript's lines: without blank ones, blanks folded (the PDF folded some itself)."""
    text = (TRANSCRIPTS / name).read_text().split("\n", 1)[1]
    text = re.sub(r"(SERIALNUMBER +\d+) *\n\s*([0-9A-F]{2}:)", r"\1 \2", text)
    text = re.sub(r"(FUNCTION +2) *\n\s*(\S)", r"\1 \2", text)
    return fold(text.splitlines())


def fold(lines: list[str]) -> list[str]:
    return [folded for line in lines if (folded := re.sub(r"\s+", " ", line).strip())]


KEY_DEPENDENT = (
    (re.compile(r"^[0-9a-f]{32}\(MD5\)$", re.MULTILINE), "<md5>"),
    (re.compile(r"^[0-9a-f]{40}\(SHA1\)$", re.MULTILINE), "<sha1>"),
    (re.compile(r"^([0-9a-f]{1,2} ){7}[0-9a-f]{1,2}$", re.MULTILINE), "<signature>"),
    (re.compile(r"modified on .*"), "modified on <date>"),
    (re.compile(r"([0-9A-F]{2}\s){20}\(SHA1"), "<hash> (SHA1"),
    (re.compile(r"CAPF-[0-9a-f]{8}"), "CAPF-<id>"),
    (re.compile(r"(SERIALNUMBER 16) .*"), r"\1 <serial>"),
    (re.compile(r";\s(?=ST=)"), ";"),
)


def without_keys(lines: list[str]) -> list[str]:
    """Return the lines with what depends on keys and dates replaced, and breaks inside values undone."""
    text = "\n".join(line for line in lines if not line.startswith("admin:"))
    for pattern, replacement in KEY_DEPENDENT:
        text = pattern.sub(replacement, text)
    return text.splitlines()


@pytest.mark.parametrize(
    ("path", "transcript"),
    [(TOKENLESS, "118893-e-tokenless-full.txt"), (NON_SECURE, "118892-nonsecure-full.txt")],
    ids=["tokenless", "non-secure"],
)
def test_listing_equals_the_printed_one_but_for_keys_and_dates(path: Path, transcript: str) -> None:
    assert without_keys(fold(listing(path.read_bytes()))) == without_keys(transcript_lines(transcript))


def test_columns_stand_on_tab_stops() -> None:
    lines = listing(TOKENLESS.read_bytes())
    assert "3       SIGNERID        2       149" in lines
    assert "8       DIGESTALGORTITHM        1" in lines
    assert "9       SIGNATUREALGOINFO       2       8" in lines
    assert "10      SIGNATUREALGORTITHM     1" in lines
    assert "14      FILENAME        12" in lines
    assert "2       DNSNAME         16      cucm-1051-a-pub" in lines
    name = lines.index("4       SIGNERNAME      62      CN=cucm-1051-a-pub;OU=TAC;O=Cisco;L=Krakow;")
    assert lines[name + 1] == " " * 32 + "ST=Malopolska;C=PL"


def test_signature_rows_have_no_leading_zeros() -> None:
    lines = listing(TOKENLESS.read_bytes())
    row = lines[lines.index("12      SIGNATURE       128") + 1]
    signature = TrustList.parse(TOKENLESS.read_bytes()).header.signature or b""
    assert row.split() == [f"{byte:x}" for byte in signature[:8]]
    assert all(line[4 * i] != " " for i in range(8) for line in [row])


def test_token_records_say_which_token_signed() -> None:
    lines = listing(ETOKENS.read_bytes())
    verdicts = [line for line in lines if "etoken" in line]
    assert verdicts == [
        "This etoken was not used to sign the CTL file.",
        "This etoken was used to sign the CTL file.",
    ]
    assert '3       SUBJECTNAME     56      cn="SAST-ADN008580ef        ";ou=IPCBU;o="Cisco Systems' in lines


def test_bad_signature_is_said_at_the_end() -> None:
    last = listing((DATA / "cucm" / "bad-signature.tlv").read_bytes())[-1]
    assert last.startswith("Verification of the CTL file failed: the signature does not hold")


def test_missing_file_reads_as_in_the_seed() -> None:
    printed = transcript_lines("118893-a-no-ctl.txt")
    ours = re.sub(r"\s+", " ", " ".join(missing_file_listing("CTL")))
    theirs = " ".join(line for line in printed if not line.startswith("admin:")).replace("found .", "found.")
    assert ours == theirs


@pytest.mark.parametrize("evil", ["\x1b[2J", "\x07", "\u202e", "a\nb"])
def test_control_characters_of_a_file_do_not_reach_the_terminal(evil: str) -> None:
    assert printable(evil).isprintable()
