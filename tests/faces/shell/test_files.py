"""``file list``, ``view``, ``dump``, ``delete`` and ``get``: one area of one node and nothing outside of it."""

from __future__ import annotations

import asyncio
import gzip
import os
from collections.abc import Callable
from datetime import datetime
from pathlib import Path

import asyncssh
import pytest

from mixedmode.cluster.facade import Cluster
from mixedmode.faces.shell import name_match
from mixedmode.faces.shell.session import AdminSession
from mixedmode.faces.shell.talk import ScriptedIO
from mixedmode.pki.certificates.load import load_signer
from tests.faces.conftest import CET, PUBLISHER, SUBSCRIBER, Terminal


@pytest.fixture
def trace(cluster: Cluster) -> Path:
    folder = cluster.folder(PUBLISHER).area("activelog") / "cm/trace"
    (folder / "b.log").write_text("second\n" * 3)
    (folder / "a.log").write_text("first\x1b[2J\n")
    (folder / "sub").mkdir()
    (folder / "sub" / "deep.log").write_text("deep\n")
    return folder


def test_list(terminal: Terminal, trace: Path) -> None:
    assert terminal.type("file list activelog cm/trace/*.log") == [
        "cm/trace/a.log                          cm/trace/b.log",
        "dir count = 0, file count = 2",
    ]
    assert terminal.type("file list activelog cm/trace")[-1] == "dir count = 1, file count = 2"
    by_size = terminal.type("file list activelog cm/trace/*.log size reverse detail")
    assert [line.split()[-1] for line in by_size[:2]] == ["cm/trace/b.log", "cm/trace/a.log"]
    assert terminal.type("file list tftp *.xml") == ["no such file or directory can be found"]


def test_view_and_dump(terminal: Terminal, trace: Path) -> None:
    assert terminal.type("file view activelog cm/trace/a.log") == [r"first\x1b[2J"]
    assert terminal.type("file dump activelog cm/trace/b.log") == ["second"] * 3
    assert terminal.type("file dump tftp ITLFile.tlv")[0].startswith("00000000  01 00 02 01 02 02 00 02")
    assert "is no text file" in terminal.type("file view tftp ITLFile.tlv")[1]
    assert "2 files match" in terminal.type("file view activelog cm/trace/*.log")[1]


@pytest.mark.parametrize(
    "line",
    [
        "file view activelog ../../keys/CallManager.pem",
        "file view activelog cm/../../../accounts.json",
        "file dump tftp ../../../../cluster.db",
        "file dump activelog /etc/passwd",
        "file view tftp leads-out",
        "file view activelog cm/folder-out/passwd",
        "file delete activelog ../../keys/* noconfirm",
        "file delete tftp ../../../../accounts.json noconfirm",
    ],
)
def test_nothing_outside_of_the_area(terminal: Terminal, cluster: Cluster, line: str) -> None:
    folder = cluster.folder(PUBLISHER)
    (folder.tftp / "leads-out").symlink_to("/etc/passwd")
    (folder.area("activelog") / "cm/folder-out").symlink_to("/etc")
    keys = folder.key_names()
    shown = "\n".join(terminal.type(line))
    assert "root:" not in shown
    assert "PRIVATE" not in shown
    assert folder.key_names() == keys
    assert Path("/etc/passwd").exists()
    assert (cluster.directory / "cluster.db").exists()


def test_delete_on_this_node_only(terminal: Terminal, on_subscriber: Terminal, cluster: Cluster) -> None:
    terminal.type("utils ctl set-cluster mixed-mode", "y")
    on_subscriber.type("file delete activelog cm/tftpdata/CTLFile.tlv", "y")
    assert cluster.show_ctl(SUBSCRIBER).data is None
    assert cluster.show_ctl(PUBLISHER).data is not None
    assert "The CTL file of this node (cucm-1051-a-sub1) is not the one that the publisher published." in (
        on_subscriber.type("show ctl")
    )


def test_delete_asks_for_each_file(terminal: Terminal, trace: Path, cluster: Cluster) -> None:
    shown = terminal.type("file delete activelog cm/trace/*.log detail", "n", "y")
    assert shown[-2:] == ["deleted: cm/trace/b.log", "files: found = 2, deleted = 1"]
    assert [path.name for path in sorted(trace.glob("*.log"))] == ["a.log"]
    assert cluster.operations.journal.audit()[-1].action == "file delete"
    assert terminal.type("file delete activelog cm/trace/a.log noconfirm") == ["files: found = 1, deleted = 1"]


