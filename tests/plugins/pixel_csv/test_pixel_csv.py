"""Pictures written out in CSV files: what is read, and what is refused with its place."""

import csv
import io
import random
import zipfile
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
from numpy.typing import NDArray

from clfw import DataError, Table
from clfw.api.array_source import ArraySource
from clfw.config.data_params import DataParams
from clfw.data.rows import check_rows
from clfw_plugins.pixel_csv import parsing
from clfw_plugins.pixel_csv.params import PixelCsvParams
from clfw_plugins.pixel_csv.reader import open_pixel_csv

PIXELS = np.random.default_rng(0).integers(0, 256, (6, 2, 2), dtype=np.uint8)
LABELS = ["3", "1", "2", "3", "1", "2"]
HEADER = "label,pixel0,pixel1,pixel2,pixel3"


def text_of(
    pixels: NDArray[np.uint8], labels: list[str] | None, *, end: str = "\n", quote: bool = False
) -> str:
    """The CSV text of some pictures."""
    stream = io.StringIO()
    style = csv.QUOTE_ALL if quote else csv.QUOTE_MINIMAL
    writer = csv.writer(stream, lineterminator=end, quoting=style)
    flat = pixels.reshape(len(pixels), -1)
    writer.writerow(
        ([] if labels is None else ["label"]) + [f"pixel{i}" for i in range(flat.shape[1])]
    )
    for number, values in enumerate(flat.tolist()):
        writer.writerow(([] if labels is None else [labels[number]]) + values)
    return stream.getvalue()


PLAIN = text_of(PIXELS, LABELS)


def write(folder: Path, **files: str | bytes) -> Path:
    """A folder of CSV files, named without their suffix."""
    folder.mkdir(exist_ok=True)
    for name, content in files.items():
        data = content.encode() if isinstance(content, str) else content
        (folder / f"{name}.csv").write_bytes(data)
    return folder


def source_of(train: str | bytes, **values: object) -> ArraySource:
    """The source of one training file."""
    return open_pixel_csv(PixelCsvParams(**values), write(Path("set"), train=train))


def pictures(source: ArraySource) -> list[object]:
    """Every picture of a source, as nested lists."""
    return [source.read(row).tolist() for row in range(len(source.table().keys))]


def refusal(act: Callable[[], object]) -> str:
    """Message and hint of the `DataError` that `act` ends in."""
    with pytest.raises(DataError) as caught:
        act()
    return f"{caught.value.message}\n{caught.value.hint}"


def test_rows_become_pictures_with_labels_keys_and_places() -> None:
    source = source_of(PLAIN)
    table = source.table()
    assert list(table.labels) == LABELS
    assert list(table.keys) == ["1", "2", "3", "4", "5", "6"]
    assert table.locations[0] == "train.csv:2"
    assert table.locations[5] == "train.csv:7"
    assert set(table.splits) == {"train"}
    assert pictures(source) == PIXELS.tolist()
    assert source.read(3).dtype == np.uint8


@pytest.mark.parametrize(
    "text",
    [
        text_of(PIXELS, LABELS, end="\r\n"),
        text_of(PIXELS, LABELS, end="\r"),
        text_of(PIXELS, LABELS, quote=True),
        PLAIN.replace(",", ";"),
        PLAIN.replace(",", "\t"),
        PLAIN.replace(",", ", "),
        PLAIN.rstrip(),
        PLAIN + "\n\n",
        PLAIN.replace("\n", "\n\n", 2),
        "\n" + PLAIN,
        " \n\t\r\n" + PLAIN.replace(",", ";"),
        PLAIN.encode("utf-16"),
        "\ufeff" + PLAIN,
        PLAIN.replace("label", '"label"').replace("pixel0", '"pixel0"'),
        PLAIN.replace("\n3,", '\n"3",'),
    ],
    ids=[
        "crlf",
        "cr",
        "quoted",
        "semicolons",
        "tabs",
        "spaces",
        "no last line end",
        "blank lines at the end",
        "blank lines between",
        "blank line before",
        "blank lines of spaces before",
        "UTF-16",
        "byte-order mark",
        "quoted header",
        "quoted labels",
    ],
)
def test_every_common_way_of_writing_gives_the_same_pictures(text: str | bytes) -> None:
    source = source_of(text)
    assert list(source.table().labels) == LABELS
    assert pictures(source) == PIXELS.tolist()


