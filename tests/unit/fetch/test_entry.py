"""`clfw fetch`: a full set appears whole and checked, or not at all."""

import gzip
import re
import subprocess
import sys
import zipfile
from collections.abc import Iterator
from pathlib import Path

import cv2
import numpy as np
import pytest

from clfw.api.components import load
from clfw.api.params import Layer
from clfw.catalog.registry import read_registry
from clfw.config.data_choice import Request, resolve_data
from clfw.errors import ClfwError, DataError, InputMissing, StorageError
from clfw.fetch.collect import Console
from clfw.fetch.remote import remotes_of
from clfw.io.progress import ProgressBar
from clfw.io.progress_bars import RichBar
from clfw.plugins.manager import installed_catalog
from commandline import clfw, succeed
from mirrors import PLAIN, always_whole, content, cut, files_under, served, sha256, status, whole
from published_sets import (
    DIGITS,
    LABELS,
    PACKED,
    TEST,
    TEST_PICTURES,
    TRAIN,
    TRAIN_PICTURES,
    UNPACKED,
    WEIGHTS,
    Heard,
    Shop,
    open_shop,
    write_files,
    zip_bars,
)

COUNTS = {"train": TRAIN, "test": TEST}


@pytest.fixture
def shop(tmp_path: Path) -> Iterator[Shop]:
    with served() as mirror:
        yield open_shop(mirror, tmp_path)


@pytest.fixture
def data(tmp_path: Path) -> Path:
    """The data folder that every command uses."""
    return tmp_path / "data"


def visible(folder: Path) -> list[str]:
    """What a person or a run sees in the data folder."""
    return sorted(path.name for path in folder.iterdir() if not path.name.startswith("."))


# --- from the network


def test_a_set_of_several_files_is_fetched_and_can_be_read(shop: Shop, data: Path):
    fetched = shop.fetch("tiny")
    assert files_under(data) == DIGITS
    assert (fetched.kind, fetched.path, fetched.rows) == ("data", data / "tiny", COUNTS)
    assert fetched.origins == {name: shop.mirror.url(f"/{name}") for name in DIGITS}


def test_the_same_name_then_means_the_full_set(shop: Shop, data: Path):
    catalog, registry = installed_catalog(()), read_registry(shop.registry)
    entry = registry.find("data", "tiny", catalog)
    nothing = [Layer("--set", {})]
    assert resolve_data(entry, catalog, nothing, Request()).source == "sample"
    shop.fetch("tiny")
    found = resolve_data(entry, catalog, nothing, Request())
    assert (found.source, found.path) == ("full", data / "tiny")


def test_the_data_folder_can_be_named(shop: Shop, data: Path, tmp_path: Path):
    fetched = shop.fetch("packed", folder=tmp_path / "new" / "place")
    assert fetched.path == tmp_path / "new" / "place" / "packed.zip"
    assert fetched.path.exists()
    assert visible(data) == []


def test_what_is_there_is_checked_and_not_fetched_again(shop: Shop, data: Path):
    shop.fetch("tiny")
    asked = len(shop.mirror.asked)
    heard = Heard()
    fetched = shop.fetch("tiny", console=heard.report)
    assert (len(shop.mirror.asked), fetched.origins, fetched.rows) == (asked, {}, COUNTS)
    assert heard.lines == [f"tiny is already there: {data / 'tiny'}"]


def test_a_file_that_is_missing_is_added(shop: Shop, data: Path):
    shop.fetch("tiny")
    (data / "tiny" / "t10k-labels-idx1-ubyte.gz").unlink()
    fetched = shop.fetch("tiny")
    assert files_under(data) == DIGITS
    paths = [path for path, _ in shop.mirror.asked]
    assert paths.count("/tiny/t10k-labels-idx1-ubyte.gz") == 2
    assert paths.count("/tiny/train-images-idx3-ubyte.gz") == 1
    assert fetched.rows == COUNTS


