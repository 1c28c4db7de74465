"""calendar, as a user runs it: of a list, of a cluster, of a live one, with its files."""

from __future__ import annotations

import json
import threading
from collections.abc import Iterator
from functools import partial
from http.server import SimpleHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import pytest
from typer.testing import CliRunner, Result

from mixedmode.app.tree import app
from mixedmode.cluster.engine.principal import Principal
from mixedmode.errors import MixedModeError
from tests.cluster.building import MIXED, make
from tests.explain.reading import DATA

LOOPBACK = "127.0.213.7"
"""Where no lab has its nodes."""
SEED = DATA / "tlv" / "50-seed-tokenless-4947.tlv"


def run(*words: str | Path) -> Result:
    return CliRunner().invoke(app, ["calendar", *map(str, words)])


class _Quiet(SimpleHTTPRequestHandler):
    protocol_version = "HTTP/1.1"

    def log_message(self, *_args: object) -> None:
        pass


@pytest.fixture(scope="module")
def served(tmp_path_factory: pytest.TempPathFactory) -> Iterator[tuple[int, Path]]:
    """A node's HTTP service: its port, and the folder that it serves."""
    folder = tmp_path_factory.mktemp("served")
    (folder / "CTLFile.tlv").write_bytes(SEED.read_bytes())
    server = ThreadingHTTPServer((LOOPBACK, 0), partial(_Quiet, directory=str(folder)))
    thread = threading.Thread(target=server.serve_forever, daemon=True)
    thread.start()
    yield server.server_address[1], folder
    server.shutdown()
    server.server_close()
    thread.join()


def test_of_a_list_with_its_files(tmp_path: Path) -> None:
    done = run(SEED, "--ics", tmp_path / "c.ics", "--metrics", tmp_path / "c.prom", "--json", "--at", "2026-11-26")
    assert done.exit_code == 0, done.output
    document = json.loads(done.stdout)
    assert [each["use"] for each in document["entries"]] == ["CAPF", "CallManager", "CallManager"]
    assert (tmp_path / "c.ics").read_bytes().startswith(b"BEGIN:VCALENDAR\r\n")
    assert "mixedmode_certificate_not_after_seconds{" in (tmp_path / "c.prom").read_text()


def test_what_ends_within_some_days_ends_with_1() -> None:
    assert run(SEED, "--within", "30", "--at", "2026-11-26").exit_code == 0
    assert run(SEED, "--within", "30", "--at", "2040-02-20").exit_code == 1
    assert "[expired]" in run(SEED, "--at", "2041-01-01").stdout


def test_of_a_cluster(tmp_path: Path) -> None:
    cluster = make(tmp_path / "lab")
    cluster.run(MIXED, Principal("anna", 4))
    cluster.close()
    entries = json.loads(run("--directory", tmp_path / "lab", "--json").stdout)["entries"]
    uses = {each["use"] for each in entries}
    assert {"TVS", "CAPF", "CallManager", "tomcat", "ipsec"} <= uses
    assert {kind for each in entries for kind in each["signs"]} == {"CTL", "ITL"}
    assert len({each["sha256"] for each in entries}) == len(entries)


def test_of_a_live_cluster(tmp_path: Path, served: tuple[int, Path]) -> None:
    port, folder = served
    path = tmp_path / "cluster.toml"
    ports = ", ".join(
        f"{name} = 9" for name in ("tftp", "https", "tvs", "web", "capf", "sccp_tls", "sip_tls", "ctl_provider")
    )
    path.write_text(
        f'[[node]]\nname = "pub"\naddress = "{LOOPBACK}"\nrole = "publisher"\nports = {{ http = {port}, {ports} }}\n'
    )
    done = run("--cluster", path, "--json")
    assert done.exit_code == 0, done.output
    document = json.loads(done.stdout)
    assert {each["where"][0].split()[0] for each in document["entries"]} == {"pub/CTLFile.tlv"}
    assert document["not_seen"]
    (folder / "CTLFile.tlv").unlink()
    error = run("--cluster", path).exception
    assert isinstance(error, MixedModeError)
    assert error.exit_code == 3


@pytest.mark.parametrize("words", [["/nowhere"], [str(DATA / "README.md")], [str(SEED), "--at", "soon"]])
def test_what_cannot_be_read_ends_with_2(words: list[str]) -> None:
    error = run(*words).exception
    assert isinstance(error, MixedModeError)
    assert error.exit_code == 2
