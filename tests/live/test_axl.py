"""AXL and the database behind it, with the habits that real ones have."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator
from contextlib import contextmanager

import pytest

from mixedmode.errors import MixedModeError, RemoteError
from mixedmode.live.allowed.requests import Place
from mixedmode.live.allowed.sql import check_sql
from mixedmode.live.rows import row_values
from mixedmode.live.sources import catalogue
from mixedmode.live.sources.axl import Axl, AxlFaultError, version_for, version_of_page
from mixedmode.live.sources.database import Database, look_at_database
from mixedmode.live.sources.seeing import Seen
from mixedmode.live.wire.https import Web
from tests.live.canned import Canned, Time, fault, in_turn, rows
from tests.live.stub import Answer, Sent, serving, xml
from tests.pki.material import signer


def axl(answer: Callable[[Sent], Answer], release: str = "14.0.1") -> tuple[Axl, Canned, Time]:
    web, time = Canned(answer), Time()
    return Axl(web, release, time), web, time


@pytest.mark.parametrize("found", [[], [{"name": "a"}], [{"name": "a"}, {"name": "b &amp; c"}]])
def test_none_one_and_many_rows(found: list[dict[str, str]]) -> None:
    asked, _, _ = axl(lambda _: rows(*found))
    assert [row["name"] for row in asked.select("select name from device")] == [
        row["name"].replace("&amp;", "&") for row in found
    ]


def test_a_wrong_version_is_changed_once() -> None:
    page: Answer = (
        599,
        {},
        b"<html><p>The specified AXL version is not supported. Supported axl versions are 12.x, 14.0 and 15.0</p>",
    )
    asked, web, _ = axl(in_turn(page, rows()), "11.5")
    assert asked.version == "11.5"
    assert asked.select("select name from device") == []
    assert asked.version == "15.0"
    assert [re.findall(r"ver=([\d.]+)", each.headers["soapaction"]) for each in web.sent] == [["11.5"], ["15.0"]]
    with pytest.raises(RemoteError):
        axl(lambda _: page)[0].select("select name from device")


@pytest.mark.parametrize(
    ("release", "version"),
    [
        ("14.0.1", "14.0"),
        ("15.0.1.10000-5", "15.0"),
        ("12.5.1", "12.5"),
        ("13.1", "12.5"),
        ("99.0", "15.0"),
        ("8.6", "10.0"),
        ("", "14.0"),
        ("10.5.2", "10.5"),
    ],
)
def test_versions(release: str, version: str) -> None:
    assert version_for(release) == version


def test_a_page_without_versions_is_an_error() -> None:
    with pytest.raises(MixedModeError):
        version_of_page("<html>no</html>", "14.0")


@pytest.mark.parametrize(
    "busy",
    [
        (503, {}, b""),
        fault("Maximum AXL Memory Allocation Consumed. Please retry"),
        fault("Maximum AXL Memory Allocation Consumed. Please retry", 200),
    ],
)
def test_busy_is_waited_for(busy: Answer) -> None:
    asked, _, time = axl(in_turn(busy, busy, rows({"name": "a"})))
    assert asked.select("select name from device") == [{"name": "a"}]
    assert time.waits == [5, 10]
    asked, web, time = axl(lambda _: busy)
    with pytest.raises(RemoteError):
        asked.select("select name from device")
    assert (len(web.sent), time.waits) == (6, [5, 10, 20, 40, 80])


@pytest.mark.parametrize("status", [200, 500])
def test_faults_are_found_whatever_the_status(status: int) -> None:
    with pytest.raises(AxlFaultError, match="Column"):
        axl(lambda _: fault("Column (x) not found", status, "-217"))[0].select("select x from device")


@pytest.mark.parametrize(("status", "words"), [(403, "refuses"), (404, "no AXL"), (502, "502")])
def test_statuses(status: int, words: str) -> None:
    with pytest.raises(RemoteError, match=words):
        axl(lambda _: (status, {}, b"<html>"))[0].select("select x from device")


NAMES = [f"SEP00005E{number:06X}" for number in range(3000)]


def pager(most: int) -> Callable[[Sent], Answer]:
    """Answer pages of names, and a fault where more than some are asked for."""

    def answer(sent: Sent) -> Answer:
        statement = sent.body.decode()
        size = int(re.search(r"first (\d+)", statement)[1])  # type: ignore[index]
        after = re.search(r"d\.name &gt; '(\w+)'", statement)
        left = [name for name in NAMES if after is None or name > after[1]]
        if min(size, len(left)) > most:
            return fault(
                f"Query request too large. Total rows matched: 2816 rows. Suggestive Row Fetch: less than {most} rows"
            )
        return rows(*({"name": name} for name in left[:size]))

    return answer


@pytest.mark.parametrize("most", [40000, 844, 500])
def test_pages_go_by_key_and_shrink_as_asked(most: int) -> None:
    asked, _, _ = axl(pager(most))
    found = [row["name"] for page in asked.pages(catalogue.PHONES) for row in page]
    assert found == NAMES


def test_a_server_that_does_not_page_is_not_believed() -> None:
    asked, _, _ = axl(lambda _: rows({"name": "a"}, {"name": "b"}))
    with pytest.raises(RemoteError, match="again"):
        list(asked.pages(catalogue.PHONES))


def test_columns_that_are_not_there_are_left_out() -> None:
    known = {
        "device": {
            "name",
            "tkmodel",
            "tkclass",
            "fkdevicepool",
            "fksecurityprofile",
            "tkcertificatestatus",
            "lscvaliduntil",
        },
        "typemodel": {"enum", "name"},
        "devicepool": {"pkid", "name"},
        "typecertificatestatus": {"enum", "name"},
        "securityprofile": {"pkid", "name", "tkdevicesecuritymode"},
        "typedevicesecuritymode": {"enum", "name"},
    }
    found = catalogue.PHONES.within(known)
    assert found is not None
    names = [name for name, _ in found.columns]
    assert "lsc_until" in names
    assert "has_certificate" not in names
    assert catalogue.REGISTRATIONS.within(known) is None
    assert catalogue.PHONES.within(None) is catalogue.PHONES


def test_the_database() -> None:
    made = signer()
    pem = made.certificate.pem().decode()

    def answer(sent: Sent) -> Answer:
        text = sent.body.decode()
        if "getCCMVersion" in text:
            return xml(
                "<r><return><componentVersion><version>14.0.1.10000-20</version></componentVersion></return></r>"
            )
        if "systables where" in text:
            return rows({"tabname": "deviceitlhash"})
        if "systables" in text:
            return fault("no such table", code="-206")
        if "from processnode" in text:
            return rows({"name": "EnterpriseWideData"}, {"name": "pub"})
        if "processconfig" in text:
            return rows({"name": "ClusterSecurityMode", "value": "1"})
        if "typecertificateservice" in text:
            return rows({"pkid": "1", "service": "CallManager"}, {"pkid": "1", "service": "CallManager-trust"})
        if "certificatetrustrolemap" in text:
            return rows({"pkid": "1", "role": "0"}, {"pkid": "1", "role": "77"})
        return rows({"pkid": "1", "server": "pub", "certificate": pem}) if "&gt;" not in text else rows()

    asked, _, time = axl(answer)
    seen = Seen()
    database = Database(asked, time, "x")
    database.learn_columns(seen)
    look_at_database(database, asked, seen)
    assert [(each.name, each.version) for each in seen.nodes] == [("pub", "14.0.1.10000-20")]
    assert [(each.node, each.unit, each.roles) for each in seen.certificates] == [
        ("pub", "CallManager", ("SAST", "role 77")),
        ("", "CallManager-trust", ("SAST", "role 77")),
    ]
    assert [(each.name, each.value) for each in seen.parameters] == [("ClusterSecurityMode", "1")]
    assert [each.what for each in seen.not_seen] == ["columns of the database", "ITL File Status"]


@contextmanager
def over_a_socket(answer: Callable[[Sent], Answer]) -> Iterator[Axl]:
    with serving(answer) as stub:
        web = Web(Place.CLUSTER, "127.0.0.1", stub.port, tls=False)
        yield Axl(web, "", Time())
        web.close()


def test_over_a_socket() -> None:
    with over_a_socket(lambda _: rows({"name": "a"})) as asked:
        assert asked.select("select name from device") == [{"name": "a"}]


def test_key_sizes_of_lscs_come_from_their_security_profiles() -> None:
    asked = catalogue.KEY_SIZES
    statement = asked.statement(100, "SEP000000000001")
    check_sql(statement)
    assert "ks.name as lsc_key_bits" in statement
    assert "d.lscvaliduntil>0" in statement
    assert row_values({"name": "SEP000000000002", "lsc_key_bits": "1024"}) == {"lsc_key_bits": "1024"}
    without = {table: {"pkid"} for table in asked.tables.values()}
    assert asked.within(without) is None, "a release without those columns is asked for the rest"
