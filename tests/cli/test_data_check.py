"""`clfw data check`: what it finds in data that nobody prepared, and what it makes of it."""

import os
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from PIL import Image

from clfw.audit import image_scan
from clfw.audit.image_scan import PICTURE, scan_image
from clfw.audit.labels import few_or_uneven
from clfw.audit.near_duplicates import dhash_matches
from clfw.config.data_params import DataParams
from clfw.data.channel_stats import measure
from clfw.data.rows import check_rows
from commandline import assert_refused, clfw, succeed
from encoded import encoded, noise, soft, turned_jpeg
from row_tables import table
from tiny_sets import BARS, bar, pack, png, read_list, write_bars, write_list


def found(*arguments: object) -> dict[str, Any]:
    """The findings of a check by kind."""
    findings = clfw("data", "check", *arguments, "--json").json["findings"]
    kinds = [finding["kind"] for finding in findings]
    assert len(set(kinds)) == len(kinds)
    return dict(zip(kinds, findings, strict=True))


def keys(finding: dict[str, Any]) -> list[str]:
    """The keys of a finding's rows."""
    return [row["key"] for row in finding["rows"]]


def odd_pictures() -> dict[str, bytes]:
    """Files by name, each odd in one way; the fine ones are there for comparison."""
    frames = [Image.fromarray(soft(40, 40, seed)) for seed in (1, 2, 3)]
    deep = Image.fromarray(np.arange(1600, dtype=np.uint16).reshape(40, 40) * 40)
    palette = Image.fromarray(soft(40, 40, 7)).convert("P")
    other = Image.fromarray(soft(40, 40, 12)).convert("P")
    return {
        "fine.png": encoded(soft(40, 40, 4), "PNG"),
        "fine.jpg": encoded(soft(40, 50, 5), "JPEG"),
        "palette.png": encoded(palette, "PNG"),
        "grey.png": encoded(noise(40, 40, 1), "PNG"),
        "empty.png": b"",
        "page.jpg": b"<!DOCTYPE html><html><body>404</body></html>",
        "cut.jpg": encoded(soft(90, 90, 6), "JPEG")[:900],
        "moving.png": encoded(frames[0], "GIF"),
        "really_png.jpg": encoded(soft(40, 40, 8), "PNG"),
        "frames.webp": encoded(frames[0], "WEBP", save_all=True, append_images=frames[1:]),
        "alpha.png": encoded(Image.fromarray(soft(40, 40, 9)).convert("RGBA"), "PNG"),
        "clear.png": encoded(other, "PNG", transparency=0),
        "deep.png": encoded(deep, "PNG"),
        "cmyk.jpg": encoded(Image.fromarray(soft(40, 40, 10)).convert("CMYK"), "JPEG"),
        "bits.png": encoded(Image.fromarray(noise(40, 40, 1)).convert("1"), "PNG"),
        "turned.jpg": turned_jpeg(soft(40, 30, 11), 6),
        "blank.png": encoded(np.full((40, 40, 3), 200, np.uint8), "PNG"),
    }


@pytest.fixture
def photos() -> Path:
    """A folder per class, by name: ten fine pictures of each, and the odd ones among the first's."""
    for number in range(10):
        for name in ("cats", "dogs"):
            Path("photos", name).mkdir(parents=True, exist_ok=True)
            picture = encoded(soft(40, 40, 100 + number + 50 * (name == "dogs")), "PNG")
            Path("photos", name, f"{number}.png").write_bytes(picture)
    for name, data in odd_pictures().items():
        Path("photos/cats", name).write_bytes(data)
    Path("photos/.DS_Store").write_bytes(b"x")
    Path("photos/__MACOSX").mkdir()
    Path("photos/__MACOSX/._fine.png").write_bytes(b"x")
    return Path("photos")


ODD = {
    "unreadable": {"empty.png", "page.jpg", "cut.jpg", "moving.png"},
    "misnamed": {"really_png.jpg"},
    "animated": {"frames.webp"},
    "transparent": {"alpha.png", "clear.png"},
    "wide": {"deep.png"},
    "cmyk": {"cmyk.jpg"},
    "bilevel": {"bits.png"},
    "turned": {"turned.jpg"},
    "blank": {"blank.png"},
    "mixed": {"grey.png", "deep.png", "bits.png"},
}


