"""What people and programs do to the cells and bytes of CSV files: operators like those of forms."""

import unicodedata
from random import Random

from clfw.io.csv_file import MAX_FIELD
from csv_mutations import BOTH, LISTS, PIXELS, RANDOM, Mutation, bad, of, same, some_id, some_row
from sheets import Sheet

# Labels

MISSING = ("", " ", "NA", "N/A", "nan", "NaN", "NULL", "null", "None", "#N/A", "-", "?")


@of(BOTH)
def label_missing(sheet: Sheet, draw: Random) -> Mutation:
    row = some_row(sheet, draw)
    sheet.rows[row][sheet.label] = draw.choice(MISSING)
    return bad(sheet, row, sheet.label)


@of(BOTH)
def label_of_no_class(sheet: Sheet, draw: Random) -> Mutation:
    row = some_row(sheet, draw)
    label = draw.choice(("shoe", "-1", "-100", "3", "10", "9" * 400, "1e0", "=1+1", "0x1", "٣"))
    sheet.rows[row][sheet.label] = label
    return bad(sheet, row, sheet.label)


@of(BOTH)
def label_that_resembles_its_class(sheet: Sheet, draw: Random) -> Mutation:
    row = some_row(sheet, draw)
    label = sheet.rows[row][sheet.label]
    alike = {
        label.upper(), label.title(), label + ".", label + "\u200b", label[0] + "\u200d" + label[1:],
        label.replace("a", "а"), label.replace("o", "0"), label.replace(" ", "_"),
        label.replace(" ", "  "), unicodedata.normalize("NFD", label), f"{label}.0", f"0{label}",
        f"+{label}", f"{label}e0", f"'{label}'", label.replace(",", "\uff0c"), "\ufeff" + label,
    }  # fmt: skip
    sheet.rows[row][sheet.label] = draw.choice(sorted(alike - {label}))
    return bad(sheet, row, sheet.label)


@of(BOTH)
def huge_label(sheet: Sheet, draw: Random) -> Mutation:
    row = some_row(sheet, draw)
    sheet.rows[row][sheet.label] = "x" * draw.choice((10**4, 200_000, MAX_FIELD, MAX_FIELD + 1))
    return bad(sheet, row, sheet.label)


@of(BOTH)
def escape_sequences(sheet: Sheet, draw: Random) -> Mutation:
    row = some_row(sheet, draw)
    sheet.rows[row][sheet.label] = draw.choice(("\x1b[2J", "\u202ex", "a\x07", "\x9b31m"))
    return bad(sheet, row, sheet.label)


# Ids


@of(LISTS)
def id_of_no_picture(sheet: Sheet, draw: Random) -> Mutation:
    row, column = some_row(sheet, draw), some_id(sheet)
    key = sheet.rows[row][column]
    forms = (
        f"0{key}", f"00{key}", f"{key}.0", f"{key}e0", "1e5", f"+{key}", f"-{key}", f"{key}.jpg",
        f"{key}.PNG", f"'{key}'", f"{key}\u200b", f"\ufeff{key}", f"=A{key}", "999", "x" * 10**5,
        f"{int(key):,}" if len(key) > 3 else f"{key[0]},{key[1:]}", "train", "train/", ".", "nan",
    )  # fmt: skip
    sheet.rows[row][column] = draw.choice(forms)
    return bad(sheet, row, column)


@of(LISTS)
def id_that_leads_outside(sheet: Sheet, draw: Random) -> Mutation:
    row, column = some_row(sheet, draw), some_id(sheet)
    key = sheet.rows[row][column]
    forms = (f"/{key}", f"../{key}", f"../train/{key}", "/etc/passwd", f"a/../{key}", "..", "C:\\x")
    sheet.rows[row][column] = draw.choice(forms)
    return bad(sheet, row, column)


@of(LISTS)
def id_missing(sheet: Sheet, draw: Random) -> Mutation:
    row = some_row(sheet, draw)
    sheet.rows[row][some_id(sheet)] = draw.choice(("", " "))
    return bad(sheet, row, some_id(sheet))


@of(LISTS)
def id_written_as_a_path(sheet: Sheet, draw: Random) -> Mutation:
    """Means the same picture under another key, so the key is what it says."""
    for row in sheet.rows:
        row[some_id(sheet)] += ".png"
    return same(sheet)


@of(LISTS)
def id_twice(sheet: Sheet, draw: Random) -> Mutation:
    row = some_row(sheet, draw)
    again = list(sheet.rows[row])
    if draw.random() < 0.5:
        again[sheet.label] = draw.choice([x for x in sheet.labels if x != again[sheet.label]])
    if draw.random() < 0.5:
        again[some_id(sheet)] = draw.choice(("{}.png", "train/{}.png", "train/{}")).format(
            again[some_id(sheet)]
        )
    at = draw.randrange(row + 1, len(sheet.rows) + 1)
    sheet.rows.insert(at, again)
    return bad(sheet, at, some_id(sheet))


