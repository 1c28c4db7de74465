"""The certificate stores: each node's own certificates by purpose, and the trust stores of the whole cluster.

Rules:

1. The database holds certificates; a private key is a 0600 file in its node's folder, named by its
   certificate's purpose and hash, so that a key and the row that names it cannot be mixed up.
2. A node has one active certificate for a purpose; earlier ones stay in the database, inactive.
3. A certificate is found by serial and issuer text, the key that TVS looks under (wire-formats.md 1.8).
4. A node has the certificates of the active version: others, made under another one, wait unseen for its return.
5. A text that no issuer is written by is compared as a name; if it fits several certificates, none is found.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from datetime import datetime

from sqlalchemy import select, update
from sqlalchemy.orm import Session

from mixedmode.cluster.model.errors import NotFoundError
from mixedmode.cluster.model.records import StoredCertificate
from mixedmode.cluster.model.topology import NodeRole
from mixedmode.cluster.model.trust_roles import TRUSTED_BY
from mixedmode.cluster.model.versions import Version
from mixedmode.cluster.store.database import Database
from mixedmode.cluster.store.folders import NodeFolder
from mixedmode.cluster.store.schema import CertificateRow, ProcessNode, VersionRow
from mixedmode.cluster.trust_absence import absent_from, forget_absence
from mixedmode.errors import UsageError
from mixedmode.pki.certificates.certificates import Certificate
from mixedmode.pki.certificates.load import OpenKeyError, load_own_signer
from mixedmode.pki.certificates.profiles import Purpose
from mixedmode.pki.signing.signer import SoftwareSigner
from mixedmode.trustlist.identity import list_identity

TRUST_STORES = (
    "CallManager-trust",
    "CAPF-trust",
    "tomcat-trust",
    "ipsec-trust",
    "TVS-trust",
    "Phone-SAST-trust",
    "Phone-CTL-trust",
    "Phone-VPN-trust",
    "Phone-trust",
)
"""cucm-admin.md 3; the last three and TVS-trust are not confirmed."""
OWN_UNITS = tuple(p.value for p in Purpose if p.value not in {"LSC", "MIC", "token", "manufacturing-CA"})


def key_name(unit: str, certificate: Certificate) -> str:
    """Return the file name of a certificate's private key (rule 1)."""
    return f"{unit}-{certificate.sha256.hex()[:32]}.pem"


