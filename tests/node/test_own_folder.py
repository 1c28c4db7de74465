"""A node closes its folder to everybody else, so it takes none that is not its own."""

from __future__ import annotations

from pathlib import Path

import pytest

from mixedmode.cluster.store.folders import NodeFolder
from mixedmode.errors import UsageError
from mixedmode.node.host.own_folder import check_own_folder
from tests.support import run_mixedmode


def test_a_node_is_not_made_in_a_folder_that_others_live_in(tmp_path: Path) -> None:
    (tmp_path / "etc").mkdir()
    tmp_path.chmod(0o755)
    done = run_mixedmode(
        "node", "init", "--name", "n2", "--address", "127.0.0.1", "--directory", str(tmp_path),
        "--config", str(tmp_path / "mixedmode.toml"),
    )  # fmt: skip
    assert done.returncode == 2
    assert "this folder is not a node's own" in done.stderr
    assert "there is 'etc' in it" in done.stderr
    assert tmp_path.stat().st_mode & 0o777 == 0o755
    assert [each.name for each in tmp_path.iterdir()] == ["etc"]


def test_the_root_is_nobodys_own() -> None:
    with pytest.raises(UsageError, match="not a node's own"):
        check_own_folder(Path("/"))


def test_a_file_is_no_folder(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    with pytest.raises(UsageError, match="cannot be made in this folder"):
        check_own_folder(tmp_path / "file")


def test_a_new_folder_an_empty_disk_and_what_a_node_left_behind_are_its_own(tmp_path: Path) -> None:
    check_own_folder(tmp_path / "new")
    (tmp_path / "lost+found").mkdir()
    (tmp_path / "mixedmode.toml").write_text("")
    NodeFolder(tmp_path / "cm1").create()
    check_own_folder(tmp_path)