def test_control_characters_are_shown_and_never_obeyed(terminal: Terminal, trace: Path) -> None:
    (trace / "evil\x1b]0;owned\x07.txt").write_bytes(b"a\tb\x9b2J\xff\r\x08\xe2\x80\xae\n")
    listed = terminal.type("file list activelog cm/trace/evil*")
    viewed = terminal.type("file view activelog cm/trace/evil*")
    dumped = terminal.type("file dump activelog cm/trace/evil* hex")
    asked = terminal.type("file delete activelog cm/trace/evil* detail", "y")
    assert listed[0] == r"cm/trace/evil\x1b]0;owned\x07.txt"
    assert viewed[0].startswith(r"a       b\x9b2J\xff")
    for line in (*listed, *viewed, *dumped, *asked):
        assert line.isprintable(), line


def test_delete_a_folder(terminal: Terminal, cluster: Cluster) -> None:
    tftp = cluster.folder(PUBLISHER).tftp
    (tftp / "Desktops" / "320x212").mkdir(parents=True)
    (tftp / "Desktops" / "320x212" / "list.xml").write_text("<x/>")
    assert terminal.type("file delete dir tftp Desktops", "n")[-1] == "files: found = 1, deleted = 0"
    shown = terminal.type("file delete dir tftp Desktops detail", "y")
    assert shown[0] == "Delete the directory Desktops with 1 files?"
    assert shown[2:] == [
        "deleted: Desktops/320x212/list.xml",
        "deleted: Desktops",
        "files: found = 1, deleted = 1",
    ]
    assert cluster.operations.journal.audit()[-1].action == "file delete dir"
    assert not (tftp / "Desktops").exists()
    for name in ("ITLFile.tlv", "*", ".", "..", "../../cm", "/"):
        terminal.type(f"file delete dir tftp {name}")
        assert tftp.joinpath("ITLFile.tlv").exists()


def test_list_by_date_page_by_page(terminal: Terminal, trace: Path) -> None:
    os.utime(trace / "a.log", (2_000_000_000, 2_000_000_000))
    os.utime(trace / "b.log", (1_000_000_000, 1_000_000_000))
    by_date = terminal.type("file list activelog cm/trace/*.log date page detail")
    assert by_date[0] == "09 Sep,2001 02:46:40           21  cm/trace/b.log"
    assert by_date[1].endswith("cm/trace/a.log")
    newest_first = terminal.type("file list activelog cm/trace/*.log reverse date")
    assert newest_first[0].split() == ["cm/trace/a.log", "cm/trace/b.log"]


def with_sftp_server(
    session: AdminSession, folder: Path, work: Callable[[int], list[tuple[str, list[str]]]]
) -> list[list[str]]:
    """Run lines while an administrator's SFTP server listens; return what each printed."""

    class Login(asyncssh.SSHServer):
        def password_auth_supported(self) -> bool:
            return True

        def validate_password(self, username: str, password: str) -> bool:
            return (username, password) == ("backup", "pw")

    async def run() -> list[list[str]]:
        def root(channel: asyncssh.SSHServerChannel[bytes]) -> asyncssh.SFTPServer:
            return asyncssh.SFTPServer(channel, chroot=bytes(folder))

        key = asyncssh.generate_private_key("ssh-ed25519")
        server = await asyncssh.create_server(
            Login, "127.0.0.1", 0, server_host_keys=[key], sftp_factory=root, gss_host=None
        )
        shown = []
        async with server:
            for line, answers in work(server.get_port()):
                io = ScriptedIO(answers)
                await session.run(line, io)
                shown.append(io.lines)
        return shown

    return asyncio.run(run())


def test_get_to_an_sftp_server(terminal: Terminal, tmp_path: Path, cluster: Cluster) -> None:
    inbox = tmp_path / "inbox"
    inbox.mkdir()

    def work(port: int) -> list[tuple[str, list[str]]]:
        server = ["127.0.0.1", str(port), "backup"]
        return [
            ("file get tftp ITLFile.tlv", ["y", *server, "pw", "", "yes"]),
            ("file get tftp *.tlv compress", ["y", *server, "pw", "packed"]),
            ("file get tftp ITLFile.tlv", ["y", *server, "wrong", "."]),
            ("file get tftp ITLFile.tlv", ["n"]),
        ]

    first, packed, wrong, refused = with_sftp_server(terminal.session, inbox, work)
    assert "SFTP server IP: 127.0.0.1" in first
    assert first[-1] == packed[-1] == "Transfer completed."
    assert "pw" not in " ".join(first)
    assert (inbox / "ITLFile.tlv").read_bytes() == cluster.show_itl(PUBLISHER).data
    assert (inbox / "packed" / "ITLFile.tlv.gz").exists()
    assert not any("authenticity" in line for line in packed), "the server is known by now"
    assert "Permission denied" in "\n".join(wrong)
    assert refused[-1] == "Command cancelled"


