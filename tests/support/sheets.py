"""Small tables as CSV text, whose every row knows its line; and what clfw reads from them."""

from collections.abc import Sequence
from copy import deepcopy
from dataclasses import dataclass, field
from pathlib import Path
from random import Random

from clfw.api.source import Source, Table
from clfw.config.data_params import DataParams
from clfw.data.rows import check_rows
from clfw_plugins.csv_images.params import CsvImagesParams
from clfw_plugins.csv_images.reader import open_csv_images
from clfw_plugins.pixel_csv.params import PixelCsvParams
from clfw_plugins.pixel_csv.reader import open_pixel_csv

FILE = "train.csv"
CLASSES = ("ankle boot", "T-shirt, long", "été")
NUMBERS = ("0", "1", "2")
KEYS = [f"{n}{sum(map(int, str(n))) % 10}" for n in range(101, 161)]  # one digit off is none
NOTES = ("", "plain", "a, b", 'says "no"', "semi; colon", "tab\there", "über", "two\nlines", "=1+1")
Row = tuple[str, str, bytes]  # key, class name, picture


@dataclass
class Sheet:
    """A table to be written, and where each cell of it comes to stand.

    Attributes:
        pixels: whether it holds pictures as pixels; else it lists picture files.
        labels: the label text of each of `CLASSES`.
        texts: cells written as they are here instead of as they should be, by row and column.
        before: text in front of a row, as a blank line; by row.
    """

    pixels: bool
    labels: Sequence[str]
    header: list[str]
    rows: list[list[str]]
    delimiter: str = ","
    end: str = "\n"
    quoted: bool = False
    last_end: bool = True
    texts: dict[tuple[int, int], str] = field(default_factory=dict)
    before: dict[int, str] = field(default_factory=dict)

    @property
    def label(self) -> int:
        """Number of the label column."""
        return self.header.index("label")

    @property
    def id(self) -> int | None:
        """Number of the id column, if there is one."""
        return self.header.index("id") if "id" in self.header else None

    def cell(self, row: int, column: int) -> str:
        """A cell as it is written; row -1 is the header."""
        if (row, column) in self.texts:
            return self.texts[row, column]
        value = (self.rows[row] if row >= 0 else self.header)[column]
        special = any(c in value for c in '",;\t\r\n')
        if special or self.quoted:
            return '"' + value.replace('"', '""') + '"'
        return value

    def line(self, row: int) -> str:
        """A row as it is written, without its line end."""
        cells = self.rows[row] if row >= 0 else self.header
        return self.delimiter.join(self.cell(row, column) for column in range(len(cells)))

    def text(self) -> str:
        """The whole file."""
        lines = [
            self.before.get(row, "") + self.line(row) + self.end
            for row in range(-1, len(self.rows))
        ]
        text = "".join(lines)
        return text if self.last_end else text.removesuffix(self.end)

    def line_of(self, row: int) -> int:
        """The line on which a row begins."""
        head = "".join(
            self.before.get(r, "") + self.line(r) + self.end for r in range(-1, row)
        ) + self.before.get(row, "")
        return 1 + head.replace("\r\n", "\n").replace("\r", "\n").count("\n")


def drawn_sheet(draw: Random, pixels: bool, plain: bool = False) -> Sheet:
    """A sound table of a few rows; a `plain` one has nothing that a changed byte could hide in.

    Where damage is at random, labels are words far apart: a digit for a digit is another table.
    """
    numbered = draw.random() < 0.5 and not (plain and not pixels)
    labels = NUMBERS if numbered else CLASSES
    count = draw.randrange(5, 12)
    keys = draw.sample(KEYS, count)
    if pixels:
        header = ["label", *(f"pixel{n}" for n in range(4))]
        rows = [
            [labels[n % 3], *(str(draw.randrange(256)) for _ in range(4))] for n in range(count)
        ]
        if draw.random() < 0.5 and not plain:
            header = ["id", *header]
            rows = [[key, *row] for key, row in zip(keys, rows, strict=True)]
    else:
        header = ["id", "label", "note", "site"][: 3 if plain else 4]
        rows = [
            [key, labels[n % 3], draw.choice(NOTES), f"s{n % 4}"][: len(header)]
            for n, key in enumerate(keys)
        ]
        if draw.random() < 0.3:
            order = draw.sample(range(len(header)), len(header))
            header = [header[column] for column in order]
            rows = [[row[column] for column in order] for row in rows]
    sheet = Sheet(pixels, labels, header, rows)
    sheet.delimiter = draw.choice(",,;\t")
    sheet.end = draw.choice(("\n", "\n", "\r\n", "\r"))
    sheet.quoted = draw.random() < 0.2
    return sheet


def copied(sheet: Sheet) -> Sheet:
    """A sheet to change."""
    return deepcopy(sheet)


def lay_out_pictures(folder: Path) -> None:
    """A picture file for every id that a drawn sheet may hold."""
    for key in KEYS:
        path = folder / "train" / f"{key}.png"
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(key.encode())


def source_of(sheet: Sheet, data: bytes, folder: Path, alone: bool) -> Source:
    """The source that reads `data`, in a folder of pictures or `alone`, as it would the sheet."""
    path = folder / FILE
    path.write_bytes(data)
    values = {"class_names": CLASSES, "class_values": tuple(sheet.labels)}
    if sheet.pixels:
        id_column = "id" if sheet.id is not None else ""
        return open_pixel_csv(PixelCsvParams(**values, id=id_column), path if alone else folder)
    group = "site" if "site" in sheet.header else ""
    params = CsvImagesParams(**values, image="id", group=group)
    return open_csv_images(params, path if alone else folder)


def read_sheet(sheet: Sheet, data: bytes, folder: Path, alone: bool) -> tuple[list[Row], Table]:
    """The rows that clfw makes of `data`, and their table.

    Raises:
        ClfwError: what a person would see.
    """
    source = source_of(sheet, data, folder, alone)
    rows = check_rows(source.table(), DataParams(validation=0.0))
    table = rows.table
    groups = table.groups or [""] * len(table.keys)
    return [
        (f"{key} {group}", rows.classes[target], bytes(source.read(number)))
        for number, (key, group, target) in enumerate(
            zip(table.keys, groups, rows.targets.tolist(), strict=True)
        )
    ], table


def meant(sheet: Sheet) -> list[Row]:
    """The rows that the sheet means, worked out without clfw."""
    names = dict(zip(sheet.labels, CLASSES, strict=True))
    rows = []
    for number, row in enumerate(sheet.rows, 1):
        cells = dict(zip(sheet.header, row, strict=True))
        key, group = cells.get("id", str(number)), cells.get("site", "")
        if sheet.pixels:
            picture = bytes(int(cells[f"pixel{n}"]) for n in range(4))
        else:
            picture = key.removesuffix(".png").encode()
        rows.append((f"{key} {group}", names[cells["label"]], picture))
    return rows
