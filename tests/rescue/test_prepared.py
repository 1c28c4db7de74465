"""A control user who is given the phones of a CUCM and has them taken back: cut off anywhere, and beside others."""

from __future__ import annotations

import asyncio
import re
from collections.abc import Callable
from dataclasses import replace
from html import unescape
from pathlib import Path
from uuid import NAMESPACE_DNS, uuid5
from xml.sax.saxutils import escape

import pytest

from mixedmode.app.commands.rescue.cucm import cucm_of
from mixedmode.app.commands.rescue.sources import associated
from mixedmode.errors import CheckFailedError, MixedModeError, RemoteError, UsageError
from mixedmode.live.allowed.refusal import NotAllowedError
from mixedmode.live.allowed.requests import AXL, HttpRequest, Place
from mixedmode.live.sources.axl import SPACE, Axl
from mixedmode.live.wire.https import Credentials, Response, Web
from mixedmode.live.wire.soap import envelope
from mixedmode.pki.certificates.load import private_key_pem
from mixedmode.rescue.files import evidence_file, read_file
from mixedmode.rescue.prepared.axl import MOST_DEVICES, PutBackError, Writer, WritingWeb
from mixedmode.rescue.prepared.changes import Kind, open_changes
from mixedmode.rescue.prepared.counted import Held, statement
from mixedmode.rescue.prepared.preparing import prepare, restore
from mixedmode.rescue.readiness import PhoneFacts, Word, verdict
from tests.live.canned import Time, fault
from tests.live.stub import Answer, Sent, serving, xml
from tests.pki.material import signer
from tests.rescue.site import confirmed, facts_of, handset
from tests.support import run_mixedmode

PHONES = [f"SEP0000{number:08X}" for number in range(3)]


def pkid(user: str) -> str:
    return str(uuid5(NAMESPACE_DNS, user))


def counts(user: str, number: int) -> Answer:
    row = f"<row><username>{escape(user)}</username><devices>{number}</devices></row>"
    return xml(f"<executeSQLQueryResponse><return>{row}</return></executeSQLQueryResponse>")


class Cucm:
    """AXL of a CUCM: users and their devices, which an update replaces as a whole.

    Args:
        users: Application users.
        ends: End users.
    """

    def __init__(self, users: dict[str, list[str]], ends: dict[str, list[str]] | None = None) -> None:
        self.users = {"AppUser": users, "User": ends or {}}
        self.reset: list[str] = []
        self.count = 0
        self.before: Callable[[int], None] = lambda _count: None
        self.shown: int | None = None  # devices of a list that are shown; None: all
        self.database: Callable[[str, int], Answer] = counts

    def answer(self, sent: Sent) -> Answer:
        self.count += 1
        self.before(self.count)
        text = sent.body.decode()
        if sent.method == "GET":
            return 404, {}, b""
        if "perfmonCollectCounterData" in text:
            counter = "<item><Name>\\\\pub\\Cisco CallManager\\RegisteredHardwarePhones</Name><Value>812</Value></item>"
            return xml(f"<perfmonCollectCounterDataResponse>{counter}</perfmonCollectCounterDataResponse>")
        if "executeSQLQuery" in text:
            return self.database(*self.asked(unescape(text)))
        found = re.search(r"<ns:(\w+?)(AppUser|User|Phone) ", text)
        assert found, text
        verb, kind = found[1], found[2]
        if kind == "Phone":
            name = re.search(r"<name>(.*)</name>", text)
            assert verb == "reset"
            assert name
            self.reset.append(name[1])
            return xml("<resetPhoneResponse><return>{0A}</return></resetPhoneResponse>")
        user = re.search(r"<userid>(.*?)</userid>", text)
        assert user
        name_ = unescape(user[1])
        if name_ not in self.users[kind]:
            return fault(f"Item not valid: The specified {kind} was not found", code="5007")
        if verb == "update":
            self.users[kind][name_] = re.findall(r"<device>(.*?)</device>", text)
            return xml(f"<update{kind}Response><return>{{0A}}</return></update{kind}Response>")
        assert "returnedTags" in text
        assert "password" not in text
        held = "".join(f"<device>{each}</device>" for each in self.users[kind][name_][: self.shown])
        element = kind[0].lower() + kind[1:]
        devices = f"<associatedDevices>{held}</associatedDevices>" if held else ""
        inner = f'<{element} uuid="{{{pkid(name_).upper()}}}"><userid>{user[1]}</userid>{devices}</{element}>'
        return xml(f"<get{kind}Response><return>{inner}</return></get{kind}Response>")

    def asked(self, text: str) -> tuple[str, int]:
        """Return whose devices a statement counts, and how many there are."""
        found = re.search(
            r"<sql>select u\.(?P<column>name|userid) as username, count\(m\.fkdevice\) as devices from (?P<table>\w+) "
            r"u left join (?P=table)devicemap m on m\.fk(?P=table)=u\.pkid and m\.tkuserassociation=1 where "
            r"(lower\(u\.(?P=column)\)=lower\('(?P<name>.*)'\)|u\.pkid='(?P<pkid>.*)') group by u\.(?P=column)</sql>",
            text,
        )
        assert found, text
        kind = {("applicationuser", "name"): "AppUser", ("enduser", "userid"): "User"}[found["table"], found["column"]]
        name = (found["name"] or "").replace("''", "'")
        users = [each for each in self.users[kind] if found["pkid"] == pkid(each) or each.lower() == name.lower()]
        assert len(users) == 1
        return users[0], len(self.users[kind][users[0]])

    def writer(self) -> Writer:
        return Writer(Axl(Visit(self), "14.0", Time()), "pub")


