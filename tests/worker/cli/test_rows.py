"""Rows of files: what is read, where it stands, and what can't be read."""

from __future__ import annotations

import io
import json
from decimal import Decimal
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from worker.cli import rows
from worker.cli.rows import Unreadable, rows_of
from worker.kinds import KINDS

KIND = KINDS["create_kit_assembly"]
NAMES = st.text(alphabet='abcæ_ \\"{}[],\n', min_size=1, max_size=8)
VALUES = st.recursive(
    st.none() | st.booleans() | st.integers(-(10**9), 10**9) | NAMES,
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(NAMES, inner, max_size=3),
)


def read(text: str | bytes, *, is_csv: bool = False) -> list[rows.Row]:
    """All rows of a text."""
    raw = text if isinstance(text, bytes) else text.encode()
    return list(rows_of(io.BytesIO(raw), KIND, is_csv=is_csv))


def values(text: str | bytes, *, is_csv: bool = False) -> list[Any]:
    """Their values."""
    return [row.value for row in read(text, is_csv=is_csv)]


@given(st.lists(st.dictionaries(NAMES, VALUES, max_size=4), max_size=6), st.sampled_from([None, 1, 3]), st.integers(1, 40))
def test_every_layout_reads_alike(objects: list[dict[str, Any]], indent: int | None, chunk: int) -> None:
    """An array, one object after another, and lines of JSON say the same, however the text falls apart into chunks."""
    layouts = [
        json.dumps(objects, indent=indent, ensure_ascii=False),
        "\n".join(json.dumps(each, indent=indent) for each in objects),
        " ".join(json.dumps(each) for each in objects) + "\n\n",
    ]
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(rows, "CHUNK", chunk)
        assert [values(layout) for layout in layouts] == [objects] * 3


def test_places_are_lines() -> None:
    """A row's place is its number and the line where it begins."""
    found = read('[\n {"a": 1},\n\n {"a":\n 2}, {"a": 3}\n]\n')
    assert [row.place for row in found] == ["row 1 (line 2)", "row 2 (line 4)", "row 3 (line 5)"]


def test_decimals_are_exact() -> None:
    """A number with a point keeps its digits."""
    assert values('{"quantity": 2.50}') == [{"quantity": Decimal("2.50")}]


@pytest.mark.parametrize(
    ("text", "place"),
    [
        ('{"a": 1}\n{"a": }', "line 2, column 7"),
        ('[{"a": 1}\n{"a": 2}]', "line 2"),
        ('[{"a": 1},\n]', "line 2, column 1"),
        ('[{"a": 1}', "line 1"),
        ('[{"a": 1}]\n{}', "line 2"),
        ("item_id,quantity\n", "line 1, column 1"),
    ],
)
def test_broken_json_is_placed(text: str, place: str) -> None:
    """What is no JSON is refused with the place where it stops being it."""
    with pytest.raises(Unreadable) as caught:
        read(text)
    assert caught.value.fault.path == place


def test_doubtful_json_is_marked() -> None:
    """A name twice, and numbers that are none, are faults of their row; the rows after it are read."""
    found = read('{"a": 1, "a": 2}\n{"a": NaN}\n{"a": 3}')
    assert [[fault.message for fault in row.faults] for row in found] == [["names 'a' twice in one object"], ["NaN is no number"], []]


def test_large_rows_end(monkeypatch: pytest.MonkeyPatch) -> None:
    """A text that never becomes a value is not read into memory for ever."""
    monkeypatch.setattr(rows, "LARGEST", 1_000)
    monkeypatch.setattr(rows, "CHUNK", 100)
    with pytest.raises(Unreadable, match="larger than 1000"):
        read('{"a": "' + "x" * 100_000)


def test_csv_converts() -> None:
    """Flags and whole numbers become what they are; all else stays text; a blank cell is not given; blank lines are nothing."""
    text = "item_id,quantity,hold,description\nKIT,2.50,Yes,\n\n , ,,\n007,1,no,x\n"
    assert values(text, is_csv=True) == [
        {"item_id": "KIT", "quantity": "2.50", "hold": True},
        {"item_id": "007", "quantity": "1", "hold": False, "description": "x"},
    ]


@pytest.mark.parametrize("mark", [",", ";", "\t"])
def test_csv_delimiters(mark: str) -> None:
    """Commas, semicolons and tabs, as spreadsheets of different countries write them, with their mark at the beginning."""
    text = f'\ufeffitem_id{mark}description\r\nKIT{mark}"two\r\nlines"\r\nKIT{mark}x\r\n'
    found = read(text.encode(), is_csv=True)
    assert [row.place for row in found] == ["line 2", "line 4"]
    assert found[0].value == {"item_id": "KIT", "description": "two\r\nlines"}


@pytest.mark.parametrize(
    ("text", "place", "message"),
    [
        ("item_id,colour\n", "line 1, colour", "is not known here"),
        ("item_id,stock_component_lines\n", "line 1, stock_component_lines", "use JSON"),
        ("item_id,item_id\n", "line 1", "twice"),
        ("\n", "line 1", "header"),
        ('item_id\nKIT\n"open\n', "line 3", "no CSV"),
    ],
)
def test_bad_csv_is_placed(text: str, place: str, message: str) -> None:
    """A header that can't be used, and a text that is no CSV, end the reading with their place."""
    with pytest.raises(Unreadable) as caught:
        read(text, is_csv=True)
    assert caught.value.fault.path == place
    assert message in caught.value.fault.message


def test_surplus_cells_are_marked() -> None:
    """A row with more cells than names has lost something."""
    found = read("item_id,quantity\nKIT,1,2\n", is_csv=True)
    assert [fault.message for fault in found[0].faults] == ["has 3 cells, the header has 2"]


@pytest.mark.parametrize("is_csv", [True, False])
def test_other_encodings_are_refused(is_csv: bool) -> None:  # noqa: FBT001 - a parameter
    """Latin-1 is not guessed at."""
    with pytest.raises(Unreadable, match="UTF-8"):
        read("item_id\nK\xe6\n".encode("latin-1"), is_csv=is_csv)
