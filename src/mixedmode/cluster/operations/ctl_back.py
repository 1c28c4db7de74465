"""``put back CTLFile``: a CTL that was published before is published again, byte for byte.

What a canary needs when it refuses the new list: phones that were not reset hold this one still, so nothing changes for
them. Rules:

1. Only a list of this cluster's own archive, whose signature holds, is put back; nobody can bring in another one so.
2. Certificates and keys stay as they are: a list that names a certificate which is gone says so in a warning.
3. The mode is the list's: mixed if it names a call manager's certificate.
"""

from __future__ import annotations

import base64
import binascii
import hashlib
from dataclasses import dataclass
from typing import Annotated, ClassVar

from mixedmode.cluster.engine.operation import About, Operation
from mixedmode.cluster.engine.steps import Step, StepContext
from mixedmode.cluster.model.errors import PreconditionError
from mixedmode.cluster.model.topology import SecurityMode
from mixedmode.cluster.operations.common import deliver_step
from mixedmode.cluster.operations.ctl_steps import keep_new_ctl, keep_present_ctl, steps_into_force
from mixedmode.cluster.publishing import archive
from mixedmode.cluster.publishing.lists import signer_name
from mixedmode.cluster.publishing.outlook import Outlook
from mixedmode.cluster.store.state import ClusterState
from mixedmode.errors import UsageError
from mixedmode.pki.certificates.profiles import Purpose
from mixedmode.trustlist.kinds import CTL_FILE
from mixedmode.trustlist.model import TrustList
from mixedmode.trustlist.roles import Role

_SERVERS = (Role.CCM, Role.CCM_TFTP)


@dataclass(frozen=True, slots=True)
class PutBackCtl(Operation):
    """A CTL of before becomes the cluster's again."""

    title: ClassVar[str] = f"put back {CTL_FILE}"
    privilege: ClassVar[int] = 4

    ctl: Annotated[str, About("The list as it is in the archive, base64.")]

    @classmethod
    def of(cls, data: bytes) -> PutBackCtl:
        """Return the operation for a list of the archive."""
        return cls(base64.b64encode(data).decode())

    @property
    def data(self) -> bytes:
        """The list.

        Raises:
            UsageError: The field is no base64.
        """
        try:
            return base64.b64decode(self.ctl, validate=True)
        except (binascii.Error, ValueError) as error:
            raise UsageError("the list is no base64", next_step="mixedmode lists HASH --output FILE has it") from error

    def check(self, state: ClusterState) -> list[str]:
        """Refuse a list that is not this cluster's own (rule 1), or is in force."""
        data = self.data
        sha256 = hashlib.sha256(data).hexdigest()
        with state.database.read() as session:
            known = archive.has(session, sha256)
        found = TrustList.parse(data) if known else None
        if found is None or found.kind != "CTL" or not found.verify():
            raise PreconditionError(
                "this is no CTL file that the cluster published", why=f"SHA-256 {sha256}", next_step="mixedmode lists"
            )
        if state.folder(state.publisher.name).read(CTL_FILE) == data:
            raise PreconditionError("this CTL file is in force already", next_step="nothing is to be done")
        own = state.view().own.get((state.publisher.name, Purpose.CALLMANAGER.value))
        servers = [each.certificate for each in found.records_with_role(*_SERVERS) if each.certificate is not None]
        if own is not None and servers and own not in servers:
            return [
                "The list names a CallManager certificate that is gone: phones with it do not trust the present one."
            ]
        return []

    def foresee(self, before: Outlook) -> Outlook:
        """Return the cluster after it."""
        return before.publishing_ctl(self._mode(), self.data)

    def plan(self, state: ClusterState) -> list[Step]:
        """Return its steps."""
        publisher, data = state.publisher.name, self.data

        def take(context: StepContext) -> None:
            keep_present_ctl(context)
            keep_new_ctl(context, data)

        return [
            Step(f"Keep the present {CTL_FILE} of {publisher}", take),
            *steps_into_force(publisher, self._mode(), signer_name(data)),
            deliver_step(CTL_FILE, including_publisher=False),
        ]

    def _mode(self) -> SecurityMode:
        records = TrustList.parse(self.data).records_with_role(*_SERVERS)
        named = any(each.certificate is not None for each in records)
        return SecurityMode.MIXED if named else SecurityMode.NON_SECURE
