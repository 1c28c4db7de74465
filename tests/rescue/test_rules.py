"""The rules behind a run: catalogue, readiness, plan, pages and answers, evidence."""

from __future__ import annotations

import errno
import os
from dataclasses import replace
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from mixedmode.errors import CheckFailedError, MalformedError, MixedModeError
from mixedmode.live.sources import pages
from mixedmode.phone.mind.models import MODELS, get_model
from mixedmode.rescue.catalogue import Catalogue, Confirmation, State, read_catalogue
from mixedmode.rescue.chain import read_evidence
from mixedmode.rescue.files import catalogue, evidence_file, read_file
from mixedmode.rescue.outcomes import Outcome
from mixedmode.rescue.phone import reading
from mixedmode.rescue.phone.answers import Answer, taken
from mixedmode.rescue.phone.reading import (
    Told,
    has_stream,
    in_call,
    new_messages,
    read_messages,
    read_network,
    told,
)
from mixedmode.rescue.planning import Plan, Served, make_plan, read_plan
from mixedmode.rescue.readiness import PhoneFacts, lead, verdict
from mixedmode.rescue.wire.http import PAGE_BYTES
from tests.rescue.handset import served
from tests.rescue.site import BASE, Fleet, MemoryLog, as_json, confirmed, facts_of, handset


def known(**changes: object) -> PhoneFacts:
    return replace(facts_of(handset(1, "8841")), **changes)  # type: ignore[arg-type]


# Catalogue.


def test_every_sequence_of_the_package_is_well_formed_and_nobody_confirmed_it() -> None:
    assert len(BASE.entries) > 12
    for entry in BASE.entries:
        assert set(entry.models) <= set(MODELS)
        assert entry.sources
        assert entry.state in {State.CANDIDATE, State.REFUSED}
        assert entry.why or entry.state is State.CANDIDATE
        assert entry.steps[-1].confirm
        assert BASE.confirmation(entry, entry.models[0], "load", "") is None


def test_what_is_refused_or_changed_since_is_not_confirmed() -> None:
    walked = confirmed(["8841"])
    (entry,) = walked.way(("8841", "sip88xx.12-8-1-0001-455", ""), ["ITL"])
    assert entry.name == "88xx-544"
    assert not walked.way(("8841", "sip88xx.14-1-1", ""), ["ITL"])
    assert not walked.way(("8841", "", ""), ["ITL"])
    assert not walked.way(("8841", "sip88xx.12-8-1-0001-455", "Bluetooth off"), ["ITL"])
    other = replace(entry, steps=(*entry.steps[:-2], replace(entry.steps[-2], uri="Key:KeyPad5"), entry.steps[-1]))
    assert not Catalogue((other,), walked.confirmations).way(("8841", "sip88xx.12-8-1-0001-455", ""), ["ITL"])
    refused = next(each for each in BASE.entries if each.state is State.REFUSED)
    said = Confirmation(refused.name, refused.sha256, refused.models[0], "load", "", "x", "x", "x", "x")
    assert Catalogue(BASE.entries, (said,)).confirmation(refused, refused.models[0], "load", "") is None


def test_two_lists_of_a_79xx_are_two_sequences() -> None:
    load = "SCCP45.9-4-2SR3-1S"
    said = [
        Confirmation(entry.name, entry.sha256, "7945", load, "", "x", "x", "x", "x") for entry in BASE.of("7945", load)
    ]
    both = Catalogue(BASE.entries, tuple(said)).way(("7945", load, ""), ["CTL", "ITL"])
    assert [entry.name for entry in both] == ["79xx-ctl", "79xx-itl"]


@pytest.mark.parametrize(
    "text",
    [
        "[[entry]]\nid = 'a'",
        "[[entry",
        "[[entry]]\nid='a'\nmodels=[]\nerases=['ITL']\npath=''\nsources=[]\nsteps=[{key='1'}]",
        "[[entry]]\nid='a'\nmodels=[]\nerases=['ITL']\npath=''\nsources=[]\nsteps=[{key='1',confirm=true},{key='2'}]",
        "[[entry]]\nid='a'\nmodels=[]\nerases=['ITL']\npath=''\nsources=[]\nsteps=[{key='1 2',confirm=true}]",
        "[[entry]]\nid='a'\nmodels=[]\nerases=['LSC']\npath=''\nsources=[]\nsteps=[{key='1',confirm=true}]",
        "[[entry]]\nid='a'\nstate='confirmed'\nmodels=[]\nerases=['ITL']\npath=''\nsources=[]\nsteps=[{key='1',confirm=1}]",
    ],
)
def test_a_catalogue_that_could_press_anything_is_refused(text: str) -> None:
    with pytest.raises(MalformedError):
        read_catalogue(text)


