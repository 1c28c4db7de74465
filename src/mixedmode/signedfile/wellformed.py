"""Is a file XML that a phone can read? A phone drops the whole file for one bad place in it, and says nothing.

The place is told as line and column, both from 1, as editors count; what is wrong there in words that say what to
write instead.
"""

from __future__ import annotations

from dataclasses import dataclass
from xml.parsers import expat

_WORDS = {
    3: "the file ends before its first element is closed",
    4: "a character that cannot stand here; & is written &amp; and < is written &lt;",
    5: "a tag that is not closed with >",
    6: "a character that is cut off",
    7: "an end tag that does not fit the element that is open",
    8: "an attribute that the element has already",
    9: "something after the end of the first element",
    11: "an entity that XML does not know; only &amp; &lt; &gt; &quot; &apos; are known",
    14: "a number of a character that XML does not have",
    17: "an XML declaration that is not at the very start of the file",
    18: "an encoding that is not known; use UTF-8",
    19: "an encoding that the file is not written in",
    20: "a CDATA section that is not closed",
}
"""By expat's number."""


@dataclass(frozen=True, slots=True)
class XmlProblem:
    """The first place at which a file is no XML.

    Attributes:
        text: What is there.
        line: From 1.
        column: From 1.
        offset: In bytes, from 0.
    """

    text: str
    line: int
    column: int
    offset: int = 0

    def __str__(self) -> str:
        return f"line {self.line}, column {self.column}: {self.text}"


def explain(error: expat.ExpatError, offset: int = 0) -> XmlProblem:
    """Return what a parser's error means."""
    text = _WORDS.get(error.code, "something that XML does not allow")
    return XmlProblem(text, error.lineno, error.offset + 1, max(offset, 0))


def xml_problem(data: bytes, *, roots: frozenset[str] = frozenset()) -> XmlProblem | None:
    """Return the first thing that makes a phone drop a file, None if there is nothing.

    Args:
        data: The file.
        roots: Names that the first element may have; any if there are none.
    """
    if not data:
        return XmlProblem("the file is empty", 1, 1)
    parser = expat.ParserCreate()
    found: list[XmlProblem] = []

    def here(text: str) -> None:
        offset = max(parser.CurrentByteIndex, 0)
        found.append(XmlProblem(text, parser.CurrentLineNumber, parser.CurrentColumnNumber + 1, offset))

    def start(name: str, _attributes: dict[str, str]) -> None:
        parser.StartElementHandler = None
        if roots and name not in roots:
            here(f"the first element is <{name}>, not <{'> or <'.join(sorted(roots))}>")

    def doctype(*_details: object) -> None:
        here("a DOCTYPE, which a phone's configuration never has")

    parser.StartElementHandler = start
    parser.StartDoctypeDeclHandler = doctype
    try:
        parser.Parse(data, True)
    except expat.ExpatError as error:
        found.append(explain(error, parser.ErrorByteIndex))
    except (LookupError, UnicodeError, ValueError):
        found.append(XmlProblem("an encoding that is not known; use UTF-8", 1, 1))
    return found[0] if found else None
