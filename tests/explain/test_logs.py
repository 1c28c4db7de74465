"""Whole logs: those of the seed, alarms over many lines, phone pages, what the prompt printed."""

from __future__ import annotations

import pytest

from mixedmode.explain.reader import explain
from mixedmode.explain.report import document, lines_of
from mixedmode.explain.values import Grade
from mixedmode.live.sources.alarms import alarms_in
from tests.explain.reading import LOGS, TRANSCRIPTS, kinds, read


def test_the_seed_s_token_is_vouched_for_from_the_ctl_file() -> None:
    found = read((LOGS / "seed-etoken-by-tvs.txt").read_bytes())
    (asked,) = (event for event in found.events if event.source == "TVS trace")
    assert (asked.kind, asked.grade, asked.time) == ("tvs-vouched", Grade.OK, "23:00:22.052")
    assert "83E9080000005545AF31" in asked.text
    assert "a security token: vouched for from the CTL file, roles SAST" in asked.text
    assert not found.refused
    assert kinds(found, "ok")[-1] == "flush-done"


def test_the_seed_s_new_callmanager_is_vouched_for_from_the_database() -> None:
    found = read((LOGS / "seed-new-callmanager-by-tvs.txt").read_bytes())
    (asked,) = (event for event in found.events if event.source == "TVS trace")
    assert "from the database, roles SAST, CCM+TFTP: phones take a list that it signed" in asked.text
    assert not found.refused
    assert [event.time for event in found.events if event.source == "phone console"] == [
        "17:21:51.794615", "17:21:51.796021", "17:21:52.057442", "17:21:52.058874", "17:21:52.059987",
        "17:21:52.062873",
    ]  # fmt: skip


def test_the_seed_s_tvs_reads_a_new_ctl_though_a_document_broke_its_lines() -> None:
    found = read((LOGS / "seed-tvs-reads-ctl.txt").read_bytes())
    known = [event.text for event in found.events if event.kind == "tvs-knows"]
    name = "OU=TAC;O=Cisco;L=Krakow;ST=Malopolska;C=PL"
    assert [text.split(" serial ")[1] for text in known] == [
        f"6B1D357B6841740B078FEE4A1813D5D6 of CN=cucm-1051-a-pub;{name} from the CTL file",
        f"6B1D357B6841740B078FEE4A1813D5D6 of CN=cucm-1051-a-pub;{name} from the CTL file",
        f"744B5199770516E799E91E81D3C8109B of CN=CAPF-e41e7d87;{name} from the CTL file",
        f"6BEBFDCDCD8CA277CB2FD1D183A60E72 of CN=cucm-1051-a-sub1;{name} from the CTL file",
    ]
    assert kinds(found)[0] == "ctl-changed"


def test_the_seed_s_commands_and_messages_of_the_ctl_client() -> None:
    found = read((LOGS / "seed-commands.txt").read_bytes())
    seen = kinds(found)
    assert [each for each in ("command", "mixed-mode", "token-unknown", "ctl-missing") if each in seen] == [
        "command", "mixed-mode", "token-unknown", "ctl-missing",
    ]  # fmt: skip
    assert not found.refused


def test_a_tvs_that_knows_nobody_makes_phones_refuse() -> None:
    text = (LOGS / "seed-etoken-by-tvs.txt").read_text().replace("Found entry", "Cannot find the certificate")
    found = read(text.replace("{rolecount : 1}", "").replace("{role : 0}", ""))
    (asked,) = (event for event in found.events if event.source == "TVS trace")
    assert (asked.kind, asked.grade) == ("tvs-unknown", Grade.REFUSED)
    assert "Phone-SAST-trust" in asked.remedy


def test_a_role_that_signs_no_lists_is_said() -> None:
    text = (LOGS / "seed-new-callmanager-by-tvs.txt").read_text().replace("{role : 0}", "{role : 3}")
    (asked,) = (event for event in read(text).events if event.source == "TVS trace")
    assert asked.kind == "tvs-role"
    assert "Phone-SAST-trust" in asked.remedy