def test_every_odd_picture_is_told_with_its_row_and_no_other(photos: Path) -> None:
    findings = found(photos)
    assert {
        kind: {key.removeprefix("cats/") for key in keys(findings[kind])} for kind in ODD
    } == ODD
    assert findings.keys() == {*ODD, "stray"}
    assert set(findings["stray"]["details"]) == {".DS_Store", "__MACOSX/._fine.png"}
    levels = {kind: finding["level"] for kind, finding in findings.items()}
    assert {kind for kind, level in levels.items() if level != "info"} == {"unreadable"}
    why = dict(line.split(": ", 1) for line in findings["unreadable"]["details"])
    assert why["cats/empty.png"] == "the file is empty"
    assert why["cats/page.jpg"] == "is a web page, not a picture"
    assert "truncated" in why["cats/cut.jpg"]
    assert why["cats/moving.png"].startswith("is not one of PNG")


def test_the_summary_has_what_the_set_holds_and_ends_with_the_exit_code(photos: Path) -> None:
    finished = clfw("data", "check", photos)
    assert finished.code == 65
    assert finished.err.splitlines()[-3:] == [
        "error: photos: 1 fault, as told above",
        "",
        "hint: mend the data, or let --write-exclude FILE list rows to leave out; "
        "--json names all rows",
    ]
    lines = finished.out.splitlines()
    assert lines[0].startswith("photos: full set, 37 pictures looked at in ")
    assert lines[3].startswith("formats  PNG RGB 23, ")
    assert "stops a training:" in lines
    assert "  4 pictures cannot be read" in lines
    assert "    cats/empty.png: the file is empty" in lines
    assert "  1 picture in CMYK, converted to RGB: cats/cmyk.jpg" in lines


def test_bad_pictures_that_a_run_would_skip_stop_nothing(photos: Path) -> None:
    finished = succeed("data", "check", photos, "--set", "data.on_bad_image=skip")
    assert finished.out.splitlines()[-1] == "sound: nothing stops or falsifies a training"
    assert "  4 pictures cannot be read" in finished.out.splitlines()