class Visit(WritingWeb):
    """A connection to it without a socket, behind the list of what may be sent."""

    def __init__(self, cucm: Cucm) -> None:
        super().__init__(Place.CLUSTER, "192.0.2.10", 8443, tls=False)
        self._cucm = cucm

    def _exchange(self, request: HttpRequest, limit: int) -> Response:
        return Response(*self._cucm.answer(Sent(request.method, request.target, request.fields, request.body)))


def test_phones_are_given_to_an_end_user_and_taken_back_and_what_others_changed_stays(tmp_path: Path) -> None:
    cucm = Cucm({}, {"joé & co": ["Joé's line, 2nd", PHONES[0].lower()]})
    with evidence_file(tmp_path / "journal") as log:
        change = prepare(cucm.writer(), log, "joé & co", PHONES)
    assert change is not None
    assert change.added == tuple(PHONES[1:])
    assert cucm.users["User"]["joé & co"] == ["Joé's line, 2nd", PHONES[0].lower(), *PHONES[1:]]
    with evidence_file(tmp_path / "journal") as log:
        assert prepare(cucm.writer(), log, "joé & co", PHONES) is None
    cucm.users["User"]["joé & co"].remove(PHONES[1])
    cucm.users["User"]["joé & co"].insert(0, "SEPOTHER")
    with evidence_file(tmp_path / "journal") as log:
        assert len(restore(cucm.writer(), log)) == 1
    assert cucm.users["User"]["joé & co"] == ["SEPOTHER", "Joé's line, 2nd", PHONES[0].lower()]
    with evidence_file(tmp_path / "journal") as log:
        assert restore(cucm.writer(), log) == []


@pytest.mark.parametrize("at", range(1, 11))
@pytest.mark.parametrize("is_after", [False, True])
def test_cut_off_anywhere_and_put_back(at: int, is_after: bool, tmp_path: Path) -> None:
    cucm = Cucm({"rescue": ["CTI1"]})
    real = cucm.answer

    def cut(sent: Sent) -> Answer:
        found = real(sent) if is_after else None
        if cucm.count + (not is_after) == at:
            cucm.answer = real  # type: ignore[method-assign]
            raise KeyboardInterrupt
        return found or real(sent)

    cucm.answer = cut  # type: ignore[method-assign]
    for work in (lambda log: prepare(cucm.writer(), log, "rescue", PHONES), lambda log: restore(cucm.writer(), log)):
        try:
            with evidence_file(tmp_path / "journal") as log:
                work(log)
        except KeyboardInterrupt:
            continue
    with evidence_file(tmp_path / "journal") as log:
        restore(cucm.writer(), log)
    assert cucm.users["AppUser"]["rescue"] == ["CTI1"]
    assert not open_changes(read_file(tmp_path / "journal").records, "journal")