# Readiness.


@pytest.mark.parametrize(
    ("changes", "text"),
    [
        ({}, "ready"),
        ({"answers": False}, "fix first: web access"),
        ({"url": ""}, "fix first: web access"),
        ({"authentication_url": "https://192.0.2.1:8443/ccmcip/authenticate.jsp"}, "fix first: authentication URL"),
        ({"authentication_url": "https://192.0.2.1/", "cti": True}, "ready by CTI only"),
        ({"authentication_url": "https://192.0.2.1/", "cti": True, "menu_password": True},
         "fix first: authentication URL, menu password"),
        ({"authentication_url": "http://192.0.2.1:8080/ccmcip/authenticate.jsp"}, "ready"),
        ({"login": False}, "fix first: control user"),
        ({"stranger": "its certificate is another's"}, "fix first: certificates of phones that speak HTTPS only"),
        ({"not_asked": "nobody allowed its authentication service"}, "ready"),
        ({"end_to_end": False}, "fix first: control user"),
        ({"settings_access": "Restricted"}, "fix first: settings menu"),
        ({"menu_password": True}, "fix first: menu password"),
        ({"load": "sip88xx.14-0-1"}, "no confirmed entry"),
        ({"load": ""}, "no confirmed entry"),
        ({"model": get_model("8832")}, "no confirmed entry"),
        ({"model": None, "model_name": "x"}, "no confirmed entry"),
        ({"dangers": ("VPN",)}, "by hand"),
        ({"by_hand": "reception"}, "by hand"),
    ],
)  # fmt: skip
def test_verdicts(changes: dict[str, object], text: str) -> None:
    assert verdict(known(**changes), confirmed()).text == text


def test_the_first_line_says_how_many_now_and_how_many_after_what() -> None:
    some = [verdict(known(), confirmed())] * 812
    some += [verdict(known(authentication_url="https://192.0.2.1/"), confirmed())] * 140
    some += [verdict(known(by_hand="lift"), confirmed())] * 48
    assert lead(some) == "You could save 812 of 1,000; 140 more after: authentication URL"
    assert lead(some[:1]) == "You could save 1 of 1"
    assert lead([]) == "You could save 0 of 0"


# Plan.


def test_a_plan_comes_back_from_its_text_and_its_hash_names_it() -> None:
    plan = Fleet([handset(1, "8841"), handset(2, "7945"), handset(3, "8832")]).plan
    again = read_plan(as_json(plan.document()), "plan")
    assert again == plan
    assert again.word == plan.word == f"erase-2-{plan.sha256[:6]}"
    assert [each[:2] for each in plan.left_out] == [("SEP000000000003", Outcome.NOT_IN_CATALOGUE)]


@given(
    st.text() | st.dictionaries(st.sampled_from(["format", "version", "phones", "nodes"]), st.integers()).map(as_json)
)
def test_what_is_no_plan_is_refused_without_a_traceback(text: str) -> None:
    with pytest.raises(MixedModeError):
        read_plan(text, "plan")


def test_no_phone_is_planned_without_a_wrong_list_or_a_verdict() -> None:
    right = known(itl=next(iter(served().hashes("ITL"))))
    phones = [right, known(itl=""), known(itl="none"), known(answers=False), known(load="sip88xx.14-1")]
    pairs = [(facts, verdict(facts, confirmed())) for facts in phones]
    plan = make_plan(pairs, served(), confirmed(), made="now", cluster="x", nodes={})
    assert not plan.phones
    outcomes = [outcome for _, outcome, _ in plan.left_out]
    assert outcomes == [
        Outcome.ALREADY_RIGHT, Outcome.STOPPED, Outcome.STOPPED, Outcome.STOPPED, Outcome.NOT_CONFIRMED
    ]  # fmt: skip


