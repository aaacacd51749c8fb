"""Data by its path alone: each kind recognised wherever it lies, the guess said, or a clear refusal."""

import gzip
import struct
from collections.abc import Callable, Sequence
from pathlib import Path

import click
import numpy as np
import pytest

from clfw.api.components import Dataset
from clfw.api.params import Layer, parse_settings
from clfw.api.source import Detected
from clfw.catalog.detection import entry_name, find_data
from clfw.catalog.registry import Entry, Registry
from clfw.cli.options import complete
from clfw.config.data_choice import Request, resolve_data
from clfw.data.opening import OpenedDataset, open_data
from clfw.errors import ClfwError, DataError
from clfw.io.file_tree import ZipTree
from clfw.plugins.manager import Catalog, installed_catalog
from clfw.testing.check import Fault
from clfw.testing.datasets import dataset_checks
from commandline import assert_refused, clfw, succeed
from tiny_sets import bar, pack, png, write_bars, write_list

CATALOG = installed_catalog()
NOTHING = Registry({})


def entry(text: str, *settings: str, catalog: Catalog = CATALOG) -> Entry:
    """What the path is taken for."""
    return find_data(text, parse_settings(settings)["data"], catalog, NOTHING)


def opened(text: str, *settings: str) -> OpenedDataset:
    """The data at the path, its rows checked."""
    layers = [Layer("--set", parse_settings(settings)["data"])]
    return open_data(resolve_data(entry(text, *settings), CATALOG, layers, Request()))


def refusal(text: str, *settings: str) -> ClfwError:
    """The error for a path."""
    with pytest.raises(ClfwError) as caught:
        opened(text, *settings)
    return caught.value


def write(files: dict[str, bytes], root: Path) -> Path:
    """A folder with these files."""
    for name, data in files.items():
        (root / name).parent.mkdir(parents=True, exist_ok=True)
        (root / name).write_bytes(data)
    return root


def pictures(*names: str) -> dict[str, bytes]:
    """A small picture under each name."""
    return {name: png(bar(n % 3, n)) for n, name in enumerate(names)}


CLASSES = pictures(*(f"{kind}/{n}.png" for kind in ("cat", "dog") for n in range(4)))
IN_SPLITS = {
    f"{split}/{name}": data for split in ("train", "val") for name, data in CLASSES.items()
}
STRAYS = {".DS_Store": b"x", "cat/imageNotFound.gif": b"GIF89a", "__MACOSX/._1.png": b"x"}


@pytest.mark.parametrize("files", [CLASSES, IN_SPLITS], ids=["classes", "splits"])
@pytest.mark.parametrize("wrap", ["", "photos/", "a/b/"])
@pytest.mark.parametrize("zipped", [False, True])
def test_a_folder_per_class_is_recognised_wherever_it_lies(
    files: dict[str, bytes], wrap: str, zipped: bool
) -> None:
    folder = write({wrap + name: data for name, data in files.items()}, Path("my-Photos"))
    text = str(pack(folder, Path("my-Photos.zip"))) if zipped else "./my-Photos"
    found = entry(text)
    assert (found.name, found.component) == ("my_photos", "image_folder")
    assert "a folder per class" in found.seen
    assert f"2 classes, {len(files)} pictures" in found.seen
    rows = opened(text).rows
    assert rows.classes == ("cat", "dog")
    assert len(rows.table.keys) == len(files)


def test_strays_are_counted_and_named_and_no_reason_to_stop() -> None:
    write({**CLASSES, **STRAYS}, Path("photos"))
    assert set(opened("./photos").rows.table.unused_files) == set(STRAYS)


def test_a_single_class_is_a_folder_per_class_unless_a_list_lies_beside_it() -> None:
    write(pictures("cat/1.png", "cat/2.png"), Path("lone"))
    assert entry("./lone").component == "image_folder"
    write_list(Path("lone/list.csv"), [("image", "kind"), ("cat/1.png", "a"), ("cat/2.png", "b")])
    assert entry("./lone").component == "csv_images"


