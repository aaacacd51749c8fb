"""CSV files are read strictly: rows as they were meant, or the file, the line and the fault."""

import csv
import io

import pytest
from hypothesis import given
from hypothesis import strategies as st

from clfw.errors import ClfwError, DataError
from clfw.io.csv_file import MAX_FIELD, read_csv


def values(text: str | bytes) -> list[dict[str, str]]:
    """The rows of a file."""
    data = text if isinstance(text, bytes) else text.encode()
    return [row.values for row in read_csv(data, "list.csv")]


def fault(text: str | bytes) -> str:
    """The message of a file that is refused."""
    with pytest.raises(DataError) as caught:
        values(text)
    assert caught.value.message.startswith("list.csv:")
    assert "\n" not in caught.value.message
    return caught.value.message


TWO = [{"id": "1", "label": "a"}, {"id": "2", "label": "b"}]


@pytest.mark.parametrize(
    "text",
    [
        "id,label\n1,a\n2,b\n",
        "id,label\n1,a\n2,b",
        "id,label\r\n1,a\r\n2,b\r\n",
        "id,label\r1,a\r2,b\r",
        "id,label\r\n1,a\n2,b\r",
        "id;label\n1;a\n2;b\n",
        "id\tlabel\n1\ta\n2\tb\n",
        "\ufeffid,label\n1,a\n2,b\n",
        "\nid,label\n\n1,a\n   \n2,b\n\n",
        " id , label \n 1, a \n2 ,b\n",
        '"id","label"\n"1","a"\n2,"b"\n',
        '"id" , "label"\n "1","a" \n2 ,\t"b"\n',
        "\n  \n'id';'label'\n1;a\n2;b\n".replace("'", '"'),
        "\ufeff\ufeffid,label\n1,a\n2,b\n",
        "id,label\n1,a\n2,b\n".encode("utf-16"),
        b"\xfe\xff" + "id\tlabel\r\n1\ta\r\n2\tb\r\n".encode("utf-16-be"),
        "id,label\n1,a\n2,b\n".encode("utf-32"),
    ],
    ids=range(17),
)
def test_the_same_rows_in_any_usual_form(text: str | bytes) -> None:
    assert values(text) == TWO


def test_rows_know_their_line_counted_with_blank_lines_and_line_breaks_in_quotes() -> None:
    rows = read_csv(b'id,text\n\n1,a\n2,"b\nc"\n3,d\n', "list.csv")
    assert [(row.line, row.values["id"]) for row in rows] == [(3, "1"), (4, "2"), (6, "3")]


@pytest.mark.parametrize(
    ("text", "value"),
    [
        ('id,x\n1,"a,b"\n', "a,b"),
        ('id,x\n1,"a ""b"""\n', 'a "b"'),
        ("id,x\n1,007\n", "007"),
        ("id,x\n1,NA\n", "NA"),
        ("id,x\n1,\n", ""),
        ("id,x\n1,=cmd()\n", "=cmd()"),
        ("id,x\n1,1.0\n", "1.0"),
        ("id,x\n1,é\n", "é"),
        ("id,x\n1,e\u0301\n", "e\u0301"),
        ("id,x\n1,-100\n", "-100"),
        (f"id,x\n1,{'y' * 200_000}\n", "y" * 200_000),
    ],
)
def test_a_value_stays_the_text_that_it_is(text: str, value: str) -> None:
    assert values(text) == [{"id": "1", "x": value}]


def test_a_single_column_needs_no_delimiter() -> None:
    assert values("id\n1\n\n2\n") == [{"id": "1"}, {"id": "2"}]


def test_a_header_alone_has_no_rows() -> None:
    assert values("id,label\n") == []


