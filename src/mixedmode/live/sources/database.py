"""What the publisher's database knows of the cluster: nodes, parameters, certificates with their roles (1.6, 1.7)."""

from __future__ import annotations

import ssl
from collections import defaultdict
from collections.abc import Iterator
from typing import Final

from mixedmode.errors import MixedModeError
from mixedmode.live.observed import CertificateSeen, NodeSeen, ParameterSeen, Sighting, Source
from mixedmode.live.sources import catalogue
from mixedmode.live.sources.axl import Axl, AxlFaultError, Row
from mixedmode.live.sources.catalogue import Columns, Query
from mixedmode.live.sources.seeing import Seen
from mixedmode.live.wire.clock import Clock
from mixedmode.numbers import whole_number
from mixedmode.xml_reader import Element

_EVERYWHERE: Final = "EnterpriseWideData"
"""A node that is none."""
_LONGEST: Final = 4096
_MOST_ABSENT: Final = 12
"""Tables and columns that a query is asked again without, one by one."""
_OF_CERTIFICATES: Final = ("certificate", "type")
"""Tables whose names begin so are known to be others."""


class Database:
    """The database, by AXL.

    Args:
        axl: Of the publisher.
        clock: Says when.
        where: The publisher's address, for sightings.
        columns: Which there are, if that was asked for before.
        is_patient: Whether a query that is not answered at all is noted, and the next one asked.

    Attributes:
        columns: Which there are; None if that is not known.
    """

    def __init__(
        self, axl: Axl, clock: Clock, where: str, columns: Columns | None = None, *, is_patient: bool = True
    ) -> None:
        self._axl, self._clock, self._where = axl, clock, where
        self.columns, self._is_patient = columns, is_patient

    def sighting(self) -> Sighting:
        """Return where and when something is seen now."""
        return Sighting(Source.AXL, self._clock.now(), self._where)

    def learn_columns(self, seen: Seen) -> None:
        """Ask which columns there are; where that is not answered, every query is tried as it is.

        Raises:
            RemoteError: AXL answers nothing at all.
        """
        try:
            rows = self._axl.select(catalogue.columns_statement())
        except MixedModeError as error:
            if error.code != "axl-fault":
                raise
            seen.missing("columns of the database", "", error)
            return
        found: dict[str, set[str]] = defaultdict(set)
        for row in rows:
            found[row.get("tabname", "").lower()].add(row.get("colname", "").lower())
        self.columns = found or None

    def rows(self, query: Query, seen: Seen) -> list[Row]:
        """Return the rows of a query; none, and a note, where it cannot be asked."""
        return [row for page in self.pages(query, seen) for row in page]

    def pages(self, query: Query, seen: Seen, after: str = "") -> Iterator[list[Row]]:
        """Yield the rows of a query, a page at a time; a note where it cannot be asked.

        Where the catalogue of columns could not be read, a fault names what is not there: it is asked again without.

        Raises:
            RemoteError: Nothing answers, and that is not to be borne with.
        """
        asked = query.within(self.columns)
        for _ in range(_MOST_ABSENT):
            if asked is None:
                break
            try:
                yield from self._axl.pages(asked, after) if asked.key else [self._axl.select(asked.statement())]
            except AxlFaultError as error:
                less = asked.without(error.absent) if error.absent else asked
                if less != asked:
                    asked = less
                    continue
                seen.missing(query.name, "", error)
            except MixedModeError as error:
                if not self._is_patient:
                    raise
                seen.missing(query.name, "", error)
            return
        seen.missing(query.name, "", "this release has not the tables for it")


def look_at_database(database: Database, axl: Axl, seen: Seen) -> None:
    """Add nodes with their releases, parameters, certificates and what TVS vouches for."""
    for row in database.rows(catalogue.NODES, seen):
        name = row.get("name", "")
        if name and name != _EVERYWHERE:
            seen.nodes.append(NodeSeen(name, name, version=_release(axl, name, seen), seen=database.sighting()))
    rows = [*database.rows(catalogue.PARAMETERS, seen), *database.rows(catalogue.SECURITY_MODE, seen)]
    parameters = {row["name"]: row.get("value", "")[:_LONGEST] for row in rows if row.get("name")}
    seen.parameters += [ParameterSeen(name, value, database.sighting()) for name, value in parameters.items()]
    _note_itl_status(axl, seen)
    _certificates(database, seen)


def _release(axl: Axl, node: str, seen: Seen) -> str:
    try:
        found = axl.call("getCCMVersion", f"<processNodeName>{_plain(node)}</processNodeName>")
    except MixedModeError as error:
        seen.missing("release", node, error)
        return ""
    component = found.child("componentVersion") or Element("", "none")
    return component.value("version")[:64]


def _plain(name: str) -> str:
    return "".join(each for each in name if each.isalnum() or each in "-._")


def _note_itl_status(axl: Axl, seen: Seen) -> None:
    """Note which tables may hold "ITL File Status"; their names are not published, so nothing is read of them."""
    try:
        tables = sorted(
            row.get("tabname", "")
            for row in axl.select(catalogue.ITL_STATUS)
            if not row.get("tabname", "").lower().startswith(_OF_CERTIFICATES)
        )
    except MixedModeError:
        return
    if tables:
        why = f"its table is not published; it may be one of these: {', '.join(tables)}"
        seen.missing("ITL File Status", "", why[:500])


def _certificates(database: Database, seen: Seen) -> None:
    units: dict[str, list[str]] = defaultdict(list)
    for row in database.rows(catalogue.UNITS, seen):
        units[row.get("pkid", "")].append(row.get("service", ""))
    roles: dict[str, list[str]] = defaultdict(list)
    for row in database.rows(catalogue.TRUST_ROLES, seen):
        roles[row.get("pkid", "")].append(_role(row.get("role", "")))
    for page in database.pages(catalogue.CERTIFICATES, seen):
        sighting = database.sighting()
        for row in page:
            der = der_of(row.get("certificate", ""))
            if der is None:
                continue
            for unit in units.get(row["pkid"], ()):
                node = "" if unit.lower().endswith("-trust") else row.get("server", "")
                vouched = tuple(sorted(set(roles.get(row["pkid"], ()))))
                seen.certificates.append(CertificateSeen(node, unit, der, sighting, vouched))


def der_of(pem: str) -> bytes | None:
    """Return the bytes of a certificate in PEM, with or without its lines of dashes; None if it is none."""
    bare = pem.strip()
    if not bare:
        return None
    if not bare.startswith("-----"):
        bare = f"-----BEGIN CERTIFICATE-----\n{bare}\n-----END CERTIFICATE-----"
    try:
        return ssl.PEM_cert_to_DER_cert(bare) or None
    except ValueError:
        return None


def _role(number: str) -> str:
    place = whole_number(number)
    if place is not None and place < len(catalogue.TRUST_ROLE_NAMES):
        return catalogue.TRUST_ROLE_NAMES[place]
    return f"role {number[:16]}"