class CertificateStore:
    """Reads the stores.

    Args:
        database: Of the cluster.
        folder: Gives a node's folder.
    """

    def __init__(self, database: Database, folder: Callable[[str], NodeFolder]) -> None:
        self._database = database
        self._folder = folder

    def own(self, node: str, unit: str) -> Certificate:
        """Return a node's active certificate for a purpose.

        Raises:
            NotFoundError: It has none.
        """
        for stored in self.list_own(node, unit):
            return stored.certificate
        with self._database.read() as session:
            version = _active_version(session)
            units = _units_by_node(session, version).get(node, frozenset())
        if unit not in units:
            has = ", ".join(sorted(units)) or "no certificate"
            raise NotFoundError(f"on version {version} {node} has no {unit} certificate", next_step=f"it has {has}")
        raise NotFoundError(
            f"node {node} has no {unit} certificate", where=node, next_step=f"set cert regen {unit} on that node"
        )

    def list_own(
        self,
        node: str | None = None,
        unit: str | None = None,
        *,
        inactive: bool = False,
        version: Version | None = None,
    ) -> list[StoredCertificate]:
        """Return own certificates in the order they were made.

        Args:
            node: Whose; everybody's if left out.
            unit: Of which purpose; all if left out.
            inactive: Whether those count too that were replaced.
            version: Which decides what a node has (rule 4); the active one if left out.
        """

        def read() -> tuple[StoredCertificate, ...]:
            query = select(CertificateRow).where(CertificateRow.node != "").order_by(CertificateRow.id)
            if node is not None:
                query = query.where(CertificateRow.node == node)
            if unit is not None:
                query = query.where(CertificateRow.unit == unit)
            if not inactive:
                query = query.where(CertificateRow.isactive)
            with self._database.read() as session:
                rows = session.scalars(query).all()
                units = _units_by_node(session, version) if rows else {}
                return tuple(_stored(row) for row in rows if row.unit in units.get(row.node, OWN_UNITS))

        return list(self._database.remembered.get(("own", node, unit, inactive, version), read))

    def list_trust(self, unit: str | None = None, *, node: str | None = None) -> list[StoredCertificate]:
        """Return the certificates of one trust store or of all.

        Args:
            unit: Of which store; all if left out.
            node: As this node has them: before 11.0 without those that it deleted.
        """

        def read() -> tuple[StoredCertificate, ...]:
            query = select(CertificateRow).where(CertificateRow.node == "", CertificateRow.isactive)
            if unit is not None:
                query = query.where(CertificateRow.unit == unit)
            with self._database.read() as session:
                rows = session.scalars(query.order_by(CertificateRow.id)).all()
                gone = set() if node is None else absent_from(session, node)
                if gone and _active_version(session).deletes_trust_everywhere:
                    gone = set()
                return tuple(_stored(row) for row in rows if (row.unit, row.sha256) not in gone)

        return list(self._database.remembered.get(("trust", unit, node), read))

    def find(self, issuer: str, serial: str) -> list[StoredCertificate]:
        """Return the active certificates of a serial (upper hex) and issuer (as trust lists write it).

        If no issuer is written so, the name counts: in any order and style, without ``DC=`` too (rule 5).
        """
        query = select(CertificateRow).where(CertificateRow.serialnumber == serial.upper(), CertificateRow.isactive)
        with self._database.read() as session:
            rows = session.scalars(query.order_by(CertificateRow.id)).all()
            exact = [_stored(row) for row in rows if row.issuername == issuer]
            found = exact or [stored for stored in map(_stored, rows) if stored.certificate.has_issuer(issuer)]
        return found if exact or len({stored.certificate for stored in found}) == 1 else []

    def signer(self, node: str, unit: str, certificate: Certificate | None = None) -> SoftwareSigner:
        """Return the signer of a node's certificate, by default the active one.

        Raises:
            NotFoundError: There is no such certificate, or its key is not in the node's folder.
            OpenKeyError: Others may read the key.
        """
        certificate = certificate or self.own(node, unit)
        path = self._folder(node).keys / key_name(unit, certificate)
        try:
            signer = load_own_signer(path)
        except OpenKeyError:
            raise
        except UsageError as error:
            raise NotFoundError(
                f"the private key of {unit} is not on node {node}",
                where=str(path),
                why=str(error),
                next_step=f"set cert regen {unit} on node {node}, then utils ctl update CTLFile in mixed mode",
            ) from error
        if not isinstance(signer, SoftwareSigner) or signer.certificate != certificate:
            raise NotFoundError(f"the key file of {unit} belongs to another certificate", where=str(path))
        return signer


def _units_by_node(session: Session, version: Version | None) -> dict[str, frozenset[str]]:
    """Return which certificates of its own each node has under a version, by default the active one (rule 4)."""
    version = version or _active_version(session)
    return {
        name: frozenset(version.own_purposes(publisher=usage == NodeRole.PUBLISHER))
        for name, usage in session.execute(select(ProcessNode.name, ProcessNode.tknodeusage))
    }


def _active_version(session: Session) -> Version:
    return Version.parse(session.scalars(select(VersionRow.number).where(VersionRow.isactive)).one())


def activate_own(session: Session, node: str, unit: str, certificate: Certificate, now: datetime) -> None:
    """Make a certificate the node's active one for a purpose (rule 2); repeating it changes nothing."""
    session.execute(
        update(CertificateRow)
        .where(CertificateRow.node == node, CertificateRow.unit == unit, CertificateRow.isactive)
        .values(isactive=False)
    )
    known = session.scalars(
        select(CertificateRow).where(
            CertificateRow.node == node,
            CertificateRow.unit == unit,
            CertificateRow.sha256 == certificate.sha256.hex(),
        )
    ).first()
    if known is not None:
        known.isactive = True
        return
    session.add(_row(unit, node, f"{unit}.pem", certificate, now))


