"""What a cluster is set to do with phones, and what TVS vouches for: with the habits that real ones have."""

from __future__ import annotations

import re
from collections.abc import Callable
from html import unescape

import pytest

from mixedmode.errors import RemoteError
from mixedmode.live.allowed.sql import check_sql
from mixedmode.live.counters import look_at_counters
from mixedmode.live.notebook import NoNotebook
from mixedmode.live.observed import CertificateSeen, PhoneSeen, Value
from mixedmode.live.phones import Book
from mixedmode.live.provisioned import Feature
from mixedmode.live.rows import row_values
from mixedmode.live.settings.of_cluster import MOST_ALONE, look_at_provisioning
from mixedmode.live.settings.of_phones import add_models, lacks_web_access, settings_of_phones, web_access_of_some
from mixedmode.live.settings.vouching import MOST_ASKED, look_at_vouching, serial_of
from mixedmode.live.sources import catalogue
from mixedmode.live.sources.axl import Axl
from mixedmode.live.sources.database import Database, look_at_database
from mixedmode.live.sources.seeing import Seen
from tests.live.canned import Canned, Time, fault, rows
from tests.live.stub import Answer, Sent, xml
from tests.pki.material import signer

TABLES: dict[str, list[dict[str, str]]] = {
    "from typemodel": [{"number": "683", "name": "Cisco 8841"}, {"number": "odd", "name": "x"}],
    "from callmanagergroup ": [
        {"cmgroup": "A", "priority": "1", "node": "sub1"},
        {"cmgroup": "A", "priority": "0", "node": "pub"},
        {"cmgroup": "", "priority": "", "node": ""},
    ],
    "from devicepool": [{"name": "Desk", "cmgroup": "A"}],
    "from securityprofile": [
        {"name": "Enc", "mode": "Encrypted", "auth": "By Null String", "keysize": "1024", "tftpencrypted": "t"},
    ],
    "from typesupportsfeature": [
        {"number": "7", "name": "Security By Default", "moniker": "SUPPORTS_FEATURE_SECURITY_BY_DEFAULT"},
        {"number": "8", "name": "", "moniker": "SUPPORTS_FEATURE_3072_4096_RSA_KEY_SIZE"},
        {"number": "9", "name": "EMCC", "moniker": "SUPPORTS_FEATURE_EMCC"},
    ],
    "tksupportsfeature=7": [
        {"model": "683", "product": "568", "protocol": "99"},
        {"model": "437", "product": "", "protocol": "0"},
        {"model": "", "product": "", "protocol": "99"},
    ],
    "tksupportsfeature=8": [{"model": "683", "product": "568", "protocol": "11"}],
    "devicexml4k": [
        {
            "name": "SEP000000000001",
            "settings": "&lt;pin&gt;secret&lt;/pin&gt;&lt;webAccess&gt;0&lt;/webAccess&gt;",
        },
        {"name": "SEP000000000002", "settings": "&lt;webAccess&gt;1&lt;/webAccess&gt;"},
    ],
}
DEFAULTS = (
    "<r><return><deviceDefaults><Model>Cisco 8841</Model><Protocol>SIP</Protocol><LoadInformation>sip88xx.14"
    "</LoadInformation><InactiveLoadInformation/></deviceDefaults><deviceDefaults><Model/></deviceDefaults></return></r>"
)


def site(
    tables: dict[str, list[dict[str, str]]], *, lacks: Callable[[str], Answer | None] = lambda _statement: None
) -> Callable[[Sent], Answer]:
    """Return a publisher with some tables; each is one page."""

    def answer(sent: Sent) -> Answer:
        text = sent.body.decode()
        if "listDeviceDefaults" in text:
            return xml(DEFAULTS)
        statement = unescape(re.findall("<sql>(.*?)</sql>", text)[0])
        refused = lacks(statement)
        if refused is not None:
            return refused
        found = next((each for name, each in tables.items() if name in statement), [])
        return rows(*found) if " > '" not in statement else rows()

    return answer


