"""How a subscriber joins: it asks the publisher's SSH server, as an administrator, in the subsystem ``mixedmode-node``.

One line of JSON each way, for each of two questions:

* ``{"ask": "describe"}``: the cluster's version, organization and key kinds, and how to reach its database.
* ``{"ask": "join", "name", "address", "ports", "sftp_host_key", "certificates": {unit: PEM}}``: take me in.

Rules:

1. Private keys never travel: the subscriber makes its own and sends certificates.
2. Joining again with the same certificates changes nothing, so a join that was cut off can be repeated.
3. The publisher's host key must be known (known_hosts, or its fingerprint on the command line).
"""

from __future__ import annotations

import asyncio
import json
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, Final

import asyncssh

from mixedmode.causes import why_no_connection
from mixedmode.cluster.engine.documents import operation_of
from mixedmode.cluster.engine.principal import Principal
from mixedmode.cluster.facade import Cluster
from mixedmode.cluster.model.versions import Version
from mixedmode.cluster.operations.nodes import JoinNode
from mixedmode.cluster.store.certificates import key_name
from mixedmode.cluster.store.folders import NodeFolder
from mixedmode.cluster.store.making import hash_of, key_file, key_kind_of, make_installed, organization_of
from mixedmode.control.acts import Act
from mixedmode.control.door import Control
from mixedmode.errors import MalformedError, MixedModeError, RemoteError, RemoteProtocolError, UsageError
from mixedmode.json_reader import read_json
from mixedmode.pki.certificates.certificates import Certificate
from mixedmode.pki.certificates.issuing import Hash
from mixedmode.pki.certificates.load import load_own_signer
from mixedmode.pki.certificates.profiles import KeyKind, Purpose, Subject
from mixedmode.pki.files import read_key_file
from mixedmode.services.ssh.known_hosts import known_hosts_file, scan_hint

SUBSYSTEM: Final = "mixedmode-node"
SECONDS: Final = 60.0


class JoinDesk:
    """Answers subscribers on the publisher.

    Args:
        cluster: The cluster.
        replication: How a subscriber reaches the publisher's database, empty if it cannot.
        sftp_key: The public key with which the publisher pushes files.
    """

    def __init__(self, cluster: Cluster, *, replication: Callable[[], Mapping[str, Any]], sftp_key: str) -> None:
        self._cluster = cluster
        self._control = Control(cluster)
        self._replication = replication
        self._sftp_key = sftp_key

    async def __call__(self, principal: Principal, request: dict[str, Any]) -> dict[str, Any]:
        """Answer a question.

        Raises:
            MixedModeError: The account may not, or the node cannot join.
        """
        # Also what a description tells, the way into the database, is for nobody else.
        await asyncio.to_thread(self._control.allow, principal, Act(JoinNode.title, JoinNode.privilege))
        ask = request.get("ask")
        if ask == "describe":
            return await asyncio.to_thread(self._describe)
        if ask == "join":
            return await asyncio.to_thread(self._join, principal, request)
        raise UsageError(
            f"{ask!r} is no question that this release knows", next_step="run the same release on all nodes"
        )

    def _describe(self) -> dict[str, Any]:
        cluster = self._cluster
        publisher = cluster.publisher
        certificate = cluster.own_certificate(publisher.name, Purpose.CALLMANAGER.value)
        subject = organization_of(certificate)
        algorithm = hash_of(certificate)
        try:
            replication, problem = dict(self._replication()), None
        except MixedModeError as error:
            replication, problem = {}, str(error)
        return {
            "version": cluster.version.text,
            "publisher": {"name": publisher.name, "address": publisher.address},
            "organization": [
                subject.organizational_unit,
                subject.organization,
                subject.locality,
                subject.state,
                subject.country,
            ],
            "key": key_kind_of(certificate).label,
            "hash": algorithm.value if algorithm else None,
            "replication": replication,
            "replication_problem": problem,
            "sftp_key": self._sftp_key,
        }

    def _join(self, principal: Principal, request: dict[str, Any]) -> dict[str, Any]:
        name = str(request.get("name", ""))
        if not self._is_known(name, request):
            fields = ("name", "address", "ports", "sftp_host_key", "certificates")
            operation = operation_of(JoinNode, {field: request.get(field) for field in fields})
            result = self._control.run(principal, operation)
            return {"joined": name, "warnings": list(result.warnings)}
        return {"joined": name, "warnings": []}

    def _is_known(self, name: str, request: Mapping[str, Any]) -> bool:
        """Return whether this very node joined before (rule 2)."""
        certificates = request.get("certificates")
        mine = certificates.get(Purpose.CALLMANAGER.value) if isinstance(certificates, dict) else None
        if not isinstance(mine, str):
            return False
        try:
            known = self._cluster.own_certificate(self._cluster.node(name).name, Purpose.CALLMANAGER.value)
        except MixedModeError:
            return False
        return known == Certificate.from_pem(mine.encode())


