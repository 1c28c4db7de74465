"""What holds for every test, and the cluster that tests of several rooms share."""

from __future__ import annotations

import gc
import os
import shutil
import tempfile
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING

import hypothesis
import pytest

from mixedmode.control import accounts
from tests.quick_keys import use_quick_keys
from tests.quick_sql import use_quick_sql

if TYPE_CHECKING:
    from mixedmode.cluster.facade import Cluster

# A busy machine is no fault of the code: what must be fast is measured in bench/, against a peer in the same run.
hypothesis.settings.register_profile("mixedmode", deadline=None)
hypothesis.settings.load_profile("mixedmode")


def room_in_memory() -> str | None:
    """Return the folder of this machine that is in memory, if it has room for what the tests write, else None."""
    place, wanted = "/dev/shm", 4 << 30
    try:
        found = os.statvfs(place)
    except OSError:
        return None
    fits = found.f_bavail * found.f_frsize >= wanted and not found.f_flag & os.ST_NOEXEC
    return place if fits and os.access(place, os.W_OK) else None


# What tests write is thrown away; on a disk they would spend a third of their time on waiting until it is safe.
if "TMPDIR" not in os.environ and (memory := room_in_memory()):
    os.environ["TMPDIR"] = memory
    tempfile.tempdir = None

# One process for a node, unless a test wants more: a process a core is for machines that do nothing else.
os.environ.setdefault("MIXEDMODE_NODE__WORKERS", "1")

# Hundreds of logins would spend most of their time on hashes: a stored hash says itself what it costs to check.
PASSWORD_COST = dict(accounts._ARGON2)
accounts._ARGON2.update(memory=64, iterations=1)

use_quick_keys()
use_quick_sql()

# As the command does it: most of what the collector looks through in a test lives on.
gc.set_threshold(50_000, 20, 10)


LONG = ("docs/test_pages.py", "faces/web", "guides/live", "rehearsal/test_versions_lab.py", "node/test_node_join.py")
"""Tests of twenty seconds and more, with what shares their labs: begun first, or one worker ends long after others."""


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Begin with what takes long."""
    first = tuple(str(Path(__file__).parent / each) for each in LONG)
    items.sort(key=lambda item: not str(item.path).startswith(first))


def pytest_collection_finish() -> None:
    """Keep the collector from looking through thousands of tests that live to the end."""
    gc.freeze()


@pytest.fixture
def password_cost(monkeypatch: pytest.MonkeyPatch) -> None:
    """Have passwords hashed at the cost that nodes pay."""
    for name, value in PASSWORD_COST.items():
        monkeypatch.setitem(accounts._ARGON2, name, value)


@pytest.fixture(scope="session")
def seed_template(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The seed's cluster; its keys are made once."""
    from tests.cluster.building import make

    directory = tmp_path_factory.mktemp("seed") / "cluster"
    make(directory).close()
    return directory


@pytest.fixture
def seed_directory(seed_template: Path, tmp_path: Path) -> Path:
    return Path(shutil.copytree(seed_template, tmp_path / "cluster", symlinks=True))


@pytest.fixture
def cluster(seed_directory: Path) -> Iterator[Cluster]:
    """Two nodes of 10.5(1), in non-secure mode, without a CTL file: a fresh copy for each test."""
    from mixedmode.cluster.facade import Cluster

    opened = Cluster.open(seed_directory)
    yield opened
    opened.close()


def pytest_make_parametrize_id(val: object, argname: str) -> str | None:
    """Name long bytes by their argument: keys and archives are others in each process, and all must agree on names."""
    return argname if isinstance(val, bytes) and len(val) > 24 else None
