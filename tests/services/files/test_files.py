"""Names and folders: what is served, and what never is."""

from __future__ import annotations

import os
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from mixedmode.errors import UsageError
from mixedmode.protocols.tftp import LostContentError, NetasciiFile, netascii
from mixedmode.services.files.disk_files import DiskFile, Identity, OpenFiles
from mixedmode.services.files.file_names import clean_name
from mixedmode.services.files.store import FolderStore, MappingStore, ServedFile, ServedFileCache, is_safe_name


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
    assert store.skipped == {
        "outside": "a link that leads out of the folder",
        "up": "a link that leads out of the folder",
        "huge": "larger than 1000 bytes",
        "pipe": "not a regular file",
        "New_Zealand/deep/deeper/": "in more than 2 folders, and no rule for names leads there",
    }

    (folder / "plain").write_bytes(b"changed")
    assert store.lookup("plain") == b"1"
    tones = store.lookup("New_Zealand/g3-tones.xml")
    store.reload()
    assert store.lookup("plain") == b"changed"
    assert store.lookup("New_Zealand/g3-tones.xml") is tones


def test_a_folder_that_is_none(tmp_path: Path) -> None:
    with pytest.raises(UsageError, match="not a folder"):
        FolderStore(tmp_path / "none")


@pytest.mark.parametrize(
    ("asked", "name"),
    [
        ("x", "x"),
        ("/x", "x"),
        ("./x", "x"),
        ("//x", "x"),
        ("/./x", "x"),
        ("d//x", "d/x"),
        ("d/./x", "d/x"),
        ("d/../x", "x"),
        ("/d/e/../x", "d/x"),
        ("..x", "..x"),
        ("...", "..."),
        (".hidden", ".hidden"),
        ("x/", "x/"),
        ("d/..", ""),
        ("/", ""),
        ("", ""),
        ("a/b/c/d", "a/b/c/d"),
        ("..", None),
        ("../x", None),
        ("/../x", None),
        ("./../x", None),
        ("d/../../x", None),
        ("//../x", None),
        ("d/../../d/x", None),
        ("..\\x", None),
        ("x\ny", None),
        ("a" * 256, None),
    ],
)
def test_only_names_that_leave_the_root_are_refused(asked: str, name: str | None) -> None:
    assert clean_name(asked) == name
    found = MappingStore({"x": b"1", "d/x": b"2", "a": b"3"}).lookup(asked)
    assert found == {"x": b"1", "d/x": b"2"}.get(name or "")


@given(st.text(alphabet=st.sampled_from("ab./\\"), max_size=12))
def test_no_name_leads_out_of_the_root(asked: str) -> None:
    name = clean_name(asked)
    if name is not None:
        assert not name.startswith("/")
        assert ".." not in name.split("/")
        assert os.path.normpath(f"/top/{asked}") == os.path.normpath(f"/top/{name}")
    else:
        assert "\\" in asked or not os.path.normpath(f"/top/{asked}").startswith("/top/") or ".." in asked


def test_linked_folders_inside_the_root_are_served_and_others_are_named(tmp_path: Path) -> None:
    folder, other = tmp_path / "tftp", tmp_path / "other"
    (folder / "firmware" / "v14").mkdir(parents=True)
    other.mkdir()
    (other / "secret").write_bytes(b"secret")
    (folder / "firmware" / "v14" / "image").write_bytes(b"1")
    (folder / "current").symlink_to("firmware/v14")
    (folder / "absolute").symlink_to(folder / "firmware")
    (folder / "out").symlink_to(other)
    (folder / "firmware" / "up").symlink_to("..")
    (folder / "self").symlink_to(".")
    (folder / "nothing").symlink_to("not there")
    (folder / "round").symlink_to("round")
    (folder / "a\x1b[2J").write_bytes(b"x")
    Path(os.fsdecode(os.fsencode(folder) + b"/\xff")).write_bytes(b"x")
    store = FolderStore(folder)
    for name in ("current/image", "absolute/v14/image", "firmware/v14/image"):
        assert store.lookup(name) == b"1"
    assert store.lookup("out/secret") is None
    assert store.skipped == {
        "out": "a link that leads out of the folder",
        "firmware/up": "a link to a folder that it is in",
        "self": "a link to a folder that it is in",
        "absolute/up": "a link to a folder that it is in",
        "nothing": "a link to nothing",
        "round": "a link to nothing",
        "a\\x1b[2J": "a name that cannot be asked for",
        "\\xff": "a name that cannot be asked for",
    }


