"""AXL as plain SOAP: what it answers, in which form, and what it refuses."""

from __future__ import annotations

import datetime as dt
import re
from contextlib import ExitStack

import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.serialization import Encoding

from mixedmode.faces.soap.axl.face import answer
from mixedmode.faces.soap.errors import AxlError
from mixedmode.faces.soap.sql import engine
from mixedmode.faces.soap.sql.engine import Memory, element_names, run_query
from mixedmode.faces.soap.sql.informix import read_query
from mixedmode.faces.soap.sql.tables import _VIEWS, OURS, TABLES
from mixedmode.pki.certificates.certificates import Certificate
from tests.faces.soap.conftest import AXL, ENVELOPE, NAMES, Programs
from tests.faces.web.weblab import PASSWORD, WebLab

BOMB = """<?xml version="1.0"?><!DOCTYPE a [<!ENTITY x "lol"><!ENTITY y "&x;&x;&x;&x;"><!ENTITY z "&y;&y;&y;&y;">]>
<soapenv:Envelope xmlns:soapenv="http://schemas.xmlsoap.org/soap/envelope/"><soapenv:Body>
<n:getCCMVersion xmlns:n="http://www.cisco.com/AXL/API/14.0">&z;</n:getCCMVersion></soapenv:Body></soapenv:Envelope>"""
XXE = BOMB.replace('<!ENTITY x "lol">', '<!ENTITY x SYSTEM "file:///etc/passwd">')


def fault(text: str) -> tuple[str, str]:
    code = re.search(r"<axlcode>(-?\d+)</axlcode>", text)
    message = re.search(r"<axlmessage>(.*?)</axlmessage>", text, re.DOTALL)
    assert code is not None
    assert message is not None
    return code[1], message[1]


def test_rows_are_written_as_axl_writes_them(programs: Programs) -> None:
    none = programs.sql("select name from device where name = 'nobody'")
    assert (none.status, "<return/>" in none.text) == (200, True)
    assert none.headers["content-type"] == "text/xml; charset=utf-8"
    assert '<ns:executeSQLQueryResponse xmlns:ns="http://www.cisco.com/AXL/API/14.0">' in none.text
    one = programs.sql("select first 1 NAME, description as Said, isactive, lscvaliduntil from device order by name")
    said = "<said>Desk &lt;0&gt; &amp; 'co'</said>"
    assert f"<row><name>{NAMES[0]}</name>{said}<isactive>t</isactive><lscvaliduntil/></row>" in one.text
    many = programs.sql("select d.name from device d where d.tkclass=1 order by d.name")
    assert re.findall(r"<name>(\w+)</name>", many.text) == list(NAMES)