LISTED = [(f"{n}.png", "cat" if n % 2 else "dog") for n in range(6)]


@pytest.mark.parametrize(
    ("header", "settings", "label"),
    [
        (("image", "label"), [], "label"),
        (("Path", "Species"), [], "Species"),
        (("a", "b"), [], "b"),
        (("file", "kind"), ["data.label=kind"], "kind"),
    ],
)
@pytest.mark.parametrize("suffix", [".csv", ".tsv"])
def test_a_list_by_itself_names_its_columns_as_it_likes(
    header: tuple[str, str], settings: list[str], label: str, suffix: str
) -> None:
    write(pictures(*(name for name, _ in LISTED)), Path("photos"))
    text = "\n".join(("\t" if suffix == ".tsv" else ",").join(row) for row in [header, *LISTED])
    Path(f"photos/shown{suffix}").write_text(text)
    found = opened(f"photos/shown{suffix}", *settings)
    assert found.choice.component.name == "csv_images"
    assert f"labels in '{label}'" in found.choice.seen
    assert found.rows.classes == ("cat", "dog")
    assert found.source.read(3) == png(bar(0, 3))


@pytest.mark.parametrize("kind", ["relative", "below", "above", "absolute", "without suffix", "ids",
                                  "windows", "dotted"])  # fmt: skip
def test_a_list_by_itself_takes_every_way_of_writing_a_path(kind: str) -> None:
    write(pictures(*(f"{n}.png" for n in range(6))), Path("set/photos"))
    Path("set/lists").mkdir()
    ways: dict[str, tuple[str, Callable[[int], str], list[str]]] = {
        "relative": ("set/photos/list.csv", lambda n: f"{n}.png", []),
        "below": ("set/list.csv", lambda n: f"photos/{n}.png", []),
        "above": ("set/lists/list.csv", lambda n: f"../photos/{n}.png", []),
        "absolute": (
            "set/lists/list.csv",
            lambda n: str(Path(f"set/photos/{n}.png").absolute()),
            [],
        ),
        "without suffix": ("set/list.csv", lambda n: f"photos/{n}", []),
        "ids": ("set/list.csv", str, []),
        "windows": ("set/list.csv", lambda n: f"photos\\{n}.png", []),
        "dotted": ("set/list.csv", lambda n: f"./photos/{n}.png", []),
    }
    path, name, settings = ways[kind]
    write_list(Path(path), [("id", "label"), *((name(n), n % 2) for n in range(6))])
    found = opened(path, *settings)
    assert found.rows.classes == ("0", "1")
    assert [found.source.read(n) for n in range(6)] == [png(bar(n % 3, n)) for n in range(6)]


@pytest.mark.parametrize("encoding", ["utf-8-sig", "utf-16", "utf-32"])
@pytest.mark.parametrize("end", ["\n", "\r\n", "\r"])
def test_a_list_of_any_encoding_and_line_ends_is_recognised(encoding: str, end: str) -> None:
    write(CLASSES, Path("set"))
    rows = [f"{name};{name.partition('/')[0]}" for name in CLASSES]
    text = end.join(["picture;kind", *rows, ""])
    Path("set/list.csv").write_bytes(text.encode(encoding))
    assert opened("set/list.csv", "data.label=kind").rows.classes == ("cat", "dog")


def test_the_folder_of_a_lists_pictures_can_be_given() -> None:
    write(pictures(*(f"{n}.png" for n in range(4))), Path("elsewhere/deep"))
    write_list(Path("list.csv"), [("id", "label"), *((f"{n}.png", n % 2) for n in range(4))])
    error = refusal("list.csv")
    assert error.exit_code == 65
    assert "no column names pictures" in error.message
    assert "data.root=FOLDER" in error.hint
    assert len(opened("list.csv", "data.root=elsewhere/deep").rows.table.keys) == 4


