"""Files of a dataset in a folder or a zip: the same names and bytes, and hostile archives refused."""

import os
import random
import struct
import threading
import zipfile
import zlib
from collections.abc import Callable
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from clfw.errors import DataError, InputMissing, StorageError
from clfw.io import file_tree
from clfw.io.file_tree import FileTree, is_picture, is_stray, open_tree, wrapping_folder

FILES = {
    "train.csv": b"id,label\n1,a\n",
    "train/1.png": bytes(range(256)) * 9,
    "train/empty.png": b"",
    "test/deep/down/2.png": b"\xff" * 5000,
    "test/\u00e9 space.png": b"unusual",
}


def folder(root: Path, files: dict[str, bytes], wrap: str = "") -> Path:
    """The files in a folder."""
    for name, data in files.items():
        path = root / wrap / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(data)
    return root


def archive(
    path: Path, files: dict[str, bytes], wrap: str = "", method: int = zipfile.ZIP_DEFLATED
) -> Path:
    """The files in a zip, with an entry for each folder as most packers write them."""
    with zipfile.ZipFile(path, "w", method) as packed:
        if wrap:
            packed.mkdir(wrap)
        for name, data in files.items():
            packed.writestr(zipfile.ZipInfo(f"{wrap}{name}"), data, method)  # no time of its own
    return path


BUILDERS: dict[str, Callable[..., Path]] = {
    "folder": lambda root, files, wrap="": folder(root / "set", files, wrap),
    "zip": lambda root, files, wrap="": archive(root / "set.zip", files, wrap),
}


@pytest.mark.parametrize("wrap", ["", "inside/"])
@pytest.mark.parametrize("kind", BUILDERS)
def test_names_and_bytes_are_the_same_in_a_folder_and_a_zip(
    kind: str, wrap: str, tmp_path: Path
) -> None:
    tree = open_tree(BUILDERS[kind](tmp_path, FILES, wrap))
    assert tree.names() == sorted(FILES)
    assert {name: tree.read(name) for name in tree.names()} == FILES
    assert tree.label == ("set" if kind == "folder" else "set.zip")


@pytest.mark.parametrize("method", [zipfile.ZIP_STORED, zipfile.ZIP_DEFLATED])
@pytest.mark.parametrize("before", [b"", b"a program that unpacks itself"])
@pytest.mark.parametrize("comment", [b"", b"made PK\x05 by hand" * 100])
def test_a_zip_is_read_as_the_standard_library_reads_it(
    method: int, before: bytes, comment: bytes, tmp_path: Path
) -> None:
    path = tmp_path / "set.zip"
    path.write_bytes(before)
    with zipfile.ZipFile(path, "a", method) as packed:
        for name, data in FILES.items():
            packed.writestr(name, data)
        packed.comment = comment
    tree = open_tree(path)
    with zipfile.ZipFile(path) as standard:
        assert tree.names() == sorted(standard.namelist())
        for name in standard.namelist():
            assert tree.read(name) == standard.read(name)
    assert len(tree.identity()) > 32


def test_a_zip_that_was_written_to_a_pipe_is_read(tmp_path: Path) -> None:
    class Pipe:
        """A file that can only be written to its end."""

        def __init__(self, path: Path) -> None:
            self.file = path.open("wb")

        def write(self, data: bytes) -> int:
            return self.file.write(data)

        def flush(self) -> None:
            self.file.flush()

    pipe = Pipe(tmp_path / "set.zip")
    with zipfile.ZipFile(pipe, "w", zipfile.ZIP_DEFLATED) as packed:  # type: ignore[call-overload]
        for name, data in FILES.items():
            packed.writestr(name, data)
    pipe.file.close()
    tree = open_tree(tmp_path / "set.zip")
    assert {name: tree.read(name) for name in tree.names()} == FILES