def test_the_catalogue_of_queries_is_answered(shared: WebLab) -> None:
    queries = {
        "select paramname, paramvalue from processconfig where paramname='ClusterSecurityMode'": "<paramvalue>0<",
        "select paramname, paramvalue from processconfig where tkservice=11": "TFTPFileSignatureAlgorithm",
        "select name from typemodel where tkclass=1": "<name>Cisco 8841</name>",
        "select d.pkid, d.name, d.description, tm.name as model, d.tkmodel, d.tkproduct, d.tkdeviceprotocol as proto, "
        "d.specialloadinformation as load, dp.name as pool, sp.name as secprofile, dsm.name as secmode, cs.name as "
        "certstatus, d.lscvaliduntil, d.lscissuername, d.lscissuervaliduntil from device d join typemodel tm on "
        "tm.enum=d.tkmodel left join devicepool dp on dp.pkid=d.fkdevicepool left join securityprofile sp on "
        "sp.pkid=d.fksecurityprofile left join typedevicesecuritymode dsm on dsm.enum=sp.tkdevicesecuritymode left "
        "join typecertificatestatus cs on cs.enum=d.tkcertificatestatus where d.tkclass=1 order by d.name": (
            "<secprofile>Cisco 7975 - SCCP Encrypted</secprofile><secmode>Encrypted</secmode>"
            "<certstatus>None</certstatus>"
        ),
        "select name, lscvaliduntil, pkid from device where lscvaliduntil > 0": "",
        "select d.name, rd.lastknownipaddress, rd.lastknownucm, rd.lastseen, rd.lastactive from device d left join "
        "registrationdynamic rd on rd.fkdevice=d.pkid where d.tkclass=1 order by d.name": (
            f"<name>{NAMES[1]}</name><lastknownipaddress>192.0.2.51</lastknownipaddress><lastknownucm/>"
            "<lastseen>1764000000</lastseen><lastactive/>"
        ),
        "select cmg.name as cmgroup, m.priority, pn.name as node from callmanagergroup cmg join callmanagergroupmember "
        "m on m.fkcallmanagergroup=cmg.pkid join callmanager cm on cm.pkid=m.fkcallmanager join processnode pn on "
        "pn.pkid=cm.fkprocessnode order by 1,2": "<cmgroup>Default</cmgroup><priority>1</priority><node>axl-sub1<",
        "select sp.name, sp.tftpencryptedflag, dsm.name as mode, tr.name as transport, ks.name as keysize from "
        "securityprofile sp left join typedevicesecuritymode dsm on dsm.enum=sp.tkdevicesecuritymode left join "
        "typetransport tr on tr.enum=sp.tktransport left join typekeysize ks on ks.enum=sp.tkkeysize": (
            "<name>Cisco 8841 - Standard SIP Non-Secure Profile</name><tftpencryptedflag>f</tftpencryptedflag>"
        ),
        "select first 100 c.servername, tcs.name as service, dist.moniker as dist, c.subjectname, c.issuername, "
        "c.serialnumber, c.certificate from certificate c join certificateservicecertificatemap m on "
        "m.fkcertificate=c.pkid join typecertificateservice tcs on tcs.enum=m.tkcertificateservice join "
        "typecertificatedistribution dist on dist.enum=c.tkcertificatedistribution": "-----BEGIN CERTIFICATE-----",
        "select c.serialnumber, r.tktrustrole from certificate c join certificatetrustrolemap r on "
        "r.fkcertificate=c.pkid": "<tktrustrole>2</tktrustrole>",
        "select tm.name, p.tkdeviceprotocol from productsupportsfeature p join typemodel tm on tm.enum=p.tkmodel join "
        "typesupportsfeature f on f.enum=p.tksupportsfeature where f.name like '%Security By Default%' group by "
        "tm.name, p.tkdeviceprotocol": "<name>Cisco 8841</name>",
        "execute procedure dbreaddevicexml('00000008-0000-4000-8000-000000000001')": "&lt;webAccess&gt;1&lt;",
        "select tabname from systables where tabname like '%itl%' or tabname like '%trust%'": "certificatetrustrolemap",
        "select n.dnorpattern from devicenumplanmap m join numplan n on n.pkid=m.fknumplan": "<dnorpattern>1001<",
        "select count(*) from device": "<count>4</count>",
    }
    for query, wanted in queries.items():
        rows = run_query(shared.cluster, query, Memory())
        assert wanted in rows, (query, rows[:600])
        assert wanted or not rows
    query = "select certificate from certificate where subjectname like '%axl-pub%'"
    pems = re.findall(r"<certificate>(.*?)</certificate>", run_query(shared.cluster, query, Memory()), re.DOTALL)
    assert all(x509.load_pem_x509_certificate(pem.encode()) for pem in pems)
    assert pems


def test_an_lsc_has_its_end_and_its_issuer(shared: WebLab) -> None:
    cluster = shared.cluster
    capf = cluster.own_certificate("axl-pub", "CAPF")
    key = ec.generate_private_key(ec.SECP256R1())
    until = dt.datetime(2029, 3, 4, 5, 6, 7, tzinfo=dt.UTC)
    signer = cluster.signer("axl-pub", "CAPF")
    made = (
        x509.CertificateBuilder()
        .subject_name(x509.Name([x509.NameAttribute(x509.NameOID.COMMON_NAME, NAMES[2])]))
        .issuer_name(capf.x509.subject)
        .public_key(key.public_key())
        .serial_number(77)
        .not_valid_before(until.replace(year=2026))
        .not_valid_after(until)
        .sign(key, hashes.SHA256())
    )
    assert signer.certificate == capf
    cluster.keep_lsc(NAMES[2], Certificate(made.public_bytes(Encoding.DER)))
    try:
        query = "select name, lscvaliduntil as until, lscissuername as who from device where lscvaliduntil > 0"
        rows = run_query(cluster, query, Memory())
        assert rows == (
            f"<row><name>{NAMES[2]}</name><until>{int(until.timestamp())}</until><who>{capf.subject}</who></row>"
        )
    finally:
        cluster.keep_lsc(NAMES[2], None)


