"""Log collection of one node, for reading: its traces, found by what stands in them, and fetched (live-cluster.md 3.3).

Rules:

1. Traces are all that is given out: the files of :data:`GIVEN` below ``activelog``, called ``/var/log/active/...``.
2. Files go to who asks. A job that would send them elsewhere is refused, as is any operation that is not one of three.
3. An answer has one part, a file's two: the envelope, and the file as it is.
4. Times are UTC, whatever zone is asked for, and say so.
"""

from __future__ import annotations

import re
import secrets
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Final

from mixedmode.cluster.facade import Cluster
from mixedmode.cluster.store.folders import NodeFolder
from mixedmode.errors import MixedModeError, UsageError
from mixedmode.faces.soap.envelope import Node, answered, fault, operation_in
from mixedmode.faces.soap.told import Told, refused
from mixedmode.services.traces.catalogue import SDL, TRACES, TraceKind
from mixedmode.services.traces.trace_file import trace_files
from mixedmode.xml_reader import Element

REQUEST_BYTES: Final = 64 << 10
GIVEN: Final = (*TRACES, SDL)
ROOT: Final = "/var/log/active/"
_JOB: Final = "DownloadtoClient"
_SPANS: Final = {
    "week": timedelta(weeks=1),
    "day": timedelta(days=1),
    "month": timedelta(days=30),
    "hours": timedelta(hours=1),
    "minutes": timedelta(minutes=1),
    "none": None,
    "": None,
}
_DATES: Final = ("%m/%d/%y %I:%M %p", "%m/%d/%Y %I:%M %p", "%m/%d/%Y %H:%M:%S")
_MOST_TEXT: Final = 256


@dataclass(frozen=True, slots=True)
class _Found:
    """A file of a trace."""

    kind: TraceKind
    path: Path
    size: int
    modified: datetime

    @property
    def name(self) -> str:
        """Its absolute path, as CUCM would have it."""
        return f"{ROOT}{self.kind.folder}/{self.path.name}"


def answer(cluster: Cluster, node: str, data: bytes) -> Told:
    """Answer ``listNodeServiceLogs`` or ``selectLogFiles``; in a thread.

    Args:
        cluster: Has the node's folder.
        node: That is asked.
        data: The body.
    """
    try:
        operation = operation_in(data, most=REQUEST_BYTES)
        if operation.name == "listNodeServiceLogs":
            held = _kinds(node)
        elif operation.name == "selectLogFiles":
            held = _selected(cluster, node, operation)
        else:
            raise UsageError(f"{operation.name[:64]} is not answered here")
        return _parted(answered(operation.name, held))
    except MixedModeError as error:
        return refused(error)


def give(cluster: Cluster, node: str, data: bytes) -> Told:
    """Answer ``GetOneFile``; in a thread.

    Args:
        cluster: Has the node's folder.
        node: That is asked.
        data: The body.
    """
    try:
        operation = operation_in(data, most=REQUEST_BYTES)
        if operation.name != "GetOneFile":
            raise UsageError(f"{operation.name[:64]} is not answered here")
        name = operation.value("FileName")
        found = next((each for each in _files(cluster, node, GIVEN) if each.name == name), None)
        content = None if found is None else found.path.read_bytes()
    except MixedModeError as error:
        return refused(error)
    except OSError:
        content = None  # it was deleted meanwhile
    if content is None:
        return Told(fault(f"FileName {name[:_MOST_TEXT]} do not exist"), 500)
    return _parted(answered("GetOneFile", {"DataHandler": name}), content)


def _kinds(node: str) -> Node:
    logs: Node = {"item": list(dict.fromkeys(kind.title for kind in GIVEN))}
    return {"listNodeServiceLogsReturn": {"item": {"name": node, "ServiceLog": logs}}}


