"""Every command that README, how-tos and the tutorial have a reader type is typed here, and ends as they say.

What a page presumes is made beforehand; hosts and ports of the reader become those of a lab; sizes are small. The few
commands that cannot run in a test stand in ``ELSEWHERE``. A command that is neither run nor in that table fails.
"""

from __future__ import annotations

import json
import re
import shutil
import subprocess
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, ExitStack, contextmanager
from pathlib import Path

import pytest

from tests.docs.pages import ROOT, Command, commands, pages
from tests.docs.terminal import Terminal
from tests.node.test_node_join import free_ports
from tests.postgres import PostgresServer, find_binaries, free_port
from tests.softhsm import MODULE
from tests.support import what_make_does

ELSEWHERE = {
    "mixedmode forecast --inventory $E/inventory.csv --lists $E/lists --tvs-trust $E/tvs "
    "--publish $E/publish/CTLFile.tlv,$E/publish/ITLFile.tlv": ("run from the tree", "tests/forecast/test_example.py"),
    "make test": ("it runs this test", "tests/test_setup.py"),
    "mixedmode rehearse non-secure-to-mixed --phones 20": (
        "played in full", "tests/procedures/test_non_secure_to_mixed.py",
    ),
    "mixedmode rehearse tokenless-to-etokens": ("played in full", "tests/procedures/test_tokens.py"),
    "mixedmode rehearse tokenless-to-etokens --nodes 5": ("played in full", "tests/procedures/test_tokens.py"),
    "mixedmode rehearse non-secure-to-mixed": ("played in full", "tests/procedures/test_non_secure_to_mixed.py"),
    "mixedmode rehearse secure-phones": ("played in full", "tests/rehearsal/test_secure_phones.py"),
    "mixedmode rehearse etokens-to-tokenless": ("played in full", "tests/procedures/test_tokens.py"),
    "mixedmode rehearse regenerate-callmanager --phones 12": (
        "played in full", "tests/procedures/test_regenerate_callmanager.py",
    ),
    "mixedmode rehearse regenerate-callmanager --phones 16": (
        "played in full", "tests/procedures/test_regenerate_callmanager.py",
    ),
    **dict.fromkeys(
        (
            "mixedmode audit cucm-pub.example.net cucm-sub1.example.net",
            "mixedmode audit --cluster CLUSTER.toml --html audit.html --sarif audit.sarif",
            "mixedmode audit --cluster CLUSTER.toml --json > before.json",
            "mixedmode audit --cluster CLUSTER.toml --baseline before.json --html change.html",
            "mixedmode watch --cluster CLUSTER.toml --every 15m --listen 127.0.0.1:9109 --mail voice@example.net",
        ),
        ("typed at a cluster with faults", "tests/app/commands/auditing/test_audit.py"),
    ),
    **dict.fromkeys(
        (
            "mixedmode inventory collect --cluster CLUSTER.toml --output phones.json",
            "mixedmode forecast --inventory phones.json --publish CTLFile.new.tlv",
        ),
        ("typed at a lab of its own", "tests/live/test_collect.py"),
    ),
    "mixedmode rescue walk SEP001122334405 --entry 88xx-544 --person Ada --control-user rescue "
    "--control-password-file password --directory lab": ("a person answers", "tests/rescue/test_lab.py"),
    "mixedmode rescue prepare --control-user rescue --inventory phones.csv --cluster CLUSTER.toml --write-user writer "
    "--person Ada --ticket CHG0001": ("there is no CUCM", "tests/rescue/test_prepared.py"),
    "mixedmode rescue restore --cluster CLUSTER.toml --write-user writer --person Ada --ticket CHG0001": (
        "there is no CUCM", "tests/rescue/test_prepared.py",
    ),
    "mixedmode rescue plan --output plan.json --directory lab": (
        "the lab is as the pages left it", "tests/rescue/test_lab.py",
    ),
    "mixedmode rescue run plan.json --person Ada --ticket CHG0001 --control-user rescue "
    "--control-password-file password --in-hours": ("it takes minutes", "tests/rescue/test_lab.py"),
    "mixedmode rescue report plan.json.evidence.jsonl --html rescue.html --csv rescue.csv": (
        "there is no evidence without a run", "tests/rescue/test_lab.py",
    ),
}  # fmt: skip
"""What is not run here, why, and the test that covers it."""