def test_what_tvs_said_before_explains_a_refusal_on_the_console() -> None:
    found = read(
        "1: WRN 10:00:00.000001 SECD: TVS: the certificate is not known\n"
        "2: ERR 10:00:00.000002 SECD: TL file verification failed: CTLFile.tlv: refused\n"
    )
    refused = found.events[-1]
    assert refused.why == "TVS does not know the signer (line 1)"
    assert "Phone-SAST-trust" in refused.remedy


def test_an_alarm_in_a_refer() -> None:
    event = read((LOGS / "alarm-refer.txt").read_bytes()).events[-1]
    assert (event.line, event.grade, event.device) == (10, Grade.OK, "SEP00005E005302")
    assert "ITL SHA-1 a9025c3e81f74d16b86a0f92e357cc287d41059b from pub.example.net" in event.text


def test_an_alarm_that_a_trace_cut_in_two() -> None:
    found = read((LOGS / "alarm-split.txt").read_bytes())
    (event,) = (each for each in found.events if each.grade is Grade.REFUSED)
    assert "refused the new ITL and keeps its old one (code 8 TL_FAILED_OLD_ITL)" in event.text


@pytest.mark.parametrize("at", range(0, 700, 7))
def test_an_alarm_cut_anywhere(at: int) -> None:
    lines = (LOGS / "alarm-refer.txt").read_text().split("<x-cisco-alarm>")[1]
    alarm = "<x-cisco-alarm>" + lines.replace("\n", "")
    cut = 15 + at % (len(alarm) - 30)
    text = f"{alarm[:cut]}\n00012346.001 |12:34:56.790 |AppInfo  |{alarm[cut:]}"
    (event,) = read(text).events
    assert "code 3 ITL_INITIAL_SUCCESS" in event.text
    assert "a9025c3e81f74d16b86a0f92e357cc287d41059b" in event.text


def test_two_alarms_on_one_line_and_one_without_an_end() -> None:
    one = '<x-cisco-alarm><Alarm Name="DeviceTLInfo"><String name="StatusCode">{}</String></Alarm></x-cisco-alarm>'
    found = read(f'{one.format(1)}{one.format(5)}\n<Alarm Name="DeviceTLInfo"><String name="StatusCode">7')
    assert [event.grade for event in found.events] == [Grade.OK, Grade.REFUSED, Grade.REFUSED]


def test_the_page_of_an_8841() -> None:
    found = read((LOGS / "page-8841.html").read_bytes())
    ctl, itl = (event for event in found.events if event.kind == "page-list")
    assert "SEP00005E005301 holds a CTL, SHA-1 4e1d770ac25b90136fe82c41d59a08b733f4601c" in ctl.text
    assert "made in mixed mode: TVS pub.example.net; CCM+TFTP pub-EC.example.net" in itl.text
    assert found.unknown == 0


def test_the_page_of_an_8945_with_a_blank_itl() -> None:
    found = read((LOGS / "page-8945.html").read_bytes())
    assert kinds(found) == ["page-no-list", "page-blank-itl"]
    assert found.events[1].grade is Grade.WARNING


def test_a_page_copied_as_text_and_a_phone_s_screen() -> None:
    found = read(
        "Cisco IP Phone CP-8841 ( SEP00005E005301 )\n"
        "Security mode                 Non secure          (what this phone uses, not the cluster)\n"
        "CTL file                      Installed\n"
        "CTL signature                 4E 1D 77 0A C2 5B 90 13 6F E8 2C 41 D5 9A 08 B7 33 F4 60 1C\n"
        "CUCM server / TFTP server     pub-ms.example.net\n"
        "ITL file\tInstalled\n"
        "ITL signature                 A9 02 5C 3E 81 F7 4D 16 B8 6A 0F 92 E3 57 CC 28 7D 41 05 9B\n"
        "TVS                           pub.example.net\nTVS                           sub1.example.net\n"
        "CUCM server / TFTP server     pub-EC.example.net\n"
    )
    assert kinds(found) == ["page", "page-list", "page-list"]
    assert found.events[2].text.endswith("TVS pub.example.net; TVS sub1.example.net; CCM+TFTP pub-EC.example.net")
    assert "SHA-1 a9025c3e81f74d16b86a0f92e357cc287d41059b, made in mixed mode" in found.events[2].text
    screen = read(
        "Trust List\n  CTL File                      Not Installed\n"
        "  ITL File                      a9025c3e81f74d16b86a0f92e357cc28 (MD5)\n    TVS                         pub\n"
    )
    assert kinds(screen) == ["page-no-list", "page-list"]
    assert "MD5 a9025c3e81f74d16b86a0f92e357cc28: TVS pub" in screen.events[1].text