def test_only_the_folders_that_a_list_names_are_looked_into() -> None:
    write(pictures(*(f"in/{n}.png" for n in range(4)), "beside.png", "far/off.png"), Path("home"))
    write_list(Path("home/list.csv"), [("id", "y"), *((f"in/{n}.png", n % 2) for n in range(4))])
    table = opened("home/list.csv").rows.table
    assert table.unused_files == ()
    (Path("home/beside.png")).unlink()
    first, second = opened("home/list.csv").source, opened("home/list.csv").source
    assert first.identity() == second.identity()
    Path("home/in/2.png").write_bytes(png(bar(1, 1)))
    assert opened("home/list.csv").source.identity() != first.identity()


@pytest.mark.parametrize("zipped", [False, True])
@pytest.mark.parametrize("wrap", ["", "fashion"])
def test_lists_beside_pictures_are_recognised_in_a_folder_or_zip(zipped: bool, wrap: str) -> None:
    folder = write_bars(Path("outer") / wrap if wrap else Path("outer"))
    assert folder.is_dir()
    text = str(pack(Path("outer"), Path("fashion.zip"))) if zipped else "outer/"
    found = opened(text)
    assert found.choice.component.name == "csv_images"
    assert found.rows.counts()["test"] == 6
    assert found.rows.table.submission is not None
    assert found.rows.table.unused_files == ()


def test_a_list_whose_pictures_lie_in_a_folder_of_any_name_is_recognised() -> None:
    write(pictures(*(f"imgs/{n}.png" for n in range(6))), Path("dogs"))
    write_list(Path("dogs/labels.csv"), [("id", "breed"), *((n, n % 2) for n in range(6))])
    found = opened("./dogs")
    assert found.choice.params.train_folder == "imgs"  # type: ignore[attr-defined]
    assert "train_csv" in found.choice.reader.values.origins