def test_the_fast_and_the_strict_way_agree(monkeypatch: pytest.MonkeyPatch) -> None:
    random_pixels = np.random.default_rng(1).integers(0, 256, (300, 5, 5), dtype=np.uint8)
    text = text_of(random_pixels, [str(i % 7) for i in range(300)])
    monkeypatch.setattr(parsing, "PIECE", 1000)  # so that the file is taken in many pieces
    fast = source_of(text)
    monkeypatch.setattr(parsing, "fast_rows", lambda data, line, layout: None)
    strict = source_of(text)
    assert fast.table() == strict.table()
    assert pictures(fast) == pictures(strict) == random_pixels.tolist()


def test_plain_files_never_take_the_strict_way(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(parsing, "strict_rows", lambda *_: pytest.fail("taken value by value"))
    assert pictures(source_of(PLAIN)) == PIXELS.tolist()


def test_lines_are_counted_across_pieces(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(parsing, "PIECE", 10)
    lines = PLAIN.splitlines()
    lines[6] = lines[6].replace(lines[6].split(",")[2], "999")
    text = "\n".join([lines[0], "", *lines[1:]])
    assert "train.csv:8 (column pixel1): '999'" in refusal(source_of(text).table)


def test_line_ends_of_two_kinds_are_counted_alike(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(parsing, "PIECE", 10)
    text = HEADER + "\n1,1,1,1,1\r1,2,2,2,2\r\n1,3,3,3,3\n1,4,4,4,x\n"
    assert "train.csv:5 (column pixel3): 'x'" in refusal(source_of(text).table)


def test_pictures_of_one_pixel_may_have_blank_lines_between() -> None:
    one = text_of(PIXELS[:2, :1, :1], ["a", "b"])
    folder = write(Path("set"), train=one, test="pixel0\n4\n\n5\n")
    source = open_pixel_csv(PixelCsvParams(), folder)
    assert source.table().locations[2:] == ["test.csv:2", "test.csv:4"]
    assert [source.read(2).item(), source.read(3).item()] == [4, 5]


def test_a_label_may_hold_delimiters_and_line_ends(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(parsing, "PIECE", 10)
    text = HEADER + '\n"a, b",1,1,1,1\n"c\nd",2,2,2,2\ne,3,3,3,3\n'
    assert list(source_of(text).table().labels) == ["a, b", "c\nd", "e"]


def test_columns_are_found_by_name_and_pixels_put_in_the_order_of_their_numbers() -> None:
    order = [3, 0, 4, 2, 1]
    text = "\n".join(
        ",".join(line.split(",")[column] for column in order) for line in PLAIN.splitlines()
    )
    source = source_of(text)
    assert list(source.table().labels) == LABELS
    assert pictures(source) == PIXELS.tolist()


def test_pixel_names_without_a_running_number_keep_the_order_of_the_file() -> None:
    text = PLAIN.replace(HEADER, "label,1x1,1x2,2x1,2x2")
    assert pictures(source_of(text)) == PIXELS.tolist()


def test_pixels_of_the_test_file_are_matched_by_name_or_by_number() -> None:
    one = "label,up,left,right,down\na,1,2,3,4\nb,5,6,7,8\n"
    folder = write(Path("set"), train=one, test="down,up,right,left\n4,1,3,2\n")
    assert pictures(open_pixel_csv(PixelCsvParams(), folder))[2] == [[1, 2], [3, 4]]
    write(folder, test="down,up,right,middle\n4,1,3,2\n")
    said = refusal(open_pixel_csv(PixelCsvParams(), folder).table)
    assert "test.csv:1: no column 'left' among the pixels, and train.csv has it" in said
    write(
        folder,
        train=one.replace("up,left,right,down", "p0,p1,p2,p3"),
        test="q4,q1,q3,q2\n4,1,3,2\n",
    )
    assert pictures(open_pixel_csv(PixelCsvParams(), folder))[2] == [[1, 2], [3, 4]]


def test_an_id_column_gives_the_keys() -> None:
    lines = PLAIN.splitlines()
    text = "\n".join(["id," + lines[0], *(f"a{i},{line}" for i, line in enumerate(lines[1:]))])
    source = source_of(text, id="id")
    assert list(source.table().keys) == ["a0", "a1", "a2", "a3", "a4", "a5"]
    assert pictures(source) == PIXELS.tolist()


def test_height_width_and_channels_shape_the_pictures() -> None:
    pixels = np.arange(2 * 2 * 3 * 3, dtype=np.uint8).reshape(2, 2, 3, 3)
    text = text_of(pixels, ["a", "b"])
    source = source_of(text, height=2, pixel_channels=3)
    assert source.read(0).shape == (2, 3, 3)
    assert pictures(source) == pixels.tolist()
    wide = source_of(text, width=9)
    assert wide.read(1).shape == (2, 9)


def test_test_rows_without_labels_and_the_layout_of_predictions_are_read() -> None:
    text = text_of(PIXELS[:3], None)
    ids = "ImageId,Label\n2,0\n1,0\n3,0\n"
    folder = write(Path("set"), train=PLAIN, test=text, sample_submission=ids, notes="a\n1\n")
    source = open_pixel_csv(PixelCsvParams(), folder)
    table = source.table()
    assert list(table.splits[5:]) == ["train", "test", "test", "test"]
    assert list(table.keys[6:]) == ["1", "2", "3"]
    assert list(table.labels[6:]) == [None, None, None]
    assert table.locations[6] == "test.csv:2"
    assert source.read(7).tolist() == PIXELS[1].tolist()
    assert table.submission is not None
    assert table.submission.keys == ("2", "1", "3")
    assert (table.submission.key_column, table.submission.label_column) == ("ImageId", "Label")
    assert table.unused_files == ("notes.csv",)


def test_test_rows_with_labels_keep_them() -> None:
    folder = write(Path("set"), train=PLAIN, test=text_of(PIXELS[:2], ["1", "2"]))
    assert list(open_pixel_csv(PixelCsvParams(), folder).table().labels[6:]) == ["1", "2"]


@pytest.mark.parametrize(
    ("ids", "message"),
    [
        ("1,0\n2,0\n2,0\n", "sample_submission.csv:4 (column ImageId): '2' appears twice"),
        ("1,0\n2,0\n4,0\n", "sample_submission.csv:4 (column ImageId): '4' is no row of test.csv"),
        ("1,0\n2,0\n", "sample_submission.csv:3: 2 ids, and test.csv has 3 rows"),
    ],
)
def test_a_submission_whose_ids_are_not_those_of_the_test_rows_is_refused(
    ids: str, message: str
) -> None:
    text = text_of(PIXELS[:3], None)
    submission = f"ImageId,Label\n{ids}"
    folder = write(Path("set"), train=PLAIN, test=text, sample_submission=submission)
    assert message in refusal(open_pixel_csv(PixelCsvParams(), folder).table)


def test_a_zip_and_a_single_file_are_read_as_the_folder_is() -> None:
    folder = write(Path("set"), train=PLAIN)
    with zipfile.ZipFile("set.zip", "w", zipfile.ZIP_DEFLATED) as archive:
        archive.write(folder / "train.csv", "digits/train.csv")
    (folder / "train.csv").rename("digits.csv")
    for path in (Path("set.zip"), Path("digits.csv")):
        source = open_pixel_csv(PixelCsvParams(), path)
        assert pictures(source) == PIXELS.tolist()
        assert list(source.table().labels) == LABELS


def test_class_names_stand_for_the_numbers_from_0() -> None:
    table = source_of(PLAIN, class_names=("zero", "one", "two", "three")).table()
    rows = check_rows(table, DataParams(validation=0))
    assert rows.classes == ("zero", "one", "two", "three")
    assert rows.targets.tolist() == [3, 1, 2, 3, 1, 2]


def test_a_label_that_is_no_class_is_named_with_its_line() -> None:
    table = source_of(PLAIN, class_names=("a", "b", "c")).table()
    message = refusal(lambda: check_rows(table, DataParams()))
    assert "train.csv:2 (column label): label '3' is not one of the 3 classes" in message


def edited_stamps(old: str, new: str, **values: object) -> tuple[Table, Table]:
    """The tables before and after a change of the file."""
    before = source_of(PLAIN).table()
    assert old in PLAIN
    return before, source_of(PLAIN.replace(old, new, 1), **values).table()


def test_an_edited_label_leaves_every_stamp_and_an_edited_pixel_changes_one() -> None:
    before, after = edited_stamps("\n3,", "\n1,")
    assert before.versions == after.versions
    value = str(int(PIXELS[0, 0, 0]))
    before, after = edited_stamps(f"\n3,{value},", f"\n3,{int(value) ^ 1},")
    assert before.versions[0] != after.versions[0]
    assert before.versions[1:] == after.versions[1:]


def test_another_shape_of_the_same_pixels_changes_the_stamps() -> None:
    before, after = edited_stamps("label", "label", height=1)
    assert not set(before.versions) & set(after.versions)


def test_identity_changes_with_the_file() -> None:
    first = source_of(PLAIN).identity()
    assert source_of(PLAIN).identity() != ""
    assert source_of(PLAIN + "1,2,3,4,5\n").identity() != first
    Path("lone.csv").write_text(PLAIN)
    lone = open_pixel_csv(PixelCsvParams(), Path("lone.csv")).identity()
    Path("lone.csv").write_text(PLAIN + "1,2,3,4,5\n")
    assert open_pixel_csv(PixelCsvParams(), Path("lone.csv")).identity() != lone


ROW = PLAIN.splitlines()[3]
BAD_ROWS = {
    "256": ("2,256,1,1,1", "train.csv:4 (column pixel0): '256' is not a whole number"),
    "negative": ("2,1,-1,1,1", "train.csv:4 (column pixel1): '-1' is not a whole number"),
    "float": ("2,1,1,1.0,1", "train.csv:4 (column pixel2): '1.0' is not a whole number"),
    "text": ("2,1,1,1,abc", "train.csv:4 (column pixel3): 'abc' is not a whole number"),
    "exponent": ("2,1,1,1,1e2", "train.csv:4 (column pixel3): '1e2'"),
    "not a number": ("2,nan,1,1,1", "train.csv:4 (column pixel0): 'nan'"),
    "empty pixel": ("2,,1,1,1", "train.csv:4 (column pixel0): '' is not"),
    "huge": (f"2,{'9' * 5000},1,1,1", "train.csv:4 (column pixel0): '9999"),
    "other digits": ("2,٣,1,1,1", "train.csv:4 (column pixel0): '٣'"),
    "escape sequence": ("2,\x1b[2J,1,1,1", "(column pixel0): '\\x1b[2J'"),
    "short": ("2,1,1,1", "train.csv:4 (column pixel3): 4 values, expected 5"),
    "long": ("2,1,1,1,1,1", "train.csv:4 (column 6): 6 values, expected 5"),
    "empty label": (",1,1,1,1", "train.csv:4 (column label): the label is empty"),
    "unclosed quote": ('2,"1,1,1,1', "train.csv:4 (column 2): an unclosed quote"),
    "formula": ("2,=1+1,1,1,1", "train.csv:4 (column pixel0): '=1+1'"),
}


@pytest.mark.parametrize(("row", "message"), BAD_ROWS.values(), ids=BAD_ROWS)
def test_a_bad_row_is_named_with_file_line_and_column(row: str, message: str) -> None:
    assert message in refusal(source_of(PLAIN.replace(ROW, row, 1)).table)


def test_all_bad_rows_are_counted_and_twenty_are_named() -> None:
    text = HEADER + "\n" + "1,0,0,0,999\n" * 30
    message = refusal(source_of(text).table)
    assert "30 rows that cannot be used" in message
    assert "train.csv:21 (column pixel3)" in message
    assert "train.csv:22" not in message
    assert "and 10 more" in message


BAD_FILES = {
    "empty": (b"", "train.csv:1: the file is empty"),
    "header alone": (HEADER.encode() + b"\n", "train.csv:1: a header and no rows"),
    "half of UTF-16": (
        PLAIN.encode("utf-16")[:-1],
        "train.csv:7 (column 5): byte 0x0a is not UTF-16",
    ),
    "latin-1": (
        PLAIN.replace("\n3,", "\né,", 1).encode("latin-1"),
        "train.csv:2 (column 1): byte 0xe9",
    ),
    "NUL": (PLAIN.replace("\n3,", "\n\0,", 1).encode(), "train.csv:2 (column 1): contains a NUL"),
    "no header": (b"5,0,0,0,0\n", "train.csv:1: the first line holds numbers"),
    "no label": (PLAIN.replace("label", "Label").encode(), "did you mean 'Label'?"),
    "column named twice": (PLAIN.replace("pixel1", "pixel0").encode(), "'pixel0' appears twice"),
    "column without a name": (PLAIN.replace("pixel1", "").encode(), "column 3 has no name"),
    "no square": (b"label,pixel0,pixel1,pixel2\n1,2,3,4\n", "3 pixel columns are no square"),
    "missing pixel": (
        PLAIN.replace("pixel2", "pixel4").encode(),
        "train.csv:1: no column 'pixel2' among the pixels",
    ),
    "index column": (
        b"Unnamed: 0,label,pixel0,pixel1,pixel2,pixel3\n0,1,2,3,4,5\n",
        "column 'Unnamed: 0' is neither the label nor a pixel",
    ),
    "label alone": (b"label\n1\n", "0 pixel columns"),
}


@pytest.mark.parametrize(("data", "message"), BAD_FILES.values(), ids=BAD_FILES)
def test_a_bad_file_is_named_with_what_is_wrong(data: bytes, message: str) -> None:
    assert message in refusal(source_of(data).table)


def test_a_size_that_the_columns_do_not_fill_is_refused() -> None:
    message = refusal(source_of(PLAIN, height=3).table)
    assert "4 pixel columns, and 3x1x1 needs 3" in message
    assert "data.width" in message


def test_test_rows_of_another_size_are_refused() -> None:
    other = text_of(np.zeros((2, 3, 3), np.uint8), None)
    folder = write(Path("set"), train=PLAIN, test=other)
    message = refusal(open_pixel_csv(PixelCsvParams(), folder).table)
    assert "test.csv:1: 9 pixel columns, and train.csv has 4" in message


def test_a_missing_file_is_answered_with_the_nearest_name() -> None:
    folder = write(Path("set"), trian=PLAIN)
    message = refusal(open_pixel_csv(PixelCsvParams(), folder).table)
    assert "set: no file 'train.csv'" in message
    assert "did you mean 'trian.csv'?" in message


@pytest.mark.parametrize("seed", range(40))
def test_a_damaged_file_is_refused_with_its_name_or_read_as_it_now_stands(seed: int) -> None:
    draw = random.Random(seed)
    data = bytearray(PLAIN.encode())
    for _ in range(draw.randint(1, 3)):
        data[draw.randrange(len(HEADER) + 1, len(data))] = draw.choice(
            b'0123456789,;"\n\r\t -.\0x\xff'
        )
    source = source_of(bytes(data))
    try:
        table = source.table()
    except DataError as error:
        assert "train.csv" in error.message
        return
    read = csv.reader(io.StringIO(bytes(data).decode(), newline=""))
    rows = [row for row in read if "".join(row).strip()][1:]
    assert list(table.labels) == [row[0].strip() for row in rows]
    assert [source.read(i).ravel().tolist() for i in range(len(rows))] == [
        [int(value) for value in row[1:]] for row in rows
    ]