def test_get_by_name_and_by_age(terminal: Terminal, tmp_path: Path, cluster: Cluster, trace: Path) -> None:
    inbox = tmp_path / "inbox"
    inbox.mkdir()
    (trace / "b.log").touch()
    for name, moment in (
        ("a.log", datetime(2015, 3, 15, 10, tzinfo=CET)),
        ("sub/deep.log", datetime(2015, 3, 16, tzinfo=CET)),
    ):
        os.utime(trace / name, (moment.timestamp(), moment.timestamp()))

    def work(port: int) -> list[tuple[str, list[str]]]:
        place = ["y", "127.0.0.1", str(port), "backup", "pw"]
        return [
            ("file get activelog cm/trace/* reltime hours 2", [*place, "new", "yes"]),
            ("file get activelog cm/trace/* abstime 09:00:03/15/15 10:00:03/15/2015 recurs", [*place, "old"]),
            ("file get activelog cm/* match ^(a|deep).log$ recurs compress", [*place, "named"]),
            ("file get activelog cm/trace/* match nothing", []),
        ]

    *_, none = with_sftp_server(terminal.session, inbox, work)
    assert none == ["no such file or directory can be found"]
    sent = sorted(path.relative_to(inbox).as_posix() for path in inbox.rglob("*.*") if path.is_file())
    assert sent == [
        "named/cm/trace/a.log.gz",
        "named/cm/trace/sub/deep.log.gz",
        "new/cm/trace/b.log",
        "old/cm/trace/a.log",
    ]
    assert gzip.decompress((inbox / "named/cm/trace/a.log.gz").read_bytes()) == (trace / "a.log").read_bytes()


