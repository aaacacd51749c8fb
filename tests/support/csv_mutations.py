"""What people and programs do to the form of CSV files: operators that say what must come of each."""

from collections.abc import Callable
from dataclasses import dataclass
from random import Random

from sheets import Sheet


@dataclass(frozen=True, kw_only=True)
class Mutation:
    """A changed file and what must come of it.

    Attributes:
        wants: "same" table, fault "named", "either" of them, or "cut": the rows before the cut,
            or any of the others.
        lines: where the fault may be named to be: on the first line of its row, or on its cell's
            own where line breaks stand before it; empty for anywhere.
        column: likewise: a column's number from 1; 0 where a fault is of no single column.
    """

    data: bytes
    wants: str
    lines: tuple[int, ...] = ()
    column: int = 0


Operator = Callable[[Sheet, Random], Mutation]
BOTH: dict[str, Operator] = {}  # for every sheet
LISTS: dict[str, Operator] = {}  # for lists of picture files
PIXELS: dict[str, Operator] = {}  # for pixels
RANDOM: dict[str, Operator] = {}  # for plain sheets, in which a changed byte cannot hide


def of(*kinds: dict[str, Operator]) -> Callable[[Operator], Operator]:
    """Enters an operator under its own name."""

    def enter(operator: Operator) -> Operator:
        for kind in kinds:
            kind[operator.__name__.strip("_").replace("_", " ")] = operator
        return operator

    return enter


def same(sheet: Sheet, encoding: str = "utf-8", mark: bytes = b"") -> Mutation:
    """The sheet as it stands, which means what it meant."""
    return Mutation(data=mark + sheet.text().encode(encoding), wants="same")


def bad(sheet: Sheet, row: int, column: int = -1) -> Mutation:
    """The sheet as it stands, with a fault in a cell."""
    first = sheet.line_of(row)
    cells = sheet.rows[row] if row >= 0 else sheet.header
    before = cells[:column] if column >= 0 else cells
    lines = (first, first + sum(cell.count("\n") for cell in before))
    return Mutation(data=sheet.text().encode(), wants="named", lines=lines, column=column + 1)


def some_row(sheet: Sheet, draw: Random) -> int:
    return draw.randrange(len(sheet.rows))


def some_id(sheet: Sheet) -> int:
    assert sheet.id is not None
    return sheet.id


# Encodings


@of(BOTH)
def byte_order_mark(sheet: Sheet, draw: Random) -> Mutation:
    return same(sheet, mark=b"\xef\xbb\xbf" * draw.choice((1, 1, 2)))


@of(BOTH)
def utf_16_or_32_with_its_mark(sheet: Sheet, draw: Random) -> Mutation:
    encoding, mark = draw.choice((
        ("utf-16-le", b"\xff\xfe"), ("utf-16-be", b"\xfe\xff"),
        ("utf-32-le", b"\xff\xfe\0\0"), ("utf-32-be", b"\0\0\xfe\xff"),
    ))  # fmt: skip
    return same(sheet, encoding, mark)


@of(BOTH)
def utf_16_without_its_mark(sheet: Sheet, draw: Random) -> Mutation:
    encoding = draw.choice(("utf-16-le", "utf-16-be"))
    return Mutation(data=sheet.text().encode(encoding), wants="named")


@of(BOTH)
def byte_of_latin_1(sheet: Sheet, draw: Random) -> Mutation:
    row = some_row(sheet, draw)
    sheet.rows[row][sheet.label] = "caf?"
    found = bad(sheet, row, sheet.label)
    byte = bytes([draw.choice((0xE9, 0x80, 0xFF, 0xC3))])
    return Mutation(
        data=found.data.replace(b"caf?", b"caf" + byte),
        wants="named",
        lines=found.lines,
        column=found.column,
    )


@of(BOTH)
def nul_in_a_cell(sheet: Sheet, draw: Random) -> Mutation:
    row = some_row(sheet, draw)
    sheet.rows[row][sheet.label] += "\0"
    return bad(sheet, row, sheet.label)


@of(BOTH)
def end_filled_with_zeros(sheet: Sheet, draw: Random) -> Mutation:
    data = sheet.text().encode()
    at = draw.randrange(len(data))
    return Mutation(data=data[:at] + bytes(len(data) - at), wants="named")


# Delimiters, line ends, quotes, blanks


@of(BOTH)
def other_delimiter(sheet: Sheet, draw: Random) -> Mutation:
    sheet.delimiter = draw.choice(",;\t")
    return same(sheet)