@pytest.mark.parametrize(
    ("query", "code"),
    [
        ("update device set name='x'", "-201"),
        ("delete from device", "-201"),
        ("insert into device values (1)", "-201"),
        ("drop table device", "-201"),
        ("select name from device; delete from device", "-201"),
        ("select name into temp x from device", "-201"),
        ("with x as (select 1) select * from x", "-201"),
        ("execute procedure dbwritedevicexml('00000008-0000-4000-8000-000000000001')", "-201"),
        ("pragma table_info(device)", "-201"),
        ("select $$x$$ from device", "-201"),
        ("select [name] from device", "-201"),
        ("select name from device where (1=1", "-201"),
        ("select name from device where 1=1)", "-201"),
        ("", "-201"),
        ("select nope from device", "-217"),
        ("select name frm device", "-201"),
        ("select name from nope", "-206"),
        ("select * from auditlog", "-206"),
        ("select * from main.auditlog", "-206"),
        ("select * from sqlite_master", "-206"),
        ("select * from pg_authid", "-206"),
        ("select name from device d, websession w", "-206"),
        ("select name from device d join (websession w join device e on 1=1) on 1=1", "-206"),
        ("select (select token from websession) from device", "-206"),
        ("select * from (select * from (select facts from devicesighting) x) y", "-206"),
        ("select name from device where 1 in (table websession)", "-201"),
        ("select name from device union select token from websession", "-206"),
        ("select x from json_each('[1]') e", "-206"),
        ("select lsc from device", "-217"),
    ],
)
def test_what_is_no_query_of_axls_tables_is_refused(shared: WebLab, query: str, code: str) -> None:
    with pytest.raises(AxlError) as refused:
        run_query(shared.cluster, query, Memory())
    assert refused.value.axl_code == int(code)


def test_a_query_that_is_refused_is_a_fault(programs: Programs) -> None:
    answer = programs.sql("update device set name='x'")
    assert (answer.status, fault(answer.text)[0]) == (500, "-201")
    assert "<request>executeSQLQuery</request>" in answer.text


def test_a_table_of_ours_is_hidden_even_where_it_is_named_in_another_way(programs: Programs) -> None:
    assert {"auditlog", "websession", "operation", "devicesighting"} <= OURS
    answer = programs.sql("select name from device where name in websession")
    assert answer.status in {200, 500}
    assert "<row>" not in answer.text


def test_nothing_secret_has_a_column() -> None:
    columns = run_columns()
    assert not [each for each in columns if re.search("pass|pwd|secret|pin$|authenticationstring|token|digest", each)]
    assert not {"enduser", "applicationuser", "credential", "websession", "auditlog"} & TABLES


def run_columns() -> set[str]:
    return {column for view in _VIEWS.values() for column in view.columns}


def test_informix_is_read_as_informix_means_it() -> None:
    read = read_query('Select skip 5 FIRST 10 unique name -- all\nfrom device /* of */ where x="a\'b" {now}', TABLES)
    assert read.sql == "Select distinct name from device where x = 'a''b' limit 10 offset 5"
    inner = read_query('select nvl(a,1) as "Odd" from (select first 2 a from device) x', TABLES)
    assert inner.sql == 'select coalesce ( a , 1 ) as "Odd" from ( select a from device limit 2 offset 0 ) x'
    assert element_names(["NAME", "count ( * )", "a || b", "?column?", "xml"]) == [
        "name", "count", "expression", "expression", "expression",
    ]  # fmt: skip


