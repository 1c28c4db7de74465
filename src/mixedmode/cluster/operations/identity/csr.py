"""``set csr gen``: a key that waits for its certificate, and the request that an authority signs.

Rules:

1. Key and request are one 0600 file of the node's folder of keys, one for each purpose, so that they cannot be mixed
   up. Nothing of it is in the database: the key is of no use to any other node.
2. The certificate in use and its key are not touched; ``set cert import own`` takes the new pair into use.
3. A new request for the same purpose replaces the one that waits, and its key.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Annotated, ClassVar

from mixedmode.cluster.engine.operation import About, NodeName, Operation, Unit
from mixedmode.cluster.engine.steps import Step, StepContext
from mixedmode.cluster.model.errors import NodeDownError, NotFoundError
from mixedmode.cluster.operations.identity.own_certificates import check_has, node_here, purpose_of
from mixedmode.cluster.store.certificates import OWN_UNITS
from mixedmode.cluster.store.folders import NodeFolder
from mixedmode.cluster.store.making import key_kind_of, organization_of
from mixedmode.cluster.store.state import ClusterState
from mixedmode.errors import UsageError
from mixedmode.pki.certificates.load import own_key_pem, parse_private_key, refuse_open_key
from mixedmode.pki.certificates.profiles import KeyKind, Purpose, generate_key
from mixedmode.pki.certificates.requests import SigningRequest, alternative_names, make_request, read_request

if TYPE_CHECKING:
    from mixedmode.pki.signing.signer import PrivateKey

SELF_SIGNED_ONLY = frozenset({Purpose.ITLRECOVERY})
"""Phones know the recovery key itself, and no authority above it could be asked; unconfirmed for CUCM."""


@dataclass(frozen=True, slots=True)
class Pending:
    """A request that waits for its certificate.

    Attributes:
        created: When it was made, seconds since 1970.
    """

    purpose: Purpose
    request: SigningRequest
    key: PrivateKey
    created: float


def pending_request(folder: NodeFolder, purpose: Purpose) -> Pending | None:
    """Return the request of a purpose that waits on a node, None if there is none.

    Raises:
        NodeDownError: The file cannot be read.
        MalformedError: The file is damaged.
        OpenKeyError: Others may read the key in it.
    """
    path = folder.keys / _file(purpose)
    refuse_open_key(path)
    try:
        data, created = path.read_bytes(), path.stat().st_mtime
    except FileNotFoundError:
        return None
    except OSError as error:
        raise NodeDownError(f"the request cannot be read: {error.strerror}", where=str(path)) from error
    return Pending(purpose, read_request(data), parse_private_key(data, where=str(path)), created)


def pending_requests(folder: NodeFolder) -> list[Pending]:
    """Return all requests that wait on a node."""
    found = (pending_request(folder, Purpose(unit)) for unit in OWN_UNITS)
    return [pending for pending in found if pending is not None]


def needed_request(folder: NodeFolder, purpose: Purpose) -> Pending:
    """Return the request of a purpose that waits on a node.

    Raises:
        NotFoundError: There is none.
    """
    pending = pending_request(folder, purpose)
    if pending is None:
        raise NotFoundError(
            f"there is no signing request for {purpose}",
            where=folder.root.name,
            next_step=f"make one: set csr gen {purpose}",
        )
    return pending


def forget_request(context: StepContext, node: str, purpose: Purpose) -> None:
    """Remove a request and its key, if there is one."""
    context.state.folder(node).remove_key(_file(purpose))


def _file(purpose: Purpose) -> str:
    # Not ".pem": that is what certificates' keys are called, and this key has no certificate yet.
    return f"{purpose}.request"


def _new_file(purpose: Purpose) -> str:
    return f"{purpose}.new-request"


@dataclass(frozen=True, slots=True)
class RequestCertificate(Operation):
    """A key is made, and the request for its certificate."""

    title: ClassVar[str] = "set csr gen"
    publisher_only: ClassVar[bool] = False

    node: NodeName
    unit: Unit
    key: Annotated[str, About("The key's kind, such as RSA-2048; as the present one's if empty.", "key")] = ""

    def plan(self, state: ClusterState) -> list[Step]:
        """Return its steps."""
        purpose, node = purpose_of(self.unit), state.node(self.node).name

        def make(context: StepContext) -> None:
            own = context.state.certificates.own(node, purpose.value)
            key = generate_key(KeyKind.from_label(self.key) if self.key else key_kind_of(own))
            names = () if purpose is Purpose.CAPF else tuple(dict.fromkeys((node, *alternative_names(own))))
            request = make_request(purpose, subject=organization_of(own), key=key, dns_names=names)
            context.state.folder(node).write_key(_new_file(purpose), own_key_pem(key) + request)
            context.note_file("after", f"{node}/{purpose}.csr", request)

        def unmake(context: StepContext) -> None:
            context.state.folder(node).remove_key(_new_file(purpose))

        def commit(context: StepContext) -> None:
            with context.transaction():
                context.changed(f"signing request for {purpose} of {node} made")

        def keep(context: StepContext) -> None:
            folder = context.state.folder(node)
            new = folder.keys / _new_file(purpose)
            if new.exists():  # else this step was cut off after it had done its work
                folder.write_key(_file(purpose), new.read_bytes())
                folder.remove_key(new.name)

        return [
            Step(f"Make a key and a signing request for {purpose} on {node}", make, undo=unmake),
            Step("Note it", commit, commits=True),
            Step(f"Put it in the place of an earlier request for {purpose}", keep),
        ]

    def check(self, state: ClusterState) -> list[str]:
        """Refuse a purpose that the node does not have, or that no authority signs."""
        purpose, node = purpose_of(self.unit), node_here(state, self.node)
        if purpose in SELF_SIGNED_ONLY:
            raise UsageError(
                f"the {purpose} certificate is always self-signed",
                next_step=f"set cert regen {purpose} makes a new one",
            )
        check_has(state, purpose, node)
        state.certificates.own(node, purpose.value)
        if self.key:
            KeyKind.from_label(self.key)
        if pending_request(state.folder(node), purpose) is not None:
            gone = "the certificate for it cannot be imported once a new request is made"
            return [f"There is a signing request for {purpose} already; {gone}."]
        return []