@of(BOTH)
def delimiter_changed_from_a_row_on(sheet: Sheet, draw: Random) -> Mutation:
    row = some_row(sheet, draw)
    whole = sheet.text()
    line, start = sheet.line_of(row), len(whole)
    tail = sheet.end.join(sheet.line(r) for r in range(row, len(sheet.rows))) + sheet.end
    start = whole.index(tail)
    sheet.delimiter = next(d for d in draw.sample(",;\t", 3) if d != sheet.delimiter)
    rest = sheet.end.join(sheet.line(r) for r in range(row, len(sheet.rows)))
    return Mutation(data=(whole[:start] + rest).encode(), wants="named", lines=(line,))


@of(BOTH)
def other_line_ends(sheet: Sheet, draw: Random) -> Mutation:
    sheet.end = draw.choice(("\n", "\r\n", "\r"))
    return same(sheet)


@of(BOTH)
def line_ends_mixed(sheet: Sheet, draw: Random) -> Mutation:
    ends = [draw.choice(("\n", "\r\n", "\r")) for _ in range(-1, len(sheet.rows))]
    rows = range(-1, len(sheet.rows))
    text = "".join(sheet.line(row) + end for row, end in zip(rows, ends, strict=True))
    return Mutation(data=text.encode(), wants="same")


@of(BOTH)
def no_last_line_end(sheet: Sheet, draw: Random) -> Mutation:
    sheet.last_end = False
    return same(sheet)


@of(BOTH)
def blank_lines(sheet: Sheet, draw: Random) -> Mutation:
    for _ in range(3):
        row = draw.randrange(-1, len(sheet.rows))
        sheet.before[row] = draw.choice(("", "  ")) + sheet.end * draw.choice((1, 2))
    mutation = same(sheet)
    return Mutation(data=mutation.data + sheet.end.encode() * draw.randrange(3), wants="same")


@of(BOTH)
def all_quoted(sheet: Sheet, draw: Random) -> Mutation:
    sheet.quoted = True
    return same(sheet)


@of(BOTH)
def some_quoted(sheet: Sheet, draw: Random) -> Mutation:
    sheet.quoted = True
    for row in range(-1, len(sheet.rows)):
        for column, value in enumerate(sheet.rows[row] if row >= 0 else sheet.header):
            if draw.random() < 0.5 and not any(c in value for c in '",;\t\n'):
                sheet.texts[row, column] = value
    return same(sheet)


@of(BOTH)
def blanks_around_values(sheet: Sheet, draw: Random) -> Mutation:
    blanks = ("", " ", "  ", "\u00a0")
    for row in range(-1, len(sheet.rows)):
        for column in range(len(sheet.header)):
            if draw.random() < 0.4:
                text = sheet.cell(row, column)
                sheet.texts[row, column] = draw.choice(blanks) + text + draw.choice(blanks)
    return same(sheet)


@of(BOTH)
def quote_that_is_not_closed(sheet: Sheet, draw: Random) -> Mutation:
    row = some_row(sheet, draw)
    sheet.texts[row, sheet.label] = '"' + sheet.cell(row, sheet.label).strip('"')
    return bad(sheet, row, sheet.label)


@of(BOTH)
def quote_that_is_not_opened(sheet: Sheet, draw: Random) -> Mutation:
    row = some_row(sheet, draw)
    plain = sheet.cell(row, sheet.label).strip('"')
    sheet.texts[row, sheet.label] = plain + '"'
    mutation = bad(sheet, row, sheet.label)
    return mutation if sheet.delimiter not in plain else bad(sheet, row)


@of(BOTH)
def quote_inside_a_value(sheet: Sheet, draw: Random) -> Mutation:
    row = some_row(sheet, draw)
    sheet.texts[row, sheet.label] = draw.choice(('a"b', 'a"b"', '"a"b', '"a" "b"', '"a"b"'))
    return bad(sheet, row, sheet.label)


@of(BOTH)
def two_quotes_with_rows_between(sheet: Sheet, draw: Random) -> Mutation:
    sheet.quoted = False
    last = draw.randrange(1, len(sheet.rows))
    first = draw.randrange(last)
    for row in range(first, last + 1):
        for column, value in enumerate(sheet.rows[row]):
            if any(c in value for c in '",;\t\n'):
                sheet.texts[row, column] = "x"
    column = draw.randrange(len(sheet.header))
    sheet.texts[first, column] = '"' + sheet.cell(first, column)
    sheet.texts[last, column] = sheet.cell(last, column) + '"'
    return bad(sheet, first, column)


# Rows of another length


@of(BOTH)
def short_row(sheet: Sheet, draw: Random) -> Mutation:
    row = some_row(sheet, draw)
    count = draw.randrange(1, len(sheet.header))
    del sheet.rows[row][count:]
    if not sheet.rows[row][0] and count == 1:
        sheet.rows[row][0] = "x"  # a row of one blank is a blank line
    return bad(sheet, row, count)


