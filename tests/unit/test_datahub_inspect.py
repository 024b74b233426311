"""Files as people have them: what a reading of the whole file makes of their rows and types."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path
from typing import Any

import pyarrow.parquet as pq
import pytest

from insighter_ext.datahub import sniff
from insighter_ext.datahub.inspect import inspect
from insighter_ext.datahub.sniff import Refused

MEMORY = 256 << 20


class Reader:
    """Inspects contents in a folder of the test's."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder

    def __call__(self, content: bytes | str) -> dict[str, Any]:
        path = self.folder / "upload"
        path.write_bytes(content.encode() if isinstance(content, str) else content)
        work = self.folder / "work"
        work.mkdir(exist_ok=True)
        found = inspect(path, work, MEMORY)
        table = pq.read_table(found["table"] or path)
        assert table.num_rows == found["rows"]
        assert table.column_names == [column["name"] for column in found["columns"]]
        return {
            "types": [column["type"] for column in found["columns"]],
            "names": table.column_names,
            "rows": [list(row.values()) for row in table.to_pylist()],
            "format": found["format"],
        }


@pytest.fixture
def reader(tmp_path: Path) -> Reader:
    return Reader(tmp_path)


@pytest.mark.parametrize("delimiter", [",", ";", "\t", "|"])
@pytest.mark.parametrize("ends", ["\n", "\r\n", "\r"])
def test_separators_and_line_ends(reader: Reader, delimiter: str, ends: str) -> None:
    found = reader(
        ends.join(delimiter.join(row) for row in (["a", "b", "c"], ["1", "x y", "2.5"], ["2", "", "3"]))
        + ends
    )
    assert found["names"] == ["a", "b", "c"] and found["types"] == ["BIGINT", "VARCHAR", "DOUBLE"]
    assert found["rows"] == [[1, "x y", 2.5], [2, None, 3.0]]


def test_a_file_with_lines_of_both_kinds(reader: Reader) -> None:
    assert reader(b'a,b\r\n1,2\n3,"x, y"\r\n')["rows"] == [[1, "2"], [3, "x, y"]]
    assert reader(b"a,b\r\n1,2\n3,4\r\n")["rows"] == [[1, 2], [3, 4]]


def test_quotes_separators_and_lines_in_fields(reader: Reader) -> None:
    found = reader('a,b\n1,"x, ""y""\nz"\n2,"C:\\dir\\"\n3,\'single\'\n')
    assert found["rows"] == [[1, 'x, "y"\nz'], [2, "C:\\dir\\"], [3, "'single'"]]


def test_quotes_escaped_by_a_backslash(reader: Reader) -> None:
    assert reader('a,b\n1,"say \\"hi\\", now"\n2,x\n')["rows"] == [[1, 'say "hi", now'], [2, "x"]]


@pytest.mark.parametrize("encoding", ["utf-8", "utf-8-sig", "utf-16", "utf-32"])
def test_encodings_that_the_file_tells(reader: Reader, encoding: str) -> None:
    found = reader("näme;Größe\nÅsa;1\n李;2\n".encode(encoding))
    assert found["names"] == ["näme", "Größe"] and found["rows"] == [["Åsa", 1], ["李", 2]]


def test_a_later_row_decides_the_type_of_all(reader: Reader) -> None:
    found = reader("id,code,share\n" + "1,7,1\n" * 60_000 + "2,x7,0.5\n")
    assert found["types"] == ["BIGINT", "VARCHAR", "DOUBLE"]
    assert found["rows"][0] == [1, "7", 1.0] and found["rows"][-1] == [2, "x7", 0.5]


def test_no_digit_is_lost(reader: Reader) -> None:
    found = reader("zip,id,n\n01067,12345678901234567890,9223372036854775807\n10115,2,1\n")
    assert found["rows"] == [["01067", "12345678901234567890", 2**63 - 1], ["10115", "2", 1]]


def test_missing_numbers_and_names_that_look_missing(reader: Reader) -> None:
    found = reader("height,country\n1.5,NA\nNA,DE\n-,null\n,\n")
    assert found["types"] == ["DOUBLE", "VARCHAR"]
    assert found["rows"] == [[1.5, "NA"], [None, "DE"], [None, "null"], [None, None]]


def test_the_comma_as_decimal_sign(reader: Reader) -> None:
    found = reader("name;price\na;1,5\nb;1000,25\n")
    assert found["types"] == ["VARCHAR", "DOUBLE"] and found["rows"][1] == ["b", 1000.25]


def test_names_that_are_missing_or_there_twice(reader: Reader) -> None:
    found = reader("a,a,,A\n1,2,3,4\n")
    assert found["names"][:3] == ["a", "a_1", "column2"]
    assert len({name.lower() for name in found["names"]}) == 4
    assert found["rows"] == [[1, 2, 3, 4]]