@of(PIXELS)
def id_twice_or_missing(sheet: Sheet, draw: Random) -> Mutation:
    row = draw.randrange(1, len(sheet.rows))
    sheet.rows[row][some_id(sheet)] = draw.choice(("", sheet.rows[row - 1][some_id(sheet)]))
    return bad(sheet, row, some_id(sheet))


# Pixels


def some_pixel(sheet: Sheet, draw: Random) -> int:
    return sheet.header.index(f"pixel{draw.randrange(4)}")


@of(PIXELS)
def pixel_of_another_form(sheet: Sheet, draw: Random) -> Mutation:
    row, column = some_row(sheet, draw), some_pixel(sheet, draw)
    value = sheet.rows[row][column]
    sheet.texts[row, column] = draw.choice((f"0{value}", f"000{value}", f"+{value}", f'"{value}"'))
    return same(sheet)


@of(PIXELS)
def pixel_out_of_range(sheet: Sheet, draw: Random) -> Mutation:
    row, column = some_row(sheet, draw), some_pixel(sheet, draw)
    sheet.rows[row][column] = draw.choice(
        ("256", "-1", "1000", "9" * 400, "1.5", "1.0", "1e2", "", " ", "nan", "NULL", "inf", "x",
         "0x1F", "1_0", "٣", "1 2", "++1", "²", "=1+1", "\x1b[2J", "1'", "--1", "True")
    )  # fmt: skip
    return bad(sheet, row, column)


@of(PIXELS)
def pixel_column_lost(sheet: Sheet, draw: Random) -> Mutation:
    column = some_pixel(sheet, draw)
    for cells in (sheet.header, *sheet.rows):
        del cells[column]
    return bad(sheet, -1)


@of(PIXELS)
def pixel_column_renamed(sheet: Sheet, draw: Random) -> Mutation:
    sheet.header[some_pixel(sheet, draw)] = draw.choice(("pixel9", "pixel", "x", "Pixel1", "site"))
    return bad(sheet, -1)


# Rows


@of(LISTS)
def rows_shuffled(sheet: Sheet, draw: Random) -> Mutation:
    draw.shuffle(sheet.rows)
    return same(sheet)


@of(LISTS)
def row_removed(sheet: Sheet, draw: Random) -> Mutation:
    del sheet.rows[some_row(sheet, draw)]
    return Mutation(data=sheet.text().encode(), wants="cut")


# Damage at random


def is_digit(byte: int) -> bool:
    return 0x30 <= byte <= 0x39


def place_for_damage(sheet: Sheet, data: bytes, draw: Random) -> int:
    """A byte that is no digit of a table of numbers: a digit for a digit is another table."""
    places = [at for at, byte in enumerate(data) if not (sheet.pixels and is_digit(byte))]
    return draw.choice(places)


@of(RANDOM)
def bit_turned(sheet: Sheet, draw: Random) -> Mutation:
    data = bytearray(sheet.text().encode())
    at = place_for_damage(sheet, data, draw)
    data[at] ^= 1 << draw.randrange(8)
    if sheet.pixels and is_digit(data[at]):
        data[at] = 0xFF
    return Mutation(data=bytes(data), wants="either")


@of(RANDOM)
def byte_changed(sheet: Sheet, draw: Random) -> Mutation:
    data = bytearray(sheet.text().encode())
    data[place_for_damage(sheet, data, draw)] = draw.choice(b'\0\t\n\r "#,;-.\\\x1a\xff')
    return Mutation(data=bytes(data), wants="either")


@of(RANDOM)
def bytes_inserted(sheet: Sheet, draw: Random) -> Mutation:
    data = sheet.text().encode()
    at = draw.randrange(len(data) + 1)
    more = bytes(
        draw.choice(b'\0\t\n\r "#,;-.\\\x1a\xff\xef') for _ in range(draw.choice((1, 1, 3)))
    )
    return Mutation(data=data[:at] + more + data[at:], wants="either")


@of(RANDOM)
def bytes_removed(sheet: Sheet, draw: Random) -> Mutation:
    data = sheet.text().encode()
    at = place_for_damage(sheet, data, draw)
    return Mutation(data=data[:at] + data[at + 1 :], wants="either")


@of(RANDOM)
def cut_off(sheet: Sheet, draw: Random) -> Mutation:
    """Not within the last number of a row: its first digits are a number too."""
    data = sheet.text().encode()
    places = [at for at in range(len(data)) if not (is_digit(data[at]) and is_digit(data[at - 1]))]
    return Mutation(data=data[: draw.choice(places)], wants="cut")