SMALL = (
    (r"\blab --phones \d+", "lab --phones 3"),
    (r"--phones \d{3,}", "--phones 20"),
    (r"7975:\d+,7940:\d+", "7975:4,7940:2"),
    (r"--ramp \d+", "--ramp 0.5"),
)
ANSWERS = (
    (r"utils ctl (set-cluster|update)|set cert regen|file delete|node remove", "y\n"),
    (r"ctl-client 10\.", "\n3\n\nadd\nadd\n\nadd\nfinish\nCisco123\n\n"),
    (r"ctl-client", "1\n\nadd\nadd\n\nadd\nfinish\nCisco123\n\n"),
    (r"^ssh .*@", "exit\n"),
)
READY = (
    (r"mixedmode lab\b", "What to try"),
    (r"mixedmode (tftp|tvs|capf) serve\b", "Ctrl-C ends it"),
    (r"mixedmode node run\b", "node runs"),
)
"""Servers, and what they print when they are there."""

Substitutes = list[tuple[str, str]]


class Reader:
    """Goes through pages at one terminal.

    Args:
        folder: Where the reader is.
        settings: The reader's environment variables.
    """

    def __init__(self, folder: Path, settings: dict[str, str] | None = None) -> None:
        self.terminal = Terminal(folder, settings or {})
        self.substitutes: Callable[[str], Substitutes] = lambda _words: []

    def read(self, page: str) -> list[str]:
        """Type all of a page; return what did not end as it says."""
        self.terminal.new()
        return [fault for command in commands(page) if (fault := self.type(command))]

    def type(self, command: Command) -> str:
        if command.words in ELSEWHERE:
            return ""
        words = command.words if command.admin else command.text
        for pattern, instead in (*self.substitutes(command.words), *SMALL):
            words = re.sub(pattern, instead, words)
        answers = next((text for pattern, text in ANSWERS if re.search(pattern, command.words)), "")
        ready = next((text for pattern, text in READY if re.search(pattern, words)), "")
        if command.admin:
            login = command.login or "mixedmode admin"
            for pattern, instead in self.substitutes(login):
                login = re.sub(pattern, instead, login)
            words = f"{login} {words}"
        if ready:
            plain = re.sub(r"\s+#.*|\s*(>\s*\S+\s*)?&$", "", words)
            code, said = self.terminal.start(plain, ready)
        else:
            code, said = self.terminal.run(words, answers)
        if code == command.exit_code and "Traceback" not in said:
            return ""
        return f"{command}\n  typed: {words}\n  exit code {code}, not {command.exit_code}\n{said[-1500:]}"


def lab_hosts(folder: Path, port: int, _words: str) -> Substitutes:
    """Put the lab's nodes in the place of those of the pages."""
    found: Substitutes = [(r"^make run\b", ".venv/bin/mixedmode lab --phones 3"), (r"\b7069\b", str(port))]
    if not (folder / "lab" / "lab.json").exists():
        return found
    nodes = json.loads((folder / "lab" / "lab.json").read_text())["nodes"]
    (publisher, ports), (subscriber, others) = ((node["address"], node["ports"]) for node in nodes)
    login = f"-o UserKnownHostsFile=lab/known_hosts -p {ports['ssh']} administrator@{publisher}"
    return [
        *found,
        (r"127\.0\.0\.1:6969|cucm-pub/", f"{publisher}:{ports['tftp']}" + "/"),
        (r"//+(?=(ITL|CTL)File)", "/"),
        (r"cucm-sub1:6970", f"{subscriber}:{others['http']}"),
        (r"cucm-sub1/", f"{subscriber}:{others['tftp']}/"),
        (r"--server (127\.0\.0\.1 --tftp-port 6969|cucm-pub)", f"--server {publisher} --tftp-port {ports['tftp']}"),
        (r"--call-manager 127\.0\.0\.1:2000", f"--call-manager {publisher}:{ports['sccp']}"),
        (r"--server 10\.0\.0\.5", f"--server {publisher}:{ports['tftp']}"),
        (r"--silent-tvs 127\.0\.0\.1", f"--silent-tvs {publisher}"),
        (r"^ssh (-o UserKnownHostsFile=lab/known_hosts -p 2222 administrator@127\.0\.0\.1|administrator@10\.0\.0\.5)",
         f"ssh {login}"),
        (r"admin (cucm-pub|10\.0\.0\.1)(?= )", f"admin {nodes[0]['name']}"),
        (r"admin (cucm-sub1|10\.0\.0\.[26])(?= )", f"admin {nodes[1]['name']}"),
        (r"ctl-client 10\.0\.0\.1", "ctl-client --directory lab"),
        (r'"node": "cucm-pub"', f'"node": "{nodes[0]["name"]}"'),
        (r"https://cucm-pub:8443", f"https://{nodes[0]['name']}:{ports['web']}"),
        (r"\bcurl --silent", f"curl --resolve {nodes[0]['name']}:{ports['web']}:{publisher} --silent"),
    ]  # fmt: skip


