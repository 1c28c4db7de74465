"""Security tokens with real keys, and the lists that a CTL Client signs with them."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from datetime import UTC, datetime
from functools import cache

from mixedmode.cluster.engine.principal import Principal
from mixedmode.cluster.engine.results import OperationResult
from mixedmode.cluster.facade import Cluster
from mixedmode.cluster.operations.ctl_upload import CtlAction, UploadCtl
from mixedmode.control.ctl_description import describe
from mixedmode.faces.ctlclient.lists import client_list, client_records, target_mode
from mixedmode.pki.certificates.profiles import (
    MANUFACTURING_SUBJECT,
    KeyKind,
    Purpose,
    generate_key,
    issue,
    self_signed,
    token_subject,
)
from mixedmode.pki.signing.digests import DigestAlgorithm
from mixedmode.pki.signing.signer import SoftwareSigner
from mixedmode.protocols.ctlprovider import Action, Description
from mixedmode.trustlist.build import RecordSpec, build_trust_list
from mixedmode.trustlist.roles import Layout

ANNA = Principal("anna", 4, "192.0.2.7")
ACTIONS = {
    Action.MIXED: CtlAction.MIXED,
    Action.NON_SECURE: CtlAction.NON_SECURE,
    Action.UPDATE: CtlAction.UPDATE,
}
_NOW = datetime(2014, 3, 1, tzinfo=UTC)


@cache
def _authority() -> SoftwareSigner:
    key = generate_key(KeyKind.RSA_1024)
    certificate = self_signed(Purpose.MANUFACTURING_CA, subject=MANUFACTURING_SUBJECT, key=key, now=_NOW, serial=0x5E21)
    return SoftwareSigner(certificate, key)


@cache
def token(number: str) -> SoftwareSigner:
    """The token of a number such as ``ADN0054f509``, its key in memory, with a serial of 10 bytes."""
    key = generate_key(KeyKind.RSA_1024)
    authority = _authority()
    certificate = issue(
        Purpose.TOKEN,
        subject=token_subject(number),
        public_key=key.public_key(),
        authority=authority.certificate,
        authority_key=authority.key,
        now=_NOW,
        serial=int.from_bytes(b"\x45" + number.encode()[-9:]),
    )
    return SoftwareSigner(certificate, key)


ONE = token("ADN0054f509")
TWO = token("ADN008580ef")
THREE = token("ADN00111111")


def signed(
    description: Description,
    action: Action = Action.MIXED,
    tokens: Sequence[SoftwareSigner] = (ONE, TWO),
    *,
    by: SoftwareSigner | None = None,
    timestamp: int | None = None,
) -> bytes:
    """Sign as the client does; by default the last token signs."""
    mode = target_mode(description, action)
    return client_list(description, [each.certificate for each in tokens], by or tokens[-1], mode, timestamp)


def altered(description: Description, change: dict[int, RecordSpec | None], extra: Sequence[RecordSpec] = ()) -> bytes:
    """Sign a list some of whose records (by number, from 1) are other than they should be, or left out."""
    mode = target_mode(description, Action.MIXED)
    records = client_records(description, [ONE.certificate, TWO.certificate], mode)
    specs = [change.get(number, record) for number, record in enumerate(records, 1)]
    return build_trust_list(
        [*(spec for spec in specs if spec is not None), *extra],
        TWO,
        timestamp=description.timestamp(),
        digest=DigestAlgorithm(description.digest),
        layout=Layout.CTLCLIENT,
    )


def install(
    cluster: Cluster,
    action: Action = Action.MIXED,
    tokens: Sequence[SoftwareSigner] = (ONE, TWO),
    *,
    by: SoftwareSigner | None = None,
    phones_cleared: bool = False,
) -> OperationResult:
    """Do what the client and the provider do, without a connection."""
    data = signed(describe(cluster), action, tokens, by=by)
    return cluster.run(UploadCtl.of(data, ACTIONS[action], phones_cleared=phones_cleared), ANNA)


def upload_tokens(cluster: Cluster, *tokens: SoftwareSigner) -> None:
    """Upload the tokens' certificates as Phone-SAST-trust."""
    from mixedmode.cluster.store.certificates import add_trust

    with cluster.database.write() as session:
        for each in tokens:
            add_trust(session, "Phone-SAST-trust", each.certificate, datetime.now(UTC))


def moved(description: Description, seconds: int) -> Description:
    """The same cluster at another time of its clock."""
    return replace(description, clock=description.clock + seconds)
