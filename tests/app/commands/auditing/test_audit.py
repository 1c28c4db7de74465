"""``mixedmode audit`` against planted files behind HTTP, and what it writes."""

from __future__ import annotations

import json
import re
import subprocess
import sys
from collections.abc import Iterator
from contextlib import ExitStack
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pytest
from typer.testing import CliRunner, Result

from mixedmode.app.commands.auditing.where import cluster_of, node_of
from mixedmode.app.tree import app
from mixedmode.errors import MalformedError, MixedModeError, RemoteError, UsageError
from mixedmode.live.cluster_file import CUCM_PORTS
from mixedmode.live.document import write_document
from mixedmode.pki.certificates.profiles import Purpose
from tests.audit.live.world import ADDRESSES, PUB, SUB, World, with_file
from tests.live.stub import Answer, Sent, serving

CLOSED = 9
"""Nothing listens there."""


@dataclass
class Site:
    """Nodes that serve files, and their CLUSTER.toml."""

    path: Path
    files: dict[str, dict[str, bytes]] = field(default_factory=dict)

    def serve(self, world: World) -> None:
        for node in ADDRESSES:
            self.files[node] = {
                "/CTLFile.tlv": world.ctl(),
                "/ITLFile.tlv": world.itl(node),
                "/XMLDefault.cnf.xml.sgn": world.default(node),
            }

    def audit(self, *words: str) -> Result:
        return CliRunner().invoke(app, ["audit", "--cluster", str(self.path), *words])

    def document(self, *words: str) -> dict[str, Any]:
        loaded: dict[str, Any] = json.loads(self.audit("--json", *words).stdout)
        return loaded


@pytest.fixture(scope="module")
def world() -> World:
    return World()


@pytest.fixture
def site(tmp_path: Path, world: World, monkeypatch: pytest.MonkeyPatch) -> Iterator[Site]:
    monkeypatch.setattr("mixedmode.live.looking.BETWEEN", 0.0)
    made = Site(tmp_path / "cluster.toml")
    made.serve(world)

    def answer_of(node: str, sent: Sent) -> Answer:
        sent.judge()
        data = made.files[node].get(sent.target)
        return (404, {}, b"") if data is None else (200, {}, data)

    text = ""
    with ExitStack() as stack:
        for node, address in ADDRESSES.items():
            stub = stack.enter_context(serving(lambda sent, node=node: answer_of(node, sent)))  # type: ignore[misc]
            ports = {**dict.fromkeys(CUCM_PORTS, CLOSED), "http": stub.port}
            written = ", ".join(f"{name} = {port}" for name, port in ports.items())
            text += f'[[node]]\nname = "{node}"\naddress = "127.0.0.1"\nports = {{ {written} }}\n'
            text += 'role = "publisher"\n' if node == PUB else ""
            assert address
        made.path.write_text(text)
        yield made


def broken(site: Site, world: World) -> None:
    """Have a node serve another CTL and a damaged ITL."""
    site.files[SUB]["/CTLFile.tlv"] = world.built(reversed(world.ctl_records()), world.signs(PUB), "CTLFile.tlv")
    site.files[SUB]["/ITLFile.tlv"] = world.itl(SUB)[:-7]


def test_a_healthy_cluster(site: Site) -> None:
    result = site.audit()
    assert result.exit_code == 0
    assert result.stdout.startswith(f"{PUB}: nothing found (2 nodes)")
    assert "Not seen, so nothing is said of it" in result.stdout
    assert len(result.stdout.splitlines()) < 24


def test_findings_in_every_form(site: Site, world: World, tmp_path: Path) -> None:
    broken(site, world)
    page, log = tmp_path / "audit.html", tmp_path / "audit.sarif"
    result = site.audit("--html", str(page), "--sarif", str(log))
    assert result.exit_code == 1
    lines = result.stdout.splitlines()
    assert "1 critical, 1 serious" in lines[0]
    assert lines[2].startswith(f"CRITICAL    L1/ITL/{SUB}")
    assert f"1. {SUB} admin: utils service restart Cisco Tftp" in result.stdout
    assert f"SERIOUS     C5/{SUB}" in result.stdout
    found = page.read_text()
    assert "default-src 'none'" in found
    assert f"C5/{SUB}" in found
    assert "utils ctl update CTLFile" in found
    assert not re.search(r"(src|href)=.?https?:", found)
    check_sarif(json.loads(log.read_text()))