@pytest.mark.parametrize("limit", ["ZIP_FILECOUNT_LIMIT", "ZIP64_LIMIT"])
def test_a_zip_in_the_format_of_large_archives_is_read(
    limit: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    # The standard library then writes what it writes beyond 65,535 files or 2 GB.
    monkeypatch.setattr(zipfile, limit, 2)
    path = archive(tmp_path / "set.zip", FILES)
    assert b"PK\x06\x06" in path.read_bytes()
    tree = open_tree(path)
    assert {name: tree.read(name) for name in tree.names()} == FILES
    for changed in FILES:
        other = archive(tmp_path / "other.zip", {**FILES, changed: b"changed"})
        assert open_tree(other).identity() != tree.identity()


@pytest.mark.parametrize("kind", BUILDERS)
def test_strays_outside_a_wrapping_folder_do_not_hide_it(kind: str, tmp_path: Path) -> None:
    strays = {"__MACOSX/inside/._1.png": b"x", ".DS_Store": b"x"}
    files = {f"inside/{name}": data for name, data in FILES.items()} | strays
    tree = open_tree(BUILDERS[kind](tmp_path, files))
    assert set(FILES) <= set(tree.names())
    assert tree.names() == sorted(tree.names())
    assert [name for name in tree.names() if is_stray(name)] == sorted(strays)


@pytest.mark.parametrize("kind", BUILDERS)
def test_looking_through_can_be_left_out(kind: str, tmp_path: Path) -> None:
    tree = open_tree(BUILDERS[kind](tmp_path, {"cat/1.png": b"x"}), look_through=False)
    assert tree.names() == ["cat/1.png"]
    assert open_tree(BUILDERS[kind](tmp_path, {"cat/1.png": b"x"})).names() == ["1.png"]


@pytest.mark.parametrize(
    ("names", "prefix"),
    [
        (["a/x", "a/b/y"], "a/"),
        (["a/x", "b/y"], ""),
        (["a/x", "y"], ""),
        (["x"], ""),
        ([], ""),
        (["train/x"], ""),
        (["test/x"], ""),
        (["a/x", "__MACOSX/a/x"], "a/"),
        (["a/x", ".DS_Store"], "a/"),
        (["a/b/x", "a/b/y"], "a/"),
        ([".DS_Store"], ""),
    ],
)
def test_the_folder_that_wraps_everything(names: list[str], prefix: str) -> None:
    assert wrapping_folder(names) == prefix


@pytest.mark.parametrize(
    ("name", "stray"),
    [
        ("a.png", False),
        (".DS_Store", True),
        ("x/Thumbs.db", True),
        ("x/._a.png", True),
        ("__MACOSX/x/a.png", True),
        ("x/.ipynb_checkpoints/a.png", True),
        ("x/.hidden.png", False),
    ],
)
def test_what_systems_and_editors_leave_behind_is_stray(name: str, stray: bool) -> None:
    assert is_stray(name) == stray


def test_pictures_are_told_by_their_suffix_in_any_case() -> None:
    assert all(map(is_picture, ["a.png", "a.PNG", "b/a.JPeG", "a.b.webp", "a.bmp"]))
    assert not any(map(is_picture, ["a.csv", "png", "a.gif", "a.png.txt", "a.tiff"]))


@pytest.mark.parametrize("kind", BUILDERS)
@pytest.mark.parametrize("change", ["content", "rename", "add", "remove"])
def test_the_identity_changes_with_any_file(kind: str, change: str, tmp_path: Path) -> None:
    build = BUILDERS[kind]
    before = open_tree(build(tmp_path, FILES)).identity()
    assert open_tree(build(tmp_path, FILES)).identity() == before or kind == "folder"
    files = dict(FILES)
    if change == "content":
        files["train/1.png"] = files["train/1.png"][:-1] + b"\0"
    if change == "add":
        files["train/3.png"] = b"new"
    if change in ("rename", "remove"):
        data = files.pop("train/1.png")
        (tmp_path / "set" / "train" / "1.png").unlink(missing_ok=True)
        if change == "rename":
            files["train/one.png"] = data
    assert open_tree(build(tmp_path, files)).identity() != before


def test_the_identity_of_a_folder_left_alone_stays(tmp_path: Path) -> None:
    root = folder(tmp_path / "set", FILES)
    assert open_tree(root).identity() == open_tree(root).identity()
    os.utime(root / "train.csv", ns=(1, 1))
    after = open_tree(root).identity()
    os.utime(root / "train.csv", ns=(1, 2))
    assert open_tree(root).identity() != after


def test_a_stamp_changes_with_the_bytes_and_only_of_that_file(tmp_path: Path) -> None:
    one = open_tree(archive(tmp_path / "one.zip", FILES))
    changed = {**FILES, "train/1.png": FILES["train/1.png"][::-1]}
    two = open_tree(archive(tmp_path / "two.zip", changed))
    different = [name for name in FILES if one.stamp(name) != two.stamp(name)]
    assert different == ["train/1.png"]


def test_files_of_one_size_and_time_have_stamps_of_their_own(tmp_path: Path) -> None:
    for name in ("one", "two"):
        root = folder(tmp_path / name, {"1.bmp": b"aaaa", "2.bmp": b"bbbb"})
        for path in root.iterdir():
            os.utime(path, ns=(10**9, 10**9))
    stamps = [
        open_tree(tmp_path / name).stamp(f"{n}.bmp") for name in ("one", "two") for n in (1, 2)
    ]
    assert len(set(stamps)) == 4


def test_a_fifo_and_links_that_lead_nowhere_are_no_files(tmp_path: Path) -> None:
    root = folder(tmp_path / "set", {"1.png": b"x"})
    os.mkfifo(root / "2.png")
    (root / "3.png").symlink_to(root / "absent.png")
    (root / "4.png").symlink_to(root / "4.png")
    assert open_tree(root).names() == ["1.png"]


def test_links_to_files_are_followed_and_links_to_folders_are_not(tmp_path: Path) -> None:
    elsewhere = folder(tmp_path / "elsewhere", {"1.png": b"one"})
    root = folder(tmp_path / "set", {"0.png": b"zero"})
    (root / "1.png").symlink_to(elsewhere / "1.png")
    (root / "again").symlink_to(root)
    tree = open_tree(root)
    assert tree.names() == ["0.png", "1.png"]
    assert tree.read("1.png") == b"one"


def test_a_fifo_is_no_dataset(tmp_path: Path) -> None:
    os.mkfifo(tmp_path / "set")
    with pytest.raises(DataError, match="set: neither a folder nor a zip file"):
        open_tree(tmp_path / "set")


def test_what_is_not_there_is_named() -> None:
    with pytest.raises(InputMissing, match="no file or folder 'absent'"):
        open_tree(Path("absent"))


@pytest.mark.parametrize(
    ("name", "said"),
    [("set.zip", "not a complete zip file"), ("set.csv", "neither a folder nor a zip")],
)
def test_a_file_that_is_no_zip_is_named(name: str, said: str) -> None:
    Path(name).write_bytes(b"id,label\n")
    with pytest.raises(DataError, match=said):
        open_tree(Path(name))


def test_a_file_that_has_gone_since_is_named(tmp_path: Path) -> None:
    tree = open_tree(folder(tmp_path / "set", FILES))
    tree.names()
    (tmp_path / "set" / "train" / "1.png").unlink()
    with pytest.raises(StorageError, match=r"1\.png: cannot be read: No such file"):
        tree.read("train/1.png")


def refused(path: Path, name: str = "") -> str:
    """What is wrong with a zip, or with one member of it."""
    with pytest.raises(DataError) as caught:
        tree = open_tree(path)
        tree.names()
        if name:
            tree.read(name)
    assert "\n" not in caught.value.message
    return caught.value.message


def test_two_members_of_one_name_are_refused(tmp_path: Path) -> None:
    with zipfile.ZipFile(tmp_path / "set.zip", "w") as packed:
        packed.writestr("a.png", b"1")
        with pytest.warns(UserWarning, match="Duplicate name"):
            packed.writestr("a.png", b"2")
    assert "set.zip: has two members named 'a.png'" in refused(tmp_path / "set.zip")


def test_an_encrypted_member_is_refused(tmp_path: Path) -> None:
    path = archive(tmp_path / "set.zip", {"a.png": b"secret"})
    data = bytearray(path.read_bytes())
    data[data.index(b"PK\x01\x02") + 8] |= 1
    path.write_bytes(data)
    assert refused(path, "a.png") == "set.zip/a.png: encrypted or damaged zip member"


@pytest.mark.parametrize("method", [zipfile.ZIP_STORED, zipfile.ZIP_DEFLATED])
def test_a_member_whose_bytes_have_changed_is_refused(method: int, tmp_path: Path) -> None:
    data = random.Random(0).randbytes(500)
    path = archive(tmp_path / "set.zip", {"a.png": data, "b.png": b"fine"}, method=method)
    start = path.read_bytes().index(b"a.png") + 6  # behind deflate's mark of the last block
    for offset in range(start, start + 400, 13):
        changed = bytearray(path.read_bytes())
        changed[offset] ^= 1
        (tmp_path / "bad.zip").write_bytes(changed)
        assert "bad.zip/a.png: damaged" in refused(tmp_path / "bad.zip", "a.png")
        assert open_tree(tmp_path / "bad.zip").read("b.png") == b"fine"


def test_a_member_in_a_format_that_is_not_read_is_named(tmp_path: Path) -> None:
    path = archive(tmp_path / "set.zip", {"a.png": b"x" * 99}, method=zipfile.ZIP_LZMA)
    assert "compressed by a method other than store or deflate" in refused(path, "a.png")


def test_a_member_that_would_unpack_without_end_is_refused(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = archive(tmp_path / "set.zip", {"a.png": bytes(5000)})
    data = bytearray(path.read_bytes())
    directory = data.index(b"PK\x01\x02")
    data[directory + 24 : directory + 28] = struct.pack("<L", 900_000_000)
    path.write_bytes(data)
    assert "unpacks to 900000000 bytes, over the limit" in refused(path, "a.png")
    monkeypatch.setattr(file_tree, "MAX_MEMBER", 4000)
    whole = archive(tmp_path / "whole.zip", {"a.png": bytes(5000)})
    assert "unpacks to 5000 bytes, over the limit" in refused(whole, "a.png")


def test_no_more_is_unpacked_than_the_directory_declares(tmp_path: Path) -> None:
    path = archive(tmp_path / "set.zip", {"a.png": bytes(1_000_000)})
    data = bytearray(path.read_bytes())
    directory = data.index(b"PK\x01\x02")
    data[directory + 16 : directory + 20] = struct.pack("<L", zlib.crc32(bytes(10)))
    data[directory + 24 : directory + 28] = struct.pack("<L", 10)
    path.write_bytes(data)
    assert "a.png: damaged" in refused(path, "a.png")


def test_names_with_escape_codes_are_shown_escaped(tmp_path: Path) -> None:
    path = archive(tmp_path / "set.zip", {"\x1b[31m.png": b"x"}, method=zipfile.ZIP_LZMA)
    assert r"set.zip/\x1b[31m.png" in refused(path, "\x1b[31m.png")


def survives(path: Path) -> None:
    """Every read ends in the true bytes or in a `DataError`."""
    try:
        tree: FileTree = open_tree(path)
        tree.identity()
        names = tree.names()
    except DataError:
        return
    for name in names:
        try:
            data = tree.read(name)
        except DataError:
            continue
        assert len(data) < 10_000
        tree.stamp(name)


def test_a_zip_cut_anywhere_is_read_or_refused(tmp_path: Path) -> None:
    whole = archive(tmp_path / "set.zip", FILES).read_bytes()
    for length in range(0, len(whole), 17):
        (tmp_path / "cut.zip").write_bytes(whole[:length])
        survives(tmp_path / "cut.zip")


@settings(max_examples=50)
@given(data=st.data())
def test_a_zip_with_any_bytes_changed_is_read_or_refused(data: st.DataObject) -> None:
    whole = bytearray(
        archive(Path("set.zip"), {"a.png": b"one" * 30, "b/c.png": b"two"}).read_bytes()
    )
    for _ in range(data.draw(st.integers(1, 3))):
        whole[data.draw(st.integers(0, len(whole) - 1))] = data.draw(st.integers(0, 255))
    Path("bad.zip").write_bytes(whole)
    survives(Path("bad.zip"))


def test_threads_that_read_first_at_the_same_moment_get_the_same_bytes(tmp_path: Path) -> None:
    tree = open_tree(archive(tmp_path / "set.zip", {f"{n}.png": bytes([n]) for n in range(64)}))
    start, faults = threading.Barrier(8), []

    def read(n: int) -> None:
        start.wait()
        if tree.read(f"{n}.png") != bytes([n]):
            faults.append(n)

    threads = [threading.Thread(target=read, args=(n,)) for n in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert faults == []
