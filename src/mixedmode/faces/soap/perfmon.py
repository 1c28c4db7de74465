"""PerfMon of one node, for reading: what its CallManager counts of phones (docs/specification/live-cluster.md 3.2).

Sessions are refused with a fault: a program that asks once needs none.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from typing import Any, Final

from mixedmode.errors import MixedModeError, UsageError
from mixedmode.faces.soap.envelope import Node, answered, operation_in
from mixedmode.faces.soap.told import Told, refused
from mixedmode.xml_reader import Element

REQUEST_BYTES: Final = 64 << 10
OBJECT: Final = "Cisco CallManager"
_COUNTERS: Final[Mapping[str, tuple[str, ...]]] = {
    "AuthenticatedRegisteredPhones": ("authenticated",),
    "AuthenticatedPartiallyRegisteredPhone": (),
    "EncryptedRegisteredPhones": ("encrypted",),
    "EncryptedPartiallyRegisteredPhones": (),
    "RegisteredHardwarePhones": ("authenticated", "encrypted", "non-secure"),
    "TLSConnectedSIPTrunk": (),
}
"""By name, the security in which the phones are registered that it counts; nobody is partially registered here."""


def answer(node: str, data: bytes, registered: Sequence[Mapping[str, Any]]) -> Told:
    """Answer a request.

    Args:
        node: That is asked.
        data: The body.
        registered: The phones that are registered here now.
    """
    try:
        operation = operation_in(data, most=REQUEST_BYTES)
        return Told(answered(operation.name, _answer(node, operation, registered)))
    except MixedModeError as error:
        return refused(error)


def _answer(node: str, operation: Element, registered: Sequence[Mapping[str, Any]]) -> Node:
    name = operation.name
    host = operation.value("Host") or node
    if host.lower() != node.lower():
        raise UsageError(f"{host[:64]} is asked itself, not {node}")
    if name == "perfmonListCounter":
        counters: Node = {"item": [{"Name": each} for each in _COUNTERS]}
        return {f"{name}Return": {"item": {"Name": OBJECT, "MultiInstance": False, "ArrayOfCounter": counters}}}
    if name != "perfmonCollectCounterData":
        raise UsageError(f"{name[:64]} is not answered here")
    if operation.value("Object") != OBJECT:
        raise UsageError(f"there is no object {operation.value('Object')[:64]!r} here; {OBJECT} is")
    counted = Counter(str(phone.get("security", "")) for phone in registered)
    found = [
        {"Name": f"\\\\{node}\\{OBJECT}\\{counter}", "Value": sum(counted[each] for each in modes), "CStatus": 1}
        for counter, modes in _COUNTERS.items()
    ]
    return {f"{name}Return": {"item": found}}
