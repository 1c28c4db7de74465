"""Trust lists: those on the nodes now, every one that was ever published, the difference of two, and a new CTL."""

from __future__ import annotations

import base64
import binascii
import hashlib
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Annotated, Any, Final

from pydantic import Field

from mixedmode.cluster.model.errors import NotFoundError
from mixedmode.cluster.model.topology import Service
from mixedmode.cluster.operations.ctl_upload import CtlAction, UploadCtl
from mixedmode.cluster.publishing import archive
from mixedmode.cluster.publishing.published import TrustFile
from mixedmode.errors import UsageError
from mixedmode.faces.api.endpoint import JSON, LAX, STRICT, Call, Endpoint, Listing, Paged, Reply, listing
from mixedmode.faces.api.shared import Done, done
from mixedmode.trustlist import TrustList
from mixedmode.trustlist.diff import diff_trust_lists, difference_document
from mixedmode.trustlist.document import describe
from mixedmode.trustlist.kinds import CTL_FILE, ITL_FILE
from mixedmode.trustlist.verify import verify_trust_list

_TAG: Final = "lists"
_BINARY: Final = "application/octet-stream"
_FILES: Final = (CTL_FILE, ITL_FILE)
_OBJECT: Final[dict[str, Any]] = {"type": "object"}


@dataclass(frozen=True, slots=True)
class NodeList:
    """A node's CTL or ITL.

    Attributes:
        sha256: Of the file, lower hex; null if there is none. So are the other two.
        differs: Whether it is not what the publisher published.
        pending: Why the newest file is not on the node yet.
    """

    node: str
    file: str
    length: int | None
    sha256: str | None
    sha1: str | None
    md5: str | None
    modified: datetime | None
    differs: bool
    pending: str | None


@dataclass(frozen=True, slots=True)
class Publication:
    """A list was published.

    Attributes:
        number: Grows with each publication.
        node: Whose it was; null for the CTL, which all nodes share.
        action: What published it.
        operation: The operation's number in the journal.
        current: Whether nothing has replaced it.
    """

    number: int
    file: str
    node: str | None
    published: datetime
    action: str | None
    operation: int | None
    current: bool
    length: int
    sha256: str
    sha1: str
    md5: str


@dataclass(frozen=True, slots=True)
class Published(Paged):
    """Which publications."""

    __pydantic_config__ = LAX

    node: Annotated[str | None, Field(max_length=255, description="Only the ITL files of this node.")] = None
    file: Annotated[str | None, Field(max_length=64, description="Only of this name, such as CTLFile.tlv.")] = None


@dataclass(frozen=True, slots=True)
class Two:
    """Which lists are compared."""

    __pydantic_config__ = LAX

    old: Annotated[str, Field(min_length=6, max_length=128, description="MD5, SHA-1 or SHA-256 of the first list.")]
    new: Annotated[str, Field(min_length=6, max_length=128, description="The same of the second.")]


@dataclass(frozen=True, slots=True)
class NewCtl:
    """A CTL file that was signed elsewhere."""

    __pydantic_config__ = STRICT

    file: Annotated[str, Field(min_length=1, max_length=200_000, description="The signed CTL, base64.")]
    action: Annotated[str, Field(pattern="^(mixed|non-secure|update)$", description="mixed, non-secure or update.")] = (
        "update"
    )
    phones_cleared: Annotated[
        bool, Field(description="The CTL files of all phones are deleted by hand: the signer may be new.")
    ] = False


def _list(found: TrustFile) -> NodeList:
    data = found.data
    modified = None if found.modified is None else datetime.fromtimestamp(found.modified, UTC)
    return NodeList(
        found.node,
        found.name,
        None if data is None else len(data),
        None if data is None else hashlib.sha256(data).hexdigest(),
        None if data is None else hashlib.sha1(data, usedforsecurity=False).hexdigest(),
        None if data is None else hashlib.md5(data, usedforsecurity=False).hexdigest(),
        modified,
        found.differs,
        found.pending or None,
    )