@dataclass(frozen=True, slots=True)
class Publisher:
    """Where to join.

    Attributes:
        known_hosts: What recognises the publisher; None is the user's own file.
    """

    host: str
    port: int
    user: str
    password: str
    known_hosts: Path | None = None


async def ask_publisher(publisher: Publisher, request: Mapping[str, Any]) -> dict[str, Any]:
    """Ask the publisher.

    Raises:
        UsageError: It refused the account, or the request.
        RemoteError: It cannot be reached, or is not the one that is known.
        RemoteProtocolError: It answered something else.
    """
    where = f"{publisher.host}:{publisher.port}"
    hint = scan_hint(publisher.host, publisher.port)
    known = known_hosts_file(publisher.known_hosts)
    if not known.is_file():
        raise UsageError("the publisher's host key is not known", where=str(known), next_step=hint)
    try:
        keys = asyncssh.import_known_hosts(read_key_file(known).decode())
    except ValueError as error:
        raise MalformedError("the file of host keys cannot be read", where=str(known), why=str(error)) from error
    try:
        async with asyncio.timeout(SECONDS):
            connection = await asyncssh.connect(
                publisher.host,
                publisher.port,
                username=publisher.user,
                password=publisher.password,
                known_hosts=keys,
                client_keys=None,
                config=None,
                preferred_auth="password",
            )
            async with connection, connection.create_process(subsystem=SUBSYSTEM) as process:
                process.stdin.write(json.dumps(dict(request)) + "\n")
                line = await process.stdout.readline()
    except asyncssh.HostKeyNotVerifiable as error:
        problem = "the publisher shows a host key that is not known"
        raise RemoteError(problem, where=where, why=str(error), next_step=hint) from error
    except asyncssh.PermissionDenied as error:
        raise UsageError("the publisher refused the login", where=f"{publisher.user}@{where}") from error
    except (asyncssh.Error, OSError, ValueError) as error:
        why, step = why_no_connection(error) if isinstance(error, OSError | UnicodeError) else (str(error), None)
        raise RemoteError("the publisher does not answer", where=where, why=why, next_step=step) from error
    try:
        answer = read_json(line)
    except ValueError:
        answer = None
    if not isinstance(answer, dict):
        raise RemoteProtocolError("that is no publisher of this program", where=where)
    if "error" in answer:
        problem = answer["error"]
        raise UsageError(
            str(problem.get("message") or problem.get("what") or problem),
            where=where,
            why=problem.get("why"),
            next_step=problem.get("next_step"),
        )
    return answer


def make_keys(folder: NodeFolder, name: str, description: Mapping[str, Any]) -> dict[str, str]:
    """Make a subscriber's keys, or take those that an earlier try made; return its certificates as PEM by purpose."""
    version = Version.parse(str(description["version"]))
    unit, organization, locality, state, country = map(str, description["organization"])
    subject = Subject("", unit, organization, locality, state, country)
    algorithm = Hash(description["hash"]) if description.get("hash") else None
    folder.create()
    found = {}
    for purpose in version.own_purposes(publisher=False):
        present = next(iter(sorted(folder.keys.glob(f"{purpose.value}-" + "[0-9a-f]" * 32 + ".pem"))), None)
        if present is not None:
            signer = load_own_signer(present)
        else:
            signer = make_installed(
                purpose,
                name,
                subject,
                rsa=KeyKind.from_label(str(description["key"])),
                ec=KeyKind.EC_256,
                now=datetime.now(UTC),
                signature_hash=algorithm,
                version=version,
            )
            folder.write_key(key_name(purpose.value, signer.certificate), key_file(signer))
        found[purpose.value] = signer.certificate.pem().decode()
    return found
