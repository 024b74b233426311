"""How the SDK shows things: the same in text and in HTML, and nothing in it is taken for HTML."""

from __future__ import annotations

import datetime as dt

import pytest

from insighter_ext.kernel.errors import DatasetNotFound, InsighterClientError, missing
from insighter_ext.kernel.tables import Card, Table, ago, bytes_, say


class Named(Card):
    def _lines(self) -> list[str]:
        return ["<script>alert(1)</script>", "a & b"]


def test_a_table_shows_itself_aligned_and_escaped() -> None:
    table = Table([("a<b", 1200), ("ccccc", 3)], [("name", lambda row: row[0]), ("rows", lambda row: row[1])])
    assert repr(table) == "name    rows\na<b    1,200\nccccc      3"
    html = table._repr_html_()
    assert "a&lt;b" in html and "a<b" not in html and "text-align:right" in html
    assert table.to_pandas()["rows"].tolist() == [1200, 3]
    assert len(table) == 2 and table[0] == ("a<b", 1200) and [row[1] for row in table] == [1200, 3]


def test_an_empty_table_says_how_to_fill_it() -> None:
    table: Table[int] = Table([], [("name", str)], 'No dataset yet: ix.datasets.upload("name", …)')
    assert repr(table).startswith("No dataset yet")
    assert "&quot;name&quot;" in table._repr_html_()
    assert list(table.to_pandas().columns) == ["name"]


def test_a_card_escapes_what_it_shows() -> None:
    assert repr(Named()) == "<script>alert(1)</script>\n  a & b"
    assert (
        Named()._repr_html_()
        == "<div><strong>&lt;script&gt;alert(1)&lt;/script&gt;</strong><br>a &amp; b</div>"
    )


@pytest.mark.parametrize(
    ("passed", "said"),
    [
        ({"seconds": 5}, "now"),
        ({"minutes": 2}, "2 min ago"),
        ({"hours": 3}, "3 h ago"),
        ({"days": 9}, "9 d ago"),
    ],
)
def test_time_in_one_unit(passed: dict[str, int], said: str) -> None:
    assert ago(dt.datetime.now(dt.UTC) - dt.timedelta(**passed)) == said


def test_values_as_people_read_them() -> None:
    assert [say(value) for value in (None, True, 1234567, 0.123456, {"best": 2}, ["a", "b"])] == [
        "", "yes", "1,234,567", "0.1235", "best → 2", "a, b",
    ]  # fmt: skip
    assert [bytes_(size) for size in (12, 1500, 2_500_000)] == ["12 bytes", "1.5 KB", "2.5 MB"]


def test_an_error_names_what_is_missing_guesses_and_says_where_to_look() -> None:
    where = 'project "Wine quality"'
    error = missing(
        DatasetNotFound, "dataset", "wien", where, ["wine", "images", "fish"], "ix.datasets.list()"
    )
    assert str(error) == (
        'no dataset "wien" in project "Wine quality". Did you mean "wine"? ix.datasets.list() shows all 3.'
    )
    assert isinstance(error, InsighterClientError) and isinstance(error, LookupError)
    assert (error.status, error.code) == (404, "not_found")
    one = missing(DatasetNotFound, "dataset", "zzz", where, ["wine"], "ix.datasets.list()")
    assert str(one).endswith('The only one is "wine".')
    assert str(missing(DatasetNotFound, "dataset", "x", where, [], "…")).endswith("There is none yet.")