@pytest.mark.parametrize(
    "sets",
    [
        {},
        {"pub": {"CTLFile.tlv": (), "ITLFile.tlv": ()}},
        {"a": {"CTLFile.tlv": ("1",), "ITLFile.tlv": ("2",)}, "b": {"CTLFile.tlv": (), "ITLFile.tlv": ("2",)}},
    ],
)
def test_servers_that_disagree_are_no_plan(sets: dict[str, dict[str, tuple[str, ...]]]) -> None:
    with pytest.raises(CheckFailedError, match="no phone can be saved now"):
        make_plan([], Served(sets), confirmed(), made="now", cluster="x", nodes={})


def test_a_plan_whose_sequence_nobody_confirmed_any_more_is_refused() -> None:
    plan: Plan = Fleet([handset(1, "8841")]).plan
    with pytest.raises(CheckFailedError, match="nobody confirmed"):
        plan.checked(BASE)
    with pytest.raises(CheckFailedError, match="another one"):
        replace(plan, entries={"88xx-544": "0" * 64}).checked(confirmed())


# Pages and answers.


def test_the_pages_of_each_skin_are_read() -> None:
    html = (
        "<TR><TD>Cisco IP Phone CP-8841 ( SEP00005E005301 )</TD></TR>"
        "<TR><TD><B> Authentication URL</B></TD><td width=20></TD><TD><B>http:&#x2F;&#x2F;192.0.2.1</B></TD></TR>"
        "<TR><TD><B> CTL file</B></TD><td width=20></TD><TD><B>Not installed</B></TD></TR>"
        "<TR><TD><B> ITL file</B></TD><td width=20></TD><TD><B>Installed</B></TD></TR>"
        f"<TR><TD><B> ITL signature</B></TD><td width=20></TD><TD><B>{'A9 ' * 20}</B></TD></TR>"
        "<TR><TD><B> VPN</B></TD><TD><B>Connected</B></TD></TR><TR><TD><B> DHCP</B></TD><TD><B>No</B></TD></TR>"
    )
    page = read_network(html)
    assert (page.name, page.model, page.ctl, page.itl) == ("SEP00005E005301", "CP-8841", "none", "a9" * 20)
    assert page.authentication_url == "http://192.0.2.1"
    assert page.dangers == ("VPN", "a static address")
    xml = f"<NetworkConfiguration><HostName>SEP00005E005301</HostName><ITLSignature>{'A9 ' * 16}</ITLSignature></x>"
    assert (read_network(xml).itl, read_network(xml).ctl, read_network(xml).name) == ("a9" * 16, "", "SEP00005E005301")
    assert not read_network("<html>nonsense").shows_lists
    assert read_messages("<TR><TD>x</TD></TR><TR><TD><B> [8:52:30am 10/01/19] ITL installed</B></TD></TR>") == [
        "[8:52:30am 10/01/19] ITL installed"
    ]
    assert in_call("<CiscoIPPhoneCallInfo><Call><CallState>Ring In</CallState></Call></x>")
    assert not in_call("<CiscoIPPhoneCallInfo><Call><CallState>On Hook</CallState></Call></x>")
    assert has_stream("<TR><TD>Stream status</TD><TD>Active</TD></TR>")
    assert not has_stream("<TR><TD>Stream status</TD><TD>Not ready</TD></TR>")


@given(st.text(max_size=400))
def test_no_page_makes_a_traceback(text: str) -> None:
    read_network(text)
    read_messages(text)
    in_call(text)
    has_stream(text)
    taken(Answer(200, text))


def test_what_stood_there_before_is_no_proof() -> None:
    old = ["1:00:00a Erasing CTL and ITL files", "1:01:00a ITL installed", "1:02:00a x"]
    assert new_messages(old, old[:2]) == []
    assert told(new_messages(old, [*old[1:], "2:00:00a ITL installed"]), ("ITL",)) is Told.NOTHING
    fresh = [*old, "2:00:00a Erasing CTL and ITL files", "2:01:00a ITL installed"]
    assert told(new_messages(old, fresh), ("ITL",)) is Told.INSTALLED
    assert told(new_messages(old, [*fresh, "2:01:01a Trust List update failed"]), ("ITL",)) is Told.REFUSES
    assert told([*fresh, "2:01:01a TFTP Error : SEP001122334455.cnf.xml.sgn"], ("ITL",)) is Told.REFUSES
    assert told(["2:01:00a ITL installed", "2:02:00a Erasing CTL and ITL files"], ("ITL",)) is Told.ERASED