def test_the_document(site: Site, world: World) -> None:
    broken(site, world)
    document = site.document("--fail-on", "none")
    assert {"cluster", "nodes", "findings", "not_seen"} <= document.keys()
    assert [node["name"] for node in document["nodes"]] == [PUB, SUB]
    wanted = {"id", "severity", "title", "evidence", "phones", "remedy", "where"}
    assert all(wanted <= finding.keys() for finding in document["findings"])
    assert {finding["id"] for finding in document["findings"]} == {f"L1/ITL/{SUB}", f"C5/{SUB}"}
    assert all({"what", "where", "why"} == each.keys() for each in document["not_seen"])


@pytest.mark.parametrize(
    ("fail_on", "code"), [("critical", 1), ("serious", 1), ("moderate", 1), ("information", 1), ("none", 0)]
)
def test_fail_on(site: Site, world: World, fail_on: str, code: int) -> None:
    broken(site, world)
    assert site.audit("--fail-on", fail_on).exit_code == code
    site.serve(world)
    site.files[PUB]["/ConfigFileCacheList.txt"] = b"SEP00005E005301.cnf.xml\n"
    assert site.audit("--fail-on", fail_on).exit_code == (1 if fail_on == "information" else 0)


def test_before_and_after(site: Site, world: World, tmp_path: Path) -> None:
    broken(site, world)
    before, page = tmp_path / "before.json", tmp_path / "change.html"
    before.write_text(site.audit("--json").stdout)
    site.files[SUB]["/ITLFile.tlv"] = world.itl(SUB)
    site.files[PUB]["/ConfigFileCacheList.txt"] = b"x"
    document = site.document("--baseline", str(before), "--html", str(page))
    assert document["baseline"]["new"] == [f"C19/{PUB}"]
    assert document["baseline"]["gone"] == [f"L1/ITL/{SUB}"]
    assert document["baseline"]["unchanged"] == [f"C5/{SUB}"]
    text = page.read_text()
    assert "Before and after" in text
    assert f"C19/{PUB}" in text
    said = site.audit("--baseline", str(before)).stdout
    assert "1 new, 1 gone, 1 unchanged" in said
    assert f"gone: critical L1/ITL/{SUB}" in said


@pytest.mark.parametrize("text", ["", "{", "[]", '{"findings": [1]}', '{"findings": [{"id": "x", "severity": "y"}]}'])
def test_a_baseline_that_is_none(site: Site, tmp_path: Path, text: str) -> None:
    old = tmp_path / "old.json"
    old.write_text(text)
    error = site.audit("--baseline", str(old)).exception
    assert isinstance(error, MalformedError)
    assert error.where == str(old)


def test_names_of_strangers_are_text(site: Site, world: World, tmp_path: Path) -> None:
    hostile = World()
    name = "</td><script>alert(1)</script>\x1b[31m"
    evil = hostile.make(PUB, Purpose.CALLMANAGER, common_name=name)
    site.files[PUB]["/XMLDefault.cnf.xml.sgn"] = hostile.default(PUB, evil)
    page = tmp_path / "page.html"
    result = site.audit("--html", str(page))
    assert f"L9/{PUB}/XMLDefault.cnf.xml.sgn" in result.stdout
    assert "\x1b" not in result.stdout
    assert "<script>" not in page.read_text()
    assert "\x1b" not in page.read_text()


def test_what_was_collected_is_judged_without_asking_again(tmp_path: Path, world: World) -> None:
    path = tmp_path / "inventory.json"
    observation = with_file(world.look(), SUB, "CTLFile.tlv", None)
    path.write_text("".join(write_document(observation)))
    result = CliRunner().invoke(app, ["audit", str(path), "--json"])
    assert result.exit_code == 1
    assert [each["id"] for each in json.loads(result.stdout)["findings"]] == [f"C5/{SUB}"]
    path.write_text("{}")
    assert isinstance(CliRunner().invoke(app, ["audit", str(path)]).exception, MalformedError)


