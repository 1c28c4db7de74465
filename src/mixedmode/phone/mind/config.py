"""The part of a phone's configuration file that concerns trust (phone-trust.md section 6).

Rules:

1. Bounded: bytes, elements and depth; no document type, hence no entities but the five of XML.
2. What is absent is None or empty; an unknown element is ignored; a value that is no number where one is
   needed makes the file malformed, with the line and column.
3. TVS and CallManager members are in priority order, at most five of each.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from functools import lru_cache
from typing import Final

from mixedmode.errors import MalformedError
from mixedmode.numbers import whole_number
from mixedmode.signedfile.wellformed import explain

MAX_BYTES: Final = 1 << 20
_SMALL: Final = 1 << 14
"""Bytes of a configuration that is remembered."""
MAX_ELEMENTS: Final = 20_000
MAX_DEPTH: Final = 40
MEMBER_LIMIT: Final = 5
_SIP_PORT, _SIP_TLS_PORT, _SCCP_PORT, _SCCP_TLS_PORT = 5060, 5061, 2000, 2443
_CAPF_PORT = 3804
TVS_PORT: Final = 2445
_ACCESS: Final = {"0": True, "1": False}
"""``webAccess``, by what it says; anything else says nothing."""


@dataclass(frozen=True, slots=True)
class CallManager:
    """A member of the CallManager group, with its ports."""

    address: str
    priority: int
    sip_port: int = _SIP_PORT
    secure_sip_port: int = _SIP_TLS_PORT
    sccp_port: int = _SCCP_PORT
    secure_sccp_port: int = _SCCP_TLS_PORT


@dataclass(frozen=True, slots=True)
class TvsServer:
    """A TVS server; a lower priority is asked first."""

    address: str
    port: int = TVS_PORT
    priority: int = 0


@dataclass(frozen=True, slots=True)
class CapfServer:
    """A CAPF: its name or address, and its TCP port."""

    address: str
    port: int = _CAPF_PORT


@dataclass(frozen=True, slots=True)
class PhoneConfig:
    """What a configuration says about trust.

    Attributes:
        protocol: ``SCCP`` or ``SIP``.
        call_managers: The CallManager group.
        tvs: The TVS servers.
        device_security_mode: 1 non-secure, 2 authenticated, 3 encrypted.
        transport: 1 TCP, 2 UDP, 3 TLS.
        encrypted: Whether the phone shall ask for the ``.enc.sgn`` file from now on.
        certificate_hash: MD5 of the phone's own certificate in hex, empty if CAPF shall be contacted.
        load: The firmware to run.
        capf_mode: How to authenticate to CAPF.
        capf: The CAPF servers.
        full: False in the stub that stands beside an encrypted file.
        web_access: Whether the phone's own pages may be seen (``webAccess``, 0 is yes); None: it does not say.
        authentication_url: Who may press the phone's keys from afar; None or empty: everybody.
    """

    protocol: str | None = None
    call_managers: tuple[CallManager, ...] = ()
    tvs: tuple[TvsServer, ...] = ()
    device_security_mode: int | None = None
    transport: int | None = None
    encrypted: bool = False
    certificate_hash: str | None = None
    load: str | None = None
    capf_mode: int | None = None
    capf: tuple[CapfServer, ...] = ()
    full: bool = True
    web_access: bool | None = None
    authentication_url: str | None = None


@dataclass(slots=True)
class _Element:
    name: str
    attributes: dict[str, str]
    children: list[_Element] = field(default_factory=list)
    pieces: list[str] = field(default_factory=list)

    def find(self, *path: str) -> _Element | None:
        element: _Element | None = self
        for name in path:
            element = next((child for child in element.children if child.name == name), None) if element else None
        return element

    def text(self, *path: str) -> str | None:
        element = self.find(*path)
        return None if element is None else "".join(element.pieces).strip()


def parse_config(data: bytes) -> PhoneConfig:
    """Read a device's configuration.

    Args:
        data: The XML, as it was signed.

    Raises:
        MalformedError: It is no XML within the bounds (rule 1), not a device's, or a number is none.
    """
    # No device's name stands in it: thousands of phones get the same bytes.
    return _parse_once(bytes(data)) if len(data) <= _SMALL else _parse(data)


def _parse(data: bytes) -> PhoneConfig:
    root = _read(data)
    if root.name not in {"device", "Default"}:
        raise MalformedError(
            f"the root is <{root.name}>, not <device>", code="config", next_step="check what the server serves"
        )
    return PhoneConfig(
        protocol=root.text("deviceProtocol"),
        call_managers=_call_managers(root),
        tvs=_tvs(root),
        device_security_mode=_number(root.text("deviceSecurityMode"), "deviceSecurityMode"),
        transport=_number(root.text("transportLayerProtocol"), "transportLayerProtocol"),
        encrypted=(root.text("encrConfig") or "").lower() in {"true", "1"},
        certificate_hash=root.text("certHash"),
        load=root.text("loadInformation"),
        capf_mode=_number(root.text("capfAuthMode"), "capfAuthMode"),
        capf=_capf(root),
        full=(root.text("fullConfig") or "true").lower() != "false",
        web_access=_ACCESS.get(root.text("vendorConfig", "webAccess") or ""),
        authentication_url=root.text("authenticationURL"),
    )


_parse_once = lru_cache(maxsize=128)(_parse)


def _call_managers(root: _Element) -> tuple[CallManager, ...]:
    # A default file has the group at its root, a device's in its pool.
    members = root.find("devicePool", "callManagerGroup", "members") or root.find("callManagerGroup", "members")
    found = []
    for position, member in enumerate(_members(members)):
        manager = member.find("callManager")
        address = manager.text("processNodeName") or manager.text("name") if manager else None
        if manager is None or not address:
            continue
        ports = manager.find("ports") or _Element("ports", {})
        found.append(
            CallManager(
                address,
                _priority(member, position),
                _port(ports, "sipPort", _SIP_PORT),
                _port(ports, "securedSipPort", _SIP_TLS_PORT),
                _port(ports, "ethernetPhonePort", _SCCP_PORT),
                _port(ports, "securedPhonePort", _SCCP_TLS_PORT),
            )
        )
    return tuple(sorted(found, key=lambda manager: manager.priority)[:MEMBER_LIMIT])


def _tvs(root: _Element) -> tuple[TvsServer, ...]:
    found = []
    for position, member in enumerate(_members(root.find("TVS", "members"))):
        address = member.text("address")
        if address:
            found.append(TvsServer(address, _port(member, "port", TVS_PORT), _priority(member, position)))
    return tuple(sorted(found, key=lambda server: server.priority)[:MEMBER_LIMIT])


def _capf(root: _Element) -> tuple[CapfServer, ...]:
    servers = root.find("capfList")
    found = []
    for each in servers.children if servers else ():
        address = each.text("processNodeName")
        if each.name == "capf" and address:
            found.append(CapfServer(address, _port(each, "phonePort", _CAPF_PORT)))
    return tuple(found[:MEMBER_LIMIT])


def _members(members: _Element | None) -> list[_Element]:
    return [child for child in members.children if child.name == "member"] if members else []


def _priority(member: _Element, position: int) -> int:
    number = _number(member.attributes.get("priority"), "priority")
    return position if number is None else number


def _port(parent: _Element, name: str, default: int) -> int:
    port = _number(parent.text(name), name)
    if port is None:
        return default
    if not 0 < port < 65536:
        raise MalformedError(f"<{name}> is {port}, which is no port", code="config")
    return port


def _number(text: str | None, name: str) -> int | None:
    if not text:
        return None
    number = whole_number(text)
    if number is None or len(text) > 9:
        raise MalformedError(f"{name} is {text[:20]!r}, not a number", code="config")
    return number


class _Reader:
    """Builds the tree and holds the bounds (rule 1)."""

    def __init__(self) -> None:
        self.root: _Element | None = None
        self._open: list[_Element] = []
        self._count = 0

    def start(self, name: str, attributes: dict[str, str]) -> None:
        """An element begins."""
        self._count += 1
        if self._count > MAX_ELEMENTS or len(self._open) >= MAX_DEPTH:
            limits = f"{MAX_ELEMENTS} elements or {MAX_DEPTH} levels"
            raise MalformedError(f"the configuration has more than {limits}", code="config")
        element = _Element(name, attributes)
        if self._open:
            self._open[-1].children.append(element)
        else:
            self.root = element
        self._open.append(element)

    def end(self, _name: str) -> None:
        """An element ends."""
        self._open.pop()

    def characters(self, text: str) -> None:
        """Text stands in an element."""
        self._open[-1].pieces.append(text)

    @staticmethod
    def doctype(*_arguments: object) -> None:
        """A document type begins."""
        raise MalformedError(
            "the configuration has a document type", code="config", why="it could define entities without bound"
        )


def _read(data: bytes) -> _Element:
    from xml.parsers import expat

    if len(data) > MAX_BYTES:
        raise MalformedError(f"a configuration of {len(data)} bytes is too large", offset=MAX_BYTES, code="config")
    reader = _Reader()
    parser = expat.ParserCreate()
    parser.buffer_text = True
    parser.StartElementHandler = reader.start
    parser.EndElementHandler = reader.end
    parser.CharacterDataHandler = reader.characters
    parser.StartDoctypeDeclHandler = reader.doctype
    try:
        parser.Parse(data, True)
    except expat.ExpatError as error:
        problem = explain(error, parser.ErrorByteIndex)
        raise MalformedError(
            f"the configuration is no XML: {problem.text}",
            offset=problem.offset,
            why=f"line {problem.line}, column {problem.column}",
            code="config",
        ) from error
    except (LookupError, UnicodeError, ValueError) as error:
        raise MalformedError(
            "the configuration is in an unknown encoding", why="phones read UTF-8", code="config"
        ) from error
    if reader.root is None:
        raise MalformedError("the configuration is empty", offset=0, code="config")
    return reader.root
