"""Nothing but what reads can be sent: whatever is asked for, and however it is written."""

from __future__ import annotations

import ast
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

import mixedmode.live
from mixedmode.live.allowed.files import check_file, check_page
from mixedmode.live.allowed.refusal import NotAllowedError
from mixedmode.live.allowed.requests import AXL, CONTROL, LOG_FILE, LOGS, RIS, HttpRequest, Place, check_request
from mixedmode.live.allowed.shell import check_line
from mixedmode.live.allowed.sql import check_sql, quoted
from mixedmode.live.wire.https import Web
from mixedmode.live.wire.tftp import read_tftp

READS = [
    "select paramname, paramvalue from processconfig where paramname='ClusterSecurityMode'",
    "select first 100 d.name from device d join typemodel tm on tm.enum=d.tkmodel where d.name > 'SEP''x' order by 1",
    "select count(*) as n from device where tkclass in (1, 254)",
    "select tabname from systables where tabname like '%hash%' or tabname like '%trust%'",
    "execute procedure dbreaddevicexml('0a0b0c0d-0000-1111-2222-334455667788')",
    "select name from device where name='update device set x; -- drop'",
]
WRITES = [
    "update device set name='x'",
    "select 1 from device; delete from device",
    "select * from device into temp t",
    "select name from device for update",
    "select dbwritedevicexml('x','y') from systables",
    "select dbwritedevicexml ('x','y') from systables",
    'select "a" from device',
    "select name from device -- where",
    "select name from device { comment }",
    "select /* x */ name from device",
    "select name from device where name='x",
    "selectname from device",
    " delete from device",
    "execute procedure dbwritedevicexml('0a0b0c0d-0000-1111-2222-334455667788','x')",
    "execute procedure dbreaddevicexml('x'); delete from device",
    "select name from device\n;delete",
    "call x()",
    "with a as (select 1) delete from device",
    "select sysproc.f(1) from device",
    "",
]


@pytest.mark.parametrize("statement", READS)
def test_what_reads_passes(statement: str) -> None:
    check_sql(statement)


@pytest.mark.parametrize("statement", WRITES)
def test_what_may_write_does_not(statement: str) -> None:
    with pytest.raises(NotAllowedError):
        check_sql(statement)


@given(st.text())
def test_no_name_breaks_out_of_its_string(name: str) -> None:
    try:
        made = quoted(name)
    except NotAllowedError:
        return
    check_sql(f"select name from device where name > {made} order by name")


@pytest.mark.parametrize(
    "line",
    ["show itl", "show cert list own", "run sql select name from device", "file list tftp *", "utils service list"],
)
def test_lines_that_read(line: str) -> None:
    check_line(line)


@pytest.mark.parametrize(
    "line",
    [
        "utils ctl update CTLFile",
        "set cert regen tomcat",
        "run sql update device set name='x'",
        "show itl; utils ctl reset",
        "show itl | utils",
        "file delete tftp x",
        "run sql execute procedure x()",
        "utils service restart Cisco Tftp",
        "show itl\nutils ctl reset localkey",
        "",
        "utils service list; x",
        "SHOW",
    ],
)
def test_lines_that_do_more(line: str) -> None:
    with pytest.raises(NotAllowedError):
        check_line(line)


@pytest.mark.parametrize("name", ["CTLFile.tlv", "ITLSEP00005E005301.tlv", "SEP00005E005301.cnf.xml.sgn"])
def test_files_that_are_read(name: str) -> None:
    check_file(name)


@pytest.mark.parametrize(
    "name", ["../etc/passwd", "CTLFile.tlv\n", "ringlist.xml", "", "/CTLFile.tlv", "ctlfile.tlv%00"]
)
def test_other_files(name: str) -> None:
    with pytest.raises(NotAllowedError):
        read_tftp("127.0.0.1", 1, name)


@pytest.mark.parametrize(
    "target",
    [
        "/CGI/Execute",
        "/CGI/Screenshot",
        "/CGI/CaptureScreenShot",
        "/CGI/Java/Serviceability?adapter=device.reset",
        "/CGI/Java/Serviceability?adapter=device.statistics.device&x=1",
        "//CGI/Execute",
        "/../CGI/Execute",
        "/%43GI/Execute",
    ],
)
def test_pages_that_do_something(target: str) -> None:
    with pytest.raises(NotAllowedError):
        check_page(target)


def soap(operation: str, inner: str = "", *, header: str = "", more: str = "") -> bytes:
    return (
        f'<e:Envelope xmlns:e="http://schemas.xmlsoap.org/soap/envelope/" xmlns:n="urn:n">{header}<e:Body>'
        f"<n:{operation}>{inner}</n:{operation}>{more}</e:Body></e:Envelope>"
    ).encode()


