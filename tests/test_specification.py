"""Every citation of the specification resolves: file, section, and the rule, row or tag in it.

``wire-formats.md 6`` means section 6 of docs/specification/wire-formats.md; the long form ``docs/specification/...`` is
the same. Lists count too: ``wire-formats.md 1.5 to 1.7, 8``, ``phone-trust.md 0, rule 5``, ``row 18b of phone-trust.md
2.2``.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass, field
from functools import cache
from itertools import pairwise
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[1]
SPECIFICATION = ROOT / "docs" / "specification"
DECISIONS = ROOT / "docs" / "decisions"
TEXTS = (".c", ".h", ".md", ".py", ".service", ".sh", ".toml", ".txt", ".yml", "")
FOLDERS = ("bench", "docs", "packaging", "scripts", "src", "tests")

GAP = r"(?:[ \t]*\n[ \t]*(?:#|//|\*)?[ \t]*|[ \t]+)"
"""A blank, or a line's end with the indentation and comment mark of the next."""
SECTION = r"(?:\d+(?:\.\d+)*[a-z]?|[A-D]\d*)(?![\w-])"
CITATION = re.compile(
    rf"(?P<folder>[\w./-]*/)?(?P<name>[a-z]+(?:-[a-z]+)*)\.md`?(?:{GAP}(?:sections?{GAP})?"
    rf"(?P<sections>{SECTION}(?:(?:,{GAP}(?:and{GAP})?|{GAP}(?:and|or|to){GAP}){SECTION})*)"
    rf"(?:,{GAP}(?P<part>(?:rule|row|tag|point){GAP}[0-9]+[a-z]?|[QC][0-9]+))?)?"
)
ROWS = re.compile(
    rf"\b[Rr]ows?{GAP}(?P<rows>[\w ,\n#]{{1,40}}?){GAP}of{GAP}(?P<name>[a-z-]+)\.md{GAP}(?P<section>{SECTION})"
)
HEADING = re.compile(r"#{2,4} (?P<number>\d+(?:\.\d+)*|[A-Z])\.? ")
FENCED = re.compile(r"^ *```.*?^ *```", re.MULTILINE | re.DOTALL)


@dataclass
class Document:
    """A file of the specification: its sections, and what can be named in each of them."""

    sections: set[str] = field(default_factory=set)
    parts: dict[str, set[str]] = field(default_factory=dict)


@cache
def document(name: str) -> Document | None:
    path = SPECIFICATION / f"{name}.md"
    if not path.is_file():
        return None
    found, section = Document(), ""
    for line in FENCED.sub("", path.read_text(encoding="utf-8")).splitlines():
        if heading := HEADING.match(line):
            section = heading["number"]
            found.sections.add(section)
        elif item := re.match(r"(\d+)\. ", line):
            found.sections.add(f"{section}.{item[1]}")
            found.parts.setdefault(section, set()).add(item[1])
        elif item := re.match(r"- \*\*([A-D]\d+)\*\*", line):
            found.sections.add(item[1])
        elif cell := re.match(r"\| \**([\w, ]+?)\** \|", line):
            found.parts.setdefault(section, set()).update(re.split(r",\s*", cell[1]))
    return found


def texts() -> list[Path]:
    """Return every text file of the project but this one."""
    found = [path for path in ROOT.iterdir() if path.is_file() and not path.name.startswith(".")]
    for folder in FOLDERS:
        found += [path for path in (ROOT / folder).rglob("*") if path.is_file() and "__pycache__" not in path.parts]
    return sorted(path for path in found if path.suffix in TEXTS and path != Path(__file__).resolve())


@cache
def read(path: Path) -> str:
    try:
        return path.read_text(encoding="utf-8")
    except UnicodeDecodeError:
        return ""


def place(path: Path, position: int) -> str:
    return f"{path.relative_to(ROOT)}:{read(path).count(chr(10), 0, position) + 1}"


def named(match: re.Match[str]) -> bool:
    """Return whether a match is a citation of the specification, not some other file's name."""
    folder = match["folder"] or ""
    return folder.endswith("docs/specification/") or (
        folder in {"", "./"} and bool(match["sections"] or document(match["name"]))
    )


def faults(path: Path) -> Iterator[str]:
    if ".md" not in read(path):
        return
    for match in CITATION.finditer(read(path)):
        if not named(match):
            continue
        where, cited = place(path, match.start()), document(match["name"])
        if cited is None:
            yield f"{where}: docs/specification/{match['name']}.md does not exist"
            continue
        sections = re.findall(SECTION, match["sections"] or "")
        yield from (f"{where}: {match['name']}.md has no section {x}" for x in sections if x not in cited.sections)
        if match["part"] and match["part"].split()[-1] not in cited.parts.get(sections[-1], ()):
            yield f"{where}: {match['name']}.md {sections[-1]} has no {match['part']}"
    for match in ROWS.finditer(read(path)):
        cited = document(match["name"])
        rows = re.findall(r"\b\d+[a-z]?\b", match["rows"])
        known = cited.parts.get(match["section"], set()) if cited else set()
        yield from (f"{place(path, match.start())}: {match['name']}.md has no row {x}" for x in rows if x not in known)


def test_every_citation_names_a_file_and_sections_that_exist() -> None:
    assert [fault for path in texts() for fault in faults(path)] == []


