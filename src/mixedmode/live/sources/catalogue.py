"""The queries that are asked of the database, as data; and which of them a release can answer (1.6, 1.7). Pure.

The schema is not promised between releases: a column that is not there is left out of what is asked for, and a query
whose tables or conditions need it is not asked at all.
"""

from __future__ import annotations

import re
from collections.abc import Collection, Mapping
from dataclasses import dataclass, replace
from typing import Final

from mixedmode.live.allowed.sql import quoted

Columns = Mapping[str, Collection[str]]
"""The columns of each table that the database has."""
_NAMED: Final = re.compile(r"\b([a-z]\w*)\.([a-z]\w*)\b")
_TABLE: Final = re.compile(r"\b(?:from|join)\s+([a-z]\w*)\s+([a-z]\w*)\b")


@dataclass(frozen=True, slots=True)
class Query:
    """A query.

    Attributes:
        name: What is looked for, for messages.
        columns: What is selected: the name in the answer, and what it is.
        source: Tables and joins, each with its alias.
        where: The condition; empty for none.
        key: What pages go by: a unique column; empty if there are no pages.
        key_name: Its name in the answer.
        page: The most rows of a page.
    """

    name: str
    columns: tuple[tuple[str, str], ...]
    source: str
    where: str = ""
    key: str = ""
    key_name: str = ""
    page: int = 5000

    def statement(self, size: int = 0, after: str = "") -> str:
        """Return it as SQL.

        Args:
            size: Rows of a page; 0 for all.
            after: The key of the row before.
        """
        conditions = [each for each in (self.where, after and f"{self.key} > {quoted(after)}") if each]
        first = f"first {size} " if size else ""
        selected = ", ".join(f"{what} as {name}" for name, what in self.columns)
        where = f" where {' and '.join(conditions)}" if conditions else ""
        order = f" order by {self.key}" if self.key else ""
        return f"select {first}{selected} from {self.source}{where}{order}"  # noqa: S608 - of constants; the key is quoted

    @property
    def tables(self) -> dict[str, str]:
        """Its tables, by alias."""
        return {alias: table for table, alias in _TABLE.findall(f"from {self.source}")}

    def within(self, known: Columns | None) -> Query | None:
        """Return what of it a database can answer, None if nothing; all of it if nobody knows what there is."""
        if known is None:
            return self

        def is_there(text: str) -> bool:
            tables = self.tables
            return all(column in known.get(tables.get(alias, ""), ()) for alias, column in _NAMED.findall(text))

        if any(table not in known for table in self.tables.values()) or not is_there(f"{self.source} {self.where}"):
            return None
        columns = tuple(each for each in self.columns if is_there(each[1]))
        return replace(self, columns=columns) if columns and (not self.key or is_there(self.key)) else None


PHONES: Final = Query(
    "phones",
    (
        ("name", "d.name"),
        ("model", "tm.name"),
        ("model_number", "d.tkmodel"),
        ("product", "d.tkproduct"),
        ("protocol", "d.tkdeviceprotocol"),
        ("configured_load", "d.specialloadinformation"),
        ("pool", "dp.name"),
        ("security_profile", "sp.name"),
        ("security_mode", "dsm.name"),
        ("certificate_status", "cs.name"),
        ("has_certificate", "case when d.publickey is null then 0 else 1 end"),
        ("lsc_until", "d.lscvaliduntil"),
        ("lsc_issuer", "d.lscissuername"),
        ("lsc_issuer_until", "d.lscissuervaliduntil"),
    ),
    "device d join typemodel tm on tm.enum=d.tkmodel left join devicepool dp on dp.pkid=d.fkdevicepool "
    "left join securityprofile sp on sp.pkid=d.fksecurityprofile "
    "left join typedevicesecuritymode dsm on dsm.enum=sp.tkdevicesecuritymode "
    "left join typecertificatestatus cs on cs.enum=d.tkcertificatestatus",
    "d.tkclass=1",
    "d.name",
    "name",
    2000,
)
REGISTRATIONS: Final = Query(
    "last registrations",
    (
        ("name", "d.name"),
        ("address", "rd.lastknownipaddress"),
        ("node", "rd.lastknownucm"),
        ("last_seen", "rd.lastseen"),
        ("last_active", "rd.lastactive"),
    ),
    "device d join registrationdynamic rd on rd.fkdevice=d.pkid",
    "d.tkclass=1",
    "d.name",
    "name",
)
KEY_SIZES: Final = Query(
    "key sizes of LSCs, by security profile",
    (("name", "d.name"), ("lsc_key_bits", "ks.name")),
    "device d join securityprofile sp on sp.pkid=d.fksecurityprofile join typekeysize ks on ks.enum=sp.tkkeysize",
    "d.tkclass=1 and d.lscvaliduntil>0",
    "d.name",
    "name",
    2000,
)
PARAMETERS: Final = Query(
    "enterprise parameters",
    (("name", "p.paramname"), ("value", "p.paramvalue")),
    "processconfig p",
    "p.tkservice=11",
)
SECURITY_MODE: Final = Query(
    "the cluster's security mode",
    (("name", "p.paramname"), ("value", "p.paramvalue")),
    "processconfig p",
    "p.paramname='ClusterSecurityMode'",
)
NODES: Final = Query("nodes", (("name", "pn.name"), ("number", "pn.nodeid")), "processnode pn")
CERTIFICATES: Final = Query(
    "certificates",
    (("pkid", "c.pkid"), ("server", "c.servername"), ("certificate", "c.certificate")),
    "certificate c",
    "",
    "c.pkid",
    "pkid",
    100,
)
UNITS: Final = Query(
    "purposes and stores of certificates",
    (("pkid", "m.fkcertificate"), ("service", "tcs.name")),
    "certificateservicecertificatemap m join typecertificateservice tcs on tcs.enum=m.tkcertificateservice",
)
TRUST_ROLES: Final = Query(
    "trust roles",
    (("pkid", "c.pkid"), ("role", "r.tktrustrole")),
    "certificate c join certificatetrustrolemap r on r.fkcertificate=c.pkid",
)
CATALOGUE: Final = (
    PHONES, REGISTRATIONS, KEY_SIZES, PARAMETERS, SECURITY_MODE, NODES, CERTIFICATES, UNITS, TRUST_ROLES,
)  # fmt: skip
ITL_STATUS: Final = "select tabname from systables where tabname like '%hash%' or tabname like '%itl%'"
"""Finds the tables of "ITL File Status", whose names are not published (5.2)."""
TRUST_ROLE_NAMES: Final = (
    "SAST", "CallManager", "CallManagerTFTP", "TFTP", "CAPF", "SRST", "Firewall", "Application Server",
    "Certificate Authority", "Authentication and Authorization", "Signaling and Call Control", "Provisioning Service",
    "Data Service", "Network Element", "Virtual Private Network", "Serviceability", "Unknown", "CallManager-ECDSA",
    "GDS-trust",
)  # fmt: skip
"""By number (1.6)."""


def columns_statement() -> str:
    """Return the query that says which columns there are."""
    tables = sorted({table for query in CATALOGUE for table in query.tables.values()})
    listed = ", ".join(map(quoted, tables))
    return (
        "select t.tabname, c.colname from systables t join syscolumns c on c.tabid=t.tabid "  # noqa: S608 - constants
        f"where t.tabname in ({listed})"
    )
