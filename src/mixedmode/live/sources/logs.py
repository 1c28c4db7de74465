"""CallManager's traces: the alarms in which phones say which lists they hold (live-cluster.md 3.3, 5.1).

Rules:

1. The node itself looks for ``DeviceTLInfo`` in the traces of the last day; only files that have it are fetched, the
   newest first, and no more than a few: traces are large, and fetching them is work for the node.
2. Files come to who asks (``DownloadtoClient``); no other way is on the allow-list.
"""

from __future__ import annotations

import email.parser
import re
import zlib
from datetime import UTC, datetime, timedelta
from typing import Final

from mixedmode.errors import MixedModeError, RemoteError
from mixedmode.live.allowed.requests import LOG_FILE, LOGS
from mixedmode.live.observed import Sighting, Source, Value
from mixedmode.live.sources.alarms import alarms_in
from mixedmode.live.sources.seeing import Seen
from mixedmode.live.wire.clock import Clock
from mixedmode.live.wire.https import Response, Web
from mixedmode.live.wire.soap import AST, Fault, all_below, envelope, opened, text_element

MOST_FILES: Final = 20
"""Of a node."""
LARGEST: Final = 64 << 20
"""Bytes of a file, packed or not."""
_CRITERIA: Final = (
    "<ns:FileSelectionCriteria><ns:ServiceLogs><ns:item>Cisco CallManager</ns:item></ns:ServiceLogs><ns:SystemLogs/>"
    "<ns:SearchStr>DeviceTLInfo</ns:SearchStr><ns:Frequency>OnDemand</ns:Frequency>"
    "<ns:JobType>DownloadtoClient</ns:JobType><ns:ToDate/><ns:FromDate/><ns:TimeZone>Client: (GMT+0:0)UTC</ns:TimeZone>"
    "<ns:RelText>Day</ns:RelText><ns:RelTime>1</ns:RelTime></ns:FileSelectionCriteria>"
)
_ACTION: Final = f"{AST}/action/#LogCollectionPort#"
_GZIP: Final = b"\x1f\x8b"
_DATES: Final = ("%a %b %d %H:%M:%S %Y", "%m/%d/%Y %H:%M:%S", "%Y-%m-%d %H:%M:%S")
Found = dict[str, dict[str, Value]]


def look_at_traces(web: Web, node: str, seen: Seen, clock: Clock) -> Found:
    """Return what phones said of their lists to a node, by phone and name of value.

    Args:
        web: The node.
        node: Its name.
        seen: Where it is noted if there is nothing.
        clock: Says when.
    """
    found: Found = {}
    try:
        files = _files(web)
    except MixedModeError as error:
        seen.missing("traces", node, error)
        return found
    for name, modified in sorted(files, key=lambda each: each[1] or datetime.min.replace(tzinfo=UTC))[-MOST_FILES:]:
        try:
            data = _file(web, name)
        except MixedModeError as error:
            seen.missing(f"trace {name}", node, error)
            continue
        # Without a date of its own it is as old as it can be: what is surely newer has to count.
        at = modified or clock.now() - timedelta(days=1)
        sighting = Sighting(Source.TRACE, at, f"{node}:{name}")
        for phone, values in alarms_in(data.decode("utf-8", "replace")).items():
            found[phone] = {key: Value(text, sighting) for key, text in values.items()}
    if len(files) > MOST_FILES:
        seen.missing("older traces", node, f"{len(files)} files have alarms; the newest {MOST_FILES} were read")
    return found


def _files(web: Web) -> list[tuple[str, datetime | None]]:
    response = web.post(LOGS, "selectLogFiles", envelope(AST, "selectLogFiles", _CRITERIA))
    answer = opened(Response(response.status, response.fields, _parts(response)[0]), web.where)
    if isinstance(answer, Fault):
        raise RemoteError(f"log collection answers: {answer.text}")
    if answer is None or response.status != 200:
        raise RemoteError(f"log collection answers with HTTP status {response.status}")
    files = []
    for each in all_below(answer, "File"):
        path = each.value("absolutepath")
        if path:
            files.append((path, _moment(each.value("modifiedDate"))))
    return files


def _file(web: Web, name: str) -> bytes:
    body = envelope(AST, "GetOneFile", text_element("FileName", name))
    response = web.post(LOG_FILE, f"{_ACTION}GetOneFile", body, limit=LARGEST)
    if response.status != 200:
        raise RemoteError(f"it cannot be fetched: HTTP status {response.status}")
    data = _parts(response)[-1]
    return _unpacked(data) if data.startswith(_GZIP) else data


def _parts(response: Response) -> list[bytes]:
    """Return the parts of an answer; itself, if it has none."""
    kind = response.fields.get("content-type", "")
    if not kind.lower().startswith("multipart/"):
        return [response.body]
    head = f"Content-Type: {kind}\r\n\r\n".encode("latin-1", "replace")
    message = email.parser.BytesParser().parsebytes(head + response.body)
    found = []
    for part in message.walk():
        if not part.is_multipart():
            payload = part.get_payload(decode=True)
            found.append(payload if isinstance(payload, bytes) else b"")
    return found or [response.body]


def _unpacked(data: bytes) -> bytes:
    """Return what a packed trace holds, up to where it ends: the one that is being written has no end yet."""
    machine = zlib.decompressobj(wbits=31)
    try:
        return machine.decompress(data, LARGEST)
    except zlib.error as error:
        raise RemoteError("the trace is damaged", why=str(error)) from error


def _moment(text: str) -> datetime | None:
    bare = re.sub(r"\s[A-Z]{3,4}(?=\s\d{4}$)", "", text.strip())
    for form in _DATES:
        try:
            return datetime.strptime(bare, form).replace(tzinfo=UTC)
        except ValueError:
            continue
    return None