JOB = "<JobType>DownloadtoClient</JobType>"
SENT = [
    (AXL, "CUCM:DB ver=14.0 executeSQLQuery", soap("executeSQLQuery", "<sql>select name from device</sql>"), True),
    (AXL, "CUCM:DB ver=14.0 listProcessNode", soap("listProcessNode"), True),
    (AXL, "CUCM:DB ver=14.0 getPhone", soap("getPhone", "<returnedTags><name/></returnedTags>"), True),
    (AXL, "CUCM:DB ver=14.0 getPhone", soap("getPhone", "<name>x</name>"), False),
    (AXL, "CUCM:DB ver=14.0 getPhone", soap("getPhone", "<returnedTags><sshPwd/></returnedTags>"), False),
    (AXL, "CUCM:DB ver=14.0 executeSQLUpdate", soap("executeSQLQuery", "<sql>select name from device</sql>"), False),
    (AXL, "CUCM:DB ver=14.0 executeSQLQuery", soap("executeSQLUpdate", "<sql>select name from device</sql>"), False),
    (AXL, "", soap("executeSQLQuery", "<sql>select a from b</sql><sql>delete from b</sql>"), False),
    (AXL, "", soap("executeSQLQuery", "<sql>select a from b<x>; delete from b</x></sql>"), False),
    (AXL, "", soap("executeSQLQuery", "<sql>delete from device</sql>"), False),
    (AXL, "", soap("updatePhone"), False),
    (AXL, "", soap("doDeviceReset"), False),
    (AXL, "", soap("listPhone", more="<x/>"), False),
    (AXL, "", b"<not-closed", False),
    (AXL, "", b'<!DOCTYPE x [<!ENTITY a "b">]>' + soap("listProcessNode"), False),
    ("/axl", "", soap("listProcessNode"), False),
    (RIS, "http://schemas.cisco.com/ast/soap/action/#RisPort#SelectCmDeviceExt", soap("selectCmDeviceExt"), True),
    (CONTROL, "soapGetServiceStatus", soap("soapGetServiceStatus"), True),
    (CONTROL, "soapDoControlServices", soap("soapGetServiceStatus"), False),
    (CONTROL, "", soap("soapDoControlServices"), False),
    (LOGS, "selectLogFiles", soap("selectLogFiles", JOB), True),
    (LOGS, "selectLogFiles", soap("selectLogFiles", "<JobType>PushtoSFTPServer</JobType>"), False),
    (LOGS, "selectLogFiles", soap("selectLogFiles", JOB + "<IPAddress>192.0.2.9</IPAddress>"), False),
    (LOGS, "selectLogFiles", soap("selectLogFiles"), False),
    (LOG_FILE, "GetOneFile", soap("GetOneFile", "<FileName>/var/log/active/cm/trace/x.txt</FileName>"), True),
    (LOG_FILE, "GetOneFile", soap("GetOneFile", "<FileName>/var/log/active/../../etc/x</FileName>"), False),
    (LOG_FILE, "GetOneFile", soap("GetOneFile", "<FileName>/etc/passwd</FileName>"), False),
    (
        "/platform-services/services/ClusterNodesService",
        "",
        soap("getClusterStatus", header="<e:Header><a/></e:Header>"),
        True,
    ),
    ("/platform-services/services/CertificateService", "", soap("regenerate"), False),
    ("/platform-services/services/DataExportService", "", soap("getClusterStatus"), False),
]


@pytest.mark.parametrize(("target", "action", "body", "passes"), SENT)
def test_operations(target: str, action: str, body: bytes, passes: bool) -> None:
    request = HttpRequest(Place.CLUSTER, "POST", target, {"soapaction": f'"{action}"'}, body)
    if passes:
        check_request(request)
    else:
        with pytest.raises(NotAllowedError):
            check_request(request)
    for place in (Place.LISTS, Place.PHONE):
        with pytest.raises(NotAllowedError):
            check_request(HttpRequest(place, "POST", target, {}, body))


@pytest.mark.parametrize("place", [Place.PHONE, Place.LISTS])
def test_no_login_for_who_needs_none(place: Place) -> None:
    target = "/" if place is Place.PHONE else "/CTLFile.tlv"
    check_request(HttpRequest(place, "GET", target))
    with pytest.raises(NotAllowedError):
        check_request(HttpRequest(place, "GET", target, {"authorization": "Basic eA=="}))


WORDS = st.sampled_from(
    [*"/?=&;. %<>'", "CGI", "Execute", "axl", "adapter", "select", "update", "device", "tlv", "SEP"]
)


@given(
    st.sampled_from([*Place]),
    st.sampled_from(["GET", "POST", "PUT", "DELETE", "HEAD", "get"]),
    st.lists(WORDS | st.text(max_size=4), max_size=8).map("".join),
    st.binary(max_size=60),
)
def test_whatever_is_not_on_the_list_never_reaches_a_socket(
    place: Place, method: str, target: str, body: bytes
) -> None:
    web = Web(place, "127.0.0.1", 1, tls=False)  # nothing listens there: to reach it would be another error
    with pytest.raises(NotAllowedError):
        web.send(HttpRequest(place, method, target + "/x", {}, body))


def test_sockets_are_in_few_hands() -> None:
    """Every module of the room that can speak to anybody is one of these, and they check what they send.

    ``sources/database.py`` takes nothing of :mod:`ssl` but how PEM is read.
    """
    room = Path(mixedmode.live.__file__).parent
    speaking = {"socket", "ssl", "http.client", "urllib.request", "asyncio", "asyncssh", "select", "subprocess"}
    found = set()
    for path in room.rglob("*.py"):
        for node in ast.walk(ast.parse(path.read_text())):
            names = {each.name for each in node.names} if isinstance(node, ast.Import) else set()
            names |= {str(node.module)} if isinstance(node, ast.ImportFrom) else set()
            if names & speaking:
                found.add(str(path.relative_to(room)))
    assert {each for each in found if not each.startswith("shell/")} == {
        "sources/database.py",
        "sources/faces.py",
        "wire/https.py",
        "wire/tftp.py",
        "wire/tls.py",
    }
