"""Reads XML that strangers send: bounded, and without document types, so that no entity is ever expanded.

Rules:

1. A document type is refused before anything of it is read on: with it go entities of all kinds, external files too.
   The five entities of XML and numbers of characters are no danger.
2. Bytes, elements, depth and attributes are bounded; nothing recurses over the tree.
3. Names are told apart by namespace and local name; prefixes are the sender's own business.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Final
from xml.parsers import expat

from mixedmode.errors import MalformedError

MOST_ELEMENTS: Final = 20_000
MOST_DEPTH: Final = 32
MOST_ATTRIBUTES: Final = 64
_BETWEEN: Final = "\x1f"
_MARKUP: Final = str.maketrans({"&": "&amp;", "<": "&lt;", ">": "&gt;", '"': "&quot;"})
"""As ``xml.sax.saxutils`` has it, which would load a client of HTTP for its own needs."""


@dataclass(slots=True)
class Element:
    """An element.

    Attributes:
        space: Its namespace, empty without one.
        name: Its local name.
        attributes: By namespace and local name.
        children: In order.
        pieces: Of its own text.
    """

    space: str
    name: str
    attributes: dict[tuple[str, str], str] = field(default_factory=dict)
    children: list[Element] = field(default_factory=list)
    pieces: list[str] = field(default_factory=list)

    @property
    def text(self) -> str:
        """Its own text, trimmed."""
        return "".join(self.pieces).strip()

    def child(self, name: str) -> Element | None:
        """Return the first child of a local name."""
        return next((each for each in self.children if each.name == name), None)

    def all(self, name: str) -> Iterator[Element]:
        """Yield the children of a local name."""
        return (each for each in self.children if each.name == name)

    def value(self, name: str) -> str:
        """Return the text of a child, empty if there is none."""
        found = self.child(name)
        return "" if found is None else found.text

    def attribute(self, name: str) -> str:
        """Return an attribute without a namespace, empty if there is none."""
        return self.attributes.get(("", name), "")


def read_xml(data: bytes, *, most: int, elements: int = MOST_ELEMENTS) -> Element:
    """Read a document.

    Args:
        data: The document.
        most: Bytes that it may have.
        elements: Elements that it may have.

    Raises:
        MalformedError: It is no XML within the bounds, or has a document type.
    """
    if len(data) > most:
        raise _malformed(f"a document of {len(data)} bytes is too large", "send less")
    reader = _Reader(elements)
    parser = expat.ParserCreate(namespace_separator=_BETWEEN)
    parser.buffer_text = True
    parser.StartElementHandler = reader.start
    parser.EndElementHandler = reader.end
    parser.CharacterDataHandler = reader.characters
    parser.StartDoctypeDeclHandler = _doctype
    parser.EntityDeclHandler = _doctype
    try:
        parser.Parse(data, True)
    except expat.ExpatError as error:
        where = f"line {error.lineno}, column {error.offset}"
        raise _malformed(f"the document is no XML: {expat.ErrorString(error.code)}", f"see {where}") from error
    except (LookupError, UnicodeError, ValueError) as error:
        raise _malformed("the document's encoding is not known", "send UTF-8") from error
    if reader.root is None:
        raise _malformed("the document is empty", "send an envelope")
    return reader.root


class _Reader:
    """Builds the tree and holds the bounds."""

    def __init__(self, elements: int) -> None:
        self.root: Element | None = None
        self._open: list[Element] = []
        self._left = elements
        self._most = elements

    def start(self, name: str, attributes: dict[str, str]) -> None:
        self._left -= 1
        if self._left < 0 or len(self._open) >= MOST_DEPTH or len(attributes) > MOST_ATTRIBUTES:
            raise _malformed(f"more than {self._most} elements or {MOST_DEPTH} levels", "send less")
        element = Element(*_split(name), {_split(each): value for each, value in attributes.items()})
        if self._open:
            self._open[-1].children.append(element)
        else:
            self.root = element
        self._open.append(element)

    def end(self, _name: str) -> None:
        self._open.pop()

    def characters(self, text: str) -> None:
        self._open[-1].pieces.append(text)


def _doctype(*_arguments: object) -> None:
    raise _malformed("the document has a document type", "leave it out: it could define entities without bound")


def _split(name: str) -> tuple[str, str]:
    space, _, local = name.rpartition(_BETWEEN)
    return space, local


def _malformed(what: str, next_step: str) -> MalformedError:
    return MalformedError(what, code="xml", next_step=next_step)


def is_xml_character(character: str) -> bool:
    """Return whether XML can hold a character at all."""
    code = ord(character)
    return code in {9, 10, 13} or 0x20 <= code < 0xD800 or 0xE000 <= code < 0xFFFE or code > 0xFFFF


def xml_text(text: object) -> str:
    """Return a value as the text of an element or attribute; what XML cannot hold becomes a question mark."""
    plain = str(text)
    if not plain.isprintable():
        plain = "".join(each if is_xml_character(each) else "?" for each in plain)
    return plain.translate(_MARKUP)