def database(answer: Callable[[Sent], Answer]) -> tuple[Database, Axl, Canned]:
    web, time = Canned(answer), Time()
    axl = Axl(web, "14.0", time)
    return Database(axl, time, "pub", is_patient=False), axl, web


def book_of(*phones: PhoneSeen) -> Book:
    book = Book(Seen(), NoNotebook(), lambda *_: None)
    for each in phones:
        book.add(each.name, {key: values[0] for key, values in each.values.items()})
    return book


def phone(name: str, **values: str) -> PhoneSeen:
    sighting = database(site({}))[0].sighting()
    return PhoneSeen(name, {key: (Value(text, sighting),) for key, text in values.items()})


def test_every_query_reads() -> None:
    for query in catalogue.CATALOGUE:
        check_sql(query.statement(100 if query.key else 0, "x'" if query.key else ""))
    check_sql(catalogue.keys_of(["SEP1", "o'x"]).statement())
    check_sql(catalogue.read_settings("0a0b0c0d-0000-1111-2222-334455667788"))


def test_what_a_cluster_is_set_to() -> None:
    asked, axl, _ = database(site(TABLES))
    seen = Seen()
    look_at_provisioning(asked, axl, seen)
    assert seen.not_seen == []
    assert [(each.number, each.name) for each in seen.models] == [("683", "Cisco 8841")]
    assert [(each.name, each.nodes) for each in seen.groups] == [("A", ("pub", "sub1"))]
    assert [(each.name, each.group) for each in seen.pools] == [("Desk", "A")]
    profile = seen.profiles[0]
    assert (profile.mode, profile.authentication, profile.key_bits) == ("Encrypted", "By Null String", "1024")
    assert (profile.tftp_encrypted, profile.oauth, profile.key_order) == (True, None, "")
    assert [(each.feature, each.model, each.product, each.protocol) for each in seen.features] == [
        (Feature.SECURITY_BY_DEFAULT, "683", "568", ""),
        (Feature.SECURITY_BY_DEFAULT, "437", "", "SCCP"),
        (Feature.LARGE_KEYS, "683", "568", "SIP"),
    ]
    assert [(each.model, each.protocol, each.load) for each in seen.default_loads] == [
        ("Cisco 8841", "SIP", "sip88xx.14"),
    ]
    sightings = [*(each.seen for each in seen.models), *(each.seen for each in seen.groups)]
    sightings += [*(each.seen for each in seen.pools), *(each.seen for each in seen.profiles)]
    sightings += [*(each.seen for each in seen.features), *(each.seen for each in seen.default_loads)]
    assert {(each.where, each.source.value) for each in sightings} == {("pub", "axl")}


def test_nothing_is_set_and_nothing_fails() -> None:
    asked, axl, _ = database(lambda sent: xml("<r><return/></r>") if b"listDevice" in sent.body else rows())
    seen = Seen()
    look_at_provisioning(asked, axl, seen)
    assert seen == Seen()


@pytest.mark.parametrize("words", ["The specified table ({}) is not in the database.", "Table '{}' not found"])
def test_a_table_that_is_not_there_is_left_out_of_the_query(words: str) -> None:
    def lacks(statement: str) -> Answer | None:
        for name in ("typeeckeysize", "typetransport", "typesupportsfeature"):
            if name in statement:
                return fault(words.format(name), code="-206")
        if "tkkeyorder" in statement:
            return fault("Column (tkkeyorder) not found in any table in the query (or SLV is undefined).", code="-217")
        return None

    asked, axl, _ = database(site(TABLES, lacks=lacks))
    seen = Seen()
    look_at_provisioning(asked, axl, seen)
    assert [each.name for each in seen.profiles] == ["Enc"]
    assert [each.what for each in seen.not_seen] == ["features of models"]