@pytest.mark.parametrize(
    ("text", "fault"),
    [
        ("wire-formats.md 99", "no section 99"),
        ("wire-formats.md section 1.99", "no section 1.99"),
        ("docs/specification/wire-format.md", "does not exist"),
        ("`docs/specification/phone-trust.md` 2.9", "no section 2.9"),
        ("wire-formats.md 1.5 to 1.77, phone-trust.md 0", "no section 1.77"),
        ("phone-trust.md 1.1 and\n    # 1.33", "no section 1.33"),
        ("phone-trust.md 0, rule 7", "no rule 7"),
        ("row 24 of phone-trust.md 2.2", "no row 24"),
        ("field-notes.md D99", "no section D99"),
        ("forecast.md 5.99", "no section 5.99"),
        ("gone.md 3", "does not exist"),
    ],
)
def test_a_citation_that_leads_nowhere_is_found(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, text: str, fault: str
) -> None:
    file = tmp_path / "module.py"
    file.write_text(f'"""Rules ({text})."""\n')
    monkeypatch.setattr(f"{__name__}.ROOT", tmp_path)
    assert len(found := list(faults(file))) == 1
    assert fault in found[0]


@pytest.mark.parametrize(
    "text", ["wire-formats.md 1.1, 1.3, 1.4", "phone-trust.md 2.2, row 18b", "notes.md", "x/gone.md 3", "figures.md"]
)
def test_a_citation_that_resolves_is_no_fault(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, text: str) -> None:
    file = tmp_path / "module.py"
    file.write_text(f"# {text}\n")
    monkeypatch.setattr(f"{__name__}.ROOT", tmp_path)
    assert list(faults(file)) == []


def test_no_text_points_out_of_the_repository() -> None:
    outside = re.compile(r"(?:\.\./|\bshared/)(?:spec|seed|samples|cases|shared|transcripts)/")
    found = [place(path, match.start()) for path in texts() for match in outside.finditer(read(path))]
    assert found == []


def test_every_relative_link_resolves() -> None:
    broken = []
    for path in (path for path in texts() if path.suffix == ".md"):
        prose = re.sub(r"`[^`\n]*`", "", FENCED.sub("", read(path)))
        targets = (x for x in re.findall(r"\]\(([^)\s]+)\)", prose) if not re.match(r"[a-z]+:|#", x))
        broken += [f"{path.relative_to(ROOT)}: {x}" for x in targets if not (path.parent / x.split("#")[0]).exists()]
    assert broken == []


def test_every_section_of_the_specification_says_its_state() -> None:
    silent = []
    for path in sorted(SPECIFICATION.glob("*.md")):
        parts = re.split(r"(?m)^(?=## )", FENCED.sub("", read(path)))
        silent += [
            f"{path.name}: {part.splitlines()[0]}"
            for part in parts[1:]
            if "*State:*" not in part and path.stem != "README"
        ]
    assert silent == []


def test_sections_of_the_specification_are_in_order_and_named_once() -> None:
    for path in SPECIFICATION.glob("*.md"):
        numbers = [m["number"] for line in FENCED.sub("", read(path)).splitlines() if (m := HEADING.match(line))]
        keys = [[int(x) if x.isdigit() else ord(x) for x in number.split(".")] for number in numbers]
        assert all(first < second for first, second in pairwise(keys)), f"{path.name}: {numbers}"


def test_sections_that_a_file_names_of_itself_exist() -> None:
    itself = re.compile(r"(?<!\.md )(?<!RFC \d{4} )\bsections? (\d+(?:\.\d+)*)")
    missing = []
    for path in SPECIFICATION.glob("*.md"):
        known = cited.sections if (cited := document(path.stem)) else set()
        missing += [f"{path.name}: section {x}" for x in itself.findall(read(path)) if x not in known]
    assert missing == []


def test_every_decision_that_is_named_exists() -> None:
    numbers = {path.name[:4] for path in DECISIONS.glob("[0-9]*.md")}
    named_ones = re.compile(r"\bdecisions?[ /](\d{1,4})\b|(?<![\w.-])(00\d\d)(?![\w.]\d|\d)")
    missing = []
    for path in texts():
        for match in named_ones.finditer(read(path)):
            if match[2] and DECISIONS not in path.parents:
                continue
            if (match[1] or match[2]).zfill(4) not in numbers:
                missing.append(f"{place(path, match.start())}: decision {match[1] or match[2]}")
        for text, link in re.findall(r"\[(\d{4})\]\([^)\s]*?(\d{4})-[^)]*\)", read(path)):
            if text != link:
                missing.append(f"{path.relative_to(ROOT)}: {text} links to {link}")
    assert missing == []


def test_decisions_have_one_form_and_an_index() -> None:
    index = read(DECISIONS / "README.md")
    wrong = []
    numbers = [int(path.name[:4]) for path in sorted(DECISIONS.glob("[0-9]*.md"))]
    assert numbers == list(range(1, len(numbers) + 1))
    for path in sorted(DECISIONS.glob("[0-9]*.md")):
        head = re.match(rf"# {path.name[:4]} (.+)\n\n\*\*Status\.\*\* (.+)\.\n\n", read(path))
        if not head:
            wrong.append(f"{path.name}: begin with '# {path.name[:4]} Title' and '**Status.** Accepted, DATE.'")
        elif (row := f"| [{path.name[:4]}]({path.name}) | {head[1]} | {head[2]} |") not in index:
            wrong.append(f"docs/decisions/README.md: add the row {row}")
    assert wrong == []
