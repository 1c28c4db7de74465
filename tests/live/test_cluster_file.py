"""CLUSTER.toml as people write it, and as they miswrite it."""

from __future__ import annotations

from pathlib import Path

import pytest

from mixedmode.errors import UsageError
from mixedmode.live.cluster_file import CUCM_PORTS, Node, read_cluster_file

WHOLE = """
[[node]]
name = "cucm-pub"
address = "192.0.2.10"
role = "publisher"

[[node]]
name = "cucm-sub1"
address = "192.0.2.11"
ports = { http = 16970, ssh = 2222 }

[ssh]
user = "administrator"
password_file = "secrets/ssh"
known_hosts = "/etc/known_hosts"

[axl]
user = "audit"
password_file = "axl"
cacert = "ca.pem"

[web]
cacert = "~/ca.pem"
"""


def read(tmp_path: Path, text: str | bytes) -> object:
    path = tmp_path / "CLUSTER.toml"
    path.write_bytes(text if isinstance(text, bytes) else text.encode())
    return read_cluster_file(path)


def test_nodes_ports_and_logins_are_read(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("HOME", str(tmp_path / "home"))
    (tmp_path / "CLUSTER.toml").write_text(WHOLE)
    cluster = read_cluster_file(tmp_path / "CLUSTER.toml")
    assert cluster.publisher == Node("cucm-pub", "192.0.2.10", "publisher")
    assert cluster.nodes[1].ports == {**CUCM_PORTS, "http": 16970, "ssh": 2222}
    assert not cluster.nodes[1].is_publisher
    assert cluster.ssh is not None
    assert cluster.axl is not None
    assert cluster.web is not None
    assert (cluster.ssh.password_file, cluster.axl.cacert) == (tmp_path / "secrets/ssh", tmp_path / "ca.pem")
    assert (cluster.ssh.known_hosts, cluster.web.cacert) == (Path("/etc/known_hosts"), tmp_path / "home/ca.pem")
    assert cluster.phones is None


def test_a_password_comes_from_its_file_or_from_the_environment(tmp_path: Path) -> None:
    (tmp_path / "CLUSTER.toml").write_text(
        '[[node]]\naddress = "192.0.2.10"\n[axl]\nuser = "a"\npassword_file = "p"\n[ssh]\n'
    )
    cluster = read_cluster_file(tmp_path / "CLUSTER.toml")
    assert cluster.axl is not None
    assert cluster.ssh is not None
    (tmp_path / "p").write_text("correct horse\r\n")
    assert cluster.axl.password({}) == "correct horse"
    assert cluster.ssh.password({"MIXEDMODE_SSH_PASSWORD": "battery"}) == "battery"
    assert cluster.ssh.password({}) is None
    for wrong in (b"", b"\n", b"two\nlines\n", b"\xff\n", b"x" * 5000):
        (tmp_path / "p").write_bytes(wrong)
        with pytest.raises(UsageError, match="password file"):
            cluster.axl.password({})


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("", "no \\[\\[node\\]\\]"),
        ("node = 3", "no \\[\\[node\\]\\]"),
        ("[[node]]\n", "neither name nor address"),
        ('[[node]]\nadress = "192.0.2.10"', "node 1: adress is not known"),
        ('[[node]]\nname = "a"\nrole = "boss"', "role is 'boss'"),
        ('[[node]]\nname = "a"\nports = { tfpt = 1 }', "ports.tfpt is not known"),
        ('[[node]]\nname = "a"\nports = { tftp = 70000 }', "ports.tftp is no port"),
        ('[[node]]\nname = "a"\nports = { tftp = true }', "ports.tftp is no port"),
        ('[[node]]\nname = "a\\u001b[2J"', "name is no text"),
        ('[[node]]\nname = "a"\n[[node]]\nname = "a"\naddress = "b"', "two nodes have the name a"),
        ('[[node]]\nname = "a"\naddress = "c"\n[[node]]\nname = "b"\naddress = "c"', "two nodes have the address c"),
        (
            '[[node]]\nname = "a"\nrole = "publisher"\n[[node]]\nname = "b"\nrole = "publisher"',
            "two nodes are publisher",
        ),
        ('[[node]]\nname = "a"\n[axl]\npassword = "hunter2"', "axl.password"),
        ('[[node]]\nname = "a"\n[axl]\nuser = 3', "user is no text"),
        ('[[node]]\nname = "a"\n[ssh]\nkey_file = ""', "ssh.key_file is empty"),
        ('axl = 3\n[[node]]\nname = "a"', "axl is no table"),
        ("[[node]", "no TOML"),
        (b"\xff\xfe", "no TOML"),
        (b"#" * (1 << 20) + b"\n", "over 1048576 bytes"),
    ],
)
def test_what_is_wrong_is_named(tmp_path: Path, text: str | bytes, said: str) -> None:
    with pytest.raises(UsageError, match=said) as caught:
        read(tmp_path, text)
    assert "hunter2" not in caught.value.diagnostics()
    assert str(tmp_path / "CLUSTER.toml") in str(caught.value)


@pytest.mark.parametrize("address", ["http://pub/", "u@pub", "a b", "[x", "[::1]:6970"])
def test_an_address_is_a_host_alone(tmp_path: Path, address: str) -> None:
    with pytest.raises(UsageError, match="is no address"):
        read(tmp_path, f'[[node]]\nname = "a"\naddress = "{address}"\n')


def test_brackets_of_ipv6_and_a_byte_order_mark_do_no_harm(tmp_path: Path) -> None:
    path = tmp_path / "CLUSTER.toml"
    path.write_bytes(b'\xef\xbb\xbf[[node]]\r\naddress = "[2001:db8::1]"\r\n')
    assert read_cluster_file(path).nodes[0].address == "2001:db8::1"


def test_a_missing_file_and_a_folder_are_errors(tmp_path: Path) -> None:
    for path in (tmp_path / "no.toml", tmp_path):
        with pytest.raises(UsageError, match="cannot be read"):
            read_cluster_file(path)
