"""Two nodes on hosts of their own: a subscriber joins over SSH, reads its own PostgreSQL, gets its files over SFTP."""

from __future__ import annotations

import os
import signal
import socket
import subprocess
from collections.abc import Iterator
from functools import partial
from pathlib import Path
from typing import Any

import psycopg
import pytest

from mixedmode.errors import RemoteError
from mixedmode.node.status import SOCKET_NAME, ask_status
from tests.faces.web.weblab import Visitor
from tests.forked import Started
from tests.postgres import PostgresServer, find_binaries
from tests.support import run_mixedmode, start_mixedmode, until

ENV = {"MIXEDMODE_METRICS__PORT": "0"}
UNITS = ("tftp", "http", "https", "tvs", "ssh", "sftp", "sccp", "sccp_tls", "capf", "ctl_provider", "web")
soon = partial(until, seconds=90)


def free_ports(address: str) -> dict[str, int]:
    found = {}
    for unit in UNITS:
        with socket.socket(socket.AF_INET, socket.SOCK_DGRAM if unit == "tftp" else socket.SOCK_STREAM) as sock:
            sock.bind((address, 0))
            found[unit] = int(sock.getsockname()[1])
    return found


class Node:
    def __init__(self, folder: Path, name: str, address: str) -> None:
        self.folder, self.name, self.address = folder, name, address
        self.ports = free_ports(address)
        self.config = folder / "mixedmode.toml"
        self.log = folder / "node.log"
        self.process: Started | None = None
        self.database = ""
        folder.mkdir()

    @property
    def options(self) -> list[str]:
        place = ["--name", self.name, "--address", self.address, "--directory", str(self.folder / "data")]
        ports = [f"--port={unit}={port}" for unit, port in self.ports.items()]
        return [*place, "--config", str(self.config), *ports]

    def run(self) -> None:
        with self.log.open("a") as log:
            self.process = start_mixedmode(
                "node", "run", "--config", self.config, stderr=log, env={**os.environ, **ENV}
            )
        assert soon(lambda: self.status().get("units") is not None), self.log.read_text()
        assert soon(lambda: all(u["state"] == "STARTED" or u["name"] == "capf" for u in self.status()["units"])), (
            self.log.read_text()
        )

    def stop(self) -> None:
        if self.process is not None and self.process.poll() is None:
            self.process.send_signal(signal.SIGTERM)
            assert self.process.wait(100) == 0
        self.process = None

    def status(self) -> dict[str, Any]:
        """Return what the command shows, without a process for each look."""
        try:
            return ask_status(self.folder / "data" / SOCKET_NAME)
        except RemoteError:
            return {}

    def unit(self, name: str) -> tuple[str, int]:
        (found,) = [each for each in self.status()["units"] if each["name"] == name]
        return found["state"], found["starts"]

    def ctl(self) -> bytes | None:
        path = self.folder / "data" / self.name / "active" / "log" / "cm" / "tftpdata" / "CTLFile.tlv"
        return path.read_bytes() if path.exists() else None

    @property
    def password(self) -> Path:
        return self.folder / "data" / "administrator.password"

    def known_hosts(self) -> Path:
        path = self.folder / "known_hosts"
        words = ["ssh-keyscan", "-p", str(self.ports["ssh"]), self.address]
        path.write_text(subprocess.run(words, capture_output=True, text=True, check=True).stdout)
        return path

    def admin(self, *words: str, stdin: bytes = b"") -> subprocess.CompletedProcess[str]:
        return run_mixedmode(
            "admin", "--known-hosts", self.known_hosts(), "--password-file", self.password,
            f"{self.address}:{self.ports['ssh']}", *words, stdin=stdin,
        )  # fmt: skip


@pytest.fixture
def servers() -> Iterator[list[PostgresServer]]:
    binaries = find_binaries()
    assert binaries is not None
    settings = ("wal_level = logical", "wal_retrieve_retry_interval = 500ms")
    made = [PostgresServer(binaries, settings).create().start() for _ in range(2)]
    yield made
    for server in made:
        server.stop("immediate")
        server.remove()