def test_a_header_alone_is_a_table_without_rows(reader: Reader) -> None:
    found = reader("a,b\n")
    assert found["names"] == ["a", "b"] and found["rows"] == []


def test_a_file_without_header(reader: Reader) -> None:
    found = reader("5.1,3.5,setosa\n4.9,3.0,setosa\n")
    assert found["rows"] == [[5.1, 3.5, "setosa"], [4.9, 3.0, "setosa"]]


def test_a_header_of_words_above_words(reader: Reader) -> None:
    assert reader("name,city\nAna,Rome\n")["names"] == ["name", "city"]


def test_years_in_a_header(reader: Reader) -> None:
    assert reader("rank,2019,2020\n1,5,6\n2,7,8\n")["names"] == ["rank", "2019", "2020"]


def test_one_column(reader: Reader) -> None:
    assert reader("value\n1\n2\n")["rows"] == [[1], [2]]


def test_empty_lines_between_rows(reader: Reader) -> None:
    assert reader("\n\na,b\n1,2\n\n3,4\n\n")["rows"] == [[1, 2], [3, 4]]


def test_a_header_in_brackets_is_no_json(reader: Reader) -> None:
    found = reader("[time],[value]\n1,2\n")
    assert found["format"] == "csv" and found["names"] == ["[time]", "[value]"]


def test_json_fields_that_come_late_or_change_their_kind(reader: Reader) -> None:
    lines = [{"a": 1}] * 30_000 + [{"a": "x", "b": [1, 2], "c": {"d": True}}]
    found = reader("\n".join(json.dumps(line) for line in lines))
    assert found["rows"][0] == ["1", None, None]
    assert found["rows"][-1] == ["x", [1, 2], {"d": True}]


def test_one_flat_object_is_a_row(reader: Reader) -> None:
    assert reader('{"a": 1, "b": "x"}')["rows"] == [[1, "x"]]


def test_a_key_twice_is_refused(reader: Reader) -> None:
    with pytest.raises(Refused, match='"a" twice'):
        reader('[{"a": 1, "a": 2}]')


def test_wide_tables(reader: Reader) -> None:
    columns = 1500
    found = reader(",".join(f"c{i}" for i in range(columns)) + "\n" + ",".join("1" * columns) + "\n")
    assert len(found["names"]) == columns and found["rows"] == [[1] * columns]


def test_a_long_field(reader: Reader) -> None:
    assert reader(f"a,b\n1,{'x' * 5_000_000}\n")["rows"] == [[1, "x" * 5_000_000]]


def test_the_file_is_all_that_can_be_read(tmp_path: Path) -> None:
    import duckdb

    from insighter_ext.datahub.engine import connect

    mine, other = tmp_path / "mine.csv", tmp_path / "other.csv"
    for path in (mine, other):
        path.write_text("a\n1\n")
    spill = tmp_path / "spill"
    spill.mkdir()
    with connect(MEMORY, spill, readable=mine) as connection:
        assert connection.execute(f"select * from read_csv('{mine}')").fetchall() == [(1,)]
        for attempt in (
            f"select * from read_csv('{other}')",
            f"copy (select 1) to '{other}'",
            "install httpfs",
            "set enable_external_access = true",
        ):
            with pytest.raises(duckdb.Error):
                connection.execute(attempt)
    assert other.read_text() == "a\n1\n"


def test_the_worker_ends_with_who_asked(tmp_path: Path) -> None:
    path = tmp_path / "large.csv"
    path.write_bytes(b"a,b,c\n" + b"1,2,text\n" * 6_000_000)
    work = tmp_path / "work"
    work.mkdir()
    command = [sys.executable, "-m", "insighter_ext.datahub.inspect", str(path), str(work), str(MEMORY)]
    with subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE) as process:
        assert process.stdin is not None
        process.stdin.close()
        assert process.wait(30) == 3


@pytest.mark.parametrize(
    ("text", "delimiter"),
    [
        ("a,b\n1,2\n", ","),
        ('name,note\nx,"1;2;3"\ny,"4;5;6"\n', ","),
        ("a;b\n1,5;2,5\n", ";"),
        ("a\tb, c\n1\t2\n", "\t"),
        ("a,b,c\n1,2,3\n4,5\n", ","),
    ],
)
def test_the_separator(text: str, delimiter: str) -> None:
    assert sniff.dialect(text, complete=True).delimiter == delimiter


def test_a_file_larger_than_the_memory_for_it(tmp_path: Path) -> None:
    path, work = tmp_path / "large.csv", tmp_path / "work"
    work.mkdir()
    row = b"1.5,some words,2024-01-01,12345\n"
    with path.open("wb") as file:
        file.write(b"a,b,c,d\n")
        for _ in range(60):
            file.write(row * 65_536)
    assert path.stat().st_size > 120_000_000
    assert inspect(path, work, 96 << 20)["rows"] == 60 * 65_536
