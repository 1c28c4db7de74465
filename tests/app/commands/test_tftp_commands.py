"""``mixedmode tftp serve``: what is served, what is said to be left out, and the rules for names."""

from __future__ import annotations

import signal
import socket
import subprocess
from pathlib import Path

import pytest

from mixedmode.errors import MalformedError
from mixedmode.node.host.settings import load_settings, render_settings
from mixedmode.services.files.flat_names import DEFAULT_MAP
from tests.support import run_mixedmode, start_mixedmode


class Server:
    def __init__(self, *arguments: str | Path) -> None:
        self.process = start_mixedmode("tftp", "serve", "--port", "0", *arguments, stderr=subprocess.PIPE)
        self.said: list[str] = []
        assert self.process.stderr is not None
        for line in self.process.stderr:
            self.said.append(line.rstrip())
            if "Ctrl-C ends it" in line:
                break
        self.port = int(self.said[-1].partition(", ")[0].rpartition(":")[2])

    def ask(self, name: str) -> bytes:
        with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as sock:
            sock.settimeout(60)
            sock.sendto(b"\0\1" + name.encode() + b"\0octet\0", ("127.0.0.1", self.port))
            return sock.recv(600)[:30]

    def stop(self) -> int:
        self.process.send_signal(signal.SIGINT)
        assert self.process.stderr is not None
        self.said += [line.rstrip() for line in self.process.stderr]
        return self.process.wait(100)


def test_a_folder_with_firmware_links_and_what_cannot_be_served(tmp_path: Path) -> None:
    folder = tmp_path / "served"
    (folder / "firmware" / "8845").mkdir(parents=True)
    (folder / "locale").mkdir()
    (folder / "firmware" / "8845" / "sip.loads").write_bytes(b"loads")
    with (folder / "firmware" / "8845" / "rootfs.sbn").open("wb") as file:
        file.truncate(73_800_000)
    (folder / "locale" / "g3-tones.xml").write_bytes(b"tones")
    (folder / "New_Zealand").symlink_to("locale")
    (folder / "out").symlink_to("/etc")
    for number in range(30):
        (folder / f"nothing{number:02}").symlink_to("nowhere")
    server = Server("--directory", folder)
    answers = {
        name: server.ask(name)
        for name in ("rootfs.sbn", "sip.loads", "/New_Zealand//g3-tones.xml", "out/passwd", "/../passwd", "other.loads")
    }
    assert server.stop() == 0
    assert {name: answer[:4] for name, answer in answers.items()} == {
        "rootfs.sbn": b"\0\3\0\1",
        "sip.loads": b"\0\3\0\1",
        "/New_Zealand//g3-tones.xml": b"\0\3\0\1",
        "out/passwd": b"\0\5\0\1",
        "/../passwd": b"\0\5\0\2",
        "other.loads": b"\0\5\0\1",
    }
    assert "Left out: nothing00: a link to nothing" in server.said
    assert "Left out: 11 more" in server.said
    assert any(", 3 files of " in line for line in server.said)


@pytest.mark.parametrize(
    ("options", "found"), [(("--map", "*.loads=images/new"), True), (("--no-map",), False), ((), False)]
)
def test_where_names_are_looked_for_is_the_administrators(
    options: tuple[str, ...], found: bool, tmp_path: Path
) -> None:
    for version in ("new", "old"):
        (tmp_path / "images" / version).mkdir(parents=True)
        (tmp_path / "images" / version / "sip.loads").write_bytes(version.encode())
    server = Server("--directory", tmp_path, *options)
    answer = server.ask("sip.loads")
    assert server.stop() == 0
    assert answer == (b"\0\3\0\1new" if found else b"\0\5\0\1File not found\0")


def test_a_rule_that_is_none_is_named(tmp_path: Path) -> None:
    done = run_mixedmode("tftp", "serve", "--directory", tmp_path, "--map", "firmware")
    assert done.returncode == 2
    assert "'firmware'" in done.stderr
    assert "PATTERN=FOLDER" in done.stderr
    both = run_mixedmode("tftp", "serve", "--directory", tmp_path, "--map", "*=a", "--no-map")
    assert both.returncode == 2


def test_the_settings_file_has_the_rules_of_a_node(tmp_path: Path) -> None:
    path = tmp_path / "mixedmode.toml"
    node = '[node]\nname = "a"\naddress = "10.0.0.1"\n'
    path.write_text(node)
    assert load_settings(path).files.map == DEFAULT_MAP
    path.write_text(node + '[files]\nmap = ["*.sbn=images/*"]\n')
    settings = load_settings(path)
    assert settings.files.map == ("*.sbn=images/*",)
    path.write_text(render_settings(settings))
    assert load_settings(path).model_dump() == settings.model_dump()
    path.write_text(node + '[files]\nmap = ["images"]\n')
    with pytest.raises(MalformedError, match=r"(?i)files\.map\.0.*pattern=folder"):
        load_settings(path)