def test_more_devices_than_a_request_has_room_for(tmp_path: Path) -> None:
    cucm = Cucm({"rescue": []})
    names = [f"SEP{number:012X}" for number in range(MOST_DEVICES + 1)]
    with evidence_file(tmp_path / "journal") as log, pytest.raises(UsageError, match="15,001 devices"):
        prepare(cucm.writer(), log, "rescue", names)
    assert not read_file(tmp_path / "journal").records
    with evidence_file(tmp_path / "journal") as log:
        prepare(cucm.writer(), log, "rescue", names[:-1])
    assert len(cucm.users["AppUser"]["rescue"]) == MOST_DEVICES


def test_nothing_is_written_where_the_journal_cannot_be(tmp_path: Path) -> None:
    cucm = Cucm({"rescue": []})
    with evidence_file(tmp_path / "journal") as log:
        log._handle, kept = -1, log._handle
        with pytest.raises(OSError, match="descriptor"):
            prepare(cucm.writer(), log, "rescue", PHONES)
        log._handle = kept
    assert cucm.users["AppUser"]["rescue"] == []


def test_an_axl_that_takes_less_or_answers_of_somebody_else(tmp_path: Path) -> None:
    cucm = Cucm({"rescue": ["CTI1", "CTI2"]})
    real = cucm.answer

    def takes_less(sent: Sent) -> Answer:
        found = real(sent)
        if b"updateAppUser" in sent.body:
            cucm.users["AppUser"]["rescue"] = [*cucm.users["AppUser"]["rescue"][1:3], "SEPOTHER"]
            cucm.answer = real  # type: ignore[method-assign]
        return found

    cucm.answer = takes_less  # type: ignore[method-assign]
    said = r"controlled 2 devices, 5 were written, and 3 of those are missing \(CTI1, .*; the old list was put back"
    with evidence_file(tmp_path / "journal") as log, pytest.raises(PutBackError, match=said):
        prepare(cucm.writer(), log, "rescue", PHONES)
    assert cucm.users["AppUser"]["rescue"] == ["CTI1", "CTI2", "SEPOTHER"]  # what others added stays
    assert not open_changes(read_file(tmp_path / "journal").records, "journal")
    with evidence_file(tmp_path / "journal") as log:
        prepare(cucm.writer(), log, "rescue", PHONES)
    cucm.answer = takes_less  # type: ignore[method-assign]
    with evidence_file(tmp_path / "journal") as log, pytest.raises(PutBackError, match="the old list was put back"):
        restore(cucm.writer(), log)
    assert cucm.users["AppUser"]["rescue"] == ["CTI1", "CTI2", "SEPOTHER", *PHONES]
    other = xml("<getAppUserResponse><return><appUser><userid>x</userid></appUser></return></getAppUserResponse>")
    cucm.answer = lambda sent: other  # type: ignore[method-assign]
    with evidence_file(tmp_path / "j2") as log, pytest.raises(MixedModeError, match="not about rescue"):
        prepare(cucm.writer(), log, "rescue", PHONES)
    cucm.answer = real  # type: ignore[method-assign]
    del cucm.users["AppUser"]["rescue"]  # deleted behind the run, as it should be
    with evidence_file(tmp_path / "journal") as log:
        assert len(restore(cucm.writer(), log)) == 1
    with evidence_file(tmp_path / "j2") as log, pytest.raises(MixedModeError, match="knows no user rescue"):
        prepare(cucm.writer(), log, "rescue", PHONES)


@pytest.mark.parametrize("is_refused", [False, True])
def test_an_old_list_that_cannot_be_put_back(is_refused: bool, tmp_path: Path) -> None:
    cucm = Cucm({"rescue": ["CTI1", "CTI2"]})
    real, updates = cucm.answer, 0

    def loses(sent: Sent) -> Answer:
        nonlocal updates
        updates += b"updateAppUser" in sent.body
        if is_refused and updates == 2:
            return fault("Throttled")
        found = real(sent)
        if b"updateAppUser" in sent.body:
            cucm.users["AppUser"]["rescue"] = ["CTI2"]
        return found

    cucm.answer = loses  # type: ignore[method-assign]
    with evidence_file(tmp_path / "journal") as log, pytest.raises(CheckFailedError, match="could not be put") as said:
        prepare(cucm.writer(), log, "rescue", PHONES)
    assert ("Throttled" if is_refused else "CTI1") in (said.value.why or "")
    assert open_changes(read_file(tmp_path / "journal").records, "journal")[0].before == ("CTI1", "CTI2")