def make_signers(folder: Path, *names: str) -> None:
    """Make keys with certificates, and lists old.tlv, new.tlv and CTLFile.tlv by them."""
    for name in names:
        words = ["openssl", "req", "-x509", "-newkey", "rsa:2048", "-nodes", "-days", "9", "-subj", f"/CN={name}"]
        made = subprocess.run([*words, "-keyout", "-"], cwd=folder, capture_output=True, check=True)
        (folder / f"{name}.pem").write_bytes(made.stdout)


@contextmanager
def reader_of_readme(folder: Path) -> Iterator[Reader]:
    """README: files of the reader's own, a call manager that serves them, later a lab and a node."""
    with ExitStack() as stack:
        reader = Reader(folder, {"MIXEDMODE_PIN": "Cisco123", "MIXEDMODE_METRICS__PORT": "0"})
        stack.callback(reader.terminal.close)
        make_signers(folder, "ccm", "capf")
        build = ".venv/bin/mixedmode build {} --signer {}.pem --record SAST={}.pem"
        for name, signer in (("CTLFile", "ccm"), ("new", "capf")):
            assert reader.terminal.run(build.format(f"{name}.tlv", signer, signer))[0] == 0
        shutil.copy(folder / "CTLFile.tlv", folder / "old.tlv")
        (folder / "SEP001122334455.cnf.xml").write_text("<device/>")
        (folder / "phones.csv").write_text("name,model,device_pool\nSEP001122334455,8861,Default\n")
        server, tftp = f".venv/bin/mixedmode tftp serve --directory {folder} --port", free_port()
        assert reader.terminal.start(f"{server} {tftp}", "Ctrl-C ends it")[0] == 0
        ports = " ".join(f"--port={unit}={port}" for unit, port in free_ports("127.0.0.1").items())

        def substitutes(words: str) -> Substitutes:
            node = rf"--address 127.0.0.1 --directory node {ports}"
            return [
                (r"tftp://10\.0\.0\.1/", f"tftp://127.0.0.1:{tftp}/"),
                (r"--address 10\.0\.0\.1 --directory /var/lib/mixedmode", node),
                *lab_hosts(folder, 0, words),
            ]

        reader.substitutes = substitutes
        yield reader


@contextmanager
def reader_of_lab(folder: Path) -> Iterator[Reader]:
    """A lab that the tutorial starts; the tokens are SoftHSM2's."""
    conf, tokens = folder / "softhsm2.conf", folder / "softhsm"
    tokens.mkdir()
    conf.write_text(f"directories.tokendir = {tokens}\nobjectstore.backend = file\nlog.level = ERROR\n")
    (folder / "pin").write_text("Cisco123\n")
    (folder / "pin").chmod(0o600)
    settings = {"SOFTHSM2_CONF": str(conf), "MIXEDMODE_PIN": "Cisco123", "MIXEDMODE_SO_PIN": "12345678"}
    reader, port = Reader(folder, settings), free_port()
    for number in ("ADN0054f509", "ADN008580ef"):
        words = f"softhsm2-util --init-token --free --label SAST-{number} --pin Cisco123 --so-pin 12345678"
        made = reader.terminal.run(f"{words} && .venv/bin/mixedmode token init {number} --module {MODULE}")
        assert made[0] == 0, made[1]
    reader.substitutes = lambda words: [
        (r"/usr/lib/\S*(libeToken|libsofthsm2)\.so", str(MODULE)), *lab_hosts(folder, port, words),
    ]  # fmt: skip
    try:
        yield reader
    finally:
        reader.terminal.close()