@pytest.mark.parametrize(
    ("answer", "ok", "error"),
    [
        (Answer(200, '<CiscoIPPhoneResponse><ResponseItem Status="0" Data="Success" URL="x"/></x>'), True, 0),
        (Answer(200, '<CiscoIPPhoneResponse><ResponseItem Status="6" Data="x" URL="x"/></x>'), False, 0),
        (Answer(200, '<CiscoIPPhoneError Number="4"/>'), False, 4),
        (Answer(200, "<html>Success</html>"), False, 0),
        (Answer(401), False, 4),
        (Answer(303), False, 0),
        (Answer(0, why="reset"), False, 0),
    ],
)
def test_answers(answer: Answer, ok: bool, error: int) -> None:
    found = taken(answer)
    assert (found.ok, found.error) == (ok, error)
    assert found.came == bool(answer.status)


# Evidence.


def test_evidence_grows_privately_and_a_torn_line_is_cut_off(tmp_path: Path) -> None:
    path = tmp_path / "evidence.jsonl"
    with evidence_file(path) as log:
        log.write("run", {"plan": "x"}, durable=True)
        log.write("key", {"phone": "SEP1"})
        with pytest.raises(MixedModeError, match="another run"), evidence_file(path):
            pass
    assert path.stat().st_mode & 0o777 == 0o600
    with path.open("ab") as file:
        file.write(b'{"n":3,"time":"2026-11-2')
    assert len(read_file(path).records) == 2
    with evidence_file(path) as log:
        assert len(log.records) == 2
        log.write("end", {})
    assert [record["event"] for record in read_file(path).records] == ["run", "key", "end"]


def test_a_line_for_which_there_was_no_room_leaves_no_half_of_it(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    path, write = tmp_path / "evidence.jsonl", os.write

    def half(handle: int, data: memoryview) -> int:
        if len(data) < 30:
            raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))
        return write(handle, data[: len(data) // 2])

    with evidence_file(path) as log:
        log.write("run", {"plan": "x"})
        with monkeypatch.context() as patched:
            patched.setattr(os, "write", half)
            with pytest.raises(OSError, match="No space"):
                log.write("key", {"phone": "SEP1"})
        log.write("key", {"phone": "SEP2"}, durable=True)
    assert [record.get("phone") for record in read_file(path).records] == [None, "SEP2"]


@given(st.data())
def test_no_change_of_evidence_goes_unseen(data: st.DataObject) -> None:
    log = MemoryLog()
    for number in range(4):
        log.write("key", {"phone": f"SEP{number}"})
    whole = bytes(log.data)
    lines = whole.splitlines(keepends=True)
    victim = data.draw(st.integers(0, len(lines) - 2))
    change = data.draw(st.sampled_from(["drop", "edit", "twice"]))
    if change == "drop":
        del lines[victim]
    elif change == "twice":
        lines.insert(victim, lines[victim])
    else:
        lines[victim] = lines[victim].replace(b"SEP", b"SEQ")
    with pytest.raises(MalformedError):
        read_evidence(b"".join(lines), "evidence")


def test_a_walk_that_somebody_wrote_into_the_file_by_hand_is_refused(tmp_path: Path) -> None:
    path = tmp_path / "walks.jsonl"
    assert not catalogue(path).confirmations
    path.write_text('{"n":1,"previous":"","event":"confirmed","confirmation":{}}\n')
    with pytest.raises(MalformedError):
        catalogue(path)


@pytest.mark.parametrize("piece", ["<tr>", "<td>", "<tr ", "<", "<state", "<tr><td>", "<ResponseItem ", "DeviceTLInfo"])
def test_a_hostile_page_holds_nobody_up(piece: str) -> None:
    page = piece * (PAGE_BYTES // len(piece))  # minutes, if anything looked at it again and again
    assert reading.read_network(page).itl == ""
    assert reading.read_messages(page) == []
    assert (reading.read_load(page), reading.has_stream(page), reading.in_call(page)) == ("", False, False)
    assert reading.read_alarm(page).code == 0
    assert not taken(Answer(200, page)).ok
    assert pages.network_values(page) == {}
    assert not pages.names_phone(page, "SEP001122334455")
    assert pages.messages_of(page) == ""