def test_folders_that_are_linked_to_each_other_do_not_multiply(tmp_path: Path) -> None:
    for name in "abcdefgh":
        (tmp_path / name).mkdir()
        (tmp_path / name / "file").write_bytes(b"x")
        for other in "abcdefgh".replace(name, ""):
            (tmp_path / name / other).symlink_to(f"../{other}")
    store = FolderStore(tmp_path)
    assert store.lookup("a/b/file") == b"x"
    assert any(reason.startswith("a folder in more than 2") for reason in store.skipped.values())


def test_a_folder_is_served_although_something_in_it_cannot_be(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "locked").mkdir()
    (tmp_path / "file").write_bytes(b"x")
    (tmp_path / "unreadable").write_bytes(b"x")
    scandir, opened = os.scandir, os.open

    def refuse(path: str, *rest: int) -> int:
        if str(path).endswith("unreadable"):
            raise PermissionError(13, "Permission denied", path)
        return opened(path, *rest)

    def refuse_folder(path: str) -> object:
        if str(path).endswith("locked"):
            raise PermissionError(13, "Permission denied", path)
        return scandir(path)

    monkeypatch.setattr(os, "open", refuse)
    monkeypatch.setattr(os, "scandir", refuse_folder)
    store = FolderStore(tmp_path)
    assert store.lookup("file") == b"x"
    assert store.skipped == {"locked": "Permission denied", "unreadable": "Permission denied"}


def sparse(path: Path, size: int) -> Path:
    with path.open("wb") as file:
        file.truncate(size)
    return path


def test_large_files_and_large_folders_stay_on_the_disk(tmp_path: Path) -> None:
    for number in range(9):
        sparse(tmp_path / f"image{number}.sbn", 60 << 20)
    (tmp_path / "small.xml").write_bytes(b"small")
    (tmp_path / "ITLFile.tlv").write_bytes(bytes(5000))
    (tmp_path / "SEP001122334455.cnf.xml").write_bytes(bytes(4000))
    store = FolderStore(tmp_path, memory_limit=6000)
    assert (len(store), store.skipped) == (12, {})
    assert store.lookup("small.xml") == b"small"
    assert store.lookup("ITLFile.tlv") == bytes(5000)  # lists go to memory first
    for name, size in (("image8.sbn", 60 << 20), ("SEP001122334455.cnf.xml", 4000)):
        file = store.lookup(name)
        assert isinstance(file, DiskFile)
        assert file is store.lookup(name)
        assert (file.size, file.read(size - 3, 100)) == (size, bytes(3))
    before = store.lookup("image1.sbn")
    store.reload()
    assert store.lookup("image1.sbn") is before


def test_a_file_on_the_disk_is_never_half_of_one_and_half_of_another(tmp_path: Path) -> None:
    path = sparse(tmp_path / "image", 2 << 20)
    store = FolderStore(tmp_path)
    old = store.lookup("image")
    assert isinstance(old, DiskFile)
    assert old.read(0, 4) == bytes(4)
    path.write_bytes(b"x" * (2 << 20))
    with pytest.raises(LostContentError, match="cannot be served"):
        old.read(4, 4)
    new = store.lookup("image")
    assert isinstance(new, DiskFile)
    assert new is store.lookup("image") is not old
    assert new.read(4, 4) == b"xxxx"
    path.unlink()
    path.symlink_to("/etc/passwd")
    assert store.lookup("image") is None
    with pytest.raises(LostContentError):
        DiskFile(str(path), Identity(0, 0, 0, 0), OpenFiles()).read(0, 1)