@pytest.fixture
def site(servers: list[PostgresServer], tmp_path: Path) -> Iterator[tuple[Node, Node]]:
    publisher = Node(tmp_path / "a", "pub1", "127.0.0.1")
    subscriber = Node(tmp_path / "b", "sub1", "127.0.0.2")
    database = servers[0].create_database()
    made = run_mixedmode("node", "init", *publisher.options, "--version", "10.5.1.10000-7", "--database", database)
    assert made.returncode == 0, made.stderr
    assert "cannot join" not in made.stdout
    publisher.run()
    own = servers[1].create_database("copy")
    subscriber.database = "copy"
    joined = run_mixedmode(
        "node", "join", f"127.0.0.1:{publisher.ports['ssh']}", *subscriber.options, "--database", own,
        "--password-file", publisher.password, "--known-hosts", publisher.known_hosts(),
    )  # fmt: skip
    assert joined.returncode == 0, joined.stderr
    try:
        yield publisher, subscriber
    finally:
        for node in (subscriber, publisher):
            if node.process is not None:
                node.process.kill()
                node.process.wait()


@pytest.mark.interop("ssh", "ssh-keyscan")
@pytest.mark.timeout(600)
def test_a_cluster_of_two_hosts(site: tuple[Node, Node], servers: list[PostgresServer]) -> None:
    publisher, subscriber = site
    assert not list((publisher.folder / "data" / "sub1").glob("keys/*"))
    subscriber.run()
    assert subscriber.status()["role"] == "subscriber"
    itl = f"tftp://127.0.0.2:{subscriber.ports['tftp']}/ITLFile.tlv"
    assert run_mixedmode("verify", itl).returncode == 0

    def replicated() -> bool:
        return publisher.admin("utils dbreplication runtimestate").stdout.count("(2) Setup Completed") == 2

    assert soon(replicated)

    done = publisher.admin("utils ctl set-cluster mixed-mode", stdin=b"y\n")
    assert "Cluster set to Mixed Mode" in done.stdout, done.stdout + done.stderr
    assert publisher.ctl() is not None
    assert soon(lambda: subscriber.ctl() == publisher.ctl())
    assert soon(lambda: subscriber.status()["security_mode"] == "Mixed Mode")
    assert "verified successfully" in subscriber.admin("show ctl").stdout

    refused = subscriber.admin("utils ctl update CTLFile", stdin=b"y\n")
    assert "publisher" in (refused.stdout + refused.stderr).lower()
    restarted = subscriber.admin("utils service restart Cisco Tftp")
    assert "[STARTED]" in restarted.stdout, restarted.stdout + restarted.stderr

    for node in (publisher, subscriber):
        person = Visitor(node.address, node.ports["web"])
        assert person.sign_in("administrator", node.password.read_text().strip()).status == 303
        assert "sub1" in person.get("/cmplatform/cluster").words
        assert person.get("/trust/lists").status == 200
        assert person.post("/signout", {"csrf": person.get("/").csrf}).location == "/signin"
        login = node.folder / "data" / "query.login"
        assert login.stat().st_mode & 0o777 == 0o600
        assert "pub1" in node.admin("run sql select name from processnode").stdout

    pages_while_the_publishers_database_is_away(publisher, subscriber, servers)
    subscriber.stop()
    publisher.admin("utils ctl update CTLFile", stdin=b"y\n")
    assert subscriber.ctl() != publisher.ctl()
    assert soon(lambda: any(each["node"] == "sub1" for each in publisher.status()["undelivered"]))
    subscriber.run()
    assert soon(lambda: subscriber.ctl() == publisher.ctl())

    before = subscriber.ctl()
    upgraded = publisher.admin("utils system upgrade initiate 10.5.2.10000-5", stdin=b"yes\n" * 3)
    assert soon(lambda: subscriber.status()["version"] == "10.5.2.10000-5"), upgraded.stdout + upgraded.stderr
    link = subscriber.folder / "data" / "sub1" / "active"
    assert soon(lambda: str(link.readlink()) == "b")
    assert subscriber.ctl() == before
    assert soon(lambda: subscriber.unit("tftp") == ("STARTED", 2)), "it serves the files of the other partition"

    gone = run_mixedmode("node", "remove", "sub1", "--config", publisher.config, env=ENV)
    assert gone.returncode == 0, gone.stderr
    assert "slot" not in gone.stdout
    assert "sub1" not in publisher.admin("show network cluster").stdout
    assert asked(servers[0], "select slot_name from pg_replication_slots") == []
    assert soon(lambda: subscriber.status().get("removed") is True)
    assert asked(servers[1], "select subname from pg_subscription") == []
    told = run_mixedmode("node", "status", "--config", subscriber.config, env=ENV)
    assert (told.returncode, "was removed from the cluster" in told.stdout) == (1, True)
    assert run_mixedmode("verify", itl).returncode == 0, "it serves until it is stopped"
    subscriber.stop()
    refused = run_mixedmode("node", "run", "--config", subscriber.config, env=ENV)
    assert (refused.returncode, "was removed from the cluster" in refused.stderr) == (2, True)
    assert "node join" in refused.stderr


