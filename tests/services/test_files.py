"""Names and folders: what is served, and what never is."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from mixedmode.errors import UsageError
from mixedmode.services.files import FolderStore, MappingStore, ServedFile, ServedFileCache, is_safe_name


@pytest.mark.parametrize("name", ["a", "SEP001122334455.cnf.xml.sgn", "Desktops/320x196x4/List.xml"])
def test_names_that_phones_ask_for(name: str) -> None:
    assert is_safe_name(name)


@pytest.mark.parametrize(
    "name",
    ["", "/etc/passwd", "../x", "a/../b", "a/..", "a/b/c/d", "a//b", "a\\b", "a\0b", "a\nb", "a" * 256, "a/", "."],
)
def test_names_that_are_refused(name: str) -> None:
    assert not is_safe_name(name)
    assert MappingStore({name: b"x"}).lookup(name) is None


def test_a_phones_own_list_is_the_clusters_unless_it_has_one() -> None:
    store = MappingStore({"CTLFile.tlv": b"ctl", "ITLFile.tlv": b"itl", "ITLSEP001122334455.tlv": b"own"})
    assert store.lookup("CTLSEP001122334455.tlv") == b"ctl"
    assert store.lookup("ITLSEP001122334455.tlv") == b"own"
    assert store.lookup("ITLSEPaabbccddeeff.tlv") == b"itl"
    assert store.lookup("ITLSEP0011.tlv") is None
    assert MappingStore().lookup("CTLSEP001122334455.tlv") is None


def test_a_folder_is_read_once_and_nothing_outside_it(tmp_path: Path) -> None:
    folder = tmp_path / "tftp"
    (folder / "New_Zealand" / "deep" / "deeper").mkdir(parents=True)
    (tmp_path / "secret").write_bytes(b"secret")
    (folder / "plain").write_bytes(b"1")
    (folder / "New_Zealand" / "g3-tones.xml").write_bytes(b"2")
    (folder / "New_Zealand" / "deep" / "deeper" / "x").write_bytes(b"3")
    (folder / "inside").symlink_to("plain")
    (folder / "outside").symlink_to(tmp_path / "secret")
    (folder / "up").symlink_to(tmp_path)
    (folder / "huge").write_bytes(bytes(2000))
    os.mkfifo(folder / "pipe")
    store = FolderStore(folder, file_limit=1000)
    assert {name: store.lookup(name) for name in ("plain", "inside", "New_Zealand/g3-tones.xml")} == {
        "plain": b"1",
        "inside": b"1",
        "New_Zealand/g3-tones.xml": b"2",
    }
    for name in ("outside", "up/secret", "huge", "pipe", "New_Zealand/deep/deeper/x"):
        assert store.lookup(name) is None
    assert set(store.skipped) == {"outside", "huge", "pipe"}

    (folder / "plain").write_bytes(b"changed")
    assert store.lookup("plain") == b"1"
    tones = store.lookup("New_Zealand/g3-tones.xml")
    store.reload()
    assert store.lookup("plain") == b"changed"
    assert store.lookup("New_Zealand/g3-tones.xml") is tones


def test_a_folder_that_is_none_or_too_large(tmp_path: Path) -> None:
    with pytest.raises(UsageError, match="not a folder"):
        FolderStore(tmp_path / "none")
    (tmp_path / "a").write_bytes(bytes(1000))
    with pytest.raises(UsageError, match="holds more"):
        FolderStore(tmp_path, total_limit=999)


def test_asking_for_every_block_size_costs_no_memory() -> None:
    served = ServedFile(bytes(5000))
    assert served.packets(512) is served.packets(512)
    kept = [blksize for blksize in range(8, 5000) if served.packets(blksize) is served.packets(blksize)]
    assert len(kept) <= ServedFile.PREBUILT_SIZES


def test_the_cache_is_bounded_and_knows_content_by_identity() -> None:
    cache = ServedFileCache(limit=100_000)
    files = [bytes([number]) * 5000 for number in range(50)]
    first = cache.get(files[0])
    assert cache.get(files[0]) is first
    for data in files:
        cache.get(data)
    assert cache.get(files[0]) is not first
    assert cache.get(files[49]).data is files[49]