def test_a_wrong_file_in_its_place_is_named_and_left_alone(shop: Shop, data: Path):
    files = {**DIGITS, "tiny/train-labels-idx1-ubyte.gz": b"mine"}
    write_files(data, files)
    with pytest.raises(DataError) as caught:
        shop.fetch("tiny")
    wanted = sha256(DIGITS["tiny/train-labels-idx1-ubyte.gz"])
    assert f"sha256 {sha256(b'mine')}, expected {wanted}" in caught.value.message
    assert "move it away" in caught.value.hint
    assert files_under(data) == files


def test_the_same_files_packed_by_someone_else_are_the_same(shop: Shop, data: Path):
    files = {f"{name}": gzip.compress(gzip.decompress(d), 1) for name, d in DIGITS.items()}
    assert files != DIGITS
    write_files(data, files)
    assert shop.fetch("tiny").rows == COUNTS
    assert files_under(data) == files
    assert shop.mirror.asked == []


def test_nothing_is_seen_where_one_file_fails_and_a_later_try_goes_on(shop: Shop, data: Path):
    last = "/tiny/t10k-labels-idx1-ubyte.gz"
    shop.mirror.put(last, status(404))
    with pytest.raises(StorageError, match="404 Not Found"):
        shop.fetch("tiny")
    assert visible(data) == []
    command = ("run", "--registry", shop.registry, "--model", "fashion_cnn", "--data", "tiny",
               "--require-full")  # fmt: skip
    assert clfw(*command).code == 66
    shop.mirror.asked.clear()
    shop.mirror.put(last, whole(DIGITS[last[1:]]))
    fetched = shop.fetch("tiny")
    assert [path for path, _ in shop.mirror.asked] == [last]
    assert files_under(data) == DIGITS
    assert fetched.rows == COUNTS


def test_wrong_content_leaves_nothing_to_be_seen(shop: Shop, data: Path):
    other = content(len(DIGITS["tiny/train-labels-idx1-ubyte.gz"]))
    shop.mirror.put("/tiny/train-labels-idx1-ubyte.gz", whole(other))
    with pytest.raises(DataError) as caught:
        shop.fetch("tiny")
    assert caught.value.exit_code == 65
    assert sha256(other) in caught.value.message
    assert visible(data) == []


def test_a_disk_without_room_is_named_before_anything_is_loaded(
    shop: Shop, monkeypatch: pytest.MonkeyPatch
):
    usage = type("Usage", (), {"free": 100})
    monkeypatch.setattr("shutil.disk_usage", lambda path: usage)
    with pytest.raises(StorageError, match=r"0\.0 MB are free"):
        shop.fetch("tiny")
    assert shop.mirror.asked == []


def test_bytes_are_counted_for_the_bar(shop: Shop, tmp_path: Path):
    zip_of_bars = tmp_path / "bars.zip"
    bars: list[tuple[str, int]] = []
    counts: list[int] = []

    class Bar(ProgressBar):
        def advance(self, count: int) -> None:
            counts.append(count)

    def bar(what: str, total: int) -> Bar:
        bars.append((what, total))
        return Bar()

    bars_zip = zip_of_bars.read_bytes()
    shop.mirror.put("/bars.zip", cut(bars_zip, 100), always_whole(bars_zip))
    shop.fetch("packed", console=Console(bytes_bar=bar))
    assert bars == [("packed", len(bars_zip))] == [("packed", sum(counts))]
    assert min(counts) == -100  # the second connection did not go on from the first


def test_a_bar_of_bytes_shows_bytes(capsys: pytest.CaptureFixture[str]):
    bar = RichBar("mnist", None, "bytes")
    bar.advance(1_000_000)
    bar.close()
    assert "images" not in capsys.readouterr().err


# --- weights


def test_weights_go_to_the_weights_folder(shop: Shop, data: Path):
    fetched = shop.fetch("net")
    assert (fetched.kind, fetched.path) == ("weights", data / "weights" / "net.safetensors")
    assert fetched.path.read_bytes() == WEIGHTS
    assert shop.fetch("net").origins == {}
    assert len(shop.mirror.asked) == 1


