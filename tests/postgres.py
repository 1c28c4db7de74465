"""A real PostgreSQL server for tests: its own data directory, a free port on loopback, a socket in a temporary folder.

PostgreSQL refuses to run as root, so there the server runs as the user ``postgres``. Use the fixtures by importing
them into a test module or a conftest::

    from tests.postgres import postgres_database, postgres_server
"""

from __future__ import annotations

import atexit
import contextlib
import os
import pwd
import shutil
import socket
import subprocess
import tempfile
import time
from collections.abc import Iterator
from dataclasses import dataclass, field
from functools import cache
from pathlib import Path
from uuid import uuid4

import psycopg
import pytest

USER = "mixedmode"


def find_binaries() -> Path | None:
    """Return the folder of the newest PostgreSQL's programs, None if there is none."""
    found = sorted(Path("/usr/lib/postgresql").glob("*/bin/initdb"), key=lambda p: int(p.parts[-3]))
    return found[-1].parent if found else None


def free_port() -> int:
    """Return a port of 127.0.0.1 that is free now."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


@dataclass
class PostgresServer:
    """A server; ``settings`` are lines of postgresql.conf, such as ``wal_level = logical``."""

    binaries: Path
    settings: tuple[str, ...] = ()
    port: int = field(default_factory=free_port)
    directory: Path = field(default_factory=lambda: Path(tempfile.mkdtemp(prefix="mixedmode-pg-")))
    _process: subprocess.Popen[bytes] | None = None

    @property
    def data(self) -> Path:
        return self.directory / "data"

    def url(self, database: str = "postgres", *, over_socket: bool = True) -> str:
        """Return a database's URL, over the socket or over loopback TCP."""
        if over_socket:
            return f"postgresql://{USER}@/{database}?host={self.directory}&port={self.port}"
        return f"postgresql://{USER}@127.0.0.1:{self.port}/{database}"

    def create(self) -> PostgresServer:
        """Make the data directory."""
        if os.getuid() == 0:
            account = pwd.getpwnam("postgres")
            os.chown(self.directory, account.pw_uid, account.pw_gid)
        self.directory.chmod(0o755)
        # Making the first database takes ten times as long as copying it; nothing here asks for a system's identifier.
        subprocess.run(["cp", "-a", made_once(self.binaries), self.data], check=True)
        lines = (
            f"port = {self.port}",
            "listen_addresses = '127.0.0.1'",
            f"unix_socket_directories = '{self.directory}'",
            "fsync = off",
            "shared_buffers = 16MB",
            "max_connections = 60",
            *self.settings,
        )
        with (self.data / "postgresql.conf").open("a") as file:
            file.write("\n".join(lines) + "\n")
        return self

    def start(self, *, patience: float = 30.0) -> PostgresServer:
        """Start it and wait until it answers."""
        with (self.directory / "server.log").open("ab") as log:
            command = [*as_user(), str(self.binaries / "postgres"), "-D", str(self.data)]
            self._process = subprocess.Popen(command, stdout=log, stderr=log, cwd="/", start_new_session=True)
        deadline = time.monotonic() + patience
        while True:
            try:
                psycopg.connect(self.url(), connect_timeout=2).close()
            except psycopg.OperationalError:
                if time.monotonic() > deadline or self._process.poll() is not None:
                    raise AssertionError((self.directory / "server.log").read_text()) from None
                time.sleep(0.05)
            else:
                return self

    def stop(self, mode: str = "fast") -> None:
        """Stop it; ``immediate`` is like pulling the plug."""
        if self._process is not None:
            with contextlib.suppress(subprocess.CalledProcessError):
                self._run("pg_ctl", "-D", str(self.data), "-m", mode, "-w", "-t", "30", "stop")
            self._process.wait(timeout=100)
            self._process = None

    def remove(self) -> None:
        """Stop it and remove its files."""
        self.stop("immediate")
        shutil.rmtree(self.directory, ignore_errors=True)

    def create_database(self, name: str | None = None) -> str:
        """Make an empty database and return its URL."""
        name = name or f"cluster_{uuid4().hex[:12]}"
        with psycopg.connect(self.url(), autocommit=True) as connection:
            connection.execute(f'CREATE DATABASE "{name}"'.encode())
        return self.url(name)

    def _run(self, program: str, *arguments: str) -> None:
        run_program(self.binaries / program, *arguments)


def as_user() -> list[str]:
    return ["runuser", "-u", "postgres", "--"] if os.getuid() == 0 else []


def run_program(program: Path, *arguments: str) -> None:
    subprocess.run([*as_user(), str(program), *arguments], check=True, capture_output=True, timeout=120, cwd="/")


@cache
def made_once(binaries: Path) -> Path:
    """Return a data directory that no server uses, of this process."""
    folder = Path(tempfile.mkdtemp(prefix="mixedmode-pg-"))
    atexit.register(shutil.rmtree, folder, ignore_errors=True)
    if os.getuid() == 0:
        account = pwd.getpwnam("postgres")
        os.chown(folder, account.pw_uid, account.pw_gid)
    options = ("-U", USER, "-A", "trust", "-E", "UTF8", "--no-sync", "--locale=C")
    run_program(binaries / "initdb", "-D", str(folder / "data"), *options)
    return folder / "data"


@pytest.fixture(scope="session")
def postgres_server() -> Iterator[PostgresServer]:
    """One running server for all tests of a session."""
    binaries = find_binaries()
    if binaries is None:
        pytest.fail("PostgreSQL is not installed; make setup-test installs it")
    server = PostgresServer(binaries)
    try:
        yield server.create().start()
    finally:
        server.remove()


@pytest.fixture
def postgres_database(postgres_server: PostgresServer) -> str:
    """The URL of a new empty database."""
    return postgres_server.create_database()
