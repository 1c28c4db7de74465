"""Texts as editors, terminals and mails leave them; long ones; hostile ones."""

from __future__ import annotations

import codecs
import random

import pytest

from mixedmode.errors import MalformedError
from mixedmode.explain.reader import explain
from mixedmode.explain.report import document, lines_of
from mixedmode.trustlist.pasted.text import LONGEST, Lines
from tests.explain.reading import LOGS, TRANSCRIPTS, kinds, read
from tests.support import effort

FULL = (TRANSCRIPTS / "118893-e-tokenless-full.txt").read_text()
_DAMAGE = (
    b"", b"\0", b"\xff\xfe", b"\x1b[31m", b"<", b">", b"\n", b"\r", b"{", b"|", b'<Alarm Name="', b"</Alarm>",
    b"9" * 40,
    b"CTL Record #:", b"LENGTH", b"tvsHandleQueryCertReq : Serial Number is:", b"99:99:99", b"99/99/99", b"%s{0}{x}",
)  # fmt: skip


@pytest.mark.parametrize("encoding", ["utf-8", "utf-8-sig", "utf-16", "utf-16-le", "utf-16-be", "utf-32", "latin-1"])
@pytest.mark.parametrize("end", ["\n", "\r\n", "\r"])
def test_any_encoding_and_line_end(encoding: str, end: str) -> None:
    data = FULL.replace("\n", end).encode(encoding)
    for size in (1 << 18, 997):
        found = explain(data[at : at + size] for at in range(0, len(data), size))
        (listing,) = found.listings
        assert (listing.md5, len(listing.records), listing.complete) == ("1d97d9089dd558a062cccfcb1dc4c57f", 4, True)


@pytest.mark.parametrize(
    "spoil",
    [
        lambda line: f"> {line}",
        lambda line: f">> > {line}",
        lambda line: f"   {line}",
        lambda line: f"\x1b[1;31m{line}\x1b[0m",
        lambda line: f"\u200b{line}\u00a0",
        lambda line: line.replace("    ", "\t"),
    ],
)
def test_quotes_colours_tabs_and_blanks(spoil: object) -> None:
    text = "\n".join(spoil(line) for line in FULL.splitlines())  # type: ignore[operator]
    (listing,) = read(text).listings
    assert (len(listing.records), listing.complete, listing.verified) == (4, True, True)
    assert len(listing.signature) == 256


def test_an_escape_in_a_log_is_shown_and_not_sent() -> None:
    found = read("ITL installed \x1b]0;owned\x07\x1b[2J\u202e\x9b31m\nmad \x07 line \x9b31m")
    text = "\n".join(lines_of(found)) + repr(document([found]))
    assert text.replace("\n", "").isprintable()


def test_one_line_of_a_million_and_more_is_cut() -> None:
    found = read(b"x" * (LONGEST + 5) + b"\nITL installed\n" + b"A" * LONGEST)
    assert (found.cut, found.lines, kinds(found)) == (1, 3, ["list-installed"])


def test_more_than_the_limit_is_left_out() -> None:
    lines = Lines(most=10)
    assert [text for _, text in lines([b"12345\n", b"7890", b"xyz"])] == ["12345", "7890"]
    assert lines.truncated


@pytest.mark.parametrize(
    "data",
    [b"\x01\x00\x02\x01\x02rest", b"PK\x03\x04", b"%PDF-1.4", bytes(100), random.Random(1).randbytes(4000), b"\x7fELF"],
)
def test_what_is_no_text_is_said(data: bytes) -> None:
    with pytest.raises(MalformedError):
        explain([data])


@pytest.mark.parametrize("data", [b"", b"\n\n", codecs.BOM_UTF8, codecs.BOM_UTF16_LE, b"\r"])
def test_an_empty_text_says_nothing(data: bytes) -> None:
    assert not read(data).events


@pytest.mark.parametrize(
    "line",
    [
        "a" * 60000, " " * 60000, "<" * 60000, "<a>" * 20000, ">" * 60000, "SEP" * 20000 + " registered",
        "x" * 40000 + " from y has a new LSC", "tvsGetIssuerNameFromX509 issuerName : " + " " * 60000,
        "setupSocketToTvsProxy" + "-" * 60000, "File Not Found" * 4000, "1 " * 30000, "9:9" * 20000, "\x1b[" * 30000,
        "cisco-alarm:1 Name=" + "a " * 30000, "<Alarm Name=" * 5000, "&lt;" * 15000, "CN=" * 20000,
    ],
)  # fmt: skip
def test_no_line_takes_long(line: str) -> None:
    assert effort(lambda: read(f"{line}\n" * 3)) < 200


def test_ten_thousand_mutated_logs() -> None:
    rng = random.Random(20261126)
    logs = [path.read_bytes()[:3000] for path in sorted((*LOGS.iterdir(), *TRANSCRIPTS.glob("*.txt")))]
    for _ in range(10_000):
        data = bytearray(rng.choice(logs))
        start = rng.randrange(len(data))
        del data[: start - start % 50]
        del data[rng.randrange(40, 700) :]
        for _ in range(rng.randrange(1, 6)):
            at = rng.randrange(len(data) + 1)
            data[at : at + rng.randrange(4)] = rng.choice(_DAMAGE)
        try:
            found = read(bytes(data))
        except MalformedError:
            continue
        assert found.unknown <= found.lines
        assert len(found.unknown_lines) == found.unknown


def test_mutated_logs_can_be_shown() -> None:
    rng = random.Random(7)
    for path in sorted(LOGS.iterdir()):
        data = path.read_bytes()
        for _ in range(10):
            at = rng.randrange(len(data))
            found = read(data[:at].removeprefix(b"\0") + rng.choice(_DAMAGE) + data[at + rng.randrange(9) :])
            assert "".join(lines_of(found)).isprintable()
            document([found])