def test_a_model_without_its_table_is_known_by_its_number() -> None:
    def lacks(statement: str) -> Answer | None:
        return fault("The specified table (typemodel) is not in the database.") if "typemodel" in statement else None

    asked, _, _ = database(site({"from device": [{"name": "SEP1", "model_number": "684"}]}, lacks=lacks))
    found = asked.rows(catalogue.PHONES, Seen())
    assert found == [{"name": "SEP1", "model_number": "684"}]
    book = book_of(phone("SEP1", **row_values(found[0])), phone("SEP2", model_number="7"), phone("SEP3"))
    add_models(book, [])
    assert [book.newest(name, "model") for name in book.names] == ["8851", "7960", ""]
    other = book_of(phone("SEP4", model_number="77777"), phone("SEP5", model_number="684", model="8851NR"))
    asked, axl, _ = database(site({"from typemodel": [{"number": "77777", "name": "Cisco 99XX"}]}))
    seen = Seen()
    look_at_provisioning(asked, axl, seen)
    add_models(other, seen.models)
    assert [other.newest(name, "model") for name in other.names] == ["99XX", "8851NR"]


def test_web_access_and_nothing_else_of_a_phones_settings() -> None:
    book = book_of(phone("SEP000000000001", security_profile="Enc", lsc_until="x"), phone("SEP000000000002"))
    asked, axl, web = database(site(TABLES))
    seen = Seen()
    look_at_provisioning(asked, axl, seen)
    list(settings_of_phones(asked, book, seen.profiles))
    found = {each.name: each.newest("web_access_configured") for each in book.phones()}
    assert found == {"SEP000000000001": "yes", "SEP000000000002": "no"}
    assert book.newest("SEP000000000001", "lsc_key_bits") == "1024"
    assert "secret" not in repr(book.phones())
    assert not any(b"lscvaliduntil" in each.body for each in web.sent), "the profiles told the size of keys"


@pytest.mark.parametrize("settings", ["&lt;webAccess&gt;0&lt;/webAccess&gt;", "<webAccess>0</webAccess>", ""])
def test_without_the_tables_some_phones_are_asked_for_alone(settings: str) -> None:
    def lacks(statement: str) -> Answer | None:
        if "devicexml" in statement and "execute" not in statement:
            return fault("The specified table (devicexml4k) is not in the database.", code="-206")
        return rows({"expression": settings}) if statement.startswith("execute") else None

    names = [f"SEP{number:012X}" for number in range(40)]
    keys = [{"name": name, "pkid": f"0a0b0c0d-0000-1111-2222-{name[3:].lower()}"} for name in names[:MOST_ALONE]]
    asked, axl, _ = database(site({"select d.name as name, d.pkid": keys}, lacks=lacks))
    book = book_of(*(phone(name, httpd="Yes") for name in names))
    list(settings_of_phones(asked, book, []))
    assert lacks_web_access(book.seen)
    web_access_of_some(asked, axl, book)
    told = [book.newest(name, "web_access_configured") for name in names]
    assert told == (["yes"] * MOST_ALONE if settings else [""] * MOST_ALONE) + [""] * (40 - MOST_ALONE)


@pytest.mark.parametrize(
    ("stamp", "told"),
    [
        ("1764000000-0a0b0c0d-0000-1111-2222-334455667788", "2025-11-24T16:00:00+00:00"),
        ("{1764000000-0a}", "2025-11-24T16:00:00+00:00"),
        ("{Jan 01 2006 00:00:00}", None),
        ("0a0b0c0d-0000-1111-2222-334455667788", None),
        ("", None),
    ],
)
def test_when_a_configuration_was_changed(stamp: str, told: str | None) -> None:
    assert row_values({"name": "x", "config_changed": stamp}).get("config_changed") == told


def test_tables_of_certificates_are_not_taken_for_itl_file_status() -> None:
    def answer(sent: Sent) -> Answer:
        if b"getCCMVersion" in sent.body:
            return fault("no")
        if b"like" in sent.body:
            return rows({"tabname": "certificatetrustrolemap"}, {"tabname": "typetrustrole"}, {"tabname": "itlx"})
        return rows()

    asked, axl, _ = database(answer)
    seen = Seen()
    look_at_database(asked, axl, seen)
    assert [each.why for each in seen.not_seen] == ["its table is not published; it may be one of these: itlx"]