def test_a_list_that_is_cut_short_is_not_written_back(tmp_path: Path) -> None:
    cucm = Cucm({"o'Neill": ["CTI1", "CTI2", *PHONES]})
    cucm.shown = 1
    said = "AXL lists 1 devices of o'Neill, and the database counts 5; nothing was written"
    with evidence_file(tmp_path / "journal") as log, pytest.raises(CheckFailedError, match=said) as found:
        prepare(cucm.writer(), log, "o'Neill", PHONES)
    assert "Controlled Devices" in (found.value.next_step or "")
    assert not read_file(tmp_path / "journal").records
    cucm.shown = None
    new = ["SEP0000AAAAAAAA"]
    with evidence_file(tmp_path / "journal") as log:
        prepare(cucm.writer(), log, "o'Neill", new)
    for cucm.shown in (1, 5):  # the second hides what is to be taken back
        with evidence_file(tmp_path / "journal") as log, pytest.raises(CheckFailedError, match="database counts 6"):
            restore(cucm.writer(), log)
    assert cucm.users["AppUser"]["o'Neill"] == ["CTI1", "CTI2", *PHONES, *new]
    cucm.shown = None
    with evidence_file(tmp_path / "journal") as log:
        assert len(restore(cucm.writer(), log)) == 1
    assert cucm.users["AppUser"]["o'Neill"] == ["CTI1", "CTI2", *PHONES]


NO_ROWS = xml("<executeSQLQueryResponse><return/></executeSQLQueryResponse>")


@pytest.mark.parametrize(
    ("answer", "why"),
    [
        (fault("Access to executeSQLQuery is denied"), "is denied"),
        ((403, {}, b""), "refuses this account"),
        (NO_ROWS, "0 rows"),
        (counts("somebody", 1), "1 rows"),
        (xml("<r><return><row><username>rescue</username><devices/></row></return></r>"), "1 rows"),
        (xml("<r><return><row><username>rescue</username><devices>-1</devices></row></return></r>"), "1 rows"),
    ],
)
def test_a_list_that_nobody_counts_is_not_written_back(answer: Answer, why: str, tmp_path: Path) -> None:
    cucm = Cucm({"rescue": ["CTI1"]})
    cucm.database = lambda _user, _number: answer
    with evidence_file(tmp_path / "journal") as log, pytest.raises(RemoteError, match="nothing was written") as said:
        prepare(cucm.writer(), log, "rescue", PHONES)
    assert why in (said.value.why or "")
    assert "executeSQLQuery" in (said.value.next_step or "")
    assert cucm.users["AppUser"]["rescue"] == ["CTI1"]
    assert not read_file(tmp_path / "journal").records


def test_a_name_that_has_no_place_in_a_statement_and_no_uuid() -> None:
    held = Held("joé", Kind.END, ())
    with pytest.raises(NotAllowedError):
        statement(held)
    with pytest.raises(NotAllowedError):
        statement(replace(held, uuid="{x' or 1=1}"))
    assert "u.pkid='" in statement(replace(held, uuid="{" + pkid("joé").upper() + "}"))


def test_a_journal_of_another_cluster_is_refused(tmp_path: Path) -> None:
    cucm = Cucm({"rescue": []})
    with evidence_file(tmp_path / "journal") as log:
        prepare(cucm.writer(), log, "rescue", PHONES)
    writer = Writer(Axl(Visit(cucm), "14.0", Time()), "elsewhere")
    with evidence_file(tmp_path / "journal") as log, pytest.raises(UsageError, match="is of pub"):
        restore(writer, log)
    assert cucm.users["AppUser"]["rescue"] == PHONES


@pytest.mark.parametrize(
    ("operation", "inner"),
    [
        ("updateAppUser", "<userid>a</userid><password>x</password>"),
        ("updateAppUser", "<userid>a</userid><associatedDevices/><password>x</password>"),
        ("updateAppUser", "<userid>a</userid><associatedDevices><device>a<b/></device></associatedDevices>"),
        ("updateAppUser", "<userid>a</userid><associatedDevices><group>a</group></associatedDevices>"),
        ("updateUser", "<associatedDevices/>"),
        ("resetPhone", "<name>SEP001122334455</name><name>SEP001122334456</name>"),
        ("resetPhone", "<name>SEP%</name>"),
        ("resetPhone", "<uuid>x</uuid>"),
        ("doDeviceReset", "<deviceName>SEP001122334455</deviceName>"),
        ("updatePhone", "<name>SEP001122334455</name>"),
        ("removeAppUser", "<userid>a</userid>"),
        ("executeSQLUpdate", "<sql>delete from device</sql>"),
        ("executeSQLQuery", "<sql>delete from device</sql>"),
        ("getAppUser", "<userid>a</userid>"),
    ],
)
def test_what_is_not_meant_is_not_sent(operation: str, inner: str) -> None:
    cucm = Cucm({"a": []})
    with pytest.raises(NotAllowedError):
        Visit(cucm).post(AXL, f"CUCM:DB ver=14.0 {operation}", envelope(f"{SPACE}14.0", operation, inner))
    assert cucm.count == 0


