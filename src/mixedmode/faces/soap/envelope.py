"""SOAP 1.1: what a request asks for, and how answers and faults are written."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Final, TypeAlias

from mixedmode.errors import MalformedError
from mixedmode.xml_reader import Element, read_xml, xml_text

SOAP: Final = "http://schemas.xmlsoap.org/soap/envelope/"
_SOAP_12: Final = "http://www.w3.org/2003/05/soap-envelope"
AST: Final = "http://schemas.cisco.com/ast/soap"
"""The namespace of RIS and Control Center."""
MEDIA_TYPE: Final = "text/xml; charset=utf-8"

Node: TypeAlias = "str | int | bool | Mapping[str, Node] | Iterable[Node] | Tag | None"
"""What an element holds: a text, more elements by name, or several elements of one name."""


class Tag:
    """An element with attributes.

    Args:
        node: What it holds.
        attributes: Of the element.
    """

    __slots__ = ("attributes", "node")

    def __init__(self, node: Node, **attributes: str) -> None:
        self.node, self.attributes = node, attributes


def operation_in(data: bytes, *, most: int) -> Element:
    """Return the one element in the body of an envelope.

    Args:
        data: The request.
        most: Bytes that it may have.

    Raises:
        MalformedError: It is no envelope with one operation.
    """
    root = read_xml(data, most=most)
    if root.name != "Envelope" or root.space not in {SOAP, _SOAP_12}:
        raise _malformed(f"the root is <{root.name}>, not a SOAP envelope")
    body = root.child("Body")
    if body is None or len(body.children) != 1:
        raise _malformed("the envelope has no body with one operation")
    return body.children[0]


def _malformed(what: str) -> MalformedError:
    return MalformedError(what, code="soap", next_step="send one SOAP 1.1 envelope with one operation")


def write(name: str, node: Node, prefix: str = "") -> str:
    """Return an element, or one for each of several."""
    if isinstance(node, Tag):
        inner = node.node
        attributes = "".join(f' {key}="{xml_text(value)}"' for key, value in node.attributes.items())
    else:
        inner, attributes = node, ""
    if inner is None or inner == "":
        return f"<{prefix}{name}{attributes}/>"
    if isinstance(inner, bool):
        inner = "true" if inner else "false"
    if isinstance(inner, str | int):
        return f"<{prefix}{name}{attributes}>{xml_text(inner)}</{prefix}{name}>"
    if isinstance(inner, Mapping):
        held = "".join(write(each, value, prefix) for each, value in inner.items())
        return f"<{prefix}{name}{attributes}>{held}</{prefix}{name}>" if held else f"<{prefix}{name}{attributes}/>"
    return "".join(write(name, each, prefix) for each in inner)  # type: ignore[union-attr]


def envelope(body: str) -> bytes:
    """Return an envelope around a body."""
    return (
        '<?xml version="1.0" encoding="UTF-8"?>'
        f'<soapenv:Envelope xmlns:soapenv="{SOAP}"><soapenv:Body>{body}</soapenv:Body></soapenv:Envelope>'
    ).encode("utf-8", "replace")


def answered(operation: str, node: Node) -> bytes:
    """Return the answer of RIS or Control Center to an operation."""
    return envelope(write(f"{operation}Response", Tag(node, **{"xmlns:ns1": AST}), "ns1:"))


def fault(text: str, *, code: str = "Server", detail: str = "") -> bytes:
    """Return a fault.

    Args:
        text: What went wrong.
        code: ``Client`` or ``Server``.
        detail: XML for programs.
    """
    told = f"<detail>{detail}</detail>" if detail else ""
    return envelope(
        f"<soapenv:Fault><faultcode>soapenv:{code}</faultcode>"
        f"<faultstring>{xml_text(text)}</faultstring>{told}</soapenv:Fault>"
    )
