"""The stub beside an encrypted file: what a phone may read before it decrypts (wire-formats.md 3).

Rules:

1. ``fullConfig`` false comes first, so that the phone asks for the ``.enc.sgn`` file.
2. Of the configuration only ipAddressMode, loadInformation, capfAuthMode and capfList are kept, in its order.
3. ``certHash`` is the MD5 of the certificate that the file is encrypted for; a phone with another one goes to
   CAPF. ``encrConfig`` true closes the stub.
4. The configuration is read without namespaces (CUCM writes ``xsi:type`` undeclared); a DOCTYPE is refused,
   and so is nesting deeper than 32.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING
from xml.parsers import expat

from mixedmode.errors import UsageError
from mixedmode.signedfile.wellformed import explain

if TYPE_CHECKING:
    from mixedmode.pki.certificates.certificates import Certificate

KEPT = frozenset({"ipAddressMode", "loadInformation", "capfAuthMode", "capfList"})
MAX_DEPTH = 32


@dataclass(slots=True)
class _Element:
    name: str
    attributes: dict[str, str]
    children: list[_Element] = field(default_factory=list)
    text: str = ""


def make_stub(content: bytes, device: Certificate) -> bytes:
    """Return the stub of a configuration that is encrypted for a device's certificate.

    Raises:
        UsageError: The content is no XML document with a ``device`` root.
    """
    root = _parse(content)
    lines = ['<?xml version="1.0" encoding="UTF-8"?>', "<device>", "  <fullConfig>false</fullConfig>"]
    for child in root.children:
        if child.name in KEPT:
            lines += _render(child, 1)
    lines += [f"  <certHash>{device.md5.hex()}</certHash>", "  <encrConfig>true</encrConfig>", "</device>", ""]
    return "\n".join(lines).encode()


def _render(element: _Element, depth: int) -> list[str]:
    # It brings an HTTP client along, and who reads a list makes no stub.
    from xml.sax.saxutils import escape, quoteattr

    indent = "  " * depth
    attributes = "".join(f" {name}={quoteattr(value)}" for name, value in element.attributes.items())
    opening = f"{indent}<{element.name}{attributes}"
    if element.children:
        inner = [line for child in element.children for line in _render(child, depth + 1)]
        return [f"{opening}>", *inner, f"{indent}</{element.name}>"]
    if element.text:
        return [f"{opening}>{escape(element.text)}</{element.name}>"]
    return [f"{opening}/>"]


def _parse(content: bytes) -> _Element:
    """Return the root element.

    Raises:
        UsageError: It is no XML, not a device's configuration, has a DOCTYPE, or is nested too deeply.
    """
    roots: list[_Element] = []
    path: list[_Element] = []

    def start(name: str, attributes: dict[str, str]) -> None:
        if len(path) == MAX_DEPTH:
            raise _refused("its elements are nested too deeply")
        element = _Element(name, attributes)
        (path[-1].children if path else roots).append(element)
        path.append(element)

    def end(_name: str) -> None:
        element = path.pop()
        element.text = element.text.strip()

    def text(characters: str) -> None:
        if path:
            path[-1].text += characters

    def doctype(*_details: object) -> None:
        raise _refused("it has a DOCTYPE, which a phone's configuration never has")

    parser = expat.ParserCreate()
    parser.buffer_text = True
    parser.StartElementHandler = start
    parser.EndElementHandler = end
    parser.CharacterDataHandler = text
    parser.StartDoctypeDeclHandler = doctype
    try:
        parser.Parse(content, True)
    except expat.ExpatError as error:
        raise _refused(str(explain(error))) from error
    except (ValueError, LookupError) as error:
        raise _refused("its encoding is not known; use UTF-8") from error
    if roots[0].name != "device":
        raise _refused(f"its root is <{roots[0].name}>, not <device>")
    return roots[0]


def _refused(why: str) -> UsageError:
    return UsageError(
        "no stub can be made of this file",
        why=why,
        code="no_device_configuration",
        next_step="encrypt only a phone's configuration, such as SEP001122334455.cnf.xml",
    )