@contextmanager
def reader_of_nodes(folder: Path) -> Iterator[Reader]:
    """Two hosts, each with a PostgreSQL."""
    binaries = find_binaries()
    assert binaries is not None
    with ExitStack() as stack:
        databases = []
        for _ in range(2):
            server = PostgresServer(binaries, ("wal_level = logical", "wal_retrieve_retry_interval = 500ms"))
            stack.callback(server.remove)
            databases.append(server.create().start().create_database())
        reader = Reader(folder, {"MIXEDMODE_METRICS__PORT": "0"})
        stack.callback(reader.terminal.close)
        ports = [free_ports("127.0.0.1"), free_ports("127.0.0.2")]
        host = 0

        def substitutes(words: str) -> Substitutes:
            nonlocal host
            if re.search(r"node (init|join|status|remove)", words):
                host = int("join" in words)
            options = " ".join(f"--port={unit}={port}" for unit, port in ports[host].items())
            return [
                (r"--database \S+", f"--database '{databases[host]}' --directory host{host} {options}"),
                (r"node (init|join|run|status|remove)", rf"node \1 --config host{host}.toml"),
                (r"--address 10\.0\.0\.", "--address 127.0.0."),
                *((rf"ssh-keyscan 10\.0\.0\.{n}", f"ssh-keyscan -p {ports[n - 1]['ssh']} 127.0.0.{n}") for n in (1, 2)),
                *((rf"10\.0\.0\.{n} ", f"127.0.0.{n}:{ports[n - 1]['ssh']} ") for n in (1, 2)),
                (r"publisher\.password", "host0/administrator.password"),
            ]

        reader.substitutes = substitutes
        yield reader


@contextmanager
def reader_of_files(folder: Path) -> Iterator[Reader]:
    """Nothing but the phones' configuration."""
    reader, port, tvs, capf = Reader(folder), free_port(), free_port(), free_port()
    (folder / "SEP001122334455.cnf.xml").write_text("<device><loadInformation>x</loadInformation></device>")
    reader.substitutes = lambda _words: [
        (r"^sudo \S+ tftp serve --directory \. --host 0\.0\.0\.0", f"mixedmode tftp serve --directory . --port {port}"),
        (r"(tvs query .*--server 127\.0\.0\.1)", rf"\1:{tvs}"),
        (r"tvs serve (.*)--host 0\.0\.0\.0", rf"tvs serve \1--port {tvs}"),
        (r"capf serve (.*)--host 0\.0\.0\.0", rf"capf serve \1--port {capf}"),
        (r"capf enrol", f"capf enrol --port {capf}"),
        (r"--server 127\.0\.0\.1 ", f"--server 127.0.0.1 --tftp-port {port} "),
    ]
    try:
        yield reader
    finally:
        reader.terminal.close()


READERS: dict[Callable[[Path], AbstractContextManager[Reader]], list[str]] = {
    reader_of_readme: ["README.md"],
    reader_of_lab: [
        "docs/tutorial/first-lab.md",
        "docs/how-to/secure-phones-and-calls.md",
        "docs/how-to/check-a-live-cluster.md",
        "docs/how-to/etokens-to-tokenless.md",
        "docs/how-to/guide-a-live-cluster.md",
        "docs/how-to/have-certificates-signed.md",
        "docs/how-to/non-secure-to-mixed.md",
        "docs/how-to/regenerate-callmanager.md",
        "docs/how-to/rehearse-a-boot-storm.md",
        "docs/how-to/rescue-lost-phones.md",
        "docs/how-to/tokenless-to-etokens.md",
        "docs/how-to/use-the-api.md",
        "docs/how-to/use-hardware-tokens.md",
    ],
    reader_of_nodes: ["docs/how-to/run-nodes-on-several-hosts.md"],
    reader_of_files: [
        "docs/how-to/add-a-page.md",
        "docs/how-to/audit-a-live-cluster.md",
        "docs/how-to/sign-files-for-an-open-pbx.md",
    ],
}


@pytest.mark.timeout(1200)
@pytest.mark.parametrize("reader_of", READERS, ids=lambda reader: reader.__name__)
def test_every_command_of_the_pages_does_what_they_say(
    reader_of: Callable[[Path], AbstractContextManager[Reader]], tmp_path: Path
) -> None:
    with reader_of(tmp_path) as reader:
        faults = [fault for page in READERS[reader_of] for fault in reader.read(page)]
    assert faults == [], "\n\n".join(faults)


def test_every_page_has_its_reader() -> None:
    assert sorted(page for read in READERS.values() for page in read) == pages()


def test_what_is_not_run_here_is_on_a_page_and_has_a_test() -> None:
    typed = {command.words for page in pages() for command in commands(page)}
    assert set(ELSEWHERE) <= typed
    assert all((ROOT / test).is_file() for _, test in ELSEWHERE.values())


def test_make_run_is_what_is_typed_in_its_place() -> None:

    assert what_make_does("run") == [
        "scripts/setup runtime",
        ".venv/bin/mixedmode rehearse non-secure-to-mixed --phones 4",
        ".venv/bin/mixedmode lab ",
    ]