def test_a_list_of_rows_to_leave_out_makes_the_set_sound(
    photos: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("clfw.runs.end.draw_pictures", lambda *_: None)
    same = photos / "cats/fine.png"
    (photos / "dogs/same.png").write_bytes(same.read_bytes())
    written = clfw("data", "check", photos, "--write-exclude", "bad.csv")
    assert written.code == 65
    listed = {row["key"]: row["reason"] for row in read_list(Path("bad.csv"))}
    assert listed.keys() == {f"cats/{name}" for name in ODD["unreadable"]} | {
        "cats/fine.png", "dogs/same.png",
    }  # fmt: skip
    assert listed["cats/empty.png"] == "cannot be read: the file is empty"
    assert listed["dogs/same.png"].startswith("same picture as cats/fine.png (")
    assert listed["dogs/same.png"].endswith("with another label")
    exclude = ("--set", "data.exclude=bad.csv")
    again = succeed("data", "check", photos, *exclude)
    assert again.out.startswith("photos: full set, 32 pictures as ")
    assert again.out.splitlines()[1].endswith("; 6 left out")
    assert_refused(
        clfw("data", "check", photos, "--write-exclude", "bad.csv"), 73, "already exists"
    )
    run = ("run", "--data", photos, "--model", "fashion_mlp", "--steps", "1", *exclude)
    assert "warning" not in succeed(*run, "--set", "data.image_size=12").err


@pytest.fixture
def bars() -> Path:
    """A list of bars with labels in the test split too."""
    return write_bars(Path("bars"), test_labels=True)


def copy(folder: Path, source: str, *targets: str) -> None:
    """Put one picture in the place of others."""
    for target in targets:
        (folder / target).write_bytes((folder / source).read_bytes())


def test_one_picture_in_two_splits_or_with_two_labels_falsifies(bars: Path) -> None:
    copy(bars, "test/30.png", "train/0.png", "train/3.png")  # both are bottom bars
    copy(bars, "train/1.png", "train/2.png")
    copy(bars, "train/4.png", "train/7.png")
    whole = ("--set", "data.validation=0.0")
    findings = found(bars, *whole)
    assert keys(findings["leak"]) == ["0", "3", "30"]
    assert findings["leak"]["summary"].startswith("1 of 6 test pictures is in the train split too")
    assert keys(findings["contradiction"]) == ["1", "2"]
    assert keys(findings["repeated"]) == ["4", "7"]
    levels = [findings[kind]["level"] for kind in ("leak", "contradiction", "repeated")]
    assert levels == ["warning", "warning", "info"]
    assert clfw("data", "check", bars, *whole, "--write-exclude", "bad.csv").code == 65
    assert [row["key"] for row in read_list(Path("bad.csv"))] == ["0", "1", "2", "3", "7"]
    cleaned = found(bars, *whole, "--set", "data.exclude=bad.csv")
    assert not {"leak", "contradiction", "repeated"} & cleaned.keys()


def test_pictures_are_equal_by_their_pixels_whatever_their_bytes(bars: Path) -> None:
    picture = Image.open(bars / "train/6.png")
    (bars / "train/9.png").write_bytes(encoded(picture, "PNG", compress_level=0))
    assert (bars / "train/6.png").read_bytes() != (bars / "train/9.png").read_bytes()
    copy(bars, "train/12.png", "train/15.png")
    checked = clfw("data", "check", bars, "--set", "data.validation=0.0", "--json").json
    (repeated,) = checked["findings"]
    assert keys(repeated) == ["6", "9", "12", "15"]
    assert checked["equal"] == {"groups": 2, "pictures": 4, "groups_of_equal_files": 1}


def test_class_names_that_look_alike_are_told() -> None:
    write_bars(Path("bars"), classes=("top", "Top", "middle", "tοp"))
    (finding,) = (f for kind, f in found("bars").items() if kind == "alike")
    assert finding["level"] == "warning"
    assert finding["details"] == ["'Top', 'top', 't\\u03bfp'"]


def test_few_and_uneven_classes_are_told() -> None:
    labels = ["a"] * 40 + ["b"] * 3 + ["c"] * 12
    rare, uneven = few_or_uneven(check_rows(table(labels), DataParams(validation=0.0)))
    assert rare.summary == "fewer than 10 training pictures: 'b'"
    assert uneven.summary.startswith("classes are uneven: 40 training pictures of 'a', 3 of 'b'")
    even = check_rows(table(["a"] * 30 + ["b"] * 10), DataParams(validation=0.0))
    assert few_or_uneven(even) == []


FAULTS = {
    "unknown label": ("train.csv:2 (column label): label 'middle'", "top", 36),
    "one id twice": ("train.csv:32 (column id): '3' already appears at train.csv:5", "", 37),
    "no such picture": ("train.csv:32 (column id): no picture 'x' in 'train'", "", None),
    "a quote left open": ("train.csv:32", "", None),
}


@pytest.mark.parametrize("fault", FAULTS)
def test_a_fault_of_the_list_is_told_with_file_line_and_column(fault: str, bars: Path) -> None:
    message, names, pictures = FAULTS[fault]
    more = {
        "one id twice": "3,top\n",
        "no such picture": "x,top\n",
        "a quote left open": '"x,top\n',
    }
    with (bars / "train.csv").open("a") as file:
        file.write(more.get(fault, ""))
    given = [f"--set=data.class_names=['{names}']", f"--set=data.class_values=['{names}']"]
    checked = clfw("data", "check", bars, "--json", *(given if names else []))
    assert checked.code == 65
    assert checked.json.get("pictures") == pictures
    stops = [f for f in checked.json["findings"] if f["level"] == "error"]
    assert message.replace("middle", "bottom") in "\n".join(
        [stops[0]["summary"], *stops[0]["details"]]
    )
    assert "Traceback" not in checked.err


def test_rows_of_one_id_are_in_no_list_because_no_list_could_name_them(bars: Path) -> None:
    (bars / "train/3.png").write_bytes(b"")
    with (bars / "train.csv").open("a") as file:
        file.write("3,top\n")
    clfw("data", "check", bars, "--write-exclude", "bad.csv")
    assert read_list(Path("bad.csv")) == []


def test_what_was_seen_is_remembered_and_bad_files_are_tried_again(
    photos: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    first = clfw("data", "check", photos, "--json").json
    looked = []
    monkeypatch.setattr(
        image_scan, "scan_image", lambda data: looked.append(data) or scan_image(data)
    )
    assert clfw("data", "check", photos, "--json").json == first
    assert len(looked) == 4
    (record,) = Path(os.environ["CLFW_CACHE_DIR"], "examined").iterdir()
    record.write_bytes(b"damaged")
    assert clfw("data", "check", photos, "--json").json == first
    assert len(looked) == 4 + 37


def test_numbers_of_equal_sized_pictures_are_those_that_a_run_measures(bars: Path) -> None:
    rows = read_list(bars / "train.csv")
    images = np.stack([bar(BARS.index(r["label"]), int(r["id"])) for r in rows])[..., None]
    mean, std = measure(images, np.arange(len(images)))
    whole = succeed("data", "check", bars, "--json", "--set", "data.validation=0.0").json
    assert np.allclose(whole["mean"], mean, atol=1e-4)
    assert np.allclose(whole["std"], std, atol=1e-4)
    side = {"least": 12, "median": 12, "most": 12}
    assert whole["sizes"] == {"height": side, "width": side, "longer_side": {"under 16": 36}}
    assert whole["formats"] == {"PNG L": 36}
    counts = {name: split["pictures"] for name, split in whole["splits"].items()}
    assert counts == {"train": 30, "validation": 0, "test": 6}
    assert whole["splits"]["train"]["classes"] == {"bottom": 10, "middle": 10, "top": 10}


def test_a_zip_is_checked_in_place(photos: Path) -> None:
    archive = pack(photos, Path("photos.zip"), wrap="photos")
    findings = found(archive)
    assert findings.keys() == {*ODD, "stray"}
    assert set(findings["stray"]["details"]) == {"photos/.DS_Store", "photos/__MACOSX/._fine.png"}


def test_a_wrong_suffix_is_seen_where_the_list_has_ids_alone(bars: Path) -> None:
    (bars / "train/8.png").rename(bars / "train/8.jpg")
    findings = found(bars)
    assert keys(findings["misnamed"]) == ["8"]
    assert findings["misnamed"]["details"] == ["train.csv:10 '8' is PNG"]


def test_pictures_that_are_no_files_are_checked_too() -> None:
    levels = [[n % 2, *((n * 40 + k) % 256 for k in range(4))] for n in range(20)]
    write_list(Path("digits.csv"), [("label", *(f"pixel{k}" for k in range(4))), *levels])
    checked = succeed("data", "check", "pixel_csv", "--set", "data.path=digits.csv", "--json").json
    assert checked["formats"] == {"array L": 20}
    assert checked["sizes"]["height"]["most"] == 2
    assert "misnamed" not in [finding["kind"] for finding in checked["findings"]]


def described(picture: "np.ndarray | Image.Image", form: str, **options: Any) -> np.ndarray:
    """What is kept of a picture."""
    row = np.zeros(1, PICTURE)
    row[0] = ("", *scan_image(encoded(picture, form, **options)))
    return row[0]


def test_a_photograph_scaled_compressed_or_brightened_is_near_and_another_is_not() -> None:
    original = soft(160, 200, 1)
    picture = Image.fromarray(original)
    versions = [
        described(original, "PNG"),
        described(original, "JPEG", quality=40),
        described(picture.resize((100, 80)), "JPEG"),
        described(picture.point(lambda level: min(255, int(level * 1.1))), "JPEG"),
        described(picture.convert("L"), "PNG"),
    ]
    others = [described(soft(160, 200, seed), "JPEG") for seed in range(2, 30)]
    pairs = dhash_matches(np.array([*versions, *others]))
    assert {pair for pair in pairs if 0 in pair} == {(0, n) for n in range(1, 5)}
    assert all(max(pair) < len(versions) for pair in pairs)
    equal = described(original, "PNG", compress_level=0)
    assert (
        dhash_matches(np.array([versions[0], equal])) == []
    )  # that is a duplicate, not a near one


def test_near_duplicates_are_looked_for_on_request_among_photographs(photos: Path) -> None:
    for number, name in enumerate(("cats/big.jpg", "dogs/big.jpg")):
        big = Image.fromarray(soft(100, 100, 1)).resize((100 + 9 * number, 100))
        (photos / name).write_bytes(encoded(big, "JPEG"))
    assert "near" not in found(photos)
    near = found(photos, "--near")
    assert keys(near["near"]) == ["cats/big.jpg", "dogs/big.jpg"]
    assert near["small"]["summary"].startswith("33 pictures with a side under 64 pixels")
    assert near["near"]["level"] == "info"


@pytest.mark.parametrize(
    ("arguments", "code", "message"),
    [
        (("fashion_cvs",), 2, "fashion_cvs"),
        (("no/such/folder",), 66, "no/such/folder"),
        (("fashion_csv", "--set", "train.lr=1"), 2, "--set train: nothing is trained here"),
        (("fashion_csv", "--set", "data.exclude=gone.csv"), 66, "gone.csv"),
        (("fashion_csv", "--write-exclude", "no/bad.csv"), 73, "no folder no"),
    ],
)
def test_what_cannot_be_checked_is_one_error(arguments: Any, code: int, message: str) -> None:
    assert_refused(clfw("data", "check", *arguments), code, message)


def test_a_set_that_is_one_picture_is_told_to_be_untrainable() -> None:
    Path("one/cat").mkdir(parents=True)
    Path("one/cat/0.png").write_bytes(png(bar(0, 0)))
    finished = clfw("data", "check", "one")
    assert finished.code == 65
    assert "stops a training:" in finished.out