def test_descriptors_are_bounded_and_given_back(tmp_path: Path) -> None:
    open_files = OpenFiles(limit=3)
    files = []
    for number in range(10):
        path = tmp_path / str(number)
        path.write_bytes(bytes([number]) * 10)
        files.append(DiskFile(str(path), Identity.of(path.stat()), open_files))
    for _ in range(2):
        assert [file.read(1, 2)[:1] for file in files] == [bytes([number]) for number in range(10)]
        assert len(open_files) == 3
    files.clear()
    assert len(open_files) == 0


@given(st.lists(st.sampled_from([b"\n", b"\r", b"\r\n", b"ab", b"x" * 65535, b"\n" * 70000]), max_size=6), st.data())
def test_netascii_of_a_file_on_the_disk_is_that_of_its_bytes(pieces: list[bytes], data: st.DataObject) -> None:
    class Held:
        content = b"".join(pieces)
        size = len(content)

        def read(self, offset: int, size: int) -> bytes:
            return self.content[offset : offset + size]

    file, expected = NetasciiFile(Held()), netascii(Held.content)
    assert file.size == len(expected)
    offset = data.draw(st.integers(0, file.size + 3))
    size = data.draw(st.integers(1, 200_000))
    assert file.read(offset, size) == expected[offset : offset + size]


def tree(folder: Path, *names: str) -> Path:
    for name in names:
        (folder / name).parent.mkdir(parents=True, exist_ok=True)
        (folder / name).write_bytes(name.encode())
    return folder


def test_flat_names_find_firmware_and_locales_in_their_folders(tmp_path: Path) -> None:
    tree(
        tmp_path,
        "firmware/8851/sip88xx.14-2-1.loads",
        "firmware/7975/9-4-2/jar75sccp.9-4-2.sbn",
        "firmware/7965/both.sbn",
        "firmware/7975/both.sbn",
        "firmware/term.loads",
        "term.loads",
        "locales/countries/New_Zealand/g3-tones.xml",
        "locales/English_United_States/be-sip.jar",
        "firmware/SEP001122334455.cnf.xml",
        "firmware/ITLFile.tlv",
        "firmware/XMLDefault.cnf.xml.sgn",
        "elsewhere/deep/deeper/x.sbn",
    )
    store = FolderStore(tmp_path)

    def source(name: str) -> str | None:
        found = store.lookup(name)
        return found.decode() if isinstance(found, bytes) else None

    assert source("sip88xx.14-2-1.loads") == "firmware/8851/sip88xx.14-2-1.loads"
    assert source("/sip88xx.14-2-1.loads") == "firmware/8851/sip88xx.14-2-1.loads"
    assert source("jar75sccp.9-4-2.sbn") == "firmware/7975/9-4-2/jar75sccp.9-4-2.sbn"
    assert source("New_Zealand/g3-tones.xml") == "locales/countries/New_Zealand/g3-tones.xml"
    assert source("English_United_States/be-sip.jar") == "locales/English_United_States/be-sip.jar"
    assert source("term.loads") == "term.loads"
    assert source("both.sbn") == "firmware/7965/both.sbn"
    assert store.doubles["firmware/7975/both.sbn"] == "asked for as both.sbn, firmware/7965/both.sbn is served"
    for never in (
        "SEP001122334455.cnf.xml",
        "ITLFile.tlv",
        "XMLDefault.cnf.xml.sgn",
        "ITLSEP001122334455.tlv",
        "x.sbn",
    ):
        assert source(never) is None
    assert set(store.skipped) == {"elsewhere/deep/deeper/"}
    assert len(store) == 11


def test_the_rules_for_flat_names_are_the_administrators(tmp_path: Path) -> None:
    tree(tmp_path, "fw/a.loads", "fw/a.xml", "deep/1/2/3/b.loads", "firmware/c.loads")
    store = FolderStore(tmp_path, rules=("*.loads=fw", "*=deep/*/?/3"))
    found = {name: store.lookup(name) for name in ("a.loads", "a.xml", "b.loads", "c.loads")}
    assert found == {"a.loads": b"fw/a.loads", "a.xml": None, "b.loads": b"deep/1/2/3/b.loads", "c.loads": None}
    for rule in ("firmware", "=firmware", "*=", "*=..", "*=/", "*=a/../.."):
        with pytest.raises(UsageError, match="no rule for names"):
            FolderStore(tmp_path, rules=(rule,))


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
