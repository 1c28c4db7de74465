"""Whether the database is replicated: where it is not, every certificate is doubtful (live-cluster.md 3.6)."""

from __future__ import annotations

import uuid
from typing import Final

from mixedmode.errors import MixedModeError, RemoteError
from mixedmode.live.allowed.requests import PAWS
from mixedmode.live.sources.seeing import Seen
from mixedmode.live.wire.https import Web
from mixedmode.live.wire.soap import Fault, all_below, opened

_OPERATION: Final = "isClusterReplicationOK"
_ENVELOPE: Final = (
    '<soapenv:Envelope xmlns:soapenv="http://schemas.xmlsoap.org/soap/envelope/" '
    'xmlns:vos="http://services.api.platform.vos.cisco.com" xmlns:wsa="http://www.w3.org/2005/08/addressing">'
    "<soapenv:Header><wsa:To>https://{where}{target}</wsa:To><wsa:ReplyTo><wsa:Address>"
    "http://www.w3.org/2005/08/addressing/anonymous</wsa:Address></wsa:ReplyTo><wsa:Action>urn:{operation}</wsa:Action>"
    "<wsa:MessageID>uuid:{number}</wsa:MessageID></soapenv:Header><soapenv:Body><vos:{operation}/></soapenv:Body>"
    "</soapenv:Envelope>"
)


def look_at_replication(web: Web, node: str, seen: Seen) -> None:
    """Add whether the platform of a node says that the database is replicated.

    Args:
        web: The publisher, with an account of the platform.
        node: Its name.
        seen: To be added to.
    """
    target = f"{PAWS}ClusterNodesService"
    body = _ENVELOPE.format(where=web.where, target=target, operation=_OPERATION, number=uuid.uuid4())
    try:
        response = web.post(target, "", body.encode())
        answer = opened(response, web.where)
        if answer is None or isinstance(answer, Fault) or response.status != 200:
            raise RemoteError(f"the platform service answers with HTTP status {response.status}")
    except MixedModeError as error:
        seen.missing("replication", node, error)
        return
    said = {each.text.lower() for each in all_below(answer, "clusterReplicationStatusOK")}
    if said & {"true", "false"}:
        seen.replication_ok = said == {"true"}
    else:
        seen.missing("replication", node, "the answer does not say")
