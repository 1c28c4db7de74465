"""The report of a forecast, and the picture in it."""

from __future__ import annotations

import re
from html.parser import HTMLParser
from pathlib import Path
from xml.etree import ElementTree as ET

import pytest

from mixedmode.faces.pictures.flow import CAPTION, Block, Column, Moves, flow
from mixedmode.faces.pictures.looks import SPRITE
from mixedmode.phone.mind.fate.prospect import Fate
from tests.docs.pages import ROOT
from tests.support import run_mixedmode

EXAMPLE = ROOT / "docs" / "examples" / "forecast"
WORDS = (
    "--lists",
    "lists",
    "--publish",
    "publish/CTLFile.tlv",
    "--publish",
    "publish/ITLFile.tlv",
    "--tvs-trust",
    "tvs",
)
EVIL = '"><script>alert(1)</script>'


class Tags(HTMLParser):
    """Collects elements and the ways out of the page."""

    def __init__(self, text: str) -> None:
        super().__init__()
        self.names: list[str] = []
        self.outside: list[str] = []
        self.open: list[str] = []
        self.feed(text)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.names.append(tag)
        for name, value in attrs:
            if name in {"src", "href", "data", "action", "style"} and not (value or "").startswith("#"):
                self.outside.append(f"{name}={value}")
            assert not name.startswith("on")


def report(out: Path, *words: str, inventory: str | Path = "inventory.csv") -> str:
    done = run_mixedmode("forecast", "--inventory", inventory, *words, "--html", out)
    assert done.returncode == 1, done.stderr
    return out.read_text()


@pytest.fixture
def text(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> str:
    monkeypatch.chdir(EXAMPLE)
    return report(tmp_path / "report.html", *WORDS, "--propose")


def test_it_says_who_is_lost_why_and_what_helps(text: str) -> None:
    shown = re.sub(r"<[^>]+>", " ", text.split("</style>")[1])
    shown = re.sub(r"\s+", " ", shown)
    for said in (
        "Of 8 phones, 1 is locked out and 1 is frozen.", "SEP00112233B001", "tvs-not-usable", "rule 18",
        "by hand at the phone: erase its CTL", "Proposed plan", "under any plan", CAPTION, "step 1, CTL:",
    ):  # fmt: skip
        assert said in shown, said


def test_it_needs_nothing_from_outside_and_no_script(text: str) -> None:
    tags = Tags(text)
    assert not {"script", "link", "img", "iframe", "object", "form"} & set(tags.names)
    assert tags.outside == []
    assert tags.names.count("h1") == 1
    policy = re.search(r'http-equiv="Content-Security-Policy" content="([^"]+)"', text)
    assert policy is not None
    assert policy[1].startswith("default-src 'none'; style-src 'sha256-")
    assert "prefers-color-scheme: dark" in text
    assert "@media print" in text


def test_the_picture_is_well_formed_and_has_every_step(text: str) -> None:
    drawn = re.search(r'<svg class="halo".*?</figure>', text, re.DOTALL)
    assert drawn is not None
    tree = ET.fromstring(drawn[0].removesuffix("</figure>"))
    said = [each.text for each in tree.iter("title")]
    assert "4 phones: phones to follows by TVS" in said
    assert "1 phone: frozen to frozen" in said
    ET.fromstring(SPRITE)


def test_strangers_text_is_text(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(EXAMPLE)
    folder = tmp_path / "<img src=x onerror=alert(1)>"
    folder.mkdir()
    rows = (EXAMPLE / "inventory.csv").read_text().splitlines()
    model = '"' + EVIL.replace('"', '""') + '"'
    rows[1] = re.sub(r",8845,", lambda _: f",{model},", rows[1])
    (folder / "phones.csv").write_text("\n".join(rows) + "\n")
    ctl = folder / "a&b<script>CTLFile.tlv"
    ctl.write_bytes((EXAMPLE / "publish" / "CTLFile.tlv").read_bytes())
    text = report(tmp_path / "r.html", "--lists", "lists", "--publish", str(ctl), inventory=folder / "phones.csv")
    tags = Tags(text)
    assert "script" not in tags.names
    assert "img" not in tags.names
    assert "&lt;script&gt;" in text


def test_a_report_that_cannot_be_written(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(EXAMPLE)
    done = run_mixedmode("forecast", "--inventory", "inventory.csv", *WORDS, "--html", tmp_path / "no" / "r.html")
    assert done.returncode == 2


def test_heights_grow_with_the_square_root_and_a_few_stay_visible() -> None:
    counts: dict[Block, int] = {Fate.FOLLOWS: 39_977, Fate.LOCKED_OUT: 23}
    moves: Moves = {(None, fate): count for fate, count in counts.items()}
    columns = [Column("Before", "", {None: 40_000}), Column("After", "<b>", counts)]
    tree = ET.fromstring(flow(columns, [moves]))
    heights = [float(each.get("height", "0")) for each in tree.iter("rect") if each.get("class") == "f"]
    _, locked, follows = heights
    assert locked >= 3
    assert follows / locked == pytest.approx((39_977 / 23) ** 0.5, rel=0.05)
    x, y, width, height = map(float, tree.get("viewBox", "").split())
    assert (x, y) == (0, 0)
    for each in tree.iter("rect"):
        assert float(each.get("y", "0")) + float(each.get("height", "0")) <= height
        assert float(each.get("x", "0")) + 16 <= width


@pytest.mark.parametrize("steps", [1, 2, 12])
def test_any_number_of_columns(steps: int) -> None:
    counts: dict[Block, int] = dict.fromkeys(Fate, 1)
    columns = [Column(f"After step {number}", "x" * 100, counts) for number in range(steps)]
    move: Moves = {(one, two): 1 for one in Fate for two in Fate}
    ET.fromstring(flow(columns, [move] * (steps - 1)))
    ET.fromstring(flow([Column("Before", "", {})], []))