def test_lists_of_the_three_splits_are_recognised() -> None:
    write(pictures(*(f"{n}.png" for n in range(9))), Path("set"))
    for number, name in enumerate(("train", "val", "test")):
        rows = [(f"{n}.png", n % 3) for n in range(9) if n // 3 == number]
        write_list(Path(f"set/{name}.csv"), [("file", "label"), *rows])
    assert opened("./set").rows.counts() == {"train": 3, "validation": 3, "test": 3}


def test_labels_that_are_numbers_are_not_taken_for_pictures() -> None:
    write(pictures(*(f"train/{n}.png" for n in range(24))), Path("set"))
    write_list(Path("set/train.csv"), [("id", "digit"), *((n, n % 10) for n in range(24))])
    assert "pictures in column 'id', labels in 'digit'" in entry("./set").seen


PIXELS = [f"pixel{n}" for n in range(16)]


@pytest.mark.parametrize("label", ["label", "digit"])
@pytest.mark.parametrize("place", ["set/train.csv", "set/digits.csv", "set.zip"])
def test_a_column_a_pixel_is_recognised(label: str, place: str) -> None:
    rows = [[n % 3, *(n * i % 256 for i in range(16))] for n in range(9)]
    Path("set").mkdir()
    name = "digits.csv" if place == "set/digits.csv" else "train.csv"
    write_list(Path("set") / name, [[label, *PIXELS], *rows])
    pack(Path("set"), Path("set.zip"))
    for text in (place, "./set"):
        found = opened(text)
        assert found.choice.component.name == "pixel_csv"
        assert f"16 pixels, label in column '{label}'" in found.choice.seen
        assert found.rows.classes == ("0", "1", "2")


def idx(array: np.ndarray) -> bytes:
    """An array as an IDX file."""
    return struct.pack(f">HBB{array.ndim}I", 0, 8, array.ndim, *array.shape) + array.tobytes()


@pytest.mark.parametrize("prefix", ["", "letters-"])
@pytest.mark.parametrize("test", ["t10k", "test"])
def test_idx_files_are_recognised_by_the_words_in_their_names(prefix: str, test: str) -> None:
    images, labels = np.zeros((6, 4, 4), np.uint8), np.arange(6, dtype=np.uint8) % 2
    for split, rows in (("train", slice(4)), (test, slice(4, 6))):
        for what, array in (("images-idx3", images[rows]), ("labels-idx1", labels[rows])):
            write({f"{prefix}{split}-{what}-ubyte.gz": gzip.compress(idx(array))}, Path("digits"))
    assert "4 train, 2 test pictures" in entry("./digits").seen
    assert opened("./digits").rows.counts()["test"] == 2


def test_arrays_are_recognised_packed_and_single() -> None:
    images, labels = np.zeros((6, 4, 4), np.uint8), np.arange(6) % 2
    np.savez("set.npz", x_train=images, y_train=labels)
    assert "arrays (x_train, y_train)" in entry("./set.npz").seen
    Path("single").mkdir()
    np.save("single/x_train.npy", images)
    np.save("single/y_train.npy", labels)
    for text in ("set.npz", "single/"):
        assert opened(text).rows.classes == ("0", "1")


def test_a_name_is_looked_up_before_a_path_is_looked_at() -> None:
    write(CLASSES, Path("mnist"))
    registry = Registry({("data", "mnist"): Entry(name="mnist", section="data", origin="clfw")})
    assert find_data("mnist", {}, CATALOG, registry).origin == "clfw"
    assert find_data("./mnist", {}, CATALOG, registry).component == "image_folder"
    assert entry("mnist").component == "image_folder"


@pytest.mark.parametrize("text", ["./nothing", "no/such", "nothing.csv", "~/nothing"])
def test_a_path_where_nothing_is_is_said_so(text: str) -> None:
    error = refusal(text)
    assert error.exit_code == 66
    assert f"no file or folder '{text}'" in error.message


def test_what_no_reader_knows_is_refused_with_what_each_reads() -> None:
    write({"a.txt": b"x", "b.txt": b"y"}, Path("notes"))
    error = refusal("./notes")
    assert error.exit_code == 65
    assert "no reader recognizes it (2 files, the first is 'a.txt'); they read:" in error.message
    for name in ("image_folder", "csv_images", "pixel_csv", "idx_files", "arrays"):
        assert f"\n  {name}: " in error.message
    assert "--set data.path=./notes" in error.hint


def test_two_readers_that_claim_the_same_are_both_named_with_the_way_out() -> None:
    write(CLASSES, Path("both"))
    rows = [(name, name[:3]) for name in CLASSES]
    write_list(Path("both/labels.csv"), [("path", "label"), *rows])
    error = refusal("./both")
    assert error.exit_code == 65
    assert "2 readers recognize it" in error.message
    assert "image_folder: a folder per class" in error.message
    assert "csv_images: a list of pictures" in error.message
    assert "--data csv_images" in error.hint
    assert "--data image_folder" in error.hint


@pytest.mark.parametrize(
    ("header", "row", "settings", "question", "remedy"),
    [
        (("id", "breed", "species"), lambda n: (n, n % 2, n % 2), [],
         "the label: 'breed', 'species'", "data.label=COLUMN"),
        (("id", "a", "b"), lambda n: (n, n % 2, n % 2), [],
         "the label: 'a', 'b'", "data.label=COLUMN"),
        (("left", "right", "label"), lambda n: (n, n + 6, n % 2), [],
         "the pictures: 'left', 'right'", "data.image=COLUMN"),
        (("id", "label"), lambda n: (n, n % 2), ["data.label=kind"],
         "no column 'kind'", "data.label=COLUMN"),
    ],
)  # fmt: skip
def test_columns_that_a_person_must_choose_are_listed(
    header: Sequence[str],
    row: Callable[[int], Sequence[object]],
    settings: list[str],
    question: str,
    remedy: str,
) -> None:
    write(pictures(*(f"{n}.png" for n in range(12))), Path("set"))
    write_list(Path("set/list.csv"), [header, *(row(n) for n in range(6))])
    for text in ("set/list.csv", "./set"):
        error = refusal(text, *settings)
        assert error.exit_code == 65
        assert question in error.message
        assert remedy in error.hint


def test_the_shell_completes_paths_where_data_is_named() -> None:
    context = click.Context(click.Command("run"))
    option = click.Option(["--data"])
    assert [item.type for item in complete("data")(context, option, "./ph")] == ["file"]
    assert "mnist" in complete("data")(context, option, "mn")


def test_data_path_beside_a_path_is_refused() -> None:
    write(CLASSES, Path("photos"))
    assert "already names the path" in refusal("./photos", "data.path=other").message


@pytest.mark.parametrize(
    ("path", "name"),
    [("Photos 2024", "photos_2024"), ("x.y", "x_y"), ("123", "data_123"), ("\u00e9", "data"),
     ("n" * 80, "n" * 64)],
)  # fmt: skip
def test_an_entrys_name_is_made_of_the_paths(path: str, name: str) -> None:
    assert entry_name(Path(path)) == name


def test_a_damaged_zip_is_named_as_such() -> None:
    Path("set.zip").write_bytes(b"PK\x03\x04 nothing more")
    assert isinstance(refusal("set.zip"), DataError)
    assert "not a complete zip" in refusal("set.zip").message


def test_a_reader_that_fails_to_tell_is_passed_over_with_one_warning(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    def broken(*arguments: object) -> None:
        raise RuntimeError("no idea")

    monkeypatch.setattr("clfw_plugins.arrays.detection.detect_arrays", broken)
    write(CLASSES, Path("photos"))
    assert entry("./photos").component == "image_folder"
    said = capsys.readouterr().err
    assert (
        said
        == "warning: dataset 'arrays': failed to check whether it reads this: RuntimeError: no idea\n"
    )


def test_everything_of_a_run_works_with_a_path_alone() -> None:
    write(pictures(*(f"{n}.png" for n in range(24))), Path("photos"))
    rows = [(f"{n}.png", f"class{n % 2}", n) for n in range(24)]
    write_list(Path("photos/list.csv"), [("file", "kind", "size"), *rows])
    data = ("--data", "photos/list.csv", "--set", "data.label=kind", "--set", "data.validation=0.4")
    shown = succeed("data", "show", *data[1:])
    line = (
        "data    photos/list.csv: a list of pictures, list.csv (pictures in column 'file', labels "
        "in 'kind', not used: 'size'), read as csv_images"
    )
    assert line in shown.err
    assert line in succeed("show", "fashion_mlp", *data[:4]).err
    trained = succeed("run", "--model", "fashion_mlp", *data, "--steps", "2")
    assert line in trained.err
    run = Path("runs/fashion_mlp-list-001")
    again = succeed("eval", run, "--json")
    where = Path("photos/list.csv").absolute()
    assert line.replace("photos/list.csv", str(where), 1) in again.err
    assert (
        again.json["accuracy"]
        == succeed("eval", run, "--data", "photos/list.csv", "--json").json["accuracy"]
    )
    predicted = succeed(
        "predict", run, "--data", "photos/list.csv", "--split", "validation", "--json"
    )
    assert len(predicted.json) == again.json["count"]
    assert "nothing to do" in succeed("resume", run).err


def test_a_run_on_a_path_goes_on_from_another_folder_and_its_weights_alone_ask_for_the_data(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    write(CLASSES, Path("photos"))
    succeed(
        "run", "--model", "fashion_mlp", "--data", "photos", "--epochs", "1", "--out", "trained"
    )
    Path("deeper").mkdir()
    monkeypatch.chdir("deeper")
    assert clfw("resume", "../trained", "--epochs", "2").code == 0
    Path("../trained/model.safetensors").rename("kept.safetensors")
    finished = clfw("eval", "kept.safetensors", "--split", "train")
    assert finished.code == 2
    assert "was trained on 'photos', which is no data entry here" in finished.err
    assert "--data PATH" in finished.err
    assert succeed("eval", "kept.safetensors", "--split", "train", "--data", "../photos").out


def test_a_path_that_cannot_be_used_leaves_nothing_behind() -> None:
    write({"a.txt": b"x"}, Path("notes"))
    assert_refused(clfw("run", "--model", "fashion_mlp", "--data", "./notes"), 65, "no reader")
    assert_refused(
        clfw("run", "--model", "fashion_mlp", "--data", "./none"), 66, "no file or folder"
    )


def test_a_zip_is_opened_once_for_all_readers_and_not_again_until_it_changes(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    pack(write(CLASSES, Path("photos")), Path("photos.zip"))
    openings = []
    original = ZipTree._directory
    monkeypatch.setattr(
        ZipTree, "_directory", lambda self: (openings.append(self), original(self))[1]
    )
    assert entry("photos.zip").component == "image_folder"
    assert len(openings) == 1
    again = entry("photos.zip")
    assert (again.component, again.seen) == (
        "image_folder",
        "a folder per class (2 classes, 8 pictures)",
    )
    assert len(openings) == 1
    pack(write(pictures("owl/1.png"), Path("photos")), Path("photos.zip"))
    assert "3 classes" in entry("photos.zip").seen
    assert len(openings) > 1


def test_the_kit_holds_a_reader_to_knowing_its_files(monkeypatch: pytest.MonkeyPatch) -> None:
    write(CLASSES, Path("photos"))
    offer = CATALOG.find("dataset", "image_folder")
    assert isinstance(offer.component, Dataset)
    check = dataset_checks(offer.component, offer.plugin, Path("photos"))["recognising its files"]
    check()
    for answer, said in (
        (None, "gives NoneType for the files"),
        (Detected(values={"colour": 1}, seen="pictures"), "sets 'colour', which is no parameter"),
        (Detected(values={}, seen=""), "says nothing of what it saw"),
    ):
        monkeypatch.setattr(
            "clfw_plugins.image_folder.detection.detect_folders", lambda *_, a=answer: a
        )
        with pytest.raises(Fault, match=said):
            check()


def test_a_sample_submission_of_another_layout_is_passed_over() -> None:
    write(pictures(*(f"train/{n}.png" for n in range(8)), "test/8.png"), Path("dogs"))
    write_list(Path("dogs/labels.csv"), [("id", "breed"), *((n, n % 2) for n in range(8))])
    write_list(Path("dogs/sample_submission.csv"), [("id", "pug", "boxer"), (8, 0.5, 0.5)])
    rows = opened("./dogs").rows
    assert rows.table.submission is None
    assert rows.classes == ("0", "1")


def test_an_idx_file_beside_its_packed_twin_is_one_file() -> None:
    images, labels = np.zeros((4, 4, 4), np.uint8), np.arange(4, dtype=np.uint8) % 2
    for name, array in (("train-images-idx3", images), ("train-labels-idx1", labels)):
        write(
            {f"{name}-ubyte": idx(array), f"{name}-ubyte.gz": gzip.compress(idx(array))}, Path("d")
        )
    assert opened("./d").rows.classes == ("0", "1")


def test_a_list_of_which_most_pictures_are_gone_names_every_row() -> None:
    write(pictures("0.png", "1.png", "2.png"), Path("set"))
    write_list(Path("set/list.csv"), [("file", "label"), *((f"{n}.png", n % 2) for n in range(10))])
    error = refusal("set/list.csv")
    assert "7 rows without a picture of their own" in error.message
    assert "list.csv:11 (column file): no picture" in error.message
    assert "data.root=FOLDER" in error.hint


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("", "list.csv:1: the file is empty"),
        ("file,label\n", "holds no rows below a line of columns"),
        ("file,file\na.png,b\n", "column 'file' appears twice"),
        (
            "\n".join([",".join(str(n % 9) for n in range(70))] * 3),
            "numbers, not the names of columns",
        ),
    ],
)
def test_a_list_that_cannot_be_used_is_refused_by_its_own_fault(text: str, said: str) -> None:
    Path("list.csv").write_text(text)
    error = refusal("list.csv")
    assert error.exit_code == 65
    assert said in error.message
