"""``mixedmode lists``: which list is it that a phone's hash means?"""

from __future__ import annotations

import hashlib
import json
import os
from pathlib import Path

import pytest
from sqlalchemy import delete

from mixedmode.cluster.engine.principal import Principal
from mixedmode.cluster.store.schema import TrustFileHistoryRow
from tests.cluster.building import MIXED, NON_SECURE, PUB, SUB, ctl_of, make
from tests.support import run_mixedmode


@pytest.fixture(scope="module")
def published(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, bytes]:
    """A cluster's folder, and the CTL file that was there first."""
    directory = tmp_path_factory.mktemp("lists") / "lab"
    cluster = make(directory)
    cluster.run(MIXED, Principal("anna", 4))
    first = ctl_of(cluster).data
    cluster.run(NON_SECURE, Principal("anna", 4))
    cluster.close()
    return directory, first


def test_the_history(published: tuple[Path, bytes]) -> None:
    directory, first = published
    done = run_mixedmode("lists", "--directory", directory)
    assert done.returncode == 0, done.stderr
    rows = done.stdout.splitlines()[2:]
    assert len(rows) == 4
    assert [row.endswith("present") for row in rows] == [True, True, False, True]
    assert hashlib.sha1(first).hexdigest() in rows[2]
    assert "every node" in rows[2]
    found = json.loads(run_mixedmode("lists", "--json", "--directory", directory).stdout)
    assert [(each["file"], each["node"], each["action"]) for each in found] == [
        ("ITLFile.tlv", PUB, "first ITL"),
        ("ITLFile.tlv", SUB, "first ITL"),
        ("CTLFile.tlv", None, MIXED.title),
        ("CTLFile.tlv", None, NON_SECURE.title),
    ]
    assert found[2]["operation"] == 1
    of_node = json.loads(run_mixedmode("lists", "--json", "--node", SUB.upper(), "--directory", directory).stdout)
    assert [each["node"] for each in of_node] == [SUB]


def test_the_list_of_a_hash_is_told_and_written(published: tuple[Path, bytes], tmp_path: Path) -> None:
    directory, first = published
    shown = hashlib.md5(first).hexdigest().upper()
    done = run_mixedmode("lists", shown, "--output", tmp_path / "was.tlv", "--directory", directory)
    assert done.returncode == 0, done.stderr
    assert (tmp_path / "was.tlv").read_bytes() == first
    assert f"by {MIXED.title} (operation 1): replaced" in done.stdout
    assert run_mixedmode("verify", tmp_path / "was.tlv").returncode == 0
    found = json.loads(run_mixedmode("lists", shown, "--json", "--directory", directory).stdout)
    assert (found["sha1"], found["length"], found["file"]) == (hashlib.sha1(first).hexdigest(), len(first), None)
    assert [each["current"] for each in found["publications"]] == [False]


@pytest.mark.parametrize(
    ("words", "says"),
    [
        (["deadbeef" * 5], "never published"),
        (["no-hash"], "is no hash"),
        (["--output", "x"], "--output needs"),
        (["--node", "nobody"], "no node"),
    ],
)
def test_what_cannot_be_shown_is_said(published: tuple[Path, bytes], words: list[str], says: str) -> None:
    done = run_mixedmode("lists", *words, "--directory", published[0])
    assert done.returncode == 2
    assert says in done.stderr
    assert "Traceback" not in done.stderr


def test_without_a_cluster(tmp_path: Path) -> None:
    done = run_mixedmode("lists", "--directory", tmp_path)
    assert (done.returncode, "no cluster" in done.stderr) == (2, True)


def test_a_list_whose_entry_a_copy_has_not_yet(tmp_path: Path) -> None:
    cluster = make(tmp_path / "lab")
    data = cluster.folder(PUB).read("ITLFile.tlv")
    assert data is not None
    with cluster.database.write() as session:
        session.execute(delete(TrustFileHistoryRow))
    cluster.close()
    done = run_mixedmode("lists", hashlib.md5(data).hexdigest(), "--directory", cluster.directory)
    assert (done.returncode, done.stdout.splitlines()[0]) == (0, f"a list of this cluster, {len(data)} bytes")


def test_a_file_that_cannot_be_written_is_named_and_a_pipe_is_written_to(
    published: tuple[Path, bytes], tmp_path: Path
) -> None:
    directory, first = published
    words = ("lists", hashlib.md5(first).hexdigest(), "--directory", directory, "--output")
    (tmp_path / "folder").mkdir()
    for path in (tmp_path / "absent" / "x", tmp_path / "folder"):
        done = run_mixedmode(*words, path)
        assert (done.returncode, done.stderr.startswith(f"error: {path}: ")) == (2, True)
    pipe = tmp_path / "pipe"
    os.mkfifo(pipe)
    reader = os.open(pipe, os.O_RDONLY | os.O_NONBLOCK)
    try:
        assert run_mixedmode(*words, pipe).returncode == 0
        assert os.read(reader, 1 << 16) == first
    finally:
        os.close(reader)
    assert pipe.is_fifo()