ROWS = (
    ("Security mode", "Non secure"),
    ("Web access enabled", "Yes"),
    ("CTL file", 'Installed ("Not installed" when none)'),
    ("CTL signature", "4E 1D 77 0A C2 5B 90 13 6F E8 2C 41 D5 9A 08 B7 33 F4 60 1C"),
    ("CAPF server", "CAPF-5e005301"),
    ("CUCM server / TFTP server", "pub-ms.example.net"),
    ("ITL file", "Installed"),
    ("ITL signature", "A9 02 5C 3E 81 F7 4D 16 B8 6A 0F 92 E3 57 CC 28 7D 41 05 9B"),
    ("TVS", "pub.example.net"),
    ("TVS", "sub1.example.net"),
    ("CUCM server / TFTP server", "pub-ms.example.net"),
)


@pytest.mark.parametrize("between", ["    ", "\t", "\t\t", "\t\t  ", "\n", " | "])
def test_a_page_copied_with_whatever_stands_between_its_columns(between: str) -> None:
    edge = "| " if between == " | " else ""
    found = read("".join(f"{edge}{label}{between}{value}{edge[::-1]}\n" for label, value in ROWS))
    assert kinds(found) == ["page", "page", "page-list", "page-list"]
    ctl, itl = (event.text for event in found.events if event.kind == "page-list")
    assert ctl.startswith("the phone holds a CTL, SHA-1 4e1d770a")
    assert itl.endswith("made in mixed mode: TVS pub.example.net; TVS sub1.example.net; CCM+TFTP pub-ms.example.net")


def test_an_alarm_with_apostrophes_around_its_names() -> None:
    written = (LOGS / "alarm-refer.txt").read_text().partition("<x-cisco-alarm>")[2]
    assert kinds(read(f"<x-cisco-alarm>{written}".replace('"', "'"))) == ["list-accepted"]
    assert alarms_in(written.replace('"', "'")) == alarms_in(written) != {}


def test_pages_as_xml() -> None:
    found = read(
        "<NetworkConfiguration><CTLFile>Not Installed</CTLFile><ITLFile>Installed</ITLFile>"
        "<ITL_signature>A9025C3E81F74D16B86A0F92E357CC28</ITL_signature><TVS>a.example.net</TVS></NetworkConfiguration>"
    )
    assert [event.text for event in found.events] == [
        "the phone holds no CTL", "the phone holds an ITL, MD5 a9025c3e81f74d16b86a0f92e357cc28: TVS a.example.net",
    ]  # fmt: skip
    status = read("<DeviceLog><status>[8:53:30am 10/01/19] Trust List update failed</status></DeviceLog>")
    assert status.refused


@pytest.mark.parametrize("path", sorted(TRANSCRIPTS.glob("*.txt")), ids=lambda path: path.stem)
def test_every_transcript_says_something_and_nothing_was_refused(path: object) -> None:
    found = explain([path.read_bytes()])  # type: ignore[attr-defined]
    assert found.events
    assert not found.refused


def test_the_json_has_every_event_and_what_to_do() -> None:
    found = read("Trust List update failed\nhello\n")
    (file,) = document([found])["files"]
    assert document([found])["refused"]
    assert file["events"][0]["line"] == 1
    assert file["to_do"][0]["lines"] == [1]
    assert file["unknown"] == {"count": 1, "lines": [2], "examples": [{"line": 2, "text": "hello"}]}
    assert any("what to do:" in line for line in lines_of(found))