def vouched(serial: str, uuid: str = "{U}") -> str:
    return (
        f'<tvsCertificate uuid="{uuid}"><subjectName>CN=a</subjectName><issuerName>CN=b</issuerName>'
        f"<serialNumber>{serial}</serialNumber></tvsCertificate>"
    )


ROLES = (
    "<r><return><tvsCertificate><roles><role><roleName>SAST</roleName></role><role><roleName>TFTP</roleName></role>"
    "</roles><services><service><serviceName>CallManager</serviceName></service></services></tvsCertificate></return></r>"
)


def look(listed: str, roles: Callable[[], Answer] = lambda: xml(ROLES)) -> tuple[Seen, Canned]:
    asked, axl, web = database(
        lambda sent: xml(f"<r><return>{listed}</return></r>") if b"listTvs" in sent.body else roles()
    )
    made = signer()
    at = asked.sighting()
    seen = Seen()
    look_at_vouching(asked, axl, [CertificateSeen("pub", "CallManager", made.certificate.der, at)], seen)
    return seen, web


def test_what_tvs_vouches_for() -> None:
    serial = signer().certificate.serial.hex().upper()
    seen, web = look(vouched("ABCD") + vouched(serial) + vouched(""))
    assert [(each.serial, each.roles, each.services) for each in seen.vouched] == [
        ("ABCD", (), ()),
        (serial, ("SAST", "TFTP"), ("CallManager",)),
    ]
    assert len(web.sent) == 2, "roles are asked for of what lists need alone"
    assert b"<uuid>{U}</uuid>" in web.sent[1].body
    many, web = look(vouched(serial) * 50)
    assert len(web.sent) == MOST_ASKED + 1
    assert [each.what for each in many.not_seen] == ["roles of TVS"]


def test_roles_that_are_not_told_leave_the_list() -> None:
    serial = signer().certificate.serial.hex()
    seen, web = look(vouched(serial, "") * 3, lambda: fault("Item not valid", code="5007"))
    assert [each.roles for each in seen.vouched] == [()] * 3
    assert (len(web.sent), [each.what for each in seen.not_seen]) == (2, ["roles of TVS"])
    assert b"<issuerName>CN=b</issuerName>" in web.sent[1].body


@pytest.mark.parametrize(("text", "told"), [("0a:0B", b"\x0a\x0b"), ("ABC", b"\x0a\xbc"), ("x", None), ("", None)])
def test_serials(text: str, told: bytes | None) -> None:
    assert serial_of(text) == told


COUNTED = (
    "<perfmonCollectCounterDataResponse>{}</perfmonCollectCounterDataResponse>",
    "<perfmonCollectCounterDataResponse><ArrayOfCounterInfo>{}</ArrayOfCounterInfo></perfmonCollectCounterDataResponse>",
)


@pytest.mark.parametrize("form", COUNTED)
def test_counters_of_secure_phones(form: str) -> None:
    def counter(name: str, value: str) -> str:
        name = f"\\\\pub\\Cisco CallManager\\{name}"
        return f"<item><Name>{name}</Name><Value>{value}</Value><CStatus>1</CStatus></item>"

    def answer(sent: Sent) -> Answer:
        if b"Cisco TFTP" in sent.body:
            return fault("no such object")
        return xml(form.format(counter("EncryptedRegisteredPhones", "7") + counter("Calls", "9") + counter("X", "-")))

    seen = Seen()
    look_at_counters(Canned(answer), "pub", seen, Time())
    assert [(each.name, each.value, each.node) for each in seen.counters] == [("EncryptedRegisteredPhones", 7, "pub")]
    assert seen.not_seen == []
    for refused in (fault("Exceeded allowed rate"), (404, {}, b"")):
        look_at_counters(Canned(lambda _, refused=refused: refused), "sub", seen, Time())  # type: ignore[misc]
    assert [each.what for each in seen.not_seen] == ["counters", "counters"]


def test_what_does_not_answer_ends_the_look_at_settings() -> None:
    def down(_: Sent) -> Answer:
        raise RemoteError("down")

    asked, axl, web = database(down)
    with pytest.raises(RemoteError):
        look_at_provisioning(asked, axl, Seen())
    assert len(web.sent) == 1