def test_nobody_there_is_not_nothing_found(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("mixedmode.live.sources.files.read_tftp", silent)
    path = tmp_path / "cluster.toml"
    ports = ", ".join(f"{name} = {CLOSED}" for name in CUCM_PORTS if name != "tftp")
    path.write_text(f'[[node]]\nname = "x"\naddress = "127.0.0.1"\nports = {{ tftp = {CLOSED}, {ports} }}\n')
    error = CliRunner().invoke(app, ["audit", "--cluster", str(path)]).exception
    assert isinstance(error, RemoteError)
    assert error.exit_code == 3
    assert error.why
    assert error.why.startswith("HTTP: ")  # not that nobody logs in


def test_hosts(site: Site) -> None:
    port = int(re.search(r"http = (\d+)", site.path.read_text())[1])  # type: ignore[index]
    node = node_of(f"http://127.0.0.1:{port}/")
    assert (node.name, node.address, node.ports["http"]) == (f"127.0.0.1:{port}", "127.0.0.1", port)
    assert node_of("192.0.2.1").ports == CUCM_PORTS
    assert (node_of("[2001:db8::1]:7000").address, node_of("[2001:db8::1]:7000").ports["http"]) == ("2001:db8::1", 7000)
    assert node_of("2001:db8::1").address == "2001:db8::1"
    assert node_of("tftp://pub:6969").ports["tftp"] == 6969
    assert [each.name for each in cluster_of(["a", "b", "a"], None, None).nodes] == ["a", "b"]


@pytest.mark.parametrize(
    "text",
    ["", " ", "a b", "-", "pub:", "pub:0", "pub:65536", "pub:x", "ftp://pub", "http://u:p@pub", "[::1", "[x]:1",
     "http://pub/CTLFile.tlv", "a/b", "a\x1b", "pub:1:2:3x", "http://", "CLUSTER.toml", "x" * 300],
)  # fmt: skip
def test_what_is_no_host(text: str) -> None:
    if text == "pub:":
        assert node_of(text).name == "pub"  # as browsers read it
        return
    with pytest.raises(UsageError):
        node_of(text)


@pytest.mark.parametrize(
    "words", [[], ["pub", "--cluster", "x.toml"], ["--cluster", "missing.toml"], ["--directory", "."]]
)
def test_bad_usage(words: list[str], tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    error = CliRunner().invoke(app, ["audit", *words]).exception
    assert isinstance(error, MixedModeError)
    assert error.exit_code == 2


def test_the_reading_parts_are_enough() -> None:
    blocked = (
        "sqlalchemy",
        "alembic",
        "psycopg",
        "uvloop",
        "httptools",
        "starlette",
        "uvicorn",
        "pydantic",
        "asyncssh",
    )
    program = f"""
import sys
for name in {blocked!r} + ("fcntl", "termios", "pwd", "grp", "resource"):
    sys.modules[name] = None
from mixedmode.app.commands.auditing.audit import audit, look
from mixedmode.app.commands.auditing import screen, where
from mixedmode.audit.live import comparing, document, judging, sarif
from mixedmode.faces.report import audit
"""
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=False, timeout=60)
    assert done.returncode == 0, done.stderr


def silent(*_: object) -> bytes:
    raise RemoteError("no answer", code="timeout")


def check_sarif(log: dict[str, Any]) -> None:
    """Assert what SARIF 2.1.0 requires of each object that is used."""
    assert log["version"] == "2.1.0"
    assert log["$schema"].endswith("sarif-2.1.0.json")
    (run,) = log["runs"]
    driver = run["tool"]["driver"]
    assert driver["name"]
    rules = driver["rules"]
    assert len({rule["id"] for rule in rules}) == len(rules)
    assert all(isinstance(rule["shortDescription"]["text"], str) for rule in rules)
    assert all(isinstance(each["executionSuccessful"], bool) for each in run["invocations"])
    assert run["results"]
    for result in run["results"]:
        assert result["message"]["text"]
        assert rules[result["ruleIndex"]]["id"] == result["ruleId"]
        assert result["level"] in {"none", "note", "warning", "error"}
        for location in result["locations"]:
            uri = location["physicalLocation"]["artifactLocation"]["uri"]
            assert re.fullmatch(r"[A-Za-z0-9._~/%-]+", uri)
        assert all(isinstance(value, str) for value in result["partialFingerprints"].values())