def test_weights_are_taken_from_a_local_file_or_folder(shop: Shop, data: Path, tmp_path: Path):
    source = write_files(tmp_path / "mine", {"deep/net.safetensors": WEIGHTS})
    for path in (source, source / "deep" / "net.safetensors"):
        fetched = shop.fetch("net", source=path)
        assert fetched.origins == {"net.safetensors": str(source / "deep" / "net.safetensors")}
        fetched.path.unlink()
    assert shop.mirror.asked == []


@pytest.mark.parametrize("name", ["net.pth", "net.pt", "net.PKL", "net.ckpt"])
def test_a_pickle_is_refused_with_what_to_do(shop: Shop, tmp_path: Path, name: str):
    (tmp_path / name).write_bytes(b"\x80\x04K\x01.")
    finished = clfw("fetch", "net", "--registry", registered_https(shop), "--from", tmp_path / name)
    assert finished.code == 2
    assert "never unpickles" in finished.err
    assert "safetensors.torch.save_file" in finished.err


def test_a_pickle_under_another_name_is_no_weights_file(shop: Shop, tmp_path: Path, data: Path):
    (tmp_path / "net.safetensors").write_bytes(b"\x80\x04K\x01.")
    with pytest.raises(DataError, match="expected"):
        shop.fetch("net", source=tmp_path / "net.safetensors")
    assert visible(data / "weights") == []


def test_a_registry_cannot_offer_pickles_as_weights(shop: Shop):
    text = shop.registry.read_text().replace('"net.safetensors"', '"net.pth"')
    shop.registry.write_text(text)
    with pytest.raises(ClfwError) as caught:
        shop.fetch("net")
    assert "'net.pth' is not a .safetensors file" in caught.value.message
    assert shop.mirror.asked == []


# --- another layout, converted


def test_idx_files_become_lists_and_pictures(shop: Shop, data: Path):
    fetched = shop.fetch("listed")
    assert visible(data) == ["listed.zip"]
    assert (fetched.path, fetched.rows) == (data / "listed.zip", COUNTS)
    with zipfile.ZipFile(fetched.path) as packed:
        files = {name: packed.read(name) for name in packed.namelist()}
    labels = "".join(f"{i + 1},{label}\n" for i, label in enumerate(LABELS))
    ids = range(TRAIN + 1, TRAIN + TEST + 1)
    assert files.pop("listed/train.csv").decode() == f"id,label\n{labels}"
    assert files.pop("listed/test.csv").decode() == "".join(["id\n", *(f"{i}\n" for i in ids)])
    submission = files.pop("listed/sample_submission.csv").decode()
    assert submission == "".join(["id,label\n", *(f"{i},0\n" for i in ids)])
    wanted = {f"listed/train/{i + 1}.png": p for i, p in enumerate(TRAIN_PICTURES)}
    wanted |= {f"listed/test/{i}.png": p for i, p in zip(ids, TEST_PICTURES, strict=True)}
    assert files.keys() == wanted.keys()
    for name, png in files.items():
        decoded = cv2.imdecode(np.frombuffer(png, np.uint8), cv2.IMREAD_UNCHANGED)
        assert np.array_equal(decoded, wanted[name])


def test_a_conversion_gives_the_same_bytes_each_time(shop: Shop, data: Path):
    first = shop.fetch("listed").path.read_bytes()
    (data / "listed.zip").unlink()
    assert shop.fetch("listed").path.read_bytes() == first


def test_a_converted_set_that_is_there_is_opened_and_kept(shop: Shop, data: Path):
    shop.fetch("listed")
    before = files_under(data)
    shop.mirror.asked.clear()
    assert shop.fetch("listed").rows == COUNTS
    assert (files_under(data), shop.mirror.asked) == (before, [])


def test_a_set_in_its_place_that_does_not_open_is_named(shop: Shop, data: Path):
    (data / "listed.zip").write_bytes(b"no zip")
    with pytest.raises(ClfwError) as caught:
        shop.fetch("listed")
    assert str(data / "listed.zip") in caught.value.message
    assert caught.value.hint.startswith("move ")
    assert (data / "listed.zip").read_bytes() == b"no zip"