def take_own(session: Session, node: str, purpose: Purpose, certificate: Certificate, now: datetime) -> None:
    """Make a certificate the node's active one for a purpose, and put it into the trust stores that have such."""
    activate_own(session, node, purpose.value, certificate, now)
    for store in TRUSTED_BY.get(purpose, ()):
        add_trust(session, store, certificate, now)


def take_first(session: Session, taken: Iterable[tuple[str, Purpose, Certificate]], now: datetime) -> None:
    """Do what :func:`take_own` does for each node's purposes where there are no certificates yet: nothing is looked up.

    Args:
        session: Of the transaction that makes the cluster.
        taken: Node, purpose and certificate; each purpose of a node once.
        now: The time (UTC).
    """
    stored: set[tuple[str, bytes]] = set()
    for node, purpose, certificate in taken:
        session.add(_row(purpose.value, node, f"{purpose.value}.pem", certificate, now))
        for store in TRUSTED_BY.get(purpose, ()):
            if (store, certificate.sha256) not in stored:
                stored.add((store, certificate.sha256))
                session.add(_row(store, "", trust_name(certificate), certificate, now))


def add_trust(session: Session, unit: str, certificate: Certificate, now: datetime) -> bool:
    """Put a certificate into a trust store; return False if it was there."""
    known = select(CertificateRow.id).where(
        CertificateRow.unit == unit, CertificateRow.node == "", CertificateRow.sha256 == certificate.sha256.hex()
    )
    was_deleted = forget_absence(session, unit, certificate.sha256.hex())
    if session.scalars(known).first() is not None:
        return was_deleted
    session.add(_row(unit, "", trust_name(certificate), certificate, now))
    return True


def remove_trust(session: Session, unit: str, sha256: str) -> bool:
    """Take a certificate out of a trust store; return False if it was not there."""
    rows = session.scalars(
        select(CertificateRow).where(
            CertificateRow.unit == unit, CertificateRow.node == "", CertificateRow.sha256 == sha256
        )
    ).all()
    for row in rows:
        session.delete(row)
    forget_absence(session, unit, sha256)
    return bool(rows)


def drop_replaced(session: Session, store: str, node: str, unit: str) -> None:
    """Take a node's earlier certificates for a purpose out of a trust store, unless some node still uses them."""
    own = select(CertificateRow.sha256).where(CertificateRow.node != "")
    earlier = own.where(CertificateRow.node == node, CertificateRow.unit == unit, ~CertificateRow.isactive)
    in_use = set(session.scalars(own.where(CertificateRow.isactive)))
    for sha256 in set(session.scalars(earlier)) - in_use:
        remove_trust(session, store, sha256)


def trust_name(certificate: Certificate) -> str:
    """Return the file name of a certificate in a trust store: its common name, or its hash."""
    plain = "".join(c if c.isalnum() or c in "-_." else "_" for c in certificate.common_name.strip())
    return f"{plain or certificate.sha256.hex()[:16]}.pem"


def check_trust_store(unit: str) -> str:
    """Return the trust store's name as it is written.

    Raises:
        NotFoundError: There is none of that name.
    """
    for known in TRUST_STORES:
        if known.lower() == unit.lower():
            return known
    raise NotFoundError(f"there is no trust store {unit!r}", next_step=f"one of: {', '.join(TRUST_STORES)}")


def _row(unit: str, node: str, name: str, certificate: Certificate, now: datetime) -> CertificateRow:
    subject, issuer, serial = list_identity(certificate)
    return CertificateRow(
        unit=unit,
        node=node,
        name=name,
        subjectname=subject,
        issuername=issuer,
        serialnumber=serial,
        sha256=certificate.sha256.hex(),
        notafter=certificate.not_after,
        created=now,
        isactive=True,
        der=certificate.der,
    )


def _stored(row: CertificateRow) -> StoredCertificate:
    return StoredCertificate(row.unit, row.node, row.name, Certificate.from_der(row.der), row.created, row.isactive)


def certificates_of(stored: Iterable[StoredCertificate]) -> dict[tuple[str, str], Certificate]:
    """Return certificates by node and purpose."""
    return {(entry.node, entry.unit): entry.certificate for entry in stored}
