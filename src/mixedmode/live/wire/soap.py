"""Envelopes: made for an operation, opened to its answer or its fault."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final
from xml.sax.saxutils import escape

from mixedmode.errors import MalformedError, RemoteProtocolError
from mixedmode.live.wire.https import Response
from mixedmode.xml_reader import Element, read_xml

AST: Final = "http://schemas.cisco.com/ast/soap"
MOST_BYTES: Final = 16 << 20
MOST_ELEMENTS: Final = 600_000
"""Of an answer: AXL's 8 MB, in elements as short as there are."""
_ENVELOPE: Final = (
    '<soapenv:Envelope xmlns:soapenv="http://schemas.xmlsoap.org/soap/envelope/"><soapenv:Header/><soapenv:Body>'
    '<ns:{operation} xmlns:ns="{space}">{inner}</ns:{operation}></soapenv:Body></soapenv:Envelope>'
)


@dataclass(frozen=True, slots=True)
class Fault:
    """What a server says in place of an answer.

    Attributes:
        text: Its words.
        code: ``axlcode``, empty without one.
    """

    text: str
    code: str = ""


def envelope(space: str, operation: str, inner: str) -> bytes:
    """Return a request.

    Args:
        space: The operation's namespace.
        operation: Its name.
        inner: Its content, XML.
    """
    return _ENVELOPE.format(space=space, operation=operation, inner=inner).encode()


def text_element(name: str, text: str) -> str:
    """Return an element that holds a text."""
    return f"<{name}>{escape(text)}</{name}>"


def opened(response: Response, where: str) -> Element | Fault | None:
    """Return the operation's answer, or the fault, whatever the status; None if it is no envelope.

    Raises:
        RemoteProtocolError: It has status 200 and is no envelope.
    """
    try:
        root = read_xml(response.body, most=MOST_BYTES, elements=MOST_ELEMENTS)
    except MalformedError as error:
        if response.status != 200:
            return None
        raise RemoteProtocolError("the answer is no SOAP", where=where, why=error.what) from error
    body = root.child("Body")
    if body is None or not body.children:
        return None
    first = body.children[0]
    if first.name != "Fault":
        return first
    text = first.value("faultstring") or _deep(first, "Text")
    return Fault(text[:500], _deep(first, "axlcode"))


def all_below(element: Element, name: str) -> list[Element]:
    """Return the elements of a name, anywhere below."""
    found, waiting = [], list(element.children)
    while waiting:
        each = waiting.pop()
        if each.name == name:
            found.append(each)
        waiting += each.children
    return found


def _deep(element: Element, name: str) -> str:
    """Return the text of an element of a name, anywhere below; empty if there is none."""
    return next((each.text for each in all_below(element, name)), "")