def _selected(cluster: Cluster, node: str, operation: Element) -> Node:
    criteria = operation.child("FileSelectionCriteria") or operation
    job = criteria.value("JobType")
    if job != _JOB:
        raise UsageError(f"a job of the type {job[:_MOST_TEXT]!r} is not done here: {_JOB} is")
    wanted = {each.text.casefold() for each in _listed(criteria, "ServiceLogs")}
    titles = [title for title in dict.fromkeys(kind.title for kind in GIVEN) if title.casefold() in wanted]
    begin, end = _span(criteria, cluster.now())
    text = criteria.value("SearchStr").encode()
    logs = []
    for title in titles:
        kinds = tuple(kind for kind in GIVEN if kind.title == title)
        files = [
            each
            for each in _files(cluster, node, kinds)
            if begin <= each.modified <= end and (not text or _has(each.path, text))
        ]
        if files:
            logs.append({"name": title, "SetOfFiles": {"File": [_file(each) for each in files]}})
    selected: Node = {"Node": {"name": node, "ServiceList": {"ServiceLogs": logs}}}
    return {"ResultSet": {"SchemaFileSelectionResult": selected}}


def _listed(criteria: Element, name: str) -> Iterator[Element]:
    held = criteria.child(name)
    return held.all("item") if held is not None else iter(())


def _span(criteria: Element, now: datetime) -> tuple[datetime, datetime]:
    """Return between which moments files are wanted.

    Raises:
        UsageError: The request says so in a way that is not known.
    """
    begin, end = _date(criteria.value("FromDate")), _date(criteria.value("ToDate"))
    unit, count = criteria.value("RelText").casefold(), criteria.value("RelTime")
    if unit not in _SPANS:
        raise UsageError(f"RelText is {', '.join(each.title() for each in _SPANS if each)}, not {unit[:_MOST_TEXT]!r}")
    span = _SPANS[unit]
    if span is not None and begin is None and re.fullmatch("[0-9]{1,4}", count):
        begin = now - span * int(count)
    later = now + timedelta(days=1)  # what is written meanwhile counts
    return begin or datetime.min.replace(tzinfo=UTC), end or later


def _date(text: str) -> datetime | None:
    if not text or text.casefold() == "null":
        return None
    for form in _DATES:
        try:
            return datetime.strptime(text, form).replace(tzinfo=UTC)
        except ValueError:
            continue
    raise UsageError(f"{text[:_MOST_TEXT]!r} is no date such as 11/26/26 8:05 AM")


def _files(cluster: Cluster, node: str, kinds: tuple[TraceKind, ...]) -> Iterator[_Found]:
    folder = NodeFolder(cluster.directory / node)
    if not folder.is_here:
        return
    for kind in kinds:
        for _, path in trace_files(folder.area("activelog") / kind.folder, kind.prefix):
            try:
                there = path.stat()
            except OSError:
                continue
            yield _Found(kind, path, there.st_size, datetime.fromtimestamp(int(there.st_mtime), UTC))


def _has(path: Path, text: bytes) -> bool:
    try:
        return text in path.read_bytes()
    except OSError:
        return False


def _file(found: _Found) -> Node:
    return {
        "name": found.path.name,
        "absolutepath": found.name,
        "filesize": str(found.size),
        "modifiedDate": f"{found.modified:%a %b %d %H:%M:%S} UTC {found.modified:%Y}",
    }


def _parted(envelope: bytes, content: bytes | None = None) -> Told:
    """Return an answer of one part or two (rule 3)."""
    mark = f"MIMEBoundary_{secrets.token_hex(16)}"
    begin = f"--{mark}\r\n".encode()
    head = (
        b"Content-Type: text/xml; charset=utf-8\r\nContent-Transfer-Encoding: binary\r\nContent-ID: <0.answer>\r\n\r\n"
    )
    body = begin + head + envelope + b"\r\n"
    if content is not None:
        kind = b"Content-Type: application/octet-stream\r\nContent-Transfer-Encoding: binary\r\n"
        body += begin + kind + b"Content-ID: <1.file>\r\n\r\n" + content + b"\r\n"
    media = f'multipart/related; boundary="{mark}"; type="text/xml"; start="<0.answer>"'
    return Told(body + f"--{mark}--\r\n".encode(), 200, media)


def _part(kind: str, number: str) -> bytes:
    head = f"Content-Type: {kind}\r\nContent-Transfer-Encoding: binary\r\nContent-ID: <{number}>\r\n\r\n"
    return head.encode()