def test_a_reply_that_is_too_large_says_how_many_rows_would_do(
    programs: Programs, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(engine, "MOST_BYTES", 300)
    code, message = fault(programs.sql("select name, description from device").text)
    assert code == "-1"
    assert re.search(r"Query request too large. Total rows matched: 4 rows.", message)
    assert re.search(r"Suggestive Row Fetch: less than ([123]) rows", message)
    paged = programs.sql("select skip 2 first 2 name, description from device order by name")
    assert paged.status == 200


def test_replies_share_their_memory_and_their_queue() -> None:
    memory = Memory()
    with memory.reply() as large, memory.reply() as other:
        memory.grow(large, 3 << 20)
        memory.grow(other, 1 << 20)
        with pytest.raises(AxlError, match="Maximum AXL Memory Allocation Consumed"):
            memory.grow(other, 2 << 20)
    with memory.reply() as again:
        memory.grow(again, 8 << 20)
    with ExitStack() as stack:
        for _ in range(engine.WAITING):
            stack.enter_context(memory.place())
        with pytest.raises(AxlError) as refused, memory.place():
            pass
    assert refused.value.status == 503
    with memory.place():
        pass


def test_versions(programs: Programs) -> None:
    ask = "<ns:getCCMVersion/>"
    for version in ("10.0", "12.5", "15.0"):
        answer = programs.axl(ask, version)
        assert answer.status == 200
        assert f'xmlns:ns="{AXL}{version}"' in answer.text
        assert "<componentVersion><version>14.0.1.10000-20</version></componentVersion>" in answer.text
    assert programs.axl(ask, "14.0", action="CUCM:DB ver=14.0 getCCMVersion").status == 200
    assert programs.axl(ask, "14.0", action="").status == 200
    assert f'xmlns:ns="{AXL}10.0"' in programs.axl(ask, "1.0", action="CUCM:DB ver=1.0 getCCMVersion").text
    for version, action in (("13.0", "CUCM:DB ver=13.0"), ("16.0", ""), ("14.0", "CUCM:DB ver=12.5"), ("9.1", "")):
        wrong = programs.axl(ask, version, action=action)
        assert (wrong.status, wrong.headers["content-type"]) == (599, "text/html; charset=utf-8")
        assert "Supported axl versions are 10.0, 10.5, 11.0, 11.5, 12.0, 12.5, 14.0 and 15.0" in wrong.text


def test_lists_have_the_tags_that_were_asked_for(programs: Programs) -> None:
    nodes = programs.axl(
        "<ns:listProcessNode><searchCriteria><name>%</name></searchCriteria>"
        "<returnedTags><name/><nodeUsage/></returnedTags></ns:listProcessNode>"
    )
    assert re.findall(r"<processNode uuid=\"{[-0-9A-F]{36}}\"><name>([\w-]+)</name><nodeUsage>(\w+)<", nodes.text) == [
        ("axl-pub", "Publisher"),
        ("axl-sub1", "Subscriber"),
    ]
    phones = programs.axl(
        "<ns:listPhone><searchCriteria><protocol>SCCP</protocol></searchCriteria><returnedTags><name/><model/>"
        "<authenticationString/><sshPwd/></returnedTags><skip>1</skip><first>1</first></ns:listPhone>"
    )
    assert re.findall(r"<phone uuid=\"[^\"]+\">(.*?)</phone>", phones.text) == [
        f"<name>{NAMES[2]}</name><model>Cisco 7975</model>"
    ]
    pools = programs.axl("<ns:listDevicePool><searchCriteria><name>%</name></searchCriteria></ns:listDevicePool>")
    assert "<devicePool uuid=" in pools.text
    profiles = programs.axl("<ns:listPhoneSecurityProfile><searchCriteria/></ns:listPhoneSecurityProfile>")
    assert "<deviceSecurityMode>Encrypted</deviceSecurityMode>" in profiles.text
    asked = "<searchCriteria><Model>%</Model></searchCriteria><returnedTags><Model/><LoadInformation/></returnedTags>"
    defaults = programs.axl(f"<ns:listDeviceDefaults>{asked}</ns:listDeviceDefaults>")
    assert "<Model>Cisco 8841</Model><LoadInformation/></deviceDefaults>" in defaults.text
    known = programs.axl("<ns:listRegistrationDynamic><searchCriteria/></ns:listRegistrationDynamic>")
    assert "<lastKnownIpAddress>192.0.2.52</lastKnownIpAddress><lastSeen>1763000000</lastSeen>" in known.text


def test_one_phone_with_its_lines_and_nothing_secret(programs: Programs) -> None:
    phone = programs.axl(f"<ns:getPhone><name>{NAMES[1]}</name></ns:getPhone>").text
    assert "<index>1</index>" in phone
    assert "<pattern>1001</pattern>" in phone
    uuid = re.search(r'<phone uuid="({[^"]+})"', phone)
    assert uuid is not None
    assert uuid[1] == uuid[1].upper()
    again = programs.axl(f"<ns:getPhone><uuid>{uuid[1]}</uuid></ns:getPhone>").text
    assert f"<name>{NAMES[1]}</name>" in again
    assert not re.search("authenticationString|sshPwd|sshUserId|digest", phone, re.IGNORECASE)
    for asked in ("<name>nobody</name>", "<uuid>{0}</uuid>", "<uuid>{00000001-0000-4000-8000-000000000001}</uuid>"):
        missing = programs.axl(f"<ns:getPhone>{asked}</ns:getPhone>")
        assert fault(missing.text)[0] == "5007"


def test_tvs_certificates_have_their_roles(programs: Programs, shared: WebLab) -> None:
    listed = programs.axl("<ns:listTvsCertificate><searchCriteria><subjectName>%axl-pub%</subjectName>"
                          "</searchCriteria></ns:listTvsCertificate>").text  # fmt: skip
    own = shared.cluster.own_certificate("axl-pub", "CallManager")
    assert own.serial.hex().upper() in listed.upper()
    serial = re.search(r"<serialNumber>(\w+)</serialNumber>", listed)
    issuer = re.search(r"<issuerName>([^<]+)</issuerName>", listed)
    assert serial is not None
    assert issuer is not None
    one = programs.axl(
        f"<ns:getTvsCertificate><issuerName>{issuer[1]}</issuerName><serialNumber>{serial[1]}</serialNumber>"
        "</ns:getTvsCertificate>"
    ).text
    assert "<role><roleName>CallManagerTFTP</roleName></role>" in one
    assert "<serviceName>CallManager</serviceName>" in one


def test_sizes_and_versions(programs: Programs) -> None:
    number = programs.axl("<ns:getNumDevices><class>Phone</class></ns:getNumDevices>")
    assert "<return>4</return>" in number.text
    missing = programs.axl("<ns:getCCMVersion><processNodeName>nope</processNodeName></ns:getCCMVersion>")
    assert fault(missing.text)[0] == "5007"


def test_what_writes_is_refused_and_what_is_unknown_is_too(programs: Programs, shared: WebLab) -> None:
    for operation in ("addPhone", "updatePhone", "removePhone", "doDeviceReset", "executeSQLUpdate", "applyPhone"):
        answer = programs.axl(f"<ns:{operation}><name>{NAMES[0]}</name></ns:{operation}>", user="administrator")
        assert (answer.status, "only reads" in answer.text) == (401, True)
    assert fault(programs.axl("<ns:getNonsense/>").text)[0] == "5000"
    assert fault(programs.axl("<ns:listPhone><first>x</first></ns:listPhone>").text)[0] == "5000"
    wrong = "<ns:listPhone><searchCriteria><nonsense>%</nonsense></searchCriteria></ns:listPhone>"
    assert fault(programs.axl(wrong).text)[0] == "5000"
    assert len(shared.cluster.devices) == 4


def test_who_may_not_is_not_heard(programs: Programs) -> None:
    for login in ({"login": False}, {"password": "wrong"}, {"user": "nobody"}):
        answer = programs.axl("<ns:getCCMVersion/>", **login)
        assert (answer.status, answer.headers["www-authenticate"]) == (401, 'Basic realm="Cisco Web Services Realm"')
        assert answer.body == b""
    right = programs.axl("<ns:getCCMVersion/>", user="reader", password=PASSWORD)
    assert right.status in {200, 401}


@pytest.mark.parametrize(
    "body",
    [
        BOMB,
        XXE,
        "",
        "<a/>",
        "<a><b>",
        "\x00\xff",
        '<?xml version="1.0" encoding="nonsense"?><a/>',
        ENVELOPE.format(space=AXL + "14.0", body=""),
        ENVELOPE.format(space=AXL + "14.0", body="<ns:getCCMVersion/><ns:getCCMVersion/>"),
        ENVELOPE.format(space=AXL + "14.0", body="<a>" * 100 + "</a>" * 100),
        ENVELOPE.format(space=AXL + "14.0", body="<ns:getCCMVersion>" + "<a/>" * 30_000 + "</ns:getCCMVersion>"),
    ],
)
def test_what_is_no_envelope_is_a_fault(shared: WebLab, body: str) -> None:
    told = answer(shared.cluster, body.encode(), "CUCM:DB ver=14.0", Memory())
    assert told.status == 500
    assert b"<faultcode>soapenv:Client</faultcode>" in told.body
    assert b"root:" not in told.body


def test_a_document_type_is_refused_over_the_wire(programs: Programs) -> None:
    refused = programs.post("/axl/", BOMB, action="CUCM:DB ver=14.0")
    assert (refused.status, "document type" in refused.text) == (500, True)


def test_fifty_megabytes_are_not_kept(programs: Programs) -> None:
    answer = programs.post("/axl/", b"x" * (50 << 20), action="CUCM:DB ver=14.0")
    assert answer.status == 413


def test_uds_tells_version_and_servers_to_anybody(programs: Programs) -> None:
    version = programs.lab.visitor().get("/cucm-uds/version")
    assert (version.status, version.headers["content-type"]) == (200, "application/xml")
    assert "<version>14.0.1</version>" in version.text
    servers = programs.lab.visitor().get("/cucm-uds/servers")
    assert re.findall("<server>(.*?)</server>", servers.text) == ["axl-pub", "axl-sub1"]
    odd = programs.lab.visitor().get("/cucm-uds/servers", host='"><script>')
    assert "<script>" not in odd.text