def test_the_order_of_the_columns_does_not_matter() -> None:
    assert values("label,id\na,1\nb,2\n") == TWO


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("", "list.csv:1: the file is empty"),
        (" \n\t\r\n", "list.csv:1: the file is empty"),
        ("id,label\n1,a\n2\n", "list.csv:3 (column label): 1 values, expected 2"),
        ("id,label\n1,a\n2,b,c\n", "list.csv:3 (column 3): 3 values, expected 2"),
        ("id,label\n\n1,a\n\n2\n", "list.csv:5 (column label): 1 values"),
        ("id,label\n1,a,\n", "list.csv:2 (column 3): 3 values"),
        ("id,,label\n1,2,3\n", "list.csv:1: column 2 has no name"),
        ("id,label,\n1,2,\n", "list.csv:1: column 3 has no name"),
        ("id,label,id\n1,a,1\n", "list.csv:1: column 'id' appears twice"),
        ("id, id\n1,a\n", "list.csv:1: column 'id' appears twice"),
        ('id,label\n1,"a\n2,b\n', "list.csv:2 (column 2): an unclosed quote"),
        ('id,label\n1,a"b\n', "list.csv:2 (column 2): a quote inside an unquoted value"),
        ('id,label\n1,a"b"\n', "list.csv:2 (column 2): a quote inside an unquoted value"),
        ('id,x,y\n1,"a\nb","c"d\n', "list.csv:3 (column 3): a quote inside an unquoted value"),
        ('id,label\n1,"a\n2,b\n3,c"\n', "list.csv:2 (column 2): a quoted value runs on to line 4"),
        ('id\n"1\n2"\n', "list.csv:2 (column 1): a quoted value runs on to line 3"),
        ("id,label\r1,a\r2,\0\r", "list.csv:3 (column 2): contains a NUL character"),
        ('id,label\n1,"a"b\n', "list.csv:2 (column 2): a quote inside an unquoted value"),
        ("id,label\n1,a\0\n", "list.csv:2 (column 2): contains a NUL character"),
        (b"id,label\n1,caf\xe9\n", "list.csv:2 (column 2): byte 0xe9 is not UTF-8"),
        ("id,label\n1,a\n".encode("utf-16")[:-3], "list.csv:2 (column 2): byte 0x61 is not UTF-16"),
        ("id,label\n1,a\n".encode("utf-16-le"), "list.csv:1 (column 1): contains a NUL character"),
        (f"id,x\n1,{'y' * (MAX_FIELD + 1)}\n", "list.csv:2 (column 2): a value of 1,048,577 char"),
    ],
)
def test_a_fault_is_named_with_its_line(text: str | bytes, said: str) -> None:
    assert said in fault(text)


def test_a_column_name_with_escape_codes_is_shown_escaped() -> None:
    assert r"'\x1b[31m' appears twice" in fault("\x1b[31m,\x1b[31m\n1,2\n")


CELL = st.text(alphabet='ab1 ,;"\n\r\té', max_size=6)


@given(
    rows=st.lists(st.lists(CELL, min_size=3, max_size=3), max_size=5),
    delimiter=st.sampled_from(",;\t"),
    ending=st.sampled_from(["\n", "\r\n"]),
)
def test_what_the_standard_writer_writes_is_read_back(
    rows: list[list[str]], delimiter: str, ending: str
) -> None:
    text = io.StringIO()
    writer = csv.writer(text, delimiter=delimiter, lineterminator=ending, quoting=csv.QUOTE_ALL)
    writer.writerows([["one", "two", "three"], *rows])
    expected = [[cell.strip() for cell in row] for row in rows]
    try:
        found = read_csv(text.getvalue().encode(), "x")
    except DataError as error:  # a value of several lines may look like several rows
        assert "each of those lines looks like a row" in error.message
        assert any("\n" in cell or "\r" in cell for row in rows for cell in row)
    else:
        assert [list(row.values.values()) for row in found] == expected


def test_all_rows_of_another_length_are_named() -> None:
    with pytest.raises(DataError) as caught:
        values("id,label\n" + "1\n1,a\n" * 30)
    lines = caught.value.message.splitlines()
    assert lines[0] == "30 rows that do not match the header:"
    assert lines[20] == "  list.csv:40 (column label): 1 values, expected 2"
    assert lines[21] == "  and 10 more"


@given(data=st.lists(st.sampled_from([b"a", b",", b'"', b"\n", b"\r", b"\0", b"\xff", b";"])))
def test_any_bytes_are_rows_of_one_length_or_an_error(data: list[bytes]) -> None:
    try:
        rows = read_csv(b"".join(data), "x")
    except ClfwError as error:
        assert error.message.startswith("x:")
    else:
        assert len({len(row.values) for row in rows}) <= 1
