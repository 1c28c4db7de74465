"""``POST /axl/``: what a request asks for, and the answer or fault.

Rules:

1. It reads. An operation that writes is answered with 401, as a user is who may only read, and a fault that says so;
   one that nobody knows with a fault.
2. Faults have HTTP status 500 with ``axlError``; a throttled request has 503, a wrong version 599 and a page.
"""

from __future__ import annotations

import re
from typing import Final

from mixedmode.cluster.facade import Cluster
from mixedmode.errors import MalformedError, MixedModeError
from mixedmode.faces.soap.axl.gets import GETS
from mixedmode.faces.soap.axl.things import LISTINGS
from mixedmode.faces.soap.axl.versions import NAMESPACE, STATUS, VERSIONS, version_of, wrong_version_page
from mixedmode.faces.soap.envelope import envelope, fault, operation_in
from mixedmode.faces.soap.errors import AxlError
from mixedmode.faces.soap.sql.engine import Memory, run_query
from mixedmode.faces.soap.told import Told
from mixedmode.xml_reader import Element, xml_text

REQUEST_BYTES: Final = 1 << 20
_WRITES: Final = re.compile(
    r"(add|update|remove|apply|reset|restart|do|wipe|lock|assign|unassign|execute(?=SQLUpdate))[A-Z]\w*"
)


def answer(cluster: Cluster, data: bytes, action: str, memory: Memory) -> Told:
    """Answer a request; in a thread.

    Args:
        cluster: To be read.
        data: The body.
        action: The SOAPAction header.
        memory: Of the replies of this node.
    """
    try:
        operation = operation_in(data, most=REQUEST_BYTES)
    except MalformedError as error:
        return Told(fault(f"{error.what}; {error.next_step}", code="Client"), 500)
    version = version_of(action, operation.space)
    if version is None:
        return Told(wrong_version_page().encode(), STATUS, "text/html; charset=utf-8")
    try:
        with memory.place():
            inner = _answered(cluster, operation, memory)
    except AxlError as error:
        return _refused(operation, error)
    except MixedModeError as error:
        return _refused(operation, AxlError(error.what, status=503 if error.exit_code == 3 else 500))
    space = f"{NAMESPACE}{version if version in VERSIONS else VERSIONS[0]}"
    name = f"{operation.name}Response"
    held = f"<return>{inner}</return>" if inner else "<return/>"
    return Told(envelope(f'<ns:{name} xmlns:ns="{space}">{held}</ns:{name}>'))


def _answered(cluster: Cluster, operation: Element, memory: Memory) -> str:
    name = operation.name
    if name == "executeSQLQuery":
        return run_query(cluster, operation.value("sql"), memory)
    if name in LISTINGS:
        return LISTINGS[name].answer(cluster, operation, memory)
    if name in GETS:
        return GETS[name](cluster, operation)
    if _WRITES.fullmatch(name):
        raise AxlError(f"{name} writes, and this face of the cluster only reads", status=401)
    raise AxlError(f"{name[:64]} is not answered here", 5000)


def _refused(operation: Element, error: AxlError) -> Told:
    message = xml_text(error.what)
    detail = (
        f"<axlError><axlcode>{error.axl_code}</axlcode><axlmessage>{message}</axlmessage>"
        f"<request>{xml_text(operation.name[:64])}</request></axlError>"
    )
    return Told(fault(error.what, detail=detail), error.status)
