"""Which HTTP requests only read: checked as they are about to go to the socket.

Rules:

1. What is sent is looked at, not what was meant: method, target, fields and the body itself. The operation is the one
   element of the SOAP body; if ``SOAPAction`` names another one, a server might follow that, so it is refused.
2. A phone and the port of the lists are never sent a login, nor a body.
3. A target that is not written plainly (``%``, ``//``, ``..``) is refused: two servers might read it differently.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from enum import StrEnum
from typing import Final

from mixedmode.errors import MalformedError
from mixedmode.live.allowed.files import check_file, check_page
from mixedmode.live.allowed.refusal import NotAllowedError, refused
from mixedmode.live.allowed.sql import check_sql
from mixedmode.xml_reader import Element, read_xml

AXL: Final = "/axl/"
RIS: Final = "/realtimeservice2/services/RISService70"
PERFMON: Final = "/perfmonservice2/services/PerfmonService"
CONTROL: Final = "/controlcenterservice2/services/ControlCenterServices"
LOGS: Final = "/logcollectionservice2/services/LogCollectionPortTypeService"
LOG_FILE: Final = "/logcollectionservice/services/DimeGetFileService"
PAWS: Final = "/platform-services/services/"
LARGEST: Final = 1 << 20
"""Bytes of the largest request: a thousand names of phones."""
_SOAP: Final = frozenset({"http://schemas.xmlsoap.org/soap/envelope/", "http://www.w3.org/2003/05/soap-envelope"})
_FIELDS: Final = frozenset(
    {"host", "authorization", "soapaction", "content-type", "content-length", "accept", "accept-encoding", "user-agent",
     "connection", "cookie"}
)  # fmt: skip
_GETS: Final = re.compile(
    r"/cucm-uds/(version|servers)"
    r"|/platformcom/api/v1/certmgr/config/(snapshot/server|options|(identity|trust)/certificate\?service=[\w-]+)"
    r"|/ast/Astisapi\.dll\?(QueryService|GetAlertSummaryList|OpenDeviceSearch|GetPreCannedInfo(&Items=\w+)?)"
)
_PAWS: Final = re.compile(
    r"/platform-services/services/"
    r"(VersionService|HardwareInformationService|ClusterNodesService|OptionsService|ProductService|CertificateService)"
)
_SECRET: Final = frozenset({"authenticationstring", "sshpwd", "password", "pin", "digestcredentials"})
_HOLDING_SECRETS: Final = frozenset({"getPhone", "listPhone", "getUser", "listUser", "getAppUser", "listAppUser"})
_LOG_FOLDER: Final = re.compile(r"/var/log/active/[\w./+-]+")


class Place(StrEnum):
    """What is at the other end."""

    CLUSTER = "cluster"
    LISTS = "lists"
    PHONE = "phone"


@dataclass(frozen=True, slots=True)
class HttpRequest:
    """A request that is about to be sent.

    Attributes:
        place: Who gets it.
        method: ``GET`` or ``POST``.
        target: Path and query.
        fields: Of its head, names in lower case.
        body: Empty for none.
    """

    place: Place
    method: str
    target: str
    fields: Mapping[str, str] = field(default_factory=dict)
    body: bytes = b""


Check = Callable[[Element, str], None]
"""Looks at the operation of a SOAP body."""
_NOTHING_MORE: Final[Mapping[str, Check]] = {}


def check_request(request: HttpRequest, more: Mapping[str, Check] = _NOTHING_MORE) -> None:
    """Check that a request only reads.

    Args:
        request: What is about to be sent.
        more: Operations of AXL that are allowed beside those that read; what reads names none.

    Raises:
        NotAllowedError: It may do something else, or carries what must not go there.
    """
    shown = f"{request.method} {request.target}"
    target = request.target
    if not target.startswith("/") or not target.isascii() or re.search(r"[\s%\\#]|//|\.\.|[^!-~]", target):
        raise refused(shown, "the target is not written plainly")
    for name, value in request.fields.items():
        if name not in _FIELDS or not value.isascii() or not value.isprintable():
            raise refused(shown, f"the field {name!r} has no place in it")
    if request.method == "POST" and request.place is Place.CLUSTER:
        _check_soap(request, shown, more)
        return
    if request.method != "GET" or request.body:
        raise refused(shown, "what has no SOAP operation is a GET without a body")
    if request.place is Place.CLUSTER:
        if not _GETS.fullmatch(target):
            raise refused(shown, "no such address of a cluster is read")
        return
    if request.fields.keys() & {"authorization", "cookie"}:
        raise refused(shown, "no login goes to a phone, nor to the port of the lists")
    if request.place is Place.PHONE:
        check_page(target)
    else:
        check_file(target.removeprefix("/"))


def _check_soap(request: HttpRequest, shown: str, more: Mapping[str, Check]) -> None:
    if len(request.body) > LARGEST:
        raise refused(shown, f"the body is longer than {LARGEST} bytes")
    check = _SERVICES.get(request.target) or (_check_paws if _PAWS.fullmatch(request.target) else None)
    if check is None:
        raise refused(shown, "no such service is asked")
    operation = _operation(request, shown)
    action = request.fields.get("soapaction", "").strip('"')
    named = re.split(r"[\s#:/]", action)[-1]
    if named and named.lower() != operation.name.lower():
        raise refused(shown, f"SOAPAction names {named}, the body {operation.name}")
    if request.target == AXL:
        check = more.get(operation.name, check)
    check(operation, f"{shown} {operation.name}")


def _operation(request: HttpRequest, shown: str) -> Element:
    try:
        envelope = read_xml(request.body, most=LARGEST)
    except MalformedError as error:
        raise refused(shown, f"the body is no envelope: {error.what}") from error
    bodies = list(envelope.all("Body"))
    if envelope.name != "Envelope" or envelope.space not in _SOAP or len(bodies) != 1 or len(bodies[0].children) != 1:
        raise refused(shown, "an envelope has one body, and that one operation")
    headers = [each for each in envelope.all("Header") if each.children]
    if len(envelope.children) > 2 or (headers and not request.target.startswith(PAWS)):
        raise refused(shown, "an envelope has nothing beside its operation")
    return bodies[0].children[0]


def _only(*operations: str) -> Check:
    def check(operation: Element, shown: str) -> None:
        if operation.name not in operations:
            raise refused(shown, f"of this service only {', '.join(operations)} are asked")

    return check


def _check_axl(operation: Element, shown: str) -> None:
    if operation.name in {"executeSQLQuery", "executeSQLQueryInactive"}:
        statements = [each.text for each in operation.children]
        if len(statements) != 1 or operation.children[0].name != "sql" or operation.children[0].children:
            raise refused(shown, "it has one statement")
        check_sql(statements[0])
        return
    if not re.fullmatch(r"(get|list)[A-Z]\w*", operation.name):
        raise refused(shown, "of AXL only get, list and executeSQLQuery are asked")
    tags = operation.child("returnedTags")
    if operation.name in _HOLDING_SECRETS and (tags is None or not tags.children):
        raise refused(shown, "it would answer with secrets: it has to name what it returns")
    if tags is not None and any(each.name.lower() in _SECRET for each in tags.children):
        raise refused(shown, "a secret is not asked for")


def _check_logs(operation: Element, shown: str) -> None:
    _only("listNodeServiceLogs", "selectLogFiles")(operation, shown)
    words = list(_everywhere(operation))
    if operation.name == "selectLogFiles":
        kinds = [each.text for each in words if each.name == "JobType"]
        if kinds != ["DownloadtoClient"]:
            raise refused(shown, "JobType is DownloadtoClient and nothing else: others send files elsewhere")
    for each in words:
        if re.search(r"ip_?address|remote|sftp|user_?name|password|host|port", each.name, re.IGNORECASE) and each.text:
            raise refused(shown, f"{each.name} would send files elsewhere")


def _check_log_file(operation: Element, shown: str) -> None:
    _only("GetOneFile")(operation, shown)
    names = [each.text for each in operation.children]
    if len(names) != 1 or not _LOG_FOLDER.fullmatch(names[0]) or ".." in names[0]:
        raise refused(shown, "one file below /var/log/active is fetched")


def _check_paws(operation: Element, shown: str) -> None:
    if not re.fullmatch(r"(get|is|list)[A-Z]\w*", operation.name):
        raise refused(shown, "of the platform's services only get, is and list are asked")


def _everywhere(element: Element) -> list[Element]:
    found, waiting = [], [element]
    while waiting:
        each = waiting.pop()
        found.append(each)
        waiting += each.children
    return found


_SERVICES: Final[Mapping[str, Check]] = {
    AXL: _check_axl,
    RIS: _only("selectCmDevice", "selectCmDeviceExt"),
    PERFMON: _only("perfmonListCounter", "perfmonCollectCounterData"),
    CONTROL: _only("soapGetServiceStatus", "getProductInformationList", "getStaticServiceListExtended"),
    LOGS: _check_logs,
    LOG_FILE: _check_log_file,
}
__all__ = ["HttpRequest", "NotAllowedError", "Place", "check_request"]