def _present(call: Call) -> Reply:
    found = []
    for node in call.cluster.nodes():
        found.append(_list(call.cluster.show_ctl(node.name)))
        if Service.TFTP in node.services:
            found.append(_list(call.cluster.show_itl(node.name)))
    return Reply(found)


def _of_node(call: Call) -> Reply:
    name, cluster = call.values["file"], call.cluster
    if name not in _FILES:
        raise NotFoundError(f"there is no trust list {name!r}", next_step=f"one of: {', '.join(_FILES)}")
    node = cluster.node(call.values["node"]).name
    found = cluster.show_ctl(node) if name == CTL_FILE else cluster.show_itl(node)
    if found.data is None:
        raise NotFoundError(f"{node} has no {name}", next_step="GET /api/v1/lists shows which node has which")
    return _told(call, found.data)


def _told(call: Call, data: bytes) -> Reply:
    """Return a list as its bytes, or all that it says."""
    if call.accept == _BINARY:
        return Reply(data, media_type=_BINARY)
    found = TrustList.parse(data)
    return Reply(describe(found, verify_trust_list(found, None), ()))


def _archive(call: Call) -> Reply:
    asked = call.asked(Published)
    node = None if asked.node is None else call.cluster.node(asked.node).name
    every = archive.history(call.cluster.database, node=node)
    return listing((_publication(each) for each in reversed(every) if asked.file in {None, each.name}), call)


def _publication(each: archive.Publication) -> Publication:
    return Publication(
        each.number,
        each.name,
        each.node or None,
        each.published,
        each.action or None,
        each.operation,
        each.current,
        each.length,
        each.sha256,
        each.sha1,
        each.md5,
    )


def _archived(call: Call) -> Reply:
    return _told(call, archive.find(call.cluster.database, call.values["hash"]).data)


def _difference(call: Call) -> Reply:
    asked, database = call.asked(Two), call.cluster.database
    old, new = (TrustList.parse(archive.find(database, each).data) for each in (asked.old, asked.new))
    return Reply(difference_document(diff_trust_lists(old, new)))


def _install(call: Call) -> Reply:
    sent = call.sent(NewCtl)
    try:
        data = base64.b64decode(sent.file, validate=True)
    except (binascii.Error, ValueError) as error:
        raise UsageError("this is no base64", where="file", why=str(error), code="invalid") from error
    operation = UploadCtl.of(data, CtlAction(sent.action), phones_cleared=sent.phones_cleared)
    return done(call.run_operation(operation))


ENDPOINTS: Final = (
    Endpoint("GET", "/lists", "listLists", "Show every node's CTL and ITL now.", _present, _TAG, list[NodeList]),
    Endpoint(
        "GET",
        "/nodes/{node}/lists/{file}",
        "getNodeList",
        "Show a node's CTL or ITL, or have its bytes.",
        _of_node,
        _TAG,
        _OBJECT,
        media_types=(JSON, _BINARY),
    ),
    Endpoint(
        "POST",
        "/lists/ctl",
        "installCtl",
        "Make a CTL that was signed elsewhere the cluster's own.",
        _install,
        _TAG,
        Done,
        level=UploadCtl.privilege,
        body=NewCtl,
        keyed=True,
    ),
    Endpoint(
        "GET",
        "/lists/archive",
        "listPublications",
        "List every publication of a list, the newest first.",
        _archive,
        _TAG,
        Listing[Publication],
        query=Published,
    ),
    Endpoint(
        "GET",
        "/lists/archive/{hash}",
        "getArchivedList",
        "Show a list that was published, by its hash, or have its bytes.",
        _archived,
        _TAG,
        _OBJECT,
        media_types=(JSON, _BINARY),
    ),
    Endpoint(
        "GET",
        "/lists/difference",
        "compareLists",
        "Show what two published lists say differently.",
        _difference,
        _TAG,
        _OBJECT,
        query=Two,
    ),
)