@of(BOTH)
def long_row(sheet: Sheet, draw: Random) -> Mutation:
    row = some_row(sheet, draw)
    sheet.rows[row] += ["x", "y"][: draw.choice((1, 2))]
    return bad(sheet, row, len(sheet.header))


@of(BOTH)
def trailing_delimiter(sheet: Sheet, draw: Random) -> Mutation:
    for row in range(some_row(sheet, draw), len(sheet.rows)):
        sheet.rows[row].append("")
        first = min(r for r, cells in enumerate(sheet.rows) if len(cells) > len(sheet.header))
    return bad(sheet, first, len(sheet.header))


@of(BOTH)
def trailing_delimiter_everywhere(sheet: Sheet, draw: Random) -> Mutation:
    for cells in (sheet.header, *sheet.rows):
        cells.append("")
    return bad(sheet, -1, len(sheet.header) - 1)


@of(BOTH)
def row_of_delimiters(sheet: Sheet, draw: Random) -> Mutation:
    row = some_row(sheet, draw)
    sheet.rows.insert(row, [""] * len(sheet.header))
    return bad(sheet, row)


@of(BOTH)
def two_rows_in_one_line(sheet: Sheet, draw: Random) -> Mutation:
    row = draw.randrange(len(sheet.rows) - 1)
    sheet.rows[row] += sheet.rows.pop(row + 1)
    return bad(sheet, row, len(sheet.header))


# Headers


@of(BOTH)
def column_dropped(sheet: Sheet, draw: Random) -> Mutation:
    column = sheet.label if sheet.pixels else draw.choice((sheet.label, some_id(sheet)))
    for cells in (sheet.header, *sheet.rows):
        del cells[column]
    return bad(sheet, -1)


@of(BOTH)
def column_renamed(sheet: Sheet, draw: Random) -> Mutation:
    names = ("LABEL", "labe1", "label_", "lаbel", "x")
    sheet.header[sheet.label] = draw.choice(names)
    return bad(sheet, -1)


@of(BOTH)
def column_without_a_name(sheet: Sheet, draw: Random) -> Mutation:
    column = draw.randrange(len(sheet.header))
    sheet.texts[-1, column] = draw.choice(("", " ", '""'))
    return bad(sheet, -1, column)


@of(BOTH)
def column_named_twice(sheet: Sheet, draw: Random) -> Mutation:
    first, second = sorted(draw.sample(range(len(sheet.header)), 2))
    sheet.header[second] = sheet.header[first]
    return bad(sheet, -1)


@of(BOTH)
def columns_moved(sheet: Sheet, draw: Random) -> Mutation:
    order = draw.sample(range(len(sheet.header)), len(sheet.header))
    sheet.header = [sheet.header[column] for column in order]
    sheet.rows = [[row[column] for column in order] for row in sheet.rows]
    return same(sheet)


@of(LISTS)
def column_added(sheet: Sheet, draw: Random) -> Mutation:
    at = draw.randrange(len(sheet.header) + 1)
    sheet.header.insert(at, "more")
    for number, row in enumerate(sheet.rows):
        row.insert(at, str(number))
    return same(sheet)


@of(BOTH)
def header_dropped(sheet: Sheet, draw: Random) -> Mutation:
    sheet.header = sheet.rows.pop(0)
    return bad(sheet, -1)


@of(BOTH)
def header_repeated(sheet: Sheet, draw: Random) -> Mutation:
    row = some_row(sheet, draw)
    sheet.rows.insert(row, list(sheet.header))
    return bad(sheet, row)


@of(BOTH)
def file_twice(sheet: Sheet, draw: Random) -> Mutation:
    data = sheet.text().encode()
    mark = draw.choice((b"", b"\xef\xbb\xbf"))
    line = sheet.line_of(len(sheet.rows) - 1) + sheet.rows[-1].count("two\nlines") + 1
    return Mutation(data=mark + data + mark + data, wants="named", lines=(line,))


@of(BOTH)
def empty_file(sheet: Sheet, draw: Random) -> Mutation:
    data = draw.choice((b"", b"\n", b" \r\n\t\n", b"\xef\xbb\xbf", b"\xff\xfe", b"\r" * 9))
    return Mutation(data=data, wants="named", lines=(1,))


@of(BOTH)
def header_alone(sheet: Sheet, draw: Random) -> Mutation:
    sheet.rows = []
    sheet.last_end = draw.random() < 0.5
    return bad(sheet, -1)