def test_what_reads_never_sends_what_a_rescue_may() -> None:
    body = envelope(f"{SPACE}14.0", "resetPhone", f"<name>{PHONES[0]}</name>")
    with pytest.raises(NotAllowedError):
        Web(Place.CLUSTER, "192.0.2.10", 8443, login=Credentials("a", "b")).post(AXL, "resetPhone", body)


def test_typed_against_a_cucm(tmp_path: Path) -> None:
    made = signer(name="pub.example.net")
    pem = tmp_path / "node.pem"
    pem.write_bytes(private_key_pem(made.key) + made.certificate.pem())
    (tmp_path / "cacert").write_bytes(made.certificate.pem())
    (tmp_path / "password").write_text("secret")
    (tmp_path / "phones.csv").write_text("\n".join(["name,model", *(f"{name},8841" for name in PHONES)]))
    cucm = Cucm({"rescue": ["CTI1"]})
    with serving(cucm.answer, pem, writes=True) as stub:
        file = tmp_path / "CLUSTER.toml"
        file.write_text(
            f'[[node]]\nname = "pub"\naddress = "127.0.0.1"\nports = {{ web = {stub.port} }}\n'
            '[axl]\nuser = "audit"\npassword_file = "password"\ncacert = "cacert"\n'
        )
        common = ("--cluster", file, "--write-user", "writer", "--write-password-file", tmp_path / "password",
                  "--journal", tmp_path / "journal", "--person", "Ada", "--ticket", "C1")  # fmt: skip
        given = ("prepare", "--control-user", "rescue", "--inventory", tmp_path / "phones.csv")
        done = run_mixedmode("rescue", *given, *common, stdin=b"rescue\n")
        assert (done.returncode, done.stdout.startswith("rescue controls 3 phones more")) == (0, True), done.stderr
        assert cucm.users["AppUser"]["rescue"] == ["CTI1", *PHONES]
        done = run_mixedmode("rescue", "restore", *common)
        assert (done.returncode, "3 phones were taken from him" in done.stdout) == (0, True), done.stderr
        assert cucm.users["AppUser"]["rescue"] == ["CTI1"]
        kept = (tmp_path / "journal").read_bytes()
        assert b"secret" not in kept
        assert (tmp_path / "journal").stat().st_mode & 0o077 == 0
        phones = [PhoneFacts(name, None) for name in ("SEP000000000099", PHONES[0])]
        assert [each.associated for each in associated(file, "rescue", phones)] == [False, False]
        cucm.users["AppUser"]["rescue"].append(PHONES[0])
        assert [each.associated for each in associated(file, "rescue", phones)] == [False, True]
        assert associated(file, "nobody", phones) == phones
        site = cucm_of(file, ({}, None, None), "writer", tmp_path / "password")
        assert asyncio.run(site.restart(PHONES[0]))
        assert cucm.reset == [PHONES[0]]
        assert asyncio.run(cucm_of(file, ({}, None, None), None, None).registered()) == 812
        assert not asyncio.run(cucm_of(file, ({}, None, None), None, None).restart(PHONES[0]))
    with pytest.raises(UsageError, match="of a cluster of ours"):
        cucm_of(file, ({}, tmp_path, None), None, None)


def test_a_phone_that_its_user_does_not_control_is_to_be_prepared() -> None:
    known = confirmed()
    facts = replace(facts_of(handset(1, "8841")), associated=True)
    assert verdict(facts, known).word is Word.READY
    found = verdict(replace(facts, associated=False, login=False), known)
    assert (found.word, found.todo, len(found.why)) == (Word.FIX_FIRST, ("control user",), 1)
    assert "rescue prepare" in found.why[0]
