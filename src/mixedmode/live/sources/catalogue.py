"""The queries that are asked of the database, as data; and which of them a release can answer (1.6, 1.7). Pure.

The schema is not promised between releases: a column that is not there is left out of what is asked for, and so is a
table that others are joined to for the sake of its columns alone; a query that is nothing without them is not asked.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Collection, Mapping
from dataclasses import dataclass, replace
from typing import Final

from mixedmode.live.allowed.sql import quoted

Columns = Mapping[str, Collection[str]]
"""The columns of each table that the database has."""
_NAMED: Final = re.compile(r"\b([a-z]\w*)\.([a-z]\w*)\b")
_TABLE: Final = re.compile(r"\b(?:from|join)\s+([a-z]\w*)\s+([a-z]\w*)\b")
_JOIN: Final = re.compile(r"\s+(?=left join\b)|(?<!left)\s+(?=join\b)")


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
        spared: Aliases of joined tables that it can be asked without: every row has its counterpart there.
    """

    name: str
    columns: tuple[tuple[str, str], ...]
    source: str
    where: str = ""
    key: str = ""
    key_name: str = ""
    page: int = 5000
    spared: frozenset[str] = frozenset()

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
        return self._less(lambda table, column: table not in known or (bool(column) and column not in known[table]))

    def without(self, name: str) -> Query | None:
        """Return what of it needs no table and no column of a name, None if nothing does."""
        bare = name.lower().rpartition(".")[2]
        return self._less(lambda table, column: bare in {table, column})

    def _less(self, lacks: Callable[[str, str], bool]) -> Query | None:
        """Return it without what is not there.

        Args:
            lacks: Says of a table, and of a column of it if one is named, that it is not there.
        """
        tables = self.tables

        def is_there(text: str) -> bool:
            return not any(lacks(tables.get(alias, alias), column) for alias, column in _NAMED.findall(text))

        kept: list[str] = []
        gone: set[str] = set()
        for part in _JOIN.split(self.source):
            table, alias = _TABLE.findall(part if "join " in part else f"from {part}")[0]
            others = {each for each, _ in _NAMED.findall(part)}
            if not lacks(table, "") and is_there(part) and not others & gone:
                kept.append(part)
            elif part.startswith("left ") or alias in self.spared:
                gone.add(alias)
            else:
                return None
        columns = tuple(
            each
            for each in self.columns
            if is_there(each[1]) and not {alias for alias, _ in _NAMED.findall(each[1])} & gone
        )
        if not columns or not is_there(f"{self.where} {self.key}"):
            return None
        return replace(self, columns=columns, source=" ".join(kept))


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
        ("config_changed", "d.versionstamp"),
    ),
    "device d join typemodel tm on tm.enum=d.tkmodel left join devicepool dp on dp.pkid=d.fkdevicepool "
    "left join securityprofile sp on sp.pkid=d.fksecurityprofile "
    "left join typedevicesecuritymode dsm on dsm.enum=sp.tkdevicesecuritymode "
    "left join typecertificatestatus cs on cs.enum=d.tkcertificatestatus",
    "d.tkclass=1",
    "d.name",
    "name",
    2000,
    frozenset({"tm"}),
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
MODELS: Final = Query("models", (("number", "tm.enum"), ("name", "tm.name")), "typemodel tm")
GROUPS: Final = Query(
    "CallManager groups",
    (("cmgroup", "cmg.name"), ("priority", "m.priority"), ("node", "pn.name")),
    "callmanagergroup cmg join callmanagergroupmember m on m.fkcallmanagergroup=cmg.pkid "
    "join callmanager cm on cm.pkid=m.fkcallmanager join processnode pn on pn.pkid=cm.fkprocessnode",
)
POOLS: Final = Query(
    "device pools",
    (("name", "dp.name"), ("cmgroup", "cmg.name")),
    "devicepool dp join callmanagergroup cmg on cmg.pkid=dp.fkcallmanagergroup",
)
PROFILES: Final = Query(
    "security profiles",
    (
        ("name", "sp.name"),
        ("tftpencrypted", "sp.tftpencryptedflag"),
        ("oauth", "sp.sipoauthflag"),
        ("mode", "dsm.name"),
        ("transport", "tr.name"),
        ("auth", "am.name"),
        ("keyorder", "ko.name"),
        ("keysize", "ks.name"),
        ("eckeysize", "es.name"),
    ),
    "securityprofile sp left join typedevicesecuritymode dsm on dsm.enum=sp.tkdevicesecuritymode "
    "left join typetransport tr on tr.enum=sp.tktransport "
    "left join typeauthenticationmode am on am.enum=sp.tkauthenticationmode "
    "left join typekeyorder ko on ko.enum=sp.tkkeyorder left join typekeysize ks on ks.enum=sp.tkkeysize "
    "left join typeeckeysize es on es.enum=sp.tkeckeysize",
)
FEATURES: Final = Query(
    "features of models",
    (("number", "sf.enum"), ("name", "sf.name"), ("moniker", "sf.moniker")),
    "typesupportsfeature sf",
)
SUPPORT: Final = Query(
    "which models can do what",
    (("model", "p.tkmodel"), ("product", "p.tkproduct"), ("protocol", "p.tkdeviceprotocol")),
    "productsupportsfeature p",
    "p.tksupportsfeature=0",
)
"""Of one feature: :func:`support_of`."""
WEB_ACCESS: Final = tuple(
    Query(
        f"configured web access ({size})",
        (("name", "d.name"), ("settings", "x.xml")),
        f"device d join devicexml{size} x on x.fkdevice=d.pkid",
        "d.tkclass=1 and x.xml like '%webAccess%'",
        "d.name",
        "name",
    )
    for size in ("4k", "8k", "16k")
)
"""A phone's own settings stand in one of three tables, by their length."""
KEYS_OF_PHONES: Final = Query("keys of phones", (("name", "d.name"), ("pkid", "d.pkid")), "device d")
"""Of some: :func:`keys_of`."""
CATALOGUE: Final = (
    PHONES, REGISTRATIONS, KEY_SIZES, PARAMETERS, SECURITY_MODE, NODES, CERTIFICATES, UNITS, TRUST_ROLES, MODELS,
    GROUPS, POOLS, PROFILES, FEATURES, SUPPORT, *WEB_ACCESS,
)  # fmt: skip
ITL_STATUS: Final = (
    "select tabname from systables where tabname like '%hash%' or tabname like '%itl%' or tabname like '%trust%'"
)
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


def support_of(feature: int) -> Query:
    """Return the query of the models that can do something.

    Args:
        feature: Its number.
    """
    return replace(SUPPORT, where=f"p.tksupportsfeature={feature}")


def keys_of(names: Collection[str]) -> Query:
    """Return the query of the keys of some phones."""
    return replace(KEYS_OF_PHONES, where=f"d.name in ({', '.join(map(quoted, sorted(names)))})")


def read_settings(pkid: str) -> str:
    """Return the statement that reads a phone's own settings (Q12)."""
    return f"execute procedure dbreaddevicexml({quoted(pkid)})"