def test_files_that_cannot_be_converted_leave_nothing(shop: Shop, data: Path):
    """The labels of the wrong set have the right checksum, as the registry says so."""
    few = gzip.compress(UNPACKED["t10k-labels-idx1-ubyte"], mtime=0)
    name = "train-labels-idx1-ubyte.gz"
    text = shop.registry.read_text()
    head, listed = text.split("[data.listed]")
    for old, new in (
        (PACKED[name], few),
        (UNPACKED[name[:-3]], UNPACKED["t10k-labels-idx1-ubyte"]),
    ):
        listed = listed.replace(sha256(old), sha256(new))
    listed = listed.replace(f"bytes = {len(PACKED[name])}", f"bytes = {len(few)}")
    shop.registry.write_text(f"{head}[data.listed]{listed}")
    shop.mirror.put(f"/{name}", whole(few))
    with pytest.raises(DataError, match="12 training pictures and 6 labels"):
        shop.fetch("listed")
    assert visible(data) == []


def test_only_a_reader_that_can_convert_is_asked_to(shop: Shop):
    text = shop.registry.read_text()
    shop.registry.write_text(text.replace("[data.tiny]", '[data.tiny]\nconvert = "tiny.zip"'))
    with pytest.raises(ClfwError, match="'idx_files' cannot convert"):
        shop.fetch("tiny")


def test_a_conversion_cannot_write_elsewhere(shop: Shop):
    text = shop.registry.read_text()
    shop.registry.write_text(text.replace('"listed.zip"', '"../listed.zip"'))
    with pytest.raises(ClfwError, match="is not a plain file name"):
        shop.fetch("listed")


# --- from a local copy


def gone(shop: Shop) -> None:
    """Nobody is at the mirror's addresses."""
    shop.mirror.answers.clear()


@pytest.mark.parametrize("files", [PACKED, UNPACKED], ids=["packed", "unpacked"])
def test_a_folder_of_the_published_files_is_taken(
    shop: Shop, data: Path, tmp_path: Path, files: dict[str, bytes]
):
    gone(shop)
    source = write_files(tmp_path / "copy" / "raw", files)
    fetched = shop.fetch("tiny", source=tmp_path / "copy")
    there = files_under(data)
    assert there.keys() == DIGITS.keys()
    assert all(gzip.decompress(there[name]) == gzip.decompress(DIGITS[name]) for name in there)
    assert fetched.rows == COUNTS
    assert files_under(source) == files
    assert shop.mirror.asked == []


def test_published_files_in_a_zip_are_taken_without_unpacking_it(
    shop: Shop, data: Path, tmp_path: Path
):
    gone(shop)
    with zipfile.ZipFile(tmp_path / "archive.zip", "w") as packed:
        for name, bytes_ in UNPACKED.items():
            packed.writestr(f"MNIST/raw/{name}", bytes_)
    assert shop.fetch("listed", source=tmp_path / "archive.zip").rows == COUNTS
    assert visible(data) == ["listed.zip"]


def test_of_two_files_of_one_name_the_published_one_is_taken(
    shop: Shop, data: Path, tmp_path: Path
):
    write_files(tmp_path / "copy" / "another", {name: content(50) for name in PACKED})
    write_files(tmp_path / "copy" / "these", PACKED)
    shop.fetch("tiny", source=tmp_path / "copy")
    assert files_under(data) == DIGITS


def test_a_damaged_copy_is_refused_with_both_checksums(shop: Shop, data: Path, tmp_path: Path):
    damaged = PACKED["train-images-idx3-ubyte.gz"][:-9]
    source = write_files(tmp_path / "copy", {**PACKED, "train-images-idx3-ubyte.gz": damaged})
    with pytest.raises(DataError) as caught:
        shop.fetch("tiny", source=source)
    wanted = sha256(PACKED["train-images-idx3-ubyte.gz"])
    assert f"sha256 {sha256(damaged)}, expected {wanted}" in caught.value.message
    assert list(data.iterdir()) == []