@pytest.mark.parametrize(
    ("options", "why"),
    [
        ("reltime hours", "after reltime a word is missing"),
        ("reltime years 1", "'years' is no reltime"),
        ("reltime hours -1", "is no period of time"),
        ("abstime 09:00:03/15/15 nine", "'nine' is no moment"),
        ("abstime 09:00:03/15/15 08:00:03/15/15", "ends before it begins"),
        ("abstime 09:00:03/15/15 10:00:03/15/15 reltime days 1", "do not go together"),
        ("match *.log", "is no regular expression"),
        ("match (a+)+$", "takes too long"),
        ("match", "after match a word is missing"),
    ],
)
def test_options_that_mean_nothing(
    terminal: Terminal, trace: Path, options: str, why: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(name_match, "TIME_LIMIT", 0.5)
    (trace / f"{'a' * 60}!").touch()
    assert why in "\n".join(terminal.type(f"file get activelog cm/trace/* {options}"))
    assert terminal.last.exit_code == 2


def test_completion_knows_the_words_after_a_flag(terminal: Terminal) -> None:
    complete = terminal.session.complete
    assert complete("file get activelog x reltime h")[0] == "file get activelog x reltime hours "
    assert complete("file get activelog x reltime hours ") == ("file get activelog x reltime hours ", [])
    assert complete("file get activelog x reltime hours 2 com")[0].endswith("2 compress ")


def test_a_server_whose_key_changed_gets_no_password(terminal: Terminal, tmp_path: Path, cluster: Cluster) -> None:
    def work(port: int) -> list[tuple[str, list[str]]]:
        (cluster.folder(PUBLISHER).root / "known_hosts").write_text(f"[127.0.0.1]:{port} ssh-ed25519 AAAAother\n")
        return [("file get tftp ITLFile.tlv", ["y", "127.0.0.1", str(port), "backup", "pw", ""])]

    (shown,) = with_sftp_server(terminal.session, tmp_path, work)
    assert "the server's host key has changed" in "\n".join(shown)


def test_the_recovery_key_goes_out_and_heals_the_cluster(terminal: Terminal, tmp_path: Path, cluster: Cluster) -> None:
    def work(port: int) -> list[tuple[str, list[str]]]:
        server = ["127.0.0.1", str(port), "backup", "pw", ""]
        return [
            ("file get tftp ITLRecovery.p12", ["Recovery-1", "Recovery-1", "y", *server, "yes"]),
            (f"utils itl reset remotekey 127.0.0.1:{port} backup ITLRecovery.p12", ["pw", "Recovery-1"]),
        ]

    sent, healed = with_sftp_server(terminal.session, tmp_path, work)
    assert sent[-1] == "Transfer completed."
    assert "Recovery-1" not in " ".join(sent + healed)
    signer = load_signer(f"pkcs12:{tmp_path / 'ITLRecovery.p12'}", password=lambda _: b"Recovery-1")
    assert signer.certificate == cluster.own_certificate(PUBLISHER, "ITLRecovery")
    assert healed[-1] == f"Successfully transferred reset ITL to node {SUBSCRIBER}"
    shown = terminal.type("show itl")
    assert "The ITL file was verified successfully." in shown
    assert any("CN=ITLRECOVERY_" in line for line in shown[:20])


def test_the_recovery_key_needs_level_4(cluster: Cluster) -> None:
    operator = Terminal(AdminSession(cluster, PUBLISHER, "operator", privilege=1))
    assert "needs privilege level 4" in operator.type("file get tftp ITLRecovery.p12")[1]


def test_a_server_whose_key_changed_is_explained_and_taken_after_a_yes(
    terminal: Terminal, tmp_path: Path, cluster: Cluster
) -> None:
    store = cluster.folder(PUBLISHER).root / "known_hosts"
    other = "ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAIIDYZRmuSSgnvgVLKwnL8uRFrVJdRzfvTQqzOtvr8kZm"

    def work(port: int) -> list[tuple[str, list[str]]]:
        store.write_text(f"[127.0.0.1]:{port} {other}\n")
        server = ["y", "127.0.0.1", str(port), "backup", "pw", ""]
        return [
            ("file get tftp ITLFile.tlv", [*server, "no"]),
            ("file get tftp ITLFile.tlv", [*server, "yes"]),
            ("file get tftp ITLFile.tlv", server),
        ]

    refused, taken, known = with_sftp_server(terminal.session, tmp_path, work)
    assert "until now the fingerprint of '127.0.0.1' was SHA256:" in "\n".join(refused)
    assert "was not agreed to" in "\n".join(refused)
    assert taken[-1] == known[-1] == "Transfer completed."
    assert "fingerprint" not in "\n".join(known)
    notes = [entry for entry in cluster.operations.journal.audit() if entry.action == "file get"]
    assert [entry.outcome for entry in notes] == ["done", "done"]


def at_level(cluster: Cluster, level: int) -> Terminal:
    return Terminal(AdminSession(cluster, PUBLISHER, privilege=level))


def test_what_show_tech_wrote_is_for_the_level_that_made_it(cluster: Cluster) -> None:
    made = {level: at_level(cluster, level).type("show tech version")[0].split()[-1] for level in (1, 4)}
    (cluster.folder(PUBLISHER).area("activelog") / "cm/trace/showtech-all-20200101-000000.txt").write_text("old\n")
    for level, seen in ((0, set()), (1, {1}), (4, {1, 4})):
        admin = at_level(cluster, level)
        listed = "\n".join(admin.type("file list activelog cm/trace/* detail"))
        for maker, name in made.items():
            may = maker in seen
            assert (name in listed) is may
            for command in ("file view activelog {}", "file dump activelog {}", "file dump activelog {} hex"):
                admin.type(command.format(name))
                assert (admin.last.exit_code == 0) is may
            found = admin.type(f"file get activelog {name}", *(["n"] if may else []))
            assert ("no such file" in "\n".join(found)) is not may
            compressed = admin.type("file get activelog cm/* recurs compress match showtech", *(["n"] if seen else []))
            assert any(f"files affected: {len(seen) + (level == 4)}" in line for line in compressed) is bool(seen)
        assert ("showtech-all-20200101" in listed) is (level == 4)
    deleted = at_level(cluster, 1).type("file delete activelog cm/trace/showtech* noconfirm detail")
    assert deleted[-1] == "files: found = 1, deleted = 1"
    assert made[4] in "\n".join(at_level(cluster, 4).type("file list activelog cm/trace/* detail"))


def test_the_end_of_input_leaves_the_files_that_are_left(terminal: Terminal, trace: Path) -> None:
    for name in ("a.log", "b.log", "c.log"):
        (trace / name).write_text("x")
    shown = terminal.type("file delete activelog cm/trace/[abc].log", "y")
    assert shown[-2:] == ["files: found = 3, deleted = 1", "Command cancelled"]
    assert sorted(path.name for path in trace.glob("*.log")) == ["b.log", "c.log"]


@pytest.mark.parametrize("host", ["..", "a" * 300, "a\0b", "\udc80"])
def test_an_address_that_no_resolver_takes_is_no_traceback(terminal: Terminal, host: str) -> None:
    lines = terminal.type(f"utils itl reset remotekey {host} backup ITLRecovery.p12", "pw")
    assert "the SFTP server's address is none" in "\n".join(lines)