def pages_while_the_publishers_database_is_away(
    publisher: Node, subscriber: Node, servers: list[PostgresServer]
) -> None:
    """The publisher's pages say so; the subscriber's go on to be read, also if it is started only then."""
    theirs, mine = servers

    def signed_in(node: Node) -> Visitor:
        person = Visitor(node.address, node.ports["web"])
        assert person.sign_in("administrator", node.password.read_text().strip()).status == 303
        return person

    def copied() -> list[tuple[object, ...]]:
        tables = ("websession", "auditlog", "operation", "trustfile", "processnodeservice")
        query = "select count(*), max(xmin::text::bigint) from {}"
        return [asked(mine, query.format(table), subscriber.database)[0] for table in tables]

    anna, bert = signed_in(publisher), signed_in(subscriber)
    theirs.stop("immediate")
    gone = anna.get("/")
    assert (gone.status, gone.headers["retry-after"]) == (503, "10")
    assert "Phones go on" in gone.words
    assert publisher.status()["units"]
    assert anna.get("/healthz").status == 200
    assert anna.get("/readyz").status == 503
    page = bert.get("/trust/lists")
    assert (page.status, "For reading only." in page.words, "sub1" in page.words) == (200, True, True)
    assert bert.post("/signout", {"csrf": bert.get("/").csrf}).location == "/signin"

    assert soon(lambda: asked(mine, "select pid from pg_stat_subscription where pid is not null") == [])
    before = copied()
    subscriber.stop()
    subscriber.run()
    carl, dora = signed_in(subscriber), signed_in(subscriber)
    page = carl.get("/trust/lists")
    assert (page.status, "For reading only." in page.words, "sub1" in page.words) == (200, True, True)
    refused = carl.post("/ccmadmin/enterprise-parameters", {"csrf": carl.get("/").csrf})
    assert (refused.status, "nothing can be changed now" in refused.words) == (503, True)
    assert dora.post("/signout", {"csrf": dora.get("/").csrf}).location == "/signin"
    shown = subscriber.admin("show network cluster")
    assert (shown.returncode, "pub1" in shown.stdout, "own copy" in shown.stderr) == (0, True, True)
    refused_line = subscriber.admin("utils service restart Cisco Tftp")
    assert (refused_line.returncode, "database" in refused_line.stdout) == (3, True)
    assert copied() == before

    theirs.start()
    assert soon(lambda: anna.get("/").status == 200)
    assert soon(lambda: "For reading only." not in carl.get("/trust/lists").words)
    assert dora.get("/").location.startswith("/signin")
    assert soon(lambda: "database_away=True" in carl.get("/ccmservice/audit").words)
    assert "own copy" not in subscriber.admin("show network cluster").stderr


def asked(server: PostgresServer, query: str, database: str = "postgres") -> list[tuple[object, ...]]:
    with psycopg.connect(server.url(database), autocommit=True) as connection:
        return connection.execute(query.encode()).fetchall()