def test_a_copy_that_lacks_files_is_refused_with_their_names(
    shop: Shop, data: Path, tmp_path: Path
):
    some = {name: PACKED[name] for name in list(PACKED)[:3]}
    with pytest.raises(InputMissing, match=r"lacks tiny/t10k-labels-idx1-ubyte\.gz"):
        shop.fetch("tiny", source=write_files(tmp_path / "copy", some))
    assert list(data.iterdir()) == []


@pytest.mark.parametrize("shape", ["zip", "folder"])
def test_a_whole_set_is_copied_and_opened(shop: Shop, data: Path, tmp_path: Path, shape: str):
    packed = zip_bars(tmp_path / "mine.zip")
    source = packed if shape == "zip" else packed.with_suffix("")
    fetched = shop.fetch("listed", source=source)
    assert fetched.rows == {"train": 30, "test": 6}
    assert fetched.path == data / ("listed.zip" if shape == "zip" else "listed")
    if shape == "zip":
        assert fetched.path.read_bytes() == packed.read_bytes()
    else:
        assert files_under(fetched.path) == files_under(source)
    assert len(visible(data)) == len(list(data.iterdir())) == 1
    assert shop.mirror.asked == []


def test_a_copy_that_is_another_set_is_refused(shop: Shop, data: Path, tmp_path: Path):
    source = write_files(tmp_path / "holiday", {"beach.png": b"", "notes.csv": b"a,b\n1,2\n"})
    finished = clfw("fetch", "listed", "--registry", registered_https(shop), "--from", source)
    assert finished.code == 65
    assert f"error: --from: '{source}' is not the data 'listed'" in finished.err
    assert "no file 'train.csv'" in finished.err
    assert list(data.iterdir()) == []


def test_an_archive_packed_by_someone_else_is_taken_with_a_word(
    shop: Shop, data: Path, tmp_path: Path
):
    (tmp_path / "other").mkdir()
    other = zip_bars(tmp_path / "other" / "packed.zip")
    with zipfile.ZipFile(other, "a") as packed:
        packed.writestr("packed/readme.txt", "mine")
    heard = Heard()
    fetched = shop.fetch("packed", source=other, console=heard.report)
    assert fetched.path.read_bytes() == other.read_bytes()
    assert re.match(
        "warning: .*packed.zip: sha256 .* expected .*: packed differently", heard.lines[0]
    )
    shop.fetch("packed", console=heard.report)
    assert "it is checked by opening it" in heard.lines[1]


def test_an_archive_under_another_name_is_proven_by_its_checksum(
    shop: Shop, tmp_path: Path, data: Path
):
    source = tmp_path / "download (1).zip"
    source.write_bytes((tmp_path / "bars.zip").read_bytes())
    heard = Heard()
    fetched = shop.fetch("packed", source=source, console=heard.report)
    assert fetched.origins == {"packed.zip": str(source)}
    assert not any("warning" in line for line in heard.lines)


def test_a_copy_of_what_is_there_is_not_used_and_that_is_said(
    shop: Shop, data: Path, tmp_path: Path
):
    shop.fetch("tiny")
    heard = Heard()
    shop.fetch("tiny", source=write_files(tmp_path / "copy", PACKED), console=heard.report)
    assert heard.lines == [f"tiny is already there; --from was not used: {data / 'tiny'}"]


# --- the command


def registered_https(shop: Shop) -> Path:
    """The shop's registry with https addresses, which nobody answers."""
    path = shop.registry.with_name("https.toml")
    path.write_text(shop.registry.read_text().replace("http://", "https://"))
    return path


def test_the_command_prints_what_is_there(shop: Shop, data: Path, tmp_path: Path):
    source = write_files(tmp_path / "copy", PACKED)
    lookup = ("--registry", registered_https(shop), "--from", source)
    finished = succeed("fetch", "tiny", *lookup)
    assert finished.out == f"tiny: 12 train, 6 test rows in {data / 'tiny'}\n"
    answer = succeed("fetch", "tiny", *lookup, "--json").json
    assert answer == {
        "name": "tiny", "kind": "data", "path": str(data / "tiny"), "files": {}, "rows": COUNTS
    }  # fmt: skip


def test_the_command_takes_a_data_folder(shop: Shop, tmp_path: Path):
    source = write_files(tmp_path / "copy", PACKED)
    succeed("fetch", "tiny", "--registry", registered_https(shop), "--from", source,
            "--data-dir", "elsewhere")  # fmt: skip
    assert files_under(Path("elsewhere")) == DIGITS


@pytest.mark.parametrize(
    ("arguments", "code", "message", "hint"),
    [
        (("mnst",), 2, "no data or model entry named 'mnst'", "did you mean 'mnist'?"),
        (("digits_csv",), 2, "data 'digits_csv' has no files to fetch", "--from PATH"),
        (("fashion_cnn",), 2, "model 'fashion_cnn' has no weights to fetch", ""),
        (("drawn_digits",), 2, "data 'drawn_digits' is generated by clfw", ""),
        (("mnist", "--from", "absent"), 66, "--from: no file or folder 'absent'", ""),
    ],
)
def test_what_cannot_be_fetched_is_one_line(
    arguments: tuple[str, ...], code: int, message: str, hint: str
):
    finished = clfw("fetch", *arguments)
    assert finished.code == code
    assert finished.err.startswith(f"error: {message}")
    assert hint in finished.err


@pytest.mark.parametrize(
    ("old", "new", "message"),
    [
        ("bytes = ", "size = ", "fetch[0].size: no such parameter"),
        ("bytes = ", 'bytes = "9" #', "fetch[0].bytes: must be a valid integer"),
        ('sha256 = "', 'sha256 = "x', "fetch[0].sha256"),
        ("\nsha256 = ", "\n# ", "fetch[0]: needs sha256"),
        ('urls = ["', 'urls = [] # ["', "fetch[0].urls"),
        ('"http://', '"ftp://', "' is not https"),
        ('file = "tiny/', 'file = "../', "fetch[0].file"),
        ('file = "tiny/', 'file = "/etc/', "fetch[0].file"),
        ('file = "tiny/', 'file = "tiny/.', "fetch[0].file"),
        ('file = "tiny/', 'file = "C:/', "fetch[0].file"),
        ("t10k-images", "train-images", "names a file twice"),
    ],
)
def test_a_malformed_table_is_named(shop: Shop, old: str, new: str, message: str):
    shop.registry.write_text(shop.registry.read_text().replace(old, new))
    with pytest.raises(ClfwError) as caught:
        shop.fetch("tiny")
    assert caught.value.exit_code == 2
    assert message in caught.value.message
    assert shop.mirror.asked == []


def test_plain_http_in_a_registry_is_refused(shop: Shop):
    finished = clfw("fetch", "tiny", "--registry", shop.registry)
    assert finished.code == 2
    assert "is not https" in finished.err
    assert shop.mirror.asked == []


def test_a_path_outside_the_data_folder_is_not_written(shop: Shop, tmp_path: Path):
    outside = tmp_path / "outside"
    text = f'[data.mine]\ncomponent = "csv_images"\nvalues = {{ path = "{outside}" }}\n'
    shop.registry.write_text(text)
    with pytest.raises(ClfwError, match="is not in the data folder"):
        shop.fetch("mine", source=tmp_path / "bars.zip")
    assert not outside.exists()


def test_every_packaged_entry_names_files_that_its_runs_will_find():
    catalog, registry = installed_catalog(()), read_registry()
    found = 0
    for (section, name), entry in registry.entries.items():
        remotes = remotes_of(entry, PLAIN.schemes ^ {"http", "https"})
        found += bool(remotes)
        stem = entry.table("values").get("path", name)
        for remote in remotes:
            if section == "models":
                assert remote.file.endswith(".safetensors")
            elif "convert" in entry.fields:
                assert entry.fields["convert"] in (stem, f"{stem}.zip")
                dataset = catalog.find("dataset", entry.component).component
                assert callable(load(dataset.convert))
            else:
                assert remote.file.split("/")[0] in (stem, f"{stem}.zip")
    assert found >= 4


def test_fetching_imports_no_torch():
    code = "import sys, clfw.cli.fetch, clfw.fetch.entry; print('torch' in sys.modules)"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout == "False\n"
